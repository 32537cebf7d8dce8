//! Compares a whole read with what the binary log says has changed.

use super::{Ground, Splicer};
use crate::dump::segments::{Amiss, Sealer, StoredRows};
use engine_core::error::{Error, Result};

/// A comparison that goes along with a whole read. A parent that is damaged proves nothing, and does not end the reading.
pub(in crate::dump) struct Proof<'s, 'r> {
    ground: Ground<'s>,
    /// None if no row has changed.
    splicer: Option<Splicer<'s, 'r>>,
    is_void: bool,
}

impl<'s, 'r> Proof<'s, 'r> {
    /// Begins a table; `sealer` stores what the log says.
    ///
    /// # Errors
    /// The errors of the repository but damage.
    pub fn begin(ground: Ground<'s>, sealer: &'s mut Sealer<'r>, bits: u32) -> Result<Self> {
        let mut proof = Proof { ground, splicer: None, is_void: false };
        if !ground.part.ranks.is_empty() {
            match Splicer::new(ground, sealer, bits) {
                Ok(splicer) => proof.splicer = Some(splicer),
                Err(error) => proof.give_up(error)?,
            }
        }
        Ok(proof)
    }

    /// Takes the next row of the whole table.
    ///
    /// # Errors
    /// As [`Proof::begin`].
    pub fn row(&mut self, key: &[u8], row: &[u8]) -> Result<()> {
        let part = self.ground.part;
        let Some(splicer) = &mut self.splicer else { return Ok(()) };
        let is_changed = part.key.and_then(|of| of.rank_of_text(key)).is_some_and(|rank| part.has(rank));
        if is_changed && let Err(error) = splicer.row(key, row) {
            self.give_up(error)?;
        }
        Ok(())
    }

    /// Compares `stored`, all rows of the table, with what the log says.
    ///
    /// # Errors
    /// As [`Proof::begin`].
    pub fn compare(mut self, stored: &StoredRows) -> Result<Option<Amiss>> {
        let expected = match self.splicer.take().map(Splicer::finish) {
            None => self.ground.table.rows.as_ref().and_then(|rows| rows.content.clone()),
            Some(Ok(spliced)) => spliced.content,
            Some(Err(error)) => {
                self.give_up(error)?;
                None
            }
        };
        if self.is_void {
            return Ok(Some(Amiss::Parent));
        }
        Ok((expected != stored.content).then_some(Amiss::Log))
    }

    fn give_up(&mut self, error: Error) -> Result<()> {
        if !error.is_damage() {
            return Err(error);
        }
        (self.splicer, self.is_void) = (None, true);
        Ok(())
    }
}

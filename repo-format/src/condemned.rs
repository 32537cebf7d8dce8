//! Packs that a prune is about to delete (FORMAT.md, section 12).

use minicbor::{Decode, Encode};

use crate::cbor;
use crate::error::{FormatError, Result};
use crate::id::PackId;
use crate::limits;

const WHAT: &str = "list of condemned packs";

/// Body of the object `condemned`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Condemned {
    /// The number of the next list. Numbers only grow.
    #[n(0)]
    pub next: u64,
    /// Unfinished lists, in ascending order.
    #[n(1)]
    pub lists: Vec<CondemnedList>,
}

/// Packs that go together.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CondemnedList {
    /// Number, used only once.
    #[n(0)]
    pub number: u64,
    /// Whether it is final.
    #[n(1)]
    pub phase: Phase,
    /// Packs that count as gone.
    #[n(2)]
    pub packs: Vec<PackId>,
}

/// How far a list has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Phase {
    /// Packs may still be rescued.
    #[n(0)]
    Condemned,
    /// Final: its packs are being deleted.
    #[n(1)]
    Doomed,
}

impl Condemned {
    /// Nothing is condemned and never was.
    pub fn none() -> Self {
        Condemned { next: 1, lists: Vec::new() }
    }

    /// Decodes and checks the body.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(plain: &[u8]) -> Result<Self> {
        let condemned: Condemned = cbor::decode_within(WHAT, limits::CONDEMNED, plain)?;
        condemned.check()?;
        Ok(condemned)
    }

    /// Checks and encodes the body.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()?;
        cbor::encode_within(WHAT, limits::CONDEMNED, self)
    }

    fn check(&self) -> Result<()> {
        let ascending = self.lists.is_sorted_by(|a, b| a.number < b.number);
        // Number 0 would be one that every writer had seen before the first list.
        let from_one = self.next > 0 && self.lists.first().is_none_or(|first| first.number > 0);
        let below_next = self.lists.last().is_none_or(|last| last.number < self.next);
        if ascending && from_one && below_next {
            Ok(())
        } else {
            Err(FormatError::invalid(WHAT, "its numbers are not in order"))
        }
    }

    /// All packs in any list: they count as gone.
    pub fn packs(&self) -> impl Iterator<Item = &PackId> {
        self.lists.iter().flat_map(|list| &list.packs)
    }
}

//! Packs that a prune is about to delete (FORMAT.md, section 12).

use minicbor::{Decode, Encode};

use crate::error::{FormatError, Result};
use crate::id::PackId;

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
    /// Its number.
    #[n(0)]
    pub number: u64,
    /// Whether it is final.
    #[n(1)]
    pub phase: Phase,
    /// The packs.
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
        let what = "list of condemned packs";
        let condemned: Condemned = crate::cbor::decode(what, plain)?;
        let ascending = condemned.lists.is_sorted_by(|a, b| a.number < b.number);
        let below_next = condemned.lists.last().is_none_or(|last| last.number < condemned.next);
        match ascending && below_next && condemned.next > 0 {
            true => Ok(condemned),
            false => Err(FormatError::invalid(what, "its numbers are not in order")),
        }
    }

    /// All packs in any list: they count as gone.
    pub fn packs(&self) -> impl Iterator<Item = &PackId> {
        self.lists.iter().flat_map(|list| &list.packs)
    }
}

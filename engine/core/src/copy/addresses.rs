//! The ids of chunks in both repositories.

use repo_format::id::ChunkId;
use repo_format::pack::ChunkKind;

use super::table::{Pair, Table, TablePlace};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::repository::Repository;

const TABLE_KEY: &str = "enamel 2026-11 table of ids in a copy";
/// Said once, before the first copy.
const ANOTHER_ID_SECRET: &str = "the other repository was not made for copies of this one, so everything gets new ids there: the first copy reads all that it copies, also what the other repository has already. A repository made by --init spares that.";

/// The ids that chunks of the source have in the target.
pub(super) enum Addresses {
    /// The same: the target was made for copies of the source.
    Same,
    /// Others, as far as they are known.
    Others(Table),
}

impl Addresses {
    /// The ids of two repositories.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn between(source: &Repository, target: &Repository, monitor: &dyn Monitor) -> Result<Self> {
        if source.keys().secrets().is_kin(&target.keys().secrets()) {
            return Ok(Addresses::Same);
        }
        let place = TablePlace { cache: source.catalog().folder(), target: target.id() };
        let table = Table::open(place, source.keys().key_with(target.keys(), TABLE_KEY))?;
        if table.is_empty()? {
            monitor.note(ANOTHER_ID_SECRET);
        }
        Ok(Addresses::Others(table))
    }

    /// Whether both repositories give data the same ids.
    pub fn are_same(&self) -> bool {
        matches!(self, Addresses::Same)
    }

    /// The id in the target, if it is known.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn target_of(&self, kind: ChunkKind, id: &ChunkId) -> Result<Option<ChunkId>> {
        match self {
            Addresses::Same => Ok(Some(*id)),
            Addresses::Others(table) => table.target_of(kind, id),
        }
    }

    /// Notes ids.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn note(&mut self, pairs: &[Pair]) -> Result<()> {
        match self {
            Addresses::Same => Ok(()),
            Addresses::Others(table) => table.add(pairs),
        }
    }
}

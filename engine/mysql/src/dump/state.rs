//! The state of one database during a backup: its server, and the tables stored so far.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use repo_format::database::{CarriedTable, LateTable, LeftOut};

use super::parent::ParentDatabase;
use super::reader::SpoolPlace;
use super::segments::StoredRows;
use super::server::ServerNow;
use super::source::DatabaseSource;
use super::spool::SpoolSpace;
use super::standstill::Standstill;
use crate::database::TableName;
use crate::database::{Address, LockFacts, Server, TableInfo};
use engine_core::files::backup::{Loss, Run};

/// One database on its way into the snapshot.
pub(super) struct Dump<'d, 'r> {
    pub run: &'d Run<'r>,
    pub source: &'d DatabaseSource,
    /// Where the server is; connections to it are attended.
    pub address: &'d Address,
    pub server: Server,
    pub schemas: Vec<String>,
    /// Their tables, as they were listed.
    pub listed: Vec<TableInfo>,
    /// The objects that the account has no right to see.
    pub unseen: Vec<LeftOut>,
    /// The facts that decide on the method of locking, without those of the tables.
    pub locking: LockFacts,
    /// Whether the account sees all programs and views of the server.
    pub sees_programs: bool,
    pub parent: ParentDatabase,
    pub now: ServerNow,
    pub spool_folder: PathBuf,
    pub space: SpoolSpace,
}

/// The stored tables.
#[derive(Default)]
pub(super) struct SavedTables {
    pub rows: HashMap<TableName, StoredRows>,
    pub carried: Vec<CarriedTable>,
    pub late: Vec<LateTable>,
    pub left_out: Vec<LeftOut>,
    /// Tables to be read again, and why.
    pub again: Vec<(TableInfo, String)>,
    /// Tables that the binary log does not tell all changes of.
    pub contradicted: Vec<TableName>,
    /// Tables whose rows in the parent are lost.
    pub lost: BTreeMap<TableName, Loss>,
    /// Why the binary log helps with no table.
    pub whole_because: Option<String>,
}

impl SavedTables {
    /// Whether a table is as the parent has it.
    pub fn is_carried(&self, name: &TableName) -> bool {
        self.carried.iter().any(|table| table.schema == name.schema && table.table == name.table)
    }

    /// Notes that rows of the parent are lost.
    pub fn has_lost(&mut self, name: &TableName, loss: Loss) {
        self.lost.insert(name.clone(), loss);
    }

    /// Whether nothing of a table is to be read any more.
    pub fn has(&self, name: &TableName) -> bool {
        self.rows.contains_key(name) || self.is_carried(name)
    }
}

impl Dump<'_, '_> {
    /// The place of rows that are read under a lock.
    pub fn place(&self) -> SpoolPlace<'_> {
        SpoolPlace { folder: &self.spool_folder, space: &self.space }
    }

    /// The watch over sessions that read from snapshots.
    pub fn standstill(&self) -> Standstill<'_> {
        Standstill::new(self.address, &self.server, self.locking.sees_others, self.source.wait_max)
    }
}

//! The snapshot that a restore to a moment begins with.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::PastOptions;
use super::part::ReplayPart;
use crate::binlog::replay::{Position, ReplayOptions, Target};
use crate::database::{Server, TableName};
use crate::scratch::zone_of_scratch_server;
use engine_core::error::Result;
use engine_core::pack::ChunkReader;
use engine_core::snapshots::Snapshot;
use engine_core::snapshots::saved::{Database, SavedTable};

/// Engines of tables without transactions.
const WITHOUT_TRANSACTIONS: [&str; 6] = ["myisam", "aria", "memory", "csv", "archive", "mrg_myisam"];

/// A snapshot, and what is wanted of it.
pub(super) struct SavedBase<'b> {
    pub reader: &'b ChunkReader<'b>,
    pub snapshot: &'b Snapshot,
    pub database: Database<'b>,
    pub options: &'b PastOptions,
}

/// A place for a replay to be done at, or rehearsed for.
pub(super) struct Stage {
    pub target: Target,
    /// Where files wait that statements load.
    pub folder: PathBuf,
}

impl<'b> SavedBase<'b> {
    /// Reads what the snapshot says of the server.
    ///
    /// # Errors
    /// If it has no such database, or its record cannot be read.
    pub fn open(reader: &'b ChunkReader<'b>, snapshot: &'b Snapshot, options: &'b PastOptions) -> Result<Self> {
        let database = Database::open(reader, &snapshot.manifest, options.load.database.as_deref())?;
        Ok(SavedBase { reader, snapshot, database, options })
    }

    /// The server that was saved.
    pub fn server(&self) -> Server {
        Server::of_record(&self.database.server)
    }

    /// The target of a rehearsal.
    pub fn nobody(&self) -> Target {
        let own = self.options.zone.as_deref();
        Target::Nobody { system_zone: zone_of_scratch_server(&self.database.server).or(own).map(str::to_owned) }
    }

    /// The time zone of the source's machine.
    fn system_zone(&self) -> Option<&str> {
        self.database.server.time_zone.split_once('/').map(|(_, system)| system)
    }

    /// Bytes of the rows of a part.
    ///
    /// # Errors
    /// If the records of its tables cannot be read.
    pub fn bytes(&self, part: &ReplayPart) -> Result<u64> {
        let mut bytes = 0;
        self.each_table(|key, table| {
            if part.has(&key) {
                bytes += table.row_bytes();
            }
        })?;
        Ok(bytes)
    }

    fn each_table(&self, mut take: impl FnMut(TableName, &SavedTable)) -> Result<()> {
        for name in self.database.schema_names()? {
            let schema = self.database.schema(&name)?;
            for table in schema.table_names()? {
                take(TableName::new(&name, &table), &schema.table(&table)?);
            }
        }
        Ok(())
    }

    /// How a part is replayed.
    ///
    /// # Errors
    /// If the records of tables cannot be read.
    pub fn replay_options(&self, from: &Position, part: &ReplayPart, stage: Stage) -> Result<ReplayOptions> {
        let server = &self.database.server;
        let (mut tables, mut without_transactions) = (BTreeSet::new(), BTreeSet::new());
        self.each_table(|key, table| {
            if WITHOUT_TRANSACTIONS.contains(&table.record.engine.to_lowercase().as_str()) {
                without_transactions.insert(key.clone());
            }
            tables.insert(key);
        })?;
        Ok(ReplayOptions {
            target: stage.target,
            source: self.server(),
            from: from.clone(),
            // Others of the server were not saved.
            schemas: Some(self.database.schema_names()?),
            tables,
            only: part.only.as_ref().map(|only| only.tables.clone()),
            whole: part.only.iter().flat_map(|only| only.schemas.clone()).collect(),
            kept: part.kept.clone(),
            late: part.late.clone(),
            without_transactions,
            moment: server.moment.seconds,
            mixed: self.options.mixed,
            system_zone: self.system_zone().map(str::to_owned),
            folder: stage.folder,
        })
    }
}

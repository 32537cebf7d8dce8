//! Snapshots that restores to a moment begin with.

use repo_format::database::{BinlogPlace, LateTable, LeftOut, ServerRecord};
use repo_format::id::LeaseId;
use repo_format::log::{LogPlace, SECOND};
use repo_format::manifest::{Manifest, Root};

use engine_core::error::Result;
use engine_core::pack::ChunkReader;
use engine_core::snapshots::saved::{Database, databases, server_record};

/// A snapshot of a server that wrote a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Its id.
    pub id: LeaseId,
    /// The address of the server.
    pub address: Vec<u8>,
    /// The server's identity.
    pub identity: String,
    /// Where the log stood at its moment.
    pub place: LogPlace,
    /// Its moment: microseconds since 1970 by the server's clock.
    pub moment: i64,
    /// The first moment that can be restored from it: later than its own if it read tables late.
    pub from: i64,
}

impl Base {
    /// The database `root` of the snapshot `id`; none if its server kept no log, or did not show it.
    pub fn new(id: LeaseId, root: &Root, server: &ServerRecord) -> Option<Self> {
        let binlog = server.binlog.as_ref()?;
        let moment = server.moment.seconds.saturating_mul(SECOND).saturating_add(server.moment.microseconds.into());
        // Late tables say in whole seconds when they were read.
        let late = server.late.iter().map(|late| late.read.saturating_add(1).saturating_mul(SECOND)).max();
        Some(Base {
            id,
            address: root.path.0.clone(),
            identity: server.identity.clone(),
            place: LogPlace { file: binlog.file.clone(), offset: binlog.position, gtid: binlog.gtid.clone() },
            moment,
            from: late.map_or(moment, |late| moment.max(late)),
        })
    }
}

/// The databases in a snapshot whose server wrote a log, and of which every table can be restored to another moment.
///
/// # Errors
/// If the snapshot is damaged.
pub fn bases_of(reader: &ChunkReader<'_>, manifest: &Manifest) -> Result<Vec<Base>> {
    let mut bases = Vec::new();
    for root in databases(manifest) {
        let Some(server) = server_record(reader, manifest, root)? else { continue };
        let base = Base::new(manifest.id, root, &server).filter(|_| missing_tables(&server).next().is_none());
        if let Some(base) = base
            && (server.late.is_empty() || has_exact_tables(&Database::open(reader, manifest, Some(&root.name.0))?)?)
        {
            bases.push(base);
        }
    }
    Ok(bases)
}

/// Tables that a snapshot lacks, and schemas with all of their tables. Changes of rows need neither accounts nor views.
pub fn missing_tables(server: &ServerRecord) -> impl Iterator<Item = &LeftOut> {
    server.left_out.iter().filter(|object| object.what == "table" || object.what == "schema")
}

fn has_exact_tables(database: &Database<'_>) -> Result<bool> {
    for late in &database.server.late {
        if let LateReading::Inexact(_) = LateReading::of(database, late)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How a table was read after the moment of its snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LateReading<'l> {
    /// While the log went from the first place to the second: what stands between them makes the table exact.
    Between(&'l BinlogPlace, &'l BinlogPlace),
    /// So that no log makes it exact, for this reason.
    Inexact(&'static str),
}

impl<'l> LateReading<'l> {
    /// How `late` was read.
    ///
    /// # Errors
    /// If the records of the table cannot be read.
    pub fn of(database: &Database<'_>, late: &'l LateTable) -> Result<Self> {
        let (Some(before), Some(after)) = (&late.before, &late.after) else {
            let why = "the snapshot read it after its moment, and does not say where the log stood then";
            return Ok(LateReading::Inexact(why));
        };
        if database.schema(&late.schema)?.table(&late.table)?.record.key.is_empty() {
            let why =
                "the snapshot read it after its moment, and it has no key that tells which rows of the log are there";
            return Ok(LateReading::Inexact(why));
        }
        Ok(LateReading::Between(before, after))
    }
}

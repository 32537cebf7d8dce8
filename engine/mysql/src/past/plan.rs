//! The plan of a restore to a moment: from where to where, and what is not certain.

use std::collections::BTreeMap;

use repo_format::log::{SECOND, TransactionFlags};

use super::When;
use super::chain::Chain;
use super::late::LateTables;
use super::stop::{Placed, Stop, find, is_about};
use crate::binlog::replay::Position;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::monitor::Monitor;
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;
use engine_core::snapshots::Snapshot;
use engine_core::snapshots::saved::Database;

/// A transaction at the edge of what is restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenTransaction {
    /// Where it begins.
    pub at: Position,
    /// When it was committed: microseconds since 1970 by the server's clock.
    pub time: i64,
    /// It may have been committed later.
    pub is_about: bool,
    /// Its id.
    pub gtid: Option<String>,
    /// The tables whose rows it changes, or its statement.
    pub what: String,
}

/// The work of a restore to a moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plan {
    /// The snapshot that it begins with.
    pub snapshot: Snapshot,
    /// Where the snapshot stands in the log.
    pub base: Position,
    /// The place before which everything is restored.
    pub stop: Position,
    /// The last transaction that is restored.
    pub last: Option<SeenTransaction>,
    /// The first that is not.
    pub next: Option<SeenTransaction>,
    /// Transactions that are done again.
    pub transactions: u64,
    /// Transactions among them that have statements besides rows.
    pub with_statements: u64,
    /// Rows that are changed, by schema and table.
    pub rows: BTreeMap<(String, String), u64>,
    /// Tables that are not exact, and why.
    pub inexact: Vec<(String, String)>,
}

/// Says what a restore of the database of `snapshot` to a moment does. The index of the repository must be up to date.
///
/// # Errors
/// [`ErrorKind::NotFound`] if the moment is not covered by logs, or is before the snapshot.
pub fn plan(repository: &Repository, snapshot: &Snapshot, when: &When, monitor: &dyn Monitor) -> Result<Plan> {
    for (segment, error) in repository.sync_catalog(monitor)?.damaged {
        monitor.note(&format!("index/{segment} cannot be used: {error}"));
    }
    let reader = ChunkReader::new(repository);
    let database = Database::open(&reader, &snapshot.manifest, None)?;
    let chain = Chain::of(repository, &database.server)?;
    make(&chain, &reader, snapshot, &database, when)
}

/// The plan of a chain.
fn make(
    chain: &Chain,
    reader: &ChunkReader<'_>,
    snapshot: &Snapshot,
    database: &Database<'_>,
    when: &When,
) -> Result<Plan> {
    let server = &database.server;
    let moment = server.moment.seconds * SECOND + i64::from(server.moment.microseconds);
    if let When::At(time) = when
        && *time < moment
    {
        let message = format!("the moment is before that of the snapshot {}", snapshot.id);
        return Err(Error::new(ErrorKind::NotFound, message)
            .with_hint("Name an earlier snapshot: `enamel snapshots` lists them."));
    }
    let (mut transactions, mut with_statements, mut rows) = (0, 0, BTreeMap::new());
    let Stop { place, last, next } = find(chain, reader, when, &mut |placed| {
        transactions += 1;
        with_statements += u64::from(placed.record.flags.has(TransactionFlags::STATEMENTS));
        for table in &placed.record.tables {
            let key = (table.schema.clone(), table.table.clone());
            *rows.entry(key).or_default() += table.inserted + table.updated + table.deleted;
        }
    })?;
    Ok(Plan {
        snapshot: snapshot.clone(),
        base: chain.base.clone(),
        stop: place,
        last: last.map(seen),
        next: next.map(seen),
        transactions,
        with_statements,
        rows,
        inexact: inexact(database)?,
    })
}

fn seen(placed: Placed) -> SeenTransaction {
    let record = placed.record;
    let tables: Vec<String> = record.tables.iter().map(|table| format!("{}.{}", table.schema, table.table)).collect();
    let text = record.text.as_ref().map(|text| crate::database::outline(&String::from_utf8_lossy(&text.0)));
    let what = text.unwrap_or_else(|| tables.join(", "));
    SeenTransaction { at: placed.at, time: record.time, is_about: is_about(&record), gtid: record.gtid, what }
}

/// Tables of the snapshot that do not show its moment, and for which nothing makes up.
fn inexact(database: &Database<'_>) -> Result<Vec<(String, String)>> {
    let missing = database.server.left_out.iter().filter(|left_out| left_out.what == "table").map(|table| {
        let why = format!("the snapshot does not have it: {}", table.why);
        (format!("{}.{}", table.schema, table.name), why)
    });
    Ok(LateTables::of(database)?.inexact.into_iter().chain(missing).collect())
}

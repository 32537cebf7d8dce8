//! Purged rows, back from a receipt: into the table they were removed from, or another one.
//!
//! Segments hold neighbours that were not purged: of each only rows in the ranges of the receipt are sent. A row whose key the table has
//! is left as it is and counted. So a run that was interrupted can be made again.

use std::sync::Arc;

use repo_format::database::{KeyRange, PurgedTable, ReceiptRecord, SchemaRecord, TableRecord};
use repo_format::manifest::Manifest;

use super::batch::{Batch, Stored};
use super::definition::{Keys, take_apart};
use super::filling::explained;
use super::firing::check_triggers;
use super::options::SchemaChoice;
use super::pointing::fit;
use super::renaming::Renaming;
use super::rows::{Method, Sink, is_local_refused};
use super::session;
use super::target::Target;
use super::warnings::Warnings;
use crate::database::{
    Address, Binlog, Connection, Server, TableName, attended, describe_table, is_lost, list_tables, quote_name,
    quote_text,
};
use crate::dialect::{Changed, FittedTable, Quoting, fit_table};
use engine_core::error::{Error, ErrorKind, Result, chain};
use engine_core::monitor::{Monitor, Phase, Work};
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;
use engine_core::snapshots::saved::{Database, KeyRanges, SavedTable, Schema, read_segment};

/// Bytes of one statement: people may work with the table meanwhile, and a table without transactions is locked for as long.
const BATCH_BYTES: u64 = 1 << 20;
/// Rows of one statement: a server says at most 65,535 warnings, and each row that is there already is one.
const BATCH_ROWS: u64 = 20_000;
/// The server's error number for a row whose key exists.
const DUPLICATE: u16 = 1062;

/// A table of a receipt, and where its rows go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgedChoice {
    /// Schema and name in the receipt.
    pub from: TableName,
    /// Schema and name on the server.
    pub to: TableName,
}

/// How to bring purged rows back.
#[derive(Debug, Clone, Default)]
pub struct PurgedOptions {
    /// Which tables; none means all, each into the table that it was.
    pub tables: Vec<PurgedChoice>,
    /// The server's binary log.
    pub binlog: Binlog,
    /// Only count.
    pub dry_run: bool,
}

/// The result for a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RestoredTable {
    /// Where its rows went: schema and name.
    pub to: TableName,
    /// Rows that the receipt names.
    pub rows: u64,
    /// The number of these that were stored; in a dry run, found in the repository.
    pub restored: u64,
    /// Not stored, as the table has a row of their key.
    pub there: u64,
    /// Problems, as sentences.
    pub problems: Vec<String>,
}

/// Restores the rows that the receipt `manifest` names to the server at `address`, in the order of the tables in the
/// receipt. Makes a missing table as it was saved, without its foreign keys, and a missing schema.
///
/// # Errors
/// [`ErrorKind::Refused`] if triggers would fire for the rows; [`ErrorKind::NotFound`] if the receipt has no such
/// table; [`ErrorKind::Damaged`] if the receipt cannot be read; [`ErrorKind::Database`] if the server cannot be
/// reached; if the monitor wishes to stop. Faults of one table are problems in its outcome. Another run resumes.
pub fn restore_purged(
    repository: &Repository,
    manifest: &Manifest,
    address: &Address,
    options: &PurgedOptions,
    monitor: &dyn Monitor,
) -> Result<Vec<RestoredTable>> {
    attended(address, monitor, |address| restore_attended(repository, manifest, address, options, monitor))
}

fn restore_attended(
    repository: &Repository,
    manifest: &Manifest,
    address: &Address,
    options: &PurgedOptions,
    monitor: &dyn Monitor,
) -> Result<Vec<RestoredTable>> {
    repository.sync_catalog(monitor)?;
    let reader = ChunkReader::new(repository);
    let database = Database::open(&reader, manifest, None)?;
    let record = database.receipt()?.ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("{} is not a receipt of a purge", manifest.id))
            .with_hint("`enamel purge history` lists the receipts.")
    })?;
    let chosen = choose(&record, &options.tables)?;
    let mut connection = Connection::open(address)?;
    let target = Target::read(&mut connection)?;
    check_triggers(&mut connection, &target, chosen.iter().map(|table| &table.to))?;
    drop(connection);
    let mut connection = session::open(address, options.binlog)?;
    connection.shortcomings().for_each(|text| monitor.note(&text));
    // Rows enter a live database, so each needs the rows that it refers to.
    connection.run("SET SESSION foreign_key_checks=1")?;
    let items = chosen.iter().map(Chosen::rows).sum();
    monitor.begin(Phase::Rows, Some(Work { items, bytes: 0 }));
    let mut run = Run { reader: &reader, database: &database, target: &target, connection, options, monitor };
    let result = chosen.iter().map(|table| run.table(table)).collect();
    monitor.end();
    result
}

/// A table whose rows come back.
struct Chosen<'r> {
    /// The receipt's entries for it, in different categories.
    purged: Vec<&'r PurgedTable>,
    to: TableName,
}

impl Chosen<'_> {
    fn rows(&self) -> u64 {
        self.purged.iter().map(|table| table.rows).sum()
    }
}

fn choose<'r>(record: &'r ReceiptRecord, choices: &[PurgedChoice]) -> Result<Vec<Chosen<'r>>> {
    let mut chosen: Vec<Chosen<'r>> = Vec::new();
    let name = |table: &PurgedTable| TableName::new(&table.schema, &table.table);
    if let Some(missing) = choices.iter().find(|choice| !record.tables.iter().any(|table| name(table) == choice.from)) {
        let TableName { schema, table } = &missing.from;
        return Err(Error::new(ErrorKind::NotFound, format!("the receipt has no table `{schema}`.`{table}`")));
    }
    for table in record.tables.iter().filter(|table| table.rows > 0) {
        let from = name(table);
        let to = match choices.iter().find(|choice| choice.from == from) {
            Some(choice) => choice.to.clone(),
            None if choices.is_empty() => from.clone(),
            None => continue,
        };
        match chosen.iter_mut().find(|chosen| name(chosen.purged[0]) == from) {
            Some(chosen) => chosen.purged.push(table),
            None => chosen.push(Chosen { purged: vec![table], to }),
        }
    }
    Ok(chosen)
}

struct Run<'r> {
    reader: &'r ChunkReader<'r>,
    database: &'r Database<'r>,
    target: &'r Target,
    connection: Connection,
    options: &'r PurgedOptions,
    monitor: &'r dyn Monitor,
}

/// Rows that are going to be a batch.
#[derive(Default)]
struct Gathered {
    pieces: Vec<Vec<u8>>,
    rows: u64,
    bytes: u64,
}

/// A table on its way.
struct Filling {
    sink: Sink,
    outcome: RestoredTable,
    /// The table as the target has it.
    fitted: FittedTable,
    found: u64,
    warnings: Warnings,
    /// Values that are otherwise than they were, as the target does not hold them.
    changed: Changed,
}

impl Run<'_> {
    /// Brings the rows of one table back.
    fn table(&mut self, chosen: &Chosen<'_>) -> Result<RestoredTable> {
        let (first, to) = (chosen.purged[0], &chosen.to);
        let outcome = RestoredTable { to: to.clone(), rows: chosen.rows(), ..RestoredTable::default() };
        let schema = self.database.schema(&first.schema)?;
        let saved = schema.table(&first.table)?;
        let source = Server::from_version(&self.database.server.version);
        let fitted = fit_table(&saved.record, &source, &self.target.of_tables());
        let record = TableRecord { name: to.table.clone(), ..fitted.record.clone() };
        let sink = Sink::new(&to.schema, &record);
        let (warnings, changed) = (Warnings::default(), Changed::default());
        let mut filling = Filling { sink, outcome, fitted, found: 0, warnings, changed };
        let ranges = chosen.purged.iter().flat_map(|table| &table.ranges);
        match self.fill(&schema, &saved, ranges, &mut filling) {
            Err(error) if matches!(error.kind(), ErrorKind::Database | ErrorKind::Damaged) && !is_lost(&error) => {
                filling.outcome.problems.push(chain(&error));
            }
            result => result?,
        }
        Ok(filling.end(self.options))
    }

    fn fill<'k>(
        &mut self,
        schema: &Schema<'_>,
        saved: &SavedTable,
        ranges: impl Iterator<Item = &'k KeyRange>,
        filling: &mut Filling,
    ) -> Result<()> {
        if !self.options.dry_run {
            self.make(schema, saved, filling)?;
        }
        let ranges = KeyRanges::new(&saved.record, ranges)?;
        let mut batch = Gathered::default();
        for segment in saved.segments(self.reader)? {
            let segment = segment?;
            if ranges.within(&segment)?.is_empty() {
                continue;
            }
            let rows = read_segment(self.reader, &segment)?;
            for piece in ranges.rows_of(&rows, BATCH_ROWS)? {
                if batch.rows + piece.rows > BATCH_ROWS || batch.bytes >= BATCH_BYTES {
                    self.store(std::mem::take(&mut batch), filling)?;
                }
                batch.rows += piece.rows;
                batch.bytes += piece.text.len() as u64;
                batch.pieces.push(piece.text);
            }
        }
        self.store(batch, filling)
    }

    fn store(&mut self, gathered: Gathered, filling: &mut Filling) -> Result<()> {
        let Gathered { mut pieces, rows, bytes } = gathered;
        if self.monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        filling.found += rows;
        if rows == 0 || self.options.dry_run {
            return Ok(());
        }
        for piece in &mut pieces {
            let converted = filling.fitted.rows.convert(std::mem::take(piece), 0);
            filling.changed.add(&converted.changed);
            *piece = converted.text;
        }
        let batch = Batch { pieces: Arc::new(pieces), rows, bytes };
        let Stored { rows: stored, mut warnings } =
            match filling.sink.store(&mut self.connection, &batch, self.target.method()) {
                Err(error) if self.target.method() == Method::Load && is_local_refused(&error) => {
                    self.target.refuse_local();
                    filling.sink.store(&mut self.connection, &batch, Method::Insert)?
                }
                stored => stored?,
            };
        filling.outcome.restored += stored;
        filling.outcome.there += warnings.take(DUPLICATE);
        filling.warnings.merge(warnings);
        self.monitor.advance(Work { items: rows, bytes });
        Ok(())
    }

    /// Makes the table, unless it is there; then its key must be the one that was saved, else rows could come twice.
    fn make(&mut self, schema: &Schema<'_>, saved: &SavedTable, filling: &mut Filling) -> Result<()> {
        let to = &filling.outcome.to;
        self.make_schema(&to.schema, &schema.record)?;
        let all = list_tables(&mut self.connection, std::slice::from_ref(&to.schema))?;
        if let Some(info) = all.iter().find(|info| self.target.is_same_name(&info.name, &to.table)) {
            let there = describe_table(&mut self.connection, &self.target.server, info)?;
            return if key_names(&there) == key_names(&saved.record) {
                Ok(())
            } else {
                let message = "the table has another key than the one that was saved: restore into another table, \
                                   which is made as it was";
                Err(Error::new(ErrorKind::Database, message))
            };
        }
        let table = format!("{}.{}", quote_name(&to.schema), quote_name(&to.table));
        let names = vec![SchemaChoice { from: schema.record.name.clone(), to: to.schema.clone() }];
        let renaming = Renaming { names, ..Renaming::default() };
        let FittedTable { create, notes, missed, refusal, .. } = &filling.fitted;
        let fitted = fit(create, &schema.record.name, &saved.record.engine, &renaming);
        let create = renaming.apply(&schema.record.name, &fitted.create, Quoting::default()).sql;
        if let Some(reason) = refusal.clone().or(fitted.refusal) {
            return Err(Error::new(ErrorKind::Database, reason));
        }
        let definition = take_apart(&create, &table, Keys::AtOnce).ok_or_else(|| {
            Error::new(ErrorKind::Database, "its definition is no CREATE TABLE that this version can read")
        })?;
        notes.iter().for_each(|note| self.monitor.note(&format!("{}.{}: {note}", to.schema, to.table)));
        if definition.foreign_keys.is_some() {
            self.monitor.note(&format!("{}.{} is made without its foreign keys", to.schema, to.table));
        }
        self.connection.run(&format!("USE {}", quote_name(&to.schema)))?;
        self.connection.run_bytes(&definition.create).map_err(|e| explained(e, &self.target.server))?;
        filling.outcome.problems.extend(missed.iter().cloned().chain(fitted.left_out));
        Ok(())
    }

    fn make_schema(&mut self, name: &str, record: &SchemaRecord) -> Result<()> {
        let sql = format!("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}", quote_text(name));
        if self.connection.value(&sql)?.is_some() {
            return Ok(());
        }
        let collation = self.target.collations.nearest(&record.collation).unwrap_or_else(|| record.collation.clone());
        self.connection.run(&format!("CREATE DATABASE {} COLLATE {}", quote_name(name), quote_name(&collation)))
    }
}

fn key_names(record: &TableRecord) -> Vec<String> {
    let names = record.key.iter().filter_map(|at| record.columns.get(*at as usize));
    names.map(|column| column.name.to_lowercase()).collect()
}

impl Filling {
    /// Compares the numbers of found, stored and skipped rows.
    fn end(self, options: &PurgedOptions) -> RestoredTable {
        let Filling { mut outcome, found, warnings, fitted, changed, .. } = self;
        outcome.problems.extend(warnings.sentences());
        outcome.problems.extend(fitted.rows.sentences(&changed));
        if options.dry_run {
            outcome.restored = found;
        } else if outcome.problems.is_empty() && outcome.restored + outcome.there != found {
            let done = outcome.restored + outcome.there;
            outcome.problems.push(format!("of {found} rows the server stored or had {done}"));
        }
        if outcome.problems.is_empty() && found != outcome.rows {
            outcome.problems.push(format!("of {} rows that the receipt names it keeps {found}", outcome.rows));
        }
        outcome
    }
}

//! Lists transactions, from the indexes of the logs, without reading events.

use std::collections::HashSet;

use repo_format::id::{LeaseId, StreamId};
use repo_format::log::{TransactionFlags, TransactionRecord};

use super::stored::{StoredLog, StoredLogs};
use crate::database::TableName;
use engine_core::error::{Error, Result};
use engine_core::monitor::Monitor;
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;

/// Changes of so many rows are listed before others: they may have been a mistake.
const MANY_ROWS: u64 = 1000;

/// Which transactions are wanted.
#[derive(Debug, Clone, Default)]
pub struct ListOptions {
    /// Committed then or later: microseconds since 1970 by the server's clock.
    pub from: Option<i64>,
    /// Committed before.
    pub until: Option<i64>,
    /// Change one of these tables, as far as the log names them: schema and table.
    pub tables: Vec<TableName>,
    /// Change so many rows at least.
    pub min_rows: u64,
    /// Have one of these kinds; any kind if none is named.
    pub kinds: Vec<ChangeKind>,
    /// In which order.
    pub order: ListOrder,
    /// How many at most.
    pub most: usize,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListOrder {
    /// First what destroys most, and of two that destroy as much the later one.
    #[default]
    Destructive,
    /// As they were committed.
    Time,
}

/// The kind of a transaction, by the most destructive of its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// Rows are added.
    Insert,
    /// Something is made.
    Create,
    /// Anything else: accounts, settings, an unknown statement.
    Other,
    /// Rows are changed.
    Update,
    /// Rows are removed.
    Delete,
    /// A definition is changed.
    Alter,
    /// A table is emptied.
    Truncate,
    /// Something is removed with all that is in it.
    Drop,
}

/// A transaction of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The log that has it.
    pub log: LeaseId,
    /// The stream.
    pub stream: StreamId,
    /// The server's file.
    pub file: String,
    /// Its entry in the log.
    pub record: TransactionRecord,
    /// Its kind.
    pub kind: ChangeKind,
}

/// Transactions, and what could not be listed.
#[derive(Debug, Default)]
pub struct Listing {
    /// In the wanted order.
    pub transactions: Vec<Listed>,
    /// How many more fit what was wanted.
    pub more: u64,
    /// Logs that cannot be read, and why.
    pub unreadable: Vec<(LeaseId, Error)>,
    /// Whether there is any log.
    pub has_logs: bool,
}

impl ChangeKind {
    /// The kind of a transaction.
    pub fn of(record: &TransactionRecord) -> Self {
        let by_text = record.text.as_ref().map(|text| of_text(&text.0));
        let rows = record
            .tables
            .iter()
            .fold((0, 0), |(updated, deleted), table| (updated + table.updated, deleted + table.deleted));
        let by_rows = match rows {
            (_, 1..) => ChangeKind::Delete,
            (1.., _) => ChangeKind::Update,
            _ if record.tables.is_empty() => ChangeKind::Other,
            _ => ChangeKind::Insert,
        };
        let has_statements =
            record.flags.has(TransactionFlags::STATEMENTS) || record.flags.has(TransactionFlags::DEFINITIONS);
        match by_text.filter(|_| has_statements) {
            Some(kind) if record.tables.is_empty() => kind,
            Some(kind) => kind.max(by_rows),
            None => by_rows,
        }
    }
}

fn of_text(text: &[u8]) -> ChangeKind {
    let text = String::from_utf8_lossy(text);
    // A comment before the statement says nothing of it.
    let plain = text.trim_start();
    let plain =
        if plain.starts_with("/*") { plain.split_once("*/").map_or("", |(_, rest)| rest.trim_start()) } else { plain };
    let word: String = plain.chars().take_while(char::is_ascii_alphabetic).collect();
    match word.to_ascii_uppercase().as_str() {
        "DROP" => ChangeKind::Drop,
        "TRUNCATE" => ChangeKind::Truncate,
        "ALTER" | "RENAME" => ChangeKind::Alter,
        "DELETE" => ChangeKind::Delete,
        "UPDATE" | "REPLACE" => ChangeKind::Update,
        "INSERT" | "LOAD" => ChangeKind::Insert,
        "CREATE" => ChangeKind::Create,
        _ => ChangeKind::Other,
    }
}

impl Listed {
    /// Rows that it changes, of all tables.
    pub fn rows(&self) -> u64 {
        self.record.tables.iter().map(|table| table.inserted + table.updated + table.deleted).sum()
    }

    /// How much it destroys, to compare with others.
    fn weight(&self) -> (u8, u64) {
        let removed: u64 = self.record.tables.iter().map(|table| table.deleted + table.updated).sum();
        let is_statement = self.record.tables.is_empty();
        let class = match self.kind {
            ChangeKind::Drop | ChangeKind::Truncate => 3,
            ChangeKind::Delete | ChangeKind::Update if removed >= MANY_ROWS || is_statement && !self.has_where() => 2,
            ChangeKind::Alter | ChangeKind::Delete | ChangeKind::Update => 1,
            ChangeKind::Insert | ChangeKind::Create | ChangeKind::Other => 0,
        };
        (class, removed)
    }

    /// Whether the part of its statement that is kept chooses rows; the rest of a long one may.
    fn has_where(&self) -> bool {
        let text = self.record.text.as_ref().map_or(&[][..], |text| &text.0);
        String::from_utf8_lossy(text).to_ascii_uppercase().contains("WHERE")
    }
}

/// Lists transactions of all logs.
///
/// # Errors
/// If the store cannot be listed, or the user wishes to stop. A log that cannot be read is in the outcome.
pub fn list(repository: &Repository, options: &ListOptions, monitor: &dyn Monitor) -> Result<Listing> {
    let StoredLogs { logs, unreadable } = StoredLogs::read(repository)?;
    let reader = ChunkReader::new(repository);
    let mut listing = Listing { unreadable, has_logs: !logs.is_empty(), ..Listing::default() };
    let mut seen = Seen::default();
    for log in &logs {
        if monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        if let Err(error) = list_one(&reader, log, options, &mut listing, &mut seen) {
            if error.is_damage() { listing.unreadable.push((log.id(), error)) } else { return Err(error) }
        }
    }
    options.cut(&mut listing);
    Ok(listing)
}

/// Transactions that have been listed: two machines may have fetched the same log.
#[derive(Default)]
struct Seen(HashSet<(StreamId, String, u64)>);

impl Seen {
    fn is_new(&mut self, listed: &Listed) -> bool {
        self.0.insert((listed.stream, listed.file.clone(), listed.record.begin))
    }
}

fn list_one(
    reader: &ChunkReader<'_>,
    log: &StoredLog,
    options: &ListOptions,
    listing: &mut Listing,
    seen: &mut Seen,
) -> Result<()> {
    for record in log.transactions(reader)? {
        let record = record?;
        let file = usize::try_from(record.file).ok().and_then(|file| log.record.files.get(file));
        let Some(file) = file.map(|file| file.name.clone()) else { continue };
        let kind = ChangeKind::of(&record);
        let listed = Listed { log: log.id(), stream: log.record.stream, file, record, kind };
        if options.wants(&listed) && seen.is_new(&listed) {
            listing.transactions.push(listed);
            if listing.transactions.len() > 2 * options.most.max(512) {
                options.cut(listing);
            }
        }
    }
    Ok(())
}

impl ListOptions {
    fn wants(&self, listed: &Listed) -> bool {
        let record = &listed.record;
        let is_in_time =
            self.from.is_none_or(|from| record.time >= from) && self.until.is_none_or(|until| record.time < until);
        let is_kind = self.kinds.is_empty() || self.kinds.contains(&listed.kind);
        is_in_time && is_kind && listed.rows() >= self.min_rows && self.wants_tables(record)
    }

    /// A statement names its tables in words only: it is wanted if the words are there.
    fn wants_tables(&self, record: &TransactionRecord) -> bool {
        let text = record.text.as_ref().map(|text| String::from_utf8_lossy(&text.0).to_lowercase()).unwrap_or_default();
        let is_named = |TableName { schema, table }: &TableName| {
            let by_rows = record.tables.iter().any(|changed| changed.schema == *schema && changed.table == *table);
            by_rows || (record.flags.has(TransactionFlags::STATEMENTS) && text.contains(&table.to_lowercase()))
        };
        self.tables.is_empty() || self.tables.iter().any(is_named)
    }

    /// Keeps the first in the wanted order.
    fn cut(&self, listing: &mut Listing) {
        let all = &mut listing.transactions;
        match self.order {
            ListOrder::Time => all.sort_by_key(|listed| listed.record.time),
            ListOrder::Destructive => {
                all.sort_by_key(|listed| std::cmp::Reverse((listed.weight(), listed.record.time)))
            }
        }
        listing.more += all.len().saturating_sub(self.most) as u64;
        all.truncate(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_by_their_first_word() {
        for (text, kind) in [
            ("DROP TABLE t", ChangeKind::Drop),
            ("  /* from the office */ truncate t", ChangeKind::Truncate),
            ("delete from t", ChangeKind::Delete),
            ("CREATE TABLE t (a INT)", ChangeKind::Create),
            ("GRANT ALL ON *.* TO x", ChangeKind::Other),
            ("/* never ends", ChangeKind::Other),
            ("", ChangeKind::Other),
        ] {
            assert_eq!(of_text(text.as_bytes()), kind, "{text}");
        }
    }
}

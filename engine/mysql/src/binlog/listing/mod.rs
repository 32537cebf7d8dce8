//! Lists transactions, from the indexes of the logs, without reading events.
//!
//! ```text
//! source   logs of one server -> its transactions, each once      seen   what has been listed
//! kind     what a transaction does
//! ```

mod kind;
mod seen;
mod source;

use repo_format::id::{LeaseId, StreamId};
use repo_format::log::{TransactionFlags, TransactionRecord};

use super::stored::StoredLogs;
use crate::database::TableName;
use engine_core::error::{Error, Result};
use engine_core::monitor::Monitor;
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;

pub use kind::ChangeKind;
use source::Source;

/// No more than so many of the most destructive are listed: they are held in memory until all are known, some 500 bytes each.
const DESTRUCTIVE_MAX: usize = 100_000;
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
    /// Change something in one of these schemas, as far as the log names them; in any if none is named.
    pub schemas: Vec<String>,
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
    /// As they were committed. Memory does not grow with their number.
    Time,
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

/// The contents of a list in numbers, and the logs that it lacks.
#[derive(Debug, Default)]
pub struct Listing {
    /// Transactions that were listed.
    pub listed: u64,
    /// How many more fit what was wanted.
    pub more: u64,
    /// Logs that cannot be read, and why.
    pub unreadable: Vec<(LeaseId, Error)>,
    /// Whether there is any log.
    pub has_logs: bool,
}

impl Listed {
    /// Rows that it changes, of all tables.
    pub fn rows(&self) -> u64 {
        let counts = self.record.tables.iter().flat_map(|table| [table.inserted, table.updated, table.deleted]);
        counts.fold(0, u64::saturating_add)
    }

    /// How much it destroys, to compare with others.
    fn weight(&self) -> (u8, u64) {
        let counts = self.record.tables.iter().flat_map(|table| [table.deleted, table.updated]);
        let removed = counts.fold(0, u64::saturating_add);
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

/// Gives `take` the transactions of all logs in the wanted order.
///
/// # Errors
/// If the store cannot be listed, or the user wishes to stop; those of `take`. A log that cannot be read is in the outcome.
pub fn list(
    repository: &Repository,
    options: &ListOptions,
    monitor: &dyn Monitor,
    take: &mut dyn FnMut(&Listed) -> Result<()>,
) -> Result<Listing> {
    let StoredLogs { logs, unreadable } = StoredLogs::read(repository)?;
    let reader = ChunkReader::new(repository);
    let mut sources = Source::of_all(&logs, &reader);
    let mut listing = Listing { unreadable, has_logs: !logs.is_empty(), ..Listing::default() };
    let mut worst = Vec::new();
    while let Some(listed) = next(&mut sources, monitor)? {
        if !options.wants(&listed) {
            continue;
        }
        match options.order {
            ListOrder::Time if listing.listed < options.most as u64 => {
                take(&listed)?;
                listing.listed += 1;
            }
            ListOrder::Time => listing.more += 1,
            ListOrder::Destructive => {
                worst.push(listed);
                if worst.len() > 2 * options.kept().max(512) {
                    listing.more += options.cut(&mut worst);
                }
            }
        }
    }
    listing.more += options.cut(&mut worst);
    listing.listed += worst.len() as u64;
    worst.iter().try_for_each(take)?;
    listing.unreadable.extend(sources.into_iter().flat_map(Source::into_unreadable));
    Ok(listing)
}

/// The next transaction of all servers, by its time.
fn next(sources: &mut [Source<'_>], monitor: &dyn Monitor) -> Result<Option<Listed>> {
    let mut first: Option<(i64, usize)> = None;
    for (at, source) in sources.iter_mut().enumerate() {
        if monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        let time = source.peek()?.map(|listed| listed.record.time);
        first = first.into_iter().chain(time.map(|time| (time, at))).min();
    }
    first.map_or(Ok(None), |(_, at)| sources[at].next())
}

impl ListOptions {
    fn wants(&self, listed: &Listed) -> bool {
        let record = &listed.record;
        let is_in_time =
            self.from.is_none_or(|from| record.time >= from) && self.until.is_none_or(|until| record.time < until);
        let is_kind = self.kinds.is_empty() || self.kinds.contains(&listed.kind);
        let is_named = self.wants_tables(record) && self.wants_schemas(record);
        is_in_time && is_kind && is_named && listed.rows() >= self.min_rows
    }

    /// A statement belongs to the schema that it was given in, and to those that its words name.
    fn wants_schemas(&self, record: &TransactionRecord) -> bool {
        let text = words(record);
        let is_named = |schema: &String| {
            record.tables.iter().any(|changed| changed.schema == *schema)
                || record.schema.as_ref() == Some(schema)
                || text.contains(&schema.to_lowercase())
        };
        self.schemas.is_empty() || self.schemas.iter().any(is_named)
    }

    /// A statement names its tables in words only: it is wanted if the words are there, and none say that another schema is meant.
    fn wants_tables(&self, record: &TransactionRecord) -> bool {
        let text = words(record);
        let may_mean = |schema: &String| {
            record.schema.as_ref().is_none_or(|given| given == schema) || text.contains(&schema.to_lowercase())
        };
        let is_named = |TableName { schema, table }: &TableName| {
            let by_rows = record.tables.iter().any(|changed| changed.schema == *schema && changed.table == *table);
            let is_statement = record.flags.has(TransactionFlags::STATEMENTS);
            by_rows || (is_statement && text.contains(&table.to_lowercase()) && may_mean(schema))
        };
        self.tables.is_empty() || self.tables.iter().any(is_named)
    }

    /// So many of those that destroy most are listed.
    fn kept(&self) -> usize {
        self.most.min(DESTRUCTIVE_MAX)
    }

    /// Keeps those that destroy most; gives how many others there were.
    fn cut(&self, all: &mut Vec<Listed>) -> u64 {
        all.sort_by_key(|listed| std::cmp::Reverse((listed.weight(), listed.record.time)));
        let more = all.len().saturating_sub(self.kept()) as u64;
        all.truncate(self.kept());
        more
    }
}

/// The statement of a transaction as far as it is kept, to look for names in; empty if it has only rows.
fn words(record: &TransactionRecord) -> String {
    record.text.as_ref().map(|text| String::from_utf8_lossy(&text.0).to_lowercase()).unwrap_or_default()
}

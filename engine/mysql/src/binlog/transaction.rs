//! Transactions among events: where each begins and ends, and what it changes.

use std::borrow::Cow;
use std::collections::HashMap;

use repo_format::cbor::ByteString;
use repo_format::limits;
use repo_format::log::{ChangedTable, SECOND, TimeSource, TransactionFlags, TransactionRecord};

use super::event::{
    Event, Format, Gtid, GtidEvent, Kind, Malformed, Query, RowCounts, RowsHeader, TableMap, each_inner, uncompressed,
};

/// Statements that change definitions begin with one of these.
const DEFINING: [&str; 12] = [
    "CREATE",
    "ALTER",
    "DROP",
    "RENAME",
    "TRUNCATE",
    "GRANT",
    "REVOKE",
    "SET PASSWORD",
    "INSTALL",
    "UNINSTALL",
    "OPTIMIZE",
    "REPAIR",
];
/// The number of bytes between the fixed part of a statement that loads a file and its settings.
const LOADED_FILE_LEN: usize = 13;

/// An event, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'e> {
    /// The event.
    pub event: Event<'e>,
    /// Place of its file in the log record.
    pub file: u32,
    /// Offset in the server's file where it begins.
    pub begin: u64,
    /// Offset behind it.
    pub end: u64,
    /// Bytes of events that are kept of the file before it.
    pub skip: u64,
    /// When it arrived, if it was sent as it was written: microseconds since 1970 by the server's clock.
    pub arrival: Option<i64>,
}

/// The place of an event among transactions.
#[derive(Debug)]
pub enum Step {
    /// It stands between two.
    Between,
    /// It stands in one that goes on.
    Within,
    /// It is the last of this one.
    Ends(Box<Ended>),
}

/// A transaction, from its first event to its last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The record to keep.
    pub record: TransactionRecord,
    /// Its id.
    pub gtid: Option<Gtid>,
    /// It has an id that cannot be read.
    pub has_unknown_gtid: bool,
}

/// Finds transactions. Takes the events of a server's files in order.
#[derive(Debug, Default)]
pub struct Transactions {
    open: Option<Open>,
    tables: HashMap<u64, TableMap>,
}

/// A transaction that has begun.
#[derive(Debug)]
struct Open {
    record: TransactionRecord,
    gtid: Option<Gtid>,
    has_unknown_gtid: bool,
    /// It ends with a commit, not with its first statement.
    is_explicit: bool,
}

impl Transactions {
    /// Takes the next event; `format` is that of its file.
    ///
    /// # Errors
    /// [`Malformed`] if the event, or one that is compressed in it, cannot be read.
    pub fn add(&mut self, placed: &Placed<'_>, format: &Format) -> Result<Step, Malformed> {
        let (header, body) = (placed.event.header, placed.event.body(format)?);
        if header.kind.is_of_file() || header.kind == Kind::INCIDENT {
            // A transaction that had begun was cut short when the server died. It never took place.
            self.open = None;
            return Ok(Step::Between);
        }
        if header.kind.is_gtid() {
            self.open = Some(Open::begin(placed, &GtidEvent::read(&header, body)?));
            return Ok(Step::Within);
        }
        let mut open = self.open.take().unwrap_or_else(|| Open::begin(placed, &GtidEvent::default()));
        let ends = match header.kind {
            Kind::TRANSACTION_PAYLOAD => {
                let tables = &mut self.tables;
                let add = |event: &Event<'_>, plain: &Format| open.add(tables, event, event.body(plain)?).map(drop);
                if each_inner(body, format, add).is_err() {
                    // The events are kept all the same.
                    open.record.flags.add(TransactionFlags::MORE_TABLES);
                }
                true
            }
            _ => open.add(&mut self.tables, &placed.event, body)?,
        };
        if ends {
            // Numbers of tables mean nothing beyond their transaction.
            self.tables.clear();
            Ok(Step::Ends(Box::new(open.end(placed))))
        } else {
            self.open = Some(open);
            Ok(Step::Within)
        }
    }

    /// Whether a transaction has begun and not ended.
    pub fn is_within(&self) -> bool {
        self.open.is_some()
    }
}

impl Open {
    fn begin(placed: &Placed<'_>, event: &GtidEvent) -> Self {
        let mut flags = TransactionFlags::default();
        if event.changes_definitions {
            flags.add(TransactionFlags::DEFINITIONS);
        }
        if event.prepares_xa {
            flags.add(TransactionFlags::PREPARED);
        }
        Open {
            record: TransactionRecord {
                file: placed.file,
                begin: placed.begin,
                end: placed.end,
                skip: placed.skip,
                time: event.committed.unwrap_or_default(),
                time_source: if event.committed.is_some() { TimeSource::Commit } else { TimeSource::Statement },
                flags,
                gtid: event.gtid.map(|gtid| gtid.to_string()),
                tables: Vec::new(),
                text: None,
                schema: None,
            },
            gtid: event.gtid,
            has_unknown_gtid: placed.event.header.kind == Kind::GTID_TAGGED,
            is_explicit: event.is_standalone == Some(false),
        }
    }

    /// Takes an event; gives whether the transaction ends with it.
    fn add(&mut self, tables: &mut HashMap<u64, TableMap>, event: &Event<'_>, body: &[u8]) -> Result<bool, Malformed> {
        let (kind, body) = uncompressed(event.header.kind, body)?;
        match kind {
            Kind::QUERY => Ok(self.statement(&Query::read(&body)?)),
            Kind::EXECUTE_LOAD_QUERY => {
                let plain = without_loaded_file(&body)?;
                Ok(self.statement(&Query::read(&plain)?))
            }
            Kind::XID => Ok(true),
            Kind::XA_PREPARE => {
                let commits_at_once = body.first().is_some_and(|one_phase| *one_phase != 0);
                if !commits_at_once {
                    self.record.flags.add(TransactionFlags::PREPARED);
                }
                Ok(true)
            }
            Kind::ROWS_QUERY => {
                self.note_text(body.get(1..).unwrap_or_default(), &[]);
                Ok(false)
            }
            Kind::TABLE_MAP => {
                match TableMap::read(&body) {
                    Ok(table) => drop(tables.insert(table.table_id, table)),
                    Err(_) => self.record.flags.add(TransactionFlags::MORE_TABLES),
                }
                Ok(false)
            }
            _ => {
                let header = super::event::Header { kind, ..event.header };
                if let Some(rows) = RowsHeader::read(&header, &body)? {
                    self.count(tables.get(&rows.table_id), &rows);
                }
                Ok(false)
            }
        }
    }

    /// Counts rows; those of a table that cannot be read are not listed.
    fn count(&mut self, table: Option<&TableMap>, rows: &RowsHeader<'_>) {
        let counted = table.and_then(|table| Some((table, rows.count(table).ok()?)));
        let Some((table, counts)) = counted else {
            return self.record.flags.add(TransactionFlags::MORE_TABLES);
        };
        let tables = &mut self.record.tables;
        let at = tables.iter().position(|known| known.schema == table.schema && known.table == table.table);
        let at = match at {
            Some(at) => at,
            None if tables.len() as u64 == limits::CHANGED_TABLES_COUNT => {
                return self.record.flags.add(TransactionFlags::MORE_TABLES);
            }
            None => {
                let (schema, table) = (table.schema.clone(), table.table.clone());
                tables.push(ChangedTable { schema, table, ..ChangedTable::default() });
                tables.len() - 1
            }
        };
        let RowCounts { inserted, updated, deleted } = counts;
        let changed = &mut tables[at];
        changed.inserted += inserted;
        changed.updated += updated;
        changed.deleted += deleted;
    }

    /// Takes a statement; gives whether the transaction ends with it.
    fn statement(&mut self, query: &Query<'_>) -> bool {
        if query.is("BEGIN") || query.begins_with("XA START") {
            self.is_explicit = true;
            return false;
        }
        if self.is_explicit && (query.is("COMMIT") || query.is("ROLLBACK")) {
            return true;
        }
        if query.begins_with("XA END") || query.begins_with("SAVEPOINT") || query.begins_with("ROLLBACK TO") {
            return false;
        }
        if query.error != 0 {
            self.record.flags.add(TransactionFlags::FAILED);
        }
        if DEFINING.iter().any(|word| query.begins_with(word)) {
            self.record.flags.add(TransactionFlags::DEFINITIONS);
        }
        self.record.flags.add(TransactionFlags::STATEMENTS);
        self.note_text(query.text, query.schema);
        !self.is_explicit
    }

    /// Keeps the beginning of the first statement.
    fn note_text(&mut self, text: &[u8], schema: &[u8]) {
        if self.record.text.is_some() {
            return;
        }
        let most = usize::try_from(limits::STATEMENT_TEXT).unwrap_or(usize::MAX);
        self.record.text = Some(ByteString(text[..text.len().min(most)].to_vec()));
        self.record.schema = (!schema.is_empty()).then(|| String::from_utf8_lossy(schema).into_owned());
    }

    fn end(mut self, placed: &Placed<'_>) -> Ended {
        self.record.end = placed.end;
        if self.record.time_source != TimeSource::Commit {
            let began = i64::from(placed.event.header.timestamp) * SECOND;
            (self.record.time, self.record.time_source) = match placed.arrival {
                Some(arrival) => (arrival, TimeSource::Arrival),
                None => (began, TimeSource::Statement),
            };
        }
        Ended { record: self.record, gtid: self.gtid, has_unknown_gtid: self.has_unknown_gtid }
    }
}

/// The body of a statement that loads a file, as that of other statements.
fn without_loaded_file(body: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    /// Thread, seconds, lengths and error.
    const FIXED_LEN: usize = 13;
    let cut_short = Malformed("the statement is cut short");
    let fixed = body.get(..FIXED_LEN).ok_or(cut_short)?;
    let rest = body.get(FIXED_LEN + LOADED_FILE_LEN..).ok_or(cut_short)?;
    Ok(Cow::Owned([fixed, rest].concat()))
}

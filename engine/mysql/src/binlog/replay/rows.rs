//! The rows of one statement: gathered with their tables, and sent in pieces that a server takes.

use super::plain::{OwnedEvent, PlainEvent, StatementEnds};
use super::scope::RowFate;
use super::sequence;
use super::session::{RowMode, Session};
use crate::binlog::event::{Change, Format, Images, Kind, Malformed, MappedName, RowsHeader, TableMap};
use crate::database::TableName;
use engine_core::error::Result;

/// Bytes of events in one BINLOG, unless a single one is longer: well below what servers take as a statement by default.
const SENT_MAX: usize = 2 << 20;
/// Bytes of the number of a table and of flags, before all else in rows.
const ID_AND_FLAGS: usize = 8;

/// A table of this statement, and the fate of its rows.
struct Mapped {
    event: OwnedEvent,
    key: TableName,
    fate: RowFate,
    /// Its columns, where rows are taken apart.
    table: Option<TableMap>,
}

/// The rows of a statement that has not ended.
#[derive(Default)]
pub(super) struct RowGroup {
    maps: Vec<(u64, Mapped)>,
    strict: Batch,
    idempotent: Batch,
    /// Statements that set sequences.
    sequences: Vec<String>,
}

/// The fate of an event, and whether its statement ends with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Added {
    pub taken: Option<Taken>,
    pub ends: bool,
}

/// The table of an event, and the fate of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    pub key: TableName,
    pub fate: RowFate,
}

/// The reason why rows cannot be applied.
#[derive(Debug)]
pub(super) enum RowFault {
    /// The event cannot be read.
    Malformed(Malformed),
    /// Rows of a table that is read in ranges are not such that they can be applied twice.
    NotRepeatable(TableName, &'static str),
    /// They are not of a table that was named before.
    Unknown,
}

impl From<Malformed> for RowFault {
    fn from(malformed: Malformed) -> Self {
        RowFault::Malformed(malformed)
    }
}

/// Events that go into the next BINLOG.
#[derive(Default)]
struct Batch {
    rows: Vec<OwnedEvent>,
    bytes: usize,
}

impl RowGroup {
    /// Whether nothing of a statement is there.
    pub fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    /// Takes the name of a table.
    ///
    /// # Errors
    /// [`RowFault`].
    pub fn map(
        &mut self,
        event: &PlainEvent<'_>,
        format: &Format,
        name: MappedName,
        fate: RowFate,
    ) -> std::result::Result<(), RowFault> {
        let key = TableName::of_bytes(&name.schema, &name.table);
        let has_columns = matches!(fate, RowFate::Repeat | RowFate::SetSequence);
        let table = if has_columns { Some(TableMap::read(&event.body)?) } else { None };
        let mapped = Mapped { event: event.to_owned_event(format)?, key, fate, table };
        self.maps.retain(|(id, _)| *id != name.table_id);
        self.maps.push((name.table_id, mapped));
        Ok(())
    }

    /// Takes rows. Gives of which table they are; none of the event that only ends a statement.
    ///
    /// # Errors
    /// [`RowFault`].
    pub fn add(&mut self, event: &PlainEvent<'_>, format: &Format) -> std::result::Result<Added, RowFault> {
        let header = crate::binlog::event::Header { kind: event.kind, ..event.header };
        let rows = RowsHeader::read(&header, &event.body)?.ok_or(RowFault::Unknown)?;
        let Some((_, mapped)) = self.maps.iter().find(|(id, _)| *id == rows.table_id) else {
            return if rows.rows.is_empty() {
                Ok(Added { taken: None, ends: rows.ends_statement })
            } else {
                Err(RowFault::Unknown)
            };
        };
        match &mapped.fate {
            RowFate::Apply => self.strict.push(event.to_owned_event(format)?),
            RowFate::Skip(_) => {}
            RowFate::SetSequence => {
                let table = mapped.table.as_ref().ok_or(RowFault::Unknown)?;
                self.sequences.extend(sequence::statements(&mapped.key, table, &rows)?);
            }
            RowFate::Repeat => {
                for event in repeatable(event, &rows, mapped, format)? {
                    self.idempotent.push(event);
                }
            }
        }
        let taken = Some(Taken { key: mapped.key.clone(), fate: mapped.fate.clone() });
        Ok(Added { taken, ends: rows.ends_statement })
    }

    /// Whether what is gathered is to be sent before an event of so many bytes, though the statement has not ended.
    pub fn is_full_for(&self, bytes: usize, session: &Session) -> bool {
        let most = session.events_max().min(SENT_MAX);
        let is_full = |batch: &Batch| !batch.rows.is_empty() && batch.bytes.saturating_add(bytes) > most;
        is_full(&self.strict) || is_full(&self.idempotent)
    }

    /// The tables whose rows are sent, for messages.
    pub fn tables(&self) -> String {
        let sent = self.maps.iter().filter(|(_, mapped)| !matches!(mapped.fate, RowFate::Skip(_)));
        sent.map(|(_, mapped)| mapped.key.shown()).collect::<Vec<_>>().join(", ")
    }

    /// Whether there are rows to send.
    pub fn has_rows(&self) -> bool {
        !(self.strict.rows.is_empty() && self.idempotent.rows.is_empty() && self.sequences.is_empty())
    }

    /// Sends what is gathered.
    ///
    /// # Errors
    /// If the server does not apply it.
    pub fn send(&mut self, session: &mut Session, format: &Format) -> Result<()> {
        self.sequences.drain(..).try_for_each(|sql| session.run_with_names(&sql))?;
        let maps = |fates: fn(&RowFate) -> bool| -> Vec<&OwnedEvent> {
            self.maps.iter().filter(|(_, mapped)| fates(&mapped.fate)).map(|(_, mapped)| &mapped.event).collect()
        };
        let strict = maps(|fate| *fate == RowFate::Apply);
        self.strict.send(&strict, session, RowMode::Strict, format)?;
        let repeated = maps(|fate| *fate == RowFate::Repeat);
        self.idempotent.send(&repeated, session, RowMode::Idempotent, format)
    }

    /// Forgets the tables: the statement has ended.
    pub fn end(&mut self) {
        *self = RowGroup::default();
    }
}

impl Batch {
    fn push(&mut self, event: OwnedEvent) {
        self.bytes += event.bytes().len();
        self.rows.push(event);
    }

    /// Sends the rows behind their tables, as if the statement ended with them.
    fn send(&mut self, maps: &[&OwnedEvent], session: &mut Session, mode: RowMode, format: &Format) -> Result<()> {
        let mut rows = std::mem::take(self).rows;
        let last = rows.len().saturating_sub(1);
        for (at, event) in rows.iter_mut().enumerate() {
            event.set_statement_ends(if at == last { StatementEnds::Here } else { StatementEnds::Later }, format);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let all = maps.iter().copied().chain(&rows);
        let bytes: Vec<u8> = all.flat_map(|event| event.bytes().iter().copied()).collect();
        session.rows(&bytes, mode)
    }
}

/// Events that change the rows as `event` does, and change nothing more when they are applied again. An update removes the old rows and
/// writes the new ones, as the row that it was may be there under its new key, and the other way round.
fn repeatable(
    event: &PlainEvent<'_>,
    rows: &RowsHeader<'_>,
    mapped: &Mapped,
    format: &Format,
) -> std::result::Result<Vec<OwnedEvent>, RowFault> {
    let refused = |why| RowFault::NotRepeatable(mapped.key.clone(), why);
    let table = mapped.table.as_ref().ok_or(RowFault::Unknown)?;
    if !rows.is_full(table) {
        return Err(refused("the log has some of its columns only (binlog_row_image is not FULL)"));
    }
    let mut events = if rows.change == Change::Update {
        let images = rows.images(table).map_err(|_| refused("its updates cannot be taken apart"))?;
        split(event, rows, &images, format)?
    } else {
        vec![event.to_owned_event(format)?]
    };
    events.iter_mut().for_each(|event| event.set_without_foreign_keys(format));
    Ok(events)
}

/// The kinds of events that remove and write rows, where an update is of this kind.
fn split_kinds(update: Kind) -> (Kind, Kind) {
    if update == Kind::UPDATE_ROWS_V1 {
        (Kind::DELETE_ROWS_V1, Kind::WRITE_ROWS_V1)
    } else {
        (Kind::DELETE_ROWS, Kind::WRITE_ROWS)
    }
}

fn split(
    event: &PlainEvent<'_>,
    rows: &RowsHeader<'_>,
    images: &[Images<'_>],
    format: &Format,
) -> std::result::Result<Vec<OwnedEvent>, Malformed> {
    // Before the rows stand both sets of bits, of equal length; before these all that other kinds have, too.
    let fixed = event.body.len() - rows.rows.len() - rows.before.len() - rows.after.len();
    let head = &event.body[..fixed.max(ID_AND_FLAGS)];
    let body = |bits: &[u8], image: fn(&Images<'_>) -> Vec<u8>| {
        let rows: Vec<u8> = images.iter().flat_map(image).collect();
        [head, bits, &rows].concat()
    };
    let removed = body(rows.before, |images| images.before.to_vec());
    let written = body(rows.after, |images| images.after.to_vec());
    let (removes, writes) = split_kinds(event.kind);
    Ok(vec![
        OwnedEvent::new(&event.header, removes, &removed, format)?,
        OwnedEvent::new(&event.header, writes, &written, format)?,
    ])
}

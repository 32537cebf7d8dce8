//! Events as BINLOG takes them: not compressed, with a checksum if the file's events have one.

use std::borrow::Cow;

use crate::binlog::event::{
    CHECKSUM_LEN, Event, Format, HEADER_LEN, Header, Kind, Malformed, each_inner, uncompressed,
};

/// Where the flags of an event with rows stand in its body: behind the number of its table.
const ROWS_FLAGS_AT: usize = HEADER_LEN + 6;
/// The last rows of a statement.
const STATEMENT_ENDS: u8 = 0x01;
/// The rows check no foreign keys, and nothing follows them along these.
const NO_FOREIGN_KEYS: u8 = 0x02;

/// An event of its own bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnedEvent {
    bytes: Vec<u8>,
}

impl OwnedEvent {
    /// The event of a header and a body.
    ///
    /// # Errors
    /// [`Malformed`] if it would be larger than any event.
    pub fn new(header: &Header, kind: Kind, body: &[u8], format: &Format) -> Result<Self, Malformed> {
        let checksum = if format.has_checksums { CHECKSUM_LEN } else { 0 };
        let size =
            u32::try_from(HEADER_LEN + body.len() + checksum).map_err(|_| Malformed("the event is too large"))?;
        let mut bytes = Vec::with_capacity(size as usize);
        bytes.extend_from_slice(&header.timestamp.to_le_bytes());
        bytes.push(kind.0);
        bytes.extend_from_slice(&header.server_id.to_le_bytes());
        bytes.extend_from_slice(&size.to_le_bytes());
        bytes.extend_from_slice(&header.end.to_le_bytes());
        bytes.extend_from_slice(&header.flags.to_le_bytes());
        bytes.extend_from_slice(body);
        bytes.resize(size as usize, 0);
        let mut event = OwnedEvent { bytes };
        event.seal(format);
        Ok(event)
    }

    /// The bytes, from header to checksum.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Says whether the statement ends with these rows.
    pub fn set_statement_ends(&mut self, ends: StatementEnds, format: &Format) {
        let flags = &mut self.bytes[ROWS_FLAGS_AT];
        let wanted = match ends {
            StatementEnds::Here => *flags | STATEMENT_ENDS,
            StatementEnds::Later => *flags & !STATEMENT_ENDS,
        };
        if *flags != wanted {
            *flags = wanted;
            self.seal(format);
        }
    }

    /// Lets the rows check no foreign keys.
    pub fn set_without_foreign_keys(&mut self, format: &Format) {
        self.bytes[ROWS_FLAGS_AT] |= NO_FOREIGN_KEYS;
        self.seal(format);
    }

    /// Makes the checksum anew.
    fn seal(&mut self, format: &Format) {
        if format.has_checksums {
            let end = self.bytes.len() - CHECKSUM_LEN;
            let checksum = crc32fast::hash(&self.bytes[..end]).to_le_bytes();
            self.bytes[end..].copy_from_slice(&checksum);
        }
    }
}

/// Where the statement ends that rows are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatementEnds {
    Here,
    Later,
}

/// An event with its body as it is when nothing is compressed.
#[derive(Debug, Clone)]
pub(super) struct PlainEvent<'e> {
    pub header: Header,
    /// Its kind, which is another one than the header's where that is of a compressed event.
    pub kind: Kind,
    pub body: Cow<'e, [u8]>,
}

impl<'e> PlainEvent<'e> {
    /// The event without MariaDB's compression.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn of(event: &Event<'e>, format: &Format) -> Result<Self, Malformed> {
        let (kind, body) = uncompressed(event.header.kind, event.body(format)?)?;
        Ok(PlainEvent { header: event.header, kind, body })
    }

    /// The whole event.
    ///
    /// # Errors
    /// [`Malformed`] if it would be larger than any event.
    pub fn to_owned_event(&self, format: &Format) -> Result<OwnedEvent, Malformed> {
        OwnedEvent::new(&self.header, self.kind, &self.body, format)
    }

    /// Whether the event has rows: enough of them for its flags.
    pub fn has_rows(&self) -> bool {
        matches!(self.kind.0, 23..=25 | 30..=32 | 39) && self.body.len() > ROWS_FLAGS_AT + 1 - HEADER_LEN
    }
}

/// Gives `take` the event, or those in it if it is a compressed transaction of MySQL.
///
/// # Errors
/// [`Malformed`], or that of `take`.
pub(super) fn each<E: From<Malformed>>(
    event: &Event<'_>,
    format: &Format,
    mut take: impl FnMut(&PlainEvent<'_>) -> Result<(), E>,
) -> Result<(), E> {
    if event.header.kind != Kind::TRANSACTION_PAYLOAD {
        return take(&PlainEvent::of(event, format)?);
    }
    each_inner(event.body(format)?, format, |event, plain| take(&PlainEvent::of(event, plain)?))
}

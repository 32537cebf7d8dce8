//! Events of a binary log, as a server writes and sends them: read from bytes, never changed.
//!
//! ```text
//! header + body + checksum  ->  Event        cursor  numbers and texts of a body
//! format      how the events of a file are to be read     gtid, query, table_map, rows   bodies
//! compressed  bodies that a server has compressed         buffer  events from bytes that arrive in pieces
//! settings, variable, load, xa    what surrounds statements
//! ```
//!
//! Source: the MySQL Internals Manual ("Binary Log", version 4) and MariaDB's "Replication Protocol". All numbers are little-endian.

mod buffer;
mod column;
mod compressed;
mod cursor;
mod decimal;
mod format;
mod gtid;
mod header;
mod load;
mod query;
mod rows;
mod settings;
mod table_map;
mod variable;
mod xa;

pub use buffer::EventBuffer;
pub use column::Column;
pub use compressed::{Pieces, each_inner, inner_events, uncompressed};
pub use cursor::{Cursor, Malformed};
pub use format::Format;
pub(super) use gtid::write_uuid;
pub use gtid::{Gtid, GtidEvent};
pub use header::{HEADER_LEN, Header, Kind};
pub use load::{Duplicates, LoadQuery, LoadedPiece};
pub use query::Query;
pub use rows::{Change, Images, RowCounts, RowsHeader};
pub use settings::QuerySettings;
pub use table_map::{MappedName, TableMap};
pub use variable::{Counter, UserValue, UserVariable, seeds};
pub use xa::{XaPrepare, Xid, prepared_xid};

/// Bytes of a checksum.
pub const CHECKSUM_LEN: usize = 4;
/// The server made the event up for one connection.
const ARTIFICIAL: u16 = 0x20;
/// The file is still being written: set in a format description only, and cleared before its checksum is computed.
const IN_USE: u16 = 0x1;
/// Place of the flags in a header.
const FLAGS_AT: usize = 17;

/// One event.
#[derive(Debug, Clone, Copy)]
pub struct Event<'e> {
    /// The header before its body.
    pub header: Header,
    bytes: &'e [u8],
}

impl<'e> Event<'e> {
    /// The event that `bytes` are, from its header to its checksum.
    ///
    /// # Errors
    /// [`Malformed`] if they are more or fewer than its header says.
    pub fn new(bytes: &'e [u8]) -> Result<Self, Malformed> {
        let header = Header::read(bytes)?;
        if header.size as usize == bytes.len() {
            Ok(Event { header, bytes })
        } else {
            Err(Malformed("the event is not as long as it says"))
        }
    }

    /// All of it.
    pub fn bytes(&self) -> &'e [u8] {
        self.bytes
    }

    /// The bytes between header and checksum.
    ///
    /// # Errors
    /// [`Malformed`] if it is too short for a checksum.
    pub fn body(&self, format: &Format) -> Result<&'e [u8], Malformed> {
        let checksum = if format.has_checksums { CHECKSUM_LEN } else { 0 };
        let end = self.bytes.len().checked_sub(checksum).filter(|end| *end >= HEADER_LEN);
        Ok(&self.bytes[HEADER_LEN..end.ok_or(Malformed("the event is too short for a checksum"))?])
    }

    /// Compares its checksum, if it has one.
    ///
    /// # Errors
    /// [`Malformed`] if the event was changed on its way.
    pub fn check(&self, format: &Format) -> Result<(), Malformed> {
        if !format.has_checksums {
            return Ok(());
        }
        self.body(format)?;
        let (data, checksum) = self.bytes.split_at(self.bytes.len() - CHECKSUM_LEN);
        let mut hasher = crc32fast::Hasher::new();
        if self.header.kind == Kind::FORMAT {
            let flags = self.header.flags & !IN_USE;
            hasher.update(&data[..FLAGS_AT]);
            hasher.update(&flags.to_le_bytes());
            hasher.update(&data[HEADER_LEN..]);
        } else {
            hasher.update(data);
        }
        if hasher.finalize().to_le_bytes() == checksum {
            Ok(())
        } else {
            Err(Malformed("the event's checksum does not fit"))
        }
    }

    /// Whether it says that it stands in no file: the server made it up for one connection.
    pub fn is_artificial(&self) -> bool {
        self.header.flags & ARTIFICIAL != 0 || matches!(self.header.kind, Kind::HEARTBEAT | Kind::HEARTBEAT_V2)
    }
}

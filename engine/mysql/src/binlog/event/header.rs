//! The header before the body of every event.

use super::{Cursor, Malformed};

/// Bytes of a header.
pub const HEADER_LEN: usize = 19;

/// A header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// When the statement began: seconds since 1970.
    pub timestamp: u32,
    /// The kind of event.
    pub kind: Kind,
    /// The server that it comes from.
    pub server_id: u32,
    /// Bytes of the whole event.
    pub size: u32,
    /// Offset in the file behind it, modulo 2^32; 0 if it stands in no file.
    pub end: u32,
    /// Bits.
    pub flags: u16,
}

impl Header {
    /// The header at the beginning of `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] if they are too few, or it says that its event is shorter than itself.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let header = Header {
            timestamp: cursor.u32()?,
            kind: Kind(cursor.u8()?),
            server_id: cursor.u32()?,
            size: cursor.u32()?,
            end: cursor.u32()?,
            flags: cursor.u16()?,
        };
        if (header.size as usize) < HEADER_LEN {
            return Err(Malformed("the event is shorter than its header"));
        }
        Ok(header)
    }

    /// The offset behind the event in its file, if it stands at `offset` or behind it: the header has it modulo 2^32. Newer MariaDB writes 0 within
    /// a transaction: then the event is taken to stand at `offset`, and the last one of the transaction tells where all of them end.
    pub fn end_from(&self, offset: u64) -> u64 {
        let expected = offset + u64::from(self.size);
        if self.end == 0 {
            return expected;
        }
        let end = (expected & !u64::from(u32::MAX)) | u64::from(self.end);
        if end < expected { end + (1 << 32) } else { end }
    }
}

/// The kind of an event. Kinds without a name are those that a reader passes on as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(pub u8);

#[expect(missing_docs, reason = "the names are the servers' own")]
impl Kind {
    pub const QUERY: Kind = Kind(2);
    pub const STOP: Kind = Kind(3);
    pub const ROTATE: Kind = Kind(4);
    pub const INTVAR: Kind = Kind(5);
    pub const RAND: Kind = Kind(13);
    pub const USER_VAR: Kind = Kind(14);
    pub const FORMAT: Kind = Kind(15);
    pub const XID: Kind = Kind(16);
    pub const BEGIN_LOAD_QUERY: Kind = Kind(17);
    pub const EXECUTE_LOAD_QUERY: Kind = Kind(18);
    pub const TABLE_MAP: Kind = Kind(19);
    pub const WRITE_ROWS_V1: Kind = Kind(23);
    pub const UPDATE_ROWS_V1: Kind = Kind(24);
    pub const DELETE_ROWS_V1: Kind = Kind(25);
    pub const INCIDENT: Kind = Kind(26);
    pub const HEARTBEAT: Kind = Kind(27);
    pub const IGNORABLE: Kind = Kind(28);
    pub const ROWS_QUERY: Kind = Kind(29);
    pub const WRITE_ROWS: Kind = Kind(30);
    pub const UPDATE_ROWS: Kind = Kind(31);
    pub const DELETE_ROWS: Kind = Kind(32);
    pub const GTID: Kind = Kind(33);
    pub const ANONYMOUS_GTID: Kind = Kind(34);
    pub const PREVIOUS_GTIDS: Kind = Kind(35);
    pub const XA_PREPARE: Kind = Kind(38);
    pub const PARTIAL_UPDATE_ROWS: Kind = Kind(39);
    pub const TRANSACTION_PAYLOAD: Kind = Kind(40);
    pub const HEARTBEAT_V2: Kind = Kind(41);
    pub const GTID_TAGGED: Kind = Kind(42);
    pub const ANNOTATE_ROWS: Kind = Kind(160);
    pub const BINLOG_CHECKPOINT: Kind = Kind(161);
    pub const MARIADB_GTID: Kind = Kind(162);
    pub const GTID_LIST: Kind = Kind(163);
    pub const START_ENCRYPTION: Kind = Kind(164);
    pub const QUERY_COMPRESSED: Kind = Kind(165);
    pub const WRITE_ROWS_COMPRESSED_V1: Kind = Kind(166);
    pub const UPDATE_ROWS_COMPRESSED_V1: Kind = Kind(167);
    pub const DELETE_ROWS_COMPRESSED_V1: Kind = Kind(168);
}

impl Kind {
    /// Whether it stands between transactions, and is about the file.
    pub fn is_of_file(self) -> bool {
        matches!(
            self,
            Kind::STOP
                | Kind::ROTATE
                | Kind::FORMAT
                | Kind::PREVIOUS_GTIDS
                | Kind::BINLOG_CHECKPOINT
                | Kind::GTID_LIST
                | Kind::START_ENCRYPTION
        )
    }

    /// Whether a transaction begins with it.
    pub fn is_gtid(self) -> bool {
        matches!(self, Kind::GTID | Kind::ANONYMOUS_GTID | Kind::GTID_TAGGED | Kind::MARIADB_GTID)
    }
}

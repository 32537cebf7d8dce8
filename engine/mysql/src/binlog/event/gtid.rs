//! The event that a transaction begins with.

use std::fmt;

use super::{Cursor, Header, Kind, Malformed};

/// MariaDB: the transaction is one statement that commits by itself.
const STANDALONE: u8 = 0x01;
/// MariaDB: the number of a group commit follows.
const GROUP_COMMIT: u8 = 0x02;
/// MariaDB: it changes definitions.
const DEFINITIONS: u8 = 0x20;
/// MariaDB: it prepares an XA transaction, whose id follows.
const PREPARES_XA: u8 = 0x40;
/// MySQL: what follows the id says in which order transactions may be applied.
const LOGICAL_CLOCK: u8 = 2;
/// MySQL: the time of the first commit follows that of this server.
const OTHER_ORIGIN: u64 = 1 << 55;

/// The id of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gtid {
    /// MariaDB's.
    MariaDb {
        /// The domain.
        domain: u32,
        /// The server where it was committed first.
        server: u32,
        /// Its number in the domain.
        sequence: u64,
    },
    /// MySQL's.
    MySql {
        /// The server where it was committed first.
        server: [u8; 16],
        /// Its number there.
        number: u64,
    },
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gtid::MariaDb { domain, server, sequence } => write!(f, "{domain}-{server}-{sequence}"),
            Gtid::MySql { server, number } => {
                write_uuid(f, server)?;
                write!(f, ":{number}")
            }
        }
    }
}

/// Writes the id of a server of MySQL.
pub fn write_uuid(f: &mut fmt::Formatter<'_>, uuid: &[u8; 16]) -> fmt::Result {
    for (at, byte) in uuid.iter().enumerate() {
        let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
        write!(f, "{dash}{byte:02x}")?;
    }
    Ok(())
}

/// The event that begins a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GtidEvent {
    /// The id, if it has one that can be read.
    pub gtid: Option<Gtid>,
    /// When it was committed, if the server wrote it down: microseconds since 1970.
    pub committed: Option<i64>,
    /// MariaDB: whether it is one statement that commits by itself; none where that is not written down.
    pub is_standalone: Option<bool>,
    /// MariaDB: whether it changes definitions.
    pub changes_definitions: bool,
    /// MariaDB: whether it prepares an XA transaction.
    pub prepares_xa: bool,
}

impl GtidEvent {
    /// Reads the body of an event of a kind for which [`Kind::is_gtid`] holds.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(header: &Header, body: &[u8]) -> Result<Self, Malformed> {
        match header.kind {
            Kind::MARIADB_GTID => mariadb(header, body),
            Kind::GTID | Kind::ANONYMOUS_GTID => mysql(header, body),
            // Tagged ids are written in a way of their own. The transaction has its place all the same.
            _ => Ok(GtidEvent::default()),
        }
    }
}

fn mariadb(header: &Header, body: &[u8]) -> Result<GtidEvent, Malformed> {
    let mut cursor = Cursor::new(body);
    let (sequence, domain, flags) = (cursor.u64()?, cursor.u32()?, cursor.u8()?);
    if flags & GROUP_COMMIT != 0 {
        cursor.u64()?;
    }
    Ok(GtidEvent {
        gtid: Some(Gtid::MariaDb { domain, server: header.server_id, sequence }),
        committed: None,
        is_standalone: Some(flags & STANDALONE != 0),
        changes_definitions: flags & DEFINITIONS != 0,
        prepares_xa: flags & PREPARES_XA != 0,
    })
}

fn mysql(header: &Header, body: &[u8]) -> Result<GtidEvent, Malformed> {
    let mut cursor = Cursor::new(body);
    cursor.u8()?;
    let mut server = [0; 16];
    server.copy_from_slice(cursor.take(16)?);
    let number = cursor.u64()?;
    let gtid = (header.kind == Kind::GTID).then_some(Gtid::MySql { server, number });
    // Older servers write nothing more.
    let has_times = cursor.rest().first() == Some(&LOGICAL_CLOCK) && cursor.rest().len() >= 1 + 16 + 7;
    let committed = if has_times {
        cursor.take(1 + 16)?;
        i64::try_from(cursor.number(7)? & !OTHER_ORIGIN).ok()
    } else {
        None
    };
    Ok(GtidEvent { gtid, committed, ..GtidEvent::default() })
}

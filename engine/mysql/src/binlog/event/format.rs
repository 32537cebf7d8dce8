//! Format descriptions: how the events of a file are to be read.

use super::{CHECKSUM_LEN, Cursor, Event, HEADER_LEN, Header, Kind, Malformed};

/// Bytes of the server's version.
const VERSION_LEN: usize = 50;
/// The version of the log that all servers write since 2005.
const LOG_VERSION: u16 = 4;
/// The first versions with checksums; each writes how it makes them.
const CHECKSUMS_SINCE: [u32; 3] = [5, 6, 1];
const CHECKSUMS_SINCE_MARIADB: [u32; 3] = [5, 3, 0];
/// How checksums are made: not at all, or by CRC-32.
const NO_CHECKSUMS: u8 = 0;
const CRC32: u8 = 1;

/// A format description, with what is to be known of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// The server's version.
    pub version: String,
    /// The time in its header: tells the file from another one of the same name.
    pub timestamp: u32,
    /// Whether events have checksums.
    pub has_checksums: bool,
    /// Length of the fixed part of the body, for each kind from 1 on.
    pub fixed_lengths: Vec<u8>,
    /// The whole event.
    pub bytes: Vec<u8>,
}

impl Format {
    /// Reads a format description, and checks it.
    ///
    /// # Errors
    /// [`Malformed`] if `bytes` are none, or its checksum does not fit.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let header = Header::read(bytes)?;
        if header.kind != Kind::FORMAT {
            return Err(Malformed("the event is not a format description"));
        }
        let mut cursor = Cursor::new(bytes.get(HEADER_LEN..).unwrap_or_default());
        if cursor.u16()? != LOG_VERSION {
            return Err(Malformed("the log has another version than 4"));
        }
        let version = cursor.take(VERSION_LEN)?;
        let version = version.split(|byte| *byte == 0).next().unwrap_or_default();
        let version = String::from_utf8_lossy(version).into_owned();
        // When the server was started, which says nothing of the file.
        cursor.u32()?;
        if usize::from(cursor.u8()?) != HEADER_LEN {
            return Err(Malformed("the headers of the log have another length than 19"));
        }
        let (fixed_lengths, way) = if writes_way(&version) {
            let end = cursor.rest().len().checked_sub(1 + CHECKSUM_LEN);
            let lengths = cursor.take(end.ok_or(Malformed("the format description is cut short"))?)?;
            (lengths, cursor.u8()?)
        } else {
            (cursor.rest(), NO_CHECKSUMS)
        };
        let has_checksums = match way {
            NO_CHECKSUMS => false,
            CRC32 => true,
            _ => return Err(Malformed("the log has checksums of an unknown kind")),
        };
        let fixed_lengths = fixed_lengths.to_vec();
        let format =
            Format { version, timestamp: header.timestamp, has_checksums, fixed_lengths, bytes: bytes.to_vec() };
        Event::new(bytes)?.check(&format)?;
        Ok(format)
    }

    /// Whether MariaDB wrote it: events from 160 on are its own.
    pub fn is_mariadb(&self) -> bool {
        self.version.contains("MariaDB")
    }

    /// Length of the fixed part of the body of events of `kind`; 0 if there is none.
    pub fn fixed_length(&self, kind: Kind) -> u8 {
        let at = usize::from(kind.0).checked_sub(1);
        at.and_then(|at| self.fixed_lengths.get(at)).copied().unwrap_or_default()
    }
}

/// Whether a server of this version writes how it makes checksums.
fn writes_way(version: &str) -> bool {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse().unwrap_or(0));
    let version_number: [u32; 3] = std::array::from_fn(|_| numbers.next().unwrap_or(0));
    let since = if version.contains("MariaDB") { CHECKSUMS_SINCE_MARIADB } else { CHECKSUMS_SINCE };
    version_number >= since
}

//! Made-up logs, for tests.

use repo_format::cbor::ByteString;
use repo_format::database::Flavour;
use repo_format::id::{LeaseId, StreamId};
use repo_format::log::{Coverage, LogFile, LogPlace, LogRecord, SECOND, StreamStart};
use repo_format::manifest::{Manifest, ManifestKind, Problems, Root, RootKind, Statistics};

use super::StoredLog;

/// The address of the made-up server.
pub const ADDRESS: &[u8] = b"mysql://db:3306";

/// An id.
pub fn id(number: u8) -> LeaseId {
    LeaseId([number; 16])
}

/// A place in its only file.
pub fn place(offset: u64) -> LogPlace {
    LogPlace { file: "binlog.000001".to_owned(), offset, gtid: String::new() }
}

/// A format description of a file that began at `seconds`.
pub fn format(seconds: u32) -> Vec<u8> {
    let mut event = vec![0; 19 + 2 + 50 + 4 + 1];
    event[..4].copy_from_slice(&seconds.to_le_bytes());
    event[4] = 15;
    event[19] = 4;
    event[21..27].copy_from_slice(b"5.5.30");
    event[75] = 19;
    let size = u32::try_from(event.len()).unwrap();
    event[9..13].copy_from_slice(&size.to_le_bytes());
    event
}

/// A log from one offset to another; each offset is written at the second of its number.
pub fn log(number: u8, stream: u8, previous: Option<u8>, (from, to): (u64, u64)) -> StoredLog {
    let file = LogFile {
        name: "binlog.000001".to_owned(),
        format: ByteString(format(0)),
        first: from,
        end: to,
        is_closed: false,
    };
    let record = LogRecord {
        stream: StreamId([stream; 16]),
        flavour: Flavour::MariaDb,
        version: String::new(),
        identity: "one".to_owned(),
        from: place(from),
        to: place(to),
        previous: previous.map(id),
        start: previous.is_none().then_some(StreamStart::First),
        files: vec![file],
        clock_ahead: 0,
        transactions: 0,
        variables: Vec::new(),
        coverage: Coverage::Whole,
        coverage_reason: None,
        complete_until: i64::try_from(to).unwrap() * SECOND,
    };
    StoredLog { manifest: manifest(id(number)), record }
}

fn manifest(id: LeaseId) -> Manifest {
    let path = ByteString(ADDRESS.to_vec());
    Manifest {
        kind: ManifestKind::Log,
        id,
        ids: Vec::new(),
        seconds: 0,
        nanoseconds: 0,
        host: String::new(),
        user: String::new(),
        tags: Vec::new(),
        program: String::new(),
        parent: None,
        seen: Vec::new(),
        config_version: 0,
        keyring_version: 0,
        condemned_seen: 0,
        roots: vec![Root { name: ByteString(b"log".to_vec()), kind: RootKind::Database, path }],
        tree: None,
        problems: Problems::default(),
        statistics: Statistics::default(),
        forgotten: None,
        origin: None,
        left_out: None,
        suffering: None,
        second_copy: None,
        evidence: None,
        held: None,
        held_folders: None,
    }
}

//! Logs: fixed values of their records, what is refused of them, and reading transactions in pieces.

use proptest::prelude::*;
use repo_format::FormatError;
use repo_format::cbor::{self, ByteString};
use repo_format::database::{Flavour, Variable};
use repo_format::id::{LeaseId, StreamId};
use repo_format::limits;
use repo_format::log::*;

use crate::samples::Sample;

pub(crate) fn samples() -> Vec<Sample> {
    let sample = |name, encoded, decode| Sample { name, encoded, decode };
    vec![
        sample("plain-log-record-first", first().encode().unwrap(), |b| Ok(LogRecord::decode(b)? == first())),
        sample("plain-log-record", following().encode().unwrap(), |b| Ok(LogRecord::decode(b)? == following())),
        sample("plain-transaction-record", cbor::encode(&transaction()), |b| {
            Ok(cbor::decode::<TransactionRecord>("transaction record", b)? == transaction())
        }),
    ]
}

fn place(file: &str, offset: u64) -> LogPlace {
    LogPlace { file: file.to_owned(), offset, gtid: "0-1-17".to_owned() }
}

fn file(name: &str, end: u64, is_closed: bool) -> LogFile {
    LogFile { name: name.to_owned(), format: ByteString(vec![15; 20]), first: FIRST_OFFSET, end, is_closed }
}

/// The first log of a stream.
pub(crate) fn first() -> LogRecord {
    LogRecord {
        stream: StreamId([9; 16]),
        flavour: Flavour::MariaDb,
        version: "10.11.6-MariaDB-log".to_owned(),
        identity: "identity".to_owned(),
        from: place("binlog.000001", 4),
        to: place("binlog.000002", 1234),
        previous: None,
        start: Some(StreamStart::Gap),
        files: vec![file("binlog.000001", 5_000_000_000, true), file("binlog.000002", 1234, false)],
        clock_ahead: -250,
        transactions: 2,
        variables: vec![Variable { name: "binlog_format".to_owned(), value: "ROW".to_owned() }],
        coverage: Coverage::Partial,
        coverage_reason: Some("binlog_ignore_db is `scratch`".to_owned()),
        complete_until: 1_800_000_000_000_000,
    }
}

/// The log that follows it.
pub(crate) fn following() -> LogRecord {
    LogRecord { previous: Some(LeaseId([1; 16])), start: None, ..first() }
}

/// A transaction with everything that one can have.
pub(crate) fn transaction() -> TransactionRecord {
    let changed =
        ChangedTable { schema: "shop".to_owned(), table: "visit".to_owned(), inserted: 1, updated: 2, deleted: 300 };
    TransactionRecord {
        file: 1,
        begin: 5_000_000_000,
        end: 5_000_000_900,
        skip: 77,
        time: 1_800_000_000_123_456,
        time_source: TimeSource::Arrival,
        flags: TransactionFlags(3),
        gtid: Some("0-1-18".to_owned()),
        tables: vec![changed],
        text: Some(ByteString(b"DELETE FROM visit".to_vec())),
        schema: Some("shop".to_owned()),
    }
}

fn transactions() -> Vec<u8> {
    let mut bytes = Vec::new();
    (0..2).for_each(|_| transaction().append_to(&mut bytes).unwrap());
    bytes
}

/// The records of `bytes`, pushed in pieces.
fn read(bytes: &[u8], piece: usize) -> Result<Vec<TransactionRecord>, FormatError> {
    let (mut reader, mut records) = (TransactionsReader::default(), Vec::new());
    for piece in bytes.chunks(piece.max(1)) {
        reader.push(piece);
        while let Some(record) = reader.next_record()? {
            records.push(record);
        }
    }
    reader.finish()?;
    Ok(records)
}

fn refused(change: impl FnOnce(&mut LogRecord), why: &str) {
    let mut record = first();
    change(&mut record);
    let error = record.encode().unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn a_log_that_contradicts_itself_is_refused() {
    refused(|r| r.previous = Some(LeaseId([1; 16])), "follows another one, or begins a stream");
    refused(|r| r.start = None, "follows another one, or begins a stream");
    refused(|r| r.files[0].is_closed = false, "not the last one has not ended");
    refused(|r| r.files[0].end = 3, "ends before it begins");
    refused(|r| r.files[0].first = 0, "ends before it begins");
    refused(|r| r.files = vec![file("f", 5, true); 65_537], "files is 65537, at most 65536");
}

#[test]
fn transactions_beyond_their_limits_are_refused() {
    let refused = |record: TransactionRecord, why: &str| {
        let error = record.append_to(&mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    refused(TransactionRecord { text: Some(ByteString(vec![0; 201])), ..transaction() }, "text is 201, at most 200");
    let many = vec![ChangedTable::default(); 4097];
    refused(TransactionRecord { tables: many, ..transaction() }, "tables is 4097, at most 4096");
    refused(TransactionRecord { end: 3, ..transaction() }, "ends before it begins");
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_anything_is_waited_for() {
    let mut reader = TransactionsReader::default();
    let length = u32::try_from(limits::TRANSACTION_RECORD + 1).unwrap();
    reader.push(&length.to_le_bytes());
    assert!(reader.next_record().is_err());
}

#[test]
fn transactions_that_are_cut_short_are_told() {
    let bytes = transactions();
    for end in 1..bytes.len() {
        let whole = read(&bytes[..end], 7);
        assert_eq!(whole.is_ok(), end == bytes.len() / 2, "{end}");
    }
}

#[test]
fn names_of_parts_come_back() {
    for (file, offset) in [("binlog.000001", 4), ("a@b.7", u64::MAX), ("../x", 0)] {
        assert_eq!(parse_part_name(&part_name(file, offset)), Some((file.to_owned(), offset)));
    }
    for wrong in ["binlog.000001", "a@", "a@04", "a@+4", "a@4 ", "@", "a/b@4", "a@18446744073709551616"] {
        assert_eq!(parse_part_name(wrong.as_bytes()), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn transactions_are_the_same_in_pieces_of_any_size(piece in 1usize..400) {
        prop_assert_eq!(read(&transactions(), piece).unwrap(), [transaction(), transaction()]);
    }
}

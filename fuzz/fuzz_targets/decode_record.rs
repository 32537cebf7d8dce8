//! Records of databases, as the first byte chooses, and names in their directories.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repo_format::database::{
    AccountsRecord, ReceiptRecord, SchemaRecord, ServerRecord, TableRecord, escape_name, unescape_name,
};
use repo_format::log::{LogRecord, TransactionsReader};

/// A decoded value must encode, and decode to the same value again.
macro_rules! round_trip {
    ($type:ty, $bytes:expr) => {
        if let Ok(value) = <$type>::decode($bytes) {
            assert_eq!(<$type>::decode(&value.encode().unwrap()), Ok(value));
        }
    };
}

fuzz_target!(|data: &[u8]| {
    let Some((selector, rest)) = data.split_first() else { return };
    match selector % 8 {
        0 => round_trip!(ServerRecord, rest),
        1 => round_trip!(AccountsRecord, rest),
        2 => round_trip!(SchemaRecord, rest),
        3 => round_trip!(TableRecord, rest),
        4 => round_trip!(ReceiptRecord, rest),
        5 => round_trip!(LogRecord, rest),
        6 => transactions(rest),
        _ => names(rest),
    }
});

/// All records of transactions, which encode to the same bytes again.
fn transactions(bytes: &[u8]) {
    let (mut reader, mut again) = (TransactionsReader::default(), Vec::new());
    reader.push(bytes);
    while let Ok(Some(record)) = reader.next_record() {
        record.append_to(&mut again).unwrap();
    }
    assert!(bytes.starts_with(&again));
}

fn names(bytes: &[u8]) {
    if let Some(name) = unescape_name(bytes) {
        assert_eq!(escape_name(&name), bytes);
    }
    if let Ok(name) = std::str::from_utf8(bytes) {
        assert_eq!(unescape_name(&escape_name(name)).as_deref(), Some(name));
    }
}

//! Records of databases, as the first byte chooses, and names in their directories.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repo_format::database::{
    AccountsRecord, ReceiptRecord, SchemaRecord, ServerRecord, TableRecord, escape_name, unescape_name,
};

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
    match selector % 6 {
        0 => round_trip!(ServerRecord, rest),
        1 => round_trip!(AccountsRecord, rest),
        2 => round_trip!(SchemaRecord, rest),
        3 => round_trip!(TableRecord, rest),
        4 => round_trip!(ReceiptRecord, rest),
        _ => names(rest),
    }
});

fn names(bytes: &[u8]) {
    if let Some(name) = unescape_name(bytes) {
        assert_eq!(escape_name(&name), bytes);
    }
    if let Ok(name) = std::str::from_utf8(bytes) {
        assert_eq!(unescape_name(&escape_name(name)).as_deref(), Some(name));
    }
}

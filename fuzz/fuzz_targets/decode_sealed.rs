//! Sealed framings and the trailer of a pack.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repo_format::head::ObjectKind;
use repo_format::limits;
use repo_format::pack::{TRAILER_LEN, decode_trailer, encode_trailer};
use repo_format::sealed::{self, ENVELOPE_LEN};

fuzz_target!(|data: &[u8]| {
    for kind in ObjectKind::ALL {
        if let Ok(object) = sealed::decode(kind, data, limits::CONDEMNED) {
            assert_eq!(object.envelope.encode(), data[..ENVELOPE_LEN]);
            assert_eq!(object.sealed, &data[ENVELOPE_LEN..]);
        }
        if let Ok(object) = sealed::decode_checked(kind, data, limits::CONDEMNED) {
            assert_eq!(Ok(object), sealed::decode(kind, &data[..data.len() - 32], limits::CONDEMNED));
        }
    }
    let Some(trailer) = data.last_chunk::<TRAILER_LEN>() else { return };
    if let Ok(table) = decode_trailer(trailer, data.len() as u64) {
        assert!(table.end + TRAILER_LEN as u64 == data.len() as u64 && table.start >= ENVELOPE_LEN as u64);
        assert_eq!(encode_trailer(u32::try_from(table.end - table.start).unwrap()), *trailer);
    }
});

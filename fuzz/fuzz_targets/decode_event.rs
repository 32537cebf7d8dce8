//! Events of a binary log: one format description, then events; with the first byte odd, one event that is its body alone.
#![no_main]

use engine::binlog::event::{Event, EventBuffer, Format, HEADER_LEN, Kind, inner_events, uncompressed};
use engine::binlog::gtids::Gtids;
use engine::binlog::transaction::{Placed, Transactions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((selector, data)) = input.split_first() else { return };
    let _ = Format::read(data);
    let format = Format {
        version: "10.11.6-MariaDB".to_owned(),
        timestamp: 0,
        has_checksums: false,
        fixed_lengths: Vec::new(),
        bytes: Vec::new(),
    };
    if selector % 2 == 1 {
        bodies(data);
    }
    let mut transactions = Transactions::default();
    let mut buffer = EventBuffer::default();
    buffer.push(data);
    while let Ok(Some(event)) = buffer.next_event() {
        let placed = Placed { event, file: 0, begin: 0, end: 0, skip: 0, arrival: None };
        if transactions.add(&placed, &format).is_err() {
            break;
        }
    }
});

/// Decodes `data` as the body of each kind.
fn bodies(data: &[u8]) {
    if let Ok(mut pieces) = inner_events(data) {
        while let Ok(Some(_)) = pieces.next_piece() {}
    }
    for kind in 0..=u8::MAX {
        let _ = uncompressed(Kind(kind), data);
        let _ = Gtids::before_file(Kind(kind), data);
        let mut bytes = vec![0; HEADER_LEN];
        bytes[4] = kind;
        bytes.extend_from_slice(data);
        let size = u32::try_from(bytes.len()).unwrap();
        bytes[9..13].copy_from_slice(&size.to_le_bytes());
        assert!(Event::new(&bytes).is_ok());
    }
}

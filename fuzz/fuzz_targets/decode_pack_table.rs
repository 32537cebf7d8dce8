//! Tables of packs: every table that decodes is encoded as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repo_format::head::KeyClass;
use repo_format::pack::PackTable;

fuzz_target!(|data: &[u8]| {
    let Ok(table) = PackTable::decode(data) else { return };
    assert_eq!(table.encode().unwrap(), data);
    let _ = table.check_class(KeyClass::Data);
    let _ = table.check_size(data.len() as u64, u64::MAX);
});

//! Index segments: every segment that decodes is encoded as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repo_format::segment;

fuzz_target!(|data: &[u8]| {
    let Ok(packs) = segment::decode(data) else { return };
    let mut bytes = Vec::new();
    packs.iter().for_each(|pack| pack.encode_into(&mut bytes).unwrap());
    assert_eq!(segment::encode(u32::try_from(packs.len()).unwrap(), &bytes).unwrap(), data);
});

//! Manifests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repo_format::manifest::Manifest;

fuzz_target!(|data: &[u8]| {
    let Ok(manifest) = Manifest::decode(data) else { return };
    let _ = manifest.tree_id();
    assert_eq!(Manifest::decode(&manifest.encode().unwrap()), Ok(manifest));
});

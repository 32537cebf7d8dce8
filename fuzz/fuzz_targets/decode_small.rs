//! Leases, void records, condemned packs, secrets, members' secrets and epoch notes, as the first byte chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repo_format::condemned::Condemned;
use repo_format::keyring::Secrets;
use repo_format::lease::{Lease, Void};
use repo_format::member::MemberSecret;
use repo_format::note::EpochNote;

/// A decoded value must encode, and decode to the same value again. Secrets have no `Debug`.
macro_rules! round_trip {
    ($type:ty, $bytes:expr) => {
        if let Ok(value) = <$type>::decode($bytes) {
            assert!(<$type>::decode(&value.encode().unwrap()).unwrap() == value);
        }
    };
}

fuzz_target!(|data: &[u8]| {
    let Some((selector, rest)) = data.split_first() else { return };
    match selector % 6 {
        0 => round_trip!(Lease, rest),
        1 => round_trip!(Void, rest),
        2 => round_trip!(Condemned, rest),
        3 => round_trip!(Secrets, rest),
        4 => round_trip!(MemberSecret, rest),
        _ => round_trip!(EpochNote, rest),
    }
});

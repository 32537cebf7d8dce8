//! Cutting: chunks cover the data, keep to their sizes, and are the same however the data arrives.
//!
//! The first 8 bytes choose the gear table, the profile and the sizes of the pieces; the rest is the data.
#![no_main]

use std::sync::Arc;

use engine::chunk::{Cutter, GearTables};
use libfuzzer_sys::fuzz_target;
use repo_format::config::Profile;

fuzz_target!(|input: &[u8]| {
    let Some(([gear, min, average, max, pieces @ ..], data)) = input.split_first_chunk::<8>() else { return };
    let profile = profile(*min, *average, *max);
    let cutter = Cutter::new(Arc::new(GearTables::new(gear_table(*gear))), &profile);
    let at_once = cutter.ends(data, true);
    check_sizes(&profile, data.len(), &at_once);
    assert_eq!(piecewise(&cutter, data, pieces), at_once);
});

/// Sizes that a config may have, small enough that short data is cut.
fn profile(min: u8, average: u8, max: u8) -> Profile {
    let average = 256 << (average % 3);
    let min = (64 + u32::from(min)).min(average);
    Profile { name: "fuzz".to_owned(), min, average, max: average + 4 * u32::from(max) }
}

fn gear_table(seed: u8) -> Box<[u64; 256]> {
    let mut word = u64::from(seed);
    Box::new(std::array::from_fn(|_| {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        word ^ word >> 29
    }))
}

/// Only the last chunk may be smaller than the minimum. Sizes are even: cutting goes by two bytes.
fn check_sizes(profile: &Profile, len: usize, ends: &[usize]) {
    let mut from = 0;
    for &end in ends {
        let size = end - from;
        assert!(size > 0 && size <= profile.max as usize);
        assert!(size >= profile.min as usize & !1 || end == len);
        from = end;
    }
    assert_eq!(from, len);
}

/// The ends of `data` that arrives in pieces of these sizes, again and again, each added to what was not cut before.
fn piecewise(cutter: &Cutter, data: &[u8], pieces: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut cut, mut arrived) = (0, 0);
    for piece in pieces.iter().cycle() {
        arrived = data.len().min(arrived + 1 + 8 * usize::from(*piece));
        let is_last = arrived == data.len();
        ends.extend(cutter.ends(&data[cut..arrived], is_last).iter().map(|end| cut + end));
        cut = ends.last().copied().unwrap_or(0);
        if is_last {
            break;
        }
    }
    ends
}

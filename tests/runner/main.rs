//! Scenarios that drive the library, and the rules that the repository keeps: one program, so that it links once.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test says what it leaves out")]

mod append_only;
mod binlog;
mod concurrency;
mod copy;
mod crash;
mod damage;
mod database;
mod evidence;
mod examples;
// A release build has no clock and no randomness that a test can set.
#[cfg(debug_assertions)]
mod explore;
mod faults;
mod find;
mod forget;
mod holds;
mod host;
mod hostile;
mod left_out;
mod model;
mod newest;
mod object_storage;
mod profile;
mod prune;
mod purge;
mod repair;
mod restore;
mod restore_damage;
mod restore_deletes;
mod retired;
mod rights;
mod round_trip;
mod saved;
mod session;
mod shared_catalog;
mod signals;
mod source_kinds;
mod source_less;
mod source_parents;
mod source_trouble;
mod status;
mod support;
mod tidy;
mod totals;
mod verify;

use std::path::Path;

/// A file that no `mod` line names is not compiled, and its tests pass by never running.
#[test]
fn no_file_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("runner");
    let listed = include_str!("main.rs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(name == "main" || listed.contains(&format!("\nmod {name};\n")), "runner/main.rs lacks `mod {name};`");
    }
}

//! The tests of the format: one program, so that it links once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod allocations;
mod database;
mod golden;
mod log;
mod malformed;
mod round_trip;
mod samples;
mod spec;
mod vectors;

//! Whole backups and restores, in good times and bad ones.

mod concurrency;
mod crash;
mod faults;
mod model;
mod restore;
mod round_trip;
mod source_trouble;
mod support;

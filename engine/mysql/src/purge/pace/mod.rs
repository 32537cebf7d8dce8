//! How fast rows go: batches that hold nobody up for long, and pauses while the server is busy.

mod batches;
mod health;
mod locks;
mod options;

pub use options::{PaceOptions, Window};

pub(in crate::purge) use batches::{Go, Pace, Paced, Tried};
pub(in crate::purge) use locks::{hastily, prepare};

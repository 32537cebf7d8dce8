//! Tables that are rebuilt after a run, and what holes do in tables that are not.

mod holes;
mod rebuild;
mod size;

pub use rebuild::Reclaimed;

pub(in crate::purge) use holes::Holes;
pub(in crate::purge) use rebuild::{Candidate, Rebuilder};
pub(in crate::purge) use size::data_folder;

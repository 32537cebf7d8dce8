//! Deletions: rows in batches, files after their rows, and what an earlier run left of both.

mod batch;
mod earlier;
mod files;
mod held;
mod orphans;

pub(in crate::purge) use batch::{Deleted, delete};
pub(in crate::purge) use earlier::{Orphans, find_left_files};
pub(in crate::purge) use files::remove_files;
pub(in crate::purge) use orphans::{delete_orphans, find_orphans, purge_records};

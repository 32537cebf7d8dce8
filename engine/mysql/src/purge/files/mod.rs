//! Files that go with rows: a folder beside the same folder in the snapshot.
//!
//! ```text
//! prove    the file that a row names = the file in the snapshot   ->  a path; else row and parent stay
//! back     a receipt   ->  files in a folder
//! ```

mod back;
mod counts;
mod folder;
mod located;
mod name;

pub use back::{FilesOptions, RestoredFiles, restore_files};
pub use counts::{FileCounts, FileProblems};

pub(in crate::purge) use counts::FileSet;
pub(in crate::purge) use folder::{Look, SavedFolder};
pub(in crate::purge) use located::{absent_is_refused, located};

//! Files that go with rows: proven as rows are, and removed after them.
//!
//! ```text
//! prove    what a row names = what the snapshot has   ->  paths; else row and parent stay
//! receipt  names them beside the rows, and holds their contents
//! remove   when the rows are gone: hold the tables that name files, ask them, compare bytes again, remove, let go
//! ```

mod back;
mod counts;
mod earlier;
mod folder;
mod located;
mod name;
mod remove;

pub use back::{FilesOptions, RestoredFiles, restore_files};
pub use counts::{FileCounts, FileProblems};

pub(in crate::purge) use counts::FileSet;
pub(in crate::purge) use earlier::{Orphans, find_left_files};
pub(in crate::purge) use folder::{Look, SavedFolder};
pub(in crate::purge) use located::{absent_is_refused, located};
pub(in crate::purge) use remove::{RemovedFiles, remove_files};

//! Sources that make one folder of the snapshot by themselves: database servers.

use repo_format::manifest::Root;

use super::Run;
use crate::error::Result;
use crate::pack::ChunkReader;
use crate::tree::{Top, TreeEntry};

/// A source that reads itself, and stores what it has read as one folder.
pub trait FolderSource: Send {
    /// Where it is, for the manifest and for people: without secrets.
    fn address(&self) -> String;

    /// Takes what is to be asked when all sources are stored, if there is anything.
    fn take_companion(&mut self) -> Option<Companion>;

    /// Stores it, and gives the entry of its folder, which has the name of `root`.
    ///
    /// # Errors
    /// If nothing can be saved. What only lacks a part names it with [`Run::problem`].
    fn save(&self, run: &Run<'_>, root: &Root) -> Result<TreeEntry>;
}

/// A file that such a source speaks of, and that is not in the snapshot.
#[derive(Debug, Clone)]
pub struct Missing {
    /// Its path in the snapshot.
    pub path: Vec<u8>,
    /// The file, and where the source speaks of it.
    pub message: String,
    /// The entry that the parent snapshot has in its place.
    pub parent: Option<TreeEntry>,
}

/// Tells which files are missing in a snapshot, whose top is the first one, given that of its parent.
pub type Companion = Box<
    dyn Fn(&ChunkReader<'_>, &Top<'_>, Option<&Top<'_>>, &mut dyn FnMut(Missing) -> Result<()>) -> Result<()>
        + Send
        + Sync,
>;

/// Figures of a saved database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DatabaseFigures {
    /// Tables in the snapshot.
    pub tables: u64,
    /// Tables of these that had not changed, and were not read.
    pub unchanged_tables: u64,
    /// Tables that show a later time than the others.
    pub late_tables: u64,
    /// Tables and other objects that are not in the snapshot.
    pub missing_tables: u64,
    /// Rows that were read.
    pub rows: u64,
    /// For how long tables were locked, the longest of all.
    pub locked_milliseconds: u64,
    /// The longest wait for one of these locks that was seen.
    pub longest_wait_milliseconds: u64,
}

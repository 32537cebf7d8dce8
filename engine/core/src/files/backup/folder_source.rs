//! Sources that produce one folder of the snapshot themselves: database servers.

use repo_format::manifest::Root;

use super::Run;
use crate::error::Result;
use crate::pack::ChunkReader;
use crate::tree::{Top, TreeEntry};

/// A source that reads itself, and stores its data as one folder.
pub trait FolderSource: Send {
    /// Its place, for the manifest and for users, without secrets.
    fn address(&self) -> String;

    /// Takes the companion, if there is one; it is asked when all sources are stored.
    fn take_companion(&mut self) -> Option<Companion>;

    /// Stores it, and returns the entry of its folder, which has the name of `root`.
    ///
    /// # Errors
    /// If nothing can be saved. A missing part is not an error; the source reports it with [`Run::problem`].
    fn save(&self, run: &Run<'_>, root: &Root) -> Result<TreeEntry>;
}

/// A file that such a source refers to, and that is not in the snapshot.
#[derive(Debug, Clone)]
pub struct Missing {
    /// Its path in the snapshot.
    pub path: Vec<u8>,
    /// The file, and where the source refers to it.
    pub message: String,
    /// The parent snapshot's entry in its place.
    pub parent: Option<TreeEntry>,
}

/// Reports the files that are missing in a snapshot, and returns the number of files that it looked up, or `None` if
/// there was nothing to look up. The arguments are the top of the snapshot and of its parent.
pub type Companion = Box<
    dyn Fn(&ChunkReader<'_>, &Top<'_>, Option<&Top<'_>>, &mut dyn FnMut(Missing) -> Result<()>) -> Result<Option<u64>>
        + Send
        + Sync,
>;

/// Figures of a saved database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DatabaseFigures {
    /// Tables in the snapshot.
    pub tables: u64,
    /// Tables among these that were unchanged, and not read.
    pub unchanged_tables: u64,
    /// Tables of which only the rows were read that had changed.
    pub partly_read_tables: u64,
    /// Why the server's log did not help to read less.
    pub whole_because: Option<String>,
    /// Tables that show a later time than the others.
    pub late_tables: u64,
    /// Tables and other objects that are not in the snapshot.
    pub missing_tables: u64,
    /// The number of rows that were read.
    pub rows: u64,
    /// The longest time that tables were locked.
    pub locked_milliseconds: u64,
    /// The longest observed wait of another client for one of these locks.
    pub longest_wait_milliseconds: u64,
    /// Tables whose rows in the earlier snapshot are lost, and that were read whole therefore.
    pub mended: Vec<MendedTable>,
    /// Tables that are gone or have lost a fifth of their rows since the earlier snapshot, though no purge has removed them.
    pub shrunken: Vec<String>,
}

/// A table that was read whole because its rows in the earlier snapshot are lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MendedTable {
    /// Its name, with that of its schema.
    pub name: String,
    /// How they are lost.
    pub loss: Loss,
    /// Whether an earlier check had found that the earlier snapshot needs lost data.
    pub is_known: bool,
}

/// How rows are lost in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Packs that held them are gone, or known not to open.
    Missing,
    /// They do not open.
    Damaged,
}

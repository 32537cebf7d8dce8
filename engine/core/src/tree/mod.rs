//! Trees: contents of files and directories as Merkle lists of nodes (FORMAT.md, section 10).
//!
//! Builders cut long sequences into nodes by content, and store them through a [`NodeSink`](crate::pack::NodeSink).
//! Readers walk them through a [`ChunkReader`](crate::pack::ChunkReader) and hold one node per level.
//! [`reach`](reach()) finds everything below a node.

mod add;
mod ahead;
mod children;
mod content;
mod directory;
mod entry;
mod path;
mod pieces;
mod problem_lists;
mod reach;
mod segments;
mod top;
mod writer;

pub(crate) use add::add_entries;
pub(crate) use ahead::chunks_of;
pub use ahead::{ContentPieces, SegmentAhead, SegmentsAhead};
pub(crate) use children::readdressed;
pub use children::{Child, Node};
pub use content::{ContentBuilder, ContentIter, read_file};
pub use directory::{DirectoryBuilder, DirectoryIter, Leaf};
pub use entry::{ContentRef, TreeEntry};
pub use path::lookup;
pub use path::{EntryCount, check_depth};
pub use path::{is_beneath, join, parent};
pub use pieces::FilePieces;
pub(crate) use problem_lists::{problem_weight, store_problems};
pub use reach::{Visitor, reach, reach_content};
pub use segments::{SegmentItem, SegmentIter, SegmentListBuilder};
pub use top::Top;
pub use writer::{ChunkWriter, FileWriter, Rest, WrittenFile};

//! Packs: many sealed chunks in one object (FORMAT.md, section 8).
//!
//! Writing: [`ChunkStore`] takes plain chunks, drops those that the repository has, and seals the others into open packs;
//! [`assemble`] makes a finished pack of one; an uploader puts it and takes it into the catalog. A [session](crate::session) gives it, with its thread. Reading: [`ChunkReader`]. Copying chunks
//! as they are, sealed: [`PackRewriter`].

mod assemble;
mod chunk_store;
mod chunks;
mod open_pack;
mod reader;
mod rewrite;
mod upload;
mod whole_pack;

pub use assemble::FinishedPack;
pub use chunk_store::{ChunkStore, NodeSink, StoreTotals, Stored};
pub use chunks::Opened;
pub(crate) use chunks::open_chunk;
pub use reader::{ChunkReader, Plain};
pub use rewrite::PackRewriter;
pub use upload::{Arrivals, Mode};
pub use whole_pack::WholePack;

//! Packs: many sealed chunks in one object (FORMAT.md, section 8).
//!
//! [`ChunkStore`] takes plain chunks, drops those that the repository has, and seals the others into open packs.
//! [`assemble`] finishes a pack; an uploader puts it and enters it into the catalog. A [session](crate::session)
//! provides the store together with its upload thread. [`ChunkReader`] reads chunks, and [`Wanted`] many of them at once. [`PackRewriter`] copies chunks
//! without opening them.

mod assemble;
mod chunk_store;
mod chunks;
mod open_pack;
mod reader;
mod rewrite;
mod upload;
mod wanted;
mod whole_pack;

pub use assemble::FinishedPack;
pub use chunk_store::{ChunkStore, NodeSink, StoreTotals, Stored};
pub use chunks::{CodedChunk, Opened};
pub(crate) use chunks::{open_chunk, open_coded};
pub use reader::{ChunkReader, Plain, PlainChunks};
pub use rewrite::PackRewriter;
pub use upload::{Arrivals, Mode};
pub use wanted::{WANTED_BYTES, Wanted};
pub use whole_pack::WholePack;

//! Chunks: where to cut, and how their bytes are coded.

mod codec;
mod cutter;
mod profile;

pub use codec::{Coded, Coder, Compression, FileCompression, decode};
pub use cutter::{Cutter, GearTables};
pub use profile::ProfileName;

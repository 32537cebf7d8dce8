//! A hostile repository, made by somebody with the keys. Nothing leaves the target, nothing hangs, nothing crashes.

mod contents;
mod epochs;
pub mod forge;
mod keys;
mod names;
mod packs;
mod segments;
mod trees;

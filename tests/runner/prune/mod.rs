//! Prune: what no snapshot needs goes, and nothing else, whatever happens meanwhile.

mod doubt;
pub mod scene;
mod space;
mod trouble;
mod writers;

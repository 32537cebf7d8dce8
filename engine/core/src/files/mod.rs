//! Saves folders, files and streams in a snapshot, and restores them.

pub mod backup;
pub mod first_bytes;
pub mod restore;
pub mod source;

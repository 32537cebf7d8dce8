//! Folders, files and streams into a snapshot, and back.

pub mod backup;
pub mod restore;
pub mod source;

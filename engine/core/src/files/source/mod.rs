//! The sources of a backup.
//!
//! [`path`] normalizes the path of a source, [`exclude`] has the exclusions, and [`protected`] the folders that are
//! never saved.

pub mod exclude;
pub mod path;
pub mod protected;

//! Where a backup comes from.
//!
//! [`path`] says what a source is called, [`exclude`] what of a folder is left out.

pub mod exclude;
pub mod path;

//! Where a backup comes from.
//!
//! [`path`] says what a source is called, [`exclude`] what of a folder is left out, [`protected`] what is never saved.

pub mod exclude;
pub mod path;
pub mod protected;

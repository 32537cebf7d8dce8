//! Where a backup comes from.
//!
//! [`exclude`] decides what of a folder is left out.

pub mod exclude;

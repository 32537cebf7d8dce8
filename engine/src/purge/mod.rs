//! Removes old rows from a live database, only those that a snapshot is proven to hold.

pub mod receipt;

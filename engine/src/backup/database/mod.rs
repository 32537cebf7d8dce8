//! A database as a source: the parts from which its backup is made.
//!
//! ```text
//! moment     one moment for all tables: snapshots, and locks where an engine has none
//! locked     reads what is locked, in the order that makes writers wait least   ---> spool (sorted, sealed, without a name)
//! reader     reads one table, from a snapshot, under a lock, or in short ranges
//! segments   from rows in order to segments in the repository
//! parent     what did not change since the parent snapshot is carried over
//! ```
#![expect(
    dead_code,
    reason = "no source of a backup is a database yet: these parts come before the run that joins them"
)]

mod locked;
mod moment;
mod parent;
mod reader;
mod segments;
mod spool;

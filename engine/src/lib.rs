//! The Enamel backup engine: folders, files, streams and databases into an encrypted, deduplicated repository, and back.
//!
//! ```text
//! backup:   source -> chunk -> pack -> store
//! restore:  store  -> pack  -> chunk -> target
//! ```
//!
//! This crate joins the others: [`store`] is where a repository lies; most modules are the engine itself; with the feature `mysql`, which is
//! on unless it is turned off, come databases.

pub use engine_core::{
    Error, ErrorKind, Result, catalog, chunk, crypto, error, files, filesystem, machine, memory, monitor, pack,
    repository, session, snapshots, tree, upkeep,
};
#[cfg(feature = "mysql")]
pub use engine_mysql::{database, dump, export, load, profile, purge, survey};
pub use engine_store as store;

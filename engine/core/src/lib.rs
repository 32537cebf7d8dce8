//! Repositories, snapshots, files and their upkeep: the Enamel backup engine without databases.
//!
//! ```text
//! backup:   source -> chunk -> pack -> store
//! restore:  store  -> pack  -> chunk -> target
//! ```
//!
//! Data moves along an arrow; progress goes sideways to a [`monitor::Monitor`]; errors go up. The engine never prints and never
//! reads the environment. `ARCHITECTURE.md` has the map.

pub mod backup;
pub mod cat;
pub mod catalog;
pub mod chunk;
pub mod crypto;
pub mod diff;
pub mod error;
pub mod filesystem;
pub mod filter;
pub mod find;
pub mod forget;
pub mod ls;
pub mod machine;
pub mod memory;
pub mod monitor;
pub mod needs;
pub mod pack;
pub mod prune;
pub mod repair;
pub mod repository;
pub mod restore;
pub mod retention;
pub mod saved;
pub mod session;
pub mod snapshots;
pub mod source;
mod sqlite;
pub mod stats;
pub mod status;
pub mod tree;
pub mod verify;

pub use error::{Error, ErrorKind, Result};

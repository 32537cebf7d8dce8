//! Repositories, snapshots, files and their upkeep: the Enamel backup engine without databases.
//!
//! ```text
//! backup:   source -> chunk -> pack -> store
//! restore:  store  -> pack  -> chunk -> target
//! ```
//! Data moves along an arrow. Progress goes to a [`monitor::Monitor`], and errors go to the caller. The engine never
//! prints and never reads the environment. `ARCHITECTURE.md` has the map.

mod at_once;
pub mod catalog;
pub mod chunk;
pub mod copy;
pub mod crypto;
pub mod error;
pub mod evidence;
pub mod files;
pub mod filesystem;
pub mod health;
pub mod hold;
pub mod host;
pub mod machine;
pub mod memory;
pub mod monitor;
pub mod node_cache;
pub mod pack;
pub mod pictures;
pub mod repository;
pub mod session;
pub mod snapshots;
mod sqlite;
pub mod tree;
pub mod upkeep;
pub mod words;

pub use error::{Error, ErrorKind, Result};

//! Databases of MySQL and MariaDB: saved as folders of a snapshot, loaded into a server again, exported as SQL, and relieved of old rows.
//!
//! ```text
//! dump:    server   -> rows in order -> segments -> snapshot
//! load:    snapshot -> definitions that the target takes, rows -> server
//! purge:   plan -> proof that a snapshot holds it -> delete
//! ```

pub mod binlog;
pub mod database;
mod dialect;
pub mod drill;
pub mod dump;
pub mod export;
pub mod load;
pub mod past;
pub mod profile;
pub mod purge;
pub mod scratch;
pub mod survey;

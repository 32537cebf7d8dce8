//! The binary log of a server: fetched as it is written, kept in the repository, listed, and replayed.
//!
//! ```text
//! event        bytes of events                       gtids        the ids of all transactions up to a place
//! transaction  events -> transactions                archive      server -> log manifests
//! replay       log -> server                         window       logs, snapshots -> moments that can be restored
//! changes      server -> tables and rows that changed since a place
//! check        logs -> what is wrong with them       keep         logs, snapshots -> what may be forgotten
//! stored       logs that are in the repository       merge        many small logs -> one
//! ```

pub mod archive;
pub mod changes;
pub mod check;
pub mod event;
pub mod gtids;
pub mod keep;
pub mod listing;
pub mod merge;
pub mod replay;
pub mod stored;
pub mod transaction;
pub mod window;

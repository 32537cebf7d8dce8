//! One file per command: its arguments, whose documentation is its help, and what it does.

pub mod accept;
pub mod backup;
pub mod cat;
pub mod check;
pub mod completions;
pub mod config;
pub mod demo;
pub mod diff;
pub mod export_sql;
pub mod find;
pub mod forget;
pub mod grants;
pub mod init;
pub mod key;
pub mod leases;
pub mod load;
pub mod ls;
pub mod prune;
pub mod purge;
pub mod repair;
pub mod restore;
pub mod snapshots;
pub mod stats;
pub mod status;
pub mod verify;
pub mod watch;

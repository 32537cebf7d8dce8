//! The names that most programs need: `use engine::prelude::*;`.

pub use engine_core::crypto::{Credential, KeyFile};
pub use engine_core::files::backup::{BackupOptions, BackupOutcome, Source, backup};
pub use engine_core::files::restore::{RestoreOptions, RestoreOutcome, restore};
pub use engine_core::monitor::{Monitor, NullMonitor};
pub use engine_core::repository::{InitOptions, OpenOptions, Repository, init};
pub use engine_core::snapshots::{Selection, Selector, Snapshot, select};
pub use engine_core::{Error, ErrorKind, Result};
#[cfg(feature = "mysql")]
pub use engine_mysql::{
    database::Address,
    dump::DatabaseSource,
    load::{LoadOptions, LoadOutcome, SchemaChoice, load},
};
pub use engine_store::{LocalStore, Store};
pub use repo_format::config::Access;

//! The Enamel backup engine saves folders, files, streams and databases into an encrypted, deduplicated repository, and
//! restores them.
//!
//! ```text
//! backup:   source -> chunk -> pack -> store
//! restore:  store  -> pack  -> chunk -> target
//! ```
//!
//! # Where to begin
//! A repository lies in a [`Store`](store::Store), usually a folder. [`repository::init`] makes one;
//! [`Repository::open`](repository::Repository::open) opens it with a password or a key file. [`files::backup`] saves
//! sources as a snapshot, [`snapshots`] lists and chooses snapshots, and [`files::restore`] restores one. [`upkeep`]
//! decides which snapshots to keep, frees the space of the others, and verifies the repository. The [`prelude`] has the
//! names that most programs need.
//!
//! ```
//! use std::sync::Arc;
//!
//! use engine::prelude::*;
//!
//! # fn main() -> Result<()> {
//! # let folder = tempfile::tempdir().map_err(|e| Error::io("cannot make a folder", e))?;
//! # let (source, target) = (folder.path().join("images"), folder.path().join("restored"));
//! # std::fs::create_dir(&source).and_then(|()| std::fs::write(source.join("a.txt"), "a")).map_err(|e| Error::io("cannot write", e))?;
//! let store = Arc::new(LocalStore::create(&folder.path().join("repository"))?);
//! let key = Credential::KeyFile(KeyFile::generate()?);
//! init(&*store, &key, &InitOptions { label: "owner".to_owned(), ..InitOptions::default() })?;
//!
//! let options = OpenOptions::new(folder.path().join("cache"), Access::Write);
//! let repository = Repository::open(store, &key, &options, &NullMonitor)?;
//! let saved = backup(&repository, vec![Source::Path(source)], &BackupOptions::default(), &NullMonitor)?;
//! assert_eq!(saved.problem_count, 0);
//!
//! let newest = select(&repository, &Selector::Latest { tag: None, until: None })?.snapshot;
//! restore(&repository, &newest, &target, &RestoreOptions::default(), &|_, _| {}, &NullMonitor)?;
//! assert!(target.join("images/a.txt").exists());
//! # Ok(())
//! # }
//! ```
//!
//! The folder `examples` has whole programs: one saves and restores a folder, one has a custom store, and one saves a
//! database.
//!
//! # Guarantees
//!
//! - The engine never prints, never reads the environment, and never ends the process.
//! - Operations block. They take a [`Monitor`](monitor::Monitor), which hears of progress and can ask them to stop.
//! - An item that could not be saved or restored completely is a *problem* in the outcome, not an error. An error means
//!   that nothing was done, or not all; the documentation of the function says which.
//! - The engine trusts neither a repository nor its storage. It verifies everything that it reads, and no number in a
//!   repository decides how much memory it takes.
//!
//! # Crates
//! `engine-store` has [`store`], `engine-core` everything else but databases, and `engine-mysql` databases. The feature
//! `mysql` adds the last and is on by default. `repo_format` is the format on disk, here as [`format`](mod@format).

pub mod prelude;

pub use engine_core::{
    Error, ErrorKind, Result, catalog, chunk, copy, crypto, error, evidence, files, filesystem, health, hold, host,
    machine, memory, monitor, pack, pictures, repository, session, snapshots, tree, upkeep, words,
};
#[cfg(feature = "mysql")]
pub use engine_mysql::{binlog, database, drill, dump, export, load, past, profile, purge, scratch, survey};
pub use engine_store as store;
pub use repo_format as format;

//! This machine's data about a repository: the catalog, which can be rebuilt, and the memory, which cannot.

use std::path::PathBuf;

use repo_format::id::RepositoryId;

use super::{OpenOptions, Repository};
use crate::catalog::Catalog;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::memory::{Memory, MemoryPlace};
use crate::monitor::Monitor;
use crate::node_cache::NodeCache;
use engine_store::Store;

/// The folders of one repository.
pub(super) struct Folders {
    cache: Option<PathBuf>,
    state: Option<PathBuf>,
}

impl Folders {
    pub fn of(options: &OpenOptions, repository: RepositoryId) -> Self {
        let own = |folder: &PathBuf| folder.join(repository.to_string());
        let cache = options.cache_dir.as_ref().map(own);
        Folders { state: options.state_dir.as_ref().map(own).or_else(|| cache.clone()), cache }
    }

    /// The catalog. If the folder is unusable, this run gets its own; nothing relies on sharing it.
    pub fn catalog(&self, repository: RepositoryId, monitor: &dyn Monitor) -> Result<Catalog> {
        let opened = self.cache.as_ref().map(|folder| Catalog::open(folder, repository));
        let catalog = match opened {
            Some(Ok(catalog)) => catalog,
            Some(Err(error)) if error.kind() == ErrorKind::Cache => {
                monitor.note(&format!("{}: this run works without it, and takes longer", chain(&error)));
                Catalog::private(repository)?
            }
            Some(Err(error)) => return Err(error),
            None => Catalog::private(repository)?,
        };
        catalog.note().into_iter().for_each(|note| monitor.note(note));
        Ok(catalog)
    }

    /// The cache of nodes, for a store behind a network.
    pub fn nodes(&self, store: &dyn Store) -> Option<NodeCache> {
        (store.medium().gets_at_once > 1)
            .then(|| NodeCache::new(self.cache.as_ref().map(|folder| folder.join("nodes"))))
    }

    /// The memory. If the folder is unusable, this run gets its own. It then cannot notice a loss, and says so.
    pub fn memory(&self, repository: RepositoryId, store: &dyn Store, troubles: &mut Vec<String>) -> Result<Memory> {
        let at = store.place();
        let place = MemoryPlace { folder: self.state.as_deref(), earlier: self.cache.as_deref(), repository_at: &at };
        match Memory::open(place, repository) {
            Err(error) if error.kind() == ErrorKind::Cache => {
                let message =
                    "this run cannot tell whether snapshots have disappeared or an older state has been put back";
                troubles.push(format!("{}: {message}", chain(&error)));
                Memory::private(repository, &at)
            }
            memory => memory,
        }
    }
}

impl Repository {
    /// Reports a lost memory: the catalog knows its serial number.
    pub(super) fn miss_memory(&mut self) -> Result<()> {
        if self.memory.is_kept() {
            let serial = self.memory.serial()?;
            let before = self.catalog.memory()?;
            let is_other = before.is_some_and(|before| before != serial);
            if is_other && self.memory.is_new() && self.memory.troubles()?.is_empty() {
                self.memory.note_trouble("lost", LOST)?;
            }
            if before != Some(serial) {
                self.remember_memory(serial)?;
            }
        }
        self.troubles.extend(self.memory.troubles()?);
        Ok(())
    }

    /// Does not wait for a catalog that others use for long: the next run notes it.
    fn remember_memory(&self, serial: [u8; 16]) -> Result<()> {
        match self.catalog.note_memory(serial) {
            Err(error) if error.kind() != ErrorKind::Cache => Err(error),
            _ => Ok(()),
        }
    }
}

const LOST: &str = "this computer's memory of the repository is gone: nobody can tell whether snapshots have disappeared before, or an older state has been put back";

/// The error for a version that is older than this machine has seen.
pub(super) fn rolled_back(name: &str, version: u64, known: u64) -> Error {
    let message = format!(
        "the repository's {name} has been replaced by an older or other copy: it is version {version}, and this computer has seen version {known}"
    );
    Error::new(ErrorKind::Disappeared, message)
}

//! Stores of repositories, and whether there is a repository in them.

use std::path::Path;
use std::sync::Arc;

use engine::host::is_repository;
use engine::store::{LocalStore, Store};
use engine::{Error, ErrorKind, Result};

/// Opens the store in `path`.
///
/// # Errors
/// [`ErrorKind::NoRepository`] if there is no such folder, or no repository in it.
pub fn open_store(path: &Path) -> Result<Arc<dyn Store>> {
    open_local(path).map(|store| Arc::new(store) as Arc<dyn Store>)
}

/// As [`open_store`], before it is known what is done with it.
///
/// # Errors
/// [`ErrorKind::NoRepository`] if there is no such folder, or no repository in it.
pub fn open_local(path: &Path) -> Result<LocalStore> {
    if !path.is_dir() {
        let why = if path.exists() { "it is no folder" } else { "no such folder" };
        let message = format!("there is no repository {}: {why}", path.display());
        return Err(Error::new(ErrorKind::NoRepository, message));
    }
    let store = LocalStore::open(path).map_err(Error::from)?;
    if is_repository(&store)? {
        return Ok(store);
    }
    Err(Error::new(ErrorKind::NoRepository, format!("there is no repository in {}", path.display())))
}

/// Fails if nothing of a repository is there.
///
/// # Errors
/// [`ErrorKind::NoRepository`]; if the store does not answer.
pub fn expect_repository(store: &dyn Store) -> Result<()> {
    if is_repository(store)? {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NoRepository, format!("there is no repository in {}", store.location())))
}

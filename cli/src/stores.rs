//! Stores of repositories, and whether there is a repository in them.

use std::path::Path;
use std::sync::Arc;

use engine::store::{Folder, LocalStore, ObjectInfo, ObjectName, Original, Store, StoreErrorKind};
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
        return Err(Error::new(
            ErrorKind::NoRepository,
            format!("there is no repository {}: no such folder", path.display()),
        ));
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

/// Whether anything of a repository is there.
fn is_repository(store: &dyn Store) -> Result<bool> {
    let config = match store.stat(&ObjectName::Config) {
        // There is a second copy of it; opening says what stands in its place.
        Err(error) if error.kind == StoreErrorKind::NotAFile => None,
        found => found?,
    };
    match config {
        Some(_) => Ok(true),
        None if store.stat(&ObjectName::Copy(Original::Config))?.is_some() => Ok(true),
        // This computer may have kept a copy, if there is anything that it could be of.
        None => has_members(store),
    }
}

fn has_members(store: &dyn Store) -> Result<bool> {
    let mut found = false;
    let mut note = |_: ObjectInfo| {
        found = true;
        Ok(())
    };
    store.list(Folder::Keys, &mut note, &mut |_| {}).map_err(Error::from)?;
    Ok(found)
}

//! The newest snapshot of the sources of enamel.toml.

use std::os::unix::ffi::OsStrExt;

use engine::repository::Repository;
use engine::snapshots::status::{StatusOptions, status};
use engine::{ErrorKind, Result};
use jiff::Timestamp;
use repo_format::manifest::{Manifest, RootKind};

use crate::commands::init::host_name;
use crate::settings::FileSettings;

/// When it was begun, whoever made it; `None` if there is none. One from the future says nothing.
///
/// # Errors
/// The repository cannot be read.
pub fn newest(repository: &Repository, settings: &FileSettings) -> Result<Option<Timestamp>> {
    let host = host_name();
    let options = StatusOptions { host: Some(host.clone()), tag: None, this_host: host };
    let status = match status(repository, &options) {
        // No snapshot of this machine is there yet.
        Err(error) if error.kind() == ErrorKind::Usage => return Ok(None),
        found => found?,
    };
    let own = status.sources.iter().filter(|source| source.age_seconds.is_some());
    let own = own.map(|source| &source.newest.manifest).filter(|manifest| has_all(manifest, settings));
    Ok(own.filter_map(|manifest| Timestamp::from_second(manifest.time().seconds).ok()).max())
}

/// Whether everything that the file names is in the snapshot.
fn has_all(manifest: &Manifest, settings: &FileSettings) -> bool {
    let plain = |path: &[u8]| path.strip_suffix(b"/").unwrap_or(path).to_vec();
    let has_folder = |path: &[u8]| manifest.roots.iter().any(|root| plain(&root.path.0) == plain(path));
    let has_database = || manifest.roots.iter().any(|root| root.kind == RootKind::Database);
    settings.sources.iter().all(|source| has_folder(source.as_os_str().as_bytes()))
        && (settings.database.is_none() || has_database())
}

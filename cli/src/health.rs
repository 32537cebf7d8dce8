//! Whether everything is safe: one answer for `enamel status`, notices and the console.
//!
//! The engine judges (`engine::health`). Here are the facts that only this computer knows: what the schedule promises, the
//! room on the disk, and copies that were missed. Behind a network a call costs a list of snapshots and of the index, and
//! a few small objects: manifests that this computer has read before stay here.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::Result;
use engine::filesystem::{free_space, path_from_bytes};
use engine::health::{Expectation, Free, Health, HealthOptions};
use engine::repository::Repository;
use engine::snapshots::status::{self, SourceStatus, Status, StatusOptions};
use repo_format::manifest::RootKind;

use crate::agent::{self, Promise, Schedule};
use crate::commands::init::host_name;
use crate::commands::supplemental;
use crate::context::Context;

/// The state of a repository and of everything that is saved in it.
pub struct Look {
    /// All sources.
    pub status: Status,
    /// The answers.
    pub health: Health,
}

/// Looks at a repository that is open, and answers all questions.
///
/// # Errors
/// The repository cannot be read.
pub fn look(repo: &Repository, context: &Context<'_>) -> Result<Look> {
    let options = StatusOptions { host: None, tag: None, this_host: host_name() };
    let status = status::status(repo, &options)?;
    let health = health_of(repo, &status, None, context)?;
    Ok(Look { status, health })
}

/// The answers for somebody who knows the status of the sources, and perhaps how old a snapshot may become.
///
/// # Errors
/// The repository cannot be read.
pub fn health_of(
    repo: &Repository,
    status: &Status,
    max_age: Option<Duration>,
    context: &Context<'_>,
) -> Result<Health> {
    let folder = context.repository_folder()?;
    let schedule = agent::schedule(repo, context)?;
    let is_schedule_removed = matches!(schedule, Schedule::Removed);
    let promise = match schedule {
        Schedule::Promised(promise) => Some(promise),
        Schedule::None | Schedule::Removed => None,
    };
    let options = HealthOptions {
        expected_seconds: max_age.map(|age| age.as_secs()),
        expectations: match max_age {
            None => promise.as_ref().map(|promise| expectations(promise, status, context)).unwrap_or_default(),
            Some(_) => Vec::new(),
        },
        is_schedule_removed,
        copy_expected_seconds: promise.and_then(|promise| promise.copy_seconds()),
        copies_missed: supplemental::missed(repo, context)? as u64,
        free: free(folder),
        is_shared: folder.is_some_and(|folder| is_shared(folder, &status.sources)),
    };
    engine::health::health(repo, status, &options)
}

/// When the sources of `enamel.toml` are late by the schedule.
fn expectations(promise: &Promise, status: &Status, context: &Context<'_>) -> Vec<Expectation> {
    let own = status.sources.iter().filter(|source| agent::has_all(&source.newest.manifest, &context.settings.file));
    let of = |source: &SourceStatus| {
        let seconds = promise.backup_seconds(source.newest.manifest.time())?;
        Some(Expectation { newest: source.newest.id, seconds })
    };
    own.filter_map(of).collect()
}

/// Room in `folder`; without one the repository is in object storage.
fn free(folder: Option<&Path>) -> Free {
    match folder.map(free_space) {
        None => Free::Unlimited,
        Some(Ok(bytes)) => Free::Bytes(bytes),
        // The check says that nobody could tell.
        Some(Err(_)) => Free::Unknown,
    }
}

/// Whether anything that is saved on this machine is on the disk of the repository.
fn is_shared(repository: &Path, sources: &[SourceStatus]) -> bool {
    let own = host_name();
    // A folder that cannot be asked is not here any more, or this user may not see it.
    let device = |path: &Path| path.metadata().ok().map(|metadata| metadata.dev());
    let Some(disk) = device(repository) else { return false };
    let here = sources.iter().filter(|source| source.newest.manifest.host == own);
    here.flat_map(|source| saved_paths(source, &own)).any(|path| device(&path) == Some(disk))
}

/// The folders and files of a source, and the folders of its databases on this machine.
fn saved_paths(source: &SourceStatus, own: &str) -> Vec<PathBuf> {
    let roots = source.newest.manifest.roots.iter();
    let files = roots.filter(|root| matches!(root.kind, RootKind::Folder | RootKind::File));
    let databases = source.databases.iter().filter(|database| database.hostname == own);
    let databases = databases.filter_map(|database| database.data_folder.clone());
    files.map(|root| path_from_bytes(&root.path.0).to_owned()).chain(databases).collect()
}

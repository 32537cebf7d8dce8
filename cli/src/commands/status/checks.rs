//! The checks: whether everything is safe, in a line each.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::Result;
use engine::filesystem::{free_space, path_from_bytes};
use engine::health::{Check, Free, Health, HealthOptions, State, health};
use engine::repository::Repository;
use engine::snapshots::status::{SourceStatus, Status};
use repo_format::manifest::RootKind;
use serde::Serialize;

use crate::commands::init::host_name;
use crate::commands::supplemental;
use crate::context::Context;
use crate::ui::{Tone, Ui};

/// `check`: the answer to one question.
#[derive(Serialize)]
struct Message<'a> {
    question: &'static str,
    state: &'static str,
    age_seconds: Option<u64>,
    message: &'a str,
    remedy: Option<&'static str>,
    figures: BTreeMap<&'static str, u64>,
}

/// Asks all questions.
///
/// # Errors
/// The repository cannot be read.
pub fn read(repo: &Repository, status: &Status, max_age: Option<Duration>, context: &Context<'_>) -> Result<Health> {
    let folder = context.repository_folder()?;
    let options = HealthOptions {
        expected_seconds: max_age.map(|age| age.as_secs()),
        copies_missed: supplemental::missed(repo, context)? as u64,
        free: free(folder),
        is_shared: folder.is_some_and(|folder| is_shared(folder, &status.sources)),
        ..HealthOptions::default()
    };
    health(repo, status, &options)
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

/// Prints each check, and what helps.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn print(ui: &Ui, health: &Health, shown: impl Fn(&Check) -> bool) -> Result<()> {
    let checks: Vec<_> = health.checks.iter().filter(|check| shown(check)).collect();
    if checks.is_empty() {
        return Ok(());
    }
    ui.line("\nIs everything safe?")?;
    for check in checks {
        ui.verdict(tone(check.state), check.state.name(), &check.sentence)?;
        if let Some(remedy) = check.remedy {
            ui.under_verdict(&format!("`{remedy}`"))?;
        }
    }
    Ok(())
}

fn tone(state: State) -> Tone {
    match state {
        State::Good => Tone::Good,
        State::Unknown => Tone::Unknown,
        State::Attention => Tone::Attention,
        State::Bad => Tone::Bad,
    }
}

/// Prints each check as JSON.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn message(ui: &Ui, health: &Health) -> Result<()> {
    health.checks.iter().try_for_each(|check| {
        let message = Message {
            question: check.question.name(),
            state: check.state.name(),
            age_seconds: check.age_seconds,
            message: &check.sentence,
            remedy: check.remedy,
            figures: check.figures.iter().map(|figure| (figure.name, figure.value)).collect(),
        };
        ui.message("check", message)
    })
}

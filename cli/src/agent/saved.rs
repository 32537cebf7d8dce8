//! The newest snapshot of the sources of enamel.toml, and what is wrong with it.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::os::unix::ffi::OsStrExt;

use engine::Result;
use engine::repository::Repository;
use engine::snapshots::status::SourceStatus;
use jiff::Timestamp;
use repo_format::manifest::{Manifest, RootKind};

use crate::commands::init::host_name;
use crate::context::Context;
use crate::health::Look;
use crate::notify::{Answer, Seen};
use crate::settings::FileSettings;

/// Things that a snapshot left out and that are told apart.
const ITEMS_MAX: usize = 1000;

/// Looks for it, whoever made it. One from the future says nothing.
///
/// # Errors
/// The repository cannot be read.
pub fn look(repository: &Repository, context: &Context<'_>) -> Result<Seen> {
    let settings = &context.settings.file;
    let Look { status, health } = crate::health::look(repository, context)?;
    let lost = status.suffering.len() as u64;
    let checks = health.checks.iter().map(Answer::of).collect();
    let own = status.sources.iter().filter(|source| source.age_seconds.is_some());
    let own = own.filter(|source| has_all(&source.newest.manifest, settings));
    let Some(newest) = own.max_by_key(|source| source.newest.manifest.time().seconds) else {
        return Ok(Seen { lost, checks, ..Seen::default() });
    };
    let items = items(newest);
    let problems = newest.newest.manifest.problems.count.saturating_sub(newest.problems.len() as u64);
    let time = Timestamp::from_second(newest.newest.manifest.time().seconds).ok();
    Ok(Seen {
        newest: time,
        lost,
        checks,
        left_out: problems + items.len() as u64,
        items: items.into_iter().take(ITEMS_MAX).collect(),
    })
}

/// A mark of each thing that is left out. A version of this program with other marks tells the same once more.
fn items(source: &SourceStatus) -> BTreeSet<u64> {
    let mark = |parts: &[&[u8]]| {
        let mut hasher = DefaultHasher::new();
        parts.hash(&mut hasher);
        hasher.finish()
    };
    let problems = source.problems.iter().map(|problem| mark(&[&problem.path.0, problem.message.as_bytes()]));
    let databases = || source.databases.iter();
    let missing = databases().flat_map(|database| &database.missing).map(|missing| &missing.object);
    let missing =
        missing.map(|object| mark(&[object.schema.as_bytes(), object.what.as_bytes(), object.name.as_bytes()]));
    let late = databases().flat_map(|database| &database.late);
    let late = late.map(|late| mark(&[late.schema.as_bytes(), b"late", late.table.as_bytes()]));
    problems.chain(missing).chain(late).collect()
}

/// Whether everything that the file names is in the snapshot, made on this computer.
pub fn has_all(manifest: &Manifest, settings: &FileSettings) -> bool {
    let plain = |path: &[u8]| path.strip_suffix(b"/").unwrap_or(path).to_vec();
    let has_folder = |path: &[u8]| manifest.roots.iter().any(|root| plain(&root.path.0) == plain(path));
    let has_database = || manifest.roots.iter().any(|root| root.kind == RootKind::Database);
    manifest.host == host_name()
        && settings.sources.iter().all(|source| has_folder(source.as_os_str().as_bytes()))
        && (settings.database.is_none() || has_database())
}

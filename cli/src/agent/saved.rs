//! The newest snapshot of the sources of enamel.toml, and what is wrong with it.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::os::unix::ffi::OsStrExt;

use engine::evidence;
use engine::health::{Health, Question};
use engine::repository::Repository;
use engine::snapshots;
use engine::snapshots::status::SourceStatus;
use engine::{Result, machine};
use jiff::Timestamp;
use repo_format::evidence::EvidenceKind;
use repo_format::manifest::{Manifest, RootKind};

use crate::commands::init::host_name;
use crate::context::Context;
use crate::health::Look;
use crate::notify::{Answer, Seen};
use crate::schedule::{Changes, PAST};
use crate::settings::FileSettings;

/// Things that a snapshot left out and that are told apart.
const ITEMS_MAX: usize = 1000;

/// Snapshots that say when least changes: two weeks of one each hour.
const SNAPSHOTS_MAX: usize = 14 * 24;

/// Looks for it, whoever made it. One from the future says nothing.
///
/// # Errors
/// The repository cannot be read.
pub fn look(repository: &Repository, context: &Context<'_>) -> Result<Seen> {
    let settings = &context.settings.file;
    let Look { status, health } = crate::health::look(repository, context)?;
    let seen =
        Seen { lost: status.suffering.len() as u64, drilled_copy: drilled_copy(repository)?, ..answers(&health) };
    let own = status.sources.iter().filter(|source| source.age_seconds.is_some());
    let own = own.filter(|source| has_all(&source.newest.manifest, settings));
    let Some(newest) = own.max_by_key(|source| source.newest.manifest.time().seconds) else { return Ok(seen) };
    let items = items(newest);
    let problems = newest.newest.manifest.problems.count.saturating_sub(newest.problems.len() as u64);
    Ok(Seen {
        newest: Timestamp::from_second(newest.newest.manifest.time().seconds).ok(),
        left_out: problems + items.len() as u64,
        items: items.into_iter().take(ITEMS_MAX).collect(),
        ..seen
    })
}

/// The changes of files between the snapshots of the last weeks, made on this computer.
///
/// # Errors
/// The repository cannot be read.
pub fn changes(repository: &Repository) -> Result<Vec<Changes>> {
    let (host, since) = (host_name(), machine::now().seconds.saturating_sub(PAST.as_secs()));
    let recent = snapshots::recent(repository, &repository.manifests()?, since, SNAPSHOTS_MAX);
    // Newest first; of one source each is compared with the one before it.
    let own: Vec<_> = recent.iter().filter(|manifest| manifest.host == host && manifest.parent.is_some()).collect();
    let time = |manifest: &Manifest| Timestamp::from_second(manifest.seconds).ok();
    let change = |pair: &[&Manifest]| {
        let statistics = &pair[0].statistics;
        let files = statistics.new_files.saturating_add(statistics.changed_files);
        Some(Changes { from: time(pair[1])?, until: time(pair[0])?, files })
    };
    Ok(own.windows(2).filter(|pair| pair[0].roots == pair[1].roots).filter_map(change).collect())
}

fn drilled_copy(repository: &Repository) -> Result<Option<Timestamp>> {
    let pieces = evidence::list(repository)?;
    let mut drills = pieces.of_kind(EvidenceKind::Drill).filter(|piece| piece.evidence.copy.is_some());
    Ok(drills.next().and_then(|piece| Timestamp::from_second(piece.time.seconds).ok()))
}

/// The answers of `enamel status`, and the figures behind them. Ages become moments: they are looked at later.
fn answers(health: &Health) -> Seen {
    let check = |question: Question| health.checks.iter().find(|check| check.question == question);
    let figure = |question, name| check(question)?.figures.iter().find(|figure| figure.name == name).map(|f| f.value);
    let now = machine::now().seconds;
    let since = |question| {
        let age = i64::try_from(check(question)?.age_seconds?).ok()?;
        Timestamp::from_second(now.saturating_sub(age)).ok()
    };
    Seen {
        held: figure(Question::Usual, "unanswered").unwrap_or(0),
        drilled: since(Question::Restorable),
        restore_seconds: figure(Question::Restorable, "restore_seconds"),
        repository_bytes: figure(Question::ReadAgain, "all_bytes"),
        unread_since: since(Question::ReadAgain),
        checks: health.checks.iter().map(Answer::of).collect(),
        ..Seen::default()
    }
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

//! The status of backups: the newest snapshot of each source, its age, and its problems.
//!
//! Snapshots with the same host and roots belong to one source. A source is not shown if newer snapshots of another
//! source contain all its roots: then it is now saved together with more. A snapshot from the future does not tell when
//! the last backup was made. So it is named, and the newest of the others is judged.

mod database;

use repo_format::entry::Time;
use repo_format::id::{Bytes32, LeaseId};
use repo_format::manifest::{Manifest, ManifestKind, RootKind};
use repo_format::node::Problem;

use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use crate::memory::RememberedManifest;
use crate::monitor::NullMonitor;
use crate::pack::ChunkReader;
use crate::repository::{KnownCopy, KnownLosses, Repository, SnapshotObject};
use crate::session::{self, Writer};
use crate::snapshots::filter::Filter;
use crate::snapshots::{self, Snapshot, problems};

pub use database::{DatabaseStatus, MissingObject};

/// The snapshots that count.
#[derive(Debug, Clone, Default)]
pub struct StatusOptions {
    /// Count only those of this host.
    pub host: Option<String>,
    /// Count only those with this tag.
    pub tag: Option<String>,
    /// The name of this machine, to tell its own writers from others.
    pub this_host: String,
}

/// The state of a repository.
#[derive(Debug)]
#[non_exhaustive]
pub struct Status {
    /// Its sources; the source with the oldest snapshot comes first.
    pub sources: Vec<SourceStatus>,
    /// The writers, alive or dead.
    pub writers: Vec<Writer>,
    /// Unreadable snapshots, and why.
    pub unreadable: Vec<(LeaseId, Error)>,
    /// Objects that this machine has seen in the repository and that have disappeared, though no record says that they
    /// were forgotten.
    pub missing: Vec<RememberedManifest>,
    /// Snapshots from the future: a clock was wrong when they were made, or is wrong now.
    pub future: Vec<SnapshotRef>,
    /// Snapshots that needed lost data at the last check; newest first.
    pub suffering: Vec<SnapshotRef>,
    /// Manifests that were forgotten and exist again: someone has put them back.
    pub put_back: Vec<RememberedManifest>,
    /// Other repositories that have copies of this one, by their place.
    pub second_copies: Vec<KnownCopy>,
}

/// A source: a host and its roots, which are saved together.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SourceStatus {
    /// The newest snapshot that is not from the future, if there is one.
    pub newest: Snapshot,
    /// The seconds since its run started; `None` if it is from the future, because then nobody knows.
    pub age_seconds: Option<u64>,
    /// The time in seconds since 1970 when a check found that the newest snapshot needs lost data; `None` if no check
    /// did.
    pub suffers_since: Option<i64>,
    /// The newest snapshot that saved everything completely and is not known to need lost data.
    pub whole: Option<SnapshotRef>,
    /// The problems that the newest snapshot recorded.
    pub problems: Vec<Problem>,
    /// The databases in the newest snapshot.
    pub databases: Vec<DatabaseStatus>,
}

/// A snapshot by its id and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotRef {
    /// Its id.
    pub id: LeaseId,
    /// The start of its run.
    pub time: Time,
}

impl SourceStatus {
    /// Whether the newest snapshot has everything, as of one moment, and is not known to need lost data.
    pub fn is_whole(&self) -> bool {
        self.suffers_since.is_none()
            && is_whole(&self.newest.manifest)
            && self.databases.iter().all(DatabaseStatus::is_whole)
    }
}

fn is_whole(manifest: &Manifest) -> bool {
    manifest.problems.count == 0
}

fn reference(manifest: &Manifest) -> SnapshotRef {
    SnapshotRef { id: manifest.id, time: manifest.time() }
}

/// The status of `repository`. Reads only manifests that are new to this machine, or that are judged.
///
/// # Errors
/// If the store cannot be listed, the cache cannot be used, or the newest snapshot of a source cannot be examined.
/// [`crate::ErrorKind::Usage`] if there are snapshots, but none has the requested host and tag.
pub fn status(repository: &Repository, options: &StatusOptions) -> Result<Status> {
    let manifests = repository.manifests()?;
    repository.sync_catalog(&NullMonitor)?;
    let reader = ChunkReader::new(repository);
    let losses = repository.known_losses_in(&manifests)?;
    let second_copies = repository.second_copies_in(&manifests)?;
    let mut unreadable: Vec<_> = manifests.unreadable.into_iter().map(|u| (u.id, u.error)).collect();
    let now = machine::now();
    let present = manifests.present.iter().filter(|m| m.kind == ManifestKind::Snapshot);
    let (future, past): (Vec<_>, Vec<_>) = present.partition(|m| machine::is_from_the_future(m.time, now));
    let mut sources: Vec<SourceStatus> = Vec::new();
    // Sorted newest first.
    for family in families(past) {
        let mut snapshots = Snapshots { repository, options, left: family.iter(), unreadable: &mut unreadable };
        let Some(newest) = snapshots.next() else { continue };
        if !is_held(&sources, &newest) {
            sources.push(source_status(&reader, &losses, newest, snapshots)?);
        }
    }
    sources.reverse();
    let mut from_future = Vec::new();
    for family in families(future) {
        let mut snapshots = Snapshots { repository, options, left: family.iter(), unreadable: &mut unreadable };
        let Some(newest) = snapshots.next() else { continue };
        from_future.push(reference(&newest));
        from_future.extend(snapshots.by_ref().map(|manifest| reference(&manifest)));
        if !is_held(&sources, &newest) {
            sources.push(source_status(&reader, &losses, newest, snapshots)?);
        }
    }
    if let Some(at) = unreadable.iter().position(|(_, error)| error.kind() == ErrorKind::Unavailable) {
        return Err(unreadable.swap_remove(at).1);
    }
    if sources.is_empty() && unreadable.is_empty() {
        let all = snapshots::list(repository)?.snapshots;
        options.filter().check(all.iter().map(|snapshot| &snapshot.manifest))?;
    }
    let writers = session::writers(repository, &options.this_host)?;
    let suffering = manifests.present.iter().filter(|m| m.kind == ManifestKind::Snapshot && losses.suffers(m.id));
    let suffering = suffering.map(|m| SnapshotRef { id: m.id, time: m.time }).collect();
    let (missing, put_back) = (manifests.missing, manifests.put_back);
    Ok(Status { sources, writers, unreadable, missing, future: from_future, suffering, put_back, second_copies })
}

/// Manifests by source: within each the newest first, and the source with the newest manifest first.
fn families(present: Vec<&RememberedManifest>) -> Vec<Vec<&RememberedManifest>> {
    let mut families: Vec<(Bytes32, Vec<&RememberedManifest>)> = Vec::new();
    for manifest in present {
        match families.iter_mut().find(|(family, _)| *family == manifest.family) {
            Some((_, members)) => members.push(manifest),
            None => families.push((manifest.family, vec![manifest])),
        }
    }
    families.into_iter().map(|(_, members)| members).collect()
}

/// Whether one of `sources` contains all roots of `manifest`.
fn is_held(sources: &[SourceStatus], manifest: &Manifest) -> bool {
    sources.iter().any(|source| holds(&source.newest.manifest, manifest))
}

/// Whether `newer` contains all roots of `older`.
fn holds(newer: &Manifest, older: &Manifest) -> bool {
    let there = |root: &repo_format::manifest::Root| newer.roots.iter().any(|r| r.is_same_source(root));
    newer.host == older.host && older.roots.iter().all(there)
}

fn source_status(
    reader: &ChunkReader<'_>,
    losses: &KnownLosses,
    newest: Manifest,
    older: Snapshots<'_>,
) -> Result<SourceStatus> {
    let mut lost = None;
    let now = machine::now();
    let is_past = !machine::is_from_the_future(newest.time(), now);
    let mut databases = Vec::new();
    for root in newest.roots.iter().filter(|root| root.kind == RootKind::Database) {
        databases.extend(readable(database::status(reader, &newest, root), &mut lost)?.flatten());
    }
    let mut source = SourceStatus {
        // Clocks may differ a little.
        age_seconds: is_past.then(|| u64::try_from(now.seconds.saturating_sub(newest.seconds)).unwrap_or(0)),
        suffers_since: losses.suffering.get(&newest.id).copied(),
        whole: None,
        problems: readable(problems(reader.repository(), &newest), &mut lost)?.unwrap_or_default(),
        databases,
        newest: Snapshot { id: newest.id, manifest: newest },
    };
    if let Some(error) = lost {
        older.unreadable.push((source.newest.id, error));
    } else if source.is_whole() {
        source.whole = Some(reference(&source.newest.manifest));
        return Ok(source);
    }
    for manifest in older {
        readable(database::find_good(reader, &manifest, &mut source.databases), &mut None)?;
        if source.whole.is_none()
            && is_whole(&manifest)
            && !losses.suffers(manifest.id)
            && readable(database::are_whole(reader, &manifest), &mut None)?.unwrap_or(false)
        {
            source.whole = Some(reference(&manifest));
        }
        if source.whole.is_some() && source.databases.iter().all(DatabaseStatus::is_explained) {
            break;
        }
    }
    Ok(source)
}

/// The result of a read; `None` if it is damaged or lost, and then `lost` takes the error.
fn readable<T>(read: Result<T>, lost: &mut Option<Error>) -> Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_damage() => {
            lost.get_or_insert(error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The matching manifests of one source, newest first, read one by one.
struct Snapshots<'s> {
    repository: &'s Repository,
    options: &'s StatusOptions,
    left: std::slice::Iter<'s, &'s RememberedManifest>,
    unreadable: &'s mut Vec<(LeaseId, Error)>,
}

impl Iterator for Snapshots<'_> {
    type Item = Manifest;

    fn next(&mut self) -> Option<Manifest> {
        loop {
            let known = self.left.next()?;
            match self.repository.read_remembered(known) {
                Ok(SnapshotObject::Manifest(object)) if self.options.filter().counts(&object.manifest) => {
                    return Some(object.manifest);
                }
                Ok(_) => {}
                Err(error) => self.unreadable.push((known.id, error)),
            }
        }
    }
}

impl StatusOptions {
    fn filter(&self) -> Filter<'_> {
        Filter { host: self.host.as_deref(), tag: self.tag.as_deref() }
    }
}

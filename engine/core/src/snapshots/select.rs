//! Chooses the snapshot that a user names, and reports doubts about the choice.

use std::collections::BTreeSet;
use std::fmt;

use repo_format::entry::Time;
use repo_format::id::LeaseId;
use repo_format::manifest::{Manifest, ManifestKind};

use super::Snapshot;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::machine;
use crate::memory::RememberedManifest;
use crate::repository::{Manifests, Repository, SnapshotObject};
use crate::words::{counted, short, span};

/// The way in which a user names a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The beginning of its id.
    IdPrefix(String),
    /// The newest one.
    Latest {
        /// With this tag.
        tag: Option<String>,
        /// Started at or before this time.
        until: Option<Time>,
    },
    /// An earlier one than [`Selector::Latest`] would be.
    Earlier {
        /// The number of snapshots that come after it, by the same rules.
        steps: u32,
        /// With this tag.
        tag: Option<String>,
        /// Started at or before this time.
        until: Option<Time>,
    },
}

/// A snapshot that was chosen.
#[derive(Debug)]
pub struct Selection {
    /// The chosen snapshot.
    pub snapshot: Snapshot,
    /// Doubts about the choice; empty if there are none.
    pub remarks: Vec<Remark>,
    /// The time in seconds since 1970 when a check found that it needs lost data; `None` if no check did.
    pub suffers_since: Option<i64>,
}

/// A snapshot that may be newer, and was not chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remark {
    /// Its id.
    pub id: LeaseId,
    /// The start of its run, if it is known.
    pub time: Option<Time>,
    /// The reason why it was not chosen.
    pub why: NotChosen,
}

/// The reason why a snapshot was not chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotChosen {
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// It has disappeared, and no record says that it was forgotten.
    Missing,
    /// Its time is in the future.
    FromTheFuture,
    /// It was forgotten, and someone has put it back.
    PutBack,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let age = if self.time.is_some() { "newer" } else { "perhaps newer" };
        match &self.why {
            NotChosen::Unreadable(why) => write!(f, "snapshot {} is {age} and cannot be read: {why}", self.id),
            NotChosen::Missing => {
                write!(f, "snapshot {} was newer and has disappeared, though nobody forgot it", self.id)
            }
            NotChosen::PutBack => write!(
                f,
                "snapshot {} was newer, was forgotten and is there again, as from an old copy of the repository",
                self.id
            ),
            NotChosen::FromTheFuture => {
                write!(
                    f,
                    "snapshot {} is from the future: a clock was wrong when it was made, or is wrong now",
                    self.id
                )
            }
        }
    }
}

/// The snapshot that `selector` names. The newest is the one made last, and never one from the future. Snapshots that
/// may be newer and cannot be chosen are in the remarks.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Usage`] if several ids begin like this.
pub fn select(repository: &Repository, selector: &Selector) -> Result<Selection> {
    match selector {
        Selector::IdPrefix(prefix) => {
            let snapshot = by_prefix(repository, prefix)?;
            let suffers_since = repository.known_losses()?.suffering.get(&snapshot.id).copied();
            Ok(Selection { snapshot, remarks: Vec::new(), suffers_since })
        }
        Selector::Latest { tag, until } => {
            Search::new(repository, tag.as_deref(), *until).newest(repository.manifests()?)
        }
        Selector::Earlier { steps, tag, until } => {
            let search = Search { steps: *steps, ..Search::new(repository, tag.as_deref(), *until) };
            search.newest(repository.manifests()?)
        }
    }
}

/// A search for the newest snapshot.
struct Search<'s> {
    repository: &'s Repository,
    tag: Option<&'s str>,
    until: Option<Time>,
    /// Matches that are passed over.
    steps: u32,
    /// Matches that were passed over.
    passed: u32,
    /// Tags that were seen.
    tags: BTreeSet<String>,
    /// The newest snapshot has a folder, file or database that is called as the tag.
    has_root: bool,
    /// Snapshots after the wanted moment, newest first.
    later: Vec<(LeaseId, Time)>,
    remarks: Vec<Remark>,
}

impl<'s> Search<'s> {
    fn new(repository: &'s Repository, tag: Option<&'s str>, until: Option<Time>) -> Self {
        Search {
            repository,
            tag,
            until,
            steps: 0,
            passed: 0,
            tags: BTreeSet::new(),
            has_root: false,
            later: Vec::new(),
            remarks: Vec::new(),
        }
    }

    fn newest(mut self, mut manifests: Manifests) -> Result<Selection> {
        let until = self.until;
        for unreadable in &manifests.unreadable {
            self.remark(unreadable.id, None, NotChosen::Unreadable(chain(&unreadable.error)));
        }
        let losses = self.repository.known_losses_in(&manifests)?;
        let is_candidate =
            |m: &RememberedManifest| m.kind == ManifestKind::Snapshot && until.is_none_or(|until| m.time <= until);
        let later = manifests.present.iter().filter(|m| m.kind == ManifestKind::Snapshot && !is_candidate(m));
        self.later = later.map(|manifest| (manifest.id, manifest.time)).collect();
        manifests.present.retain(is_candidate);
        manifests.missing.retain(is_candidate);
        manifests.put_back.retain(is_candidate);
        let found = self.first_that_fits(&manifests.present)?;
        let missing = manifests.missing.iter().map(|manifest| (manifest, NotChosen::Missing));
        let back = manifests.put_back.iter().map(|manifest| (manifest, NotChosen::PutBack));
        for (manifest, why) in missing.chain(back) {
            if found.as_ref().is_none_or(|found| manifest.time > found.manifest.time()) {
                self.remark(manifest.id, Some(manifest.time), why);
            }
        }
        match found {
            Some(snapshot) => {
                let suffers_since = losses.suffering.get(&snapshot.id).copied();
                Ok(Selection { snapshot, remarks: self.remarks, suffers_since })
            }
            None => Err(self.nothing_found()?),
        }
    }

    /// The first match among `candidates`, which are sorted newest first.
    fn first_that_fits(&mut self, candidates: &[RememberedManifest]) -> Result<Option<Snapshot>> {
        let now = machine::now();
        for candidate in candidates {
            let Some(manifest) = self.read(candidate)? else { continue };
            if self.tags.is_empty() && !self.has_root {
                self.has_root =
                    self.tag.is_some_and(|tag| manifest.roots.iter().any(|root| root.name.0 == tag.as_bytes()));
            }
            self.tags.extend(manifest.tags.iter().cloned());
            if self.tag.is_some_and(|tag| !manifest.tags.iter().any(|own| own == tag)) {
                continue;
            }
            if machine::is_from_the_future(candidate.time, now) {
                self.remark(candidate.id, Some(candidate.time), NotChosen::FromTheFuture);
                continue;
            }
            if self.passed == self.steps {
                return Ok(Some(Snapshot { id: candidate.id, manifest }));
            }
            self.passed += 1;
        }
        Ok(None)
    }

    /// The candidate's manifest, unless it is unreadable or gone.
    fn read(&mut self, candidate: &RememberedManifest) -> Result<Option<Manifest>> {
        match self.repository.read_snapshot_object(candidate.id) {
            Ok(SnapshotObject::Manifest(object)) => return Ok(Some(object.manifest)),
            Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
            Err(error) if self.repository.has_snapshot_object(candidate.id)? => {
                self.remark(candidate.id, Some(candidate.time), NotChosen::Unreadable(chain(&error)));
            }
            // It was forgotten meanwhile, or is no longer a snapshot; `verify` judges that.
            Ok(SnapshotObject::Void(_)) | Err(_) => {}
        }
        Ok(None)
    }

    fn remark(&mut self, id: LeaseId, time: Option<Time>, why: NotChosen) {
        self.remarks.push(Remark { id, time, why });
    }

    fn nothing_found(&self) -> Result<Error> {
        let tag = self.tag.map(|tag| format!(" with the tag `{tag}`")).unwrap_or_default();
        let until = if self.until.is_some() { " from that time or before" } else { "" };
        if self.passed > 0 {
            let there = counted(self.passed.into(), "snapshot");
            let back = counted(self.steps.into(), "snapshot");
            let are = if self.passed == 1 { "is" } else { "are" };
            let message = format!("nothing is {back} before the newest: there {are} {there}{tag}{until}");
            return Ok(Error::new(ErrorKind::NotFound, message));
        }
        let mut message = format!("there is no snapshot{tag}{until} to choose");
        if let Some((id, time)) = self.nearest()? {
            let until = self.until.map_or(time.seconds, |until| until.seconds);
            let after = u64::try_from(time.seconds.saturating_sub(until)).unwrap_or(0);
            message.push_str(&format!("; the nearest, {}, is {} later", short(id), span(after)));
        }
        let tags: Vec<_> = self.tags.iter().map(String::as_str).collect();
        if let (Some(tag), true) = (self.tag, self.has_root) {
            message.push_str(&format!("; for what is called `{tag}` in the newest one, write `latest:{tag}/`"));
        } else if self.tag.is_some() && !tags.is_empty() {
            message.push_str(&format!("; there are the tags {}", tags.join(", ")));
        }
        let remarks = self.remarks.iter().map(|remark| format!("; {remark}"));
        Ok(Error::new(ErrorKind::NotFound, message + &remarks.collect::<String>()))
    }

    /// The first snapshot after the wanted moment that has the tag, if one is wanted.
    fn nearest(&self) -> Result<Option<(LeaseId, Time)>> {
        for (id, time) in self.later.iter().rev() {
            let Some(tag) = self.tag else { return Ok(Some((*id, *time))) };
            match self.repository.read_snapshot_object(*id) {
                Ok(SnapshotObject::Manifest(object)) if object.manifest.tags.iter().any(|own| own == tag) => {
                    return Ok(Some((*id, *time)));
                }
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                // A snapshot that cannot be read is no help here.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(None)
    }
}

/// The snapshot whose id begins with `prefix`, though it is not believed: a removed member may have forged it.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Usage`] if several ids begin like this; if it cannot be read.
pub fn select_unbelieved(repository: &Repository, prefix: &str) -> Result<Snapshot> {
    let names = names_with(repository, prefix)?;
    match names.as_slice() {
        [id] => {
            let manifest = repository.read_unbelieved(*id)?.manifest;
            if manifest.kind == ManifestKind::Snapshot {
                Ok(Snapshot { id: *id, manifest })
            } else {
                Err(none_with(prefix))
            }
        }
        [] => Err(none_with(prefix)),
        several => Err(several_with(prefix, several.len())),
    }
}

/// The ids in `snapshots/` that begin with `prefix`.
fn names_with(repository: &Repository, prefix: &str) -> Result<Vec<LeaseId>> {
    let wanted = prefix.to_ascii_lowercase();
    if wanted.is_empty() || !wanted.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Error::new(ErrorKind::NotFound, format!("`{prefix}` is not the id of a snapshot")));
    }
    let mut names = repository.snapshot_names()?;
    names.retain(|id| id.to_string().starts_with(&wanted));
    Ok(names)
}

fn none_with(prefix: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no snapshot {prefix}"))
}

fn several_with(prefix: &str, count: usize) -> Error {
    Error::new(ErrorKind::Usage, format!("{count} snapshots begin with {prefix}: give more of the id"))
        .with_hint("`enamel snapshots` shows the ids.")
}

/// The snapshot of this id.
///
/// # Errors
/// [`ErrorKind::NotFound`] if nothing is there, or no snapshot.
pub fn snapshot(repository: &Repository, id: LeaseId) -> Result<Snapshot> {
    match repository.read_snapshot_object(id) {
        Ok(SnapshotObject::Manifest(object)) if object.manifest.kind == ManifestKind::Snapshot => {
            Ok(Snapshot { id, manifest: object.manifest })
        }
        Ok(_) => Err(none_with(&id.to_string())),
        Err(error) if error.is_damage() && !repository.has_snapshot_object(id)? => Err(none_with(&id.to_string())),
        Err(error) => Err(error),
    }
}

fn by_prefix(repository: &Repository, prefix: &str) -> Result<Snapshot> {
    let names = names_with(repository, prefix)?;
    let mut snapshots = Vec::new();
    for id in &names {
        match repository.read_snapshot_object(*id) {
            Ok(SnapshotObject::Manifest(object)) if object.manifest.kind == ManifestKind::Snapshot => {
                snapshots.push(Snapshot { id: *id, manifest: object.manifest });
            }
            Ok(_) => {}
            Err(error) if names.len() == 1 || error.kind() == ErrorKind::Unavailable => return Err(error),
            Err(_) => {}
        }
    }
    match snapshots.len() {
        1 => Ok(snapshots.swap_remove(0)),
        0 => Err(none_with(prefix)),
        several => Err(several_with(prefix, several)),
    }
}

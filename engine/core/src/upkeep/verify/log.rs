//! The log of snapshots: everything in `snapshots/`, and what should be there, because a manifest or this machine remembers it.
//!
//! Snapshots may be forgotten while this looks. Whoever does so puts a record first, so what is missing is judged only when everything
//! that is there by then has been read.

use std::collections::{HashMap, HashSet};

use repo_format::entry::Time;
use repo_format::id::{Bytes32, LeaseId};
use repo_format::manifest::ManifestKind;

use super::FindingKind::{DamagedObject, MissingSnapshot, RolledBack};
use super::report::Report;
use crate::error::Result;
use crate::machine;
use crate::memory::RememberedManifest;
use crate::repository::{Forgotten, ManifestObject, Repository, SnapshotObject};
use engine_store::ObjectName;

/// Reads everything in `snapshots/`, and reports what is damaged, missing or exchanged there; gives the manifests that can be read, in
/// the order of their times.
pub(super) fn check_snapshots(repository: &Repository, report: &Report) -> Result<Vec<ManifestObject>> {
    let mut log = Log { repository, report, seen: HashMap::new(), manifests: Vec::new() };
    while log.read_new()? == News::Vanished {}
    let remembered = repository.memory().manifests()?;
    let mut missing = log.missing(&remembered);
    // What came since may be a record of what went since; or the snapshot itself, which a backup has just made.
    while !missing.is_empty() && log.read_new()? != News::None {
        missing = log.missing(&remembered);
    }
    log.pass_over_other_places(&mut missing);
    log.report_missing(&missing);
    log.report_exchanged(&remembered);
    log.report_rollback(&missing);
    log.report_put_back()?;
    log.note_the_future();
    log.manifests.sort_by_key(|m| (m.manifest.seconds, m.manifest.nanoseconds, m.manifest.id));
    Ok(log.manifests)
}

struct Log<'r> {
    repository: &'r Repository,
    report: &'r Report,
    /// All names in `snapshots/` so far, and what stands there.
    seen: HashMap<LeaseId, There>,
    manifests: Vec<ManifestObject>,
}

/// What stands under a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    Manifest(Bytes32),
    Void,
    Unreadable,
}

/// What a look at `snapshots/` has shown.
#[derive(PartialEq, Eq)]
enum News {
    None,
    More,
    /// Something was listed, and gone when it was read.
    Vanished,
}

/// A manifest that is remembered, and not there.
struct Missing {
    id: LeaseId,
    /// What this machine remembers of it, if it is not only named by another.
    remembered: Option<RememberedManifest>,
}

impl Log<'_> {
    /// Reads what has not been read yet.
    fn read_new(&mut self) -> Result<News> {
        let mut news = News::None;
        for id in self.repository.snapshot_names()? {
            if self.seen.contains_key(&id) {
                continue;
            }
            let read = self.repository.read_snapshot_object(id);
            if read.is_err() && !self.repository.has_snapshot_object(id)? {
                news = News::Vanished;
                continue;
            }
            if news == News::None {
                news = News::More;
            }
            let name = ObjectName::Snapshot(id);
            let there = match self.report.check(name, DamagedObject, read)? {
                Some(SnapshotObject::Manifest(object)) => {
                    let digest = object.digest;
                    self.manifests.push(*object);
                    There::Manifest(digest)
                }
                Some(SnapshotObject::Void(void)) => {
                    self.report.note(format!("{name} fences a writer, by {}: {}", void.host, void.reason));
                    There::Void
                }
                None => There::Unreadable,
            };
            self.seen.insert(id, there);
        }
        Ok(news)
    }

    /// All that should be there, with its digest: what manifests name, and what this machine remembers.
    fn expected<'e>(
        &'e self,
        remembered: &'e [RememberedManifest],
    ) -> impl Iterator<Item = (LeaseId, Bytes32, Option<RememberedManifest>)> + 'e {
        let named = self.manifests.iter().flat_map(|object| &object.manifest.seen);
        remembered.iter().map(|m| (m.id, m.digest, Some(*m))).chain(named.map(|seen| (seen.id, seen.digest, None)))
    }

    fn forgotten(&self) -> Forgotten {
        Forgotten::by(self.manifests.iter().map(|object| &object.manifest))
    }

    /// What should be there and is not, each once, though no record says that it was forgotten.
    fn missing(&self, remembered: &[RememberedManifest]) -> Vec<Missing> {
        let forgotten = self.forgotten();
        let mut found = HashSet::new();
        let expected = self.expected(remembered).filter(|(id, digest, _)| {
            !self.seen.contains_key(id) && !forgotten.names(*id, *digest) && found.insert(*id)
        });
        expected.map(|(id, _, remembered)| Missing { id, remembered }).collect()
    }

    /// In a place where this machine has not seen the repository before it may be a copy of an earlier day: what only this machine misses is
    /// no damage of the copy. It is noted, and nothing is deleted until somebody accepts it.
    fn pass_over_other_places(&self, missing: &mut Vec<Missing>) {
        if !self.repository.memory().is_new_place() {
            return;
        }
        let named: HashSet<LeaseId> =
            self.manifests.iter().flat_map(|object| &object.manifest.seen).map(|s| s.id).collect();
        let before = missing.len();
        missing.retain(|missing| named.contains(&missing.id));
        let elsewhere = before - missing.len();
        if elsewhere > 0 {
            self.report.note(format!(
                "this computer has not seen the repository in this place before, and elsewhere it has seen {elsewhere} more snapshots or records: this may be a copy of an earlier day; `enamel accept` says that it is"
            ));
        }
    }

    fn report_missing(&self, missing: &[Missing]) {
        for Missing { id, remembered } in missing {
            let message = match remembered {
                Some(manifest) if manifest.kind == ManifestKind::Record => {
                    "the record of what was forgotten has disappeared"
                }
                _ => "the snapshot has disappeared, and nothing says that it was forgotten",
            };
            self.report.find(ObjectName::Snapshot(*id), MissingSnapshot, message);
        }
    }

    /// Reports what stands where something else should. Where a snapshot was forgotten that had left its lease, a writer may be shut out.
    fn report_exchanged(&self, remembered: &[RememberedManifest]) {
        let forgotten = self.forgotten();
        let mut found = HashSet::new();
        for (id, digest, _) in self.expected(remembered).filter(|(id, digest, _)| !forgotten.names(*id, *digest)) {
            let message = match self.seen.get(&id) {
                Some(There::Manifest(there)) if *there != digest => "the snapshot has been replaced by another",
                Some(There::Void) => "the snapshot has been replaced by a record that shuts out a writer",
                // One that is there and cannot be read is a finding already.
                _ => continue,
            };
            if found.insert(id) {
                self.report.find(ObjectName::Snapshot(id), RolledBack, message);
            }
        }
    }

    /// Reports what was forgotten and is there again.
    fn report_put_back(&self) -> Result<()> {
        let there = self.manifests.iter().filter(|object| object.manifest.kind != ManifestKind::Record);
        for id in self.repository.memory().put_back(&there.map(|object| object.manifest.id).collect::<Vec<_>>())? {
            if self.repository.has_snapshot_object(id)? {
                let message = "the snapshot was forgotten and is there again, as from an old copy of the repository: nothing counts it; \
                               `enamel forget` lets go of it by its id, `enamel accept` says that it is to stay";
                self.report.find(ObjectName::Snapshot(id), RolledBack, message);
            }
        }
        Ok(())
    }

    /// Notes snapshots whose time has not come: no rule counts them, and none of them is `latest`.
    fn note_the_future(&self) {
        let now = machine::now();
        for object in self.manifests.iter().filter(|object| machine::is_from_the_future(time(object), now)) {
            if object.manifest.kind == ManifestKind::Snapshot {
                self.report.note(format!(
                    "{} is from the future: a clock was wrong when it was made, or is wrong now",
                    ObjectName::Snapshot(object.manifest.id)
                ));
            }
        }
    }

    /// Reports that the repository is as it was some time ago, if all that is missing is newer than all that is there.
    fn report_rollback(&self, missing: &[Missing]) {
        let times: Option<Vec<_>> = missing.iter().map(|missing| missing.remembered.map(|m| m.time)).collect();
        let newest = self.manifests.iter().map(time).max();
        let (Some(times), Some(newest)) = (times, newest) else { return };
        if !times.is_empty() && times.iter().all(|time| *time > newest) {
            let message = format!(
                "this machine has seen {} newer objects than the newest that is there: an older state of the repository has been put in its \
                 place, or they were deleted",
                times.len()
            );
            self.report.find("snapshots", RolledBack, message);
        }
    }
}

fn time(object: &ManifestObject) -> Time {
    Time { seconds: object.manifest.seconds, nanoseconds: object.manifest.nanoseconds }
}

//! The log of snapshots: everything in `snapshots/`, and everything that should be there because a manifest or this
//! machine remembers it.
//!
//! Snapshots may be forgotten during the check. A forget puts its record first, so a manifest counts as missing only
//! after everything that exists by then has been read.

use std::collections::{BTreeMap, HashMap, HashSet};

use repo_format::id::{Bytes32, LeaseId};
use repo_format::manifest::ManifestKind;

use super::FindingKind::{DamagedObject, MissingSnapshot, RolledBack};
use super::report::Report;
use crate::error::Result;
use crate::machine;
use crate::memory::RememberedManifest;
use crate::repository::{Forgotten, ManifestObject, Repository, SnapshotObject};
use engine_store::ObjectName;

/// Reads everything in `snapshots/`, and reports damaged, missing and replaced objects. Returns the readable manifests,
/// sorted by time.
pub(super) fn check_snapshots(repository: &Repository, report: &Report) -> Result<Vec<ManifestObject>> {
    let mut log = Log { repository, report, seen: HashMap::new(), manifests: Vec::new() };
    while log.read_new()? == News::Vanished {}
    let remembered = repository.memory().manifests()?;
    let mut missing = log.missing(&remembered);
    // A new object may be the record of a forgotten snapshot, or the missing snapshot itself, which a backup has just
    // made.
    while !missing.is_empty() && log.read_new()? != News::None {
        missing = log.missing(&remembered);
    }
    log.pass_over_other_places(&mut missing)?;
    log.report_missing(&missing);
    log.report_exchanged(&remembered);
    log.report_rollback(&missing);
    log.report_put_back()?;
    log.note_the_future();
    log.note_what_copies_lack();
    log.manifests.sort_by_key(|m| (m.manifest.seconds, m.manifest.nanoseconds, m.manifest.id));
    Ok(log.manifests)
}

struct Log<'r> {
    repository: &'r Repository,
    report: &'r Report,
    /// All names in `snapshots/` so far, and their objects.
    seen: HashMap<LeaseId, There>,
    manifests: Vec<ManifestObject>,
}

/// An object in `snapshots/`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    Manifest(Bytes32),
    Void,
    Unreadable,
}

/// The result of a look at `snapshots/`.
#[derive(PartialEq, Eq)]
enum News {
    None,
    More,
    /// Something was listed, and was gone when it was read.
    Vanished,
}

/// A manifest that is remembered and missing.
struct Missing {
    id: LeaseId,
    /// This machine's memory of it; `None` if only another manifest names it.
    remembered: Option<RememberedManifest>,
}

impl Log<'_> {
    /// Reads the objects that have not been read yet.
    fn read_new(&mut self) -> Result<News> {
        let mut news = News::None;
        let mut names = self.repository.snapshot_names()?;
        names.retain(|id| !self.seen.contains_key(id));
        for (id, read) in self.repository.each_snapshot_object(&names) {
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

    /// Everything that should exist, with its digest: named by manifests, or remembered by this machine.
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

    /// The missing manifests, each once, that no record says were forgotten.
    fn missing(&self, remembered: &[RememberedManifest]) -> Vec<Missing> {
        let forgotten = self.forgotten();
        let mut found = HashSet::new();
        let expected = self.expected(remembered).filter(|(id, digest, _)| {
            !self.seen.contains_key(id) && !forgotten.names(*id, *digest) && found.insert(*id)
        });
        expected.map(|(id, _, remembered)| Missing { id, remembered }).collect()
    }

    /// The repository may be a copy that is behind: manifests that this machine has seen in other places only, and that
    /// no manifest here names, are no damage of the copy. They are a note, and nothing is deleted until a user accepts it.
    fn pass_over_other_places(&self, missing: &mut Vec<Missing>) -> Result<()> {
        let is_new = self.repository.memory().is_new_place();
        let here = self.repository.memory().seen_here()?;
        let named: HashSet<LeaseId> =
            self.manifests.iter().flat_map(|object| &object.manifest.seen).map(|s| s.id).collect();
        let before = missing.len();
        missing.retain(|missing| named.contains(&missing.id) || (!is_new && here.contains(&missing.id)));
        let elsewhere = before - missing.len();
        if elsewhere > 0 {
            let place =
                if is_new { "this computer has not seen the repository in this place before, and " } else { "" };
            self.report.note(format!(
                "{place}elsewhere this computer has seen {elsewhere} more snapshots or records: this may be a copy of an earlier day; copy it again, or say with `enamel accept` that it stays as it is"
            ));
        }
        Ok(())
    }

    fn report_missing(&self, missing: &[Missing]) {
        for Missing { id, remembered } in missing {
            let message = match remembered {
                Some(manifest) if manifest.kind == ManifestKind::Record => {
                    "the record of forgotten snapshots has disappeared"
                }
                Some(manifest) if manifest.kind == ManifestKind::Evidence => {
                    "the evidence of a drill or check has disappeared, and nothing says that other evidence stands for it"
                }
                _ => "the snapshot has disappeared, and nothing says that it was forgotten",
            };
            self.report.find(ObjectName::Snapshot(*id), MissingSnapshot, message);
        }
    }

    /// Reports objects in the place of others. A forgotten snapshot that had left its lease may have a void record in
    /// its place.
    fn report_exchanged(&self, remembered: &[RememberedManifest]) {
        let forgotten = self.forgotten();
        let mut found = HashSet::new();
        for (id, digest, _) in self.expected(remembered).filter(|(id, digest, _)| !forgotten.names(*id, *digest)) {
            let message = match self.seen.get(&id) {
                Some(There::Manifest(there)) if *there != digest => "the snapshot has been replaced by another",
                Some(There::Void) => "the snapshot has been replaced by a record that shuts out a writer",
                // An unreadable object is a finding already.
                _ => continue,
            };
            if found.insert(id) {
                self.report.find(ObjectName::Snapshot(id), RolledBack, message);
            }
        }
    }

    /// Reports manifests that were forgotten and exist again.
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

    /// Notes snapshots from the future: no rule counts them, and none of them is `latest`.
    fn note_the_future(&self) {
        let now = machine::now();
        for object in self.manifests.iter().filter(|object| machine::is_from_the_future(object.manifest.time(), now)) {
            if object.manifest.kind == ManifestKind::Snapshot {
                self.report.note(format!(
                    "{} is from the future: a clock was wrong when it was made, or is wrong now",
                    ObjectName::Snapshot(object.manifest.id)
                ));
            }
        }
    }

    /// Notes the roots that copies lack: they are in the repository that they were copied from, if anywhere.
    fn note_what_copies_lack(&self) {
        let mut copies: BTreeMap<Vec<&[u8]>, u64> = BTreeMap::new();
        for object in &self.manifests {
            let names: Vec<_> = object.manifest.roots_left_out().iter().map(|name| name.0.as_slice()).collect();
            if !names.is_empty() {
                *copies.entry(names).or_default() += 1;
            }
        }
        for (names, count) in copies {
            let names: Vec<_> = names.iter().map(|name| name.escape_ascii().to_string()).collect();
            let copies = if count == 1 { "1 copy was".to_owned() } else { format!("{count} copies were") };
            self.report.note(format!(
                "{copies} made without {}: that is only in the repository that was copied",
                names.join(", ")
            ));
        }
    }

    /// Reports a rollback of the repository, if everything missing is newer than everything that exists.
    fn report_rollback(&self, missing: &[Missing]) {
        let times: Option<Vec<_>> = missing.iter().map(|missing| missing.remembered.map(|m| m.time)).collect();
        let newest = self.manifests.iter().map(|object| object.manifest.time()).max();
        let (Some(times), Some(newest)) = (times, newest) else { return };
        if !times.is_empty() && times.iter().all(|time| *time > newest) {
            let message = format!(
                "this machine has seen {} newer objects here than the newest that is there: an older state of the repository has been put in its \
                 place, or they were deleted; if you know why, `enamel accept` says so",
                times.len()
            );
            self.report.find("snapshots", RolledBack, message);
        }
    }
}

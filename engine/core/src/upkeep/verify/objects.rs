//! Checks small objects and index segments: keys, config, condemned list, leases, segments, and invalid names.

use std::collections::HashSet;

use repo_format::clear;
use repo_format::head::ObjectKind;
use repo_format::id::{LeaseId, PackId};
use repo_format::limits;
use repo_format::segment::SegmentPack;

use super::FindingKind::{DamagedObject, RolledBack};
use super::content::CheckedPacks;
use super::report::Report;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::repository::{ManifestObject, MendRun, Mended, Repository, SnapshotObject};
use crate::session::{Announcement, read_lease};
use engine_store::{Folder, ObjectName, Original};

/// Segments that are in memory together when they are read over a network: each has at most 16 MiB.
const SEGMENTS_AT_ONCE: usize = 4;

/// Reads the manifest of one snapshot.
///
/// # Errors
/// [`ErrorKind::NotFound`] if it does not exist.
pub(super) fn check_snapshot(repository: &Repository, id: LeaseId, report: &Report) -> Result<Option<ManifestObject>> {
    let name = ObjectName::Snapshot(id);
    if repository.store().stat(&name)?.is_none() {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no snapshot {id}")));
    }
    match report.check(name, DamagedObject, repository.read_snapshot_object(id))? {
        Some(SnapshotObject::Manifest(object)) => Ok(Some(*object)),
        Some(SnapshotObject::Void(_)) => {
            Err(Error::new(ErrorKind::NotFound, format!("there is no snapshot {id}: its writer was shut out")))
        }
        None => Ok(None),
    }
}

/// The contents of a folder.
struct Listed {
    /// Small objects.
    objects: Vec<ObjectName>,
    /// Paths that are not names of objects.
    strange: Vec<String>,
}

fn list(repository: &Repository, folder: Folder) -> Result<Listed> {
    let mut listed = Listed { objects: Vec::new(), strange: Vec::new() };
    let Listed { objects, strange } = &mut listed;
    let mut found = |info: engine_store::ObjectInfo| {
        if !matches!(folder, Folder::Packs | Folder::Index | Folder::Snapshots) {
            objects.push(info.name);
        }
        Ok(())
    };
    repository.store().list(folder, &mut found, &mut |name| strange.push(name))?;
    Ok(listed)
}

/// Reads members, keyrings, leases and the condemned list, and lists everything to find invalid names.
pub(super) fn check_small_objects(repository: &Repository, report: &Report) -> Result<()> {
    let mut names = Vec::new();
    for listed in repository.at_once(&Folder::ALL, |folder| list(repository, *folder)) {
        let Listed { objects, strange } = listed?;
        names.extend(objects);
        strange.iter().for_each(|name| report.note(format!("{name} is not an object of a repository")));
    }
    names.sort();
    check_keys_are_there(repository, &names, report);
    for name in names {
        match name {
            ObjectName::Member(_) => check_clear(repository, report, &name, ObjectKind::Member, limits::SMALL_OBJECT)?,
            ObjectName::Keyring(_) => check_clear(repository, report, &name, ObjectKind::Keyring, limits::KEYRING)?,
            ObjectName::Lease(id) => check_lease(repository, report, id)?,
            // The config was checked when the repository was opened.
            _ => {}
        }
    }
    report.check("condemned", DamagedObject, repository.condemned())?;
    Ok(())
}

/// Versions of the keyring are never deleted, and every recipient of the newest has an object in `keys`.
fn check_keys_are_there(repository: &Repository, names: &[ObjectName], report: &Report) {
    let newest = repository.keyring_version();
    let versions = names.iter().filter_map(|name| if let ObjectName::Keyring(n) = name { Some(*n) } else { None });
    let mut next = 1;
    for version in versions {
        if version > next {
            report.find(
                ObjectName::Keyring(next),
                DamagedObject,
                "it is missing, and some keys need it to open the repository",
            );
        }
        next = version.saturating_add(1);
    }
    // A newer one was put after this repository was opened: its recipients are unknown.
    if next != newest.saturating_add(1) {
        return;
    }
    for (id, _) in repository.recipients() {
        let name = ObjectName::Member(id);
        let copy = ObjectName::Copy(Original::Member(id));
        if names.binary_search(&name).is_err() && names.binary_search(&copy).is_err() {
            report.find(name, DamagedObject, "it is missing: its key cannot open the repository");
        }
    }
}

fn check_clear(
    repository: &Repository,
    report: &Report,
    name: &ObjectName,
    kind: ObjectKind,
    limit: u64,
) -> Result<()> {
    let read = || -> Result<()> {
        let bytes = repository.store().get(name, limit + clear::OVERHEAD as u64).map_err(Error::of_object)?;
        let object = clear::decode(kind, &bytes, limit).map_err(|e| Error::damaged(name, e))?;
        let identity = match kind {
            ObjectKind::Member => {
                let member = repo_format::member::Member::decode(object.body).map_err(|e| Error::damaged(name, e))?;
                let sealed_to = repository.recipients().into_iter().find(|(id, _)| *id == member.id);
                if sealed_to.is_some_and(|(_, public_key)| public_key != member.public_key) {
                    let message = format!("{name} has another public key than the keyring is sealed to");
                    return Err(Error::new(ErrorKind::Damaged, message));
                }
                ObjectName::Member(member.id)
            }
            _ => {
                let keyring =
                    repo_format::keyring::Keyring::decode(object.body).map_err(|e| Error::damaged(name, e))?;
                ObjectName::Keyring(keyring.version)
            }
        };
        if identity == *name {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Damaged, format!("{name} holds what belongs to {identity}")))
        }
    };
    report.check(name, DamagedObject, read()).map(|_| ())
}

/// A lease need not survive a power loss, so an unreadable one is only odd.
fn check_lease(repository: &Repository, report: &Report, id: LeaseId) -> Result<()> {
    let name = ObjectName::Lease(id);
    match read_lease(repository, id)? {
        None => {}
        Some(Announcement::Lease(lease)) => report.note(format!(
            "{name}: process {} on {} is writing, or ended without tidying up",
            lease.process, lease.host
        )),
        Some(Announcement::Torn(torn)) => report.note(format!("{name} {torn}; the next prune shuts it out")),
        Some(Announcement::NotBelieved(why)) => report.find(name, DamagedObject, why),
        Some(Announcement::NoLease(why)) => {
            report.note(format!("{name} is not a lease ({why}); a repair shuts it out"))
        }
        Some(Announcement::Unreadable(why)) => report.note(format!("{name} cannot be read: {why}")),
    }
    Ok(())
}

/// Compares small, vital objects with their second copies. Checks that older epochs are closed, and that the note about
/// them is readable.
pub(super) fn check_copies(repository: &Repository, report: &Report) -> Result<()> {
    for Mended { object, why } in repository.mend_vital(MendRun::Dry)? {
        match why {
            None => report.find(object, DamagedObject, "it is missing, and its second copy is there"),
            // Originals have been checked already, unless they are not files.
            Some(why) if !report.names(&object) => report.find(object, DamagedObject, why),
            Some(_) => {}
        }
    }
    if let Some(trouble) = repository.note_trouble()? {
        report.find("notes", DamagedObject, format!("what was there before a key was removed is not known: {trouble}"));
    }
    if repository.has_open_epochs() {
        report.note(
            "keys were removed, and nobody has noted what was there then: with a removed key snapshots can be added that look older than that; \
             `enamel key close` ends it",
        );
    }
    Ok(())
}

/// Compares the versions of config, keyring and condemned list with those that manifests and this machine have seen.
pub(super) fn check_versions(repository: &Repository, manifests: &[ManifestObject], report: &Report) -> Result<()> {
    let newest = |of: fn(&ManifestObject) -> u64| manifests.iter().map(of).max().unwrap_or(0);
    let older = |name: &str, version: u64, seen: u64| {
        if version < seen {
            let message = format!(
                "it is version {version}, and a snapshot was made with version {seen}: an older copy stands in its place"
            );
            report.find(name, RolledBack, message);
        }
    };
    older("config", repository.config_version(), newest(|m| m.manifest.config_version));
    older("keyring", repository.keyring_version(), newest(|m| m.manifest.keyring_version));
    // Asked before the list is read: another process of this machine may replace it and remember that at any time.
    let remembered = repository.memory().version("condemned")?.map_or(0, |known| known.number);
    let read = match repository.condemned() {
        Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
        read => read,
    };
    // An unreadable list is a finding already.
    if let Ok((condemned, _)) = read {
        let seen = newest(|m| m.manifest.condemned_seen.saturating_add(1)).max(remembered);
        older("condemned", condemned.next, seen);
    }
    Ok(())
}

/// Compares what a segment says of packs with what they say themselves.
fn check_descriptions(name: ObjectName, described: &[SegmentPack], packs: &CheckedPacks, report: &Report) {
    for pack in described {
        let differs = packs.digest(&pack.id).is_some_and(|digest| digest != super::content::description_digest(pack));
        if differs {
            report.find(
                name,
                DamagedObject,
                format!("its entry for packs/{} contradicts the table of that pack", pack.id),
            );
        }
    }
}

/// Reads all segments, and compares their descriptions of packs with the packs' own. Returns the packs that they name,
/// if all are readable.
pub(super) fn check_segments(
    repository: &Repository,
    packs: &CheckedPacks,
    report: &Report,
    monitor: &dyn Monitor,
) -> Result<Option<HashSet<PackId>>> {
    let mut ids = Vec::new();
    let mut found = |info: engine_store::ObjectInfo| {
        if let ObjectName::Segment(id) = info.name {
            ids.push(id);
        }
        Ok(())
    };
    repository.store().list(Folder::Index, &mut found, &mut |_| {})?;
    ids.sort();
    let mut named: HashSet<PackId> = HashSet::new();
    let mut all_read = true;
    let batch = if repository.is_far() { SEGMENTS_AT_ONCE } else { 1 };
    for batch in ids.chunks(batch) {
        if monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        let read = repository.at_once(batch, |id| repository.read_segment(*id));
        for (id, described) in batch.iter().zip(read) {
            let name = ObjectName::Segment(*id);
            let Some(described) = report.check_object(repository, name, DamagedObject, described)? else {
                all_read &= repository.store().stat(&name)?.is_none();
                continue;
            };
            named.extend(described.iter().map(|pack| pack.id));
            check_descriptions(name, &described, packs, report);
        }
    }
    for pack in packs.whole().filter(|pack| !named.contains(*pack)) {
        report.note(format!(
            "packs/{pack} is in no index segment, as after an interrupted backup; the next one takes it in"
        ));
    }
    Ok(all_read.then_some(named))
}

//! Closes the epochs before the newest: a note names everything that exists and is believed (FORMAT.md, section 6.5).
//! Objects that are sealed in these epochs later are not believed.

use repo_format::head::ObjectKind;
use repo_format::id::{Bytes32, NoteId, SegmentId};
use repo_format::keyring::ClosedEpochs;
use repo_format::lease::Purpose;
use repo_format::limits;
use repo_format::manifest::SeenManifest;
use repo_format::note::{EpochNote, NotedLease};
use repo_format::sealed;

use super::as_of::retired_members;
use super::next_keyring::put_keyring;
use super::{Repository, vital};
use crate::crypto::{Membership, SEALED_OVERHEAD, random};
use crate::error::{Error, ErrorKind, Result};
use engine_store::{Folder, ObjectName, Original, StoreErrorKind, Tag};

/// The number of attempts, because other processes may change the keys at the same time.
const TRIES: u32 = 10;

/// The objects of closed epochs to note when they are closed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// The objects that are believed now.
    #[default]
    Noted,
    /// Everything that exists; a user has looked at it.
    All,
}

/// The result of closing epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Closed {
    /// The highest closed epoch; `None` if there is only one epoch.
    pub epoch: Option<u32>,
    /// The number of noted manifests; 0 if nothing had to be done.
    pub manifests: u64,
    /// The number of manifests that are not noted, because they are unreadable or not believed.
    pub left_out: u64,
}

/// Closes all epochs but the newest, unless they are closed.
///
/// # Errors
/// [`ErrorKind::Refused`] if the earlier note cannot be used, because then nothing before it would be believed any
/// more; [`ErrorKind::Fenced`] if other processes keep changing the keys.
pub fn close_epochs(repository: &Repository, trust: Trust) -> Result<Closed> {
    let _alone = repository.alone(Purpose::Keys)?;
    for _ in 0..TRIES {
        repository.refresh_keys()?;
        let secrets = repository.keys().secrets();
        let Some(previous) = secrets.previous_epoch() else { return Ok(Closed::default()) };
        if trust == Trust::Noted {
            if secrets.closed().is_some_and(|closed| closed.epoch >= previous) {
                return Ok(Closed { epoch: Some(previous), ..Closed::default() });
            }
            if let Some(trouble) = repository.note_trouble()? {
                let message = "the note that was made when older epochs were closed cannot be used, so none of their objects would be believed";
                return Err(Error::caused(ErrorKind::Refused, message, trouble));
            }
        }
        let condemned = reseal_condemned(repository)?;
        let old = vital::originals(repository.store(), Folder::Notes)?;
        let (note, closed) = take_note(repository, trust, previous, condemned)?;
        let digest = repository.put_note(&note)?;
        let next = secrets.closing(ClosedEpochs { epoch: previous, note: note.id, digest })?;
        match put_keyring(repository, Membership { recipients: repository.recipients(), retired: Vec::new() }, next) {
            Ok(()) => {
                tidy(repository, &old)?;
                return Ok(closed);
            }
            // The next process that closes epochs deletes the note that was put, with the other old ones.
            Err(error) if error.kind() == ErrorKind::Fenced => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(ErrorKind::Fenced, "other processes keep changing the keys, so older epochs could not be closed"))
}

/// Seals the list of condemned packs in the newest epoch. Returns the digest of the old object if the store forbids
/// replacing.
fn reseal_condemned(repository: &Repository) -> Result<Option<Bytes32>> {
    let name = ObjectName::Condemned;
    loop {
        let (condemned, tag) = match repository.condemned() {
            Ok(read) => read,
            // Repair handles it. No process deletes anything while it is unreadable.
            Err(error) if error.kind() == ErrorKind::Damaged => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = repository.store().get(&name, limits::CONDEMNED + SEALED_OVERHEAD)?;
        let parts = sealed::decode_checked(ObjectKind::Condemned, &bytes, limits::CONDEMNED)
            .map_err(|e| Error::damaged(name, e))?;
        if Tag::of(&bytes) != tag {
            continue;
        }
        if parts.envelope.sealing.epoch == repository.keys().newest_epoch() {
            return Ok(None);
        }
        match repository.replace_condemned(&condemned, tag) {
            Ok(true) => return Ok(None),
            Ok(false) => {}
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(Some(Bytes32(tag.0))),
            Err(error) => return Err(error),
        }
    }
}

fn take_note(
    repository: &Repository,
    trust: Trust,
    epoch: u32,
    condemned: Option<Bytes32>,
) -> Result<(EpochNote, Closed)> {
    let (believed, unreadable) = repository.read_manifests()?;
    let seen = |object: &super::ManifestObject| SeenManifest { id: object.manifest.id, digest: object.digest };
    let mut manifests: Vec<_> = believed.iter().map(seen).collect();
    let mut left_out = 0;
    for object in unreadable {
        match trust {
            Trust::All if object.error.kind() == ErrorKind::NotBelieved => {
                manifests.push(seen(&repository.read_unbelieved(object.id)?));
            }
            _ => left_out += 1,
        }
    }
    manifests.sort_by_key(|manifest| manifest.id);
    let closed = Closed { epoch: Some(epoch), manifests: manifests.len() as u64, left_out };
    let (segments, leases) = (Some(segments(repository, trust)?), Some(leases(repository)?));
    Ok((EpochNote { id: NoteId(random()?), epoch, manifests, segments, leases, condemned }, closed))
}

fn segments(repository: &Repository, trust: Trust) -> Result<Vec<SegmentId>> {
    let mut noted = Vec::new();
    for name in repository.names_in(Folder::Index)? {
        let ObjectName::Segment(id) = name else { continue };
        // Even with full trust: the packs themselves repeat what a segment of a closed epoch says.
        let believed = repository.is_segment_believed(id)?;
        if believed == Some(true) || (believed.is_some() && trust == Trust::All && repository.note_trouble()?.is_some())
        {
            noted.push(id);
        }
    }
    Ok(noted)
}

fn leases(repository: &Repository) -> Result<Vec<NotedLease>> {
    let mut noted = Vec::new();
    for name in repository.names_in(Folder::Leases)? {
        let ObjectName::Lease(id) = name else { continue };
        let object = match repository.store().get(&name, limits::SMALL_OBJECT + SEALED_OVERHEAD) {
            Ok(object) => object,
            Err(error) if matches!(error.kind, StoreErrorKind::NotFound | StoreErrorKind::TooLarge) => continue,
            Err(error) => return Err(error.into()),
        };
        // An object that is not a lease, or is not believed, announces no writer.
        let Ok(parts) = sealed::decode_checked(ObjectKind::Lease, &object, limits::SMALL_OBJECT) else { continue };
        match repository.believe_lease(parts.envelope.sealing.epoch, id, &object) {
            Ok(()) => noted.push(NotedLease { id, digest: Bytes32(*blake3::hash(&object).as_bytes()) }),
            Err(error) if error.kind() == ErrorKind::NotBelieved => {}
            Err(error) => return Err(error),
        }
    }
    Ok(noted)
}

/// Deletes the earlier notes: the new one names everything that they named. A retired member cannot open the new one, so
/// it needs the others.
fn tidy(repository: &Repository, old: &[Original]) -> Result<()> {
    if !retired_members(repository.store())?.is_empty() {
        return Ok(());
    }
    for of in old {
        match vital::delete(repository.store(), *of) {
            Err(error) if error.kind != StoreErrorKind::PermissionDenied => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

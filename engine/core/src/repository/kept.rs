//! This machine's own copies of config and keyring. Enamel uses them if the repository has lost an original and its
//! second copy, and only if they provably belong to this repository.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use repo_format::clear;
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{MemberId, RepositoryId};
use repo_format::keyring::Keyring;
use repo_format::limits;

use super::secrets::versions;
use super::source::Objects;
use super::{Repository, vital};
use crate::crypto::{Keys, SEALED_OVERHEAD};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::{Kept, KeptObject, kept_at};
use engine_store::{Folder, ObjectInfo, ObjectName, Original, Store};

/// The number of snapshots that are tried as proof.
const PROOFS_MAX: usize = 16;

/// Objects that the store has lost, kept by this machine for a repository that may be the one in the store.
pub(super) struct Candidate {
    pub repository: RepositoryId,
    pub lost: Objects,
}

/// Kept objects of repositories that were in this place, if they can help: something is lost, and a member that the
/// kept keyring names exists. So nothing is found for an empty folder.
///
/// # Errors
/// If the store cannot be listed.
pub(super) fn candidates(store: &dyn Store, states: Option<&Path>) -> Result<Vec<Candidate>> {
    let Some(states) = states else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for kept in kept_at(states, &store.place()) {
        let objects = objects_of(&kept);
        if names_a_member(store, &objects)? {
            let lost = lost(store, objects)?;
            if !lost.is_empty() {
                found.push(Candidate { repository: kept.repository, lost });
            }
        }
    }
    Ok(found)
}

fn objects_of(kept: &Kept) -> Objects {
    kept.objects.iter().filter_map(|object| Some((object.name.parse().ok()?, object.bytes.clone()))).collect()
}

/// In the form of the memory.
pub(super) fn to_keep(objects: &Objects) -> Vec<KeptObject> {
    objects.iter().map(|(of, bytes)| KeptObject { name: of.to_string(), bytes: bytes.clone() }).collect()
}

fn names_a_member(store: &dyn Store, objects: &Objects) -> Result<bool> {
    let named: HashSet<MemberId> = objects.iter().flat_map(|(of, bytes)| recipients(*of, bytes)).collect();
    let there = vital::originals(store, Folder::Keys)?;
    Ok(there.iter().any(|of| matches!(of, Original::Member(id) if named.contains(id))))
}

fn recipients(of: Original, bytes: &[u8]) -> Vec<MemberId> {
    let object = match of {
        Original::Keyring(_) => clear::decode(ObjectKind::Keyring, bytes, limits::KEYRING),
        _ => return Vec::new(),
    };
    let keyring = object.ok().and_then(|object| Keyring::decode(object.body).ok());
    keyring.into_iter().flat_map(|keyring| keyring.recipients).map(|recipient| recipient.member).collect()
}

/// The objects that the store has lost. A missing version of the keyring is no loss if all existing versions are older:
/// then someone has put back an older state, and Enamel reports that.
fn lost(store: &dyn Store, mut objects: Objects) -> Result<Objects> {
    let there = versions(store.into())?;
    let mut whole = BTreeSet::new();
    for of in objects.keys() {
        let is_older = |n: &u64| there.range(n..).next().is_none() && !there.is_empty();
        let is_rolled_back = matches!(of, Original::Keyring(n) if is_older(n));
        if is_rolled_back || !is_lost(store, *of)? {
            whole.insert(*of);
        }
    }
    objects.retain(|of, _| !whole.contains(of));
    Ok(objects)
}

fn is_lost(store: &dyn Store, of: Original) -> Result<bool> {
    let read = vital::read(store.into(), of, |bytes| {
        let object = match of {
            Original::Config => clear::decode(ObjectKind::Config, bytes, limits::SMALL_OBJECT),
            _ => clear::decode(ObjectKind::Keyring, bytes, limits::KEYRING),
        };
        object.map(drop).map_err(|e| Error::damaged(of.name(), e))
    });
    match read {
        Ok(_) => Ok(false),
        // A failing disk, or a newer program's object, is no loss.
        Err(error) if error.kind() == ErrorKind::Damaged => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::TooNew | ErrorKind::Io | ErrorKind::PermissionDenied) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Whether `keys` open something in the store: its list of condemned packs, or a snapshot.
///
/// # Errors
/// If the store cannot be listed.
pub(super) fn prove(store: &dyn Store, keys: &Keys) -> Result<bool> {
    let opens = |name: &ObjectName, kind, class, limit| {
        let object = store.get(name, limit + SEALED_OVERHEAD);
        object.is_ok_and(|object| keys.open(kind, class, &name.to_string(), &object, limit).is_ok())
    };
    if opens(&ObjectName::Condemned, ObjectKind::Condemned, KeyClass::Index, limits::CONDEMNED) {
        return Ok(true);
    }
    let mut snapshots = Vec::new();
    let mut note = |info: ObjectInfo| {
        if snapshots.len() < PROOFS_MAX {
            snapshots.push(info.name);
        }
        Ok(())
    };
    store.list(Folder::Snapshots, &mut note, &mut |_| {})?;
    Ok(snapshots.iter().any(|name| opens(name, ObjectKind::Manifest, KeyClass::Meta, limits::SMALL_OBJECT)))
}

impl Repository {
    /// As sentences, the objects that the repository has lost with their second copies, and that this machine has a
    /// copy of.
    pub fn lost_here(&self) -> Vec<String> {
        let sentence = |of: &Original| {
            format!(
                "{} and its second copy are lost or damaged: the copy that this computer keeps is used; `enamel repair` puts it back",
                of.name()
            )
        };
        self.kept.keys().map(sentence).collect()
    }
}

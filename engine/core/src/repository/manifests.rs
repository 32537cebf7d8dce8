//! Manifests: reading them, and a list that avoids reading most of them.

use std::collections::{HashMap, HashSet};

use repo_format::entry::Time;
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{Bytes32, LeaseId};
use repo_format::lease::Void;
use repo_format::limits;
use repo_format::manifest::{Manifest, ManifestKind, Root, SeenManifest};
use repo_format::{FormatError, sealed};

use super::{BATCH, Forgotten, Repository};
use crate::crypto::SEALED_OVERHEAD;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::RememberedManifest;
use engine_store::{Folder, ObjectName};

/// A manifest in the repository.
#[derive(Debug, Clone)]
pub struct ManifestObject {
    /// The contents of the object.
    pub manifest: Manifest,
    /// Its digest.
    pub digest: Bytes32,
}

impl ManifestObject {
    /// Its id and digest.
    pub fn reference(&self) -> SeenManifest {
        SeenManifest { id: self.manifest.id, digest: self.digest }
    }
}

/// An object in `snapshots/`.
#[derive(Debug, Clone)]
pub enum SnapshotObject {
    /// A manifest.
    Manifest(Box<ManifestObject>),
    /// A record that fences a writer.
    Void(Void),
}

/// A manifest that exists and cannot be used.
#[derive(Debug)]
pub struct UnreadableManifest {
    /// Its id.
    pub id: LeaseId,
    /// Why.
    pub error: Error,
}

/// The manifests in the repository, as far as this machine knows them.
#[derive(Debug, Default)]
pub struct Manifests {
    /// The existing ones, newest first.
    pub present: Vec<RememberedManifest>,
    /// Manifests that this machine has seen and that no longer exist, though no record says that they were forgotten.
    pub missing: Vec<RememberedManifest>,
    /// Existing ones that cannot be used.
    pub unreadable: Vec<UnreadableManifest>,
    /// Manifests that exist again, though this machine has seen that they were forgotten: someone has put them back.
    /// Nothing counts them.
    pub put_back: Vec<RememberedManifest>,
    /// Whether everything missing was seen in other places of the repository only: this may be a copy that is behind.
    pub is_behind: bool,
}

impl Manifests {
    /// The newest existing ones, in the form in which a manifest lists what its writer has seen.
    pub fn newest_seen(&self) -> Vec<SeenManifest> {
        let newest = self.present.iter().take(usize::try_from(limits::SEEN_COUNT).unwrap_or(0));
        newest.map(|manifest| SeenManifest { id: manifest.id, digest: manifest.digest }).collect()
    }

    /// Whether everything missing is newer than everything that is there, as after a rollback.
    pub(super) fn is_older_state(&self) -> bool {
        let newest = self.present.iter().map(|manifest| manifest.time).max();
        let oldest_missing = self.missing.iter().map(|manifest| manifest.time).min();
        newest.zip(oldest_missing).is_some_and(|(newest, missing)| newest < missing)
    }
}

impl Repository {
    /// Ids of everything in `snapshots/`, in ascending order.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub fn snapshot_names(&self) -> Result<Vec<LeaseId>> {
        let names = self.names_in(Folder::Snapshots)?.into_iter();
        Ok(names.filter_map(|name| if let ObjectName::Snapshot(id) = name { Some(id) } else { None }).collect())
    }

    /// Reads the object of this id in `snapshots/`.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`]; [`ErrorKind::TooNew`]; [`ErrorKind::NotBelieved`].
    pub fn read_snapshot_object(&self, id: LeaseId) -> Result<SnapshotObject> {
        let (object, epoch) = self.open_snapshot_object(id)?;
        if let SnapshotObject::Manifest(object) = &object {
            self.believe_manifest(epoch, id, object.digest)?;
            self.compare_versions(&object.manifest)?;
        }
        Ok(object)
    }

    /// As [`Repository::read_snapshot_object`], for a manifest that this machine remembers. If this machine has committed
    /// it or read it over a network before, and still has it, the store is not asked.
    ///
    /// # Errors
    /// As [`Repository::read_snapshot_object`].
    pub(crate) fn read_remembered(&self, remembered: &RememberedManifest) -> Result<SnapshotObject> {
        match self.kept_manifest(remembered) {
            Some(kept) => Ok(SnapshotObject::Manifest(kept)),
            None => self.read_snapshot_object(remembered.id),
        }
    }

    /// As [`Repository::each_snapshot_object`], for manifests that this machine remembers.
    pub(crate) fn each_remembered<'n>(
        &'n self,
        remembered: &'n [RememberedManifest],
    ) -> impl Iterator<Item = (LeaseId, Result<SnapshotObject>)> + 'n {
        remembered.chunks(BATCH).flat_map(|batch| {
            let read = self.at_once(batch, |known| self.read_remembered(known));
            batch.iter().map(|known| known.id).zip(read)
        })
    }

    /// Reads the same manifests as [`Repository::each_remembered`], and leaves out void records, damage, which `status` names, and
    /// what is later than a retired key.
    pub(crate) fn each_readable<'n>(
        &'n self,
        remembered: &'n [RememberedManifest],
    ) -> impl Iterator<Item = Result<Box<ManifestObject>>> + 'n {
        self.each_remembered(remembered).filter_map(|(_, read)| match read {
            Ok(SnapshotObject::Manifest(object)) => Some(Ok(object)),
            Ok(SnapshotObject::Void(_)) => None,
            Err(error) if error.is_damage() || self.is_later(&error) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// The unreadable manifest that `error` was about. There is none if it is later than a retired key, or has gone since it was
    /// listed.
    ///
    /// # Errors
    /// If the store does not answer.
    pub(crate) fn unreadable(&self, id: LeaseId, error: Error) -> Result<Option<UnreadableManifest>> {
        if error.kind() == ErrorKind::Unavailable {
            return Err(error);
        }
        let is_there = !self.is_later(&error) && self.has_snapshot_object(id)?;
        Ok(is_there.then_some(UnreadableManifest { id, error }))
    }

    fn kept_manifest(&self, remembered: &RememberedManifest) -> Option<Box<ManifestObject>> {
        let bytes = self.nodes.as_ref()?.manifest(remembered.id)?;
        let (object, epoch) = self.decode_snapshot_object(remembered.id, &bytes).ok()?;
        let SnapshotObject::Manifest(object) = object else { return None };
        let is_right = object.digest == remembered.digest
            && self.believe_manifest(epoch, remembered.id, object.digest).is_ok()
            && self.compare_versions(&object.manifest).is_ok();
        is_right.then_some(object)
    }

    /// Reads the objects of these ids, in their order; over a network several at a time.
    pub(crate) fn each_snapshot_object<'n>(
        &'n self,
        ids: &'n [LeaseId],
    ) -> impl Iterator<Item = (LeaseId, Result<SnapshotObject>)> + 'n {
        ids.chunks(BATCH).flat_map(|batch| {
            let read = self.at_once(batch, |id| self.read_snapshot_object(*id));
            batch.iter().copied().zip(read)
        })
    }

    /// Reads a manifest, believed or not.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`]; [`ErrorKind::TooNew`]; [`ErrorKind::NotFound`] if a void record is in its place.
    pub fn read_unbelieved(&self, id: LeaseId) -> Result<ManifestObject> {
        match self.open_snapshot_object(id)? {
            (SnapshotObject::Manifest(object), _) => Ok(*object),
            _ => Err(Error::new(ErrorKind::NotFound, format!("snapshots/{id} only shuts out a writer"))),
        }
    }

    /// The object of this id in `snapshots/`, and the epoch that it is sealed in.
    fn open_snapshot_object(&self, id: LeaseId) -> Result<(SnapshotObject, u32)> {
        self.twice(|| self.open_snapshot_object_once(id))
    }

    fn open_snapshot_object_once(&self, id: LeaseId) -> Result<(SnapshotObject, u32)> {
        let limit = limits::SMALL_OBJECT + SEALED_OVERHEAD;
        let bytes = self.store.get(&ObjectName::Snapshot(id), limit).map_err(Error::of_object)?;
        let decoded = self.decode_snapshot_object(id, &bytes)?;
        if let (Some(nodes), SnapshotObject::Manifest(_)) = (&self.nodes, &decoded.0) {
            nodes.keep_manifest(id, &bytes);
        }
        Ok(decoded)
    }

    fn decode_snapshot_object(&self, id: LeaseId, bytes: &[u8]) -> Result<(SnapshotObject, u32)> {
        let (name, limit) = (ObjectName::Snapshot(id), limits::SMALL_OBJECT);
        let kind = match sealed::decode_checked(ObjectKind::Manifest, bytes, limit) {
            Err(FormatError::WrongKind { found, .. }) if found == ObjectKind::Void as u8 => ObjectKind::Void,
            _ => ObjectKind::Manifest,
        };
        let damaged = |e| Error::damaged(name, e);
        let parts = sealed::decode_checked(kind, bytes, limit).map_err(damaged)?;
        let plain = self.open_sealed(KeyClass::Meta, &name.to_string(), &parts)?;
        let (object, inner) = match kind {
            ObjectKind::Void => {
                let void = Void::decode(&plain).map_err(damaged)?;
                let inner = void.id;
                (SnapshotObject::Void(void), inner)
            }
            _ => {
                let manifest = Manifest::decode(&plain).map_err(damaged)?;
                let inner = manifest.id;
                let digest = self.keys.manifest_digest(&plain);
                (SnapshotObject::Manifest(Box::new(ManifestObject { manifest, digest })), inner)
            }
        };
        if inner == id {
            Ok((object, parts.envelope.sealing.epoch))
        } else {
            Err(Error::new(ErrorKind::Damaged, format!("{name} holds the manifest of {inner}")))
        }
    }

    /// Reads all manifests, sorted by time, the oldest first. Omits void records.
    ///
    /// # Errors
    /// If the store cannot be listed. Unreadable manifests are in the result, not an error. Manifests that are later than a
    /// retired key are left out.
    pub fn read_manifests(&self) -> Result<(Vec<ManifestObject>, Vec<UnreadableManifest>)> {
        let (mut manifests, mut unreadable) = (Vec::new(), Vec::new());
        let names = self.snapshot_names()?;
        for (id, read) in self.each_snapshot_object(&names) {
            match read {
                Ok(SnapshotObject::Manifest(object)) => manifests.push(*object),
                Ok(SnapshotObject::Void(_)) => {}
                Err(error) if self.is_later(&error) => {}
                Err(error) if !error.is_damage() => return Err(error),
                Err(error) if self.has_snapshot_object(id)? => unreadable.push(UnreadableManifest { id, error }),
                Err(_) => {}
            }
        }
        manifests.sort_by_key(|m| (m.manifest.seconds, m.manifest.nanoseconds, m.manifest.id));
        Ok((manifests, unreadable))
    }

    /// All manifests. Reads only those that this machine has not seen before. Stops remembering manifests that a record
    /// says were forgotten.
    ///
    /// # Errors
    /// If the store cannot be listed or the memory cannot be used.
    pub fn manifests(&self) -> Result<Manifests> {
        let listed = self.list_manifests()?;
        if listed.missing.is_empty() {
            return Ok(listed);
        }
        // Listing a folder takes time. A `forget` may have put its record behind the current position, and deleted the
        // named manifest before the listing reached it. A record that was put before a manifest was missed exists now.
        self.list_manifests()
    }

    fn list_manifests(&self) -> Result<Manifests> {
        let known = self.memory.all_manifests()?;
        let expected = self.memory.manifests()?;
        let names = self.snapshot_names()?;
        let known: HashMap<LeaseId, RememberedManifest> = known.into_iter().map(|m| (m.id, m)).collect();
        let mut manifests = Manifests::default();
        let mut told = Vec::new();
        let (seen, new): (Vec<LeaseId>, Vec<LeaseId>) = names.iter().partition(|id| known.contains_key(id));
        manifests.present.extend(seen.iter().filter_map(|id| known.get(id)).copied());
        for (id, read) in self.each_snapshot_object(&new) {
            match read {
                Ok(SnapshotObject::Manifest(object)) => {
                    manifests.present.push(self.remembered_form(&object));
                    told.push(object);
                }
                Ok(SnapshotObject::Void(_)) => {}
                Err(error) => manifests.unreadable.extend(self.unreadable(id, error)?),
            }
        }
        if self.as_of().is_some() {
            // Records that name what was forgotten since do not open with this key.
            manifests.present.sort_by_key(|m| std::cmp::Reverse((m.time, m.id)));
            return Ok(manifests);
        }
        self.set_apart_what_was_put_back(&mut manifests)?;
        let sighted: HashSet<LeaseId> = expected.iter().map(|m| m.id).collect();
        let fresh = manifests.present.iter().filter(|m| !sighted.contains(&m.id));
        self.remember_held(told.iter().map(|object| &object.manifest))?;
        self.memory.remember_manifests(&fresh.copied().collect::<Vec<_>>())?;
        manifests.missing = expected.into_iter().filter(|m| names.binary_search(&m.id).is_err()).collect();
        let here = self.memory.seen_here()?;
        let new_here: Vec<_> = manifests.present.iter().map(|m| m.id).filter(|id| !here.contains(id)).collect();
        self.memory.remember_here(&new_here)?;
        self.miss_what_others_saw(&told, &names, &mut manifests)?;
        manifests.is_behind =
            !manifests.missing.is_empty() && manifests.missing.iter().all(|missing| !here.contains(&missing.id));
        manifests.present.sort_by_key(|m| std::cmp::Reverse((m.time, m.id)));
        let accepted = self.forget_what_records_name(&mut manifests)?;
        if manifests.missing.is_empty()
            && accepted == 0
            && self.warnings.is_empty()
            && self.memory.is_new_place()
            && self.older_condemned()?.is_none()
        {
            self.memory.join_only_line()?;
        }
        Ok(manifests)
    }

    /// Adds as missing the manifests that new manifests name and that do not exist. So even a machine that has never
    /// seen them notices. The new manifests were read anyway, so this costs one look per missing manifest. Only the ids
    /// of the missing are known, and that they are not younger than the manifest that names them.
    fn miss_what_others_saw(
        &self,
        told: &[Box<ManifestObject>],
        names: &[LeaseId],
        manifests: &mut Manifests,
    ) -> Result<()> {
        let mut known: HashSet<LeaseId> = manifests.missing.iter().map(|missing| missing.id).collect();
        let mut missed = Vec::new();
        for object in told {
            let like = self.remembered_form(object);
            for SeenManifest { id, digest } in &object.manifest.seen {
                let is_listed = names.binary_search(id).is_ok();
                if is_listed || !known.insert(*id) || self.has_snapshot_object(*id)? {
                    continue;
                }
                missed.push(RememberedManifest { id: *id, digest: *digest, kind: ManifestKind::Snapshot, ..like });
            }
        }
        if missed.is_empty() {
            return Ok(());
        }
        let (records, _) = self.read_records(&manifests.present)?;
        let forgotten = Forgotten::by(records.iter().map(|record| &record.manifest));
        missed.retain(|manifest| !forgotten.names(manifest.id, manifest.digest));
        self.memory.remember_manifests(&missed)?;
        manifests.missing.extend(missed);
        manifests.missing.sort_by_key(|m| std::cmp::Reverse((m.time, m.id)));
        Ok(())
    }

    /// Separates the existing manifests that had gone for good. A record brings back only what it names.
    fn set_apart_what_was_put_back(&self, manifests: &mut Manifests) -> Result<()> {
        let there: Vec<_> = manifests.present.iter().filter(|m| m.kind != ManifestKind::Record).map(|m| m.id).collect();
        let mut back = self.memory.put_back(&there)?;
        for id in back.clone() {
            // The listing may be older than the `forget`, which this machine has remembered since.
            if !self.has_snapshot_object(id)? {
                back.remove(&id);
                manifests.present.retain(|manifest| manifest.id != id);
            }
        }
        let present = std::mem::take(&mut manifests.present);
        (manifests.put_back, manifests.present) = present.into_iter().partition(|manifest| back.contains(&manifest.id));
        manifests.put_back.sort_by_key(|m| std::cmp::Reverse((m.time, m.id)));
        Ok(())
    }

    /// The remembered form of a manifest.
    pub(crate) fn remembered_form(&self, object: &ManifestObject) -> RememberedManifest {
        let m = &object.manifest;
        RememberedManifest {
            id: m.id,
            digest: object.digest,
            kind: m.kind,
            time: Time { seconds: m.seconds, nanoseconds: m.nanoseconds },
            family: family(self, &m.host, &m.roots),
        }
    }
}

/// A keyed hash of host and roots, in any order; snapshots of the same sources share it.
pub fn family(repository: &Repository, host: &str, roots: &[Root]) -> Bytes32 {
    let mut text = format!("family\0{host}\0").into_bytes();
    let mut sources: Vec<_> = roots.iter().map(|root| (root.plain_path(), root.kind)).collect();
    sources.sort_unstable();
    for (path, kind) in sources {
        text.push(kind.number());
        text.extend((path.len() as u64).to_le_bytes());
        text.extend(path);
    }
    repository.keys().manifest_digest(&text)
}

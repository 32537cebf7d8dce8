//! Handles keys that change during a run, and manifests that are put meanwhile (FORMAT.md, section 6.5).

use std::sync::PoisonError;

use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{Bytes32, LeaseId, MemberId, NoteId};
use repo_format::manifest::SeenManifest;
use repo_format::note::EpochNote;

use super::kept::to_keep;
use super::secrets::open_version;
use super::{Repository, vital};
use crate::crypto::{Admission, KeyringSecrets, KeyringVersion, random};
use crate::error::{Error, ErrorKind, Result};
use engine_store::{ObjectName, Original, StoreErrorKind};

/// The newest keyring version that this process knows.
#[derive(Clone)]
pub(super) struct KnownKeyring {
    pub version: u64,
    /// The members that it is sealed to.
    pub recipients: Vec<(MemberId, Bytes32)>,
}

/// A sealed manifest, ready to be put.
pub struct SealedManifest {
    /// The sealed bytes.
    pub object: Vec<u8>,
    seen: SeenManifest,
    epoch: u32,
}

impl SealedManifest {
    /// Its digest.
    pub fn digest(&self) -> Bytes32 {
        self.seen.digest
    }
}

impl Repository {
    /// Adopts newer keyring versions, so that new objects are sealed in the newest epoch.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WrongPassword`] if the key of this run has been removed; [`crate::ErrorKind::Damaged`] if a
    /// newer version cannot be read.
    pub(crate) fn refresh_keys(&self) -> Result<()> {
        // No later version is for a retired member.
        if self.as_of().is_some() {
            return Ok(());
        }
        loop {
            let version = self.keyring_version().saturating_add(1);
            let is_there = match self.store.stat(&ObjectName::Keyring(version)) {
                // This thing is not a version; the second copy may be one.
                Err(error) if error.kind == StoreErrorKind::NotAFile => {
                    self.store.stat(&ObjectName::Copy(Original::Keyring(version)))
                }
                found => found,
            };
            if is_there?.is_none() {
                return Ok(());
            }
            let at = KeyringVersion { repository: self.id(), version };
            let link = *self.keys.secrets().link();
            const CHANGED: &str = "the keys of this repository have been changed while this run was under way";
            let read = open_version(self.store().into(), at, &self.member, &link).map_err(|e| e.context(CHANGED))?;
            let Admission::Opened(opened) = read.value else {
                let message = format!("this key was retired (version {version})");
                return Err(Error::new(ErrorKind::WrongPassword, message).context(CHANGED));
            };
            self.take_over(version, opened.secrets, opened.recipients, &read.object)?;
        }
    }

    /// Call it before sealing anything: adopts newer keys, and refuses older ones.
    ///
    /// # Errors
    /// As [`Repository::refresh_keys`], [`Repository::refuse_older_copies`] and [`Repository::refuse_as_of`].
    pub(crate) fn ready_to_seal(&self) -> Result<()> {
        self.refuse_as_of()?;
        self.refresh_keys()?;
        self.refuse_older_copies()
    }

    /// Makes the version in `object` the newest keyring version of this process.
    pub(super) fn take_over(
        &self,
        version: u64,
        secrets: KeyringSecrets,
        recipients: Vec<(MemberId, Bytes32)>,
        object: &[u8],
    ) -> Result<()> {
        let mut known = self.keyring.write().unwrap_or_else(PoisonError::into_inner);
        if version > known.version {
            *known = KnownKeyring { version, recipients };
            self.keys.learn(secrets);
        }
        drop(known);
        self.memory.remember_version("keyring", version, Bytes32(*blake3::hash(object).as_bytes()))?;
        let objects = [(Original::Keyring(version), object.to_vec())].into();
        self.memory.keep(&to_keep(&objects))
    }

    /// Seals a manifest in the newest epoch that this process knows: the caller has looked, see
    /// [`Repository::ready_to_seal`].
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub(crate) fn seal_manifest(&self, id: LeaseId, plain: &[u8]) -> Result<SealedManifest> {
        let name = ObjectName::Snapshot(id).to_string();
        let epoch = self.keys.newest_epoch();
        let object = self.keys.seal(ObjectKind::Manifest, KeyClass::Meta, &name, plain)?;
        Ok(SealedManifest { object, seen: SeenManifest { id, digest: self.keys.manifest_digest(plain) }, epoch })
    }

    /// Call it after putting a manifest. If a new epoch began meanwhile, it puts a note that vouches for the manifest.
    /// Otherwise nobody would believe that the manifest existed before the old epoch was closed.
    ///
    /// # Errors
    /// If this fails, the manifest exists, and may not be believed.
    pub(crate) fn vouch_for(&self, manifest: &SealedManifest) -> Result<()> {
        let vouch = || -> Result<()> {
            self.refresh_keys()?;
            if self.keys.newest_epoch() == manifest.epoch {
                return Ok(());
            }
            let note = EpochNote {
                id: NoteId(random()?),
                epoch: manifest.epoch,
                manifests: vec![manifest.seen],
                segments: None,
                leases: None,
                condemned: None,
            };
            self.put_note(&note).map(|_| ())
        };
        vouch().map_err(|e| {
            e.context(format!(
                "snapshots/{} has been stored, but whether it will be believed is not sure: the keys may have been changed at that moment",
                manifest.seen.id
            ))
        })
    }

    /// Puts a note; returns its digest.
    pub(super) fn put_note(&self, note: &EpochNote) -> Result<Bytes32> {
        let name = ObjectName::Note(note.id);
        let plain = note.encode().map_err(|e| Error::damaged(name, e))?;
        let object = self.keys.seal(ObjectKind::EpochNote, KeyClass::Meta, &name.to_string(), &plain)?;
        vital::put(self.store(), Original::Note(note.id), &object)?;
        Ok(EpochNote::digest(&plain))
    }
}

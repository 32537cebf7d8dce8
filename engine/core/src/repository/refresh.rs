//! Keys that change while a run is under way, and manifests that are put meanwhile (FORMAT.md, section 6.5).

use std::sync::PoisonError;

use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{Bytes32, LeaseId, MemberId, NoteId};
use repo_format::manifest::SeenManifest;
use repo_format::note::EpochNote;

use super::kept::to_keep;
use super::secrets::open_version;
use super::{Repository, vital};
use crate::crypto::{KeyringSecrets, KeyringVersion, random};
use crate::error::{Error, Result};
use engine_store::{ObjectName, Original, StoreErrorKind};

/// The newest keyring version that is known here.
#[derive(Clone)]
pub(super) struct KnownKeyring {
    pub version: u64,
    /// Whom it is sealed to.
    pub recipients: Vec<(MemberId, Bytes32)>,
}

/// A manifest that is ready to be put.
pub struct SealedManifest {
    /// The object.
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
    /// Takes over keyring versions that have come since, so that what is sealed from now on is sealed in the newest epoch.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WrongPassword`] if the key of this run has been removed; [`crate::ErrorKind::Damaged`] if a newer version cannot be
    /// read.
    pub(crate) fn refresh_keys(&self) -> Result<()> {
        loop {
            let version = self.keyring_version().saturating_add(1);
            let is_there = match self.store.stat(&ObjectName::Keyring(version)) {
                // Whatever stands there is no version; the second copy may be one.
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
            let opened = open_version(self.store().into(), at, &self.member, &link)
                .map_err(|e| e.context("the keys of this repository have been changed while this run was under way"))?;
            self.take_over(version, opened.value.secrets, opened.value.recipients, &opened.object)?;
        }
    }

    /// To be called before anything is sealed: takes over what has come, and refuses what is older than it should be.
    ///
    /// # Errors
    /// As [`Repository::refresh_keys`] and [`Repository::refuse_older_copies`].
    pub(super) fn ready_to_seal(&self) -> Result<()> {
        self.refresh_keys()?;
        self.refuse_older_copies()
    }

    /// From now on, this is the newest keyring version, which `object` holds.
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

    /// Seals a manifest in the newest epoch that there is.
    ///
    /// # Errors
    /// As [`Repository::refresh_keys`].
    pub(crate) fn seal_manifest(&self, id: LeaseId, plain: &[u8]) -> Result<SealedManifest> {
        self.ready_to_seal()?;
        let name = ObjectName::Snapshot(id).to_string();
        let epoch = self.keys.newest_epoch();
        let object = self.keys.seal(ObjectKind::Manifest, KeyClass::Meta, &name, plain)?;
        Ok(SealedManifest { object, seen: SeenManifest { id, digest: self.keys.manifest_digest(plain) }, epoch })
    }

    /// To be called when a manifest has been put: if a new epoch has begun meanwhile, a note vouches for it, or nobody would believe that it
    /// was there before the old one was closed.
    ///
    /// # Errors
    /// If that cannot be found out or done. The manifest is there, and may not be believed.
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

    /// Puts a note; gives its digest.
    pub(super) fn put_note(&self, note: &EpochNote) -> Result<Bytes32> {
        let name = ObjectName::Note(note.id);
        let plain = note.encode().map_err(|e| Error::damaged(name, e))?;
        let object = self.keys.seal(ObjectKind::EpochNote, KeyClass::Meta, &name.to_string(), &plain)?;
        vital::put(self.store(), Original::Note(note.id), &object)?;
        Ok(EpochNote::digest(&plain))
    }
}

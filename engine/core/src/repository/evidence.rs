//! Evidence in the store that the keyring or the config is an older copy. Someone may have put it back, and a removed
//! member could open everything that is sealed with it. Objects that are read anyway show the evidence.

use std::fmt::Display;
use std::sync::PoisonError;

use repo_format::manifest::Manifest;

use super::Repository;
use crate::error::{Error, ErrorKind, Result};

impl Repository {
    /// Looks for a newer keyring, if an epoch is unknown. If there is none, the object sealed in that epoch is
    /// evidence.
    ///
    /// # Errors
    /// [`ErrorKind::WrongPassword`] if the key of this run was retired before.
    pub(super) fn meet(&self, object: impl Display, epoch: u32) -> Result<()> {
        if epoch <= self.keys.newest_epoch() {
            return Ok(());
        }
        if let Some(as_of) = self.as_of() {
            let message = format!("{object} was sealed after this key was retired (version {})", as_of.version + 1);
            return Err(Error::new(ErrorKind::WrongPassword, message));
        }
        match self.refresh_keys() {
            // The object cannot be opened then, and its reader reports that.
            Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::TooNew) => {}
            done => done?,
        }
        let newest = self.keys.newest_epoch();
        if epoch > newest {
            self.suspect(format!(
                "the keyring ends with epoch {newest}, and {object} is sealed in epoch {epoch}: an older copy of the keyring stands in its place"
            ));
        }
        Ok(())
    }

    /// Compares the versions that a manifest was made with.
    pub(super) fn compare_versions(&self, manifest: &Manifest) -> Result<()> {
        if self.as_of().is_some() {
            return Ok(());
        }
        if manifest.keyring_version > self.keyring_version() {
            match self.refresh_keys() {
                Err(error) if error.kind() == ErrorKind::Damaged => {}
                done => done?,
            }
        }
        if manifest.config_version > self.config_version() {
            match self.refresh_config() {
                Err(error) if error.is_damage() => {}
                done => done?,
            }
        }
        let (keyring, config) = (self.keyring_version(), self.config_version());
        let older = |what: &str, version: u64, made: u64| {
            let id = manifest.id;
            self.suspect(format!(
                "the {what} is version {version}, and snapshots/{id} was made with version {made}: an older copy of it stands in its place"
            ));
        };
        if manifest.keyring_version > keyring {
            older("keyring", keyring, manifest.keyring_version);
        }
        if manifest.config_version > config {
            older("config", config, manifest.config_version);
        }
        Ok(())
    }

    fn suspect(&self, why: String) {
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    /// The user has accepted the evidence, and that newer keys are lost: the keys of this run are the newest.
    pub(super) fn clear_evidence(&self) {
        *self.evidence.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The reason why nothing may be written with the keys of this run.
    pub(super) fn doubt(&self) -> Option<String> {
        self.doubt.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The evidence so far that keyring or config is an older copy.
    pub(crate) fn evidence_of_rollback(&self) -> Option<String> {
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As [`Repository::evidence_of_rollback`], after reading the condemned list, which a change of keys seals again.
    /// For callers that only read.
    pub fn look_for_rollback(&self) -> Option<String> {
        // A damaged or missing list is another matter.
        let _: Result<_> = self.condemned();
        self.evidence_of_rollback()
    }

    /// Call it before storing anything, and after looking at the contents of the repository.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if there is evidence that the keyring or the config is an older copy.
    pub(crate) fn refuse_older_copies(&self) -> Result<()> {
        match self.evidence_of_rollback() {
            Some(evidence) => Err(Error::new(ErrorKind::Damaged, evidence)),
            None => Ok(()),
        }
    }

    /// Reads the objects that could be evidence: the condemned list, and manifests that this machine has not seen.
    ///
    /// # Errors
    /// As [`Repository::refuse_older_copies`]; if the store cannot be read.
    pub(super) fn look_for_newer(&self) -> Result<()> {
        self.manifests()?;
        // A damaged list is another matter.
        let _: Result<_> = self.condemned();
        self.refuse_older_copies()
    }
}

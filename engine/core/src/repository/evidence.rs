//! What in the store says that the keyring or the config is an older copy: somebody may have put it back, and what is sealed with it would be
//! open to a member that was removed since. It is noticed in what is read anyway.

use std::fmt::Display;
use std::sync::PoisonError;

use repo_format::manifest::Manifest;

use super::Repository;
use crate::error::{Error, ErrorKind, Result};

impl Repository {
    /// Looks for a newer keyring, if an epoch is not known yet. If there is none, what is sealed in that epoch is evidence.
    pub(super) fn meet(&self, object: impl Display, epoch: u32) -> Result<()> {
        if epoch <= self.keys.newest_epoch() {
            return Ok(());
        }
        match self.refresh_keys() {
            // What is sealed in that epoch cannot be opened then, which will be said of it.
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
        if manifest.keyring_version > self.keyring_version() {
            match self.refresh_keys() {
                Err(error) if error.kind() == ErrorKind::Damaged => {}
                done => done?,
            }
        }
        let (keyring, config) = (self.keyring_version(), self.config.version);
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

    /// Somebody has accepted what was met.
    pub(super) fn clear_evidence(&self) {
        *self.evidence.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What has been met that says that keyring or config is an older copy.
    pub(crate) fn evidence_of_rollback(&self) -> Option<String> {
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As [`Repository::evidence_of_rollback`], after reading the condemned list, which a change of keys seals anew. For who only reads.
    pub fn look_for_rollback(&self) -> Option<String> {
        // One that is damaged or missing is another matter.
        let _: Result<_> = self.condemned();
        self.evidence_of_rollback()
    }

    /// To be asked before anything is stored, when what the repository holds has been looked at.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if something that was read says that the keyring or the config is an older copy.
    pub(crate) fn refuse_older_copies(&self) -> Result<()> {
        match self.evidence_of_rollback() {
            Some(evidence) => Err(Error::new(ErrorKind::Damaged, evidence)),
            None => Ok(()),
        }
    }

    /// Reads what could say that keyring or config is an older copy: the condemned list, and manifests that this machine has not seen.
    ///
    /// # Errors
    /// As [`Repository::refuse_older_copies`]; if the store cannot be read.
    pub(super) fn look_for_newer(&self) -> Result<()> {
        self.manifests()?;
        // One that is damaged is another matter.
        let _: Result<_> = self.condemned();
        self.refuse_older_copies()
    }
}

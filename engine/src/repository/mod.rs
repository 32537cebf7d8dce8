//! A repository: store, keys and index joined. What is done with one are functions of other modules.

mod create;
mod leases;
mod manifests;
pub mod members;
mod merge;
mod open;
mod records;
mod secrets;
mod sync;
mod writer;

use std::sync::Arc;

use repo_format::condemned::Condemned;
use repo_format::config::Config;
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{Bytes32, MemberId, RepositoryId};
use repo_format::limits;

use crate::crypto::{Keys, SEALED_OVERHEAD};
use crate::error::{Error, Result};
use crate::index::Index;
use crate::store::{ObjectName, Store, Tag};

pub use create::{InitOptions, check_conditions, init};
pub use manifests::{Catalogue, ManifestObject, SnapshotObject, UnreadableManifest, family};
pub use open::{OpenOptions, config_flags};
pub use records::Forgotten;
pub use sync::SyncReport;
pub use writer::{WriterOptions, WriterSession};

/// The features of the format that this version knows.
pub const KNOWN_FLAGS: &[&str] = &[];

/// An open repository. Shared by all threads.
pub struct Repository {
    store: Arc<dyn Store>,
    keys: Keys,
    config: Config,
    index: Index,
    keyring_version: u64,
    /// Whom that keyring is sealed to.
    recipients: Vec<(MemberId, Bytes32)>,
    member: MemberId,
    warnings: Vec<String>,
}

impl Repository {
    /// Its id.
    pub fn id(&self) -> RepositoryId {
        self.config.repository
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where it is, in words.
    pub fn location(&self) -> String {
        self.store.location()
    }

    /// The store below it.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Its keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What this machine knows of it.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Version of the newest keyring.
    pub fn keyring_version(&self) -> u64 {
        self.keyring_version
    }

    /// The member whose key opened it.
    pub fn member(&self) -> MemberId {
        self.member
    }

    /// Whom that keyring is sealed to, with their public keys.
    pub fn recipients(&self) -> &[(MemberId, Bytes32)] {
        &self.recipients
    }

    /// What was odd when it was opened, in sentences.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The condemned packs, and the tag to replace them with.
    ///
    /// # Errors
    /// If the object is missing or damaged: then nobody can know which packs are about to go.
    pub fn condemned(&self) -> Result<(Condemned, Tag)> {
        let name = ObjectName::Condemned;
        let bytes = self.store.get(&name, limits::CONDEMNED + SEALED_OVERHEAD)?;
        let plain = self.keys.open(ObjectKind::Condemned, KeyClass::Index, "condemned", &bytes, limits::CONDEMNED)?;
        let condemned = Condemned::decode(&plain).map_err(|e| Error::damaged(name, e))?;
        Ok((condemned, Tag::of(&bytes)))
    }
}

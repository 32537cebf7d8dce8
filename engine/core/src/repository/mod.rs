//! A repository: joins store, keys and catalog. Other modules have the functions that work on one.

mod as_of;
mod belief;
mod card;
mod close;
mod conditions;
mod create;
mod evidence;
mod far;
mod freshness;
mod hint;
mod kept;
mod lease;
mod local;
mod losses;
mod manifests;
pub mod members;
mod merge;
mod next_keyring;
mod open;
mod private_catalog;
mod records;
mod refresh;
mod reminders;
mod replace_config;
mod rules;
mod scratch_catalog;
mod second_copies;
mod secrets;
mod source;
mod sync;
mod unanswered;
mod unnamed;
mod vital;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use repo_format::condemned::Condemned;
use repo_format::config::{Config, EXCLUSIVE_PRUNE};
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{Bytes32, MemberId, RepositoryId};
use repo_format::lease::Purpose;
use repo_format::{limits, sealed};

use crate::catalog::Catalog;
use crate::crypto::{Keys, SEALED_OVERHEAD, UnlockedMember};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::Memory;
use crate::node_cache::NodeCache;
use engine_store::{ObjectName, Original, Store, StoreErrorKind, Tag};

use belief::Belief;
use refresh::KnownKeyring;
use rules::Rules;

pub use as_of::AsOf;
pub use close::{Closed, Trust, close_epochs};
pub use conditions::{Exclusive, check_storage, conditions_failed};
pub use create::{InitOptions, init, init_like};
pub(crate) use far::BATCH;
pub use freshness::Freshness;
pub use lease::{Announcement, Torn, lease_names, read_lease};
pub(crate) use lease::{lease_of_this_process, put_lease};
pub use losses::{Judgement, KnownLosses};
pub use manifests::{ManifestObject, Manifests, SnapshotObject, UnreadableManifest, family};
pub use open::{OpenOptions, Rollback, config_flags};
pub use private_catalog::PrivateCatalog;
pub use records::{Author, Forgotten, Record};
pub use refresh::SealedManifest;
pub use reminders::Reminder;
pub(crate) use rules::Other;
pub use scratch_catalog::ScratchCatalog;
pub use second_copies::KnownCopy;
pub use sync::SyncReport;
pub use unanswered::{Acceptance, Unanswered};
pub use unnamed::Unnamed;
pub use vital::{MendRun, Mended};

/// The features of the format that this version supports.
pub(crate) const KNOWN_FLAGS: &[&str] = &[EXCLUSIVE_PRUNE];

/// An open repository. All threads share it.
pub struct Repository {
    store: Arc<dyn Store>,
    rules: Rules,
    keys: Keys,
    /// As it was when this process opened the repository.
    config: Config,
    config_version: AtomicU64,
    catalog: Catalog,
    /// There if the store is behind a network.
    nodes: Option<NodeCache>,
    private_catalog: OnceLock<PrivateCatalog>,
    memory: Memory,
    config_digest: Bytes32,
    keyring_digest: Bytes32,
    keyring: RwLock<KnownKeyring>,
    member: UnlockedMember,
    /// There if the member was retired: then only older snapshots open, and nothing is written.
    as_of: Option<AsOf>,
    belief: Belief,
    /// Evidence that the keyring or the config is an older copy, if any was found.
    evidence: Mutex<Option<String>>,
    /// The reason why nothing may be written with these keys: there may be newer ones that cannot be read.
    doubt: Mutex<Option<String>>,
    /// Objects that the repository has lost and this machine keeps, if they had to be used.
    kept: source::Objects,
    /// The second copies as they were listed when the repository was opened, for the first writer's session.
    copies_listed: Mutex<Option<Vec<Original>>>,
    warnings: Vec<String>,
    troubles: Vec<String>,
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

    /// The place of the repository, in words.
    pub fn location(&self) -> String {
        self.store.location()
    }

    /// The store that holds it.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Its keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// This machine's knowledge of which chunk is in which pack.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Packs of nodes that this machine keeps, if the store is behind a network.
    pub fn node_cache(&self) -> Option<&NodeCache> {
        self.nodes.as_ref()
    }

    /// From now on only the nodes of the storage count, not those that this machine has kept.
    pub(crate) fn doubt_kept_nodes(&self) {
        if let Some(nodes) = &self.nodes {
            nodes.doubt();
        }
    }

    /// This machine's memory of the repository.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The version of the newest keyring that this process knows.
    pub fn keyring_version(&self) -> u64 {
        self.keyring.read().unwrap_or_else(PoisonError::into_inner).version
    }

    /// The member that opened it.
    pub fn member(&self) -> MemberId {
        self.member.id
    }

    /// The members that the keyring is sealed to, with their public keys.
    pub fn recipients(&self) -> Vec<(MemberId, Bytes32)> {
        self.keyring.read().unwrap_or_else(PoisonError::into_inner).recipients.clone()
    }

    /// Objects that were rolled back to an older state, as sentences.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The troubles of this machine's memory of the repository, as sentences.
    pub fn troubles(&self) -> &[String] {
        &self.troubles
    }

    /// The condemned packs, and the tag to replace them with.
    ///
    /// # Errors
    /// If the object is missing or damaged: then nobody can know which packs are about to go.
    pub fn condemned(&self) -> Result<(Condemned, Tag)> {
        self.twice(|| self.condemned_once())
    }

    fn condemned_once(&self) -> Result<(Condemned, Tag)> {
        let name = ObjectName::Condemned;
        let bytes = self.store.get(&name, limits::CONDEMNED + SEALED_OVERHEAD).map_err(Error::of_object)?;
        let damaged = |e| Error::damaged(name, e);
        let parts = sealed::decode_checked(ObjectKind::Condemned, &bytes, limits::CONDEMNED).map_err(damaged)?;
        let plain = self.open_sealed(KeyClass::Index, "condemned", &parts)?;
        self.believe_condemned(parts.envelope.sealing.epoch, &bytes)?;
        let condemned = Condemned::decode(&plain).map_err(damaged)?;
        Ok((condemned, Tag::of(&bytes)))
    }

    /// As [`Repository::condemned`], but refuses an older copy. Numbers only grow. If the number is lower than this
    /// machine has seen, nobody can know which packs are about to go.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`]; [`ErrorKind::Disappeared`] if it is an older copy.
    pub(crate) fn newest_condemned(&self) -> Result<(Condemned, Tag)> {
        // Asked first: another process of this machine may replace the list after this one has read it, and remember
        // that.
        let known = self.memory.version("condemned")?.map_or(0, |known| known.number);
        let (condemned, tag) = self.condemned()?;
        if condemned.next < known {
            let message = "the list of condemned packs has been replaced by an older copy, so nobody can know which packs are about to go";
            return Err(Error::new(ErrorKind::Disappeared, message));
        }
        self.memory.remember_version("condemned", condemned.next, Bytes32(tag.0))?;
        Ok((condemned, tag))
    }

    /// Replaces the condemned packs by `condemned`. Returns `false` if another process has changed them since they were
    /// read with `tag`. Their number never decreases.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn replace_condemned(&self, condemned: &Condemned, tag: Tag) -> Result<bool> {
        let name = ObjectName::Condemned;
        self.ready_to_seal()?;
        let _alone = self.alone(Purpose::Prune)?;
        let plain = condemned.encode().map_err(|e| Error::damaged(name, e))?;
        let object = self.keys.seal(ObjectKind::Condemned, KeyClass::Index, "condemned", &plain)?;
        match self.store.replace_if(&name, Some(tag), &object) {
            Ok(()) => Ok(true),
            Err(error) if error.kind == StoreErrorKind::Conflict => Ok(false),
            // A lost answer looks like a failure; the stored object decides.
            Err(error) => match self.store.get(&name, limits::CONDEMNED + SEALED_OVERHEAD) {
                Ok(there) if *there == *object => Ok(true),
                _ => Err(error.into()),
            },
        }
    }
}

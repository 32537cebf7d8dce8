//! Opens a repository: config, secrets, flags, cache and memory.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::Duration;

use repo_format::clear::{self, ClearObject};
use repo_format::config::{Access, Config};
use repo_format::head::ObjectKind;
use repo_format::id::Bytes32;
use repo_format::limits;

use super::as_of::AsOf;
use super::belief::Belief;
use super::kept::{self, Candidate};
use super::local::{Folders, rolled_back};
use super::refresh::KnownKeyring;
use super::rules::{Ruled, Rules};
use super::secrets::{OpenKeyring, open_secrets};
use super::source::{Objects, Source};
use super::{KNOWN_FLAGS, Repository, vital};
use crate::crypto::{Credential, Keys};
use crate::error::{Error, ErrorKind, Result, chain};
use crate::memory::Memory;
use crate::monitor::Monitor;
use engine_store::{ObjectName, Original, Store, StoreErrorKind};

/// How to open a repository.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The user's cache folder for Enamel, for data that can be rebuilt; each repository has a subfolder. Without one,
    /// or if it is unusable, the catalog is in memory.
    pub cache_dir: Option<PathBuf>,
    /// The folder for this machine's memory, which cannot be rebuilt. Without one, the memory is in the cache folder.
    pub state_dir: Option<PathBuf>,
    /// Whether to read only or also to write.
    pub access: Access,
    /// The reaction to a config or keyring that is older than this machine has seen, if the repository is opened for
    /// writing.
    pub rollback: Rollback,
    /// The time that a writer waits for a run that must be alone, where the store has no conditions.
    pub patience: Duration,
}

/// The reaction to an older state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollback {
    /// Fail: a removed member may know the secrets.
    Refuse,
    /// Only warn: the user is about to confirm it.
    Tell,
}

impl OpenOptions {
    /// A cache folder that holds everything; refuses a rolled-back repository, and waits for nobody.
    pub fn new(cache_dir: PathBuf, access: Access) -> Self {
        let (rollback, patience) = (Rollback::Refuse, Duration::ZERO);
        OpenOptions { cache_dir: Some(cache_dir), state_dir: None, access, rollback, patience }
    }
}

impl Repository {
    /// Opens the repository in `store`.
    ///
    /// # Errors
    /// [`ErrorKind::NoRepository`], [`ErrorKind::WrongPassword`], [`ErrorKind::TooNew`], [`ErrorKind::Damaged`],
    /// [`ErrorKind::Cache`].
    pub fn open(
        store: Arc<dyn Store>,
        credential: &Credential,
        options: &OpenOptions,
        monitor: &dyn Monitor,
    ) -> Result<Self> {
        let repository = Self::open_for_repair(store, credential, options, monitor)?;
        match repository.doubt() {
            Some(doubt) if options.access != Access::Read => Err(Error::new(ErrorKind::Damaged, doubt).with_hint(
                "`enamel repair` restores it from its second copy if possible; `enamel accept --all` continues with the earlier keys.",
            )),
            _ => Ok(repository),
        }
    }

    /// As [`Repository::open`], for repairing its keyring. Works even if there may be a newer version that cannot be
    /// read.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub fn open_for_repair(
        store: Arc<dyn Store>,
        credential: &Credential,
        options: &OpenOptions,
        monitor: &dyn Monitor,
    ) -> Result<Self> {
        let mut opened = Self::open_once(Arc::clone(&store), credential, options, monitor)?;
        if opened.repository.is_older_than_remembered()? {
            // Another process of this machine may have changed keys or settings, and remembered that, after this one
            // read them.
            opened = Self::open_once(store, credential, options, monitor)?;
        }
        let Opened { mut repository, objects } = opened;
        if options.access != Access::Read {
            repository.refuse_as_of()?;
        }
        repository.check_rollback("config", repository.config.version, repository.config_digest, options)?;
        repository.check_rollback("keyring", repository.keyring_version(), repository.keyring_digest, options)?;
        if repository.warnings.is_empty() && repository.as_of.is_none() {
            repository.memory.keep(&kept::to_keep(&objects))?;
        }
        Ok(repository)
    }

    fn open_once(
        store: Arc<dyn Store>,
        credential: &Credential,
        options: &OpenOptions,
        monitor: &dyn Monitor,
    ) -> Result<Opened> {
        let attempt = Attempt { store: &*store, credential, options, monitor };
        let OpenedConfig { config, object, keyring, keys, notices, kept } = attempt.open()?;
        let digest = Bytes32(*blake3::hash(&object).as_bytes());
        let mut objects = keyring.objects;
        objects.insert(Original::Config, object);
        // The user hears of damage that a second copy repairs; it is no reason to distrust the contents.
        notices.iter().chain(&keyring.notices).for_each(|notice| monitor.note(notice));
        let mut troubles = Vec::new();
        let folders = Folders::of(options, config.repository);
        let catalog = folders.catalog(config.repository, monitor)?;
        // A retired member cannot know what others have done since, so it neither uses nor changes what this machine has
        // seen with other keys.
        let memory = match keyring.as_of {
            Some(_) => Memory::private(config.repository, &store.place())?,
            None => folders.memory(config.repository, &*store, &mut troubles)?,
        };
        let Ruled { rules, store } = Rules::of(&config, store, options.patience);
        let known = KnownKeyring { version: keyring.version, recipients: keyring.opened_recipients };
        let mut repository = Repository {
            nodes: folders.nodes(&*store),
            store,
            rules,
            keys,
            catalog,
            private_catalog: OnceLock::new(),
            memory,
            troubles,
            config_digest: digest,
            keyring_digest: keyring.digest,
            keyring: RwLock::new(known),
            member: keyring.member,
            as_of: keyring.as_of,
            belief: Belief::default(),
            doubt: Mutex::new(keyring.doubt.clone()),
            evidence: Mutex::new(None),
            kept,
            copies_listed: Mutex::new(Some(keyring.copies)),
            warnings: keyring.doubt.into_iter().collect(),
            config_version: config.version.into(),
            config,
        };
        repository.miss_memory()?;
        if repository.memory.turn()?.is_some() {
            repository.memory.recognise(&repository.snapshot_names()?)?;
        }
        Ok(Opened { repository, objects })
    }

    fn is_older_than_remembered(&self) -> Result<bool> {
        let is_older = |name: &str, version: u64| {
            Ok::<_, Error>(self.memory.version(name)?.is_some_and(|known| version < known.number))
        };
        Ok(is_older("config", self.config.version)? || is_older("keyring", self.keyring_version())?)
    }

    /// Compares a version with the newest that this machine remembers. An older one is a warning for reading. For
    /// writing it is an error, because the run might seal with secrets that a removed member knows.
    fn check_rollback(&mut self, name: &str, version: u64, digest: Bytes32, options: &OpenOptions) -> Result<()> {
        if let Some(known) = self.memory.version(name)?
            && (version < known.number || (version == known.number && digest != known.digest))
        {
            let error = rolled_back(name, version, known.number);
            if options.access != Access::Read && options.rollback == Rollback::Refuse {
                return Err(error);
            }
            self.warnings.push(error.to_string());
            return Ok(());
        }
        self.memory.remember_version(name, version, digest)
    }
}

/// A repository, with the config and the keyring versions that it was opened with.
struct Opened {
    repository: Repository,
    objects: Objects,
}

/// The config that fits the keys, and the keys.
struct OpenedConfig {
    config: Config,
    /// The config object as bytes.
    object: Vec<u8>,
    keyring: FoundKeyring,
    keys: Keys,
    notices: Vec<String>,
    /// Objects that this machine kept, if they were needed.
    kept: Objects,
}

/// An opened keyring and the keys from its secrets.
struct FoundKeyring {
    version: u64,
    digest: Bytes32,
    objects: Objects,
    opened_recipients: Vec<(repo_format::id::MemberId, Bytes32)>,
    member: crate::crypto::UnlockedMember,
    notices: Vec<String>,
    doubt: Option<String>,
    as_of: Option<AsOf>,
    copies: Vec<Original>,
}

/// An attempt to open a repository.
#[derive(Clone, Copy)]
struct Attempt<'a> {
    store: &'a dyn Store,
    credential: &'a Credential,
    options: &'a OpenOptions,
    monitor: &'a dyn Monitor,
}

impl Attempt<'_> {
    /// Opens the repository with its own objects. If config or keyring are lost with their second copies, uses the
    /// objects that this machine keeps.
    fn open(self) -> Result<OpenedConfig> {
        let own = self.open_own();
        let is_settled = match &own {
            Ok(opened) => opened.keyring.doubt.is_none(),
            Err(error) => !matches!(
                error.kind(),
                ErrorKind::Damaged | ErrorKind::NoRepository | ErrorKind::Io | ErrorKind::WrongPassword
            ),
        };
        if is_settled {
            return own;
        }
        let states = self.options.state_dir.as_deref().or(self.options.cache_dir.as_deref());
        for candidate in kept::candidates(self.store, states)? {
            match self.open_kept(candidate) {
                Ok(Some(opened)) if opened.keyring.doubt.is_none() => return Ok(opened),
                Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Refused) => return Err(error),
                // A member that the kept keyring names exists, and the password is not its password.
                Err(error) if error.kind() == ErrorKind::WrongPassword && own.is_err() => return Err(error),
                // It belongs to another repository, or does not help; the repository's own error is reported.
                _ => {}
            }
        }
        own
    }

    /// Opens the repository with its config. If that is damaged or was not made by a member, uses its second copy.
    fn open_own(self) -> Result<OpenedConfig> {
        let original = read_config_object(self.store, &ObjectName::Config)
            .and_then(|bytes| self.open_with(self.store.into(), bytes));
        let error = match original {
            Ok(opened) => return Ok(opened),
            Err(error) if !matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NoRepository | ErrorKind::Io) => {
                return Err(error);
            }
            Err(error) => error,
        };
        let copy = read_config_object(self.store, &ObjectName::Copy(Original::Config))
            .and_then(|bytes| self.open_with(self.store.into(), bytes));
        match copy {
            Ok(mut opened) => {
                opened.notices.push(format!("config cannot be used, and its second copy is ({})", chain(&error)));
                Ok(opened)
            }
            Err(second) if second.kind() == ErrorKind::WrongPassword => Err(second),
            Err(_) => Err(error),
        }
    }

    /// Opens it with the objects that this machine keeps; `None` if they do not belong to this repository.
    fn open_kept(self, candidate: Candidate) -> Result<Option<OpenedConfig>> {
        let Candidate { repository, mut lost } = candidate;
        let source = Source { store: self.store, kept: &lost };
        let config = vital::read(source, Original::Config, |bytes| decode_config(bytes).map(|(config, _)| config))?;
        if config.value.repository != repository {
            return Ok(None);
        }
        let opened = self.open_with(source, config.object)?;
        if lost.contains_key(&Original::Config) && !kept::prove(self.store, &opened.keys)? {
            return Ok(None);
        }
        // A version that was not needed is not proven.
        lost.retain(|of, _| *of == Original::Config || opened.keyring.objects.contains_key(of));
        Ok(Some(OpenedConfig { kept: lost, ..opened }))
    }

    fn open_with(self, source: Source<'_>, bytes: Vec<u8>) -> Result<OpenedConfig> {
        let (config, object) = decode_config(&bytes)?;
        check_flags(&config, self.options.access)?;
        let OpenKeyring { opened, version, digest, objects, member, notices, doubt, as_of, copies } =
            open_secrets(source, config.repository, self.credential, self.monitor)?;
        let keys = Keys::new(opened.secrets);
        if blake3::Hash::from(keys.config_tag(object.tagged)) != blake3::Hash::from(object.tag) {
            return Err(Error::new(ErrorKind::Damaged, "cannot use config: it was not written by a member"));
        }
        let opened_recipients = opened.recipients;
        let keyring =
            FoundKeyring { version, digest, objects, opened_recipients, member, notices, doubt, as_of, copies };
        Ok(OpenedConfig { config, object: bytes, keyring, keys, notices: Vec::new(), kept: Objects::new() })
    }
}

fn read_config_object(store: &dyn Store, name: &ObjectName) -> Result<Vec<u8>> {
    store.get(name, limits::SMALL_OBJECT + clear::OVERHEAD as u64).map_err(|e| match e.kind {
        StoreErrorKind::NotFound => {
            Error::new(ErrorKind::NoRepository, format!("there is no repository in {}", store.location()))
        }
        _ => Error::from(e),
    })
}

fn decode_config(bytes: &[u8]) -> Result<(Config, ClearObject<'_>)> {
    let is_whole = bytes.split_last_chunk::<32>().is_some_and(|(all, sum)| blake3::hash(all).as_bytes() == sum);
    let damaged = |e| match Error::damaged(ObjectName::Config, e) {
        // A flipped bit in its head makes it look like a newer program's.
        error if error.kind() == ErrorKind::TooNew && !is_whole => error.with_kind(ErrorKind::Damaged),
        error => error,
    };
    let object = clear::decode(ObjectKind::Config, bytes, limits::SMALL_OBJECT).map_err(damaged)?;
    let config = Config::decode(object.body).map_err(damaged)?;
    Ok((config, object))
}

impl Repository {
    /// Fails if nothing may be written, also if the repository was opened to be read.
    ///
    /// # Errors
    /// [`ErrorKind::TooNew`]; [`ErrorKind::Damaged`] if there may be newer keys that cannot be read; if the key of this run
    /// was retired.
    pub(crate) fn refuse_to_write(&self) -> Result<()> {
        self.refuse_as_of()?;
        check_flags(&self.config, Access::Write)?;
        self.doubt().map_or(Ok(()), |doubt| Err(Error::new(ErrorKind::Damaged, doubt)))
    }
}

fn check_flags(config: &Config, access: Access) -> Result<()> {
    let unknown = config.unknown_flags(access, KNOWN_FLAGS);
    if unknown.is_empty() {
        return Ok(());
    }
    let what = match access {
        Access::Read => "read",
        Access::Write => "written to",
        Access::Prune => "pruned",
    };
    let message = format!(
        "this repository uses features that this version of Enamel does not know ({}), so it cannot be {what} by it",
        unknown.join(", ")
    );
    Err(Error::new(ErrorKind::TooNew, message))
}

/// The config of the repository in `store`, read without a key; its tag is not checked.
///
/// # Errors
/// [`ErrorKind::NoRepository`], [`ErrorKind::TooNew`], [`ErrorKind::Damaged`].
pub fn config_flags(store: &dyn Store) -> Result<Config> {
    let read = |name| decode_config(&read_config_object(store, &name)?).map(|(config, _)| config);
    read(ObjectName::Config).or_else(|error| match error.kind() {
        ErrorKind::TooNew => Err(error),
        _ => read(ObjectName::Copy(Original::Config)).map_err(|_| error),
    })
}

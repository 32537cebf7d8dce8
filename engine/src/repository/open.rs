//! Opening a repository: config, secrets, flags, cache, and what the cache remembers.

use std::path::PathBuf;
use std::sync::Arc;

use repo_format::clear::{self, ClearObject};
use repo_format::config::{Access, Config};
use repo_format::head::ObjectKind;
use repo_format::id::Bytes32;
use repo_format::limits;

use super::local::{Folders, rolled_back};
use super::secrets::open_secrets;
use super::{KNOWN_FLAGS, Repository};
use crate::crypto::{Credential, Keys};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::store::{ObjectName, Store, StoreErrorKind};

/// How to open a repository.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The user's cache folder for Enamel, where what can be rebuilt is; each repository has a folder of its own in it. Without one, or if it
    /// cannot be used, the catalog is in memory.
    pub cache_dir: Option<PathBuf>,
    /// The folder for what this machine has seen, which nothing can rebuild; without one, it is in the cache folder.
    pub state_dir: Option<PathBuf>,
    /// What it is opened for.
    pub access: Access,
    /// What happens where config or keyring are older than this machine has seen, if it is opened for writing.
    pub rollback: Rollback,
}

/// What to do about an older state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollback {
    /// Fail: secrets may be known to who was removed.
    Refuse,
    /// Warn only: somebody is about to answer.
    Tell,
}

impl OpenOptions {
    /// With a cache folder that holds everything, refusing what has been rolled back.
    pub fn new(cache_dir: PathBuf, access: Access) -> Self {
        OpenOptions { cache_dir: Some(cache_dir), state_dir: None, access, rollback: Rollback::Refuse }
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
        let bytes = read_config_object(&*store)?;
        let (config, object) = decode_config(&bytes)?;
        check_flags(&config, options.access)?;
        let keyring = open_secrets(&*store, config.repository, credential)?;
        let keys = Keys::new(keyring.opened.secrets);
        if blake3::Hash::from(keys.config_tag(object.tagged)) != blake3::Hash::from(object.tag) {
            return Err(Error::new(ErrorKind::Damaged, "cannot use config: it was not written by a member"));
        }
        let config_digest = Bytes32(*blake3::hash(&bytes).as_bytes());
        let mut troubles = Vec::new();
        let folders = Folders::of(options, config.repository);
        let catalog = folders.catalog(config.repository, monitor)?;
        let memory = folders.memory(config.repository, &*store, &mut troubles)?;
        let mut repository = Repository {
            store,
            keys,
            catalog,
            memory,
            troubles,
            config_digest,
            keyring_version: keyring.version,
            keyring_digest: keyring.digest,
            recipients: keyring.opened.recipients,
            member: keyring.member.id,
            warnings: Vec::new(),
            config,
        };
        repository.miss_memory()?;
        repository.check_rollback("config", repository.config.version, config_digest, options)?;
        repository.check_rollback("keyring", repository.keyring_version, keyring.digest, options)?;
        Ok(repository)
    }

    /// Compares a version with the newest that this machine remembers. For reading, an older one is a warning; to write with it
    /// could mean to seal with secrets that a removed member knows, so that is refused.
    fn check_rollback(&mut self, name: &str, version: u64, digest: Bytes32, options: &OpenOptions) -> Result<()> {
        if let Some((known, known_digest)) = self.memory.version(name)?
            && (version < known || (version == known && digest != known_digest))
        {
            let error = rolled_back(name, version, known);
            if options.access != Access::Read && options.rollback == Rollback::Refuse {
                return Err(error);
            }
            self.warnings.push(error.to_string());
            return Ok(());
        }
        self.memory.remember_version(name, version, digest)
    }
}

fn read_config_object(store: &dyn Store) -> Result<Vec<u8>> {
    store.get(&ObjectName::Config, limits::SMALL_OBJECT + clear::OVERHEAD as u64).map_err(|e| match e.kind {
        StoreErrorKind::NotFound => {
            Error::new(ErrorKind::NoRepository, format!("there is no repository in {}", store.location()))
        }
        _ => Error::from(e),
    })
}

fn decode_config(bytes: &[u8]) -> Result<(Config, ClearObject<'_>)> {
    let damaged = |e| Error::damaged(ObjectName::Config, e);
    let object = clear::decode(ObjectKind::Config, bytes, limits::SMALL_OBJECT).map_err(damaged)?;
    let config = Config::decode(object.body).map_err(damaged)?;
    Ok((config, object))
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

/// What the config of the repository in `store` says, without a key; its tag is not checked.
///
/// # Errors
/// [`ErrorKind::NoRepository`], [`ErrorKind::TooNew`], [`ErrorKind::Damaged`].
pub fn config_flags(store: &dyn Store) -> Result<Config> {
    let bytes = read_config_object(store)?;
    decode_config(&bytes).map(|(config, _)| config)
}

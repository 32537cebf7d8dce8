//! Opening a repository: config, secrets, flags, cache, and what the cache remembers.

use std::path::PathBuf;
use std::sync::Arc;

use repo_format::clear::{self, ClearObject};
use repo_format::config::{Access, Config};
use repo_format::head::ObjectKind;
use repo_format::id::Bytes32;
use repo_format::limits;

use super::secrets::open_secrets;
use super::{KNOWN_FLAGS, Repository};
use crate::catalog::Catalog;
use crate::crypto::{Credential, Keys};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::store::{ObjectName, Store, StoreErrorKind};

/// How to open a repository.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The user's cache folder for Enamel; each repository has a folder of its own in it.
    pub cache_dir: PathBuf,
    /// What it is opened for.
    pub access: Access,
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
        let catalog = Catalog::open(&options.cache_dir.join(config.repository.to_string()), config.repository)?;
        let mut repository = Repository {
            store,
            keys,
            catalog,
            keyring_version: keyring.version,
            recipients: keyring.opened.recipients,
            member: keyring.member.id,
            warnings: Vec::new(),
            config,
        };
        let config_digest = Bytes32(*blake3::hash(&bytes).as_bytes());
        repository.check_rollback("config", repository.config.version, config_digest, options.access)?;
        repository.check_rollback("keyring", repository.keyring_version, keyring.digest, options.access)?;
        repository.warnings.iter().for_each(|warning| monitor.note(warning));
        Ok(repository)
    }

    /// Compares a version with the newest that this machine remembers. For reading, an older one is a warning; to write with it
    /// could mean to seal with secrets that a removed member knows, so that is refused.
    fn check_rollback(&mut self, name: &str, version: u64, digest: Bytes32, access: Access) -> Result<()> {
        if let Some((known, known_digest)) = self.catalog.remembered(name)?
            && (version < known || (version == known && digest != known_digest))
        {
            let message = format!(
                "the repository's {name} has been replaced by an older or other copy: it is version {version}, and this computer has seen version {known}"
            );
            if access != Access::Read {
                return Err(Error::new(ErrorKind::Damaged, message));
            }
            self.warnings.push(message);
            return Ok(());
        }
        self.catalog.remember(name, version, digest)
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

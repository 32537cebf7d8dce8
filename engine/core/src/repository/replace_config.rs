//! Replaces the config, and follows when others replace it.

use std::sync::atomic::Ordering;

use repo_format::clear;
use repo_format::config::{Conditions, ConditionsCheck, Config};
use repo_format::head::ObjectKind;
use repo_format::id::Bytes32;
use repo_format::lease::Purpose;
use repo_format::limits;

use super::Repository;
use super::create::encode_config;
use super::kept::to_keep;
use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use engine_store::{ObjectName, Original, StoreErrorKind, Tag};

const DAY: i64 = 24 * 60 * 60;
/// A check that finds the same again within this time is not noted: each note replaces the config.
const SAME_FOR: i64 = 7 * DAY;
/// A check of the storage is old after this time: what held once may no longer hold.
const OLD_AFTER: i64 = 365 * DAY;

/// The config as it stands in the store.
struct Stored {
    config: Config,
    object: Vec<u8>,
}

impl Repository {
    /// Notes in the config what a check of the storage has found about conditions, unless that is noted already.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if others change the config at the same time; if it cannot be replaced.
    pub fn note_conditions(&self, outcome: Conditions) -> Result<()> {
        self.ready_to_seal()?;
        let now = machine::now().seconds;
        let says_so = |config: &Config| {
            let recent = 0..SAME_FOR;
            config.conditions.is_some_and(|c| c.outcome() == Some(outcome) && recent.contains(&(now - c.time)))
        };
        if says_so(&self.config) {
            return Ok(());
        }
        let _alone = self.alone(Purpose::Config)?;
        let Stored { mut config, object } = self.stored_config()?;
        if says_so(&config) {
            return Ok(());
        }
        config.version += 1;
        config.conditions = Some(ConditionsCheck::new(now, outcome));
        self.replace_config(&config, &object)
    }

    /// When the conditions of the storage were last tried, in seconds since 1970, if that is longer ago than a year.
    /// `None` also where storage needs no such try.
    pub fn old_conditions_check(&self) -> Option<i64> {
        let tried = self.config.conditions.map_or(self.config.created, |check| check.time);
        let age = machine::now().seconds.saturating_sub(tried);
        (self.store.medium().is_late && age > OLD_AFTER).then_some(tried)
    }

    /// The highest version of the config that this process knows.
    pub(crate) fn config_version(&self) -> u64 {
        self.config_version.load(Ordering::Relaxed)
    }

    /// Replaces the config that is `before`. Deletes its second copy before, and puts that again after: an older copy
    /// would look like damage.
    fn replace_config(&self, config: &Config, before: &[u8]) -> Result<()> {
        let object = encode_config(self.keys(), config)?;
        let copy = ObjectName::Copy(Original::Config);
        self.store.delete(&copy)?;
        self.store.replace_if(&ObjectName::Config, Some(Tag::of(before)), &object).map_err(|error| {
            match error.kind {
                StoreErrorKind::Conflict => {
                    Error::new(ErrorKind::Fenced, "another process changed the config at the same time")
                }
                _ => Error::from(error),
            }
        })?;
        match self.store.put_new(&copy, &[&object]) {
            Err(error) if error.kind != StoreErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        self.config_version.fetch_max(config.version, Ordering::Relaxed);
        self.memory.remember_version("config", config.version, Bytes32(*blake3::hash(&object).as_bytes()))?;
        self.memory.keep(&to_keep(&[(Original::Config, object)].into()))
    }

    /// Looks for a newer version of the config: another process may have replaced it since this one read it.
    ///
    /// # Errors
    /// If it cannot be read, or was not written by a member.
    pub(super) fn refresh_config(&self) -> Result<()> {
        let version = self.stored_config()?.config.version;
        self.config_version.fetch_max(version, Ordering::Relaxed);
        Ok(())
    }

    fn stored_config(&self) -> Result<Stored> {
        let name = ObjectName::Config;
        let damaged = |e| Error::damaged(name, e);
        let bytes = self.store.get(&name, limits::SMALL_OBJECT + clear::OVERHEAD as u64).map_err(Error::of_object)?;
        let object = clear::decode(ObjectKind::Config, &bytes, limits::SMALL_OBJECT).map_err(damaged)?;
        let config = Config::decode(object.body).map_err(damaged)?;
        let is_ours = blake3::Hash::from(self.keys().config_tag(object.tagged)) == blake3::Hash::from(object.tag);
        if !is_ours || config.repository != self.id() {
            return Err(Error::new(ErrorKind::Damaged, "cannot use config: it was not written by a member"));
        }
        Ok(Stored { config, object: bytes })
    }
}

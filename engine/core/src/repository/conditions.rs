//! Whether a storage can hold a repository, and by which rules: tests on the very storage decide.

use repo_format::config::{Conditions, ConditionsCheck, Config};

use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use engine_store::conformance::{self, Conditions as Found, Failure};
use engine_store::{Store, StoreErrorKind};

/// When programs are kept apart by leases alone (FORMAT.md, section 13.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exclusive {
    /// If the storage says that it has no conditions.
    #[default]
    IfNeeded,
    /// In any case, even if the storage keeps conditions.
    Always,
}

/// The hint where conditions are accepted and not kept.
const WAY_OUT: &str = "`enamel init --exclusive-prune` makes a repository that needs no conditions: see `enamel init --help`. Object storage with versions or locks on Ceph needs that.";

/// Tests the storage of a new repository, and writes into `config` by which rules it is used.
///
/// # Errors
/// [`ErrorKind::Io`] if the storage breaks a promise that these rules need.
pub(super) fn choose_rules(store: &dyn Store, wanted: Exclusive, config: &mut Config) -> Result<()> {
    if wanted == Exclusive::Always && !store.medium().is_late {
        let message = format!("{} has conditions by itself: only object storage can be without", store.location());
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let found = conformance::survey_conditions(store)?;
    let outcome = outcome(&found);
    match (found, wanted) {
        (Found::Kept, Exclusive::IfNeeded) => {}
        (Found::Broken(promise), Exclusive::IfNeeded) => {
            let broken = conditions_failed(store.location(), Failure::Broken(promise));
            return Err(if store.medium().is_late { broken.with_hint(WAY_OUT) } else { broken });
        }
        (Found::Missing(_), _) | (_, Exclusive::Always) => {
            check_without_conditions(store)?;
            config.make_exclusive();
        }
    }
    if store.medium().is_late || config.is_exclusive() {
        config.conditions = Some(ConditionsCheck::new(machine::now().seconds, outcome));
    }
    Ok(())
}

/// Tests the storage of a repository with this config: whether it keeps what the rules of the repository need. Returns
/// what it does with conditions.
///
/// # Errors
/// [`ErrorKind::Io`] with the promise that the storage breaks; [`ErrorKind::Refused`] if it has no conditions any more.
pub fn check_storage(store: &dyn Store, config: &Config) -> Result<Conditions> {
    let found = conformance::survey_conditions(store)?;
    let outcome = outcome(&found);
    if config.is_exclusive() {
        // A folder to which it was copied keeps conditions, and uses them.
        if store.medium().is_late {
            check_without_conditions(store)?;
        }
        return Ok(outcome);
    }
    let failure = match found {
        Found::Kept => return Ok(outcome),
        Found::Missing(error) => Failure::Store(error),
        Found::Broken(promise) => Failure::Broken(promise),
    };
    Err(conditions_failed(store.location(), failure))
}

fn outcome(found: &Found) -> Conditions {
    match found {
        Found::Kept => Conditions::Kept,
        Found::Missing(_) => Conditions::Missing,
        Found::Broken(_) => Conditions::Broken,
    }
}

fn check_without_conditions(store: &dyn Store) -> Result<()> {
    conformance::check_without_conditions(store).map_err(|failure| match failure {
        Failure::Store(error) if error.kind == StoreErrorKind::Unsupported => {
            let message = "only object storage can hold a repository without conditions";
            Error::caused(ErrorKind::Usage, message, error)
        }
        Failure::Store(error) => error.into(),
        broken @ Failure::Broken(_) => {
            let message = format!(
                "{} cannot hold a repository, even if nothing relies on conditions: what one program stores must be there for others at once",
                store.location()
            );
            Error::caused(ErrorKind::Io, message, broken)
        }
    })
}

/// The reason why `place` cannot hold a repository.
pub fn conditions_failed(place: impl std::fmt::Display, failure: Failure) -> Error {
    match failure {
        Failure::Store(error) if error.kind == StoreErrorKind::Unsupported => {
            let message = format!(
                "{place} cannot hold this repository: its server has no conditional writes, so backups at the same time could harm each other"
            );
            Error::caused(ErrorKind::Refused, message, error)
        }
        Failure::Store(error) => error.into(),
        broken @ Failure::Broken(_) => {
            let message = format!("{place} cannot hold a repository: backups at the same time could harm each other");
            Error::caused(ErrorKind::Io, message, broken)
        }
    }
}

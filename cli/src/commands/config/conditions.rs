//! Whether a storage keeps what its repository relies on: tried on the very storage, and noted.

use std::fmt;

use engine::error::chain;
use engine::repository::{Repository, check_storage, config_flags};
use engine::{ErrorKind, Result};
use repo_format::config::{Conditions, ConditionsCheck};
use serde::Serialize;

use crate::context::Context;
use crate::ui::format;

/// A storage that keeps what the rules of its repository rely on.
pub(super) struct Tried {
    place: String,
    is_exclusive: bool,
    /// Whether it keeps conditions.
    pub found: Conditions,
}

impl Tried {
    /// Tries the storage of the repository.
    pub fn try_storage(context: &Context<'_>) -> Result<Self> {
        let store = context.store()?;
        let config = config_flags(&*store)?;
        let found = check_storage(&*store, &config)?;
        Ok(Tried { place: store.location(), is_exclusive: config.is_exclusive(), found })
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let does = match self.found {
            _ if !self.is_exclusive => return f.write_str(&self.place),
            Conditions::Kept => "it keeps conditions",
            Conditions::Missing => "it has no conditions",
            Conditions::Broken => "it does not keep conditions",
        };
        write!(f, "{}; {does}, and this repository relies on none", self.place)
    }
}

/// Notes what was found in the repository, for `enamel verify`. A folder needs no such note.
pub(super) fn note(context: &Context<'_>, repo: &Repository, found: Conditions) {
    if !repo.store().medium().is_late {
        return;
    }
    match repo.note_conditions(found) {
        // A machine that may only add checks all the same, and leaves the note to others.
        Err(error) if error.kind() != ErrorKind::PermissionDenied => {
            context.ui.warn(format!("cannot note that the storage was tried: {}", chain(&error)));
        }
        _ => {}
    }
}

/// The last try, for JSON.
#[derive(Serialize)]
pub struct ConditionsMessage {
    tried: String,
    outcome: &'static str,
}

pub fn message(check: ConditionsCheck) -> ConditionsMessage {
    ConditionsMessage { tried: format::rfc3339(format::seconds(check.time)), outcome: words(check) }
}

/// The last try, in words.
pub(super) fn describe(check: ConditionsCheck) -> String {
    format!("{}, tried at {}", words(check), format::time(format::seconds(check.time)))
}

fn words(check: ConditionsCheck) -> &'static str {
    match check.outcome() {
        Some(Conditions::Kept) => "kept",
        Some(Conditions::Missing) => "none",
        Some(Conditions::Broken) => "not kept",
        None => "unknown",
    }
}

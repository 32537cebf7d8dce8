//! The doing of setup, whoever has answered: settings, repository and key.

use std::path::Path;

use engine::repository::{Exclusive, Repository};
use engine::{ErrorKind, Result};
use repo_format::config::Access;

use super::file::Lines;
use crate::commands::init::New;
use crate::context::Context;
use crate::global::Global;
use crate::settings::edit;
use crate::settings::{Place, Storage};
use crate::strength::Strength;

/// Where setup has found or made the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It was made now.
    New,
    /// It was there, and opens.
    Known,
}

/// Writes the settings. Returns the options of programs that go by them.
///
/// # Errors
/// They cannot be written.
pub fn write_settings(path: &Path, lines: &Lines, global: &Global) -> Result<Global> {
    edit::change(path, |file| lines.put_into(file))?;
    Ok(Global { config: Some(path.to_owned()), repo: None, ..global.clone() })
}

/// Makes the repository and its key, or opens the one that is there.
///
/// # Errors
/// It can be neither made nor opened.
pub fn repository(context: &Context<'_>, place: &Place) -> Result<(Repository, Made)> {
    let made = match context.open(Access::Read) {
        Err(error) if error.kind() == ErrorKind::NoRepository => {
            let secret = &context.settings.secret.value;
            let (storage, exclusive) = (Storage::Repository, Exclusive::IfNeeded);
            New { place, secret, strength: Strength::Strong, label: None, like: None, storage, exclusive }
                .make(context)?;
            Made::New
        }
        opened => {
            opened?;
            Made::Known
        }
    };
    Ok((context.open(Access::Write)?, made))
}

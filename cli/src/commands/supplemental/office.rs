//! The supplemental repository as `enamel.toml` names it, opened with the key file of this computer.

use std::path::PathBuf;

use engine::repository::Repository;
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;

use crate::context::Context;
use crate::settings::{Other, Place, SecretSource, Storage, Supplemental, parse_place};

/// The owner of the key of this computer. It stands in the clear in the repository.
pub const OFFICE: &str = "office";
/// The name of a new key file beside `enamel.toml`.
const KEY_FILE: &str = "supplemental.key";

/// Where the supplemental repository is, and what unlocks it.
pub struct Office {
    pub place: Place,
    pub key_file: PathBuf,
}

impl Office {
    /// The one that the settings name.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if none was ever set up.
    pub fn of(context: &Context<'_>) -> Result<Self> {
        let settings = &context.settings.file.supplemental;
        let Some(place) = &settings.repository else {
            let error = Error::new(ErrorKind::Usage, "no supplemental backup is set up");
            return Err(error.with_hint("`enamel supplemental enable LOCATION` sets one up."));
        };
        Ok(Office { place: parse_place(place)?, key_file: key_file(settings, context)? })
    }

    /// Opens it.
    ///
    /// # Errors
    /// As of [`Context::open_other`].
    pub fn open(&self, context: &Context<'_>, access: Access) -> Result<Repository> {
        let other = Other {
            place: self.place.clone(),
            secret: SecretSource::KeyFile(self.key_file.clone()),
            storage: Storage::Supplemental,
        };
        context.open_other(&other, access)
    }
}

/// The key file of this computer: the one that is set, or one beside the settings file.
///
/// # Errors
/// [`ErrorKind::Usage`] if there is no settings file.
pub fn key_file(settings: &Supplemental, context: &Context<'_>) -> Result<PathBuf> {
    if let Some(path) = &settings.key_file {
        return Ok(path.clone());
    }
    let file = std::path::absolute(settings_file(context)?).map_err(|e| Error::io("cannot find enamel.toml", e))?;
    Ok(file.with_file_name(KEY_FILE))
}

/// The settings file, which says whether copies are made.
///
/// # Errors
/// [`ErrorKind::Usage`] if there is none.
pub fn settings_file<'c>(context: &'c Context<'_>) -> Result<&'c PathBuf> {
    context.settings.file_path.as_ref().ok_or_else(|| {
        let message = "a supplemental backup needs an enamel.toml: backups look there whether to make copies";
        Error::new(ErrorKind::Usage, message).with_hint("`enamel config --help` shows what it may hold.")
    })
}

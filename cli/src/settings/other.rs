//! A second repository of one command: where it is, and what unlocks it. The file of settings says nothing of it.

use std::path::{Path, PathBuf};

use engine::Result;

use super::location;
use super::{Origin, Place, SecretSource, Setting, Storage, only_one, password_variable, place_of_repository};
use crate::environment;

/// How the options and variables of a second repository are named.
pub struct OtherNames {
    /// The option with its place.
    pub place: &'static str,
    /// The options with its key file, its password file, and its password command.
    pub options: [&'static str; 3],
    /// The variables with its key file and its password.
    pub variables: [&'static str; 2],
    /// The place whose settings of object storage hold for it.
    pub storage: Storage,
}

/// The password or key of a second repository, as options say it.
#[derive(Debug, Clone, Default)]
pub struct OtherSecret {
    /// A key file.
    pub key_file: Option<PathBuf>,
    /// A file whose first line is the password.
    pub password_file: Option<PathBuf>,
    /// A command that prints the password.
    pub password_command: Option<String>,
}

/// A second repository.
pub struct Other {
    /// Its place; a folder is absolute.
    pub place: Place,
    /// Where its password or key comes from.
    pub secret: SecretSource,
    /// The place whose settings of object storage hold for it.
    pub storage: Storage,
}

impl Other {
    /// The repository at `place`.
    ///
    /// # Errors
    /// The options contradict each other, or make no sense.
    pub fn new(place: &Path, secret: OtherSecret, names: &OtherNames) -> Result<Self> {
        use SecretSource as S;
        let place = place_of_repository(Setting::new(place.to_path_buf(), Origin::Flag(names.place)))?.value;
        let [key_file, password_file, password_command] = names.options;
        let flags = [
            secret.key_file.map(|path| (S::KeyFile(path), key_file)),
            secret.password_file.map(|path| (S::PasswordFile(path), password_file)),
            secret.password_command.map(|command| (S::PasswordCommand(command), password_command)),
        ];
        let [key_file, password] = names.variables;
        let env = environment::variable;
        let variables = [
            env(key_file).map(|path| (S::KeyFile(path.into()), key_file)),
            password_variable(&env, password)?.map(|text| (S::Password(text), password)),
        ];
        let secret = match only_one(flags)? {
            Some((secret, _)) => secret,
            None => only_one(variables)?.map_or(S::Prompt, |(secret, _)| secret),
        };
        Ok(Other { place, secret: with_home(secret)?, storage: names.storage })
    }
}

/// The source with the user's home folder in place of `~`.
pub(super) fn with_home(secret: SecretSource) -> Result<SecretSource> {
    Ok(match secret {
        SecretSource::KeyFile(path) => SecretSource::KeyFile(location::expand(&path)?),
        SecretSource::PasswordFile(path) => SecretSource::PasswordFile(location::expand(&path)?),
        other => other,
    })
}

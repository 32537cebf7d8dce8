//! Where the password or key of a repository comes from.

use std::path::PathBuf;

use zeroize::Zeroizing;

/// Where the password or key of a repository comes from.
pub enum SecretSource {
    /// A file that holds a key.
    KeyFile(PathBuf),
    /// The first line of a file.
    PasswordFile(PathBuf),
    /// The first line that a shell command prints.
    PasswordCommand(String),
    /// The environment.
    Password(Zeroizing<String>),
    /// The user is asked.
    Prompt,
}

impl SecretSource {
    /// The source in words, without any secret.
    pub fn describe(&self) -> String {
        match self {
            SecretSource::KeyFile(path) => format!("key file {}", path.display()),
            SecretSource::PasswordFile(path) => format!("password file {}", path.display()),
            SecretSource::PasswordCommand(command) => format!("password command `{command}`"),
            SecretSource::Password(_) => "password".into(),
            SecretSource::Prompt => "password that is asked for".into(),
        }
    }
}

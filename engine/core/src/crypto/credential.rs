//! The credential of a user: a password or a key file.

use zeroize::{Zeroize, Zeroizing};

use super::random;
use crate::error::{Error, ErrorKind, Result};

const KEY_FILE_PREFIX: &str = "enamel-key-1:";

/// A secret that unlocks a member.
pub enum Credential {
    /// A password.
    Password(Zeroizing<String>),
    /// The content of a key file.
    KeyFile(KeyFile),
}

/// The secret of a key file: 32 random bytes.
pub struct KeyFile(pub(super) [u8; 32]);

impl Drop for KeyFile {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl KeyFile {
    /// A new key file.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub fn generate() -> Result<Self> {
        Ok(KeyFile(random()?))
    }

    /// The text of the file, one line.
    pub fn to_text(&self) -> Zeroizing<String> {
        let hex = repo_format::id::Bytes32(self.0);
        Zeroizing::new(format!("{KEY_FILE_PREFIX}{hex}\n"))
    }

    /// Reads the text of a key file.
    ///
    /// # Errors
    /// [`ErrorKind::WrongPassword`] if the text is not a key file.
    pub fn parse(text: &str) -> Result<Self> {
        let hex = text.trim_end().strip_prefix(KEY_FILE_PREFIX);
        let bytes = hex.and_then(|hex| hex.parse::<repo_format::id::Bytes32>().ok());
        match bytes {
            Some(bytes) => Ok(KeyFile(bytes.0)),
            None => Err(Error::new(ErrorKind::WrongPassword, "this is not an Enamel key file")),
        }
    }
}

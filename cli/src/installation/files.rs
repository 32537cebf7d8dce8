//! Files of a service: written whole, and removed only if they were written here.

use std::io::{ErrorKind as Io, Read};
use std::path::{Path, PathBuf};

use engine::{Error, ErrorKind, Result};

use super::MARK;
use crate::whole_file::{self, Readers};

/// The mark stands within so many bytes.
const MARK_WITHIN: u64 = 256;
/// A file that a service manager reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its contents.
    pub text: String,
}

impl ServiceFile {
    /// The same below another root of the file system.
    pub fn below(mut self, root: &Path) -> Self {
        self.path = root.join(self.path.strip_prefix("/").unwrap_or(&self.path));
        self
    }

    /// Writes it, by rename.
    ///
    /// # Errors
    /// [`ErrorKind::NotEmpty`] if another file has its name; it cannot be written.
    pub fn write(&self) -> Result<()> {
        if is_ours(&self.path)? == Some(false) {
            let message = format!("{} is there, and was not written by `enamel schedule install`", self.path.display());
            return Err(Error::new(ErrorKind::NotEmpty, message).with_hint("Move the file away first."));
        }
        let written = whole_file::write(&self.path, self.text.as_bytes(), Readers::All);
        written.map_err(|error| Error::io(format!("cannot write {}", self.path.display()), error))
    }

    /// Removes it, if it is there and was written here; gives whether it was.
    ///
    /// # Errors
    /// [`ErrorKind::NotEmpty`] if it is another file; it cannot be removed.
    pub fn remove(&self) -> Result<bool> {
        match is_ours(&self.path)? {
            None => Ok(false),
            Some(false) => {
                let message = format!("{} stays: it was not written by `enamel schedule install`", self.path.display());
                Err(Error::new(ErrorKind::NotEmpty, message))
            }
            Some(true) => match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != Io::NotFound => {
                    Err(Error::io(format!("cannot remove {}", self.path.display()), error))
                }
                _ => Ok(true),
            },
        }
    }
}

/// Whether the file was written here; `None` if there is none.
///
/// # Errors
/// It cannot be read.
pub fn is_ours(path: &Path) -> Result<Option<bool>> {
    let failed = |error| Error::io(format!("cannot read {}", path.display()), error);
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == Io::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    let mut head = Vec::new();
    file.take(MARK_WITHIN).read_to_end(&mut head).map_err(failed)?;
    Ok(Some(head.windows(MARK.len()).any(|part| part == MARK.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_ours_is_replaced_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let file = ServiceFile { path: path.clone(), text: format!("# {MARK}.\nnew\n") };
        assert!(!file.remove().unwrap());
        file.write().unwrap();
        file.write().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), file.text);
        assert!(file.remove().unwrap() && !path.exists());
        std::fs::write(&path, "of somebody else").unwrap();
        assert_eq!(file.write().unwrap_err().kind(), ErrorKind::NotEmpty);
        assert_eq!(file.remove().unwrap_err().kind(), ErrorKind::NotEmpty);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "of somebody else");
    }
}

//! Files that statements load: their contents come in pieces, and wait on disk until the statement comes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::binlog::event::LoadedPiece;
use engine_core::error::{Error, ErrorKind, Result};

/// Files that have begun at the same time, at most.
const FILES_MAX: usize = 1024;

/// The files whose statements have not come yet.
pub(super) struct LoadedFiles {
    folder: PathBuf,
    files: HashMap<u32, File>,
}

impl LoadedFiles {
    /// None yet; they are going to be in `folder`, without a name.
    pub fn new(folder: &Path) -> Self {
        LoadedFiles { folder: folder.to_owned(), files: HashMap::new() }
    }

    /// Begins a file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(&mut self, piece: &LoadedPiece<'_>) -> Result<()> {
        if self.files.len() >= FILES_MAX {
            return Err(Error::new(ErrorKind::Refused, "too many files are loaded at the same time"));
        }
        let file = tempfile::tempfile_in(&self.folder).map_err(|e| self.failed(e))?;
        self.files.insert(piece.file, file);
        self.append(piece)
    }

    /// Adds to a file.
    ///
    /// # Errors
    /// If it cannot be written, or was not begun.
    pub fn append(&mut self, piece: &LoadedPiece<'_>) -> Result<()> {
        let folder = self.folder.clone();
        let file = self.files.get_mut(&piece.file).ok_or_else(not_begun)?;
        file.write_all(piece.data).map_err(|e| failed(&folder, e))
    }

    /// Gives a file to its statement.
    ///
    /// # Errors
    /// If it was not begun.
    pub fn take(&mut self, number: u32) -> Result<File> {
        let mut file = self.files.remove(&number).ok_or_else(not_begun)?;
        file.seek(SeekFrom::Start(0)).map_err(|e| self.failed(e))?;
        Ok(file)
    }

    /// Forgets a file that no statement loads.
    pub fn forget(&mut self, number: u32) {
        self.files.remove(&number);
    }

    fn failed(&self, error: std::io::Error) -> Error {
        failed(&self.folder, error)
    }
}

fn failed(folder: &Path, error: std::io::Error) -> Error {
    Error::io(format!("cannot write a file that a statement loads into {}", folder.display()), error)
}

fn not_begun() -> Error {
    Error::new(ErrorKind::Refused, "a statement loads a file whose contents are not in this part of the log")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn pieces_become_the_file_that_a_statement_loads() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = LoadedFiles::new(folder.path());
        files.begin(&LoadedPiece { file: 1, data: b"a\n" }).unwrap();
        files.begin(&LoadedPiece { file: 2, data: b"x" }).unwrap();
        files.append(&LoadedPiece { file: 1, data: b"b\n" }).unwrap();
        let mut text = String::new();
        files.take(1).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "a\nb\n");
        files.forget(2);
        assert!(files.take(1).is_err() && files.take(2).is_err());
        assert!(files.append(&LoadedPiece { file: 2, data: b"x" }).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "they have no names");
    }
}

//! Finds files in a saved folder of images like the file share that holds them: ignoring case.

use std::collections::HashMap;

use repo_format::entry::EntryKind;
use repo_format::id::ChunkId;

use engine_core::error::Result;
use engine_core::pack::ChunkReader;
use engine_core::tree::{DirectoryIter, TreeEntry};

/// A saved folder of images. It holds the entries of one folder of owners and of one owner: asked for in order, each is read once.
pub(super) struct ImageTree<'r> {
    reader: &'r ChunkReader<'r>,
    letters: Names,
    letter: Option<(Vec<u8>, Names)>,
    owner: Option<(Vec<u8>, Names)>,
}

/// The entries of a folder.
#[derive(Default)]
struct Names {
    exact: HashMap<Vec<u8>, TreeEntry>,
    /// Names in lower case, and one of the entries that each stands for.
    folded: HashMap<String, Vec<u8>>,
}

impl<'r> ImageTree<'r> {
    /// The folder whose node is `tree`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(reader: &'r ChunkReader<'r>, tree: Option<ChunkId>) -> Result<Self> {
        Ok(ImageTree { reader, letters: Names::read(reader, tree)?, letter: None, owner: None })
    }

    /// The file `name` of the owner whose folder is `owner`, in the folder `letter`.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn find(&mut self, letter: &[u8], owner: &[u8], name: &[u8]) -> Result<Option<TreeEntry>> {
        if self.letter.as_ref().is_none_or(|(known, _)| known != letter) {
            self.letter = Some((letter.to_vec(), self.letters.enter(self.reader, letter)?));
            self.owner = None;
        }
        if self.owner.as_ref().is_none_or(|(known, _)| known != owner) {
            let Some((_, owners)) = &self.letter else { return Ok(None) };
            self.owner = Some((owner.to_vec(), owners.enter(self.reader, owner)?));
        }
        let files = self.owner.as_ref().map(|(_, files)| files);
        Ok(files.and_then(|files| files.get(name)).filter(|entry| entry.meta.kind != EntryKind::Directory).cloned())
    }
}

impl Names {
    fn read(reader: &ChunkReader<'_>, tree: Option<ChunkId>) -> Result<Self> {
        let mut names = Names::default();
        for entry in DirectoryIter::new(reader, tree) {
            let entry = entry?;
            let name = entry.name().to_vec();
            names.folded.insert(fold(&name), name.clone());
            names.exact.insert(name, entry);
        }
        Ok(names)
    }

    fn get(&self, name: &[u8]) -> Option<&TreeEntry> {
        self.exact.get(name).or_else(|| self.exact.get(self.folded.get(&fold(name))?))
    }

    /// The entries of the folder `name`; none if there is no such folder.
    fn enter(&self, reader: &ChunkReader<'_>, name: &[u8]) -> Result<Names> {
        let folder = self.get(name).filter(|entry| entry.meta.kind == EntryKind::Directory);
        folder.map_or_else(|| Ok(Names::default()), |folder| Names::read(reader, folder.tree))
    }
}

fn fold(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_lowercase()
}

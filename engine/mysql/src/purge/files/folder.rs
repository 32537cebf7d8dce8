//! A folder as it is, beside the same folder in the snapshot: whether a file is proven, and its removal.

use std::collections::BTreeSet;
use std::io;

use repo_format::entry::EntryKind;
use repo_format::id::ChunkId;
use repo_format::pack::ChunkKind;

use super::name::parts;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::filesystem::{Dir, FileStat, SourceFile};
use engine_core::pack::ChunkReader;
use engine_core::tree::{ContentIter, ContentRef, DirectoryIter, TreeEntry};

/// How much is done to prove a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::purge) enum Proofs {
    /// For a plan: a file of the size and time that the snapshot has is taken for the same, any other is compared by the ids of its chunks.
    Quick,
    /// For a run: its content is read back from the repository and compared.
    ReadBack,
}

/// The result of looking at a file.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::purge) enum Look {
    /// It is not there.
    Absent,
    /// The snapshot has it as it is.
    Proven(ProvenFile),
    /// It is there, and stays; why.
    Unproven(String),
}

/// A file that the snapshot has as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::purge) struct ProvenFile {
    /// Its path below the folder: names with `/` between.
    pub path: Vec<u8>,
    /// Its size in bytes.
    pub size: u64,
}

/// A folder, and the same folder in the snapshot.
pub(in crate::purge) struct SavedFolder<'r> {
    reader: &'r ChunkReader<'r>,
    live: Dir,
    tree: Option<ChunkId>,
    proofs: Proofs,
    /// Folders that files were removed from, by their paths below this one, and that are not synced.
    touched: BTreeSet<Vec<u8>>,
}

/// Compares the content of a chunk with what stands in the file.
type Compare<'c> = &'c mut dyn FnMut(&ChunkId, &[u8]) -> Result<bool>;

impl<'r> SavedFolder<'r> {
    /// Opens the folder `path`, whose node in the snapshot is `tree`.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if there is no such folder, or it may not be opened; others if a disk or a network fails.
    pub fn open(reader: &'r ChunkReader<'r>, path: &str, tree: Option<ChunkId>) -> Result<Self> {
        let live = Dir::open(path.as_ref()).map_err(|e| {
            use std::io::ErrorKind as K;
            // A disk or a network that fails says nothing of the folder.
            let is_none = matches!(e.kind(), K::NotFound | K::NotADirectory | K::PermissionDenied | K::InvalidInput);
            let error = Error::io(format!("cannot open the folder of attachments {path}"), e);
            if is_none { error.with_kind(ErrorKind::Refused) } else { error }
        })?;
        Ok(SavedFolder::over(reader, live, tree))
    }

    /// The folder `live`, whose node in the snapshot is `tree`.
    pub fn over(reader: &'r ChunkReader<'r>, live: Dir, tree: Option<ChunkId>) -> Self {
        SavedFolder { reader, live, tree, proofs: Proofs::Quick, touched: BTreeSet::new() }
    }

    /// From now on files are proven as a run needs it.
    pub fn read_back(&mut self) {
        self.proofs = Proofs::ReadBack;
    }

    /// Looks at the file that a row calls `name`, in the folder `sub_folder`. The snapshot need not have it if it is not there.
    ///
    /// # Errors
    /// If the repository cannot be read.
    pub fn look(&self, sub_folder: &str, name: &str) -> Result<Look> {
        match parts(name) {
            None => Ok(Look::Unproven("its name would lead out of the folder, or is none".to_owned())),
            Some(names) => self.look_at(&format!("{sub_folder}/{}", names.join("/")).into_bytes()),
        }
    }

    /// Looks at the file at `path` below the folder.
    ///
    /// # Errors
    /// As [`SavedFolder::look`].
    pub fn look_at(&self, path: &[u8]) -> Result<Look> {
        let (file, stat) = match self.open_live(path) {
            Ok((_, file, stat)) => (file, stat),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Look::Absent),
            Err(error) => return Ok(Look::Unproven(format!("it cannot be read: {error}"))),
        };
        let entry = match self.saved(path)? {
            None => return Ok(Look::Unproven("it is not in the snapshot".to_owned())),
            Some(entry) => entry,
        };
        let is_untouched = stat.entry.mtime() == entry.meta.mtime() && entry.meta.state.is_none();
        let is_same = fits(&entry, &stat)
            && match self.proofs {
                Proofs::Quick if is_untouched => true,
                Proofs::Quick => self.is_same(&file, &entry)?,
                Proofs::ReadBack => self.is_read_back(&file, &entry)?,
            };
        Ok(if is_same {
            Look::Proven(ProvenFile { path: path.to_vec(), size: entry.meta.size })
        } else {
            Look::Unproven("it is other than in the snapshot".to_owned())
        })
    }

    /// Removes the file at `path`, if it is as the snapshot has it, now: its bytes are compared first. A file that differs, or that is written to
    /// meanwhile, stays. Durable after [`SavedFolder::sync`].
    ///
    /// # Errors
    /// If the repository cannot be read.
    pub fn remove(&mut self, path: &[u8]) -> Result<Look> {
        let (dir, file, stat) = match self.open_live(path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Look::Absent),
            Err(error) => return Ok(Look::Unproven(format!("it cannot be read: {error}"))),
        };
        let Some(entry) = self.saved(path)? else { return Ok(Look::Unproven("it is not in the snapshot".to_owned())) };
        if !fits(&entry, &stat) || !self.is_same(&file, &entry)? {
            return Ok(Look::Unproven("it is other than in the snapshot".to_owned()));
        }
        let name = entry.name();
        // Nobody has written to it since, and it is still the file of this name.
        match dir.stat(name) {
            Ok(now) if is_same_file(&now, &stat) => {}
            _ => return Ok(Look::Unproven("it changes just now".to_owned())),
        }
        if let Err(error) = dir.remove_file(name) {
            return Ok(Look::Unproven(format!("it cannot be removed: {error}")));
        }
        self.touched.insert(parent(path).to_vec());
        Ok(Look::Proven(ProvenFile { path: path.to_vec(), size: entry.meta.size }))
    }

    /// Makes all removals durable.
    ///
    /// # Errors
    /// If a folder cannot be synced.
    pub fn sync(&mut self) -> Result<()> {
        for path in std::mem::take(&mut self.touched) {
            let shown = String::from_utf8_lossy(&path).into_owned();
            let synced = self.open_dir(&path).and_then(|dir| dir.sync());
            synced
                .map_err(|e| Error::io(format!("cannot make sure that files removed from {shown} stay removed"), e))?;
        }
        Ok(())
    }

    /// The entry that the snapshot has at `path`.
    fn saved(&self, path: &[u8]) -> Result<Option<TreeEntry>> {
        let (mut tree, mut found) = (self.tree, None);
        for name in path.split(|byte| *byte == b'/') {
            let Some(entry) = DirectoryIter::seek(self.reader, tree, name)? else { return Ok(None) };
            tree = entry.tree;
            found = Some(entry);
        }
        Ok(found.filter(|entry: &TreeEntry| entry.meta.kind == EntryKind::File))
    }

    /// The file at `path`, and the folder that it is in. No link is followed.
    fn open_live(&self, path: &[u8]) -> io::Result<(Dir, SourceFile, FileStat)> {
        let dir = self.open_dir(parent(path))?;
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let file = dir.open_file(name)?;
        let stat = file.stat()?;
        Ok((dir, file, stat))
    }

    fn open_dir(&self, path: &[u8]) -> io::Result<Dir> {
        let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        let first = names.next().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        names.try_fold(self.live.open_dir(first)?, |dir, name| dir.open_dir(name))
    }

    /// Whether the file has the content of `entry`, by the ids of its chunks.
    fn is_same(&self, file: &SourceFile, entry: &TreeEntry) -> Result<bool> {
        let keys = self.reader.repository().keys();
        self.compare(file, entry, &mut |id, there| Ok(keys.id(ChunkKind::Data, there) == *id))
    }

    /// Whether the file has the content of `entry`, which is read back.
    fn is_read_back(&self, file: &SourceFile, entry: &TreeEntry) -> Result<bool> {
        self.compare(file, entry, &mut |id, there| Ok(self.reader.read(ChunkKind::Data, id)?[..] == *there))
    }

    fn compare(&self, file: &SourceFile, entry: &TreeEntry, is_chunk: Compare<'_>) -> Result<bool> {
        let content = match &entry.content {
            None => return Ok(true),
            Some(ContentRef::Inline(bytes)) => {
                let mut there = vec![0; bytes.len()];
                return Ok(read(file, 0, &mut there) && there == *bytes);
            }
            Some(content) => content,
        };
        let mut iter = ContentIter::new(self.reader, content, entry.data_len());
        let mut there = Vec::new();
        while let Some(item) = iter.next() {
            let item = item?;
            there.resize(usize::try_from(item.len).unwrap_or(0), 0);
            if !read(file, iter.plain_end() - item.len, &mut there) || !is_chunk(&item.id, &there)? {
                return Ok(false);
            }
        }
        Ok(iter.plain_end() == entry.data_len())
    }
}

/// Whether a file can have the content of `entry`. In a file with holes the zeros would have to be proven, too: it stays.
fn fits(entry: &TreeEntry, stat: &FileStat) -> bool {
    stat.entry.size == entry.meta.size && entry.meta.holes.is_none() && entry.content_fits()
}

fn is_same_file(one: &FileStat, other: &FileStat) -> bool {
    let what = |stat: &FileStat| {
        let entry = &stat.entry;
        (entry.kind, stat.device, entry.inode, entry.size, entry.mtime(), entry.ctime_seconds, entry.ctime_nanoseconds)
    };
    what(one) == what(other)
}

/// Fills `bytes` with what stands in the file from `at` on; whether that could be read.
fn read(file: &SourceFile, at: u64, bytes: &mut [u8]) -> bool {
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], at + done as u64) {
            Ok(0) | Err(_) => return false,
            Ok(read) => done += read,
        }
    }
    true
}

/// The path of the folder that `path` is in; empty at the top.
fn parent(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    slash.map_or(&[], |slash| &path[..slash])
}

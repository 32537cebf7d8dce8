//! Paths in a snapshot: `images/A/x.jpg`, which starts with the name of a root, or the absolute path of the source.

use repo_format::entry::EntryKind;
use repo_format::limits;
use repo_format::manifest::Manifest;

use super::{DirectoryIter, TreeEntry};
use crate::error::{Error, ErrorKind, Result};
use crate::pack::ChunkReader;
use crate::words;

/// Turns a user's path into a path from the top directory. Drops empty parts, and replaces the path of a root by the
/// root's name.
pub(crate) fn virtual_path(manifest: &Manifest, path: &[u8]) -> Vec<u8> {
    let clean = |path: &[u8]| {
        path.split(|b| *b == b'/').filter(|p| !p.is_empty() && *p != b".").collect::<Vec<_>>().join(&b'/')
    };
    let wanted = clean(path);
    if path.first() == Some(&b'/') {
        let mut roots: Vec<_> = manifest.roots.iter().map(|root| (clean(&root.path.0), &root.name.0)).collect();
        roots.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        for (root, name) in roots {
            let Some(rest) = wanted.strip_prefix(&root[..]) else { continue };
            if rest.is_empty() || rest.starts_with(b"/") || root.is_empty() {
                let rest = rest.strip_prefix(b"/").unwrap_or(rest);
                return if rest.is_empty() { name.clone() } else { [name, &b"/"[..], rest].concat() };
            }
        }
    }
    wanted
}

/// The entry at `path`; `None` stands for the top directory.
///
/// # Errors
/// [`ErrorKind::NotFound`], with the part that does not exist.
pub fn lookup(reader: &ChunkReader<'_>, manifest: &Manifest, path: &[u8]) -> Result<(Vec<u8>, Option<TreeEntry>)> {
    let path = virtual_path(manifest, path);
    let mut tree = manifest.tree_id();
    let mut found: Option<TreeEntry> = None;
    for part in path.split(|b| *b == b'/').filter(|part| !part.is_empty()) {
        let missing = || {
            let shown = String::from_utf8_lossy(&path).into_owned();
            Error::new(ErrorKind::NotFound, format!("there is no `{shown}` in snapshot {}", words::short(manifest.id)))
        };
        if found.as_ref().is_some_and(|entry| entry.meta.kind != EntryKind::Directory) {
            return Err(missing());
        }
        let entry = DirectoryIter::seek(reader, tree, part)?.ok_or_else(missing)?;
        tree = entry.tree;
        found = Some(entry);
    }
    Ok((path, found))
}

/// Counts entries against the number that a snapshot states. A snapshot with more entries lies, and could be endless.
pub struct EntryCount(u64);

impl EntryCount {
    /// Counts the entries of a snapshot.
    pub fn new(manifest: &Manifest) -> Self {
        let figures = &manifest.statistics;
        let all = figures.files.saturating_add(figures.directories).saturating_add(figures.others);
        EntryCount(all.saturating_add(1))
    }

    /// Counts one entry.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if there are more than there should be.
    pub fn count(&mut self) -> Result<()> {
        self.0 = self.0.checked_sub(1).ok_or_else(|| {
            Error::new(ErrorKind::Damaged, "the snapshot holds more entries than it says: it is not read any further")
        })?;
        Ok(())
    }
}

/// Refuses folders nested deeper, and paths longer, than the format allows: every walk holds the paths of all levels.
pub fn check_depth(depth: usize, path: &[u8]) -> Result<()> {
    let why = match () {
        () if depth > limits::DIRECTORY_DEPTH => {
            format!("folders are nested more than {} deep", limits::DIRECTORY_DEPTH)
        }
        () if path.len() > limits::FOLDER_PATH => {
            format!("the path of a folder has more than {} bytes", limits::FOLDER_PATH)
        }
        () => return Ok(()),
    };
    Err(Error::new(ErrorKind::Damaged, why))
}

/// The path of the folder above; empty at the top.
pub fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').and_then(|slash| path.get(..slash)).unwrap_or_default()
}

/// Whether `path` is `folder` or in it; everything is in the empty one.
pub fn is_beneath(path: &[u8], folder: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(folder) else { return false };
    rest.is_empty() || folder.is_empty() || folder.ends_with(b"/") || rest.starts_with(b"/")
}

/// `path/name`, or `name` at the top.
pub fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() }
}

//! Finds things by name in all snapshots.

use std::collections::HashMap;

use ignore::overrides::{Override, OverrideBuilder};
use repo_format::entry::{Entry, EntryKind};
use repo_format::id::{ChunkId, LeaseId};
use repo_format::manifest::Manifest;

use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::path_from_bytes;
use crate::monitor::Monitor;
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::snapshots::KnownSnapshots;
use crate::snapshots::part::{Part, TableContents, TableSize, readable, table_contents, table_size};
use crate::tree::{ContentRef, DirectoryIter, EntryCount, Leaf, TreeEntry, check_depth, join};

/// One version of a thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindHit {
    /// The path from the top directory.
    pub path: Vec<u8>,
    /// The metadata of this version.
    pub entry: Entry,
    /// Its meaning.
    pub part: Part,
    /// How much a table holds; `None` for everything else, and if it is damaged.
    pub size: Option<TableSize>,
    /// The snapshots that hold this version, oldest first.
    pub snapshots: Vec<LeaseId>,
}

/// Things to look for beside the pattern, and how much of them.
#[derive(Debug, Clone)]
pub struct FindOptions {
    /// The path must have these words, too; they are in small letters.
    pub also: Vec<String>,
    /// Paths that are found at most: those of the oldest snapshots, if there are more.
    pub paths_max: usize,
    /// Only the first and the last snapshot that hold a version are told. With very many snapshots the others take much
    /// memory.
    pub only_ends: bool,
}

impl Default for FindOptions {
    fn default() -> Self {
        FindOptions { also: Vec::new(), paths_max: usize::MAX, only_ends: false }
    }
}

/// All versions of everything whose name matches the glob `pattern`. A pattern with a slash matches the whole path. One
/// without any character of a glob, as people type a name, matches every name that contains it, in any case of letters.
/// Sorted by path, then by the first snapshot that holds them. A table is one thing, whose versions differ in rows or
/// definition; the files in which it is stored are not found.
///
/// Folders that snapshots share are walked once, so the time depends on the changes between snapshots, not on their
/// number.
///
/// # Errors
/// [`ErrorKind::Usage`] for a bad pattern; if a directory cannot be read.
pub fn find(
    repository: &Repository,
    pattern: &str,
    options: &FindOptions,
    monitor: &dyn Monitor,
) -> Result<Vec<FindHit>> {
    let reader = ChunkReader::new(repository);
    let search = Search {
        reader: &reader,
        matcher: Matcher::new(pattern)?,
        options,
        known: HashMap::new(),
        folders: Vec::new(),
        hits: Vec::new(),
    };
    search.run(repository, monitor)
}

/// Characters that make a pattern a glob.
const GLOB: [char; 8] = ['*', '?', '[', ']', '{', '}', '!', '\\'];

/// Tells whether a path is looked for.
enum Matcher {
    Glob(Override),
    /// A part of a name in small letters.
    Name(String),
    /// A part of a path in small letters.
    Path(String),
}

impl Matcher {
    fn new(pattern: &str) -> Result<Self> {
        if !pattern.is_empty() && !pattern.contains(GLOB) {
            let part = pattern.to_lowercase();
            return Ok(if part.contains('/') { Matcher::Path(part) } else { Matcher::Name(part) });
        }
        let bad = |e: ignore::Error| {
            Error::caused(ErrorKind::Usage, format!("`{pattern}` is not a pattern"), e)
                .with_hint("A pattern has `*` and `?`; a word without them is looked for anywhere in names.")
        };
        let mut builder = OverrideBuilder::new("");
        builder.add(pattern).map_err(bad)?;
        builder.build().map(Matcher::Glob).map_err(bad)
    }

    fn matches(&self, path: &[u8], is_dir: bool) -> bool {
        match self {
            Matcher::Glob(glob) => glob.matched(path_from_bytes(path), is_dir).is_whitelist(),
            Matcher::Name(part) => contains(path.rsplit(|byte| *byte == b'/').next().unwrap_or(path), part),
            Matcher::Path(part) => contains(path, part),
        }
    }
}

/// Whether a text has a part, in any case of letters.
fn contains(text: &[u8], part: &str) -> bool {
    String::from_utf8_lossy(text).to_lowercase().contains(part)
}

struct Search<'r> {
    reader: &'r ChunkReader<'r>,
    matcher: Matcher,
    options: &'r FindOptions,
    /// Folders, and leaves of folders, that have been walked, by node and path: the index in `folders`, or `None` if nothing
    /// was found at or below it.
    known: HashMap<(ChunkId, Vec<u8>), Option<usize>>,
    folders: Vec<Folder>,
    hits: Vec<Version>,
}

/// A hit, and the data that distinguishes it from other versions at the same path.
struct Version {
    hit: FindHit,
    content: Option<ContentRef>,
    /// The contents of a table that can be read.
    table: Option<TableContents>,
}

/// The hits in a folder.
#[derive(Default)]
struct Folder {
    /// Indexes of hits.
    hits: Vec<usize>,
    /// The subfolders with a hit at or below them.
    below: Vec<usize>,
}

/// A folder that is being walked.
struct Frame<'r> {
    key: Option<(ChunkId, Vec<u8>)>,
    path: Vec<u8>,
    iter: DirectoryIter<'r>,
    leaf: Option<OpenLeaf>,
    /// Everything in the leaves that were walked.
    all: Folder,
}

/// A leaf of it. The leaves that a changed folder shares with its earlier self are walked once.
struct OpenLeaf {
    id: ChunkId,
    entries: std::vec::IntoIter<TreeEntry>,
    found: Folder,
}

impl<'r> Frame<'r> {
    fn new(reader: &'r ChunkReader<'r>, key: Option<(ChunkId, Vec<u8>)>, path: Vec<u8>, tree: Option<ChunkId>) -> Self {
        Frame { key, path, iter: DirectoryIter::new(reader, tree), leaf: None, all: Folder::default() }
    }

    /// Where hits of the entry at hand are noted.
    fn found(&mut self) -> &mut Folder {
        self.leaf.as_mut().map_or(&mut self.all, |leaf| &mut leaf.found)
    }
}

impl<'r> Search<'r> {
    fn run(mut self, repository: &Repository, monitor: &dyn Monitor) -> Result<Vec<FindHit>> {
        // Versions by path, to recognise the same version in another folder node.
        let mut versions: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for snapshot in KnownSnapshots::of(repository)?.read(repository) {
            let snapshot = snapshot?;
            if monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            let top = self.walk(&snapshot.manifest, &mut versions, monitor)?;
            self.note_holder(&top, snapshot.id);
        }
        let mut hits: Vec<_> = self.hits.into_iter().map(|version| version.hit).collect();
        hits.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(hits)
    }

    fn walk(
        &mut self,
        manifest: &Manifest,
        versions: &mut HashMap<Vec<u8>, Vec<usize>>,
        monitor: &dyn Monitor,
    ) -> Result<Folder> {
        let (tree, mut entries) = (manifest.tree_id(), EntryCount::new(manifest));
        let mut stack = vec![Frame::new(self.reader, None, Vec::new(), tree)];
        loop {
            let Some(frame) = stack.last_mut() else { return Ok(Folder::default()) };
            if monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            if let Some(entry) = frame.leaf.as_mut().and_then(|leaf| leaf.entries.next()) {
                entries.count()?;
                let path = join(&frame.path, entry.name());
                let is_dir = entry.meta.kind == EntryKind::Directory;
                let part = Part::of(manifest, &path);
                let is_wanted = part != Part::Stored && self.is_wanted(&path, is_dir);
                if is_wanted && (versions.len() < self.options.paths_max || versions.contains_key(&path)) {
                    let version = self.version(Place { path: &path, part }, &entry, versions)?;
                    frame.found().hits.push(version);
                }
                let Some(tree) = entry.tree.filter(|_| part != Part::Table) else { continue };
                let key = (tree, path.clone());
                if let Some(known) = self.known.get(&key) {
                    frame.found().below.extend(known);
                    continue;
                }
                check_depth(stack.len(), &path)?;
                stack.push(Frame::new(self.reader, Some(key), path, Some(tree)));
                continue;
            }
            if let Some(OpenLeaf { id, found, .. }) = frame.leaf.take() {
                let number = self.keep(found);
                frame.all.below.extend(number);
                self.known.insert((id, frame.path.clone()), number);
            }
            let is_known = |id: &ChunkId| self.known.contains_key(&(*id, frame.path.clone()));
            match frame.iter.leaf(is_known)? {
                Some(Leaf::Known(id)) => {
                    frame.all.below.extend(self.known.get(&(id, frame.path.clone())).copied().flatten());
                    continue;
                }
                Some(Leaf::Read(id, entries)) => {
                    frame.leaf = Some(OpenLeaf { id, entries: entries.into_iter(), found: Folder::default() });
                    continue;
                }
                None => {}
            }
            let Some(Frame { key, all, .. }) = stack.pop() else { return Ok(Folder::default()) };
            let Some(above) = stack.last_mut() else { return Ok(all) };
            let number = self.keep(all);
            above.found().below.extend(number);
            if let Some(key) = key {
                self.known.insert(key, number);
            }
        }
    }

    fn is_wanted(&self, path: &[u8], is_dir: bool) -> bool {
        self.matcher.matches(path, is_dir) && self.options.also.iter().all(|word| contains(path, word))
    }

    fn keep(&mut self, found: Folder) -> Option<usize> {
        if found.hits.is_empty() && found.below.is_empty() {
            return None;
        }
        self.folders.push(found);
        Some(self.folders.len() - 1)
    }

    /// Notes that a snapshot holds everything that was found in `top` and below it.
    fn note_holder(&mut self, top: &Folder, snapshot: LeaseId) {
        let mut waiting = vec![top];
        while let Some(folder) = waiting.pop() {
            for hit in &folder.hits {
                let holders = &mut self.hits[*hit].hit.snapshots;
                if holders.last() == Some(&snapshot) {
                    continue;
                }
                if self.options.only_ends && holders.len() > 1 {
                    holders.pop();
                }
                holders.push(snapshot);
            }
            waiting.extend(folder.below.iter().map(|number| &self.folders[*number]));
        }
    }

    fn version(
        &mut self,
        place: Place<'_>,
        entry: &TreeEntry,
        versions: &mut HashMap<Vec<u8>, Vec<usize>>,
    ) -> Result<usize> {
        let Place { path, part } = place;
        let is_table = part == Part::Table;
        let table = if is_table { readable(table_contents(self.reader, entry.tree))? } else { None };
        let same = |version: &Version| {
            let (known, meta) = (&version.hit.entry, &entry.meta);
            let is_of_time = known.mtime() == meta.mtime() || is_table;
            version.content == entry.content
                && version.table == table
                && known.kind == meta.kind
                && known.size == meta.size
                && is_of_time
        };
        let at_path = versions.entry(path.to_vec()).or_default();
        if let Some(known) = at_path.iter().copied().find(|n| same(&self.hits[*n])) {
            return Ok(known);
        }
        let size = if is_table { readable(table_size(self.reader, entry.tree))? } else { None };
        let hit = FindHit { path: path.to_vec(), entry: entry.meta.clone(), part, size, snapshots: Vec::new() };
        self.hits.push(Version { hit, content: entry.content.clone(), table });
        at_path.push(self.hits.len() - 1);
        Ok(self.hits.len() - 1)
    }
}

/// Where something was found, and what it is.
struct Place<'p> {
    path: &'p [u8],
    part: Part,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_contains_in_any_case() {
        let cases = [
            ("smith", "images/S/SmithAnna1", true),
            ("SMITH", "images/S/smithanna1", true),
            ("smith", "images/Smith/xray.jpg", false),
            ("s/smith", "images/S/SmithAnna1/xray.jpg", true),
            ("Öz", "images/O/özali2", true),
            ("*smith*", "images/S/SmithAnna1", false),
            ("Smith*", "images/S/SmithAnna1", true),
            ("xray.jpg", "images/old xray.jpg.bak", true),
        ];
        for (pattern, path, matches) in cases {
            assert_eq!(Matcher::new(pattern).unwrap().matches(path.as_bytes(), false), matches, "{pattern} in {path}");
        }
    }
}

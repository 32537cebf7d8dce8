//! The exclusion rules of the backup, which the snapshot stores: a restore keeps things that the backup would have
//! omitted.

use repo_format::entry::EntryKind;
use repo_format::id::ChunkId;
use repo_format::manifest::{LEFT_OUT_CACHES, LeftOut, Root};

use crate::error::{Error, ErrorKind, Result};
use crate::files::source::exclude::{CACHE_TAG, ExcludeOptions, Excludes, LARGEST_IGNORE_FILE};
use crate::filesystem::{Met, path_from_bytes};
use crate::pack::ChunkReader;
use crate::tree::{DirectoryIter, join, read_file};

/// The rules of one folder of the snapshot.
#[derive(Clone)]
pub(super) struct Rules {
    excludes: Excludes,
    ignore_file_name: Option<Vec<u8>>,
    /// Whether folders with a cache tag were omitted.
    caches: bool,
    /// Whether this is such a folder.
    is_cache: bool,
    /// Its path from the root.
    relative: Vec<u8>,
}

impl Rules {
    /// The rules of the folder `root`, whose node is `tree`.
    ///
    /// # Errors
    /// If the rules are invalid, or the root's ignore file cannot be read.
    pub fn of_root(reader: &ChunkReader<'_>, left_out: &LeftOut, root: &Root, tree: Option<ChunkId>) -> Result<Self> {
        let options =
            ExcludeOptions { patterns: left_out.patterns.clone().unwrap_or_default(), ..ExcludeOptions::default() };
        let excludes = Excludes::root(&options, path_from_bytes(&root.path.0))
            .map_err(|e| Error::caused(ErrorKind::Damaged, "the patterns of the snapshot cannot be used", e))?;
        let ignore_file_name = left_out.ignore_file_name.as_ref().map(|name| name.clone().into_bytes());
        let caches = left_out.has(LEFT_OUT_CACHES);
        Rules { excludes, ignore_file_name, caches, is_cache: false, relative: Vec::new() }.with_files_of(reader, tree)
    }

    /// The rules of the folder `name` in this one, whose node is `tree`.
    ///
    /// # Errors
    /// As [`Rules::of_root`].
    pub fn enter(&self, reader: &ChunkReader<'_>, name: &[u8], tree: Option<ChunkId>) -> Result<Self> {
        let relative = join(&self.relative, name);
        let is_cache = self.caches && DirectoryIter::seek(reader, tree, CACHE_TAG)?.is_some();
        Rules { relative, is_cache, ..self.clone() }.with_files_of(reader, tree)
    }

    /// Adds the ignore file that the snapshot has in this folder.
    fn with_files_of(mut self, reader: &ChunkReader<'_>, tree: Option<ChunkId>) -> Result<Self> {
        let Some(name) = &self.ignore_file_name else { return Ok(self) };
        let found = match repo_format::entry::check_name(name) {
            Ok(()) => DirectoryIter::seek(reader, tree, name)?,
            Err(_) => None,
        };
        let Some(entry) = found.filter(|entry| entry.meta.kind == EntryKind::File) else { return Ok(self) };
        // The backup ignored larger ones.
        if entry.meta.size > LARGEST_IGNORE_FILE as u64 {
            return Ok(self);
        }
        let bytes = read_file(reader, &entry, LARGEST_IGNORE_FILE as u64)?;
        let shown = String::from_utf8_lossy(&join(&self.relative, name)).into_owned();
        // The backup ignored a file with a bad line, and saved too much rather than too little.
        if let Ok(excludes) = self.excludes.clone().with_ignore_file(&self.relative, &shown, &bytes) {
            self.excludes = excludes;
        }
        Ok(self)
    }

    /// Whether the backup would have omitted this thing of a sweep.
    pub fn spare(&self, met: &Met<'_>) -> bool {
        self.is_cache
            || self.excludes.is_excluded(&join(&self.relative, met.path), met.stat.is_dir())
            || self.caches && met.stat.is_dir() && has_cache_tag(met)
    }
}

fn has_cache_tag(met: &Met<'_>) -> bool {
    let tag = met.folder.open_dir(&met.stat.entry.name.0).and_then(|dir| dir.stat(CACHE_TAG));
    // A folder that cannot be read cannot be removed either.
    tag.is_ok()
}

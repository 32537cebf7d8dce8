//! Purged files, back from a receipt into a folder. A file that is there is never replaced.

use std::io;
use std::path::Path;

use repo_format::database::PurgedFiles;
use repo_format::entry::EntryKind;
use repo_format::id::ChunkId;
use repo_format::manifest::{Manifest, RootKind};

use super::counts::FileProblems;
use super::folder::{Look, SavedFolder};
use engine_core::error::{Error, ErrorKind, Result, chain};
use engine_core::filesystem::{Attributes, Dir, Owners};
use engine_core::monitor::{Monitor, Phase, Work};
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;
use engine_core::snapshots::saved::Database;
use engine_core::tree::{ContentPieces, ContentRef, DirectoryIter, TreeEntry, lookup};

/// A file has this name until it is whole.
const UNFINISHED: &[u8] = b".enamel-unfinished";

/// How to bring purged files back.
#[derive(Debug, Clone, Copy, Default)]
pub struct FilesOptions {
    /// Only count.
    pub dry_run: bool,
}

/// The outcome of bringing files back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoredFiles {
    /// Files that the receipt names.
    pub files: u64,
    /// Files among them that were written; in a dry run, files that are not there.
    pub restored: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Files that were there already as they should be.
    pub there: u64,
    /// Files that could not be restored as they were.
    pub problems: FileProblems,
}

/// Brings the files that the receipt `manifest` names into the folder `target`, each into the folder below it that it was in; folders are
/// made if need be. A file that is there stays as it is; if it is another one, that is a problem. Run again, it goes on.
///
/// # Errors
/// [`ErrorKind::NotFound`] if the receipt names no files; [`ErrorKind::Damaged`] if it cannot be read; if the target cannot be used or is
/// full, or the monitor wishes to stop. A failure of one file is a problem in the outcome.
pub fn restore_files(
    repository: &Repository,
    manifest: &Manifest,
    target: &Path,
    options: FilesOptions,
    monitor: &dyn Monitor,
) -> Result<RestoredFiles> {
    repository.sync_catalog(monitor)?;
    let reader = ChunkReader::new(repository);
    let record = Database::open(&reader, manifest, None)?.receipt()?;
    let named = record.and_then(|record| record.files).unwrap_or_default();
    let root = manifest.roots.iter().find(|root| root.kind == RootKind::Folder).filter(|_| !named.files.is_empty());
    let nothing = || Error::new(ErrorKind::NotFound, format!("the receipt {} names no files", manifest.id));
    let root = lookup(&reader, manifest, &root.ok_or_else(nothing)?.name.0)?.1;
    let tree = root.and_then(|entry| entry.tree);
    let failed = |e| Error::io(format!("cannot restore to {}", target.display()), e);
    if options.dry_run && !target.exists() {
        let bytes = named.files.iter().map(|file| file.size).sum();
        let files = named.files.len() as u64;
        return Ok(RestoredFiles { files, restored: files, bytes, ..RestoredFiles::default() });
    }
    if !options.dry_run {
        std::fs::create_dir_all(target).map_err(failed)?;
    }
    let dir = Dir::open(target).map_err(failed)?;
    let folder = SavedFolder::over(&reader, Dir::open(target).map_err(failed)?, tree);
    let work = Work { items: named.files.len() as u64, bytes: named.files.iter().map(|file| file.size).sum() };
    monitor.begin(Phase::Restore, Some(work));
    let back = Back { reader: &reader, dir, tree, owners: Owners::new(), options, monitor };
    let result = back.files(&folder, &named);
    monitor.end();
    result
}

struct Back<'r> {
    reader: &'r ChunkReader<'r>,
    dir: Dir,
    tree: Option<ChunkId>,
    owners: Owners,
    options: FilesOptions,
    monitor: &'r dyn Monitor,
}

type Attempt<T> = std::result::Result<T, Failure>;

/// Why a file is not restored.
enum Failure {
    /// Only this file fails.
    File(String),
    /// Every other file would fail, too.
    All(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::ReadOnlyFilesystem => {
                Failure::All(Error::io("cannot restore files", error))
            }
            io::ErrorKind::AlreadyExists => {
                Failure::File("another file has this name, and is left as it is".to_owned())
            }
            _ => Failure::File(format!("cannot be written: {error}")),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Damaged => Failure::File(chain(&error)),
            _ => Failure::All(error),
        }
    }
}

impl Back<'_> {
    fn files(&self, folder: &SavedFolder<'_>, named: &PurgedFiles) -> Result<RestoredFiles> {
        let mut outcome = RestoredFiles { files: named.files.len() as u64, ..RestoredFiles::default() };
        for file in &named.files {
            if self.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            let path = &file.path.0;
            match self.file(folder, path, &mut outcome) {
                Ok(()) => {}
                Err(Failure::File(why)) => {
                    self.monitor.problem(path, &why);
                    outcome.problems.add(path, &why);
                }
                Err(Failure::All(error)) => return Err(error),
            }
            self.monitor.advance(Work { items: 1, bytes: file.size });
        }
        Ok(outcome)
    }

    fn file(&self, folder: &SavedFolder<'_>, path: &[u8], outcome: &mut RestoredFiles) -> Attempt<()> {
        match folder.look_at(path)? {
            Look::Proven(_) => {
                outcome.there += 1;
                return Ok(());
            }
            Look::Unproven(why) => return Err(Failure::File(format!("something has this name and is left: {why}"))),
            Look::Absent => {}
        }
        let (dir, entry) = self.way(path)?;
        if !self.options.dry_run {
            for why in self.write(dir.as_ref().unwrap_or(&self.dir), &entry)? {
                outcome.problems.add(path, &why);
            }
        }
        outcome.restored += 1;
        outcome.bytes += entry.meta.size;
        Ok(())
    }

    /// The file's entry and the folder that it goes into, made if need be; no folder in a dry run, nor where it is the target itself.
    fn way(&self, path: &[u8]) -> Attempt<(Option<Dir>, TreeEntry)> {
        let lost = || Failure::File("the receipt does not hold it".to_owned());
        let names: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        let (last, folders) = names.split_last().ok_or_else(lost)?;
        let (mut tree, mut dir) = (self.tree, None);
        for name in folders {
            let entry = DirectoryIter::seek(self.reader, tree, name)?.ok_or_else(lost)?;
            tree = entry.tree;
            if !self.options.dry_run {
                dir = Some(self.enter(dir.as_ref().unwrap_or(&self.dir), &entry)?);
            }
        }
        let entry = DirectoryIter::seek(self.reader, tree, last)?;
        Ok((dir, entry.filter(|entry| entry.meta.kind == EntryKind::File).ok_or_else(lost)?))
    }

    /// Opens a folder, or makes it as it was.
    fn enter(&self, dir: &Dir, entry: &TreeEntry) -> Attempt<Dir> {
        let is_new = dir.stat(entry.name()).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let inner = dir.create_dir(entry.name())?;
        if is_new {
            // An attribute that a folder cannot have is no loss: the user wants the files in it.
            drop(inner.apply_self(&entry.meta, None, &self.owners, HOW));
            inner.make_writable()?;
        }
        Ok(inner)
    }

    /// Writes a file that is not there; gives what it lacks of its attributes, as messages.
    fn write(&self, dir: &Dir, entry: &TreeEntry) -> Attempt<Vec<String>> {
        // A restore that was killed may have left it.
        if let Err(error) = dir.remove_file(UNFINISHED)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error.into());
        }
        let result = self.write_unfinished(dir, entry).and_then(|messages| {
            dir.rename_new(UNFINISHED, entry.name())?;
            Ok(messages)
        });
        if result.is_err() {
            // The first failure is the one to report; the next restore removes the file.
            drop(dir.remove_file(UNFINISHED));
        }
        result
    }

    fn write_unfinished(&self, dir: &Dir, entry: &TreeEntry) -> Attempt<Vec<String>> {
        let file = dir.create_file(UNFINISHED)?;
        let mut end = 0;
        match &entry.content {
            None => {}
            Some(ContentRef::Inline(bytes)) => {
                file.write_at(bytes, 0)?;
                end = bytes.len() as u64;
            }
            Some(content) => {
                for plain in ContentPieces::new(self.reader, content, entry.data_len()) {
                    let plain = plain?;
                    file.write_at(&plain, end)?;
                    end += plain.len() as u64;
                }
            }
        }
        // A run removes no file with holes.
        if end == entry.meta.size {
            Ok(file.apply(&entry.meta, None, &self.owners, HOW))
        } else {
            Err(Failure::File("its content does not have its size".to_owned()))
        }
    }
}

/// A file gets its owner back, where that is allowed.
const HOW: Attributes = Attributes { contents_only: false, owner: true, by_name: true };

//! Restores a sample of files, compares each with its chunks, and looks at it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use repo_format::entry::EntryKind;
use repo_format::evidence::Sample;
use repo_format::id::{Bytes32, ChunkId};
use repo_format::manifest::RootKind;
use repo_format::node::{Problem, ProblemKind};

use super::account::{Account, Step};
use super::sample::{Candidate, Drawing};
use super::{Run, Sampling};
use crate::scratch::{OTHER_DISK, ScratchFolder, ScratchOptions};
use engine_core::error::{Error, ErrorKind, Result, chain};
use engine_core::files::restore::{Owners, RestoreOptions, restore};
use engine_core::filesystem::path_from_bytes;
use engine_core::monitor::{NullMonitor, Phase, Work};
use engine_core::pictures::{FILE_MAX, Look, look};
use engine_core::tree::{DirectoryIter, EntryCount, FilePieces, Top, TreeEntry, check_depth, join};

/// Free space for the restored files, which are removed one after the other.
const ROOM: u64 = 256 << 20;
/// Bytes that are compared at a time.
const PIECE: usize = 64 * 1024;

/// Restores and looks at a sample of all files; gives the sample.
///
/// # Errors
/// As [`super::drill`].
pub(super) fn examine(run: &Run<'_>, seed: [u8; 32], account: &mut Account) -> Result<Option<Sample>> {
    let mut sample = None;
    let manifest = &run.snapshot.manifest;
    if !manifest.roots.iter().any(|root| matches!(root.kind, RootKind::Folder | RootKind::File)) {
        account.left_out("files", "the snapshot has no files");
        return Ok(None);
    }
    account.step("files", run.monitor, |step| {
        let options = ScratchOptions { data_bytes: ROOM, ..run.options.scratch.clone() };
        let scratch = ScratchFolder::make(&options, run.monitor)?;
        let mut walk = Walk { run, count: EntryCount::new(manifest), files: 0, bytes: 0, unreadable: Vec::new() };
        let wanted = match run.options.sampling {
            Sampling::About(wanted) => wanted,
            Sampling::All => u64::MAX,
        };
        let mut drawing = Drawing::new(seed, wanted);
        walk.roots(&mut drawing)?;
        step.figure("files", walk.files);
        step.figure("bytes of all files", walk.bytes);
        walk.unreadable.drain(..).for_each(|text| step.fault(text));
        let of = walk.files;
        let drawn = drawing.drawn();
        let mut looked = Looked::new(run, scratch.path());
        run.monitor.begin(Phase::Restore, Some(Work { items: drawn.len() as u64, bytes: 0 }));
        let result = drawn.iter().try_for_each(|candidate| looked.file(candidate, step));
        run.monitor.end();
        result?;
        looked.figures(step);
        let names: Vec<u8> = drawn.iter().flat_map(|c| with_length(&c.path)).collect();
        let digest = run.reader.repository().keys().manifest_digest(&names);
        sample = Some(Sample { seed: Bytes32(seed), count: drawn.len() as u64, of, digest });
        Ok(())
    })?;
    Ok(sample)
}

fn with_length(path: &[u8]) -> Vec<u8> {
    [&(path.len() as u64).to_le_bytes()[..], path].concat()
}

/// Finds all files of the snapshot.
struct Walk<'w> {
    run: &'w Run<'w>,
    count: EntryCount,
    files: u64,
    bytes: u64,
    unreadable: Vec<String>,
}

impl Walk<'_> {
    fn roots(&mut self, drawing: &mut Drawing) -> Result<()> {
        let manifest = &self.run.snapshot.manifest;
        for root in manifest.roots.iter().filter(|root| matches!(root.kind, RootKind::Folder | RootKind::File)) {
            match Top::of(manifest).root(self.run.reader, root.kind, &root.path.0) {
                Ok(Some(entry)) => self.entry(root.name.0.clone(), entry, drawing)?,
                Ok(None) => self.unreadable.push(format!("{}: it is not there", shown(&root.name.0))),
                Err(error) if error.is_damage() => {
                    self.unreadable.push(format!("{}: {}", shown(&root.name.0), chain(&error)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: Vec<u8>, entry: TreeEntry, drawing: &mut Drawing) -> Result<()> {
        let mut folders = Vec::new();
        self.one(Place { path, depth: 0 }, entry, drawing, &mut folders)?;
        while let Some(Folder { place: Place { path, depth }, tree }) = folders.pop() {
            if self.run.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            check_depth(depth, &path)?;
            for entry in DirectoryIter::new(self.run.reader, tree) {
                match entry {
                    Ok(entry) => {
                        let path = join(&path, entry.name());
                        self.one(Place { path, depth: depth + 1 }, entry, drawing, &mut folders)?;
                    }
                    Err(error) if error.is_damage() => {
                        self.unreadable.push(format!("{}: {}", shown(&path), chain(&error)));
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn one(&mut self, place: Place, entry: TreeEntry, drawing: &mut Drawing, folders: &mut Vec<Folder>) -> Result<()> {
        self.count.count()?;
        match entry.meta.kind {
            EntryKind::Directory => folders.push(Folder { place, tree: entry.tree }),
            EntryKind::File => {
                self.files += 1;
                self.bytes = self.bytes.saturating_add(entry.meta.size);
                drawing.add(place.path, entry);
            }
            _ => {}
        }
        Ok(())
    }
}

/// A path, and how many folders it is in.
struct Place {
    path: Vec<u8>,
    depth: usize,
}

/// A folder that is still to be walked.
struct Folder {
    place: Place,
    tree: Option<ChunkId>,
}

/// The findings in the files so far.
struct Looked<'l> {
    run: &'l Run<'l>,
    folder: PathBuf,
    bytes: u64,
    milliseconds: u128,
    restored: u64,
    pictures: u64,
    other: u64,
}

impl<'l> Looked<'l> {
    fn new(run: &'l Run<'l>, folder: PathBuf) -> Self {
        Looked { run, folder, bytes: 0, milliseconds: 0, restored: 0, pictures: 0, other: 0 }
    }

    /// Restores a file, compares and looks at it, and removes it.
    fn file(&mut self, candidate: &Candidate, step: &mut Step) -> Result<()> {
        if self.run.monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        let (path, target) = (&candidate.path, self.folder.join("file"));
        let began = Instant::now();
        let done = self.restore(path, &target);
        self.milliseconds += began.elapsed().as_millis();
        match done {
            Ok(problems) if problems.is_empty() => self.compare(candidate, &target, step)?,
            Ok(problems) => self.problems(candidate, &problems, step)?,
            Err(error) if error.is_damage() => step.fault(format!("{}: {}", shown(path), chain(&error))),
            Err(error) if error.kind() == ErrorKind::NoSpace => return Err(self.of_this_machine(error)),
            Err(error) => return Err(error),
        }
        let removed = std::fs::remove_dir_all(&target);
        self.run.monitor.advance(Work { items: 1, bytes: candidate.entry.meta.size });
        removed.map_err(|e| Error::io(format!("cannot remove {}", target.display()), e))
    }

    /// Tells why a file could not be restored. Contents that can be read are no damage: then it is this machine's folder.
    fn problems(&self, candidate: &Candidate, problems: &[Problem], step: &mut Step) -> Result<()> {
        let path = shown(&candidate.path);
        if !self.is_readable(&candidate.entry)? {
            problems.iter().for_each(|problem| step.fault(format!("{path}: {}", problem.message)));
            return Ok(());
        }
        match problems.iter().find(|problem| problem.kind == ProblemKind::Unreadable) {
            Some(Problem { message, .. }) => {
                Err(self.of_this_machine(Error::new(ErrorKind::Io, format!("`{path}`: {message}"))))
            }
            None => {
                problems.iter().for_each(|problem| step.note(format!("{path}: {}", problem.message)));
                Ok(())
            }
        }
    }

    /// An error of the folder for restored files, which says nothing about the backup.
    fn of_this_machine(&self, error: Error) -> Error {
        let message = format!("a file of the snapshot cannot be restored into {}", self.folder.display());
        error.context(message).with_hint(OTHER_DISK)
    }

    /// Whether all contents of a file can be read from the repository.
    fn is_readable(&self, entry: &TreeEntry) -> Result<bool> {
        for piece in FilePieces::new(self.run.reader, entry, 0)? {
            match piece {
                Err(error) if error.is_damage() => return Ok(false),
                read => drop(read?),
            }
        }
        Ok(true)
    }

    /// Restores a file into the folder `target`; gives what could not be restored.
    fn restore(&self, path: &[u8], target: &Path) -> Result<Vec<Problem>> {
        let options = RestoreOptions {
            path: path.to_vec(),
            owners: Owners::Ignore,
            contents_only: true,
            ..RestoreOptions::default()
        };
        let repository = self.run.reader.repository();
        let outcome = restore(repository, self.run.snapshot, target, &options, &|_, _| {}, &NullMonitor)?;
        Ok(outcome.problems)
    }

    fn compare(&mut self, candidate: &Candidate, target: &Path, step: &mut Step) -> Result<()> {
        let Candidate { path, entry, .. } = candidate;
        let file = target.join(path_from_bytes(entry.name()));
        self.restored += 1;
        self.bytes = self.bytes.saturating_add(entry.meta.size);
        let failed = |e| Error::io(format!("cannot read {}", file.display()), e);
        if entry.meta.holes.is_none() && !self.is_equal(entry, &file)? {
            step.fault(format!("{}: restored, it is not as it was saved", shown(path)));
            return Ok(());
        }
        if entry.meta.size > FILE_MAX {
            self.other += 1;
            return Ok(());
        }
        let bytes = std::fs::read(&file).map_err(failed)?;
        self.look(path, &bytes, step);
        Ok(())
    }

    /// Looks at a file that is as it was saved: what is wrong with it was wrong at the source.
    fn look(&mut self, path: &[u8], bytes: &[u8], step: &mut Step) {
        let mut wrong = |what: &str| step.note(format!("{}: {what}", shown(path)));
        match look(path, bytes) {
            Look::Good(kind) if kind.is_picture() => self.pictures += 1,
            Look::Good(_) | Look::Unknown => self.other += 1,
            Look::Empty => wrong("it is empty"),
            Look::NotWhatItsNameSays(None) => wrong("its first bytes are not what its name says"),
            Look::NotWhatItsNameSays(Some(kind)) => wrong(&format!("its first bytes are of {}", kind.name())),
            Look::Damaged(why) => wrong(&format!("it cannot be opened: {why}")),
            Look::TooLarge(why) => wrong(&format!("it was not opened: {why}")),
        }
    }

    /// Whether a restored file has the bytes of its chunks, whose ids are checked as they are read.
    fn is_equal(&self, entry: &TreeEntry, file: &Path) -> Result<bool> {
        let failed = |e| Error::io(format!("cannot read {}", file.display()), e);
        let mut restored = File::open(file).map_err(failed)?;
        let mut buffer = vec![0; PIECE];
        for piece in FilePieces::new(self.run.reader, entry, 0)? {
            for wanted in piece?.chunks(PIECE) {
                let found = &mut buffer[..wanted.len()];
                match restored.read_exact(found) {
                    Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
                    read => read.map_err(failed)?,
                }
                if found != wanted {
                    return Ok(false);
                }
            }
        }
        Ok(restored.read(&mut buffer[..1]).map_err(failed)? == 0)
    }

    fn figures(&self, step: &mut Step) {
        step.figure("files restored", self.restored);
        step.figure("bytes restored", self.bytes);
        step.figure("milliseconds to restore", u64::try_from(self.milliseconds).unwrap_or(u64::MAX));
        step.figure("pictures that open", self.pictures);
        step.figure("other files", self.other);
    }
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

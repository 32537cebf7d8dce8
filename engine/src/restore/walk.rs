//! Walks the snapshot beside the target: makes folders, links and special files, hands files to the workers, removes extras.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::Sender;
use repo_format::entry::EntryKind;
use repo_format::id::ChunkId;
use repo_format::node::ProblemKind;

use super::attributes::{Folder, release, report};
use super::file::{FileJob, Job, PIECE, has_attributes, is_linked_elsewhere, is_same};
use super::links::{Links, NameInTarget};
use super::outcome::count;
use super::{Action, RestoreOptions, Run};
use crate::error::{Error, ErrorKind, Result, chain};
use crate::filesystem::{Dir, FileStat};
use crate::monitor::Work;
use crate::tree::{ContentRef, DirectoryIter, EntryCount, TreeEntry, check_depth, join};

/// The folder that everything goes into.
pub(super) struct Target {
    dir: Option<Arc<Dir>>,
}

impl Target {
    /// Opens the target, or makes it; in a dry run it need not be there.
    pub fn open(path: &Path, options: &RestoreOptions) -> Result<Self> {
        let failed = |e| Error::io(format!("cannot restore to {}", path.display()), e);
        if options.dry_run {
            return match Dir::open(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
                opened => Ok(Target { dir: opened.ok().map(Arc::new) }),
            };
        }
        std::fs::create_dir_all(path).map_err(failed)?;
        let dir = Dir::open(path).map_err(failed)?;
        dir.make_writable().map_err(failed)?;
        Ok(Target { dir: Some(Arc::new(dir)) })
    }
}

/// What is restored.
pub(super) struct What {
    /// Its path in the snapshot.
    pub path: Vec<u8>,
    /// Its entry; none for the whole snapshot.
    pub entry: Option<TreeEntry>,
    /// The snapshot's top directory.
    pub top: Option<ChunkId>,
    /// The snapshot says that it has so many entries; a repository that holds more is lying, and could be endless.
    pub entries: EntryCount,
}

/// A folder that is being walked.
struct Frame<'r> {
    folder: Arc<Folder>,
    /// Its path from the target, in parts.
    parts: Vec<Vec<u8>>,
    iter: DirectoryIter<'r>,
    /// Names in the target that the snapshot has not met yet; only when extras are removed.
    extras: Option<std::iter::Peekable<std::vec::IntoIter<Vec<u8>>>>,
}

struct Walk<'w, 'r> {
    run: &'w Run<'r>,
    jobs: Sender<Job>,
    links: Links,
    entries: EntryCount,
}

/// Walks everything; gives the further names that are to be made when all files are there.
pub(super) fn walk(run: &Run<'_>, target: Target, what: What, jobs: Sender<Job>) -> Result<Links> {
    let links = Links::new(target.dir.clone());
    let mut walk = Walk { run, jobs, links, entries: what.entries };
    let folder = |entry| Folder { dir: target.dir.clone(), path: what.path.clone(), entry, parent: None };
    match what.entry {
        None => {
            let frame = walk.frame(folder(None), Vec::new(), what.top);
            walk.folders(frame)?;
        }
        Some(entry) if entry.meta.kind == EntryKind::Directory => {
            let frame = walk.frame(folder(Some(entry.meta)), Vec::new(), entry.tree);
            walk.folders(frame)?;
        }
        Some(entry) => {
            let above = Arc::new(Folder { path: parent_path(&what.path), ..folder(None) });
            walk.entry(&above, &[], entry)?;
        }
    }
    Ok(walk.links)
}

fn parent_path(path: &[u8]) -> Vec<u8> {
    path.iter().rposition(|b| *b == b'/').map_or(Vec::new(), |slash| path[..slash].to_vec())
}

impl<'r> Walk<'_, 'r> {
    fn frame(&self, folder: Folder, parts: Vec<Vec<u8>>, tree: Option<ChunkId>) -> Frame<'r> {
        let extras = folder.dir.as_ref().filter(|_| self.run.options.delete).map(|dir| match dir.names() {
            Ok(names) => names.into_iter().peekable(),
            Err(error) => {
                self.run.tally.problem(&folder.path, ProblemKind::Unreadable, format!("cannot list it: {error}"));
                Vec::new().into_iter().peekable()
            }
        });
        Frame { folder: Arc::new(folder), parts, iter: DirectoryIter::new(self.run.reader, tree), extras }
    }

    /// Walks a folder and everything below it; no recursion, so that depth cannot exhaust the stack.
    fn folders(&mut self, top: Frame<'r>) -> Result<()> {
        let mut stack = vec![top];
        while let Some(frame) = stack.last_mut() {
            self.check_stop()?;
            match frame.iter.next() {
                Some(Ok(entry)) => {
                    self.entries.count()?;
                    self.remove_extras(frame, Some(entry.name()))?;
                    let (folder, parts) = (frame.folder.clone(), frame.parts.clone());
                    if let Some(inner) = self.entry(&folder, &parts, entry)? {
                        check_depth(stack.len(), &inner.folder.path)?;
                        stack.push(inner);
                    }
                }
                Some(Err(error)) if error.kind() == ErrorKind::Damaged => {
                    let message = format!("a part of this folder is lost: {}", chain(&error));
                    self.run.tally.problem(&frame.folder.path, ProblemKind::Unreadable, message);
                    // What is lost may be just what would be removed now.
                    frame.extras = None;
                }
                Some(Err(error)) => return Err(error),
                None => {
                    self.remove_extras(frame, None)?;
                    if let Some(frame) = stack.pop() {
                        release(self.run, frame.folder);
                    }
                }
            }
        }
        Ok(())
    }

    fn check_stop(&self) -> Result<()> {
        if self.run.monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        match self.run.stop.load(Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Cancelled, "stopped because of an earlier failure")),
            false => Ok(()),
        }
    }

    /// Restores one entry. Gives a frame if it is a folder.
    fn entry(&mut self, folder: &Arc<Folder>, parts: &[Vec<u8>], entry: TreeEntry) -> Result<Option<Frame<'r>>> {
        let path = join(&folder.path, entry.name());
        let existing = match folder.dir.as_ref().map(|dir| dir.stat(entry.name())) {
            Some(Ok(stat)) => Some(stat),
            Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => {
                self.run.tally.io(&path, "look at", error)?;
                return Ok(None);
            }
            _ => None,
        };
        match entry.meta.kind {
            EntryKind::Directory => self.directory(folder, parts, path, entry, existing),
            EntryKind::File => self.file(folder, parts, path, entry, existing).map(|()| None),
            _ => self.special(folder, &path, &entry, existing.as_ref()).map(|()| None),
        }
    }

    fn directory(
        &mut self,
        folder: &Arc<Folder>,
        parts: &[Vec<u8>],
        path: Vec<u8>,
        entry: TreeEntry,
        existing: Option<FileStat>,
    ) -> Result<Option<Frame<'r>>> {
        count(&self.run.tally.directories, 1);
        let is_there = existing.as_ref().is_some_and(FileStat::is_dir);
        let dry_run = self.run.options.dry_run;
        let dir = match &folder.dir {
            Some(dir) if !dry_run || is_there => {
                make_folder(dir, entry.name(), existing.is_some() && !is_there, dry_run)
            }
            _ => Ok(None),
        };
        let dir = match dir {
            Ok(dir) => dir,
            Err(error) => {
                self.run.tally.io(&path, "make the folder", error)?;
                return Ok(None);
            }
        };
        (self.run.planned)(&path, if is_there { Action::Keep } else { Action::Create });
        let parts = [parts, &[entry.name().to_vec()]].concat();
        let inner = Folder { dir, path, entry: Some(entry.meta), parent: Some(folder.clone()) };
        Ok(Some(self.frame(inner, parts, entry.tree)))
    }

    fn file(
        &mut self,
        folder: &Arc<Folder>,
        parts: &[Vec<u8>],
        path: Vec<u8>,
        entry: TreeEntry,
        existing: Option<FileStat>,
    ) -> Result<()> {
        if let Some(identity) = entry.meta.hard_link {
            let name = NameInTarget { folder: parts.to_vec(), name: entry.name().to_vec(), path: path.clone() };
            if self.links.is_further(identity, &name, &entry) {
                return Ok(());
            }
        }
        if self.run.options.dry_run {
            return self.foresee(folder, &path, &entry, existing.as_ref());
        }
        let large =
            entry.meta.size > PIECE && matches!(entry.content, Some(ContentRef::List(_) | ContentRef::Segments(_)));
        let job = FileJob { folder: folder.clone(), path, entry, existing };
        match large {
            true => job.split(self.run, &mut |piece| send(&self.jobs, piece)),
            false => send(&self.jobs, Job::File(Box::new(job))),
        }
    }

    /// In a dry run: compares the content, and says what would be done.
    fn foresee(&self, folder: &Folder, path: &[u8], entry: &TreeEntry, existing: Option<&FileStat>) -> Result<()> {
        let size = entry.meta.size;
        let (action, written) = match (existing, &folder.dir) {
            (Some(stat), Some(dir))
                if !is_linked_elsewhere(&entry.meta, stat) && is_same(self.run, dir, entry, stat)? =>
            {
                let same = has_attributes(&stat.entry, &entry.meta);
                (if same { Action::Keep } else { Action::Attributes }, 0)
            }
            (Some(_), _) => (Action::Rewrite, size),
            (None, _) => (Action::Create, size),
        };
        count(&self.run.tally.files, 1);
        count(&self.run.tally.written_bytes, written);
        if matches!(action, Action::Keep | Action::Attributes) {
            count(&self.run.tally.unchanged_files, 1);
        }
        self.run.monitor.advance(Work { items: 1, bytes: size });
        (self.run.planned)(path, action);
        Ok(())
    }

    fn special(&self, folder: &Folder, path: &[u8], entry: &TreeEntry, existing: Option<&FileStat>) -> Result<()> {
        let tally = self.run.tally;
        if entry.meta.kind == EntryKind::Socket {
            tally.problem(path, ProblemKind::LeftOut, "it is a socket: the program that it belongs to makes it anew");
            return Ok(());
        }
        let Some(dir) = folder.dir.as_ref().filter(|_| !self.run.options.dry_run) else {
            let action = match (existing, &folder.dir) {
                (Some(stat), Some(dir)) if is_there(dir, entry, stat) => Action::Keep,
                (Some(_), _) => Action::Rewrite,
                (None, _) => Action::Create,
            };
            count(&tally.others, 1);
            (self.run.planned)(path, action);
            return Ok(());
        };
        match make_special(dir, entry, existing) {
            Ok(action) => {
                report(tally, path, dir.apply(entry.name(), &entry.meta, None, self.run.owners, self.run.attributes()));
                count(&tally.others, 1);
                (self.run.planned)(path, action);
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied && entry.meta.device.is_some() => {
                tally.problem(path, ProblemKind::LeftOut, "it is a device: only root can make one");
                Ok(())
            }
            Err(error) => tally.io(path, "make", error),
        }
    }

    /// Removes names of the target that come before `next` and are not the snapshot's.
    fn remove_extras(&self, frame: &mut Frame<'_>, next: Option<&[u8]>) -> Result<()> {
        let (Some(extras), Some(dir)) = (&mut frame.extras, &frame.folder.dir) else { return Ok(()) };
        while let Some(name) = extras.next_if(|name| next.is_none_or(|next| name.as_slice() <= next)) {
            if next == Some(name.as_slice()) {
                break;
            }
            let path = join(&frame.folder.path, &name);
            let removed = if self.run.options.dry_run { Ok(1) } else { dir.remove(&name) };
            match removed {
                Ok(removed) => {
                    count(&self.run.tally.deleted_entries, removed);
                    (self.run.planned)(&path, Action::Delete);
                }
                Err(error) => self.run.tally.io(&path, "remove", error)?,
            }
        }
        Ok(())
    }
}

fn send(jobs: &Sender<Job>, job: Job) -> Result<()> {
    jobs.send(job).map_err(|_| Error::new(ErrorKind::Cancelled, "stopped because of an earlier failure"))
}

/// Opens the folder `name`, making it if it is not there and removing what is in its place.
fn make_folder(dir: &Dir, name: &[u8], in_the_way: bool, dry_run: bool) -> std::io::Result<Option<Arc<Dir>>> {
    if dry_run {
        return dir.open_dir(name).map(|dir| Some(Arc::new(dir)));
    }
    if in_the_way {
        dir.remove(name)?;
    }
    let inner = dir.create_dir(name)?;
    inner.make_writable()?;
    Ok(Some(Arc::new(inner)))
}

/// Makes a link, FIFO or device, unless just that is there.
fn make_special(dir: &Dir, entry: &TreeEntry, existing: Option<&FileStat>) -> std::io::Result<Action> {
    let meta = &entry.meta;
    let name = entry.name();
    if let Some(stat) = existing {
        if is_there(dir, entry, stat) {
            return Ok(Action::Keep);
        }
        dir.remove(name)?;
    }
    match meta.kind {
        EntryKind::Symlink => {
            let target = meta.link_target.as_ref().map_or(&[][..], |target| &target.0);
            dir.create_symlink(name, target)?;
        }
        EntryKind::Fifo => dir.create_fifo(name)?,
        _ => dir.create_device(name, meta)?,
    }
    Ok(if existing.is_some() { Action::Rewrite } else { Action::Create })
}

/// Whether what is there is this link, FIFO or device.
fn is_there(dir: &Dir, entry: &TreeEntry, stat: &FileStat) -> bool {
    stat.entry.kind == entry.meta.kind && stat.entry.device == entry.meta.device && same_target(dir, entry, stat)
}

fn same_target(dir: &Dir, entry: &TreeEntry, stat: &FileStat) -> bool {
    if entry.meta.kind != EntryKind::Symlink {
        return true;
    }
    let mut now = stat.clone();
    let read = dir.complete(entry.name(), &mut now, &crate::filesystem::Owners::new());
    read.is_ok() && now.entry.link_target == entry.meta.link_target
}

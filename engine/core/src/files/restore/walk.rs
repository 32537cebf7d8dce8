//! Walks the snapshot in step with the target: makes folders, links and special files, passes files to the workers,
//! removes extras.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::Sender;
use repo_format::entry::{Entry, EntryKind, Gaps};
use repo_format::id::ChunkId;
use repo_format::manifest::Manifest;
use repo_format::node::ProblemKind;

use super::ahead::{Task, Tasks};
use super::attributes::{Begun, Folder, judge, release};
use super::delete::{Extras, Scope};
use super::file::{FileJob, Job, PIECE, is_linked_elsewhere, is_same};
use super::links::{Links, NameInTarget};
use super::outcome::count;
use super::place::Place;
use super::scope::Scopes;
use super::special::restore_special;
use super::spelling::{Spellings, folds, is_seen_to_fold};
use super::target::Target;
use super::{Action, Purpose, Run};
use crate::error::{Error, ErrorKind, Result, chain};
use crate::filesystem::{Branch, Dir, FileStat, OPEN_LEVELS};
use crate::monitor::Work;
use crate::tree::{ContentRef, DirectoryIter, EntryCount, TreeEntry, check_depth, join, parent};

/// The part to restore.
pub(super) struct What<'q> {
    /// Its path in the snapshot.
    pub path: Vec<u8>,
    /// Its entry; `None` for the whole snapshot.
    pub entry: Option<TreeEntry>,
    /// The snapshot.
    pub manifest: &'q Manifest,
    /// The number of entries that the snapshot states. A repository with more entries lies, and could be endless.
    pub entries: EntryCount,
}

/// A folder that is being walked.
struct Frame<'r> {
    folder: Arc<Begun>,
    iter: DirectoryIter<'r>,
    /// The target's additional names, if they may be removed or are counted.
    extras: Option<Extras>,
    /// Set only if the target ignores case.
    spellings: Option<Spellings>,
}

impl Frame<'_> {
    /// Whether the target would confuse this name with an earlier one. If so, reports it; the name is then no extra.
    fn is_taken(&mut self, run: &Run<'_>, folder: &Folder, name: &[u8]) -> bool {
        let Some(first) = self.spellings.as_mut().and_then(|spellings| spellings.clash(name)) else { return false };
        let message = format!("it is not restored: the target does not tell it from {}", first.escape_ascii());
        run.tally.problem(&join(&self.folder.path, name), ProblemKind::LeftOut, message);
        if let (Some(extras), Some(dir)) = (&mut self.extras, &folder.dir) {
            extras.pass(dir, name, dir.stat(name).ok().as_ref());
        }
        true
    }
}

/// The contents that a folder of the snapshot has.
struct Contents {
    tree: Option<ChunkId>,
    gaps: Option<Gaps>,
}

struct Walk<'w, 'r> {
    run: &'w Run<'r>,
    tasks: Tasks<'r>,
    links: Links,
    entries: EntryCount,
    scopes: Scopes<'w, 'r>,
    /// Whether the target ignores case.
    folds: bool,
}

/// Walks everything; returns the additional names to make when all files exist.
pub(super) fn walk<'r>(run: &Run<'r>, target: Target, what: What<'_>, tasks: Sender<Task<'r>>) -> Result<Links> {
    let Target { dir, before } = target;
    let links = Links::new(dir.clone());
    let folds =
        dir.as_ref().is_some_and(|dir| if run.writes() { folds(dir) } else { is_seen_to_fold(dir).unwrap_or(false) });
    let scopes = Scopes { run, manifest: what.manifest };
    let mut walk = Walk { run, tasks: Tasks::new(run, tasks), links, entries: what.entries, scopes, folds };
    let is_new = before.is_none();
    let branch = dir.clone().map(Branch::root).transpose();
    let branch = branch.map_err(|e| Error::io("cannot look at the target", e))?;
    let target = |path: Vec<u8>, entry: Option<Entry>| {
        // An existing target keeps its attributes, unless the options say otherwise.
        let entry = entry.filter(|_| is_new || run.options.target_attributes);
        Begun { branch: branch.clone(), path, entry, before: before.clone(), parent: None }
    };
    let dir = dir.as_deref();
    match what.entry {
        None => {
            // The target itself is not a folder of the snapshot: its other contents stay.
            let frame =
                walk.frame(target(what.path, None), dir, Contents { tree: what.manifest.tree_id(), gaps: None }, None);
            walk.folders(frame)?;
        }
        Some(entry) if entry.meta.kind == EntryKind::Directory => {
            let scope = walk.scopes.of_path(&what.path)?;
            let contents = Contents { tree: entry.tree, gaps: entry.meta.gaps.clone() };
            let frame = walk.frame(target(what.path, Some(entry.meta)), dir, contents, scope);
            walk.folders(frame)?;
        }
        Some(entry) => {
            let above = Folder::open(&Arc::new(target(parent(&what.path).to_vec(), None)))
                .map_err(|e| Error::io("cannot open the target", e))?;
            let spellings = dir.filter(|_| folds).and_then(|dir| dir.names().ok()).map(Spellings::new);
            let there = look(dir, spellings.as_ref(), entry.name());
            walk.entry(&above, None, there, entry)?;
            release(run, above.begun);
        }
    }
    walk.tasks.flush(run)?;
    Ok(walk.links)
}

impl<'r> Walk<'_, 'r> {
    fn frame(&self, begun: Begun, dir: Option<&Dir>, contents: Contents, scope: Option<Scope>) -> Frame<'r> {
        let Contents { tree, gaps } = contents;
        let extras = scope.zip(dir).and_then(|(scope, dir)| match dir.names() {
            Ok(names) => {
                self.run.plan().met += names.len() as u64;
                Some(Extras::new(names, scope, gaps))
            }
            Err(error) => {
                self.run.tally.problem(&begun.path, ProblemKind::Unreadable, format!("cannot list it: {error}"));
                None
            }
        });
        // If it cannot be listed, the first access in it reports that.
        let listed = || dir.and_then(|dir| dir.names().ok()).unwrap_or_default();
        let spellings = self.folds.then(|| Spellings::new(listed()));
        Frame { folder: Arc::new(begun), iter: DirectoryIter::new(self.run.reader, tree), extras, spellings }
    }

    /// Walks a folder and everything below it. It does not recurse, so that depth cannot exhaust the stack.
    fn folders(&mut self, top: Frame<'r>) -> Result<()> {
        let mut stack = vec![top];
        while let Some(frame) = stack.last_mut() {
            self.check_stop()?;
            match frame.iter.next() {
                Some(Ok(entry)) => {
                    self.entries.count()?;
                    let is_top = frame.folder.path.is_empty();
                    if is_top && self.run.options.without.iter().any(|root| root == entry.name()) {
                        continue;
                    }
                    let folder = match Folder::open(&frame.folder) {
                        Ok(folder) => folder,
                        Err(error) => {
                            self.run.tally.io(&frame.folder.path, "open again", error)?;
                            self.leave(stack.pop());
                            continue;
                        }
                    };
                    if frame.is_taken(self.run, &folder, entry.name()) {
                        continue;
                    }
                    let there = look(folder.dir.as_deref(), frame.spellings.as_ref(), entry.name());
                    if let Some(inner) = self.entry(&folder, frame.extras.as_mut(), there, entry)? {
                        check_depth(stack.len(), &inner.folder.path)?;
                        stack.push(inner);
                        close_far(&stack);
                    }
                }
                Some(Err(error)) if error.kind() == ErrorKind::Damaged => {
                    let message = format!("a part of this folder is lost: {}", chain(&error));
                    self.run.tally.problem(&frame.folder.path, ProblemKind::Unreadable, message);
                    // The lost part may name the very things that would be removed now.
                    if let Some(extras) = &mut frame.extras {
                        extras.keep_all();
                    }
                }
                Some(Err(error)) => return Err(error),
                None => {
                    let (folder, extras) = (frame.folder.clone(), frame.extras.take());
                    self.remove_extras(&folder, extras)?;
                    // Its last user sets its attributes.
                    drop(folder);
                    self.leave(stack.pop());
                }
            }
        }
        Ok(())
    }

    /// Releases a folder that has been walked.
    fn leave(&self, frame: Option<Frame<'_>>) {
        let Some(Frame { folder, .. }) = frame else { return };
        // It need not stay open while workers are busy in it: they hold what they need.
        if let (Some(branch), true) = (&folder.branch, Arc::strong_count(&folder) > 1) {
            branch.close();
        }
        release(self.run, folder);
    }

    fn check_stop(&self) -> Result<()> {
        if self.run.monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        if self.run.stop.load(Ordering::Relaxed) {
            Err(Error::new(ErrorKind::Cancelled, "stopped because of an earlier failure"))
        } else {
            Ok(())
        }
    }

    /// Restores one entry. Returns a frame if it is a folder.
    fn entry(
        &mut self,
        folder: &Folder,
        extras: Option<&mut Extras>,
        there: io::Result<Option<FileStat>>,
        entry: TreeEntry,
    ) -> Result<Option<Frame<'r>>> {
        let path = join(folder.path(), entry.name());
        let existing = match there {
            Ok(existing) => existing,
            Err(error) => {
                if let (Some(extras), Some(dir)) = (extras, &folder.dir) {
                    extras.pass(dir, entry.name(), None);
                }
                self.run.tally.io(&path, "look at", error)?;
                return Ok(None);
            }
        };
        let scope = extras.and_then(|extras| {
            let dir = folder.dir.as_ref()?;
            extras.pass(dir, entry.name(), existing.as_ref());
            Some(extras.scope().clone())
        });
        let mut place = Place { path, existing, replaces: false };
        place.replaces = place.existing.is_some();
        if let Some(stat) = place.existing.as_ref().filter(|stat| self.run.protected.has(stat)) {
            return self.leave_in_use(folder, &place.path, &entry, stat).map(|()| None);
        }
        if !place.make_way(self.run, folder, scope.as_ref(), entry.meta.kind)? {
            return Ok(None);
        }
        match entry.meta.kind {
            EntryKind::Directory => self.directory(folder, place, entry, scope),
            EntryKind::File => self.file(folder, place, entry).map(|()| None),
            _ => restore_special(self.run, folder, &place, &entry).map(|()| None),
        }
    }

    /// Leaves things that this run uses as they are. It is a problem unless the thing is a file as in the snapshot.
    fn leave_in_use(&self, folder: &Folder, path: &[u8], entry: &TreeEntry, stat: &FileStat) -> Result<()> {
        if self.run.purpose == Purpose::Survey {
            return Ok(());
        }
        if let Some(dir) = folder.dir.as_ref().filter(|_| entry.meta.kind == EntryKind::File)
            && is_same(self.run, dir, entry, stat)?
        {
            count(&self.run.tally.files, 1);
            count(&self.run.tally.unchanged_files, 1);
            (self.run.planned)(path, Action::Keep);
            return Ok(());
        }
        let message = "this run uses the existing file, which stays as it is";
        self.run.tally.problem(path, ProblemKind::LeftOut, message);
        Ok(())
    }

    fn directory(
        &mut self,
        folder: &Folder,
        place: Place,
        entry: TreeEntry,
        above: Option<Scope>,
    ) -> Result<Option<Frame<'r>>> {
        count(&self.run.tally.directories, 1);
        let Place { path, existing, replaces } = place;
        let is_there = existing.as_ref().is_some_and(FileStat::is_dir);
        if self.run.purpose == Purpose::Survey && !is_there {
            return Ok(None);
        }
        let dir = match &folder.dir {
            Some(dir) if self.run.writes() => make_folder(dir, entry.name(), existing.as_ref()).map(Some),
            Some(dir) if is_there => {
                dir.open_dir(name_in_target(existing.as_ref(), entry.name())).map(|dir| Some(Arc::new(dir)))
            }
            _ => Ok(None),
        };
        let dir = match dir {
            Ok(dir) => dir,
            Err(error) => {
                let what = if self.run.writes() { "make the folder" } else { "look into the folder" };
                self.run.tally.io(&path, what, error)?;
                return Ok(None);
            }
        };
        let kept = match (&folder.dir, existing.as_ref().filter(|_| is_there)) {
            (Some(outer), Some(stat)) => judge(self.run, outer, &entry.meta, stat),
            _ => Action::Keep,
        };
        (self.run.planned)(
            &path,
            match (is_there, replaces) {
                (true, _) => kept,
                (false, true) => Action::Rewrite,
                (false, false) => Action::Create,
            },
        );
        let scope = match (&above, &existing, &folder.dir) {
            // A folder that was just made is empty.
            _ if !is_there => None,
            (Some(above), Some(stat), Some(outer)) => {
                let is_mount = outer.is_mount(&stat.entry.name.0, stat).unwrap_or(true);
                Some(self.scopes.below(above, entry.name(), entry.tree, is_mount)?)
            }
            _ if folder.path().is_empty() => self.scopes.of_root_there(folder, &entry, existing.as_ref())?,
            _ => None,
        };
        let contents = Contents { tree: entry.tree, gaps: entry.meta.gaps.clone() };
        let open = folder.begun.branch.as_ref().zip(dir.clone());
        let name = if is_there { name_in_target(existing.as_ref(), &entry.meta.name.0) } else { &entry.meta.name.0 };
        let branch = match open.map(|(above, dir)| above.below(name, dir)).transpose() {
            Ok(branch) => branch,
            Err(error) => {
                self.run.tally.io(&path, "look at the folder", error)?;
                return Ok(None);
            }
        };
        let inner = Begun { branch, path, entry: Some(entry.meta), before: None, parent: Some(folder.begun.clone()) };
        Ok(Some(self.frame(inner, dir.as_deref(), contents, scope)))
    }

    fn file(&mut self, folder: &Folder, place: Place, entry: TreeEntry) -> Result<()> {
        let Place { path, existing, replaces } = place;
        if let Some(identity) = entry.meta.hard_link {
            let name = NameInTarget { folder: folder.begun.parts(), name: entry.name().to_vec(), path: path.clone() };
            if self.links.is_further(identity, &name, &entry) {
                return Ok(());
            }
        }
        match self.run.purpose {
            Purpose::Survey => return Ok(()),
            Purpose::DryRun => return self.foresee(folder, &path, &entry, existing.as_ref()),
            Purpose::Restore => {}
        }
        let large =
            entry.meta.size > PIECE && matches!(entry.content, Some(ContentRef::List(_) | ContentRef::Segments(_)));
        let job = FileJob { folder: folder.share(), path, entry, existing, replaces };
        if large {
            let (run, tasks) = (self.run, &mut self.tasks);
            job.split(run, &mut |piece, bytes| tasks.send(run, piece, bytes))
        } else {
            let bytes = job.entry.meta.size;
            self.tasks.send(self.run, Job::File(Box::new(job)), bytes)
        }
    }

    /// In a dry run: compares the content, and reports the action.
    fn foresee(&self, folder: &Folder, path: &[u8], entry: &TreeEntry, existing: Option<&FileStat>) -> Result<()> {
        let size = entry.meta.size;
        let (action, written) = match (existing, &folder.dir) {
            (Some(stat), Some(dir))
                if !is_linked_elsewhere(&entry.meta, stat) && is_same(self.run, dir, entry, stat)? =>
            {
                (judge(self.run, dir, &entry.meta, stat), 0)
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

    /// Removes the target's additional things in a folder, as far as allowed.
    fn remove_extras(&self, folder: &Arc<Begun>, extras: Option<Extras>) -> Result<()> {
        let Some(extras) = extras else { return Ok(()) };
        let dir = match Folder::open(folder) {
            Ok(Folder { dir: Some(dir), .. }) => dir,
            Ok(Folder { dir: None, .. }) => return Ok(()),
            Err(error) => return self.run.tally.io(&folder.path, "open again", error),
        };
        for (name, swept) in extras.finish(self.run, &dir, &folder.path) {
            self.check_stop()?;
            let path = join(&folder.path, &name);
            match swept {
                Ok(swept) if swept.removed > 0 => (self.run.planned)(&path, Action::Delete),
                Ok(_) => {}
                Err(error) => self.run.tally.io(&path, "remove", error)?,
            }
        }
        Ok(())
    }
}

/// Only the last folders of a deep tree stay open.
fn close_far(stack: &[Frame<'_>]) {
    let far = stack.len().saturating_sub(OPEN_LEVELS);
    stack[..far].iter().filter_map(|frame| frame.folder.branch.as_ref()).for_each(|branch| branch.close());
}

/// The thing named `name` in `dir`; its entry has the target's spelling.
fn look(dir: Option<&Dir>, spellings: Option<&Spellings>, name: &[u8]) -> io::Result<Option<FileStat>> {
    let Some(dir) = dir else { return Ok(None) };
    match dir.stat(spellings.map_or(name, |spellings| spellings.in_target(name))) {
        Ok(stat) => Ok(Some(stat)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens the folder `name`; makes it if needed, and removes a file or link in its place.
fn make_folder(dir: &Dir, name: &[u8], existing: Option<&FileStat>) -> io::Result<Arc<Dir>> {
    let inner = match existing {
        Some(stat) if stat.is_dir() => dir.open_closed_dir(&stat.entry.name.0)?,
        Some(stat) => {
            dir.remove_file(&stat.entry.name.0)?;
            dir.create_dir(name)?
        }
        None => dir.create_dir(name)?,
    };
    inner.make_writable()?;
    Ok(Arc::new(inner))
}

fn name_in_target<'n>(existing: Option<&'n FileStat>, name: &'n [u8]) -> &'n [u8] {
    existing.map_or(name, |stat| &stat.entry.name.0)
}

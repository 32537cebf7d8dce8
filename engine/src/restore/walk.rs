//! Walks the snapshot beside the target: makes folders, links and special files, hands files to the workers, removes extras.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::Sender;
use repo_format::entry::{Entry, EntryKind, Gaps};
use repo_format::id::ChunkId;
use repo_format::manifest::{Manifest, ROOT_FOLDER};
use repo_format::node::ProblemKind;

use super::attributes::{Folder, judge, release, report};
use super::delete::{Extras, KeptReason, Scope, Sweep};
use super::file::{FileJob, Job, PIECE, is_linked_elsewhere, is_same};
use super::judge::{Obstacle, obstacle};
use super::links::{Links, NameInTarget};
use super::outcome::count;
use super::rules::Rules;
use super::spelling::{Spellings, folds, is_seen_to_fold};
use super::target::Target;
use super::{Action, Purpose, Run};
use crate::error::{Error, ErrorKind, Result, chain};
use crate::filesystem::{Dir, FileStat};
use crate::monitor::Work;
use crate::tree::{ContentRef, DirectoryIter, EntryCount, TreeEntry, check_depth, join};

/// What is restored.
pub(super) struct What<'q> {
    /// Its path in the snapshot.
    pub path: Vec<u8>,
    /// Its entry; none for the whole snapshot.
    pub entry: Option<TreeEntry>,
    /// The snapshot.
    pub manifest: &'q Manifest,
    /// The snapshot says that it has so many entries; a repository that holds more is lying, and could be endless.
    pub entries: EntryCount,
}

/// A folder that is being walked.
struct Frame<'r> {
    folder: Arc<Folder>,
    /// Its path from the target, in parts.
    parts: Vec<Vec<u8>>,
    iter: DirectoryIter<'r>,
    /// What the target has besides; only where it may be removed, or is counted.
    extras: Option<Extras>,
    /// Only where the target does not tell names apart by their case.
    spellings: Option<Spellings>,
}

struct Walk<'w, 'r> {
    run: &'w Run<'r>,
    jobs: Sender<Job>,
    links: Links,
    entries: EntryCount,
    manifest: &'w Manifest,
    /// The target does not tell names apart by their case.
    folds: bool,
}

/// Walks everything; gives the further names that are to be made when all files are there.
pub(super) fn walk(run: &Run<'_>, target: Target, what: What<'_>, jobs: Sender<Job>) -> Result<Links> {
    let Target { dir, before } = target;
    let links = Links::new(dir.clone());
    let folds = dir.as_ref().is_some_and(|dir| match run.writes() {
        true => folds(dir),
        false => is_seen_to_fold(dir).unwrap_or(false),
    });
    let mut walk = Walk { run, jobs, links, entries: what.entries, manifest: what.manifest, folds };
    let is_new = before.is_none();
    let folder = |entry: Option<Entry>| {
        // A target that is there already stays as it is, unless it is asked for.
        let entry = entry.filter(|_| is_new || run.options.target_attributes);
        Folder { dir: dir.clone(), path: what.path.clone(), entry, before: before.clone(), parent: None }
    };
    match what.entry {
        None => {
            // The target itself is no folder of the snapshot: its other contents are its own.
            let frame = walk.frame(folder(None), Vec::new(), (what.manifest.tree_id(), None), None);
            walk.folders(frame)?;
        }
        Some(entry) if entry.meta.kind == EntryKind::Directory => {
            let scope = walk.scope_of(&what.path)?;
            let gaps = entry.meta.gaps.clone();
            let frame = walk.frame(folder(Some(entry.meta)), Vec::new(), (entry.tree, gaps), scope);
            walk.folders(frame)?;
        }
        Some(entry) => {
            let above = Arc::new(Folder { path: parent_path(&what.path), ..folder(None) });
            walk.entry(&above, &[], None, entry)?;
            release(run, above);
        }
    }
    Ok(walk.links)
}

fn parent_path(path: &[u8]) -> Vec<u8> {
    path.iter().rposition(|b| *b == b'/').map_or(Vec::new(), |slash| path[..slash].to_vec())
}

impl<'r> Walk<'_, 'r> {
    fn frame(
        &self,
        folder: Folder,
        parts: Vec<Vec<u8>>,
        (tree, gaps): (Option<ChunkId>, Option<Gaps>),
        scope: Option<Scope>,
    ) -> Frame<'r> {
        let extras = scope.zip(folder.dir.as_ref()).and_then(|(scope, dir)| match dir.names() {
            Ok(names) => {
                self.run.plan().met += names.len() as u64;
                Some(Extras::new(names, scope, gaps))
            }
            Err(error) => {
                self.run.tally.problem(&folder.path, ProblemKind::Unreadable, format!("cannot list it: {error}"));
                None
            }
        });
        let spellings = self.folds.then(Spellings::default);
        Frame { folder: Arc::new(folder), parts, iter: DirectoryIter::new(self.run.reader, tree), extras, spellings }
    }

    /// What may be deleted in the folder `path` of the snapshot; nothing is a folder where nothing is deleted nor counted.
    fn scope_of(&self, path: &[u8]) -> Result<Option<Scope>> {
        if !self.run.options.delete {
            return Ok(None);
        }
        let (mut scope, mut tree) = (None, self.manifest.tree_id());
        for part in path.split(|b| *b == b'/').filter(|part| !part.is_empty()) {
            let entry = DirectoryIter::seek(self.run.reader, tree, part)?;
            tree = entry.and_then(|entry| entry.tree);
            scope = match &scope {
                None => self.scope_of_root(part, tree)?,
                Some(scope) => Some(self.scope_below(scope, part, tree, false)?),
            };
        }
        Ok(scope)
    }

    fn scope_of_root(&self, name: &[u8], tree: Option<ChunkId>) -> Result<Option<Scope>> {
        let root = self.manifest.roots.iter().find(|root| root.name.0 == name && root.kind == ROOT_FOLDER);
        let (Some(root), Some(left_out), true) = (root, &self.manifest.left_out, self.run.options.delete) else {
            return Ok(None);
        };
        self.scope(Rules::of_root(self.run.reader, left_out, root, tree)).map(Some)
    }

    fn scope_below(&self, above: &Scope, name: &[u8], tree: Option<ChunkId>, is_mount: bool) -> Result<Scope> {
        if is_mount {
            return Ok(Scope { rules: None, kept: Some(KeptReason::Elsewhere) });
        }
        match &above.rules {
            Some(rules) if above.kept.is_none() => self.scope(rules.enter(self.run.reader, name, tree)),
            _ => Ok(above.clone()),
        }
    }

    /// A folder whose rules are lost keeps everything.
    fn scope(&self, rules: Result<Rules>) -> Result<Scope> {
        match rules {
            Ok(rules) => Ok(Scope { rules: Some(rules), kept: None }),
            Err(error) if error.kind() == ErrorKind::Damaged => {
                Ok(Scope { rules: None, kept: Some(KeptReason::Incomplete) })
            }
            Err(error) => Err(error),
        }
    }

    /// Walks a folder and everything below it; no recursion, so that depth cannot exhaust the stack.
    fn folders(&mut self, top: Frame<'r>) -> Result<()> {
        let mut stack = vec![top];
        while let Some(frame) = stack.last_mut() {
            self.check_stop()?;
            match frame.iter.next() {
                Some(Ok(entry)) => {
                    self.entries.count()?;
                    let (folder, parts) = (frame.folder.clone(), frame.parts.clone());
                    if let Some(first) = frame.spellings.as_mut().and_then(|spellings| spellings.clash(entry.name())) {
                        let message =
                            format!("it is not restored: the target does not tell it from {}", first.escape_ascii());
                        self.run.tally.problem(&join(&folder.path, entry.name()), ProblemKind::LeftOut, message);
                        if let (Some(extras), Some(dir)) = (&mut frame.extras, &folder.dir) {
                            extras.pass(dir, entry.name(), dir.stat(entry.name()).ok().as_ref());
                        }
                        continue;
                    }
                    if let Some(inner) = self.entry(&folder, &parts, frame.extras.as_mut(), entry)? {
                        check_depth(stack.len(), &inner.folder.path)?;
                        stack.push(inner);
                    }
                }
                Some(Err(error)) if error.kind() == ErrorKind::Damaged => {
                    let message = format!("a part of this folder is lost: {}", chain(&error));
                    self.run.tally.problem(&frame.folder.path, ProblemKind::Unreadable, message);
                    // What is lost may be just what would be removed now.
                    if let Some(extras) = &mut frame.extras {
                        extras.keep_all();
                    }
                }
                Some(Err(error)) => return Err(error),
                None => {
                    let extras = frame.extras.take();
                    let folder = frame.folder.clone();
                    stack.pop();
                    self.remove_extras(&folder, extras)?;
                    release(self.run, folder);
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
    fn entry(
        &mut self,
        folder: &Arc<Folder>,
        parts: &[Vec<u8>],
        extras: Option<&mut Extras>,
        entry: TreeEntry,
    ) -> Result<Option<Frame<'r>>> {
        let path = join(&folder.path, entry.name());
        let existing = match folder.dir.as_ref().map(|dir| dir.stat(entry.name())) {
            Some(Ok(stat)) => Some(stat),
            Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => {
                if let (Some(extras), Some(dir)) = (extras, &folder.dir) {
                    extras.pass(dir, entry.name(), None);
                }
                self.run.tally.io(&path, "look at", error)?;
                return Ok(None);
            }
            _ => None,
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
        if !self.make_way(folder, &mut place, scope.as_ref(), entry.meta.kind)? {
            return Ok(None);
        }
        match entry.meta.kind {
            EntryKind::Directory => self.directory(folder, parts, place, entry, scope),
            EntryKind::File => self.file(folder, parts, place, entry).map(|()| None),
            _ => self.special(folder, &place, &entry).map(|()| None),
        }
    }

    /// What this run works with stays as it is; only a file that is as in the snapshot is no problem.
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
        let message = "what is there is in use by this run, and stays";
        self.run.tally.problem(path, ProblemKind::LeftOut, message);
        Ok(())
    }

    /// Looks at what has the place of an entry, and removes a folder there if that is agreed; whether the entry may come.
    fn make_way(&self, folder: &Folder, place: &mut Place, scope: Option<&Scope>, wanted: EntryKind) -> Result<bool> {
        let (Some(stat), Some(dir)) = (&place.existing, &folder.dir) else { return Ok(true) };
        let refuse = |why: &str| {
            self.run.tally.problem(&place.path, ProblemKind::LeftOut, why);
            Ok(false)
        };
        match obstacle(wanted, Some(stat)) {
            None => return Ok(true),
            Some(Obstacle::Link) if self.run.may_replace() => return Ok(true),
            Some(Obstacle::Link) => {
                return refuse(
                    "a link stands where the folder was: it is neither followed nor replaced without --overwrite",
                );
            }
            Some(Obstacle::Folder) => {}
        }
        let name = stat.entry.name.0.clone();
        let is_empty = dir.open_dir(&name).and_then(|inner| inner.names()).is_ok_and(|names| names.is_empty());
        if is_empty && !dir.is_mount(&name, stat).unwrap_or(true) {
            return Ok(true);
        }
        if !self.run.may_replace() {
            return refuse("a folder with contents stands in its place: it is not replaced without --overwrite");
        }
        let sweep = Sweep { run: self.run, dir, folder: &folder.path, rules: scope.and_then(|s| s.rules.as_ref()) };
        let swept = match sweep.may_go(&name) {
            Ok(Some(_)) => return refuse("a folder stands in its place that holds what is not to be removed"),
            Ok(None) => sweep.run(&name),
            Err(error) => Err(error),
        };
        match swept {
            Ok(swept) => {
                (self.run.planned)(&place.path, Action::Delete);
                if swept.kept > 0 {
                    return refuse("a folder stands in its place that is still in use");
                }
                if self.run.writes() {
                    place.existing = None;
                }
                Ok(true)
            }
            Err(error) => self.run.tally.io(&place.path, "remove the folder in its place", error).map(|()| false),
        }
    }

    fn directory(
        &mut self,
        folder: &Arc<Folder>,
        parts: &[Vec<u8>],
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
            Some(dir) if self.run.writes() => make_folder(dir, entry.name(), existing.is_some() && !is_there).map(Some),
            Some(dir) if is_there => dir.open_dir(entry.name()).map(|dir| Some(Arc::new(dir))),
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
            // What is made now has nothing in it.
            _ if !is_there => None,
            (Some(above), Some(stat), Some(outer)) => {
                let is_mount = outer.is_mount(entry.name(), stat).unwrap_or(true);
                Some(self.scope_below(above, entry.name(), entry.tree, is_mount)?)
            }
            _ if folder.path.is_empty() => self.scope_of_root_there(folder, &entry, existing.as_ref())?,
            _ => None,
        };
        let parts = [parts, &[entry.name().to_vec()]].concat();
        let (tree, gaps) = (entry.tree, entry.meta.gaps.clone());
        let inner = Folder { dir, path, entry: Some(entry.meta), before: None, parent: Some(folder.clone()) };
        Ok(Some(self.frame(inner, parts, (tree, gaps), scope)))
    }

    /// The scope of a root that comes below the target as one of several.
    fn scope_of_root_there(
        &self,
        target: &Folder,
        entry: &TreeEntry,
        existing: Option<&FileStat>,
    ) -> Result<Option<Scope>> {
        let scope = self.scope_of_root(entry.name(), entry.tree)?;
        let (Some(scope), Some(stat), Some(dir)) = (scope, existing, &target.dir) else { return Ok(None) };
        let is_mount = dir.is_mount(entry.name(), stat).unwrap_or(true);
        Ok(Some(if is_mount { Scope { rules: None, kept: Some(KeptReason::Elsewhere) } } else { scope }))
    }

    fn file(&mut self, folder: &Arc<Folder>, parts: &[Vec<u8>], place: Place, entry: TreeEntry) -> Result<()> {
        let Place { path, existing, replaces } = place;
        if let Some(identity) = entry.meta.hard_link {
            let name = NameInTarget { folder: parts.to_vec(), name: entry.name().to_vec(), path: path.clone() };
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
        let job = FileJob { folder: folder.clone(), path, entry, existing, replaces };
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

    fn special(&self, folder: &Folder, place: &Place, entry: &TreeEntry) -> Result<()> {
        let (tally, path, existing) = (self.run.tally, &place.path, place.existing.as_ref());
        if entry.meta.kind == EntryKind::Socket {
            tally.problem(path, ProblemKind::LeftOut, "it is a socket: the program that it belongs to makes it anew");
            return Ok(());
        }
        let Some(dir) = folder.dir.as_ref().filter(|_| self.run.writes()) else {
            let action = match (existing, &folder.dir) {
                (Some(stat), Some(dir)) if is_there(dir, entry, stat) => judge(self.run, dir, &entry.meta, stat),
                (Some(_), _) => Action::Rewrite,
                (None, _) => Action::Create,
            };
            count(&tally.others, 1);
            (self.run.planned)(path, action);
            return Ok(());
        };
        match make_special(dir, entry, existing) {
            Ok(action) => {
                let action = match (action, existing) {
                    (Action::Keep, Some(stat)) => judge(self.run, dir, &entry.meta, stat),
                    (action, _) => action,
                };
                report(tally, path, dir.apply(entry.name(), &entry.meta, None, self.run.owners, self.run.attributes()));
                count(&tally.others, 1);
                let action = if action == Action::Create && place.replaces { Action::Rewrite } else { action };
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

    /// Removes what the target has in a folder and the snapshot does not, as far as it may go.
    fn remove_extras(&self, folder: &Folder, extras: Option<Extras>) -> Result<()> {
        let (Some(extras), Some(dir)) = (extras, &folder.dir) else { return Ok(()) };
        for (name, swept) in extras.finish(self.run, dir, &folder.path) {
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

/// Where an entry comes.
struct Place {
    /// Its path in the snapshot.
    path: Vec<u8>,
    /// What has its name in the target now.
    existing: Option<FileStat>,
    /// There was something, which may have gone already.
    replaces: bool,
}

fn send(jobs: &Sender<Job>, job: Job) -> Result<()> {
    jobs.send(job).map_err(|_| Error::new(ErrorKind::Cancelled, "stopped because of an earlier failure"))
}

/// Opens the folder `name`, making it if it is not there and removing the file or link in its place.
fn make_folder(dir: &Dir, name: &[u8], in_the_way: bool) -> std::io::Result<Arc<Dir>> {
    if in_the_way {
        dir.remove_file(name)?;
    }
    let inner = dir.create_dir(name)?;
    inner.make_writable()?;
    Ok(Arc::new(inner))
}

/// Makes a link, FIFO or device, unless just that is there.
fn make_special(dir: &Dir, entry: &TreeEntry, existing: Option<&FileStat>) -> std::io::Result<Action> {
    let meta = &entry.meta;
    let name = entry.name();
    if let Some(stat) = existing {
        if is_there(dir, entry, stat) {
            return Ok(Action::Keep);
        }
        dir.remove_one(name)?;
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

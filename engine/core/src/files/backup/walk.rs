//! Walks the roots in order of names, in step with the parent snapshot, and decides which files must be read.

use std::collections::HashSet;
use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};
use repo_format::entry::{EntryKind, GAP_ELSEWHERE, GAP_OTHER, GAP_RULE, GAP_UNREADABLE, Gaps, HardLink};
use repo_format::limits;
use repo_format::node::ProblemKind;

use super::file::{Input, Job, ReadFile, ResultSlot};
use super::gaps::unlisted;
use super::levels::{Frame, Levels, Lost, Opened};
use super::parent::{Parent, ParentEntries};
use super::progress::{CountedFile, FileState, count};
use super::roots::{OpenRoot, RootSource};
use super::special::{Noted, mark_mount, special};
use super::tree::{Before, Event, PendingFile};
use super::{EVENTS_PER_BATCH, Run, done, less, unchanged};
use crate::error::{Error, ErrorKind, Result};
use crate::files::source::exclude::Excludes;
use crate::filesystem::{Dir, FileStat, path_from_bytes};
use crate::tree::TreeEntry;

/// A thing in a folder, after one look.
struct Found {
    /// Its name in the folder.
    real_name: Vec<u8>,
    /// Its name in the snapshot.
    name: Vec<u8>,
    /// Its path in the source, for messages.
    path: Vec<u8>,
    stat: FileStat,
    /// The parent snapshot's entry in its place.
    parent: Option<TreeEntry>,
}

/// A folder in a folder, after one look.
struct FoundFolder {
    name: Vec<u8>,
    at: Place,
    stat: FileStat,
    /// The parent snapshot's entry in its place.
    parent: Option<TreeEntry>,
}

/// Facts for the tree builder about a file that is being read.
#[derive(Default)]
struct Beside {
    /// Set if it may have other names.
    identity: Option<HardLink>,
    /// The parent snapshot's entry in its place.
    before: Before,
}

struct Walk<'w, 'r> {
    run: &'w Run<'r>,
    /// The part of a snapshot that the current root is compared with.
    parent: Parent<'r>,
    events: Sender<Vec<Event>>,
    /// Events that have not been sent yet.
    unsent: Vec<Event>,
    /// Files with several names that the walk has met.
    linked: HashSet<HardLink>,
    /// The file system of the root, if the walk must stay in it.
    device: Option<u64>,
    /// The path of the root in the snapshot.
    root_path: Vec<u8>,
    /// The number of files of the root so far.
    files: u64,
    /// Folders that are omitted because they are in another file system.
    elsewhere: Noted,
}

/// Walks all roots.
pub(super) fn walk(run: &Run<'_>, roots: Vec<OpenRoot>, events: Sender<Vec<Event>>) -> Result<()> {
    let mut walk = Walk {
        run,
        parent: run.parent.clone(),
        events,
        unsent: Vec::new(),
        linked: HashSet::new(),
        device: None,
        root_path: Vec::new(),
        files: 0,
        elsewhere: Noted::default(),
    };
    let mut roots = roots;
    // Entries of the top directory must be in order of their names, too.
    roots.sort_by(|a, b| a.described.name.cmp(&b.described.name));
    roots.into_iter().try_for_each(|root| walk.root(root))?;
    if let Some(named) = walk.elsewhere.named() {
        run.monitor.note(&format!("left out, because they are in other file systems: {named}"));
    }
    walk.flush()
}

/// A failure elsewhere, or the user, has stopped the run.
fn stopped() -> Error {
    Error::new(ErrorKind::Cancelled, "stopped because of an earlier failure")
}

impl<'r> Walk<'_, 'r> {
    fn root(&mut self, root: OpenRoot) -> Result<()> {
        self.parent = self.run.parents.of(root.number);
        let parent = self.parent.root()?;
        self.root_path = root.described.plain_path().to_vec();
        self.files = 0;
        let name = root.described.name.0;
        let path = root.real_path;
        match root.what {
            RootSource::Stream(reader) => {
                let job_input = Input::Stream(reader);
                self.read(Vec::from(&name[..]), path, job_input, None, Beside::default())
            }
            RootSource::Saved(entry) => self.send(Event::Entry(entry)),
            RootSource::Database(_) => unreachable!("databases are saved before anything is walked"),
            RootSource::Single(dir, real_name) => {
                let stat = dir.stat(&real_name).map_err(|e| cannot_back_up(&path, e))?;
                if let Some(kind) = special(stat.entry.kind) {
                    let message = format!("it is a {kind}: it is saved as such, and nothing that can be read from it");
                    self.run.problems.add(&path, ProblemKind::LeftOut, message);
                }
                self.entry(&Arc::new(dir), Found { real_name, name, path, stat, parent })
            }
            RootSource::Folder(dir, excludes) => {
                let mut stat = dir.stat_self().map_err(|e| cannot_back_up(&path, e))?;
                self.device = self.run.options.one_file_system.then_some(stat.device);
                let problems = dir.complete_self(&mut stat, self.run.owners);
                self.metadata_problems(&path, problems);
                stat.entry.name.0 = name;
                let above = path_from_bytes(&path).parent().and_then(|above| Dir::open(above).ok()?.stat_self().ok());
                mark_mount(&mut stat, above.map(|above| above.device));
                let lost = self.not_mounted(b"", &stat, parent.as_ref());
                // A root that cannot be listed makes the backup worthless.
                let names = dir.names().map_err(|e| cannot_back_up(&path, e))?;
                let at = Place { path, relative: Vec::new() };
                let entries = self.parent.entries(parent.and_then(|entry| entry.tree));
                let excludes = self.excludes_in(&dir, &at, &names, &excludes);
                let mut frame = self.frame(names, stat, at, entries, excludes)?;
                frame.entry.meta.gaps = lost;
                self.folder(Levels::new(Opened { frame, dir }))
            }
        }
    }

    /// Walks a folder and everything below it. It does not recurse, so that depth cannot exhaust the stack.
    fn folder(&mut self, mut levels: Levels<'r>) -> Result<()> {
        while let Some(frame) = levels.last() {
            self.run.check_stop()?;
            let Some(name) = frame.names.next() else {
                if let Some(frame) = levels.pop() {
                    self.leave(frame, levels.len())?;
                }
                continue;
            };
            let (frame, dir) = match levels.open_last() {
                Ok(open) => open,
                Err(lost) => {
                    self.lose(lost);
                    continue;
                }
            };
            let Some(mut inner) = self.named(frame, &dir, name)? else { continue };
            // The root's own name comes before this path.
            let longest = limits::FOLDER_PATH - usize::try_from(limits::NAME).unwrap_or(0) - 1;
            if levels.len() >= limits::DIRECTORY_DEPTH || inner.frame.relative.len() > longest {
                self.run.problems.add(&inner.frame.path, ProblemKind::LeftOut, "its contents are nested too deep");
                inner.frame.entry.meta.gaps = Some(unlisted(GAP_OTHER));
                self.send(Event::Leave(inner.frame.entry))?;
                continue;
            }
            levels.push(inner);
        }
        Ok(())
    }

    /// Ends a folder with this many folders above it; a root has none.
    fn leave(&mut self, mut frame: Frame<'r>, above: usize) -> Result<()> {
        if above == 0 {
            self.compare_root(&mut frame)?;
        }
        self.send(Event::Leave(frame.entry))
    }

    /// Gives up the rest of folders that cannot be opened again.
    fn lose(&mut self, lost: Lost<'_, 'r>) {
        if let Some(first) = lost.frames.first() {
            self.run.problems.add_io(&first.path, "open the folder again to read the rest of it", &lost.error);
        }
        for frame in lost.frames {
            frame.names = Vec::new().into_iter();
            frame.entry.meta.gaps = Some(unlisted(GAP_UNREADABLE));
        }
    }

    /// Reports a root that holds much less than before. Nobody can tell what is missing in it.
    fn compare_root(&mut self, frame: &mut Frame<'r>) -> Result<()> {
        if !self.may_be_less() || frame.entry.meta.gaps.is_some() {
            return Ok(());
        }
        if let Some(message) = less::much_less(&self.parent, self.files)? {
            self.run.problems.add(&self.root_path, ProblemKind::Less, message);
            frame.entry.meta.gaps = Some(unlisted(GAP_OTHER));
        }
        Ok(())
    }

    /// Reports a folder whose file system is no longer mounted; returns the gaps for its entry.
    fn not_mounted(&self, relative: &[u8], stat: &FileStat, before: Option<&TreeEntry>) -> Option<Gaps> {
        let before = before.filter(|_| self.may_be_less())?;
        if !less::was_mounted(&before.meta, before.tree.is_some(), &stat.entry) {
            return None;
        }
        let path = join(&self.root_path, relative);
        let message = "a file system was mounted here in the previous snapshot, and no longer is";
        self.run.problems.add(&path, ProblemKind::Less, message);
        Some(unlisted(GAP_ELSEWHERE))
    }

    /// Whether to report that a source holds less: not for a different source, and not if the user allows it.
    fn may_be_less(&self) -> bool {
        let is_same = self.parent.origin().is_some_and(|(_, root)| root.plain_path() == self.root_path);
        is_same && !self.run.options.allow_less
    }

    /// Looks at one name of the folder `dir`. Returns it if it is a folder to walk.
    fn named(&mut self, frame: &mut Frame<'r>, dir: &Arc<Dir>, name: Vec<u8>) -> Result<Option<Opened<'r>>> {
        let at = Place { path: join(&frame.path, &name), relative: join(&frame.relative, &name) };
        let stat = match dir.stat(&name) {
            Ok(stat) => stat,
            Err(error) => {
                // Things that patterns omit may be unreadable.
                if frame.excludes.is_excluded(&at.relative, false) {
                    return self.left_out(name, GAP_RULE).map(|()| None);
                }
                self.run.problems.add_io(&at.path, "look at it", &error);
                let has_gone = error.kind() == std::io::ErrorKind::NotFound;
                return self.left_out(name, if has_gone { GAP_OTHER } else { GAP_UNREADABLE }).map(|()| None);
            }
        };
        if let Some(what) = frame.excludes.protected(&at.relative, &stat) {
            let path = String::from_utf8_lossy(&at.path);
            self.run.monitor.note(&format!("{path} is left out: it is {what}"));
            return self.left_out(name, GAP_RULE).map(|()| None);
        }
        if frame.excludes.is_excluded(&at.relative, stat.is_dir()) {
            return self.left_out(name, GAP_RULE).map(|()| None);
        }
        let parent = frame.parent.find(&name)?;
        if stat.is_dir() {
            return self.subfolder(frame, dir, FoundFolder { name, at, stat, parent });
        }
        self.entry(dir, Found { real_name: name.clone(), name, path: at.path, stat, parent })?;
        Ok(None)
    }

    fn subfolder(&mut self, above: &Frame<'r>, dir: &Dir, found: FoundFolder) -> Result<Option<Opened<'r>>> {
        let FoundFolder { name, at, mut stat, parent } = found;
        self.complete(dir, &name, &at.path, &mut stat, parent.as_ref());
        mark_mount(&mut stat, Some(above.device));
        let elsewhere = self.device.is_some_and(|device| device != stat.device);
        let opened = match elsewhere {
            // A mount point stays as an empty folder.
            true => {
                self.elsewhere.add(&at.path);
                Err(GAP_ELSEWHERE)
            }
            false => match dir.open_dir(&name).and_then(|dir| Ok((dir.names()?, dir))) {
                Ok(opened) => Ok(opened),
                Err(error) => {
                    self.run.problems.add_io(&at.path, "list the folder", &error);
                    Err(GAP_UNREADABLE)
                }
            },
        };
        let (names, dir) = match opened {
            Ok(opened) => opened,
            Err(why) => {
                count(&self.run.counters.directories, 1);
                stat.entry.gaps = Some(unlisted(why));
                self.send(Event::Entry(Box::new(TreeEntry::new(stat.entry))))?;
                return Ok(None);
            }
        };
        let lost = self.not_mounted(&at.relative, &stat, parent.as_ref());
        let entries = self.parent.entries(parent.and_then(|entry| entry.tree));
        let excludes = self.excludes_in(&dir, &at, &names, &above.excludes);
        let mut frame = self.frame(names, stat, at, entries, excludes)?;
        frame.entry.meta.gaps = lost;
        Ok(Some(Opened { frame, dir }))
    }

    /// The patterns for the contents of the folder `dir`, which is in a folder with the patterns `above`.
    fn excludes_in(&self, dir: &Dir, at: &Place, names: &[Vec<u8>], above: &Excludes) -> Excludes {
        above.enter(dir, &at.relative, names).unwrap_or_else(|error| {
            // If patterns are unreadable, the backup saves too much rather than too little.
            self.run.problems.add(&at.path, ProblemKind::Unreadable, crate::error::chain(&error));
            above.clone()
        })
    }

    fn frame(
        &mut self,
        names: Vec<Vec<u8>>,
        stat: FileStat,
        at: Place,
        parent: ParentEntries<'r>,
        excludes: Excludes,
    ) -> Result<Frame<'r>> {
        count(&self.run.counters.directories, 1);
        self.send(Event::Enter { name: stat.entry.name.0.clone() })?;
        Ok(Frame {
            real_name: stat.entry.name.0.clone(),
            device: stat.device,
            entry: Box::new(TreeEntry::new(stat.entry)),
            path: at.path,
            relative: at.relative,
            names: names.into_iter(),
            parent,
            excludes,
        })
    }

    /// Anything but a folder.
    fn entry(&mut self, dir: &Arc<Dir>, found: Found) -> Result<()> {
        if found.stat.entry.kind == EntryKind::File {
            return self.file(dir, found);
        }
        let Found { real_name, name, path, mut stat, parent } = found;
        self.complete(dir, &real_name, &path, &mut stat, parent.as_ref());
        if stat.entry.kind == EntryKind::Symlink && stat.entry.link_target.is_none() {
            return self.left_out(name, GAP_UNREADABLE);
        }
        count(&self.run.counters.others, 1);
        if special(stat.entry.kind).is_some() {
            count(&self.run.counters.specials, 1);
        }
        stat.entry.name.0 = name;
        self.send(Event::Entry(Box::new(TreeEntry::new(stat.entry))))
    }

    fn file(&mut self, dir: &Arc<Dir>, found: Found) -> Result<()> {
        let Found { real_name, name, path, mut stat, parent } = found;
        self.files += 1;
        let identity = (stat.links > 1).then_some(HardLink { device: stat.device, inode: stat.entry.inode });
        if let Some(identity) = identity
            && !self.linked.insert(identity)
        {
            self.count_file(stat.entry.size, FileState::Linked);
            return self.send(Event::Link { path, name, identity });
        }
        let trust = self.run.options.trust;
        if let Some(before) = parent.as_ref().filter(|p| unchanged::is_unchanged(&p.meta, &stat.entry, trust))
            && before.meta.hard_link.is_some() == identity.is_some()
            && self.parent.content_is_stored(before)?
        {
            self.complete(dir, &real_name, &path, &mut stat, parent.as_ref());
            let mut entry = unchanged::carried_over(before.clone(), &stat.entry, identity);
            entry.meta.name.0 = name;
            self.count_file(stat.entry.size, FileState::Unchanged);
            self.run.monitor.advance(done(stat.entry.size));
            return match identity {
                // Its other names share it through the tree builder.
                Some(_) => self.send_ready(entry, identity),
                None => self.send(Event::Entry(Box::new(entry))),
            };
        }
        let state = if parent.is_some() { FileState::Changed } else { FileState::New };
        let counted = self.count_file(stat.entry.size, state);
        let input = Input::File { dir: dir.clone(), name: real_name };
        let before = parent.map_or(Before::Nothing, |parent| Before::Other(Box::new(parent)));
        let beside = Beside { identity, before };
        self.read(name, path, input, Some(counted), beside)
    }

    /// Gives a file or stream to the workers, and its place to the tree builder.
    fn read(
        &mut self,
        name: Vec<u8>,
        path: Vec<u8>,
        input: Input,
        counted: Option<CountedFile>,
        beside: Beside,
    ) -> Result<()> {
        let (sender, receiver) = bounded(1);
        let Beside { identity, before } = beside;
        self.send(Event::File(PendingFile { name: name.clone(), entry: receiver, identity, before }))?;
        self.run.queue.push_file(Job { name, path, input, counted, result: ResultSlot::new(sender) });
        Ok(())
    }

    fn send_ready(&mut self, entry: TreeEntry, identity: Option<HardLink>) -> Result<()> {
        let (sender, receiver) = bounded(1);
        let name = entry.name().to_vec();
        sender.send(Some(ReadFile { entry: Box::new(entry), agrees: None })).map_err(|_| stopped())?;
        self.send(Event::File(PendingFile { name, entry: receiver, identity, before: Before::NotCompared }))
    }

    /// Notes that something in the current folder is not saved.
    fn left_out(&mut self, name: Vec<u8>, why: u8) -> Result<()> {
        self.send(Event::LeftOut { name, why })
    }

    /// Fills in names, attributes and link target, from the parent's entry if that still holds.
    fn complete(&self, dir: &Dir, name: &[u8], path: &[u8], stat: &mut FileStat, parent: Option<&TreeEntry>) {
        let (trust, started) = (self.run.options.trust, self.parent.started());
        let holds = |p: &&TreeEntry| unchanged::attributes_hold(&p.meta, &stat.entry, trust, started);
        if let Some(before) = parent.filter(holds) {
            stat.entry.user.clone_from(&before.meta.user);
            stat.entry.group.clone_from(&before.meta.group);
            stat.entry.xattrs.clone_from(&before.meta.xattrs);
            stat.entry.link_target.clone_from(&before.meta.link_target);
            stat.entry.hard_link = before.meta.hard_link;
            return;
        }
        match dir.complete(name, stat, self.run.owners) {
            Ok(problems) => self.metadata_problems(path, problems),
            Err(error) => self.run.problems.add_io(path, "read the link", &error),
        }
    }

    fn metadata_problems(&self, path: &[u8], problems: Vec<String>) {
        problems.into_iter().for_each(|message| self.run.problems.add(path, ProblemKind::Metadata, message));
    }

    fn count_file(&self, size: u64, state: FileState) -> CountedFile {
        let counted = CountedFile { size, state };
        self.run.counters.add(counted);
        if state == FileState::Linked {
            self.run.monitor.advance(done(size));
        }
        counted
    }

    fn send(&mut self, event: Event) -> Result<()> {
        self.unsent.push(event);
        if self.unsent.len() < EVENTS_PER_BATCH { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<()> {
        self.events.send(std::mem::take(&mut self.unsent)).map_err(|_| stopped())
    }
}

/// The paths of a thing.
struct Place {
    /// In the source.
    path: Vec<u8>,
    /// From the root.
    relative: Vec<u8>,
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    match path {
        b"" => name.to_vec(),
        _ if path.ends_with(b"/") => [path, name].concat(),
        _ => [path, b"/", name].concat(),
    }
}

fn cannot_back_up(path: &[u8], error: std::io::Error) -> Error {
    Error::io(format!("cannot back up {}", String::from_utf8_lossy(path)), error)
}

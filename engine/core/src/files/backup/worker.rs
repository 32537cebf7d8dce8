//! A worker: reads files, cuts them, and seals batches, including batches of other workers.

use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::bounded;
use repo_format::entry::{Entry, EntryKind, HardLink, STATE_CHANGED, STATE_RACY};
use repo_format::limits;
use repo_format::node::ProblemKind;

use super::extents::{BEYOND_SIZE, FileExtents, cut_behind};
use super::file::{Batch, End, FileInWork, Input, Job, ResultSlot, seal};
use super::progress::{CountedFile, FileState, count};
use super::queue::Work;
use super::{Run, Trust, unchanged};
use crate::chunk::{Coder, Cutter, GearTables, ProfileName};
use crate::error::{Error, Result};
use crate::files::first_bytes;
use crate::filesystem::{Dir, FileStat, SourceFile, path_from_bytes, path_to_bytes};
use crate::machine;
use crate::monitor;
use crate::tree::{ContentRef, TreeEntry};

/// The number of bytes that are read and cut at a time; at least two chunks of the largest kind.
const BATCH: usize = 4 * 1024 * 1024;
/// A file that changed while it was read is read once more, unless it is larger than this.
const READ_AGAIN: u64 = 64 * 1024 * 1024;
/// The buffer for a file without a size; such files are mostly short.
const SMALLEST_BUFFER: usize = 4096;

/// Works until nothing is left to do.
pub(super) fn work(run: &Run<'_>) -> Result<()> {
    let mut worker = Worker::new(run)?;
    while let Some(work) = run.queue.next() {
        match work {
            Work::Batch(batch) => worker.batch(batch)?,
            Work::File(job) => {
                let result = worker.job(job);
                run.queue.file_done();
                result?;
            }
        }
    }
    Ok(())
}

/// Reads a file through another of its names, on the calling thread, because the first name could not be read. Returns
/// `None`, and reports why, if this name cannot be read either.
pub(super) fn read_other_name(
    run: &Run<'_>,
    path: Vec<u8>,
    name: &[u8],
    identity: HardLink,
) -> Result<Option<Box<TreeEntry>>> {
    let source = path_from_bytes(&path);
    let real_name = path_to_bytes(Path::new(source.file_name().unwrap_or_default())).to_vec();
    let opened = Dir::open(source.parent().unwrap_or(source)).and_then(|dir| Ok((dir.stat(&real_name)?, dir)));
    let (stat, dir) = match opened {
        // The path may lead elsewhere by now.
        Ok((stat, _)) if (stat.device, stat.entry.inode) != (identity.device, identity.inode) => {
            run.problems.add(&path, ProblemKind::Vanished, "another file has taken its place");
            return Ok(None);
        }
        Ok(opened) => opened,
        Err(error) => {
            run.problems.add_io(&path, "read it", &error);
            return Ok(None);
        }
    };
    let profile = run.options.profile.unwrap_or_else(|| ProfileName::for_file(name));
    let counted = CountedFile { size: stat.entry.size, state: FileState::Linked };
    let target = Target { name: name.to_vec(), real_name, path, counted: Some(counted) };
    let (sender, receiver) = bounded(1);
    Worker::new(run)?.file(&dir, &target, profile, ResultSlot::new(sender))?;
    let read = receiver.recv();
    let read = read.map_err(|_| Error::new(crate::ErrorKind::Cancelled, "stopped because of an earlier failure"))?;
    Ok(read.map(|file| file.entry))
}

struct Worker<'w, 'r> {
    run: &'w Run<'r>,
    coder: Coder,
    cutters: [(ProfileName, Cutter); 3],
}

/// The result of reading a file once.
enum Reading {
    /// Its metadata is the same as before reading.
    Steady,
    /// It changed; the text says how.
    Changed(Box<FileStat>, &'static str),
}

impl<'w, 'r> Worker<'w, 'r> {
    fn new(run: &'w Run<'r>) -> Result<Self> {
        let config = run.store.repository().config();
        let tables = Arc::new(GearTables::new(run.store.repository().keys().gear_table()));
        let cutters = ProfileName::ALL.map(|name| (name, Cutter::new(tables.clone(), name.sizes(config))));
        Ok(Worker { run, coder: Coder::new(config.zstd_level)?, cutters })
    }

    fn job(&mut self, job: Job) -> Result<()> {
        let profile = self.run.options.profile.unwrap_or_else(|| ProfileName::for_file(&job.name));
        let Job { name, path, input, counted, result } = job;
        match input {
            Input::Stream(reader) => self.stream(name, &path, reader, profile, result),
            Input::File { dir, name: real_name } => {
                let target = Target { name, real_name, path, counted };
                self.file(&dir, &target, profile, result)
            }
        }
    }

    fn cutter(&self, profile: ProfileName) -> Cutter {
        let [(_, first), ..] = &self.cutters;
        let chosen = self.cutters.iter().find(|(name, _)| *name == profile);
        chosen.map_or(first, |(_, cutter)| cutter).clone()
    }

    fn file(&mut self, dir: &Dir, target: &Target, profile: ProfileName, result: ResultSlot) -> Result<()> {
        let failed = |error: &io::Error| self.run.problems.add_io(&target.path, "read it", error);
        let opened = dir.open_file(&target.real_name).and_then(|file| Ok((file.stat()?, file)));
        let (stat, file) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                failed(&error);
                self.skip(target);
                result.send_nothing();
                return Ok(());
            }
        };
        let tries = if stat.entry.size <= READ_AGAIN { 2 } else { 1 };
        let mut stat = stat;
        for left in (0..tries).rev() {
            let work = Arc::new(FileInWork::new(self.cutter(profile)));
            let mut entry = self.describe(dir, target, &mut stat);
            match self.content(&file, &mut entry, &work)? {
                Err(error) => {
                    failed(&error);
                    self.skip(target);
                    result.send_nothing();
                    return Ok(());
                }
                Ok(content) => match steadiness(&file, &stat, self.run.options.trust) {
                    Reading::Changed(now, _) if left > 0 => stat = *now,
                    reading => {
                        self.settle(target, &mut entry, &reading, content.read);
                        return self.end(content, entry, result, &work);
                    }
                },
            }
        }
        Ok(())
    }

    /// The entry of an open file, without its content.
    fn describe(&self, dir: &Dir, target: &Target, stat: &mut FileStat) -> TreeEntry {
        match dir.complete(&target.real_name, stat, self.run.owners) {
            Ok(problems) => {
                let log = self.run.problems;
                problems.into_iter().for_each(|message| log.add(&target.path, ProblemKind::Metadata, message));
            }
            Err(error) => self.run.problems.add_io(&target.path, "read its attributes", &error),
        }
        stat.entry.name.0.clone_from(&target.name);
        TreeEntry::new(stat.entry.clone())
    }

    /// Notes the effects of the reading on the entry.
    fn settle(&self, target: &Target, entry: &mut TreeEntry, reading: &Reading, read: u64) {
        let mut state = 0;
        let len = read + entry.meta.hole_bytes();
        let is_endless = len >= entry.meta.size.saturating_add(BEYOND_SIZE);
        let how = match reading {
            Reading::Changed(_, how) => Some(*how),
            Reading::Steady => is_endless.then_some("it is much longer than its size: only its beginning was read"),
        };
        if let Some(how) = how {
            self.run.problems.add(&target.path, ProblemKind::Changed, how);
            state |= STATE_CHANGED;
        }
        if unchanged::is_racy(&entry.meta, machine::now()) {
            state |= STATE_RACY;
        }
        if len > entry.meta.size {
            entry.meta.size = len;
        } else if len < entry.meta.size {
            // It ends with the last byte that was read.
            let mut holes = entry.meta.holes.take().unwrap_or_default();
            entry.meta.size = cut_behind(&mut holes, read);
            entry.meta.holes = (!holes.is_empty()).then_some(holes);
        }
        entry.meta.state = (state != 0).then_some(state);
        if let Some(counted) = target.counted {
            self.run.counters.correct(counted, entry.meta.size);
        }
    }

    /// Reads the data of a file. The outer error ends the run; the inner one concerns this file only.
    fn content(
        &mut self,
        file: &SourceFile,
        entry: &mut TreeEntry,
        work: &Arc<FileInWork>,
    ) -> Result<io::Result<ContentRead>> {
        let size = entry.meta.size;
        let holes = if entry_may_have_holes(file, size) {
            file.holes(size, usize::try_from(limits::HOLES_COUNT).unwrap_or(usize::MAX))
        } else {
            Ok(Vec::new())
        };
        let holes = match holes {
            Ok(holes) => holes,
            Err(error) => return Ok(Err(error)),
        };
        let mut extents = FileExtents::new(file, &holes, size);
        entry.meta.holes = (!holes.is_empty()).then_some(holes);
        self.read_all(&mut extents, Some(size), work)
    }

    /// Reads to the end; `expected` is the expected number of bytes.
    fn read_all(
        &mut self,
        input: &mut dyn Read,
        expected: Option<u64>,
        work: &Arc<FileInWork>,
    ) -> Result<io::Result<ContentRead>> {
        let batch_len = BATCH.max(2 * work.cutter.max());
        let len = expected
            .and_then(|size| usize::try_from(size).ok())
            .map_or(batch_len, |size| size.saturating_add(1).clamp(SMALLEST_BUFFER, batch_len));
        let mut buffer = self.run.buffers.take(len);
        let mut content = ContentRead::default();
        let mut kept = 0;
        loop {
            if self.run.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            if self.run.stop.load(Ordering::Relaxed) {
                return Err(Error::new(crate::ErrorKind::Cancelled, "stopped because of an earlier failure"));
            }
            let filled = match fill(input, &mut buffer[kept..]) {
                Ok(read) => {
                    content.read += read as u64;
                    count(&self.run.counters.read_bytes, read as u64);
                    self.run.monitor.advance(monitor::Work { items: 0, bytes: read as u64 });
                    kept + read
                }
                Err(error) => {
                    self.run.buffers.give(buffer);
                    return Ok(Err(error));
                }
            };
            if content.batches == 0 {
                content.first = buffer[..filled.min(first_bytes::LOOKED_AT)].to_vec();
            }
            let last = filled < buffer.len();
            if last && content.batches == 0 && (filled as u64) < limits::INLINE_CONTENT {
                content.inline = Some(buffer[..filled].to_vec());
                self.run.buffers.give(buffer);
                return Ok(Ok(content));
            }
            let chunks = ranges(&work.cutter.ends(&buffer[..filled], last));
            let cut = chunks.last().map_or(0, |range| range.end);
            let next = (!last).then(|| {
                let mut next = self.run.buffers.take(batch_len);
                next[..filled - cut].copy_from_slice(&buffer[cut..filled]);
                next
            });
            kept = filled - cut;
            let batch = Batch { file: work.clone(), number: content.batches, buffer, chunks };
            content.batches += 1;
            // This worker seals the last batch itself, because the data is still in its caches.
            let own = if last { Some(batch) } else { self.run.queue.push_batch(batch) };
            if let Some(batch) = own {
                self.batch(batch)?;
            }
            match next {
                Some(next) => buffer = next,
                None => return Ok(Ok(content)),
            }
        }
    }

    fn batch(&mut self, batch: Batch) -> Result<()> {
        let items = seal(&batch, self.run.store, &mut self.coder)?;
        let Batch { file, number, buffer, .. } = batch;
        self.run.buffers.give(buffer);
        file.batch_done(number, items, self.run.store, &mut self.coder)
    }

    fn end(
        &mut self,
        content: ContentRead,
        mut entry: TreeEntry,
        result: ResultSlot,
        work: &Arc<FileInWork>,
    ) -> Result<()> {
        self.run.monitor.advance(monitor::Work { items: 1, bytes: 0 });
        let agrees = first_bytes::agree(entry.name(), &content.first);
        match content.inline {
            Some(bytes) => {
                entry.content = (!bytes.is_empty()).then_some(ContentRef::Inline(bytes));
                result.send(entry, agrees);
                Ok(())
            }
            None => {
                work.ended(End { batches: content.batches, entry, agrees, result }, self.run.store, &mut self.coder)
            }
        }
    }

    fn stream(
        &mut self,
        name: Vec<u8>,
        path: &[u8],
        mut reader: Box<dyn Read + Send>,
        profile: ProfileName,
        result: ResultSlot,
    ) -> Result<()> {
        let work = Arc::new(FileInWork::new(self.cutter(profile)));
        // Half a stream is not a backup: nobody could see that the other half is missing.
        let content = self
            .read_all(&mut *reader, None, &work)?
            .map_err(|e| Error::io(format!("cannot read the stream {}", String::from_utf8_lossy(path)), e))?;
        if content.read == 0 {
            self.run.problems.add(
                path,
                ProblemKind::Unreadable,
                "the stream is empty: did the program that makes it fail?",
            );
        }
        let now = machine::now();
        let mut meta = Entry::new(name, EntryKind::File);
        meta.mode = 0o600;
        (meta.mtime_seconds, meta.mtime_nanoseconds) = (now.seconds, now.nanoseconds);
        (meta.ctime_seconds, meta.ctime_nanoseconds) = (now.seconds, now.nanoseconds);
        meta.size = content.read;
        let counters = self.run.counters;
        count(&counters.files, 1);
        count(&counters.new_files, 1);
        count(&counters.total_bytes, content.read);
        self.end(content, TreeEntry::new(meta), result, &work)
    }

    /// Marks a file that could not be read as done; it is not in the snapshot.
    fn skip(&self, target: &Target) {
        if let Some(counted) = target.counted {
            self.run.counters.take_back(counted);
            self.run.monitor.advance(monitor::Work { items: 1, bytes: counted.size });
        }
    }
}

/// The input of a job, for messages and its entry.
struct Target {
    name: Vec<u8>,
    real_name: Vec<u8>,
    path: Vec<u8>,
    counted: Option<CountedFile>,
}

/// The data that was read of a file.
#[derive(Default)]
struct ContentRead {
    /// The whole content, if it is short.
    inline: Option<Vec<u8>>,
    /// How it begins.
    first: Vec<u8>,
    batches: u64,
    read: u64,
}

/// Compares a file with its metadata before reading. The amount of data proves nothing, because sizes need not be true.
fn steadiness(file: &SourceFile, before: &FileStat, trust: Trust) -> Reading {
    let Ok(now) = file.stat() else {
        return Reading::Changed(Box::new(before.clone()), "it could not be looked at again after it was read");
    };
    let (was, is) = (&before.entry, &now.entry);
    let how = match () {
        () if is.size < was.size => "it shrank while it was read",
        () if is.size > was.size => "it grew while it was read",
        () if is.mtime() != was.mtime() => "it changed while it was read",
        // A program can reset the modification time, but not the change time. A removed name changes the change time,
        // too, and change times of shares mean nothing.
        () if trust == Trust::Inode && now.links == before.links && is.ctime() != was.ctime() => {
            "it changed while it was read"
        }
        () => return Reading::Steady,
    };
    Reading::Changed(Box::new(now), how)
}

fn entry_may_have_holes(file: &SourceFile, size: u64) -> bool {
    size > 0 && file.stat().is_ok_and(|stat| stat.may_have_holes())
}

fn ranges(ends: &[usize]) -> Vec<Range<usize>> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(|(start, end)| start..*end).collect()
}

/// Fills `buffer`; fewer bytes mean the end.
fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

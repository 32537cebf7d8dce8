//! Restores one file: compares the existing one, and writes the differences.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use repo_format::entry::Entry;
use repo_format::id::ChunkId;
use repo_format::limits;
use repo_format::node::{ContentItem, ProblemKind};
use repo_format::pack::ChunkKind;

use super::attributes::{Folder, judge, release, report};
use super::extents::pieces;
use super::outcome::count;
use super::{Action, Run};
use crate::error::{Error, ErrorKind, Result, chain};
use crate::filesystem::{Dir, FileStat, SourceFile, TargetFile};
use crate::monitor::Work;
use crate::pack::{PlainChunks, Wanted};
use crate::tree::{ContentIter, ContentRef, TreeEntry, chunks_of};

/// A larger file is restored by several workers, in pieces of about this size.
pub(super) const PIECE: u64 = 8 * 1024 * 1024;

/// A piece of work for a worker.
pub(super) enum Job {
    /// A whole file.
    File(Box<FileJob>),
    /// Some chunks of a large one.
    Chunks(Arc<OpenTarget>, Vec<Span>),
}

/// A file to restore.
pub(super) struct FileJob {
    pub folder: Folder,
    pub path: Vec<u8>,
    pub entry: TreeEntry,
    /// The thing that has its name in the target.
    pub existing: Option<FileStat>,
    /// Whether something existed, which may be gone already.
    pub replaces: bool,
}

/// A chunk and its position in the content.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub item: ContentItem,
    pub position: u64,
}

/// A file of the target that is being written, until its last piece is done.
pub(super) struct OpenTarget {
    folder: Folder,
    path: Vec<u8>,
    entry: Entry,
    file: TargetFile,
    /// The file that existed before; correct chunks are not written again.
    before: Option<FileStat>,
    /// Whether something existed, of whatever kind.
    replaces: bool,
    wrote: AtomicBool,
    failed: AtomicBool,
}

impl Job {
    /// The chunks that it reads, as far as they can be told before it has looked at its file; and the file's folder stays
    /// open until then.
    pub fn chunks(&self, run: &Run<'_>) -> Vec<ChunkId> {
        match self {
            Job::File(job) => job.chunks(run),
            Job::Chunks(target, spans) if target.before.is_none() => spans.iter().map(|span| span.item.id).collect(),
            Job::Chunks(..) => Vec::new(),
        }
    }

    /// Does the work.
    pub fn run(self, run: &Run<'_>, chunks: &Wanted<'_>) -> Result<()> {
        match self {
            Job::File(job) => job.run(run, chunks),
            Job::Chunks(target, spans) => {
                target.write_spans(run, &spans, chunks)?;
                finish(run, target)
            }
        }
    }
}

impl FileJob {
    /// The chunks that it reads. If a file of this size is there, most of them may be right already.
    fn chunks(&self, run: &Run<'_>) -> Vec<ChunkId> {
        let may_be_there = self.existing.as_ref().is_some_and(|there| there.entry.size == self.entry.meta.size);
        match &self.entry.content {
            Some(content)
                if !may_be_there && self.entry.content_fits() && !matches!(content, ContentRef::Inline(_)) =>
            {
                chunks_of(run.reader, content, self.entry.data_len()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Restores the whole file on the calling thread.
    pub fn run(self, run: &Run<'_>, chunks: &Wanted<'_>) -> Result<()> {
        if self.is_kept(run)? {
            release(run, self.folder.begun);
            return Ok(());
        }
        let (content, len, fits) = (self.entry.content.clone(), self.entry.data_len(), self.entry.content_fits());
        let Some(target) = self.open(run)? else { return Ok(()) };
        match content {
            _ if !fits => target.lost(run, 0, target.entry.size, "its content does not have its size"),
            None => {}
            Some(ContentRef::Inline(bytes)) => target.write_checked(run, &bytes, 0)?,
            Some(content) => {
                let mut iter = ContentIter::new(run.reader, &content, len);
                while let Some(span) = next_span(run, &target, &mut iter)? {
                    target.write_spans(run, &[span], chunks)?;
                }
            }
        }
        finish(run, target)
    }

    /// Restores a large file in pieces; `send` passes them with their bytes to the workers.
    pub fn split(self, run: &Run<'_>, send: &mut dyn FnMut(Job, u64) -> Result<()>) -> Result<()> {
        let Some(content) = self.entry.content.clone() else {
            return self.run(run, &Wanted::nothing(run.reader));
        };
        if self.is_kept(run)? {
            release(run, self.folder.begun);
            return Ok(());
        }
        let len = self.entry.data_len();
        let Some(target) = self.open(run)? else { return Ok(()) };
        let mut iter = ContentIter::new(run.reader, &content, len);
        let (mut spans, mut bytes) = (Vec::new(), 0);
        while let Some(span) = next_span(run, &target, &mut iter)? {
            bytes += span.item.len;
            spans.push(span);
            if bytes >= PIECE {
                send(Job::Chunks(target.clone(), std::mem::take(&mut spans)), bytes)?;
                bytes = 0;
            }
        }
        if !spans.is_empty() {
            send(Job::Chunks(target.clone(), spans), bytes)?;
        }
        finish(run, target)
    }

    /// Keeps a file that cannot be changed in place, if it is right already; returns whether it did.
    fn is_kept(&self, run: &Run<'_>) -> Result<bool> {
        let (Some(dir), Some(stat)) = (&self.folder.dir, &self.existing) else { return Ok(false) };
        let meta = &self.entry.meta;
        // A normal user can replace a read-only file, but not write to it.
        let is_writable = stat.entry.mode & 0o200 != 0;
        if is_writable && may_change_in_place(meta, stat) || is_linked_elsewhere(meta, stat) {
            return Ok(false);
        }
        if !is_same(run, dir, &self.entry, stat)? {
            return Ok(false);
        }
        let action = judge(run, dir, meta, stat);
        report(run.tally, &self.path, dir.apply(&stat.entry.name.0, meta, Some(stat), run.owners, run.attributes()));
        run.monitor.advance(Work { items: 1, bytes: meta.size });
        settled(run, &self.path, action);
        Ok(true)
    }

    /// Opens the file for writing: the existing one if it may be changed in place, otherwise a new one.
    fn open(self, run: &Run<'_>) -> Result<Option<Arc<OpenTarget>>> {
        let FileJob { folder, path, entry, existing, replaces } = self;
        let opened = match &folder.dir {
            Some(dir) => open_target(dir, &entry.meta, existing),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        match opened {
            Ok((file, before)) => {
                let (wrote, failed) = (AtomicBool::new(false), AtomicBool::new(false));
                let entry = entry.meta;
                Ok(Some(Arc::new(OpenTarget { folder, path, entry, file, before, replaces, wrote, failed })))
            }
            Err(error) => {
                run.tally.io(&path, "create", error)?;
                if entry.meta.hard_link.is_some() {
                    run.tally.damaged_link(&path);
                }
                run.monitor.advance(Work { items: 1, bytes: entry.meta.size });
                release(run, folder.begun);
                Ok(None)
            }
        }
    }
}

/// The next chunk of a file; reports lost parts of its list.
fn next_span(run: &Run<'_>, target: &OpenTarget, iter: &mut ContentIter<'_>) -> Result<Option<Span>> {
    loop {
        if run.stop.load(Ordering::Relaxed) || run.monitor.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "stopped because of an earlier failure"));
        }
        let from = iter.plain_end();
        match iter.next() {
            None => return Ok(None),
            Some(Ok(item)) => return Ok(Some(Span { item, position: iter.plain_end() - item.len })),
            Some(Err(error)) if error.kind() == ErrorKind::Damaged => {
                let end = iter.plain_end().min(target.entry.size);
                target.lost(run, from, end, &chain(&error));
            }
            Some(Err(error)) => return Err(error),
        }
    }
}

/// A file with other names may have them outside the target. A file with holes is rewritten, so that they become holes
/// again. A file with another spelling is rewritten under its own name.
fn may_change_in_place(entry: &Entry, stat: &FileStat) -> bool {
    stat.links == 1 && stat.entry.name == entry.name && entry.holes.is_none() && !stat.may_have_holes()
}

/// Whether the existing file has names that it should not have, or attributes that its other names would get, too.
pub(super) fn is_linked_elsewhere(entry: &Entry, stat: &FileStat) -> bool {
    stat.links > 1 && (entry.hard_link.is_none() || !has_attributes(&stat.entry, entry))
}

pub(super) fn has_attributes(there: &Entry, entry: &Entry) -> bool {
    there.mode == entry.mode && there.mtime() == entry.mtime()
}

/// Whether the existing thing is a file with the size, the holes and the content of `entry`.
pub(super) fn is_same(run: &Run<'_>, dir: &Dir, entry: &TreeEntry, stat: &FileStat) -> Result<bool> {
    let meta = &entry.meta;
    if stat.entry.kind != meta.kind || stat.entry.size != meta.size || !entry.content_fits() {
        return Ok(false);
    }
    let Ok(file) = dir.open_file(&stat.entry.name.0) else { return Ok(false) };
    let most = usize::try_from(limits::HOLES_COUNT).unwrap_or(usize::MAX);
    let holes = if stat.may_have_holes() { file.holes(meta.size, most) } else { Ok(Vec::new()) };
    if !holes.is_ok_and(|holes| holes == meta.holes.as_deref().unwrap_or_default()) {
        return Ok(false);
    }
    match &entry.content {
        None => Ok(true),
        Some(ContentRef::Inline(bytes)) => {
            let mut there = vec![0; bytes.len()];
            Ok(read_pieces(&file, meta, 0, &mut there) && there == *bytes)
        }
        Some(content) => {
            let mut iter = ContentIter::new(run.reader, content, entry.data_len());
            let mut there = Vec::new();
            while let Some(item) = iter.next() {
                let Ok(item) = item else { return Ok(false) };
                there.resize(usize::try_from(item.len).unwrap_or(0), 0);
                let read = read_pieces(&file, meta, iter.plain_end() - item.len, &mut there);
                if !read || run.reader.repository().keys().id(ChunkKind::Data, &there) != item.id {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}

/// Reads the content from `position` on, around holes.
fn read_pieces(file: &SourceFile, entry: &Entry, position: u64, bytes: &mut [u8]) -> bool {
    pieces(entry, position, bytes.len()).into_iter().all(|piece| {
        let (mut at, mut left) = (piece.offset, &mut bytes[piece.content]);
        while !left.is_empty() {
            match file.read_at(left, at) {
                Ok(0) | Err(_) => return false,
                Ok(read) => (at, left) = (at + read as u64, &mut left[read..]),
            }
        }
        true
    })
}

/// Counts a file that now is as in the snapshot.
fn settled(run: &Run<'_>, path: &[u8], action: Action) {
    if matches!(action, Action::Keep | Action::Attributes) {
        count(&run.tally.unchanged_files, 1);
    }
    count(&run.tally.files, 1);
    (run.planned)(path, action);
}

fn open_target(dir: &Dir, entry: &Entry, existing: Option<FileStat>) -> io::Result<(TargetFile, Option<FileStat>)> {
    let name = &entry.name.0;
    if let Some(stat) = existing {
        let there = stat.entry.name.0.clone();
        if may_change_in_place(entry, &stat)
            && let Ok(file) = dir.open_existing(name)
        {
            // Looks again through the open file: the name may belong to another file by now.
            let stat = file.stat()?;
            if stat.links == 1 {
                return Ok((file, Some(stat)));
            }
        }
        dir.remove_one(&there)?;
    }
    Ok((dir.create_file(name)?, None))
}

impl OpenTarget {
    fn write_spans(&self, run: &Run<'_>, spans: &[Span], chunks: &Wanted<'_>) -> Result<()> {
        for span in spans {
            if self.failed.load(Ordering::Relaxed) {
                return Ok(());
            }
            run.monitor.advance(Work { items: 0, bytes: span.item.len });
            if self.is_there(run, span) {
                continue;
            }
            match chunks.read_data(&span.item.id) {
                Ok(plain) if plain.len() as u64 == span.item.len => self.write(run, &plain, span.position)?,
                Ok(_) => self.lost(run, span.position, span.position + span.item.len, "its chunk has another length"),
                Err(error) if error.kind() == ErrorKind::Damaged => {
                    self.lost(run, span.position, span.position + span.item.len, &chain(&error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether the file already has this chunk in its place.
    fn is_there(&self, run: &Run<'_>, span: &Span) -> bool {
        let Some(before) = &self.before else { return false };
        if before.entry.size < span.position.saturating_add(span.item.len) {
            return false;
        }
        let Ok(len) = usize::try_from(span.item.len) else { return false };
        let mut bytes = vec![0; len];
        // An unreadable part counts as missing, and is written.
        let read = read_exactly(&self.file, &mut bytes, span.position);
        read && run.reader.repository().keys().id(ChunkKind::Data, &bytes) == span.item.id
    }

    fn write_checked(&self, run: &Run<'_>, bytes: &[u8], position: u64) -> Result<()> {
        run.monitor.advance(Work { items: 0, bytes: bytes.len() as u64 });
        let mut there = vec![0; bytes.len()];
        if self.before.is_some() && read_exactly(&self.file, &mut there, position) && there == bytes {
            return Ok(());
        }
        self.write(run, bytes, position)
    }

    fn write(&self, run: &Run<'_>, bytes: &[u8], position: u64) -> Result<()> {
        self.wrote.store(true, Ordering::Relaxed);
        for piece in pieces(&self.entry, position, bytes.len()) {
            if let Err(error) = self.file.write_at(&bytes[piece.content], piece.offset) {
                self.failed.store(true, Ordering::Relaxed);
                self.is_damaged(run);
                return run.tally.io(&self.path, "write", error);
            }
        }
        count(&run.tally.written_bytes, bytes.len() as u64);
        Ok(())
    }

    /// Fills a lost part of the content with zeros, and reports it, so that nobody takes them for the file's own.
    fn lost(&self, run: &Run<'_>, from: u64, to: u64, why: &str) {
        self.wrote.store(true, Ordering::Relaxed);
        let message = format!("bytes {from} to {to} are lost and stand as zeros: {why}");
        run.tally.problem(&self.path, ProblemKind::Unreadable, message);
        self.is_damaged(run);
        // Beyond the old end the file has zeros already.
        if let Some(before) = &self.before {
            self.zero(run, from, to.min(before.entry.size));
        }
    }

    /// Marks the file's other names as damaged, too.
    fn is_damaged(&self, run: &Run<'_>) {
        if self.entry.hard_link.is_some() {
            run.tally.damaged_link(&self.path);
        }
    }

    fn zero(&self, run: &Run<'_>, from: u64, to: u64) {
        let zeros = vec![0; 1024 * 1024];
        let mut at = from;
        while at < to {
            let len = usize::try_from(to - at).unwrap_or(zeros.len()).min(zeros.len());
            if let Err(error) = self.file.write_at(&zeros[..len], at) {
                run.tally.problem(&self.path, ProblemKind::Unreadable, format!("cannot write zeros: {error}"));
                return;
            }
            at += len as u64;
        }
    }

    /// Sets length and attributes after the last piece.
    fn settle(&self, run: &Run<'_>) -> Result<()> {
        let now = self.file.stat().and_then(|now| {
            if now.entry.size == self.entry.size {
                return Ok(now);
            }
            self.wrote.store(true, Ordering::Relaxed);
            self.file.set_len(self.entry.size)?;
            self.file.stat()
        });
        let now = match now {
            Ok(now) => now,
            Err(error) => {
                self.is_damaged(run);
                return run.tally.io(&self.path, "set the length of", error);
            }
        };
        let before = self.before.as_ref();
        let changes = self.file.would_change(&self.entry, before.unwrap_or(&now), run.owners, run.attributes());
        report(run.tally, &self.path, self.file.apply(&self.entry, Some(&now), run.owners, run.attributes()));
        let action = match (before, self.wrote.load(Ordering::Relaxed)) {
            (None, _) => {
                if self.replaces {
                    Action::Rewrite
                } else {
                    Action::Create
                }
            }
            (Some(_), true) => Action::Rewrite,
            (Some(_), false) if changes => Action::Attributes,
            (Some(_), false) => Action::Keep,
        };
        settled(run, &self.path, action);
        Ok(())
    }
}

/// Releases a file; the last user settles it.
fn finish(run: &Run<'_>, target: Arc<OpenTarget>) -> Result<()> {
    let Some(target) = Arc::into_inner(target) else { return Ok(()) };
    run.monitor.advance(Work { items: 1, bytes: 0 });
    let settled = if target.failed.load(Ordering::Relaxed) { Ok(()) } else { target.settle(run) };
    release(run, target.folder.begun);
    settled
}

/// Fills `bytes` from `offset` on, if the file is long enough.
fn read_exactly(file: &TargetFile, bytes: &mut [u8], offset: u64) -> bool {
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], offset + done as u64) {
            Ok(0) | Err(_) => return false,
            Ok(read) => done += read,
        }
    }
    true
}

//! Builds directories from the walk's events, from the leaves up.

use std::collections::HashMap;

use crossbeam_channel::Receiver;
use repo_format::entry::{GAP_UNREADABLE, HardLink};
use repo_format::id::ChunkId;

use super::file::ReadFile;
use super::gaps::GapLog;
use super::{Run, worker};
use crate::chunk::Coder;
use crate::error::{Error, ErrorKind, Result};
use crate::pack::NodeSink;
use crate::tree::{DirectoryBuilder, TreeEntry, join, parent};

/// Events of the walk, in order.
pub(super) enum Event {
    /// A folder begins; its entry follows when it ends.
    Enter {
        /// Its name.
        name: Vec<u8>,
    },
    /// A complete entry.
    Entry(Box<TreeEntry>),
    /// A file that a worker is reading.
    File(PendingFile),
    /// Another name of a file that the walk has met.
    Link {
        /// Its path in messages.
        path: Vec<u8>,
        /// This name.
        name: Vec<u8>,
        /// The identity of the file.
        identity: HardLink,
    },
    /// A thing that exists and is not saved.
    LeftOut {
        /// Its name.
        name: Vec<u8>,
        /// The reasons, as bits of `Gaps`.
        why: u8,
    },
    /// The folder that began last ends.
    Leave(Box<TreeEntry>),
}

/// A file on its way through a worker. The worker sends no entry if the file could not be read at all.
pub(super) struct PendingFile {
    /// Its name.
    pub name: Vec<u8>,
    /// The receiver of the entry; a lost sender means that the run has failed.
    pub entry: Receiver<Option<ReadFile>>,
    /// Set if the file may have other names.
    pub identity: Option<HardLink>,
    /// The parent snapshot's entry in its place.
    pub before: Before,
}

/// The parent snapshot's entry in the place of a file.
#[derive(Default)]
pub(super) enum Before {
    /// It does not matter: it was carried over, or nothing is compared.
    #[default]
    NotCompared,
    /// There is none.
    Nothing,
    /// It looked different.
    Other(Box<TreeEntry>),
}

/// Builds all directories; returns the node of the top one.
pub(super) fn build(run: &Run<'_>, events: Receiver<Vec<Event>>) -> Result<Option<ChunkId>> {
    let mut coder = Coder::new(run.store.repository().config().zstd_level)?;
    let mut sink = NodeSink { store: run.store, coder: &mut coder };
    // The folder that began last, and its path in the snapshot.
    let (mut open, mut path) = (vec![OpenFolder::default()], Vec::new());
    // Files with several names, so that the other names share the data that was read through the first.
    let mut linked: HashMap<HardLink, Option<Box<TreeEntry>>> = HashMap::new();
    for event in events.into_iter().flatten() {
        match event {
            Event::Enter { name } => {
                path = join(&path, &name);
                open.push(OpenFolder::default());
            }
            Event::LeftOut { name, why } => last(&mut open)?.gaps.add(name, why),
            Event::Entry(entry) => push(&mut open, *entry, &mut sink)?,
            Event::File(file) => {
                let read = file.entry.recv().map_err(|_| stopped())?;
                if let Some(read) = &read {
                    compare(run, read, &file.before, &path);
                }
                let entry = read.map(|read| read.entry);
                if let Some(identity) = file.identity {
                    linked.insert(identity, entry.clone());
                }
                match entry {
                    Some(entry) => push(&mut open, *entry, &mut sink)?,
                    None => last(&mut open)?.gaps.add(file.name, GAP_UNREADABLE),
                }
            }
            Event::Link { path, name, identity } => {
                if !matches!(linked.get(&identity), Some(Some(_))) {
                    linked.insert(identity, worker::read_other_name(run, path, &name, identity)?);
                }
                match linked.get(&identity) {
                    Some(Some(first)) => {
                        let mut entry = first.clone();
                        entry.meta.name.0 = name;
                        push(&mut open, *entry, &mut sink)?;
                    }
                    _ => last(&mut open)?.gaps.add(name, GAP_UNREADABLE),
                }
            }
            Event::Leave(mut entry) => {
                path.truncate(parent(&path).len());
                let finished = open.pop().ok_or_else(stopped)?;
                entry.tree = finished.builder.finish(&mut sink)?;
                // The walk's judgement of the whole folder wins over single omissions in it.
                entry.meta.gaps = entry.meta.gaps.take().or(finished.gaps.into_gaps());
                push(&mut open, *entry, &mut sink)?;
            }
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(top), true) => top.builder.finish(&mut sink),
        _ => Err(stopped()),
    }
}

/// Counts how a file that was read differs from the parent's.
fn compare(run: &Run<'_>, read: &ReadFile, before: &Before, folder: &[u8]) {
    match before {
        Before::Other(before) if has_same_content(&read.entry, before) => run.counters.found_unchanged(),
        Before::Other(before) => run.signals.differs(read, &before.meta, folder),
        Before::Nothing => run.signals.is_new(read, folder),
        Before::NotCompared => {}
    }
}

fn has_same_content(one: &TreeEntry, other: &TreeEntry) -> bool {
    let same_form = one.meta.kind == other.meta.kind && one.meta.size == other.meta.size;
    same_form && one.meta.holes == other.meta.holes && one.content == other.content
}

/// A folder that has begun.
#[derive(Default)]
struct OpenFolder {
    builder: DirectoryBuilder,
    gaps: GapLog,
}

fn last(open: &mut [OpenFolder]) -> Result<&mut OpenFolder> {
    open.last_mut().ok_or_else(stopped)
}

fn push(open: &mut [OpenFolder], entry: TreeEntry, sink: &mut NodeSink<'_, '_>) -> Result<()> {
    last(open)?.builder.push(entry, sink)
}

/// The walk or a worker has failed, and reports the cause itself.
fn stopped() -> Error {
    Error::new(ErrorKind::Cancelled, "stopped because of an earlier failure")
}

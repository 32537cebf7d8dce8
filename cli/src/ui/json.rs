//! JSON lines: the types that scripts see. They change only by gaining fields.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::monitor::{Phase, Work};
use engine::snapshots::part::{Part, TableSize};
use engine::{Error, ErrorKind, Result};
use repo_format::entry::{self, EntryKind};
use repo_format::id::LeaseId;
use repo_format::manifest::{self, Statistics};
use repo_format::node;
use serde::Serialize;

use super::format;

/// At most one status in this time.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// One JSON object: `message_type`, then the fields of `body`.
///
/// # Errors
/// `body` is not an object: a mistake in this program.
pub fn line(message_type: &'static str, body: impl Serialize) -> Result<String> {
    #[derive(Serialize)]
    struct Message<T> {
        message_type: &'static str,
        #[serde(flatten)]
        body: T,
    }
    serde_json::to_string(&Message { message_type, body })
        .map_err(|e| Error::caused(ErrorKind::Io, format!("cannot write a message `{message_type}`"), e))
}

/// A path: exact as text if it is UTF-8, else also as hex in `path_bytes`.
#[derive(Serialize)]
pub struct Path {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
}

impl From<&[u8]> for Path {
    fn from(path: &[u8]) -> Self {
        let exact = std::str::from_utf8(path).is_ok();
        Path { path: String::from_utf8_lossy(path).into_owned(), path_bytes: (!exact).then(|| format::hex(path)) }
    }
}

/// `note`: something to know that changes nothing.
#[derive(Serialize)]
pub struct Note {
    /// In words.
    pub message: String,
}

/// `exit_error`: why the program ends, on standard error.
#[derive(Serialize)]
pub struct ExitError {
    /// The exit status.
    pub code: u8,
    /// The class of error.
    pub kind: String,
    /// The action that failed, and its object.
    pub message: String,
    /// Why.
    pub causes: Vec<String>,
    /// A hint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
}

/// `status`: how far a long operation is.
#[derive(Serialize, Clone)]
pub struct Status {
    phase: &'static str,
    /// The noun of the items: `file`, `table`, `row`, …
    unit: &'static str,
    done_items: u64,
    done_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_items: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_bytes: Option<u64>,
    /// The work that goes on while no item comes nearer, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    busy_with: Option<String>,
    elapsed_ms: u64,
}

/// Counts the current phase and decides when a status is due.
#[derive(Default)]
pub struct JsonProgress {
    current: Mutex<Option<Current>>,
}

struct Current {
    status: Status,
    started: Instant,
    told: Instant,
}

impl JsonProgress {
    /// A phase begins.
    pub fn begin(&self, phase: Phase, total: Option<Work>) -> Option<Status> {
        let (phase, unit) = (phase.name(), phase.noun());
        let (total_items, total_bytes) = (total.map(|t| t.items), total.map(|t| t.bytes));
        let status = Status {
            phase,
            unit,
            done_items: 0,
            done_bytes: 0,
            total_items,
            total_bytes,
            busy_with: None,
            elapsed_ms: 0,
        };
        let now = Instant::now();
        self.with(|current| *current = Some(Current { status: status.clone(), started: now, told: now }));
        Some(status)
    }

    /// The current phase will come to `total`.
    pub fn expect(&self, total: Work) {
        self.with(|current| {
            if let Some(current) = current {
                current.status.total_items = Some(total.items);
                current.status.total_bytes = Some(total.bytes);
            }
        });
    }

    /// Some more has been done.
    pub fn advance(&self, done: Work) -> Option<Status> {
        self.with(|current| {
            let current = current.as_mut()?;
            current.status.done_items += done.items;
            current.status.done_bytes += done.bytes;
            (current.told.elapsed() >= STATUS_INTERVAL).then(|| current.tell())
        })
    }

    /// The current phase is busy with this, or not any more. It may say nothing else for long.
    pub fn busy_with(&self, what: Option<&str>) -> Option<Status> {
        self.with(|current| {
            let current = current.as_mut()?;
            current.status.busy_with = what.map(str::to_owned);
            what.map(|_| current.tell())
        })
    }

    /// The current phase ends.
    pub fn end(&self) -> Option<Status> {
        self.with(|current| current.take().map(|mut current| current.tell()))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Option<Current>) -> T) -> T {
        act(&mut self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Current {
    fn tell(&mut self) -> Status {
        self.told = Instant::now();
        self.status.elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.status.clone()
    }
}

/// `problem`: something that could not be saved or restored as it should be.
#[derive(Serialize)]
pub struct Problem<'a> {
    #[serde(flatten)]
    path: Path,
    kind: &'static str,
    message: &'a str,
}

impl<'a> From<&'a node::Problem> for Problem<'a> {
    fn from(problem: &'a node::Problem) -> Self {
        let kind = problem.kind.name();
        Problem { path: problem.path.0.as_slice().into(), kind, message: &problem.message }
    }
}

/// `snapshot`: one snapshot.
#[derive(Serialize)]
pub struct Snapshot<'a> {
    id: String,
    short_id: String,
    time: String,
    host: &'a str,
    user: &'a str,
    tags: &'a [String],
    program: &'a str,
    parent: Option<String>,
    roots: Vec<Root>,
    origin: Option<Origin>,
    problems: u64,
    statistics: Figures,
}

/// One thing that a snapshot holds.
#[derive(Serialize)]
pub struct Root {
    kind: &'static str,
    name: String,
    #[serde(flatten)]
    path: Path,
}

impl<'a> Snapshot<'a> {
    /// The snapshot of this id.
    pub fn new(id: LeaseId, manifest: &'a manifest::Manifest) -> Self {
        let time = entry::Time { seconds: manifest.seconds, nanoseconds: manifest.nanoseconds };
        Snapshot {
            id: id.to_string(),
            short_id: format::short(id),
            time: format::rfc3339(time),
            host: &manifest.host,
            user: &manifest.user,
            tags: &manifest.tags,
            program: &manifest.program,
            parent: manifest.parent.map(|parent| parent.to_string()),
            roots: manifest.roots.iter().map(Root::from).collect(),
            origin: manifest.origin.as_ref().map(Origin::from),
            problems: manifest.problems.count,
            statistics: manifest.statistics.into(),
        }
    }
}

/// The snapshot that this one is a copy of.
#[derive(Serialize)]
pub struct Origin {
    repository: String,
    snapshot: String,
    left_out: Vec<String>,
}

impl From<&manifest::Origin> for Origin {
    fn from(origin: &manifest::Origin) -> Self {
        let left_out = origin.left_out.iter().flatten().map(|name| String::from_utf8_lossy(&name.0).into_owned());
        Origin {
            repository: origin.repository.to_string(),
            snapshot: origin.id.to_string(),
            left_out: left_out.collect(),
        }
    }
}

impl From<&manifest::Root> for Root {
    fn from(root: &manifest::Root) -> Self {
        let kind = match root.kind {
            manifest::RootKind::Folder => "folder",
            manifest::RootKind::File => "file",
            manifest::RootKind::Stream => "stream",
            manifest::RootKind::Database => "database",
            _ => "unknown",
        };
        Root { kind, name: String::from_utf8_lossy(&root.name.0).into_owned(), path: root.path.0.as_slice().into() }
    }
}

/// The figures of a backup.
#[derive(Serialize)]
pub struct Figures {
    files: u64,
    directories: u64,
    others: u64,
    total_bytes: u64,
    new_files: u64,
    changed_files: u64,
    unchanged_files: u64,
    read_again_files: u64,
    read_bytes: u64,
    new_chunks: u64,
    new_bytes: u64,
    stored_bytes: u64,
    duration_ms: u64,
}

impl From<Statistics> for Figures {
    fn from(s: Statistics) -> Self {
        Figures {
            files: s.files,
            directories: s.directories,
            others: s.others,
            total_bytes: s.total_bytes,
            new_files: s.new_files,
            changed_files: s.changed_files,
            unchanged_files: s.unchanged_files,
            read_again_files: s.read_again_files.unwrap_or(0),
            read_bytes: s.read_bytes,
            new_chunks: s.new_chunks,
            new_bytes: s.new_bytes,
            stored_bytes: s.stored_bytes,
            duration_ms: s.milliseconds,
        }
    }
}

/// `entry`: a file, folder or link of a snapshot.
#[derive(Serialize)]
pub struct Entry<'a> {
    #[serde(flatten)]
    path: Path,
    kind: &'static str,
    mode: u32,
    uid: u32,
    gid: u32,
    user: Option<&'a str>,
    group: Option<&'a str>,
    size: u64,
    mtime: String,
    inode: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_target: Option<String>,
}

impl<'a> Entry<'a> {
    /// The entry at `path`.
    pub fn new(path: &[u8], entry: &'a entry::Entry) -> Self {
        Entry {
            path: path.into(),
            kind: kind_name(entry.kind),
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            user: entry.user.as_deref(),
            group: entry.group.as_deref(),
            size: entry.size,
            mtime: format::rfc3339(entry.mtime()),
            inode: entry.inode,
            link_target: entry.link_target.as_ref().map(|target| String::from_utf8_lossy(&target.0).into_owned()),
        }
    }
}

/// A part of a database, beside the entry that it is stored as.
#[derive(Serialize)]
pub struct DatabasePart {
    /// `server`, `schema`, `table`; absent for a file or folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<&'static str>,
    /// The rows of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    /// The bytes of these rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    row_bytes: Option<u64>,
}

impl DatabasePart {
    /// Describes `part`, with the size of a table.
    pub fn new(part: Part, size: Option<TableSize>) -> Self {
        let part = match part {
            Part::Plain => None,
            Part::Server => Some("server"),
            Part::Schema => Some("schema"),
            Part::Table => Some("table"),
            Part::Stored => Some("stored"),
        };
        DatabasePart { part, rows: size.map(|size| size.rows), row_bytes: size.map(|size| size.bytes) }
    }
}

fn kind_name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Symlink => "symlink",
        EntryKind::Fifo => "fifo",
        EntryKind::Socket => "socket",
        EntryKind::CharDevice => "char-device",
        EntryKind::BlockDevice => "block-device",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_utf8_is_given_as_bytes_too() {
        let path = |bytes: &[u8]| line("x", Path::from(bytes)).unwrap();
        assert_eq!(path(b"a/b"), r#"{"message_type":"x","path":"a/b"}"#);
        assert_eq!(path(b"a\xff"), "{\"message_type\":\"x\",\"path\":\"a\u{fffd}\",\"path_bytes\":\"61ff\"}");
    }
}

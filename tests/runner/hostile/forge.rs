//! Makes repositories that no honest program writes, and tries every operation on them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::chunk::{Coder, Compression};
use engine::error::chain;
use engine::files::restore::{RestoreOptions, RestoreOutcome, restore};
use engine::monitor::{Monitor, NullMonitor};
use engine::pack::{ChunkStore, Mode, NodeSink};
use engine::repository::Repository;
use engine::session::{WriterOptions, WriterSession};
use engine::snapshots::Snapshot;
use engine::snapshots::cat::cat;
use engine::snapshots::diff::diff;
use engine::snapshots::find::{FindOptions, find};
use engine::snapshots::stats::stats;
use engine::store::{MemoryStore, Store, forward};
use engine::upkeep::verify::{Depth, VerifyOptions, VerifyReport, verify};
use repo_format::cbor::{self, ByteString};
use repo_format::config::Access;
use repo_format::entry::{Content, DirectChunk, Entry, EntryKind};
use repo_format::id::{Bytes32, ChunkId, LeaseId};
use repo_format::manifest::{Manifest, ManifestKind, Statistics};
use repo_format::pack::ChunkKind;
use repo_format::segments::Segment;
use tempfile::TempDir;

use crate::damage::lab::{self, Lab};

/// Reads of the store, and looks at the wish to stop, that no operation on a small repository takes.
const ENDLESS: u64 = 300_000;

/// Stores whatever it is told, with the right keys.
pub struct Forge<'s, 'r> {
    store: &'s ChunkStore<'r>,
    coder: RefCell<Coder>,
}

impl Forge<'_, '_> {
    fn put(&self, kind: ChunkKind, plain: &[u8]) -> ChunkId {
        self.store.store(&mut self.coder.borrow_mut(), kind, plain, Compression::Always).unwrap().id
    }

    pub fn data(&self, plain: &[u8]) -> ChunkId {
        self.put(ChunkKind::Data, plain)
    }

    pub fn node(&self, plain: &[u8]) -> ChunkId {
        self.put(ChunkKind::Node, plain)
    }

    /// Calls `build` with where honest builders put their nodes.
    pub fn build<T>(&self, build: impl FnOnce(&mut NodeSink<'_, '_>) -> T) -> T {
        build(&mut NodeSink { store: self.store, coder: &mut self.coder.borrow_mut() })
    }

    /// A segment list of level 0, unchecked.
    pub fn segments(&self, ids: &[ChunkId], segments: &[Segment]) -> ChunkId {
        self.node(&node(4, 0, ids, &cbor::encode(&segments.to_vec())))
    }

    /// A segment list above level 0, unchecked: of each part its id, plain bytes and rows.
    pub fn segment_parts(&self, level: u8, parts: &[(ChunkId, u64, u64)]) -> ChunkId {
        let ids: Vec<_> = parts.iter().map(|part| part.0).collect();
        let body: Vec<_> = parts.iter().map(|part| BTreeMap::from([(0u8, part.1), (1, part.2)])).collect();
        self.node(&node(4, level, &ids, &cbor::encode(&body)))
    }

    /// A folder's only node, unchecked.
    pub fn folder(&self, ids: &[ChunkId], entries: &[Entry]) -> ChunkId {
        self.node(&node(2, 0, ids, &cbor::encode(&entries.to_vec())))
    }

    /// A content list of level 0, unchecked.
    pub fn list(&self, items: &[(ChunkId, u32)]) -> ChunkId {
        let body: Vec<u8> = items.iter().flat_map(|(_, len)| len.to_le_bytes()).collect();
        self.node(&node(1, 0, &items.iter().map(|(id, _)| *id).collect::<Vec<_>>(), &body))
    }

    /// A content list above level 0, unchecked.
    pub fn list_of_lists(&self, level: u8, items: &[(ChunkId, u64)]) -> ChunkId {
        let body: Vec<u8> = items.iter().flat_map(|(_, len)| len.to_le_bytes()).collect();
        self.node(&node(1, level, &items.iter().map(|(id, _)| *id).collect::<Vec<_>>(), &body))
    }
}

/// The bytes of a node.
pub fn node(kind: u8, level: u8, ids: &[ChunkId], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, kind, level, 0];
    bytes.extend(u32::try_from(ids.len()).unwrap().to_le_bytes());
    ids.iter().for_each(|id| bytes.extend(id.0));
    bytes.extend(body);
    bytes
}

pub fn entry(name: impl AsRef<[u8]>, kind: EntryKind) -> Entry {
    let mut entry = Entry::new(name.as_ref().to_vec(), kind);
    entry.mode = 0o755;
    entry
}

/// A file with its few bytes in the entry.
pub fn inline(name: impl AsRef<[u8]>, bytes: &[u8]) -> Entry {
    let mut entry = entry(name, EntryKind::File);
    entry.size = bytes.len() as u64;
    entry.content = Some(Content { inline: Some(ByteString(bytes.to_vec())), ..Content::default() });
    entry
}

/// A file whose chunks stand in the entry.
pub fn direct(name: impl AsRef<[u8]>, size: u64, chunks: &[(u32, u32)]) -> Entry {
    let mut entry = entry(name, EntryKind::File);
    entry.size = size;
    let chunk = |(place, len): &(u32, u32)| DirectChunk { place: *place, len: *len };
    entry.content = Some(Content { direct: Some(chunks.iter().map(chunk).collect()), ..Content::default() });
    entry
}

/// A file with a content list.
pub fn listed(name: impl AsRef<[u8]>, size: u64, place: u32) -> Entry {
    let mut entry = entry(name, EntryKind::File);
    entry.size = size;
    entry.content = Some(Content { list: Some(place), ..Content::default() });
    entry
}

/// A segment whose chunks stand in it; its digest is of nothing.
pub fn segment(len: u64, rows: u64, chunks: &[(u32, u32)]) -> Segment {
    let chunk = |(place, len): &(u32, u32)| DirectChunk { place: *place, len: *len };
    let content = Content { direct: Some(chunks.iter().map(chunk).collect()), ..Content::default() };
    Segment { len, rows, low: None, high: None, digest: Bytes32([0; 32]), content }
}

/// A segment with a content list.
pub fn listed_segment(len: u64, rows: u64, place: u32) -> Segment {
    let content = Content { list: Some(place), ..Content::default() };
    Segment { content, ..segment(len, rows, &[]) }
}

/// A file with a segment list.
pub fn segmented(name: impl AsRef<[u8]>, size: u64, place: u32) -> Entry {
    let mut entry = entry(name, EntryKind::File);
    entry.size = size;
    entry.content = Some(Content { segments: Some(place), ..Content::default() });
    entry
}

pub fn symlink(name: impl AsRef<[u8]>, target: &Path) -> Entry {
    let mut entry = entry(name, EntryKind::Symlink);
    entry.link_target = Some(ByteString(target.as_os_str().as_encoded_bytes().to_vec()));
    entry
}

pub fn subfolder(name: impl AsRef<[u8]>, place: Option<u32>) -> Entry {
    let mut entry = entry(name, EntryKind::Directory);
    entry.tree = place;
    entry
}

/// A repository under attack, a target, and something outside that must not change.
pub struct Attack {
    pub lab: Lab,
    pub folder: TempDir,
    pub canary: (Vec<u8>, fs::Metadata),
}

impl Attack {
    pub fn new() -> Self {
        let folder = lab::temp();
        fs::create_dir(folder.path().join("outside")).unwrap();
        let canary = folder.path().join("outside/canary");
        fs::write(&canary, b"alive").unwrap();
        let canary = (b"alive".to_vec(), canary.metadata().unwrap());
        Attack { lab: Lab::new(), folder, canary }
    }

    pub fn outside(&self) -> PathBuf {
        self.folder.path().join("outside")
    }

    pub fn target(&self) -> PathBuf {
        self.folder.path().join("target")
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub fn repository(&self) -> Repository {
        let store = Limited { inner: self.lab.store.clone(), calls: AtomicU64::new(0) };
        lab::open(Arc::new(store), &self.lab.key, &self.cache(), Access::Write).unwrap()
    }

    /// Commits a snapshot whose top folder `build` makes; `change` may spoil its manifest. It says that it has 1,000 files.
    pub fn commit(
        &self,
        build: impl FnOnce(&Forge<'_, '_>) -> ChunkId,
        change: impl FnOnce(&mut Manifest),
    ) -> Snapshot {
        let repository = self.repository();
        let options = WriterOptions { host: "evil".to_owned(), program: "test".to_owned(), ..WriterOptions::default() };
        let session = WriterSession::begin(&repository, &options, &NullMonitor).unwrap();
        let forge = |store: &ChunkStore<'_>| build(&Forge { store, coder: RefCell::new(Coder::new(3).unwrap()) });
        let top = session.write(Mode::Write, |store| Ok(forge(store))).unwrap().value;
        let mut manifest = manifest(session.id(), top);
        change(&mut manifest);
        session.commit_plain(&cbor::encode(&manifest)).unwrap();
        Snapshot { id: manifest.id, manifest }
    }

    /// A snapshot of a folder that `build` makes.
    pub fn snapshot(&self, build: impl FnOnce(&Forge<'_, '_>) -> ChunkId) -> Snapshot {
        self.commit(build, |_| {})
    }

    /// Restores into the target.
    pub fn restore(&self, snapshot: &Snapshot) -> engine::Result<RestoreOutcome> {
        let repository = self.repository();
        let result = restore(
            &repository,
            snapshot,
            &self.target(),
            &RestoreOptions { overwrite: true, ..RestoreOptions::default() },
            &|_, _| {},
            &Patience::default(),
        );
        self.assert_untouched();
        result
    }

    pub fn verify(&self) -> VerifyReport {
        let options = VerifyOptions { depth: Depth::ReadData };
        verify(&self.repository(), &options, &Patience::default()).unwrap()
    }

    /// Tries every operation; whatever it says, it comes to an end and leaves everything outside the target alone.
    pub fn try_everything(&self, snapshot: &Snapshot) {
        let patience = Patience::default();
        for depth in [Depth::Structure, Depth::ReadData] {
            verify(&self.repository(), &VerifyOptions { depth }, &patience).unwrap_or_else(|e| panic!("{}", chain(&e)));
        }
        let repository = self.repository();
        let mut files = Vec::new();
        let listed = engine::snapshots::ls::ls(&repository, snapshot, b"", true, &mut |path, entry| {
            if entry.kind == EntryKind::File {
                files.push(path.to_vec());
            }
            Ok(())
        });
        self.tell("list", listed);
        files.truncate(20);
        for path in files {
            self.tell("cat", cat(&self.repository(), snapshot, &path, &mut Drain(0)));
        }
        self.tell("find", find(&self.repository(), "*e*", &FindOptions::default(), &patience));
        self.tell("stats", stats(&self.repository()));
        let mut empty = snapshot.clone();
        (empty.manifest.tree, empty.manifest.ids) = (None, Vec::new());
        self.tell("diff", diff(&self.repository(), &empty, snapshot, &mut |_| Ok(())));
        self.tell("diff", diff(&self.repository(), snapshot, &empty, &mut |_| Ok(())));
        for dry_run in [true, false, false, true] {
            let options = RestoreOptions { dry_run, delete: true, ..RestoreOptions::default() };
            let repository = self.repository();
            let result = restore(&repository, snapshot, &self.target(), &options, &|_, _| {}, &Patience::default());
            self.tell("restore", result);
            self.assert_untouched();
        }
    }

    /// Errors are as good as results.
    fn tell<T>(&self, what: &str, result: engine::Result<T>) {
        if let Err(error) = result {
            println!("{what}: {:?}: {}", error.kind(), chain(&error));
        }
    }

    pub fn assert_untouched(&self) {
        use std::os::unix::fs::MetadataExt;
        let names: Vec<_> = fs::read_dir(self.outside()).unwrap().map(|item| item.unwrap().file_name()).collect();
        assert_eq!(names, ["canary"], "something has been made outside");
        let path = self.outside().join("canary");
        let now = path.metadata().unwrap();
        let (bytes, before) = &self.canary;
        assert_eq!(fs::read(path).unwrap(), *bytes);
        let of =
            |m: &fs::Metadata| (m.mode(), m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec(), m.nlink(), m.uid());
        assert_eq!(of(&now), of(before), "the attributes of a file outside have changed");
        let mut beside: Vec<_> =
            fs::read_dir(self.folder.path()).unwrap().map(|item| item.unwrap().file_name()).collect();
        beside.retain(|name| !["outside", "cache", "target", "source"].iter().any(|known| name == known));
        assert_eq!(beside.len(), 0, "{beside:?} has been made beside the target");
    }
}

pub fn manifest(id: LeaseId, top: ChunkId) -> Manifest {
    Manifest {
        ids: vec![top],
        seconds: 1_700_000_000,
        host: "evil".to_owned(),
        program: "test".to_owned(),
        config_version: 1,
        keyring_version: 1,
        tree: Some(0),
        statistics: Statistics { files: 1000, ..Statistics::default() },
        left_out: Some(repo_format::manifest::LeftOut::default()),
        ..Manifest::new(ManifestKind::Snapshot, id)
    }
}

/// A monitor that is not asked without end.
#[derive(Default)]
pub struct Patience {
    asked: AtomicU64,
}

impl Monitor for Patience {
    fn problem(&self, _: &[u8], _: &str) {
        assert!(self.asked.fetch_add(1, Ordering::Relaxed) < ENDLESS, "problems do not come to an end");
    }

    fn is_cancelled(&self) -> bool {
        assert!(self.asked.fetch_add(1, Ordering::Relaxed) < ENDLESS, "the operation does not come to an end");
        false
    }
}

/// Takes the first 100 MB of a file.
struct Drain(usize);

impl std::io::Write for Drain {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        if self.0 > 100_000_000 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A store that is not asked without end.
struct Limited {
    inner: MemoryStore,
    calls: AtomicU64,
}

impl Limited {
    fn count(&self) -> &MemoryStore {
        assert!(self.calls.fetch_add(1, Ordering::Relaxed) < ENDLESS, "reading does not come to an end");
        &self.inner
    }
}

impl Store for Limited {
    forward!([count()] location place medium put_new get get_range list ensure_durable delete set_aside stat replace_if);
}

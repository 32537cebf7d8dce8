//! A snapshot of schemas, made by hand: everything that a backup saves of them, without one moment for all.

use engine::chunk::{Coder, Compression};
use engine::database::{
    Connection, RowEncoder, RowKey, Server, describe_table, list_tables, quote_name, read_schema, select_list,
};
use engine::monitor::NullMonitor;
use engine::pack::{ChunkStore, Mode, NodeSink, UPLOADERS};
use engine::repository::{Repository, WriterOptions, WriterSession};
use engine::snapshots::Snapshot;
use engine::tree::{ContentRef, DirectoryBuilder, SegmentItem, SegmentListBuilder, TreeEntry};
use repo_format::database::{Account, AccountsRecord, Flavour, Moment, ServerRecord, TableRecord, escape_name};
use repo_format::entry::{Entry, EntryKind};
use repo_format::id::{Bytes32, ChunkId};
use repo_format::manifest::{ROOT_DATABASE, Root};
use repo_format::node::ContentItem;
use repo_format::pack::ChunkKind;
use scenario_tests::server::TestServer;

use crate::support::{Fixture, backup, by_id};

/// Bytes of a chunk, at most.
const CHUNK: usize = 4 << 20;
/// Bytes of a segment.
const SEGMENT: usize = 20_000;

/// Saves `schemas` of `server`, and `accounts`.
pub fn save(
    fixture: &Fixture,
    repository: &Repository,
    server: &TestServer,
    schemas: &[&str],
    accounts: &[Account],
) -> Snapshot {
    let folder = fixture.folder("nothing");
    let (model, _) = backup(repository, &folder);
    let session = WriterSession::begin(repository, &WriterOptions::default(), &NullMonitor).unwrap();
    let store = ChunkStore::new(&session, Mode::Write).unwrap();
    let top = std::thread::scope(|scope| {
        for _ in 0..UPLOADERS {
            scope.spawn(|| store.run_uploads());
        }
        // Else the uploaders would wait for ever for a test that has failed.
        let _ending = Abandon(&store);
        let mut saver = Saver { store: &store, coder: Coder::new(3).unwrap() };
        let top = saver.top(&mut server.connect(), schemas, accounts);
        store.finish().unwrap();
        top
    });
    drop(store);
    let mut manifest = by_id(repository, model).manifest;
    manifest.id = session.id();
    manifest.ids = vec![top];
    manifest.tree = Some(0);
    let path = repo_format::cbor::ByteString(server.address().public().into_bytes());
    manifest.roots = vec![Root { name: name("database"), kind: ROOT_DATABASE, path }];
    let id = session.id();
    session.commit(&manifest.encode().unwrap()).unwrap();
    by_id(repository, id)
}

fn name(text: &str) -> repo_format::cbor::ByteString {
    repo_format::cbor::ByteString(text.as_bytes().to_vec())
}

struct Abandon<'a, 's>(&'a ChunkStore<'s>);

impl Drop for Abandon<'_, '_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

struct Saver<'a, 's> {
    store: &'a ChunkStore<'s>,
    coder: Coder,
}

impl<'s> Saver<'_, 's> {
    fn sink(&mut self) -> NodeSink<'_, 's> {
        NodeSink { store: self.store, coder: &mut self.coder }
    }

    fn chunk(&mut self, bytes: &[u8]) -> Option<ContentRef> {
        if bytes.is_empty() {
            return None;
        }
        let items = bytes.chunks(CHUNK).map(|piece| {
            let id = self.store.store(&mut self.coder, ChunkKind::Data, piece, Compression::Always).unwrap().id;
            ContentItem { id, len: piece.len() as u64 }
        });
        Some(ContentRef::Direct(items.collect()))
    }

    fn file(&mut self, name: &[u8], bytes: &[u8]) -> TreeEntry {
        let content = if bytes.len() < 200 { Some(ContentRef::Inline(bytes.to_vec())) } else { self.chunk(bytes) };
        TreeEntry { content, ..entry(name, EntryKind::File, bytes.len() as u64) }
    }

    fn folder(&mut self, name: &[u8], mut entries: Vec<TreeEntry>) -> TreeEntry {
        entries.sort_by(|a, b| a.name().cmp(b.name()));
        let mut builder = DirectoryBuilder::default();
        entries.into_iter().for_each(|entry| builder.push(entry, &mut self.sink()).unwrap());
        TreeEntry { tree: builder.finish(&mut self.sink()).unwrap(), ..entry(name, EntryKind::Directory, 0) }
    }

    fn top(&mut self, connection: &mut Connection, schemas: &[&str], accounts: &[Account]) -> ChunkId {
        let server = Server::detect(connection).unwrap();
        let record = record(&server, connection);
        let mut entries = vec![self.file(b".server", &record.encode().unwrap())];
        if !accounts.is_empty() {
            let record = AccountsRecord { accounts: accounts.to_vec() };
            entries.push(self.file(b".accounts", &record.encode().unwrap()));
        }
        for schema in schemas {
            entries.push(self.schema(connection, &server, schema));
        }
        let database = self.folder(b"database", entries);
        self.folder(b"", vec![database]).tree.unwrap()
    }

    fn schema(&mut self, connection: &mut Connection, server: &Server, schema: &str) -> TreeEntry {
        let contents = read_schema(connection, server, schema).unwrap();
        let mut entries = vec![self.file(b".schema", &contents.record.encode().unwrap())];
        for info in list_tables(connection, &[schema.to_owned()]).unwrap() {
            let record = describe_table(connection, server, &info).unwrap();
            let mut inside = vec![self.file(b".table", &record.encode().unwrap())];
            inside.push(self.rows(connection, schema, &record));
            entries.push(self.folder(&escape_name(&info.name), inside));
        }
        self.folder(&escape_name(schema), entries)
    }

    fn rows(&mut self, connection: &mut Connection, schema: &str, table: &TableRecord) -> TreeEntry {
        let history = if table.versioned == Some(true) { " FOR SYSTEM_TIME ALL" } else { "" };
        let (columns, from) = (select_list(table), format!("{}.{}", quote_name(schema), quote_name(&table.name)));
        let mut encoder = RowEncoder::new(table);
        let mut rows: Vec<(RowKey, Vec<u8>)> = Vec::new();
        for row in connection.stream(&format!("SELECT {columns} FROM {from}{history}")).unwrap() {
            let (mut key, mut bytes) = (RowKey::default(), Vec::new());
            encoder.encode(&row.unwrap().unwrap_raw(), &mut bytes, &mut key).unwrap();
            rows.push((key, bytes));
        }
        rows.sort_by(|a, b| a.0.sort.cmp(&b.0.sort));
        let mut list = SegmentListBuilder::default();
        let (mut segment, mut size) = (Vec::new(), 0);
        for row in rows {
            size += row.1.len() as u64;
            segment.push(row);
            if segment.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > SEGMENT {
                self.segment(&mut list, &mut segment);
            }
        }
        self.segment(&mut list, &mut segment);
        TreeEntry { content: list.finish(&mut self.sink()).unwrap(), ..entry(b"rows", EntryKind::File, size) }
    }

    fn segment(&mut self, list: &mut SegmentListBuilder, rows: &mut Vec<(RowKey, Vec<u8>)>) {
        let end = |row: Option<&(RowKey, Vec<u8>)>| row.map(|row| row.0.text.clone()).filter(|key| !key.is_empty());
        let (low, high) = (end(rows.first()), end(rows.last()));
        let bytes: Vec<u8> = rows.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        let Some(content) = self.chunk(&bytes) else { return };
        let digest = Bytes32(*blake3::hash(&bytes).as_bytes());
        let item = SegmentItem { len: bytes.len() as u64, rows: rows.len() as u64, low, high, digest, content };
        list.push(item, &mut self.sink()).unwrap();
        rows.clear();
    }
}

fn entry(name: &[u8], kind: EntryKind, size: u64) -> TreeEntry {
    TreeEntry::new(Entry {
        name: repo_format::cbor::ByteString(name.to_vec()),
        kind,
        mode: 0o600,
        uid: 0,
        gid: 0,
        user: None,
        group: None,
        mtime_seconds: 0,
        mtime_nanoseconds: 0,
        ctime_seconds: 0,
        ctime_nanoseconds: 0,
        inode: 0,
        size,
        content: None,
        tree: None,
        link_target: None,
        xattrs: None,
        hard_link: None,
        holes: None,
        device: None,
        state: None,
    })
}

fn record(server: &Server, connection: &mut Connection) -> ServerRecord {
    let moment = Moment {
        seconds: 0,
        microseconds: 0,
        attempts: 1,
        method: "snapshots".to_owned(),
        commits_blocked: 0,
        tables_locked: 0,
        longest_wait: 0,
    };
    ServerRecord {
        flavour: Flavour::MariaDb,
        version: server.version_text.clone(),
        identity: server.identity(connection).unwrap(),
        hostname: "server".to_owned(),
        started: 0,
        clock_ahead: 0,
        time_zone: "SYSTEM/UTC".to_owned(),
        variables: Vec::new(),
        binlog: None,
        moment,
        carried: Vec::new(),
        late: Vec::new(),
        left_out: Vec::new(),
        profile: None,
    }
}

//! Putting a receipt: its record, and the segments that hold purged rows, and the purged files, as the source snapshot has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use repo_format::database::{
    KeyRange, RECEIPT_FILE, ROWS_FILE, ReceiptRecord, SCHEMA_FILE, SERVER_FILE, TABLE_FILE, escape_name,
};
use repo_format::entry::{Entry, EntryKind, Time};
use repo_format::id::{ChunkId, LeaseId};
use repo_format::limits;
use repo_format::manifest::{ManifestKind, Root};
use repo_format::node::ContentItem;
use repo_format::pack::ChunkKind;

use super::files;
use super::rely::rely_on;
use engine_core::chunk::{Coder, Compression, Cutter, FileCompression, GearTables, ProfileName};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::monitor::Monitor;
use engine_core::pack::{ChunkReader, ChunkStore, Mode, NodeSink};
use engine_core::session::{Draft, WriterSession};
use engine_core::snapshots::Snapshot;
use engine_core::snapshots::saved::{Database, KeyRanges};
use engine_core::tree::{ContentBuilder, ContentRef, DirectoryBuilder, SegmentListBuilder, TreeEntry, join, lookup};

/// Nobody but who restores it needs to read it.
const FILE_MODE: u32 = 0o600;

/// What a receipt is made of, besides its record.
#[derive(Debug, Clone, Copy)]
pub struct ReceiptSource<'s> {
    /// The snapshot that holds the rows.
    pub snapshot: &'s Snapshot,
    /// The name of the database's root in it.
    pub root: &'s [u8],
    /// The path in it of the folder that purged files were in, if files go.
    pub folder: Option<&'s [u8]>,
}

/// Puts a receipt, durably: from then on the rows that it names outlive the snapshot. No row is stored again. Gives its id.
///
/// # Errors
/// [`ErrorKind::Usage`] if the record is of another snapshot, too large, or names rows or files where the snapshot has none;
/// [`ErrorKind::Fenced`] if a prune is about to delete what is needed, or has shut this writer out; if the repository cannot be read or
/// written. There is no receipt then.
pub fn put(
    session: WriterSession<'_>,
    source: &ReceiptSource<'_>,
    receipt: &ReceiptRecord,
    monitor: &dyn Monitor,
) -> Result<LeaseId> {
    if receipt.snapshot != source.snapshot.id {
        let message = format!("the receipt is of snapshot {}, not of {}", receipt.snapshot, source.snapshot.id);
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let tree = session.write(Mode::Write, |store| Writer::new(store, source, monitor)?.top(receipt))?.value;
    let draft = Draft {
        time: Time { seconds: receipt.started, nanoseconds: 0 },
        seen: session.repository().manifests()?.newest_seen(),
        roots: [root(source)?.clone()].into_iter().chain(files::root(source, receipt)?).collect(),
        tree,
        ..Draft::new(ManifestKind::Receipt)
    };
    Ok(session.commit(draft, monitor)?.manifest.id)
}

fn root<'s>(source: &ReceiptSource<'s>) -> Result<&'s Root> {
    let mut roots = engine_core::snapshots::saved::databases(&source.snapshot.manifest);
    roots.find(|root| root.name.0 == source.root).ok_or_else(|| {
        let name = source.root.escape_ascii();
        Error::new(ErrorKind::NotFound, format!("there is no database `{name}` in snapshot {}", source.snapshot.id))
    })
}

/// The ranges of all categories, by schema and table.
type Ranges<'k> = BTreeMap<&'k str, BTreeMap<&'k str, Vec<&'k KeyRange>>>;

pub(super) struct Writer<'w, 's> {
    pub store: &'w ChunkStore<'s>,
    pub source: &'w ReceiptSource<'w>,
    pub reader: ChunkReader<'w>,
    pub monitor: &'w dyn Monitor,
    coder: Coder,
}

impl<'w, 's> Writer<'w, 's> {
    fn new(store: &'w ChunkStore<'s>, source: &'w ReceiptSource<'w>, monitor: &'w dyn Monitor) -> Result<Self> {
        let repository = store.repository();
        let coder = Coder::new(repository.config().zstd_level)?;
        Ok(Writer { store, source, reader: ChunkReader::new(repository), monitor, coder })
    }

    fn sink(&mut self) -> NodeSink<'_, 's> {
        NodeSink { store: self.store, coder: &mut self.coder }
    }

    /// The top directory, with the one root.
    fn top(&mut self, receipt: &ReceiptRecord) -> Result<Option<ChunkId>> {
        let mut ranges = Ranges::new();
        for table in receipt.tables.iter().filter(|table| !table.ranges.is_empty()) {
            ranges.entry(&table.schema).or_default().entry(&table.table).or_default().extend(&table.ranges);
        }
        let path = root(self.source)?.name.0.clone();
        let mut entries = vec![self.record(receipt)?, self.copied(&join(&path, SERVER_FILE))?];
        for (schema, tables) in &ranges {
            entries.push(self.schema(&path, schema, tables)?);
        }
        let mut roots = vec![self.directory(&path, entries)?];
        if let Some(root) = files::root(self.source, receipt)? {
            roots.push(self.files(&root, receipt)?);
        }
        self.nodes(roots)
    }

    fn schema(&mut self, root: &[u8], schema: &str, tables: &BTreeMap<&str, Vec<&KeyRange>>) -> Result<TreeEntry> {
        let path = join(root, &escape_name(schema));
        let mut entries = vec![self.copied(&join(&path, SCHEMA_FILE))?];
        for (table, ranges) in tables {
            entries.push(self.table(&path, (schema, table), ranges)?);
        }
        self.directory(&path, entries)
    }

    fn table(&mut self, folder: &[u8], (schema, table): (&str, &str), ranges: &[&KeyRange]) -> Result<TreeEntry> {
        let path = join(folder, &escape_name(table));
        let definition = self.copied(&join(&path, TABLE_FILE))?;
        let mut rows = self.entry(&join(&path, ROWS_FILE))?;
        (rows.content, rows.meta.size) = self.rows((schema, table), ranges)?;
        self.directory(&path, vec![definition, rows])
    }

    /// The list of the segments that hold rows in `ranges`, and its plain bytes.
    fn rows(&mut self, (schema, table): (&str, &str), ranges: &[&KeyRange]) -> Result<(Option<ContentRef>, u64)> {
        let reader = ChunkReader::new(self.store.repository());
        let saved = Database::open(&reader, &self.source.snapshot.manifest, Some(self.source.root))?
            .schema(schema)?
            .table(table)?;
        let ranges = KeyRanges::new(&saved.record, ranges.iter().copied())?;
        let (mut list, mut bytes, mut covered) = (SegmentListBuilder::default(), 0, 0);
        for segment in saved.segments(&reader)? {
            let segment = segment?;
            let within = ranges.within(&segment)?;
            if within.is_empty() {
                continue;
            }
            if within.start > covered {
                break;
            }
            rely_on(self.store, &reader, Some(&segment.content), self.monitor)?;
            (bytes, covered) = (bytes + segment.len, covered.max(within.end));
            list.push(segment, &mut self.sink())?;
        }
        if covered < ranges.count() {
            let message = format!(
                "snapshot {} does not hold all rows of `{schema}`.`{table}` that the receipt names",
                self.source.snapshot.id
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
        Ok((list.finish(&mut self.sink())?, bytes))
    }

    fn record(&mut self, receipt: &ReceiptRecord) -> Result<TreeEntry> {
        let bytes =
            receipt.encode().map_err(|e| Error::caused(ErrorKind::Usage, "cannot write the receipt of a purge", e))?;
        let mut meta = Entry::new(RECEIPT_FILE.to_vec(), EntryKind::File);
        (meta.mode, meta.size) = (FILE_MODE, bytes.len() as u64);
        (meta.mtime_seconds, meta.ctime_seconds) = (receipt.started, receipt.started);
        let content = match (bytes.len() as u64) < limits::INLINE_CONTENT {
            true => Some(ContentRef::Inline(bytes)),
            false => self.chunks(&bytes)?,
        };
        Ok(TreeEntry { content, ..TreeEntry::new(meta) })
    }

    fn chunks(&mut self, bytes: &[u8]) -> Result<Option<ContentRef>> {
        let repository = self.store.repository();
        let tables = Arc::new(GearTables::new(repository.keys().gear_table()));
        let cutter = Cutter::new(tables, ProfileName::Database.sizes(repository.config()));
        let (mut list, mut start) = (ContentBuilder::default(), 0);
        for end in cutter.ends(bytes, true) {
            let plain = &bytes[start..end];
            let compression = Compression::Probe(&FileCompression::default());
            let stored = self.store.store(&mut self.coder, ChunkKind::Data, plain, compression)?;
            list.push(ContentItem { id: stored.id, len: plain.len() as u64 }, &mut self.sink())?;
            start = end;
        }
        list.finish(&mut self.sink())
    }

    /// A file of the snapshot, as it is.
    fn copied(&mut self, path: &[u8]) -> Result<TreeEntry> {
        let entry = self.entry(path)?;
        rely_on(self.store, &self.reader, entry.content.as_ref(), self.monitor)?;
        Ok(entry)
    }

    /// What the snapshot has at `path`.
    pub fn entry(&self, path: &[u8]) -> Result<TreeEntry> {
        let missing = || Error::new(ErrorKind::NotFound, format!("snapshot {} is empty", self.source.snapshot.id));
        lookup(&self.reader, &self.source.snapshot.manifest, path)?.1.ok_or_else(missing)
    }

    /// The directory that is at `path` in the snapshot, with other entries.
    fn directory(&mut self, path: &[u8], entries: Vec<TreeEntry>) -> Result<TreeEntry> {
        let entry = self.entry(path)?;
        Ok(TreeEntry { tree: self.nodes(entries)?, ..entry })
    }

    /// Stores a directory of `entries`.
    pub fn nodes(&mut self, mut entries: Vec<TreeEntry>) -> Result<Option<ChunkId>> {
        entries.sort_by(|a, b| a.name().cmp(b.name()));
        let mut builder = DirectoryBuilder::default();
        entries.into_iter().try_for_each(|entry| builder.push(entry, &mut self.sink()))?;
        builder.finish(&mut self.sink())
    }
}

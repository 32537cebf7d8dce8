//! Putting a receipt: its record, and the segments that hold purged rows, and the purged files, as the source snapshot has them.

use std::collections::BTreeMap;

use repo_format::database::{
    KeyRange, RECEIPT_FILE, ROWS_FILE, ReceiptRecord, SCHEMA_FILE, SERVER_FILE, TABLE_FILE, escape_name,
};
use repo_format::entry::{Entry, EntryKind, Time};
use repo_format::id::{ChunkId, LeaseId};
use repo_format::manifest::ManifestKind;

use super::files;
use super::rely::rely_on;
use super::source::ReceiptSource;
use super::writer::Writer;
use crate::chunk::ProfileName;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pack::{ChunkReader, Mode};
use crate::session::{Draft, WriterSession};
use crate::snapshots::saved::{Database, KeyRanges};
use crate::tree::{ContentRef, FileWriter, SegmentListBuilder, TreeEntry, join};

/// A list of segments.
struct SegmentList {
    content: Option<ContentRef>,
    /// Plain bytes of their rows.
    bytes: u64,
}

/// Only the user who restores it needs to read it.
const FILE_MODE: u32 = 0o600;

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
        roots: [source.database_root()?.clone()].into_iter().chain(files::root(source, receipt)?).collect(),
        tree,
        ..Draft::new(ManifestKind::Receipt)
    };
    Ok(session.commit(draft, monitor)?.manifest.id)
}

/// The ranges of all categories, by schema and table.
type Ranges<'k> = BTreeMap<&'k str, BTreeMap<&'k str, Vec<&'k KeyRange>>>;

impl Writer<'_, '_> {
    /// The top directory, with the one root.
    fn top(&mut self, receipt: &ReceiptRecord) -> Result<Option<ChunkId>> {
        let mut ranges = Ranges::new();
        for table in receipt.tables.iter().filter(|table| !table.ranges.is_empty()) {
            ranges.entry(&table.schema).or_default().entry(&table.table).or_default().extend(&table.ranges);
        }
        let path = self.source.database_root()?.name.0.clone();
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
            entries.push(self.table(&path, schema, table, ranges)?);
        }
        self.directory(&path, entries)
    }

    fn table(&mut self, folder: &[u8], schema: &str, table: &str, ranges: &[&KeyRange]) -> Result<TreeEntry> {
        let path = join(folder, &escape_name(table));
        let definition = self.copied(&join(&path, TABLE_FILE))?;
        let mut rows = self.entry(&join(&path, ROWS_FILE))?;
        let list = self.segments(schema, table, ranges)?;
        (rows.content, rows.meta.size) = (list.content, list.bytes);
        self.directory(&path, vec![definition, rows])
    }

    /// The list of the segments that hold rows in `ranges`.
    fn segments(&mut self, schema: &str, table: &str, ranges: &[&KeyRange]) -> Result<SegmentList> {
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
        Ok(SegmentList { content: list.finish(&mut self.sink())?, bytes })
    }

    fn record(&mut self, receipt: &ReceiptRecord) -> Result<TreeEntry> {
        let bytes =
            receipt.encode().map_err(|e| Error::caused(ErrorKind::Usage, "cannot write the receipt of a purge", e))?;
        let mut meta = Entry::new(RECEIPT_FILE.to_vec(), EntryKind::File);
        (meta.mode, meta.size) = (FILE_MODE, bytes.len() as u64);
        (meta.mtime_seconds, meta.ctime_seconds) = (receipt.started, receipt.started);
        let mut file = FileWriter::new(self.store, ProfileName::Database)?;
        file.write(&bytes)?;
        Ok(TreeEntry { content: file.finish()?.content, ..TreeEntry::new(meta) })
    }
}

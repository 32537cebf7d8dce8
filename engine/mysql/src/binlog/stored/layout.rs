//! The layout of a log in the repository: its files, its records, its manifest.

use repo_format::cbor::ByteString;
use repo_format::entry::{Entry, EntryKind, Time};
use repo_format::id::ChunkId;
use repo_format::log::{LOG_FILE, LogRecord, TRANSACTIONS_FILE, TransactionRecord};
use repo_format::manifest::{ManifestKind, Root, RootKind, Statistics};

use engine_core::chunk::{Coder, ProfileName};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::pack::{ChunkStore, NodeSink, StoreTotals};
use engine_core::repository::Repository;
use engine_core::session::Draft;
use engine_core::tree::{DirectoryBuilder, FileWriter, TreeEntry, WrittenFile};

/// Nobody but who restores needs to read it.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// The name of the one root.
const ROOT: &[u8] = b"log";

/// A log whose events and transactions are being written.
pub struct Layout<'w, 's> {
    store: &'w ChunkStore<'s>,
    files: Vec<TreeEntry>,
    index: FileWriter<'w, 's>,
}

impl<'w, 's> Layout<'w, 's> {
    /// Begins with nothing.
    ///
    /// # Errors
    /// If the compressor cannot be set up.
    pub fn new(store: &'w ChunkStore<'s>) -> Result<Self> {
        Ok(Layout { store, files: Vec::new(), index: FileWriter::new(store, ProfileName::Files)? })
    }

    /// A file for events; [`Layout::add_file`] takes it when it is full.
    ///
    /// # Errors
    /// As [`Layout::new`].
    pub fn begin_file(&self) -> Result<FileWriter<'w, 's>> {
        FileWriter::new(self.store, ProfileName::Files)
    }

    /// Adds a file of events, under its name.
    ///
    /// # Errors
    /// If the repository cannot be written.
    pub fn add_file(&mut self, name: &[u8], events: FileWriter<'w, 's>) -> Result<()> {
        let written = events.finish()?;
        self.files.push(file(name, written));
        Ok(())
    }

    /// Adds a transaction. A record that is too large keeps fewer tables.
    ///
    /// # Errors
    /// If the repository cannot be written.
    pub fn add_transaction(&mut self, record: &mut TransactionRecord) -> Result<()> {
        let mut encoded = Vec::new();
        append_within(record, &mut encoded)?;
        self.index.write(&encoded)
    }

    /// The top directory of the log, with its one root.
    ///
    /// # Errors
    /// If the repository cannot be written.
    pub fn finish(mut self, record: &LogRecord) -> Result<Option<ChunkId>> {
        let encoded = record.encode().map_err(|e| Error::caused(ErrorKind::Usage, "cannot describe the log", e))?;
        let mut log = self.begin_file()?;
        log.write(&encoded)?;
        self.add_file(LOG_FILE, log)?;
        self.files.push(file(TRANSACTIONS_FILE, self.index.finish()?));
        top(self.store, self.files)
    }
}

/// A log that is ready to be committed.
#[derive(Debug)]
pub struct NewLog {
    /// The address of its server.
    pub address: String,
    /// When it was fetched.
    pub time: Time,
    /// Its top directory.
    pub tree: Option<ChunkId>,
    /// Bytes of its events.
    pub bytes: u64,
    /// The data that were stored for it.
    pub totals: StoreTotals,
}

impl NewLog {
    /// Its manifest, as far as it is known.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub fn draft(self, repository: &Repository) -> Result<Draft> {
        let root = Root {
            name: ByteString(ROOT.to_vec()),
            kind: RootKind::Database,
            path: ByteString(self.address.into_bytes()),
        };
        Ok(Draft {
            time: self.time,
            seen: repository.manifests()?.newest_seen(),
            roots: vec![root],
            tree: self.tree,
            statistics: Statistics {
                read_bytes: self.bytes,
                new_chunks: self.totals.new_chunks,
                new_bytes: self.totals.new_bytes,
                stored_bytes: self.totals.stored_bytes,
                ..Statistics::default()
            },
            ..Draft::new(ManifestKind::Log)
        })
    }
}

/// Appends a record. A record that is too large keeps fewer tables.
fn append_within(record: &mut TransactionRecord, bytes: &mut Vec<u8>) -> Result<()> {
    while let Err(error) = record.append_to(bytes) {
        if record.tables.is_empty() {
            return Err(Error::caused(ErrorKind::Usage, "cannot describe a transaction", error));
        }
        record.tables.truncate(record.tables.len() / 2);
        record.flags.add(repo_format::log::TransactionFlags::MORE_TABLES);
    }
    Ok(())
}

fn file(name: &[u8], written: WrittenFile) -> TreeEntry {
    let mut meta = Entry::new(name.to_vec(), EntryKind::File);
    (meta.mode, meta.size) = (FILE_MODE, written.len);
    TreeEntry { content: written.content, ..TreeEntry::new(meta) }
}

/// The top directory, with the one root.
fn top(store: &ChunkStore<'_>, mut entries: Vec<TreeEntry>) -> Result<Option<ChunkId>> {
    let mut coder = Coder::new(store.repository().config().zstd_level)?;
    let mut sink = NodeSink { store, coder: &mut coder };
    entries.sort_by(|a, b| a.name().cmp(b.name()));
    let mut root = DirectoryBuilder::default();
    entries.into_iter().try_for_each(|entry| root.push(entry, &mut sink))?;
    let mut meta = Entry::new(ROOT.to_vec(), EntryKind::Directory);
    meta.mode = FOLDER_MODE;
    let tree = root.finish(&mut sink)?;
    let mut top = DirectoryBuilder::default();
    top.push(TreeEntry { tree, ..TreeEntry::new(meta) }, &mut sink)?;
    top.finish(&mut sink)
}

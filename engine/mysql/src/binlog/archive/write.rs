//! Events into the repository: files of events, the index of transactions, and the record of both.

use repo_format::cbor::ByteString;
use repo_format::entry::{Entry, EntryKind};
use repo_format::id::ChunkId;
use repo_format::limits;
use repo_format::log::{
    Coverage, LOG_FILE, LogFile, LogPlace, LogRecord, TRANSACTIONS_FILE, TimeSource, TransactionRecord, part_name,
};

use super::reading::{FileBegins, Reading, Received, ReceivedEvent};
use crate::binlog::event::{Event, Kind, Malformed};
use crate::binlog::transaction::{Ended, Placed, Step, Transactions};
use engine_core::chunk::{Coder, ProfileName};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::machine;
use engine_core::monitor::Monitor;
use engine_core::pack::{ChunkStore, NodeSink};
use engine_core::tree::{DirectoryBuilder, FileWriter, TreeEntry, WrittenFile};

/// The size of one transaction's events that wait for its end in memory. Events of a larger one are stored before it
/// ends.
const PENDING_MAX: usize = 16 << 20;
/// Nobody but who restores needs to read it.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// The name of the one root.
pub const ROOT: &[u8] = b"log";

/// When writing ends, at the next end of a transaction.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// At the end of the log.
    EndOfLog,
    /// After so long, or when so many bytes are there.
    Interval {
        /// When, by the clock that only runs.
        deadline: std::time::Instant,
        /// Bytes of events.
        bytes: u64,
    },
}

/// Parts of a log's record that do not depend on the written events.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Everything of the record that is known before.
    pub record: LogRecord,
    /// The server's clock minus ours, in microseconds.
    pub ahead: i64,
    /// Whether events arrive as they are written: then the time of their arrival is that of their commit.
    pub is_live: bool,
}

/// The result of writing.
#[derive(Debug)]
pub struct Written {
    /// The top directory.
    pub tree: Option<ChunkId>,
    /// The record.
    pub record: LogRecord,
    /// Bytes of events.
    pub bytes: u64,
    /// Times of the first and of the last transaction.
    pub times: Option<(i64, i64)>,
    /// Why it ended.
    pub end: WriteEnd,
}

/// Why writing ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteEnd {
    /// The log ended.
    EndOfLog,
    /// It was time, or enough was there.
    Interval,
    /// A file follows that lacks what was read.
    Forked(LogPlace),
    /// The server says that it lost events.
    Incident,
}

/// Writes one log.
pub struct LogWriter<'w, 's> {
    store: &'w ChunkStore<'s>,
    monitor: &'w dyn Monitor,
    subject: Subject,
    transactions: Transactions,
    index: FileWriter<'w, 's>,
    /// Events of the file that is read.
    part: Option<Part<'w, 's>>,
    done: Vec<TreeEntry>,
    /// Events of the transaction that has begun.
    pending: Pending,
    bytes: u64,
    times: Option<(i64, i64)>,
}

/// Events of one file.
struct Part<'w, 's> {
    name: Vec<u8>,
    events: FileWriter<'w, 's>,
}

/// Events that are not stored yet.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    /// Some of the transaction are stored.
    is_spilled: bool,
}

impl<'w, 's> LogWriter<'w, 's> {
    /// Begins with nothing.
    ///
    /// # Errors
    /// If the compressor cannot be set up.
    pub fn new(store: &'w ChunkStore<'s>, subject: Subject, monitor: &'w dyn Monitor) -> Result<Self> {
        Ok(LogWriter {
            store,
            monitor,
            subject,
            transactions: Transactions::default(),
            index: FileWriter::new(store, ProfileName::Files)?,
            part: None,
            done: Vec::new(),
            pending: Pending::default(),
            bytes: 0,
            times: None,
        })
    }

    /// Writes what `reading` gives.
    ///
    /// # Errors
    /// If the server is lost or sends what is damaged; if the repository cannot be written.
    pub fn write(mut self, reading: &mut Reading, until: Until) -> Result<Written> {
        if let Some(format) = reading.format().cloned() {
            // The file is read on from the log before.
            self.begin_file(&FileBegins { name: reading.file().to_owned(), format })?;
        }
        let end = loop {
            if self.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            match reading.next()? {
                Received::File(begins) => self.begin_file(&begins)?,
                Received::Event(event) => {
                    if let Some(end) = self.add(&event, reading)? {
                        break end;
                    }
                }
                Received::Idle => self.subject.record.complete_until = self.server_now(),
                Received::End => break WriteEnd::EndOfLog,
                Received::Forked(begins) => {
                    let place =
                        LogPlace { file: begins.name, offset: repo_format::log::FIRST_OFFSET, gtid: String::new() };
                    break WriteEnd::Forked(place);
                }
            }
            if !self.transactions.is_within() && self.is_enough(until) {
                break WriteEnd::Interval;
            }
        };
        self.finish(end)
    }

    fn is_enough(&self, until: Until) -> bool {
        match until {
            Until::EndOfLog => false,
            Until::Interval { deadline, bytes } => self.bytes >= bytes || std::time::Instant::now() >= deadline,
        }
    }

    fn server_now(&self) -> i64 {
        let now = machine::now();
        now.seconds * 1_000_000 + i64::from(now.nanoseconds / 1000) + self.subject.ahead
    }

    /// The server's file before has ended, and this one begins.
    fn begin_file(&mut self, begins: &FileBegins) -> Result<()> {
        if self.part.is_some() && self.subject.record.to.file == begins.name {
            return Ok(());
        }
        // A transaction that is cut short there never took place.
        self.pending = Pending::default();
        self.end_part()?;
        let record = &mut self.subject.record;
        if let Some(last) = record.files.last_mut() {
            last.is_closed = true;
        }
        let goes_on = begins.name == record.to.file;
        let first = if goes_on { record.to.offset } else { repo_format::log::FIRST_OFFSET };
        record.files.push(LogFile {
            name: begins.name.clone(),
            format: ByteString(begins.format.bytes.clone()),
            first,
            end: first,
            is_closed: false,
        });
        if record.files.len() as u64 > limits::LOG_FILES_COUNT {
            return Err(Error::new(
                ErrorKind::Database,
                "the server's binary log has more files than one log can hold",
            ));
        }
        (record.to.file, record.to.offset) = (begins.name.clone(), first);
        let events = FileWriter::new(self.store, ProfileName::Files)?;
        self.part = Some(Part { name: part_name(&begins.name, first), events });
        Ok(())
    }

    /// Takes an event; gives whether the log ends with it.
    fn add(&mut self, event: &ReceivedEvent, reading: &mut Reading) -> Result<Option<WriteEnd>> {
        let (Some(format), Some(part)) = (reading.format(), &self.part) else {
            return Err(Error::new(ErrorKind::Database, "the server sent an event before its file"));
        };
        let placed = Placed {
            event: Event::new(&event.bytes).map_err(|why| unusable(reading.file(), event, why))?,
            file: u32::try_from(self.subject.record.files.len() - 1).unwrap_or(u32::MAX),
            begin: event.begin,
            end: event.end,
            skip: part.events.len() + self.pending.bytes.len() as u64,
            arrival: self.subject.is_live.then(|| self.server_now()),
        };
        let step = self.transactions.add(&placed, format).map_err(|why| unusable(reading.file(), event, why))?;
        let is_incident = placed.event.header.kind == Kind::INCIDENT;
        self.pending.bytes.extend_from_slice(&event.bytes);
        self.monitor.advance(engine_core::monitor::Work { items: 0, bytes: event.bytes.len() as u64 });
        match step {
            Step::Within if self.pending.bytes.len() > PENDING_MAX => self.spill()?,
            Step::Within => {}
            Step::Between => self.settle(event.end)?,
            Step::Ends(ended) => {
                if let Some(gtid) = &ended.gtid {
                    reading.gtids().add(gtid);
                }
                self.note(*ended)?;
                self.settle(event.end)?;
            }
        }
        if !self.transactions.is_within() {
            self.subject.record.to.gtid = reading.gtids().to_string();
            if self.subject.is_live {
                self.subject.record.complete_until = self.server_now();
            }
        }
        if is_incident {
            self.subject.record.coverage = Coverage::Incident;
            let why = "the server says that events are missing from its binary log there";
            self.subject.record.coverage_reason = Some(why.to_owned());
        }
        Ok(is_incident.then_some(WriteEnd::Incident))
    }

    /// Keeps a transaction.
    fn note(&mut self, Ended { mut record, .. }: Ended) -> Result<()> {
        let last = self.times.map_or(i64::MIN, |(_, last)| last);
        if record.time_source == TimeSource::Statement {
            // A statement may have begun before the one that was committed before it.
            record.time = record.time.max(last);
        }
        let mut encoded = Vec::new();
        append_within(&mut record, &mut encoded)?;
        self.index.write(&encoded)?;
        self.subject.record.transactions += 1;
        self.times = Some((self.times.map_or(record.time, |(first, _)| first), record.time));
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        if let Some(part) = &mut self.part {
            part.events.write(&self.pending.bytes)?;
        }
        self.bytes += self.pending.bytes.len() as u64;
        self.pending.bytes.clear();
        self.pending.is_spilled = true;
        Ok(())
    }

    /// Everything up to `end` lies between two transactions, so it stays.
    fn settle(&mut self, end: u64) -> Result<()> {
        self.spill()?;
        self.pending = Pending::default();
        let record = &mut self.subject.record;
        record.to.offset = end;
        if let Some(file) = record.files.last_mut() {
            file.end = end;
        }
        Ok(())
    }

    fn end_part(&mut self) -> Result<()> {
        let Some(part) = self.part.take() else { return Ok(()) };
        let written = part.events.finish()?;
        if written.len > 0 {
            self.done.push(file(&part.name, written));
        }
        Ok(())
    }

    fn finish(mut self, end: WriteEnd) -> Result<Written> {
        if self.pending.is_spilled && !self.pending.bytes.is_empty() {
            let message = "the server's binary log ends inside a transaction; nothing of this run was kept";
            return Err(Error::new(ErrorKind::Database, message).with_hint("The next run reads it again."));
        }
        self.end_part()?;
        if matches!(end, WriteEnd::Forked(_))
            && let Some(last) = self.subject.record.files.last_mut()
        {
            last.is_closed = true;
        }
        let mut record = self.subject.record;
        if let Some((_, last)) = self.times {
            // The two clocks are compared to a few milliseconds only.
            record.complete_until = record.complete_until.max(last);
        }
        record.files.retain(|file| file.end > file.first || file.is_closed);
        let encoded = record.encode().map_err(|e| Error::caused(ErrorKind::Usage, "cannot describe the log", e))?;
        let mut log = FileWriter::new(self.store, ProfileName::Files)?;
        log.write(&encoded)?;
        let mut entries = self.done;
        entries.push(file(LOG_FILE, log.finish()?));
        entries.push(file(TRANSACTIONS_FILE, self.index.finish()?));
        let tree = top(self.store, entries)?;
        Ok(Written { tree, record, bytes: self.bytes, times: self.times, end })
    }
}

fn unusable(file: &str, event: &ReceivedEvent, why: Malformed) -> Error {
    let message = format!("the server's binary log cannot be used at {file}:{}", event.begin);
    Error::caused(ErrorKind::Database, message, why)
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

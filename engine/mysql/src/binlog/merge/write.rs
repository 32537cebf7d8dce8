//! One log of several.

use repo_format::entry::Time;
use repo_format::log::{LogFile, LogRecord, part_name};

use crate::binlog::stored::{Layout, NewLog, StoredLog};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::monitor::{Monitor, Work};
use engine_core::pack::{ChunkReader, ChunkStore, Mode};
use engine_core::repository::Repository;
use engine_core::session::{WriterOptions, WriterSession};
use engine_core::tree::FileWriter;

/// Writes a log that has all that `logs` have, each of which follows the one before. Every event is checked on the way.
///
/// # Errors
/// If one of them cannot be read, or the repository cannot be written.
pub fn write_merged(
    repository: &Repository,
    address: &str,
    logs: &[&StoredLog],
    writer: &WriterOptions,
    monitor: &dyn Monitor,
) -> Result<()> {
    let Some(last) = logs.last() else { return Ok(()) };
    let session = WriterSession::begin(repository, writer, monitor)?;
    let reader = ChunkReader::new(repository);
    let written = session.write(Mode::Write, |store| {
        let mut merging = Merging::new(store, logs)?;
        logs.iter().try_for_each(|log| merging.add(&reader, log, monitor))?;
        merging.finish()
    })?;
    let (tree, bytes) = written.value;
    // In the order of times it stands where they stood.
    let time = Time { seconds: last.manifest.seconds, nanoseconds: last.manifest.nanoseconds };
    let new = NewLog { address: address.to_owned(), time, tree, bytes, totals: written.totals };
    session.commit(new.draft(repository)?, monitor).map(drop)
}

struct Merging<'w, 's> {
    layout: Layout<'w, 's>,
    record: LogRecord,
    /// Events of the last file.
    part: Option<FileWriter<'w, 's>>,
    bytes: u64,
}

impl<'w, 's> Merging<'w, 's> {
    fn new(store: &'w ChunkStore<'s>, logs: &[&StoredLog]) -> Result<Self> {
        let first = logs.first().map(|log| log.record.clone()).ok_or_else(nothing)?;
        let record = LogRecord { files: Vec::new(), transactions: 0, to: first.from.clone(), ..first };
        Ok(Merging { layout: Layout::new(store)?, record, part: None, bytes: 0 })
    }

    fn add(&mut self, reader: &ChunkReader<'_>, log: &StoredLog, monitor: &dyn Monitor) -> Result<()> {
        // The place of each of its files in this log, and the bytes that are there before its own.
        let mut places = Vec::new();
        for file in &log.record.files {
            places.push(self.add_events(reader, log, file, monitor)?);
        }
        for transaction in log.transactions(reader)? {
            let mut transaction = transaction?;
            let place = usize::try_from(transaction.file).ok().and_then(|at| places.get(at)).ok_or_else(|| {
                Error::new(
                    ErrorKind::Damaged,
                    format!("the list of transactions of the log {} names no file", log.id()),
                )
            })?;
            transaction.file = place.file;
            transaction.skip = transaction.skip.saturating_add(place.before);
            self.layout.add_transaction(&mut transaction)?;
            self.record.transactions += 1;
        }
        let record = &mut self.record;
        (record.to, record.complete_until) = (log.record.to.clone(), log.record.complete_until);
        record.clock_ahead = log.record.clock_ahead;
        Ok(())
    }

    /// Adds the events of a file of a log, behind those of the same file that are there.
    fn add_events(
        &mut self,
        reader: &ChunkReader<'_>,
        log: &StoredLog,
        file: &LogFile,
        monitor: &dyn Monitor,
    ) -> Result<Place> {
        let continues = self.record.files.last().is_some_and(|last| last.name == file.name && last.end == file.first);
        if !continues {
            self.end_file()?;
            self.record.files.push(LogFile { end: file.first, ..file.clone() });
        }
        let part = match self.part.take() {
            Some(part) => self.part.insert(part),
            None => self.part.insert(self.layout.begin_file()?),
        };
        let before = part.len();
        if file.end > file.first {
            let mut events = log.events(reader, file, 0)?;
            while let Some(event) = events.next_event()? {
                if monitor.is_cancelled() {
                    return Err(Error::cancelled());
                }
                part.write(&event)?;
                monitor.advance(Work { items: 0, bytes: event.len() as u64 });
            }
        }
        self.bytes += part.len() - before;
        let number = u32::try_from(self.record.files.len() - 1).map_err(|_| nothing())?;
        if let Some(last) = self.record.files.last_mut() {
            (last.end, last.is_closed) = (file.end, file.is_closed);
        }
        Ok(Place { file: number, before })
    }

    /// A file without events has no part.
    fn end_file(&mut self) -> Result<()> {
        let Some(part) = self.part.take().filter(|part| !part.is_empty()) else { return Ok(()) };
        let Some(file) = self.record.files.last() else { return Ok(()) };
        self.layout.add_file(&part_name(&file.name, file.first), part)
    }

    fn finish(mut self) -> Result<(Option<repo_format::id::ChunkId>, u64)> {
        self.end_file()?;
        Ok((self.layout.finish(&self.record)?, self.bytes))
    }
}

/// Where a file of a small log went.
struct Place {
    /// The place of its file.
    file: u32,
    /// Bytes of events before its own.
    before: u64,
}

fn nothing() -> Error {
    Error::new(ErrorKind::Usage, "there is nothing to merge, or too much")
}

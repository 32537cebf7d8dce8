//! The contents of a stored log: its transactions, and the events of its files.

use repo_format::log::{LogFile, TRANSACTIONS_FILE, TransactionRecord, TransactionsReader, part_name};

use super::{StoredLog, part_entry};
use crate::binlog::event::{EventBuffer, Format, Malformed};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::pack::ChunkReader;
use engine_core::tree::FilePieces;

/// The transactions of a log, in the order of their commits. After an error nothing follows.
pub struct TransactionIter<'r> {
    pieces: Option<FilePieces<'r>>,
    records: TransactionsReader,
    shown: String,
}

/// The events of one of a log's files.
pub struct EventIter<'r> {
    pieces: FilePieces<'r>,
    events: EventBuffer,
    format: Format,
    shown: String,
}

impl StoredLog {
    /// Its transactions.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if their list is not there.
    pub fn transactions<'r>(&self, reader: &'r ChunkReader<'r>) -> Result<TransactionIter<'r>> {
        let entry = part_entry(reader, &self.manifest, TRANSACTIONS_FILE)?;
        let pieces = FilePieces::new(reader, &entry, 0)?;
        let shown = format!("the list of transactions of the log {}", self.id());
        Ok(TransactionIter { pieces: Some(pieces), records: TransactionsReader::default(), shown })
    }

    /// The events of one of its files, behind the first `skip` bytes: see [`TransactionRecord::skip`].
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if they are not there.
    pub fn events<'r>(&self, reader: &'r ChunkReader<'r>, file: &LogFile, skip: u64) -> Result<EventIter<'r>> {
        let shown = format!("{} of the log {}", file.name, self.id());
        let format = Format::read(&file.format.0)
            .map_err(|why| Error::caused(ErrorKind::Damaged, format!("{shown} cannot be read"), why))?;
        let entry = part_entry(reader, &self.manifest, &part_name(&file.name, file.first))?;
        Ok(EventIter { pieces: FilePieces::new(reader, &entry, skip)?, events: EventBuffer::default(), format, shown })
    }
}

impl Iterator for TransactionIter<'_> {
    type Item = Result<TransactionRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.next_record().transpose();
        if matches!(result, None | Some(Err(_))) {
            self.pieces = None;
        }
        result
    }
}

impl TransactionIter<'_> {
    fn next_record(&mut self) -> Result<Option<TransactionRecord>> {
        let Some(pieces) = &mut self.pieces else { return Ok(None) };
        loop {
            if let Some(record) = self.records.next_record().map_err(|e| Error::damaged(&self.shown, e))? {
                return Ok(Some(record));
            }
            match pieces.next() {
                Some(piece) => self.records.push(&piece?),
                None => {
                    let records = std::mem::take(&mut self.records);
                    return records.finish().map(|()| None).map_err(|e| Error::damaged(&self.shown, e));
                }
            }
        }
    }
}

impl EventIter<'_> {
    /// How the events are to be read.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// The next event, checked by its checksum; `None` at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub fn next_event(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let damaged = |why: Malformed| Error::caused(ErrorKind::Damaged, self.shown.clone(), why);
            let next = self.events.next_event().map_err(damaged)?;
            if let Some(event) = next {
                event.check(&self.format).map_err(damaged)?;
                return Ok(Some(event.bytes().to_vec()));
            }
            match self.pieces.next() {
                Some(piece) => self.events.push(&piece?),
                None if self.events.is_empty() => return Ok(None),
                None => return Err(damaged(Malformed("the last event is cut short"))),
            }
        }
    }
}

//! The transactions of one server, in the order of their commits, each once.

use std::collections::HashMap;
use std::ops::Range;
use std::vec::IntoIter;

use repo_format::id::{LeaseId, StreamId};
use repo_format::log::TransactionRecord;

use super::seen::Seen;
use super::{ChangeKind, Listed};
use crate::binlog::stored::{StoredLog, TransactionIter};
use engine_core::error::{Error, Result};
use engine_core::pack::ChunkReader;

/// The logs of one address.
pub struct Source<'l> {
    reader: &'l ChunkReader<'l>,
    /// Logs that were not begun.
    logs: IntoIter<&'l StoredLog>,
    open: Option<Open<'l>>,
    seen: Seen,
    /// The transaction that comes next.
    ahead: Option<Listed>,
    unreadable: Vec<(LeaseId, Error)>,
}

/// A log that is being read.
struct Open<'l> {
    log: &'l StoredLog,
    records: TransactionIter<'l>,
    /// The parts that other logs have had, of each of its files.
    known: Vec<Vec<Range<u64>>>,
    /// The file of the last transaction, and where that ended.
    reached: Option<(usize, u64)>,
}

impl<'l> Source<'l> {
    /// The sources of all addresses.
    pub fn of_all(logs: &'l [StoredLog], reader: &'l ChunkReader<'l>) -> Vec<Self> {
        let mut by_address: HashMap<&[u8], Vec<&StoredLog>> = HashMap::new();
        for log in logs {
            by_address.entry(log.address()).or_default().push(log);
        }
        by_address.into_values().map(|logs| Source::new(logs, reader)).collect()
    }

    fn new(mut logs: Vec<&'l StoredLog>, reader: &'l ChunkReader<'l>) -> Self {
        // A stream ends before the next one begins.
        let mut begins: HashMap<StreamId, i64> = HashMap::new();
        for log in &logs {
            let begin = begins.entry(log.record.stream).or_insert(i64::MAX);
            *begin = log.record.complete_until.min(*begin);
        }
        logs.sort_by_key(|log| (begins.get(&log.record.stream).copied(), log.record.complete_until));
        let (seen, logs) = (Seen::default(), logs.into_iter());
        Source { reader, logs, open: None, seen, ahead: None, unreadable: Vec::new() }
    }

    /// The transaction that comes next.
    ///
    /// # Errors
    /// If the store fails. A log that is damaged is passed over.
    pub fn peek(&mut self) -> Result<Option<&Listed>> {
        if self.ahead.is_none() {
            self.ahead = self.find()?;
        }
        Ok(self.ahead.as_ref())
    }

    /// Takes it.
    ///
    /// # Errors
    /// As [`Source::peek`].
    pub fn next(&mut self) -> Result<Option<Listed>> {
        self.peek()?;
        Ok(self.ahead.take())
    }

    /// Logs that could not be read, and why.
    pub fn into_unreadable(self) -> Vec<(LeaseId, Error)> {
        self.unreadable
    }

    fn find(&mut self) -> Result<Option<Listed>> {
        loop {
            let Some(open) = &mut self.open else {
                let Some(log) = self.logs.next() else { return Ok(None) };
                self.begin(log)?;
                continue;
            };
            match open.next() {
                Some(Ok(listed)) => return Ok(Some(listed)),
                ended => self.end(ended.and_then(Result::err))?,
            }
        }
    }

    fn begin(&mut self, log: &'l StoredLog) -> Result<()> {
        let (stream, files) = (log.record.stream, &log.record.files);
        if files.iter().all(|file| self.seen.has(stream, file)) {
            return Ok(());
        }
        let known = files.iter().map(|file| self.seen.of(stream, &file.name)).collect();
        match log.transactions(self.reader) {
            Ok(records) => self.open = Some(Open { log, records, known, reached: None }),
            Err(error) => self.note(log, error)?,
        }
        Ok(())
    }

    /// Ends the open log. Transactions that a damaged one has given are not given again.
    fn end(&mut self, error: Option<Error>) -> Result<()> {
        let Some(Open { log, reached, .. }) = self.open.take() else { return Ok(()) };
        for (at, file) in log.record.files.iter().enumerate() {
            let end = match (&error, reached) {
                (None, _) => file.end,
                (Some(_), Some((last, end))) if at == last => end,
                (Some(_), Some((last, _))) if at < last => file.end,
                (Some(_), _) => break,
            };
            self.seen.add(log.record.stream, &file.name, file.first..end);
        }
        error.map_or(Ok(()), |error| self.note(log, error))
    }

    fn note(&mut self, log: &StoredLog, error: Error) -> Result<()> {
        if error.is_damage() {
            self.unreadable.push((log.id(), error));
            Ok(())
        } else {
            Err(error)
        }
    }
}

impl Open<'_> {
    /// The next transaction that no log before had.
    fn next(&mut self) -> Option<Result<Listed>> {
        loop {
            let record = match self.records.next()? {
                Ok(record) => record,
                Err(error) => return Some(Err(error)),
            };
            let at = usize::try_from(record.file).ok().filter(|at| *at < self.known.len());
            let Some(at) = at else { continue };
            self.reached = Some((at, record.end));
            if !self.known[at].iter().any(|part| part.contains(&record.begin)) {
                return Some(Ok(self.listed(at, record)));
            }
        }
    }

    fn listed(&self, at: usize, record: TransactionRecord) -> Listed {
        let log = self.log;
        let file = log.record.files[at].name.clone();
        Listed { log: log.id(), stream: log.record.stream, file, kind: ChangeKind::of(&record), record }
    }
}

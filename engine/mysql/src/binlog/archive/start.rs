//! Where fetching begins: behind the newest log of the same server, or with a new stream.

use repo_format::id::{LeaseId, StreamId};
use repo_format::log::{Coverage, FIRST_OFFSET, LogFile, LogPlace, LogRecord, StreamStart};

use crate::binlog::event::Format;
use crate::binlog::stored::StoredLog;
use crate::database::{BinaryLog, ServerLogFile};
use engine_core::crypto::random;
use engine_core::error::{Error, ErrorKind, Result};

/// Where fetching begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The stream.
    pub stream: StreamId,
    /// The place.
    pub place: LogPlace,
    /// The log before.
    pub previous: Option<LeaseId>,
    /// Why the stream begins.
    pub reason: Option<StreamStart>,
    /// The file as the log before has it: the server's must be the same.
    pub known_file: Option<LogFile>,
    /// Everything that was committed by then comes before the place: microseconds since 1970 by the server's clock. 0 if that is not known.
    pub complete_until: i64,
}

/// The facts that decide where to begin.
pub struct Known<'k> {
    /// The server's log.
    pub log: &'k BinaryLog,
    /// The server's identity among all servers.
    pub identity: &'k str,
    /// See [`crate::binlog::stored::StoredLogs::newest`].
    pub newest: &'k [StoredLog],
    /// The file that snapshots of the server need first, if any.
    pub needed_file: Option<&'k str>,
}

impl Known<'_> {
    /// The place where fetching goes on, or begins.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] if the server names no file.
    pub fn start(&self) -> Result<Start> {
        let Some(last) = self.newest.iter().rfind(|log| log.record.identity == self.identity) else {
            let reason = if self.newest.is_empty() { StreamStart::First } else { StreamStart::OtherServer };
            return self.begin(reason);
        };
        let record = &last.record;
        let start = match self.log.files.iter().find(|file| file.name == record.to.file) {
            Some(file) if file.size >= record.to.offset => Start::after(last.id(), record),
            Some(_) => self.after_lost_tail(&record.to.file)?,
            None if self.is_before_all(&record.to.file) => self.begin_with_oldest(StreamStart::Gap)?,
            None => self.begin_with_oldest(StreamStart::Reset)?,
        };
        if record.coverage == Coverage::Incident && start.reason.is_none() {
            let gap = begin_at(StreamStart::Gap, record.to.clone())?;
            return Ok(Start { known_file: start.known_file, ..gap });
        }
        Ok(start)
    }

    /// The beginning of the file of which the server has less than the log before, if there is one: it is another file, or it lost its tail.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn shorter_file(&self) -> Result<Option<Start>> {
        let Some(last) = self.newest.iter().rfind(|log| log.record.identity == self.identity) else { return Ok(None) };
        let to = &last.record.to;
        let Some(file) = self.log.files.iter().find(|file| file.name == to.file && file.size < to.offset) else {
            return Ok(None);
        };
        let beginning = begin_at(StreamStart::Reset, beginning(file))?;
        Ok(Some(Start { known_file: known_file(&last.record), ..beginning }))
    }

    /// A stream that begins because the server's file is another one than the log before has.
    ///
    /// # Errors
    /// As [`Known::start`].
    pub fn reset(&self) -> Result<Start> {
        self.begin_with_oldest(StreamStart::Reset)
    }

    /// Whether the server has deleted `file`, and what followed it: its oldest file has a higher number.
    fn is_before_all(&self, file: &str) -> bool {
        let oldest = self.log.files.first().and_then(|oldest| number(&oldest.name));
        number(file).zip(oldest).is_some_and(|(own, oldest)| own < oldest)
    }

    /// The server's file ends before the log that is kept: it lost what it had not written to its disk when the machine died.
    fn after_lost_tail(&self, file: &str) -> Result<Start> {
        let at = self.log.files.iter().position(|other| other.name == file);
        let next = at.and_then(|at| self.log.files.get(at + 1));
        match next {
            Some(next) => self.begin_at(StreamStart::Fork, beginning(next)),
            None => self.begin_with_oldest(StreamStart::Reset),
        }
    }

    /// The first stream begins with what snapshots need, or with the newest file.
    fn begin(&self, reason: StreamStart) -> Result<Start> {
        let needed = self.log.files.iter().find(|file| self.needed_file == Some(&file.name));
        match needed.or(self.log.files.last()) {
            Some(file) => self.begin_at(reason, beginning(file)),
            None => Err(no_file()),
        }
    }

    fn begin_with_oldest(&self, reason: StreamStart) -> Result<Start> {
        self.begin_at(reason, beginning(self.log.files.first().ok_or_else(no_file)?))
    }

    fn begin_at(&self, reason: StreamStart, place: LogPlace) -> Result<Start> {
        begin_at(reason, place)
    }
}

/// Whether the server's log, as it was seen, lacks a part of what is kept of the server.
pub fn lacks(log: &BinaryLog, newest: &[StoredLog], identity: &str) -> bool {
    newest.iter().filter(|kept| kept.record.identity == identity).any(|kept| {
        let to = &kept.record.to;
        !log.files.iter().any(|file| file.name == to.file && file.size >= to.offset)
    })
}

/// A new stream.
///
/// # Errors
/// If there is no randomness.
pub fn begin_at(reason: StreamStart, place: LogPlace) -> Result<Start> {
    let stream = StreamId(random()?);
    Ok(Start { stream, place, previous: None, reason: Some(reason), known_file: None, complete_until: 0 })
}

/// The file where a log ends, as far as the log has it.
fn known_file(record: &LogRecord) -> Option<LogFile> {
    record.files.iter().rfind(|file| file.name == record.to.file).cloned()
}

impl Start {
    /// Behind the log `id`.
    pub fn after(id: LeaseId, record: &LogRecord) -> Self {
        Start {
            stream: record.stream,
            place: record.to.clone(),
            previous: Some(id),
            reason: None,
            known_file: known_file(record),
            complete_until: record.complete_until,
        }
    }

    /// Whether `format` is that of the file that the log before has. A server that began anew gives its files the same names.
    pub fn fits(&self, format: &Format) -> bool {
        let Some(known) = &self.known_file else { return true };
        match Format::read(&known.format.0) {
            Ok(known) => known.timestamp == format.timestamp && known.version == format.version,
            Err(_) => false,
        }
    }
}

fn no_file() -> Error {
    Error::new(ErrorKind::Database, "the server keeps a binary log, and names no file of it")
}

/// The place of a file's first event.
pub fn beginning(file: &ServerLogFile) -> LogPlace {
    LogPlace { file: file.name.clone(), offset: FIRST_OFFSET, gtid: String::new() }
}

/// The number at the end of a file's name.
fn number(file: &str) -> Option<u64> {
    file.rsplit('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_compared_by_their_numbers() {
        assert_eq!(number("binlog.000010"), Some(10));
        assert!(number("binlog.1000000") > number("binlog.999999"));
        assert_eq!(number("binlog"), None);
    }
}

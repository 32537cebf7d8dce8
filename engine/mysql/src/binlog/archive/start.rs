//! Where fetching begins: behind the newest log of the same server, or with a new stream.

use repo_format::id::{LeaseId, StreamId};
use repo_format::log::{Coverage, FIRST_OFFSET, LogFile, LogPlace, StreamStart};

use super::stored::StoredLog;
use crate::binlog::event::Format;
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
}

/// The facts that decide where to begin.
pub struct Known<'k> {
    /// The server's log.
    pub log: &'k BinaryLog,
    /// The server's identity among all servers.
    pub identity: &'k str,
    /// See [`super::stored::StoredLogs::newest`].
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
        if record.coverage == Coverage::Incident {
            return self.begin_at(StreamStart::Gap, record.to.clone());
        }
        match self.log.files.iter().find(|file| file.name == record.to.file) {
            Some(file) if file.size >= record.to.offset => Ok(Start {
                stream: record.stream,
                place: record.to.clone(),
                previous: Some(last.id()),
                reason: None,
                known_file: record.files.last().cloned(),
            }),
            // The names may have begun anew: then it is no fork. The file's own time tells when it is fetched.
            Some(_) => self.after_lost_tail(&record.to.file),
            None if self.is_before_all(&record.to.file) => self.begin_with_oldest(StreamStart::Gap),
            None => self.begin_with_oldest(StreamStart::Reset),
        }
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

/// A new stream.
///
/// # Errors
/// If there is no randomness.
pub fn begin_at(reason: StreamStart, place: LogPlace) -> Result<Start> {
    Ok(Start { stream: StreamId(random()?), place, previous: None, reason: Some(reason), known_file: None })
}

impl Start {
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

fn beginning(file: &ServerLogFile) -> LogPlace {
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

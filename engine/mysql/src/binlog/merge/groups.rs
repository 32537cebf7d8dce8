//! The logs that become one: neighbours that are small, and not too far apart in time.

use std::ops::Range;

use repo_format::limits;
use repo_format::log::SECOND;

use crate::binlog::stored::StoredLog;

/// So many become one at least: fewer are not worth writing again.
const COUNT_MIN: usize = 16;
/// A merged log has at most so many bytes of events: who needs one transaction of it reads all before.
const BYTES_MAX: u64 = 32 << 20;
/// A merged log is about a part of its own age, so that it goes at most so much later than the rule of retention says,
const AGE_PART: i64 = 4;
/// or about this time, if it is younger.
const SPAN_MIN: i64 = 3600 * SECOND;

/// The groups of a chain of logs, which are old enough, as places in it. In each all logs mean the same by their events. Groups grow with their age, so a
/// byte is written again a few times, however long it is kept.
pub fn groups(logs: &[&StoredLog]) -> Vec<Range<usize>> {
    let newest = logs.last().map_or(0, |log| log.record.complete_until);
    let mut groups = Vec::new();
    let mut begin = 0;
    while let Some(first) = logs.get(begin) {
        let mut group = Group { first, bytes: bytes(first), files: first.record.files.len(), newest };
        let end = begin + 1 + logs[begin + 1..].iter().take_while(|log| group.takes(log)).count();
        if end - begin < COUNT_MIN {
            begin = end;
        } else if bytes(first) > group.bytes - bytes(first) {
            // The first would be written again for the sake of a few bytes.
            begin += 1;
        } else {
            groups.push(begin..end);
            begin = end;
        }
    }
    groups
}

/// Logs that become one.
struct Group<'l> {
    first: &'l StoredLog,
    bytes: u64,
    files: usize,
    /// When the newest of all logs is complete.
    newest: i64,
}

impl Group<'_> {
    /// Takes the next log, if it fits.
    fn takes(&mut self, log: &StoredLog) -> bool {
        let (bytes, files) = (self.bytes.saturating_add(bytes(log)), self.files + log.record.files.len());
        let age = self.newest.saturating_sub(log.record.complete_until);
        let span = log.record.complete_until.saturating_sub(self.first.record.complete_until);
        let fits = means_the_same(self.first, log)
            && bytes <= BYTES_MAX
            && files as u64 <= limits::LOG_FILES_COUNT / 2
            && span <= SPAN_MIN.max(age / AGE_PART);
        if fits {
            (self.bytes, self.files) = (bytes, files);
        }
        fits
    }
}

fn bytes(log: &StoredLog) -> u64 {
    log.manifest.statistics.read_bytes
}

/// Whether the events of both are of one server with the same settings.
fn means_the_same(one: &StoredLog, other: &StoredLog) -> bool {
    let (one, other) = (&one.record, &other.record);
    (&one.identity, one.flavour, &one.version, &one.variables)
        == (&other.identity, other.flavour, &other.version, &other.variables)
}

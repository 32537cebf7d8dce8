//! Binary logs, in words and as JSON.

use engine::binlog::archive::{Archived, SavedLog};
use repo_format::entry::Time;
use repo_format::log::{Coverage, LogRecord, StreamStart};
use serde::Serialize;

use crate::ui::format;

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// A moment by the clock of a server, as a time of this machine's.
pub fn time(microseconds: i64) -> Time {
    let nanoseconds = u32::try_from(microseconds.rem_euclid(SECOND) * 1000).unwrap_or_default();
    Time { seconds: microseconds.div_euclid(SECOND), nanoseconds }
}

/// `log`: a part of a server's binary log that was kept.
#[derive(Serialize)]
pub struct LogMessage {
    id: String,
    stream: String,
    from: String,
    to: String,
    transactions: u64,
    bytes: u64,
    first: Option<String>,
    last: Option<String>,
    complete_until: String,
    stream_begins: Option<&'static str>,
    coverage: &'static str,
}

/// A place, as the options of `restore` take it.
pub fn place(record: &LogRecord) -> String {
    format!("{}:{}", record.to.file, record.to.offset)
}

/// A kept log, for JSON.
pub fn message(saved: &SavedLog) -> LogMessage {
    let record = &saved.record;
    let shown = |microseconds: i64| format::rfc3339(time(microseconds));
    LogMessage {
        id: saved.id.to_string(),
        stream: record.stream.to_string(),
        from: format!("{}:{}", record.from.file, record.from.offset),
        to: place(record),
        transactions: record.transactions,
        bytes: saved.bytes,
        first: saved.times.map(|(first, _)| shown(first)),
        last: saved.times.map(|(_, last)| shown(last)),
        complete_until: shown(record.complete_until),
        stream_begins: record.start.map(StreamStart::name),
        coverage: record.coverage.name(),
    }
}

/// A kept log, in a few words.
pub fn words(saved: &SavedLog) -> String {
    let transactions = format::counted(saved.record.transactions, "transaction");
    let until = format::time(time(saved.record.complete_until));
    format!("{transactions} up to {until} ({})", format::bytes(saved.bytes))
}

/// A break in a server's log, in a sentence that says what it means for a restore; none where a stream goes on, or is the first.
pub fn break_words(record: &LogRecord) -> Option<String> {
    let why = match record.start? {
        StreamStart::First => return None,
        StreamStart::Gap => "the server had deleted a part of its binary log before it was kept",
        StreamStart::Reset => "the server has begun its binary log anew",
        StreamStart::Fork => "the server has lost the end of its binary log, as after a power failure",
        StreamStart::OtherServer => "another server answers at this address",
        StreamStart::Other(_) => "the binary log does not go on where it ended",
    };
    Some(format!("{why}: no moment from there to the next snapshot can be restored"))
}

/// The reason why a log does not have everything, in a sentence.
pub fn coverage_words(record: &LogRecord) -> Option<String> {
    let why = record.coverage_reason.clone().unwrap_or_else(|| "the server does not say why".to_owned());
    (record.coverage != Coverage::Whole).then(|| format!("the binary log does not have everything: {why}"))
}

/// The reason why no log was kept, in a clause.
pub fn not_kept(archived: &Archived) -> Option<String> {
    match archived {
        Archived::Off => {
            Some("none: the server keeps no binary log, so the moments of snapshots alone can be restored".to_owned())
        }
        Archived::Hidden(why) => Some(format!("not kept: {why}; `enamel grants watch` prints what lets it be read")),
        Archived::Busy => Some("kept by another run".to_owned()),
        _ => None,
    }
}

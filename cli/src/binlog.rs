//! Binary logs, in words and as JSON.

use engine::binlog::archive::{Archived, SavedLog};
use engine::binlog::window::{Gap, GapReason, Window};
use repo_format::entry::Time;
use repo_format::log::{Coverage, LogRecord, SECOND, StreamStart};
use serde::Serialize;

use crate::ui::format;

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
    let start = record.start.filter(|start| *start != StreamStart::First)?;
    Some(format!("{}: no moment from there to the next snapshot can be restored", start_words(start)))
}

/// The reason why a stream begins although there was one before, in a clause.
fn start_words(start: StreamStart) -> &'static str {
    match start {
        StreamStart::Gap => "the server had deleted a part of its binary log before it was kept",
        StreamStart::Reset => "the server has begun its binary log anew",
        StreamStart::Fork => "the server has lost the end of its binary log, as after a power failure",
        StreamStart::OtherServer => "another server answers at this address",
        StreamStart::First | StreamStart::Other(_) => "the binary log does not go on where it ended",
    }
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

/// A moment by the clock of a server, for people.
pub fn shown(microseconds: i64) -> String {
    format::time(time(microseconds))
}

/// A moment by the clock of a server, for JSON.
pub fn moment(microseconds: i64) -> String {
    format::rfc3339(time(microseconds))
}

/// A time of which every moment can be restored.
#[derive(Serialize)]
pub struct WindowMessage {
    from: String,
    until: String,
    snapshot: String,
    stream: String,
}

/// A time of which moments of snapshots alone can be restored.
#[derive(Serialize)]
pub struct GapMessage {
    from: String,
    until: Option<String>,
    reasons: Vec<String>,
    message: String,
}

/// A window, for JSON.
pub fn window_message(window: &Window) -> WindowMessage {
    WindowMessage {
        from: moment(window.from),
        until: moment(window.until),
        snapshot: window.base.to_string(),
        stream: window.stream.to_string(),
    }
}

/// A gap, for JSON.
pub fn gap_message(gap: &Gap) -> GapMessage {
    GapMessage {
        from: moment(gap.from),
        until: gap.until.map(moment),
        reasons: gap.reasons.iter().map(reason_words).collect(),
        message: gap_words(gap),
    }
}

/// A gap, in a sentence.
pub fn gap_words(gap: &Gap) -> String {
    let until = match gap.until {
        Some(until) => format!("to {}", shown(until)),
        None => "until the next backup".to_owned(),
    };
    let reasons: Vec<_> = gap.reasons.iter().map(reason_words).collect();
    format!("not restorable from {} {until}: {}", shown(gap.from), reasons.join("; "))
}

fn reason_words(reason: &GapReason) -> String {
    match reason {
        GapReason::Stream(start) => start_words(*start).to_owned(),
        GapReason::Missing(id) => format!("the log {} between two others is not there", format::short(*id)),
        GapReason::Incident => "the server says that events are missing from its binary log".to_owned(),
        GapReason::Partial(why) if why.is_empty() => "the binary log does not have everything".to_owned(),
        GapReason::Partial(why) => format!("the binary log does not have everything: {}", format::path(why.as_bytes())),
    }
}

/// A window in words, by whole seconds of which every one can be restored.
pub fn span_words(window: &Window) -> String {
    let (from, until) = (window.from.saturating_add(SECOND - 1).div_euclid(SECOND), window.until.div_euclid(SECOND));
    if from <= until {
        format!("from {} to {}", shown(from * SECOND), shown(until * SECOND))
    } else {
        // Less than a second: only times with fractions name it.
        format!("from {} to {}", moment(window.from), moment(window.until))
    }
}

//! Writers, in words: who is writing into a repository, or died doing so.

use engine::writers::{Machine, Writer};
use serde::Serialize;

use crate::ui::format;

/// Whether the process of that number is there.
pub fn is_alive(process: u64) -> bool {
    let pid = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    // One that may not be asked is there.
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// A writer, in a sentence.
pub fn describe(writer: &Writer) -> String {
    let Some(lease) = &writer.lease else {
        return format!(
            "lease {} cannot be read: a power loss ended its backup; nothing is lost by that",
            format::short(writer.id)
        );
    };
    let who = format!("process {} on {}", lease.process, format::path(lease.host.as_bytes()));
    let since = format::time(format::seconds(lease.started));
    match writer.machine {
        Machine::This if is_alive(lease.process) => format!("{who} is writing since {since}"),
        Machine::This | Machine::ThisBefore => {
            format!("{who}, begun at {since}, ended without tidying up; nothing is lost by that")
        }
        Machine::Other => format!("{who} is writing since {since}, or ended without tidying up"),
    }
}

/// `writer`: who is writing.
#[derive(Serialize)]
pub struct WriterMessage<'a> {
    id: String,
    state: &'static str,
    host: Option<&'a str>,
    process: Option<u64>,
    started: Option<String>,
    program: Option<&'a str>,
}

/// A writer, for JSON.
pub fn message(writer: &Writer) -> WriterMessage<'_> {
    let lease = writer.lease.as_ref();
    let state = match (lease, writer.machine) {
        (Some(lease), Machine::This) if is_alive(lease.process) => "running",
        (None, _) | (_, Machine::This | Machine::ThisBefore) => "dead",
        (Some(_), Machine::Other) => "unknown",
    };
    WriterMessage {
        id: writer.id.to_string(),
        state,
        host: lease.map(|lease| lease.host.as_str()),
        process: lease.map(|lease| lease.process),
        started: lease.map(|lease| format::rfc3339(format::seconds(lease.started))),
        program: lease.map(|lease| lease.program.as_str()),
    }
}

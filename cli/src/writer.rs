//! Writers, in words: which backups are running, or died.

use engine::session::{Announcement, Death, Life, Writer, WriterOptions};
use repo_format::id::LeaseId;
use repo_format::lease::{Lease, Purpose};
use serde::Serialize;

use crate::commands::init::host_name;
use crate::environment::{program, user_name};
use crate::ui::format;

/// This process as a writer.
pub fn own() -> WriterOptions {
    WriterOptions { host: host_name(), user: user_name(), program: program(), dry_run: false }
}

/// A writer, in a sentence.
pub fn describe(writer: &Writer) -> String {
    let id = format::short(writer.id);
    match &writer.announcement {
        Announcement::Lease(lease) => describe_lease(lease, writer.life),
        Announcement::Torn(torn) => format!("lease {id} {torn}; no snapshot is lost by that"),
        Announcement::NotBelieved(_) => format!("lease {id} is not believed: it was put there after a key was removed"),
        Announcement::NoLease(why) => {
            format!("lease {id} is damaged, so its backup is unknown ({why})")
        }
        Announcement::Unreadable(why) => format!("lease {id} cannot be read ({why})"),
    }
}

/// The part of a lease that tells what its process does, for processes that must be alone.
fn purpose(lease: &Lease) -> Option<&'static str> {
    lease.purpose().map(|purpose| match purpose {
        Purpose::Prune => "prune",
        Purpose::Repair => "repair",
        Purpose::Keys => "change of keys",
        Purpose::Config => "change of settings",
        Purpose::Other(_) => "unknown",
    })
}

fn describe_lease(lease: &Lease, life: Life) -> String {
    let alone = purpose(lease).map_or_else(String::new, |purpose| format!(" ({purpose})"));
    let process = format!("process {} on {}{alone}", lease.process, format::path(lease.host.as_bytes()));
    let since = format::time(format::seconds(lease.started));
    match life {
        Life::Running => format!("{process} has been writing since {since}"),
        Life::Dead(death) => {
            format!("{process} began at {since} and died: {death}; no snapshot is lost by that")
        }
        Life::Unknown if lease.host == host_name() => format!(
            "{process} began at {since} and may be running: it is in a container, or on another machine of this name"
        ),
        Life::Unknown => format!("{process} began at {since} and may be running; only that machine can tell"),
    }
}

/// Advice about a writer that a prune has to wait for.
pub fn advice(writer: &Writer) -> String {
    let id = format::short(writer.id);
    match (&writer.announcement, writer.life) {
        (_, Life::Dead(_)) => "the next prune shuts it out".to_owned(),
        (Announcement::Lease(_), Life::Running) => "prune again when it has ended".to_owned(),
        (Announcement::Lease(_), Life::Unknown) => {
            format!("prune again when it has ended; if it is dead, shut it out with `enamel leases fence {id}`")
        }
        _ => format!("if no backup is running, shut it out with `enamel leases fence {id}`"),
    }
}

/// A writer that was shut out, in a sentence.
pub fn describe_fenced(id: LeaseId, death: Death) -> String {
    let id = format::short(id);
    match death {
        Death::Torn(torn) => format!("lease {id} {torn}; it was shut out"),
        death => format!("the backup with lease {id} was shut out: {death}"),
    }
}

/// `writer`: who is writing.
#[derive(Serialize)]
pub struct WriterMessage<'a> {
    id: String,
    state: &'static str,
    reason: Option<String>,
    host: Option<&'a str>,
    process: Option<u64>,
    started: Option<String>,
    program: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'static str>,
}

/// A writer, for JSON.
pub fn message(writer: &Writer) -> WriterMessage<'_> {
    let lease = match &writer.announcement {
        Announcement::Lease(lease) => Some(lease),
        _ => None,
    };
    let (state, death) = match writer.life {
        Life::Running => ("running", None),
        Life::Dead(death) => ("dead", Some(death.to_string())),
        Life::Unknown => ("unknown", None),
    };
    let reason = match &writer.announcement {
        Announcement::NoLease(why) | Announcement::Unreadable(why) => Some(why.clone()),
        _ => death,
    };
    WriterMessage {
        id: writer.id.to_string(),
        state,
        reason,
        host: lease.map(|lease| lease.host.as_str()),
        process: lease.map(|lease| lease.process),
        started: lease.map(|lease| format::rfc3339(format::seconds(lease.started))),
        program: lease.map(|lease| lease.program.as_str()),
        purpose: lease.and_then(purpose),
    }
}

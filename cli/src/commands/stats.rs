//! `enamel stats`: how much a repository holds.

use engine::Result;
use engine::snapshots::stats::Stats;
use repo_format::config::Access;
use repo_format::entry::Time;
use repo_format::id::LeaseId;
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::ui::format;

/// Show how much a repository holds, and what deduplication and compression save.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel stats
  enamel stats --json

Exit status: 0 done, 1 failed, 10 no repository, 12 wrong password")]
pub struct StatsArgs {}

#[derive(Serialize)]
struct Summary {
    snapshots: u64,
    logical_bytes: u64,
    partial_snapshots: u64,
    chunks: u64,
    chunk_bytes: u64,
    stored_chunk_bytes: u64,
    packs: u64,
    pack_bytes: u64,
    segments: u64,
    segment_bytes: u64,
    cache_bytes: u64,
    never_verified_bytes: u64,
    oldest_verified: Option<String>,
    oldest: Option<Moment>,
    newest: Option<Moment>,
}

#[derive(Serialize)]
struct Moment {
    id: String,
    time: String,
}

/// Shows the figures.
///
/// # Errors
/// The repository cannot be read.
pub fn run(_args: &StatsArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    let s = engine::snapshots::stats::stats(&repo)?;
    let ui = context.ui;
    if ui.is_json() {
        let moment = |(id, time): (LeaseId, Time)| Moment { id: id.to_string(), time: format::rfc3339(time) };
        let summary = Summary {
            snapshots: s.snapshots,
            logical_bytes: s.logical_bytes,
            partial_snapshots: s.partial_snapshots,
            chunks: s.chunks,
            chunk_bytes: s.chunk_bytes,
            stored_chunk_bytes: s.stored_chunk_bytes,
            packs: s.packs,
            pack_bytes: s.pack_bytes,
            segments: s.segments,
            segment_bytes: s.segment_bytes,
            cache_bytes: s.cache_bytes,
            never_verified_bytes: s.never_verified_bytes,
            oldest_verified: s.oldest_verified.map(|seconds| format::rfc3339(format::seconds(seconds))),
            oldest: s.oldest.map(moment),
            newest: s.newest.map(moment),
        };
        ui.message("summary", summary)?;
        return Ok(Exit::Done);
    }
    let of =
        |number: u64, bytes: u64, noun: &str| format!("{}, {}", format::counted(number, noun), format::bytes(bytes));
    let moment = |(id, time): (LeaseId, Time)| format!("{} {}", format::short(id), format::time(time));
    let none = || "none".to_owned();
    ui.fields(&[
        ("snapshots", of(s.snapshots, s.logical_bytes, "snapshot")),
        ("oldest", s.oldest.map_or_else(none, moment)),
        ("newest", s.newest.map_or_else(none, moment)),
        ("each chunk once", of(s.chunks, s.chunk_bytes, "chunk")),
        ("compressed", format::bytes(s.stored_chunk_bytes)),
        ("packs", of(s.packs, s.pack_bytes, "pack")),
        ("index", of(s.segments, s.segment_bytes, "segment")),
        ("cache", format!("{} on this machine", format::bytes(s.cache_bytes))),
        ("verified", verified(&s)),
        ("saved", saved(&s)),
    ])?;
    Ok(Exit::Done)
}

/// Data that was read and found good, and how long ago.
fn verified(stats: &Stats) -> String {
    let ago = |seconds: i64| {
        let age = engine::machine::now().seconds.saturating_sub(seconds);
        format::age(age.try_into().unwrap_or(0))
    };
    let never = format::bytes(stats.never_verified_bytes);
    match (stats.oldest_verified, stats.never_verified_bytes) {
        (None, 0) => "nothing is stored yet".to_owned(),
        (None, _) => "`enamel verify --read-data` has not run yet".to_owned(),
        (Some(seconds), 0) => format!("all of it was read and found good within the last {}", ago(seconds)),
        (Some(seconds), _) => format!("{never} never read, the rest within the last {}", ago(seconds)),
    }
}

fn saved(stats: &Stats) -> String {
    let stored_bytes = stats.pack_bytes + stats.segment_bytes;
    if stored_bytes == 0 {
        return "nothing is stored yet".into();
    }
    if stats.partial_snapshots > 0 {
        // The size of a copy is that of its original, whatever it lacks.
        let partial = format::counted(stats.partial_snapshots, "snapshot");
        return format!("cannot be told: {partial} lacked some sources when copied, and count as whole");
    }
    let tenths = stats.logical_bytes.saturating_mul(10) / stored_bytes;
    format!("all snapshots together are {}.{} times as large as the repository", tenths / 10, tenths % 10)
}

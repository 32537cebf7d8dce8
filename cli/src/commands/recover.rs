//! `enamel recover`: the state of a bucket at an earlier moment becomes a repository of its own.

use std::path::PathBuf;

use engine::store::s3::PastStore;
use engine::upkeep::recover;
use engine::{Error, ErrorKind, Result};
use jiff::Timestamp;
use repo_format::entry::Time;
use serde::Serialize;

use crate::commands::init;
use crate::context::Context;
use crate::exit::{Exit, after_printing};
use crate::moment::parse_moment;
use crate::settings::{Place, Storage, parse_place};
use crate::ui::{Ui, format};

/// At most so many names are printed; the number is always exact.
const NAMES_MAX: usize = 20;

/// Bring back a repository in object storage as it was at an earlier moment.
///
/// Use it after somebody has deleted or replaced objects. It works where the bucket keeps older versions of them. It needs no password and changes nothing there: it copies what
/// was there at that moment to a new place, a folder or another prefix, and leaves out what came later. Without --to it
/// says what was there, and how much of it was deleted or replaced since.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel recover --repo s3://practice-backup/office --as-of '2026-11-20 14:00'
  enamel recover --repo s3://practice-backup/office \\
      --as-of '2026-11-20 14:00' --to /mnt/disk/recovered
  enamel verify --repo /mnt/disk/recovered --read-data

If it is interrupted, run it again with the same place: what is there is not copied twice.

Exit status: 0 done; 4 some objects are damaged in the bucket and were left out; 1 failed, 2 usage, 10 there was no repository at \
that moment, 130 interrupted")]
pub struct RecoverArgs {
    /// The moment, by the clock of the storage: 2026-11-20 14:03:22, this computer's time unless a zone follows
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    as_of: i64,
    /// The new place: an empty folder, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "PLACE")]
    to: Option<PathBuf>,
}

#[derive(Serialize)]
struct PastMessage {
    as_of: String,
    objects: u64,
    bytes: u64,
    changed_since: u64,
    newest_snapshot: Option<String>,
}

#[derive(Serialize)]
struct Summary {
    place: String,
    objects: u64,
    bytes: u64,
    damaged: Vec<String>,
    left_out: Vec<String>,
}

/// Shows or copies the earlier state.
///
/// # Errors
/// The repository is in a folder; the bucket keeps no versions; the new place has something else in it.
pub fn run(args: &RecoverArgs, context: &Context<'_>) -> Result<Exit> {
    let Place::ObjectStorage(address) = context.repository_place()? else {
        let message = "only object storage keeps older versions of what was deleted or replaced";
        return Err(Error::new(ErrorKind::Usage, message).with_hint("give the bucket: --repo s3://BUCKET/PREFIX"));
    };
    let moment = Timestamp::from_microsecond(args.as_of)
        .map_err(|e| Error::caused(ErrorKind::Usage, "this moment is too far away", e))?;
    let past = context.object_storage(address, Storage::Repository)?.as_of(moment)?;
    recover::require_repository(&past).map_err(|error| with_first_moment(error, &past))?;
    show(&past, context.ui)?;
    let Some(to) = &args.to else { return Ok(Exit::Done) };
    let place = parse_place(to)?;
    let store = init::make(&place, Storage::Repository, context)?;
    let recovered = recover::recover(&past, &*store, context.ui)?;
    let exit = if recovered.damaged.is_empty() { Exit::Done } else { Exit::Damage };
    after_printing(exit, print(&recovered, &place, context.ui))
}

/// Adds the first moment that can be recovered, if the one that was asked for is before it.
fn with_first_moment(error: Error, past: &PastStore) -> Error {
    let Some(first) = past.config_from().filter(|first| *first > past.moment()) else { return error };
    Error::new(error.kind(), format!("{error}; its config is of {}", format::rfc3339(seconds(first)))).with_hint(
        "give that moment or a later one. Some servers, like SeaweedFS, count an object whose lock was extended as written anew",
    )
}

fn show(past: &PastStore, ui: &Ui) -> Result<()> {
    let changes = past.changes();
    let newest = past.newest_snapshot();
    if ui.is_json() {
        return ui.message(
            "past",
            PastMessage {
                as_of: format::rfc3339(seconds(past.moment())),
                objects: changes.objects,
                bytes: changes.bytes,
                changed_since: changes.hidden,
                newest_snapshot: newest.map(|time| format::rfc3339(seconds(time))),
            },
        );
    }
    if ui.is_quiet() {
        return Ok(());
    }
    ui.fields(&[
        ("as of", format::time(seconds(past.moment()))),
        ("objects", format!("{}, {}", format::count(changes.objects), format::bytes(changes.bytes))),
        ("since then", format!("{} of them deleted or replaced", format::count(changes.hidden))),
        ("last snapshot", newest.map_or_else(|| "none".to_owned(), |time| format::time(seconds(time)))),
    ])
}

fn seconds(time: Timestamp) -> Time {
    format::seconds(time.as_second())
}

fn print(recovered: &recover::Recovered, place: &Place, ui: &Ui) -> Result<()> {
    if ui.is_json() {
        return ui.message(
            "summary",
            Summary {
                place: place.to_string(),
                objects: recovered.objects,
                bytes: recovered.bytes,
                damaged: recovered.damaged.clone(),
                left_out: recovered.strange.clone(),
            },
        );
    }
    for name in recovered.damaged.iter().take(NAMES_MAX) {
        ui.warn(format_args!("{name} is damaged in the bucket, and was left out"));
    }
    for path in recovered.strange.iter().take(NAMES_MAX) {
        ui.say(format_args!("{path} is no object of a repository, and was left out"));
    }
    if ui.is_quiet() {
        return Ok(());
    }
    let (objects, bytes) = (format::counted(recovered.objects, "object"), format::bytes(recovered.bytes));
    ui.prose(format_args!("recovered {objects}, {bytes}, to {place}"))?;
    ui.prose(format_args!("Now prove that it is whole: enamel verify --repo {place} --read-data"))
}

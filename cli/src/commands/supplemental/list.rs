//! `enamel supplemental list`: the repositories that a host keeps, and whether copies arrive in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::error::chain;
use engine::host::{Claim, Practice, Standing, look_at_all};
use engine::store::{ObjectName, Original, Store};
use engine::{Error, Result, machine};
use serde::Serialize;

use super::{local_store, store_at};
use crate::context::Context;
use crate::exit::{Exit, after_printing};
use crate::settings::{Place, Storage, parse_place};
use crate::ui::{Align, Table, Ui, format};

/// List the repositories in a bucket or folder, and whether copies arrive in them.
///
/// For the host, without any key. Enamel looks at the place itself and at all places one step below it: folders, or
/// prefixes of a bucket. Ages are by the clock of the storage. Nobody can check the card of a repository without a key,
/// so Enamel compares it with the objects that are there. Labels of administrators are whatever
/// the practice chose.
///
/// STATE is fresh, late (older than one and a half of the promised intervals), never, off, unknown (no card), or says
/// that card and snapshots disagree.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel supplemental list s3://practices/
  enamel supplemental list /srv/practices --json

Exit status: 0 done; 1 failed; 2 usage; 3 a repository is late, has no copy, disagrees with its card or cannot be read")]
pub struct ListArgs {
    /// A bucket, a prefix in it, or a folder
    #[arg(value_name = "LOCATION")]
    location: PathBuf,
}

#[derive(Serialize)]
struct Listed {
    location: String,
    state: &'static str,
    practice: String,
    newest: Option<String>,
    claimed: Option<String>,
    objects: u64,
    bytes: u64,
    administrator: Option<String>,
    verified: Option<String>,
    level: Option<u8>,
    mode: Option<&'static str>,
}

#[derive(Serialize)]
struct Failed {
    location: String,
    message: String,
}

/// Lists the repositories.
///
/// # Errors
/// The place cannot be listed.
pub fn run(args: &ListArgs, context: &Context<'_>) -> Result<Exit> {
    let mut stores = Vec::new();
    for store in candidates(&parse_place(&args.location)?, context)? {
        if is_repository(&*store)? {
            stores.push(store);
        }
    }
    let borrowed: Vec<&dyn Store> = stores.iter().map(|store| &**store).collect();
    let now = machine::now().seconds;
    let looked = look_at_all(&borrowed, now);
    let is_fine = |looked: &Result<Practice>| looked.as_ref().is_ok_and(|practice| !practice.standing.is_alarm());
    let exit = if looked.iter().all(is_fine) { Exit::Done } else { Exit::Incomplete };
    let found: Vec<_> = stores.iter().map(|store| store.location()).zip(looked).collect();
    after_printing(exit, print(&found, now, context.ui))
}

fn candidates(place: &Place, context: &Context<'_>) -> Result<Vec<Arc<dyn Store>>> {
    let mut stores = vec![store_at(place, context)?];
    match place {
        Place::Folder(path) => {
            for folder in folders_below(path)? {
                stores.push(local_store(&folder)?);
            }
        }
        Place::ObjectStorage(address) => {
            for below in context.object_storage(address, Storage::Supplemental)?.places_below()? {
                stores.push(Arc::new(context.object_storage(&below, Storage::Supplemental)?));
            }
        }
    }
    Ok(stores)
}

/// Links are not followed: whoever may write to the place could lead anywhere.
fn folders_below(path: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e| Error::io(format!("cannot list {}", path.display()), e);
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

fn is_repository(store: &dyn Store) -> Result<bool> {
    let is_there = |name| Ok::<_, Error>(matches!(store.stat(&name), Ok(Some(_))));
    Ok(is_there(ObjectName::Config)? || is_there(ObjectName::Copy(Original::Config))?)
}

fn print(found: &[(String, Result<Practice>)], now: i64, ui: &Ui) -> Result<()> {
    let mut table = Table::new(&[
        ("PRACTICE", Align::Left),
        ("STATE", Align::Whole),
        ("NEWEST", Align::Whole),
        ("CLAIMED", Align::Whole),
        ("SIZE", Align::Right),
        ("ADMIN", Align::Left),
        ("VERIFIED", Align::Whole),
        ("LOCATION", Align::Left),
    ]);
    for (location, looked) in found {
        match looked {
            Ok(practice) if ui.is_json() => ui.message("practice", listed(practice))?,
            Ok(practice) => table.row(row(practice, now)),
            Err(error) if ui.is_json() => {
                ui.message("unreadable_practice", Failed { location: location.clone(), message: chain(error) })?;
            }
            Err(error) => ui.warn(format_args!("{location}: {}", chain(error))),
        }
    }
    match (ui.is_json(), found.is_empty()) {
        (true, _) => Ok(()),
        (false, true) => {
            ui.say("there are no repositories");
            Ok(())
        }
        (false, false) => ui.table(&table),
    }
}

fn listed(practice: &Practice) -> Listed {
    let rfc3339 = |seconds: i64| format::rfc3339(format::seconds(seconds));
    let card = practice.claim.card();
    Listed {
        location: practice.location.clone(),
        state: practice.standing.name(),
        practice: card.map(|card| card.practice.clone()).unwrap_or_default(),
        newest: practice.snapshots.newest.map(rfc3339),
        claimed: card.and_then(|card| card.newest).map(|newest| rfc3339(newest.time)),
        objects: practice.snapshots.objects,
        bytes: practice.bytes,
        administrator: practice.administrator.clone(),
        verified: card.and_then(|card| card.verified).map(rfc3339),
        level: card.and_then(|card| card.level),
        mode: card.map(|card| card.mode.name()),
    }
}

fn row(practice: &Practice, now: i64) -> [String; 8] {
    let age = |since: Option<i64>| {
        since.map_or("-".to_owned(), |since| format::age(u64::try_from(now.saturating_sub(since)).unwrap_or(0)))
    };
    let text = |text: &str| if text.is_empty() { "-".to_owned() } else { format::path(text.as_bytes()) };
    let card = practice.claim.card();
    let state = match (&practice.claim, practice.standing) {
        (Claim::Unreadable(_), Standing::Unknown) => "card unreadable",
        (_, standing) => standing.name(),
    };
    let verified = card.and_then(|card| card.verified);
    let level = card.and_then(|card| card.level).map(|level| format!(" (level {level})")).unwrap_or_default();
    [
        text(card.map_or("", |card| &card.practice)),
        state.to_owned(),
        age(practice.snapshots.newest),
        age(card.and_then(|card| card.newest).map(|newest| newest.time)),
        format::bytes(practice.bytes),
        text(practice.administrator.as_deref().unwrap_or("")),
        format!("{}{level}", age(verified)),
        text(&practice.location),
    ]
}

//! `enamel supplemental list`: the repositories that a host keeps, and whether copies arrive in them.

use std::path::{Path, PathBuf};

use engine::error::chain;
use engine::host::{Claim, Practice, Standing, look_at_all};
use engine::store::Store;
use engine::{Error, ErrorKind, Result, machine};
use serde::Serialize;

use super::store_at;
use crate::context::Context;
use crate::exit::{Exit, after_printing};
use crate::settings::{Place, Storage, parse_place};
use crate::ui::{Align, Table, Ui, format};

/// List the repositories in a bucket or folder, and whether copies arrive in them.
///
/// For the host, without any key. Enamel looks at the place itself and at all places below it, five steps deep: folders,
/// or prefixes of a bucket. It does not look into repositories. Ages are by the clock of the storage. Nobody can check
/// the card of a repository without a key, so Enamel compares it with the objects that are there. Labels of
/// administrators are whatever the practice chose.
///
/// STATE is fresh, late (older than one and a half of the promised intervals), never, off, unknown (no card), or says
/// that card and snapshots disagree.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel supplemental list s3://practices/
  enamel supplemental list /srv/practices --json

Exit status: 0 done; 1 failed; 2 usage; 3 a repository is late, has no copy, disagrees with its card or cannot be read, or a place \
             could not be looked at")]
pub struct ListArgs {
    /// A bucket, a prefix in it, or a folder
    #[arg(value_name = "LOCATION")]
    location: PathBuf,
}

/// The steps below a place that are searched.
const DEPTH_MAX: usize = 5;
/// Places that are looked at, at most.
const PLACES_MAX: usize = 10_000;
/// Each place that is being looked at has connections of its own.
const AT_A_TIME: usize = 16;

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
    let now = machine::now().seconds;
    let found = search(&parse_place(&args.location)?, now, context)?;
    let is_fine = |looked: &Result<Practice>| looked.as_ref().is_ok_and(|practice| !practice.standing.is_alarm());
    let exit = if found.iter().all(|(_, looked)| is_fine(looked)) { Exit::Done } else { Exit::Incomplete };
    after_printing(exit, print(&found, now, context.ui))
}

type Found = (String, Result<Practice>);

/// Level by level, the repositories in a place and below it.
fn search(top: &Place, now: i64, context: &Context<'_>) -> Result<Vec<Found>> {
    // A place that cannot be opened is an error; one below it is named.
    store_at(top, context)?;
    let (mut found, mut level, mut looked_at) = (Vec::new(), vec![top.clone()], 0);
    for depth in 0..=DEPTH_MAX {
        let mut below = Vec::new();
        for places in level.chunks(AT_A_TIME) {
            for place in look_at(places, now, &mut found, context) {
                if depth == DEPTH_MAX {
                    continue;
                }
                match places_below(&place, context) {
                    Ok(places) => below.extend(places),
                    Err(error) if depth == 0 || error.kind() == ErrorKind::Unavailable => return Err(error),
                    Err(error) => context.tell_incomplete(chain(&error)),
                }
            }
        }
        looked_at += level.len();
        if looked_at + below.len() > PLACES_MAX {
            below.truncate(PLACES_MAX.saturating_sub(looked_at));
            context.tell_incomplete(format_args!(
                "there are more than {PLACES_MAX} places in {top}: the others were not looked at"
            ));
        }
        level = below;
    }
    Ok(found)
}

/// Adds the repositories among `places` to `found`, and gives the other places.
fn look_at(places: &[Place], now: i64, found: &mut Vec<Found>, context: &Context<'_>) -> Vec<Place> {
    let mut opened = Vec::new();
    for place in places {
        match store_at(place, context) {
            Ok(store) => opened.push((place, store)),
            Err(error) => context.tell_incomplete(chain(&error)),
        }
    }
    let borrowed: Vec<&dyn Store> = opened.iter().map(|(_, store)| &**store).collect();
    let mut others = Vec::new();
    for ((place, store), looked) in opened.iter().zip(look_at_all(&borrowed, now)) {
        match looked {
            Some(looked) => found.push((store.location(), looked)),
            None => others.push((*place).clone()),
        }
    }
    others
}

fn places_below(place: &Place, context: &Context<'_>) -> Result<Vec<Place>> {
    match place {
        Place::Folder(path) => Ok(folders_below(path)?.into_iter().map(Place::Folder).collect()),
        Place::ObjectStorage(address) => {
            let below = context.object_storage(address, Storage::Supplemental)?.places_below()?;
            Ok(below.into_iter().map(Place::ObjectStorage).collect())
        }
    }
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

fn print(found: &[Found], now: i64, ui: &Ui) -> Result<()> {
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

//! `enamel supplemental scrub`: whether the storage still holds what was put, without any key.

use std::path::PathBuf;

use engine::host::{ScrubOutcome, scrub};
use engine::{Error, ErrorKind, Result};
use serde::Serialize;

use super::store_at;
use crate::context::Context;
use crate::exit::Exit;
use crate::settings::parse_place;
use crate::ui::format;

/// Read every object of a repository, and check that the storage has changed nothing.
///
/// For the host, without any key: the names of packs and index segments are the hashes of their contents, and every
/// other object ends with a checksum. Enamel finds each changed byte. It cannot notice a whole pack or snapshot that is
/// missing: `enamel verify`, with a key, does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel supplemental scrub s3://practices/4711

Exit status: 0 whole, 1 failed, 2 usage, 4 damage, 10 no repository, 130 interrupted")]
pub struct ScrubArgs {
    /// The repository: a folder, or s3://BUCKET/PREFIX
    #[arg(value_name = "LOCATION")]
    location: PathBuf,
}

#[derive(Serialize)]
struct Damaged<'a> {
    object: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Summary {
    objects: u64,
    bytes: u64,
    damaged: usize,
    gone: u64,
    strange: usize,
}

/// Scrubs a repository.
///
/// # Errors
/// The store cannot be listed or does not answer.
pub fn run(args: &ScrubArgs, context: &Context<'_>) -> Result<Exit> {
    let store = store_at(&parse_place(&args.location)?, context)?;
    let outcome = scrub(&*store, context.ui)?;
    if outcome.objects == 0 && outcome.damaged.iter().all(|(_, why)| why == "it is missing") {
        let message = format!("there is no repository in {}", store.location());
        return Err(Error::new(ErrorKind::NoRepository, message));
    }
    report(&outcome, context)?;
    Ok(if outcome.damaged.is_empty() { Exit::Done } else { Exit::Damage })
}

fn report(outcome: &ScrubOutcome, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    for (object, message) in &outcome.damaged {
        if ui.is_json() {
            ui.message("damaged_object", Damaged { object, message })?;
        } else {
            ui.prose(format_args!("{object}: {message}"))?;
        }
    }
    let strange = outcome.strange.len();
    if ui.is_json() {
        let ScrubOutcome { objects, bytes, gone, .. } = *outcome;
        return ui.message("summary", Summary { objects, bytes, damaged: outcome.damaged.len(), gone, strange });
    }
    outcome.strange.iter().for_each(|name| {
        ui.warn(format_args!("{} is not an object of a repository", format::path(name.as_bytes())));
    });
    if ui.is_quiet() {
        return Ok(());
    }
    let (read, bytes) = (format::counted(outcome.objects, "object"), format::bytes(outcome.bytes));
    match outcome.damaged.len() {
        0 => ui.prose(format_args!("whole: {read}, {bytes}")),
        damaged => ui.prose(format_args!("damaged: {damaged}; whole: {read}, {bytes}")),
    }
}

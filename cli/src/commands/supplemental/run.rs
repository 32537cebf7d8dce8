//! `enamel supplemental run`, and the copy after each backup.

use engine::copy::{CopyOptions, CopyOutcome, RootChoice, What, copy};
use engine::database::Connection;
use engine::error::chain;
use engine::profile::{self, Profile};
use engine::repository::{Reminder, Repository};
use engine::{Error, ErrorKind, Result, machine};
use repo_format::card::{CardMode, NewestCopy};
use repo_format::config::Access;
use repo_format::manifest::ManifestKind;
use serde::Serialize;

use super::history;
use super::office::Office;
use super::status;
use crate::context::Context;
use crate::environment::program;
use crate::exit::Exit;
use crate::settings::{Mode, Part};
use crate::ui::format;
use crate::writer;

/// Copy now what is new.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel supplemental run

Exit status: 0 done, 1 failed, 2 usage or copies are off, 3 a snapshot could not be copied, 10 no repository, 12 wrong password")]
pub struct RunArgs {}

#[derive(Serialize)]
struct Summary {
    copied: usize,
    failed: usize,
    stored_bytes: u64,
}

/// Copies.
///
/// # Errors
/// Copies are off, or a repository cannot be used.
pub fn run(_: &RunArgs, context: &Context<'_>) -> Result<Exit> {
    if context.settings.file.supplemental.mode == Mode::Off {
        let error = Error::new(ErrorKind::Usage, "supplemental backups are off");
        return Err(error.with_hint("`enamel supplemental enable` switches them on."));
    }
    let source = context.open(Access::Write)?;
    let outcome = copy_new(&source, context)?;
    report(&outcome, context)?;
    Ok(Exit::Done)
}

/// Copies after a backup that saved a database. The snapshot is there: a copy that fails is named, and no error.
///
/// # Errors
/// Standard output cannot be written.
pub fn after_backup(source: &Repository, administrator: Option<&str>, context: &Context<'_>) -> Result<Exit> {
    if context.settings.file.supplemental.mode == Mode::Off {
        return Ok(Exit::Done);
    }
    match copy_new(source, context) {
        Ok(outcome) => {
            report(&outcome, context)?;
            let exit = if outcome.failed.is_empty() { Exit::Done } else { Exit::Incomplete };
            Ok(exit.then(tell_administrator(source, administrator, context)))
        }
        Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
        Err(error) => {
            context.ui.warn(format_args!("the snapshot is saved, but its supplemental copy failed: {}", chain(&error)));
            status::tell_missed(source, context);
            Ok(Exit::Incomplete)
        }
    }
}

/// Names the newest administrator of the application, if he or she has no key.
fn tell_administrator(source: &Repository, newest: Option<&str>, context: &Context<'_>) -> Exit {
    let Some(newest) = newest else { return Exit::Done };
    let known = match history::administrators(source) {
        Ok(known) => known,
        Err(error) => {
            context.ui.warn(format_args!("cannot tell whose password opens the copies: {}", chain(&error)));
            return Exit::Incomplete;
        }
    };
    if known.last().is_some_and(|(name, _)| name.eq_ignore_ascii_case(newest)) {
        return Exit::Done;
    }
    let name = format::path(newest.as_bytes());
    let why = if known.iter().any(|(name, _)| name.eq_ignore_ascii_case(newest)) {
        "and another password opens the copies"
    } else {
        "and has no key of the copies"
    };
    context.ui.warn(format_args!("{name} is the newest administrator {why}: run `enamel supplemental admin {name}`"));
    Exit::Incomplete
}

/// The user who may administer the application and logged in last, if copies are made.
pub fn newest_administrator(
    connection: &mut Connection,
    profile: &Profile,
    schemas: &[String],
    context: &Context<'_>,
) -> Option<String> {
    if context.settings.file.supplemental.mode == Mode::Off {
        return None;
    }
    let found = profile::find_schema(connection, profile, schemas)
        .and_then(|schema| profile::newest_administrator(connection, profile, &schema));
    found.unwrap_or_else(|error| {
        context.tell_incomplete(format_args!("cannot tell who is the newest administrator: {}", chain(&error)));
        None
    })
}

/// Copies what is new, and says on the card what is there.
fn copy_new(source: &Repository, context: &Context<'_>) -> Result<CopyOutcome> {
    let settings = &context.settings.file.supplemental;
    let target = Office::of(context)?.open(context, Access::Write)?;
    let only = if settings.include.contains(&Part::Images) { Vec::new() } else { vec![RootChoice::Databases] };
    let options = CopyOptions { only, writer: writer::own() };
    let outcome = copy(source, &target, &What::New, &options, context.ui)?;
    for failed in &outcome.failed {
        let (id, why) = (format::short(failed.source.id), chain(&failed.error));
        context.tell_incomplete(format_args!("{id} was not copied: {why}"));
    }
    let snapshots = outcome.copied.iter().filter(|copied| copied.source.kind == ManifestKind::Snapshot);
    let newest = snapshots.clone().filter_map(|copied| copied.id).next_back();
    let now = machine::now().seconds;
    let card = target.update_card(&program(), &|card| {
        card.mode = if settings.mode == Mode::Local { CardMode::Local } else { CardMode::On };
        card.interval = settings.every_hours.saturating_mul(3600);
        if let Some(id) = newest {
            card.newest = Some(NewestCopy { time: now, id });
        }
    });
    // The copies are there, whatever the card says.
    if let Err(error) = card {
        context.tell_incomplete(format_args!("the copy is made, but the host's card of it is old: {}", chain(&error)));
    }
    let present = outcome.present.iter().map(|present| &present.source);
    let there = outcome.copied.iter().map(|copied| &copied.source).chain(present);
    let newest = there.filter(|source| source.kind == ManifestKind::Snapshot).map(|source| source.time);
    if let Some(time) = newest.max() {
        source.remember_moment(Reminder::Copied, time)?;
    }
    Ok(outcome)
}

fn report(outcome: &CopyOutcome, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    let (copied, stored) = (outcome.copied.len(), outcome.copied.iter().map(|copied| copied.stored_bytes).sum());
    if ui.is_json() {
        return ui.message("supplemental_copy", Summary { copied, failed: outcome.failed.len(), stored_bytes: stored });
    }
    if ui.is_quiet() {
        return Ok(());
    }
    let what = if copied == 1 { "supplemental copy" } else { "supplemental copies" };
    ui.line(format_args!("made {} {what}: {} stored", format::count(copied as u64), format::bytes(stored)))
}

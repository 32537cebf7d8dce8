//! `enamel supplemental run`, and the copy after each backup.

use engine::copy::{Checked, CopyOptions, CopyOutcome, Recorded, What, copy};
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
use super::parts::Parts;
use super::status;
use crate::commands::copy::{note, tell_troubles};
use crate::context::Context;
use crate::environment::program;
use crate::exit::Exit;
use crate::moment;
use crate::settings::Mode;
use crate::ui::format;
use crate::writer;

/// Copy now what is new.
///
/// Outside of the hours that `window` in enamel.toml names, it copies nothing and says when they begin; --now copies all
/// the same. Afterwards Enamel reads back what it has copied, as `enamel copy` does, and records in the practice's own
/// repository that the copy is whole: `enamel status` shows it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel supplemental run

Exit status: 0 done, or it is not the time; 1 failed; 2 usage or copies are off; 3 a snapshot could not be copied, or the card \
            was not as this computer left it; 4 what was copied is not there as it should be; 10 no repository; 12 wrong password")]
pub struct RunArgs {
    /// Copy also outside of the window
    #[arg(long)]
    now: bool,
}

#[derive(Serialize)]
struct Waits {
    until: String,
}

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
pub fn run(args: &RunArgs, context: &Context<'_>) -> Result<Exit> {
    if context.settings.file.supplemental.mode == Mode::Off {
        let error = Error::new(ErrorKind::Usage, "supplemental backups are off");
        return Err(error.with_hint("`enamel supplemental enable` switches them on."));
    }
    if !args.now && has_to_wait(context)? {
        return Ok(Exit::Done);
    }
    let source = context.open(Access::Write)?;
    let Made { outcome, exit } = copy_new(&source, context)?;
    report(&outcome, context)?;
    Ok(exit)
}

/// Says when copies are made, if that is not now.
fn has_to_wait(context: &Context<'_>) -> Result<bool> {
    let window = context.settings.file.supplemental.window().map_err(|why| Error::new(ErrorKind::Usage, why))?;
    let now = moment::now();
    let Some(window) = window.filter(|window| !window.has(&now)) else { return Ok(false) };
    let next = window.next(&now).map_or_else(String::new, |next| next.strftime(" %Y-%m-%d %H:%M").to_string());
    if context.ui.is_json() {
        context.ui.message("supplemental_waits", Waits { until: next.trim().to_owned() })?;
    } else {
        context.ui.say(format_args!(
            "supplemental copies wait until{next}, as `window` says; `enamel supplemental run --now` copies at once"
        ));
    }
    Ok(true)
}

/// Copies after a backup that saved a database. The snapshot is there: a copy that fails is named, and no error.
///
/// # Errors
/// Standard output cannot be written.
pub fn after_backup(source: &Repository, administrator: Option<&str>, context: &Context<'_>) -> Result<Exit> {
    if context.settings.file.supplemental.mode == Mode::Off {
        return Ok(Exit::Done);
    }
    if has_to_wait(context)? {
        return Ok(tell_administrator(source, administrator, context));
    }
    match copy_new(source, context) {
        Ok(Made { outcome, exit }) => {
            report(&outcome, context)?;
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

/// The result of a run.
struct Made {
    outcome: CopyOutcome,
    exit: Exit,
}

/// Copies what is new, and says on the card and in a record what is there.
fn copy_new(source: &Repository, context: &Context<'_>) -> Result<Made> {
    let settings = &context.settings.file.supplemental;
    let target = Office::of(context)?.open(context, Access::Write)?;
    let parts = Parts::of(settings);
    let options = CopyOptions { only: parts.choice, writer: writer::own() };
    let outcome = copy(source, &target, &What::New, &options, context.ui)?;
    let exit = tell_troubles(&outcome, context);
    update_card(&target, &outcome, exit, context);
    if exit != Exit::Done {
        return Ok(Made { outcome, exit });
    }
    let present = outcome.present.iter().map(|present| &present.source);
    let there = outcome.copied.iter().map(|copied| &copied.source).chain(present);
    let newest = there.filter(|source| source.kind == ManifestKind::Snapshot).map(|source| source.time);
    if let Some(time) = newest.max() {
        source.remember_moment(Reminder::Copied, time)?;
    }
    note(source, &target, &Recorded { only: parts.names, checked: Checked::ReadBack }, context);
    Ok(Made { outcome, exit })
}

/// Says on the card what is there. The copies are there, whatever it says. A copy that was not found whole is not
/// the newest one.
fn update_card(target: &Repository, outcome: &CopyOutcome, exit: Exit, context: &Context<'_>) {
    let settings = &context.settings.file.supplemental;
    match target.look_at_card() {
        Ok(None) => {}
        Ok(Some(why)) => context.tell_incomplete(format_args!(
            "{why}: somebody else can write to the storage of the copies; this run makes a new card"
        )),
        Err(error) => context.tell_incomplete(format_args!("the host's card cannot be looked at: {}", chain(&error))),
    }
    let snapshots = outcome.copied.iter().filter(|copied| copied.source.kind == ManifestKind::Snapshot);
    let newest = snapshots.filter_map(|copied| copied.id).next_back().filter(|_| exit == Exit::Done);
    let now = machine::now().seconds;
    let card = target.update_card(&program(), &|card| {
        card.mode = if settings.mode == Mode::Local { CardMode::Local } else { CardMode::On };
        card.interval = settings.every_hours.saturating_mul(3600);
        if let Some(id) = newest {
            card.newest = Some(NewestCopy { time: now, id });
        }
    });
    if let Err(error) = card {
        context.tell_incomplete(format_args!("the copy is made, but the host's card of it is old: {}", chain(&error)));
    }
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
    ui.prose(format_args!("made {} {what}: {} stored", format::count(copied as u64), format::bytes(stored)))
}

//! `enamel supplemental enable`, `local` and `disable`: whether copies are made, and where.

use std::path::PathBuf;

use engine::error::chain;
use engine::repository::{Exclusive, Repository};
use engine::{Error, ErrorKind, Result};
use repo_format::card::CardMode;
use repo_format::config::Access;
use serde::Serialize;

use super::admin::{self, NewAdmin};
use super::history::{self, Event};
use super::office::{self, OFFICE, Office};
use crate::commands::init::New;
use crate::context::Context;
use crate::environment::program;
use crate::exit::Exit;
use crate::settings::edit;
use crate::settings::{Mode, Part, Place, SecretSource, Storage, Supplemental, parse_place};
use crate::strength::Strength;

/// Make copies with a host from now on.
///
/// Enamel makes the second repository if there is none, notes the place in `enamel.toml`, and puts a record into the
/// practice's own repository. Only databases are copied, unless --include says otherwise. Without LOCATION copies go
/// where they went before. The first copy is made by the next backup, or by `enamel supplemental run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel supplemental enable s3://host/practice-4711 --admin ada --practice 4711
  enamel supplemental enable

Exit status: 0 done, 1 failed, 2 usage, 12 wrong password")]
pub struct EnableArgs {
    /// The second repository: s3://BUCKET/PREFIX, or a folder on a mounted share of the host
    #[arg(value_name = "LOCATION")]
    location: Option<PathBuf>,
    #[command(flatten)]
    more: MoreArgs,
}

/// Make copies in a folder or share of your own from now on.
///
/// It has keys of its own, so name the administrator again with --admin.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel supplemental local /mnt/usb/enamel --admin ada

Exit status: 0 done, 1 failed, 2 usage, 12 wrong password")]
pub struct LocalArgs {
    /// The second repository: a folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    more: MoreArgs,
}

/// Make no more copies. The copies that are there stay.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel supplemental disable

Exit status: 0 done, 1 failed, 2 usage, 3 done, but the card of the second repository still says otherwise, 12 wrong password")]
pub struct DisableArgs {}

#[derive(Debug, clap::Args)]
struct MoreArgs {
    /// Copy this besides databases
    #[arg(long, value_name = "PART")]
    include: Vec<Part>,
    /// The number or name under which the host knows the practice; everybody at the host can read it
    #[arg(long, value_name = "TEXT")]
    practice: Option<String>,
    #[command(flatten)]
    admin: NewAdmin,
}

#[derive(Serialize)]
struct Switched {
    mode: &'static str,
    location: String,
}

/// Switches copies to a host on.
///
/// # Errors
/// The second repository cannot be made or opened, or the settings cannot be written.
pub fn enable(args: &EnableArgs, context: &Context<'_>) -> Result<Exit> {
    let place = match &args.location {
        Some(location) => parse_place(location)?.absolute()?,
        None => Office::of(context)?.place,
    };
    switch_to(Mode::On, place, &args.more, context)
}

/// Switches copies to a folder on.
///
/// # Errors
/// As [`enable`].
pub fn local(args: &LocalArgs, context: &Context<'_>) -> Result<Exit> {
    let place = parse_place(&args.folder)?.absolute()?;
    if place.folder().is_none() {
        return Err(Error::new(
            ErrorKind::Usage,
            "a local copy goes into a folder; `enamel supplemental enable` is for hosts",
        ));
    }
    switch_to(Mode::Local, place, &args.more, context)
}

fn switch_to(mode: Mode, place: Place, more: &MoreArgs, context: &Context<'_>) -> Result<Exit> {
    let before = &context.settings.file.supplemental;
    let file = office::settings_file(context)?;
    let office = Office { place, key_file: office::key_file(before, context)? };
    more.admin.check()?;
    context.refuse_overlap(&office.place, Storage::Supplemental)?;
    let source = context.open(Access::Write)?;
    let target = open_or_make(&office, &source, context)?;
    // Before copies are on: a password that is refused, or that nobody types, leaves them as they were.
    if more.admin.is_named() {
        admin::set(&more.admin, &source, &target, context)?;
    }
    let include = if more.include.is_empty() { before.include.clone() } else { more.include.clone() };
    let settings = Supplemental {
        mode,
        repository: Some(PathBuf::from(office.place.to_string())),
        key_file: Some(office.key_file.clone()),
        include,
        ..before.clone()
    };
    edit::change(file, |file| settings.put_into(file))?;
    history::note(&source, &Event::Switch { mode: mode.name().to_owned(), place: office.place.to_string() })?;
    target.update_card(&program(), &|card| {
        card.mode = if mode == Mode::Local { CardMode::Local } else { CardMode::On };
        card.interval = settings.every_hours.saturating_mul(3600);
        if let Some(practice) = &more.practice {
            card.practice.clone_from(practice);
        }
    })?;
    report(mode, &office.place, context)?;
    if target.card()?.is_none_or(|card| card.administrator.is_none()) && !context.ui.is_quiet() {
        context.ui.warn("only this computer can open the copies so far; `enamel supplemental admin NAME` adds an administrator's password");
    }
    Ok(Exit::Done)
}

fn open_or_make(office: &Office, source: &Repository, context: &Context<'_>) -> Result<Repository> {
    match office.open(context, Access::Write) {
        Err(error) if matches!(error.kind(), ErrorKind::NoRepository) => {}
        // The key file is made with the repository.
        Err(_) if !office.key_file.exists() => {}
        opened => return opened,
    }
    let secret = SecretSource::KeyFile(office.key_file.clone());
    let new = New {
        place: &office.place,
        secret: &secret,
        strength: Strength::OffSite,
        label: Some(OFFICE.to_owned()),
        like: Some(source),
        storage: Storage::Supplemental,
        exclusive: Exclusive::IfNeeded,
    };
    new.make(context)?;
    context.ui.say(format_args!("made the repository in {}", office.place));
    office.open(context, Access::Write)
}

/// Makes no more copies.
///
/// # Errors
/// The settings or the record cannot be written.
pub fn disable(_: &DisableArgs, context: &Context<'_>) -> Result<Exit> {
    let office = Office::of(context)?;
    let file = office::settings_file(context)?;
    let source = context.open(Access::Write)?;
    let settings = Supplemental { mode: Mode::Off, ..context.settings.file.supplemental.clone() };
    edit::change(file, |file| settings.put_into(file))?;
    history::note(&source, &Event::Switch { mode: Mode::Off.name().to_owned(), place: office.place.to_string() })?;
    let told = office.open(context, Access::Write);
    let told = told.and_then(|target| target.update_card(&program(), &|card| card.mode = CardMode::Off));
    if let Err(error) = told {
        context.tell_incomplete(format_args!("copies are off, but the host was not told: {}", chain(&error)));
    }
    report(Mode::Off, &office.place, context)?;
    Ok(Exit::Done)
}

fn report(mode: Mode, place: &Place, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    match (ui.is_json(), ui.is_quiet(), mode) {
        (true, ..) => ui.message("supplemental", Switched { mode: mode.name(), location: place.to_string() }),
        (_, true, _) => Ok(()),
        (_, _, Mode::Off) => ui.prose(format_args!("supplemental backups are off; nothing in {place} was deleted")),
        _ => ui.prose(format_args!("supplemental backups are {}: {place}", mode.name())),
    }
}

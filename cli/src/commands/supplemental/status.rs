//! `enamel supplemental status`: whether copies are made, how old the newest is, and who opens it.

use engine::error::chain;
use engine::repository::{Reminder, Repository};
use engine::{Error, ErrorKind, Result, machine, snapshots};
use repo_format::card::Card;
use repo_format::config::Access;
use repo_format::manifest::RootKind;
use serde::Serialize;

use super::history::{self, Event};
use super::office::Office;
use crate::commands::accept::HOW;
use crate::context::Context;
use crate::exit::{Exit, after_printing};
use crate::moment;
use crate::settings::{Mode, Supplemental};
use crate::ui::format;

/// So many snapshots without a copy are an alarm: one missed night needs nobody.
const MISSED_ALARM: usize = 2;
/// After so many days somebody should try the password again.
const PASSWORD_DAYS: i64 = 90;
const DAY: i64 = 86_400;

/// Show whether copies are made and who opens them.
///
/// Also how old the newest copy is, how many were missed, and who switched copies when.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel supplemental status

Exit status: 0 all is well, 1 failed, 2 usage, 3 copies were missed, the second repository cannot be reached, nobody but \
            this computer can open it, or nobody has tried the password yet, or for 90 days; 12 wrong password")]
pub struct StatusArgs {}

#[derive(Serialize)]
struct Status {
    mode: &'static str,
    location: Option<String>,
    newest_copy: Option<String>,
    missed: usize,
    administrator: Option<String>,
    verified: Option<String>,
    level: Option<u8>,
    password_tried: Option<String>,
}

#[derive(Serialize)]
struct Switched<'a> {
    time: String,
    user: &'a str,
    host: &'a str,
    what: String,
}

/// Shows the state.
///
/// # Errors
/// The practice's own repository cannot be read.
pub fn run(_: &StatusArgs, context: &Context<'_>) -> Result<Exit> {
    let mode = context.settings.file.supplemental.mode;
    let source = context.open(Access::Read)?;
    let missed = missed(&source, &context.settings.file.supplemental)?;
    let tried = source.remembered_moment(Reminder::PasswordTried)?.map(|moment| moment.seconds);
    let shown = if context.ui.is_json() { format::rfc3339 } else { format::time };
    let time = |seconds: i64| shown(format::seconds(seconds));
    let card = match Office::of(context) {
        Ok(office) if mode != Mode::Off => {
            match office.open(context, Access::Read).and_then(|target| read_card(&target, &office, context)) {
                Ok(card) => card,
                Err(error) => {
                    context
                        .tell_incomplete(format_args!("the second repository cannot be looked at: {}", chain(&error)));
                    None
                }
            }
        }
        _ => None,
    };
    let card = card.as_ref();
    let opener = card.and_then(|card| card.administrator);
    let names = history::administrators(&source)?;
    let administrator =
        opener.and_then(|id| names.iter().find(|(_, member)| *member == id)).map(|(name, _)| name.clone());
    let status = Status {
        mode: mode.name(),
        location: context.settings.file.supplemental.repository.as_ref().map(|path| path.display().to_string()),
        newest_copy: card.and_then(|card| card.newest).map(|newest| time(newest.time)),
        missed,
        administrator: administrator.or_else(|| opener.map(format::short)),
        verified: card.and_then(|card| card.verified).map(time),
        level: card.and_then(|card| card.level),
        password_tried: tried.map(time),
    };
    let exit = after_printing(Exit::Done, print(&status, &source, context))?;
    if mode != Mode::Off {
        tell_missed(&source, context);
        if card.is_some() && opener.is_none() {
            context.tell_incomplete("only this computer can open the copies: run `enamel supplemental admin NAME`");
        }
        if opener.is_some() && tried.is_none_or(|tried| machine::now().seconds - tried > PASSWORD_DAYS * DAY) {
            let since = if tried.is_some() { "for 90 days" } else { "yet" };
            context.tell_incomplete(format_args!(
                "nobody has tried the administrator's password {since}: run `enamel supplemental check-password`"
            ));
        }
    }
    Ok(exit)
}

/// The card, after naming what somebody else has done to it.
fn read_card(target: &Repository, office: &Office, context: &Context<'_>) -> Result<Option<Card>> {
    let lost = target.unanswered()?;
    lost.sentences().iter().for_each(|sentence| context.tell_incomplete(format_args!("the copies: {sentence}")));
    if !lost.is_empty() {
        let (place, key) = (&office.place, office.key_file.display());
        context.ui.warn(format_args!("{HOW}, there with --repo {place} --key-file {key}"));
    }
    if let Some(why) = target.look_at_card()? {
        context.tell_incomplete(format_args!("{why}: somebody else can write to the storage of the copies"));
    }
    target.card()
}

fn print(status: &Status, source: &Repository, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    let history = history::read(source)?;
    let what = |event: &Event| match event {
        Event::Switch { mode, place } => format!("{mode}: {place}"),
        Event::Administrator { name, .. } => format!("administrator: {name}"),
    };
    if ui.is_json() {
        for entry in &history {
            let time = format::rfc3339(format::seconds(entry.seconds));
            let switched = Switched { time, user: &entry.user, host: &entry.host, what: what(&entry.event) };
            ui.message("supplemental_change", switched)?;
        }
        return ui.message("supplemental_status", status);
    }
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    ui.fields(&[
        ("supplemental backups", status.mode.to_owned()),
        ("location", or_none(&status.location)),
        ("newest copy", or_none(&status.newest_copy)),
        ("missed", status.missed.to_string()),
        ("administrator", or_none(&status.administrator)),
        ("verified", or_none(&status.verified)),
        ("password tried", or_none(&status.password_tried)),
    ])?;
    history.iter().try_for_each(|entry| {
        let time = format::time(format::seconds(entry.seconds));
        let (user, host) = (format::path(entry.user.as_bytes()), format::path(entry.host.as_bytes()));
        ui.line(format_args!("{time}  {user}@{host}  {}", format::path(what(&entry.event).as_bytes())))
    })
}

/// Snapshots of databases that were made since the newest one that was copied, and since copies were switched on. With a
/// window, those that were made after its last end wait for the next one, and are not missed.
fn missed(source: &Repository, settings: &Supplemental) -> Result<usize> {
    if settings.mode == Mode::Off {
        return Ok(0);
    }
    let window = settings.window().map_err(|why| Error::new(ErrorKind::Usage, why))?;
    let due = window.and_then(|window| window.last_end(&moment::now())).map_or(i64::MAX, |end| end.as_second());
    let switched = history::read(source)?.into_iter().rev();
    let since = switched.take_while(|entry| !matches!(&entry.event, Event::Switch { mode, .. } if mode == "off"));
    let on = since.filter(|entry| matches!(entry.event, Event::Switch { .. })).last().map_or(i64::MIN, |on| on.seconds);
    let copied = source.remembered_moment(Reminder::Copied)?;
    let list = snapshots::list(source)?.snapshots;
    let is_missed = |manifest: &repo_format::manifest::Manifest| {
        copied.is_none_or(|copied| manifest.time() > copied)
            && (on..=due).contains(&manifest.seconds)
            && manifest.roots.iter().any(|root| root.kind == RootKind::Database)
    };
    Ok(list.iter().filter(|snapshot| is_missed(&snapshot.manifest)).count())
}

/// The number of snapshots of databases that should have a supplemental copy and have none.
///
/// # Errors
/// The repository cannot be read.
pub fn missed_by(source: &Repository, context: &Context<'_>) -> Result<usize> {
    if source.as_of().is_some() { Ok(0) } else { missed(source, &context.settings.file.supplemental) }
}

/// Says that copies were missed. An alarm that cannot be computed is one.
pub fn tell_missed(source: &Repository, context: &Context<'_>) {
    match missed(source, &context.settings.file.supplemental) {
        Ok(missed) if missed >= MISSED_ALARM => {
            context.tell_incomplete(format_args!(
                "ALARM: the last {missed} snapshots of the database have no supplemental copy; `enamel supplemental run` tries again"
            ));
        }
        Ok(1) => context.tell_incomplete("the last snapshot of the database has no supplemental copy yet"),
        Ok(_) => {}
        Err(error) => {
            context.tell_incomplete(format_args!("cannot tell whether copies were missed: {}", chain(&error)));
        }
    }
}

/// For `enamel status`: says what is wrong with supplemental backups, and returns whether nothing is.
///
/// # Errors
/// The repository cannot be read.
pub fn tell(source: &Repository, context: &Context<'_>) -> Result<bool> {
    let mode = context.settings.file.supplemental.mode;
    if mode == Mode::Off || source.as_of().is_some() {
        return Ok(true);
    }
    tell_missed(source, context);
    Ok(missed(source, &context.settings.file.supplemental)? == 0)
}

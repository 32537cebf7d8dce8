//! `enamel protect`: locks what snapshots need against deletion.

use std::time::Duration;

use engine::repository::Repository;
use engine::store::s3::{Guards, Lock};
use engine::upkeep::protect::{self, Protected};
use engine::{Error, ErrorKind, Result, machine};
use repo_format::config::Access;
use serde::Serialize;

use crate::context::Context;
use crate::duration::parse_duration;
use crate::exit::{Exit, after_printing};
use crate::settings::{Place, Storage};
use crate::ui::format;

/// The longest time that makes sense.
const LONGEST: Duration = Duration::from_secs(3650 * 86_400);

/// Lock what snapshots need in object storage against deletion.
///
/// A bucket with object lock keeps each new object for some days. Data that is older than that has no lock any more,
/// though every snapshot needs it. This extends the locks of all that any snapshot needs. An intruder on this computer
/// can hide objects then, and destroys nothing: see `enamel recover`. `protect = "35d"` in enamel.toml, under `[s3]`,
/// does it after a backup, whenever half of the time is over.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel protect --for 35d

The account needs the right s3:PutObjectRetention. An administrator of the bucket can open such a lock (GOVERNANCE), unless the \
bucket's own rule is stricter.

Exit status: 0 done; 3 something could not be locked: a snapshot cannot be read; 1 failed, 2 usage, 10 no repository, 12 wrong password, \
130 interrupted")]
pub struct ProtectArgs {
    /// How long, from now [default: `protect` in enamel.toml, else 35d]
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    time: Option<Duration>,
}

#[derive(Serialize)]
struct Summary {
    objects: u64,
    extended: u64,
    until: String,
    unreadable_snapshots: u64,
}

/// Locks everything that snapshots need.
///
/// # Errors
/// The storage has no locks, or refuses.
pub fn run(args: &ProtectArgs, context: &Context<'_>) -> Result<Exit> {
    let Place::ObjectStorage(address) = context.repository_place()? else {
        let message = "only object storage can lock objects against deletion";
        return Err(Error::new(ErrorKind::Refused, message).with_hint("see `enamel backup --append-only` for folders"));
    };
    let time = match args.time {
        Some(time) => time,
        None => context.settings.file.s3.protect()?.unwrap_or(DEFAULT),
    };
    let guards = context.object_storage(address, Storage::Repository)?.guards()?;
    warn_of(&guards, time, context);
    let repo = context.open(Access::Read)?;
    let protected = protect::protect(&repo, machine::now().seconds, seconds(time)?, context.ui)?;
    after_printing(exit(&protected), print(&protected, context))
}

/// The time for which locks are made when nobody says another.
const DEFAULT: Duration = Duration::from_secs(35 * 86_400);

/// Locks everything that snapshots need after a backup, if `enamel.toml` says so and half of the time is over. The
/// snapshot is there, so a failure is a warning.
///
/// # Errors
/// Standard output cannot be written.
pub fn after_backup(repo: &Repository, context: &Context<'_>) -> Result<Exit> {
    match extend(repo, context) {
        Ok(None) => Ok(Exit::Done),
        Ok(Some(protected)) => after_printing(exit(&protected), print(&protected, context)),
        Err(error) => {
            let why = engine::error::chain(&error);
            context.ui.warn(format_args!("the snapshot is saved, but older data could not be locked: {why}"));
            Ok(Exit::Incomplete)
        }
    }
}

/// Locks everything again; `None` if that is not due.
fn extend(repo: &Repository, context: &Context<'_>) -> Result<Option<Protected>> {
    let Some(time) = context.settings.file.s3.protect()? else { return Ok(None) };
    let (now, seconds) = (machine::now().seconds, seconds(time)?);
    if context.repository_folder()?.is_some() || !protect::is_due(repo, now, seconds)? {
        return Ok(None);
    }
    protect::protect(repo, now, seconds, context.ui).map(Some)
}

fn exit(protected: &Protected) -> Exit {
    if protected.unreadable == 0 { Exit::Done } else { Exit::Incomplete }
}

fn seconds(time: Duration) -> Result<u32> {
    let refused = || {
        Error::new(ErrorKind::Usage, "a lock lasts a day at least, and ten years at most")
            .with_hint("Give the time as days: `enamel protect --for 30d`.")
    };
    if time < Duration::from_secs(86_400) || time > LONGEST {
        return Err(refused());
    }
    u32::try_from(time.as_secs()).map_err(|_| refused())
}

/// New objects must have a lock of their own until the next run.
fn warn_of(guards: &Guards, time: Duration, context: &Context<'_>) {
    let days = u32::try_from(time.as_secs() / 86_400).unwrap_or(u32::MAX);
    match guards.lock {
        Lock::OnRequest => context.ui.warn(
            "the bucket does not lock new objects, so those of the next backups are open until `enamel protect` runs again: \
             set a default retention for the bucket",
        ),
        Lock::Days(own) if own < days.div_ceil(2) => context.ui.warn(format_args!(
            "the bucket locks new objects for {} only; set its default retention to {} or more",
            format::counted(own.into(), "day"),
            format::counted(days.div_ceil(2).into(), "day")
        )),
        _ => {}
    }
}

fn print(protected: &Protected, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    let until = format::seconds(protected.until);
    if ui.is_json() {
        return ui.message(
            "protected",
            Summary {
                objects: protected.objects,
                extended: protected.extended,
                until: format::rfc3339(until),
                unreadable_snapshots: protected.unreadable,
            },
        );
    }
    if protected.unreadable > 0 {
        let unreadable = format::counted(protected.unreadable, "snapshot");
        ui.warn(format_args!("{unreadable} cannot be read, so what only they need is not locked; see `enamel verify`"));
    }
    if ui.is_quiet() {
        return Ok(());
    }
    let (objects, extended) = (format::counted(protected.objects, "object"), format::count(protected.extended));
    ui.prose(format_args!("{objects} protected; {extended} of them locked now until {}", format::time(until)))
}

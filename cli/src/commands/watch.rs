//! `enamel watch`: the binary log of a database server, as it is written.

use std::time::{Duration, Instant};

use engine::binlog::archive::{Archived, SavedLog, WatchOptions, watch};
use engine::error::chain;
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;

use crate::binlog::{break_words, coverage_words, message, not_kept, words};
use crate::commands::backup::{self, BackupArgs};
use crate::context::Context;
use crate::database::DatabaseArgs;
use crate::duration::parse_duration;
use crate::exit::Exit;
use crate::writer;

/// How often it is looked whether a snapshot is due, or the user wishes to stop.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Keep the binary log of a database server as it is written, until you stop it.
///
/// The log has every change between two snapshots. Enamel keeps new changes every minute, so that they survive the
/// server's disk. If the server is lost, it tries again for as long as it takes. Every `enamel backup` keeps the log,
/// too, without this command. It needs a server that writes a binary log (`enamel check` says so), and an account that
/// may read it (`enamel grants watch`).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel watch
  enamel watch --every 5s --snapshot-every 1h
  enamel watch --database mysql://enamel@db.example --tls

Exit status: 0 stopped by Ctrl-C or SIGTERM, all that was read is kept; 1 failed, or the server keeps no binary log, 2 usage, \
            10 no repository, 11 another run reads it, 12 wrong password")]
pub struct WatchArgs {
    /// Keep what has happened after this time, if anything has
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    every: Duration,
    /// Also make a snapshot, as `enamel backup` does, after each such time
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    snapshot_every: Option<Duration>,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Watches.
///
/// # Errors
/// The server keeps no log, or does not show it; the repository cannot be written.
pub fn run(args: &WatchArgs, context: &Context<'_>) -> Result<Exit> {
    let address = args.database.required_address(context)?;
    let repository = context.open(Access::Write)?;
    let options = WatchOptions { every: args.every, writer: writer::own() };
    context.ui.say(format_args!("keeping the binary log of {} every {} s", address.public(), args.every.as_secs()));
    let stopped = std::thread::scope(|scope| {
        let (ended, end) = std::sync::mpsc::channel::<()>();
        if let Some(every) = args.snapshot_every {
            scope.spawn(move || snapshots(args, context, every, &end));
        }
        let result = watch(&repository, &address, &options, context.ui, &mut |saved| told(context, saved));
        drop(ended);
        result
    })?;
    match stopped {
        None => Ok(Exit::Done),
        Some(not) => {
            let kind = if matches!(not, Archived::Busy) { ErrorKind::Fenced } else { ErrorKind::Database };
            let why = not_kept(&not).unwrap_or_else(|| "it cannot be read".to_owned());
            let error = Error::new(kind, format!("the binary log of {} is {why}", address.public()));
            let hint = "`enamel check --explain-log` says how to switch it on, and what it costs.";
            Err(if matches!(not, Archived::Off) { error.with_hint(hint) } else { error })
        }
    }
}

/// Tells what was kept.
fn told(context: &Context<'_>, saved: &SavedLog) {
    let ui = context.ui;
    for warning in break_words(&saved.record).into_iter().chain(coverage_words(&saved.record)) {
        ui.warn(warning);
    }
    let printed = if ui.is_json() {
        ui.message("log", message(saved))
    } else if ui.is_quiet() {
        Ok(())
    } else {
        ui.prose(format_args!("kept {}", words(saved))).and_then(|()| ui.flush())
    };
    if let Err(error) = printed {
        ui.warn(format_args!("cannot print: {}", chain(&error)));
    }
}

/// Makes a snapshot at once and after each `every`, until the watch ends. A failure is told, and the next one is made all the same.
fn snapshots(args: &WatchArgs, context: &Context<'_>, every: Duration, end: &std::sync::mpsc::Receiver<()>) {
    let mut due = Instant::now();
    loop {
        if Instant::now() >= due {
            due = Instant::now() + every;
            if let Err(error) = snapshot(args, context) {
                context.ui.warn(format_args!("no snapshot was made: {}", chain(&error)));
            }
        }
        if !matches!(end.recv_timeout(LOOK_EVERY), Err(std::sync::mpsc::RecvTimeoutError::Timeout)) {
            return;
        }
    }
}

/// Saves what enamel.toml says, and the database that this command was given.
fn snapshot(args: &WatchArgs, context: &Context<'_>) -> Result<Exit> {
    backup::run(&BackupArgs::beside_log(args.database.clone())?, context)
}

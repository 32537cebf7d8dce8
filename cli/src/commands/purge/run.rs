//! `enamel purge run`: carries out a plan.

use std::path::PathBuf;
use std::time::Duration;

use engine::Result;
use engine::database::LogLife;
use engine::purge::{Ended, PaceOptions, Reclaimed, RunOptions, RunOutcome, Window, run as purge};
use engine::upkeep::retention::Age;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use repo_format::config::Access;
use serde::Serialize;

use super::categories;
use super::category::{self, Going};
use super::file;
use super::words::log_sentences;
use crate::commands::init::host_name;
use crate::context::Context;
use crate::database::{DatabaseArgs, ServerArgs};
use crate::duration::parse_duration;
use crate::environment::program;
use crate::environment::user_name;
use crate::exit::{Exit, after_printing};
use crate::retention::Keep;
use crate::ui::{Ui, format};

/// Carry out a plan: prove again what is kept, then delete it in small batches
///
/// First Enamel compares every row with the snapshot, and puts a receipt into the repository that names the rows that
/// will go. From then on they outlive the snapshot, until the receipt is released. Then it deletes them, batch by
/// batch. A batch takes about a tenth of a second: it locks the rows, compares them once more, and deletes them. Rows
/// that somebody changed meanwhile stay, and are counted. Between batches the run waits while the server is busy. The
/// row with the highest number of a table always stays. If the plan has files, Enamel removes them after the rows. A
/// file stays if its bytes differ from the snapshot's, or if a row names it.
///
/// The plan must be as `purge plan` wrote it: it is sealed with the keys of the repository, and Enamel refuses an
/// edited one. After a member was removed, or a key was changed with --compromised, make a new plan. A category of
/// `[purge.NAME]` must still be what it was.
///
/// A run may end at any time, by Ctrl-C, a lost connection or a power failure: run the same plan again, and it resumes.
/// Enamel checks MyISAM tables before and after.
///
/// Deletion makes no file smaller: the space is there for new rows of the same table. With --reclaim Enamel rebuilds
/// and checks the tables afterwards, if the server's disk has room for a copy. People can work with InnoDB tables
/// meanwhile; MyISAM tables are locked for as long. When no rows are left to remove, Enamel rebuilds all tables of the
/// plan.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel purge run old-log.plan --database mysql://purger@db.example \\
      --reason 'audit log over six years'
  enamel purge run old-log.plan --window 22:00-05:00 --max-rows-per-second 2000
  enamel purge run old-log.plan --for 30m
  enamel purge run old-log.plan --window 22:00-05:00 --reclaim

Exit status: 0 done, or the time was up; 3 done, but a table could not be rebuilt; 1 failed, or the plan does not fit this server; 2 usage, or the plan was edited; \
            10 no repository, 11 a prune or another run is in the way, 12 wrong password, 130 interrupted: what went is in a receipt")]
pub struct RunArgs {
    /// The plan, as `enamel purge plan --output` wrote it
    #[arg(value_name = "FILE")]
    plan: PathBuf,
    /// The database server, as `mysql://USER@HOST[:PORT]` or `mysql://USER@localhost/?socket=PATH`
    #[arg(long, value_name = "URL", help_heading = "Database options")]
    database: Option<String>,
    /// Why this is done: for the receipt
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Remove at most this many rows a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_rows_per_second: Option<u32>,
    /// Delete for this long: 30m, 2h; run the same plan again for the rest
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    time: Option<Duration>,
    /// Remove rows, and begin to rebuild tables, only at these times of the day; wait otherwise
    #[arg(long, value_name = "FROM-UNTIL", value_parser = parse_window)]
    window: Option<Window>,
    /// Rebuild the tables afterwards, so that the space of removed rows is free; see `enamel grants reclaim`
    #[arg(long)]
    pub(super) reclaim: bool,
    /// Also wait while this replica lags by more than 5 seconds; can be given several times
    #[arg(long = "replica", value_name = "URL", help_heading = "Database options")]
    replicas: Vec<String>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Serialize)]
struct ReclaimedMessage<'a> {
    table: &'a str,
    before_bytes: u64,
    after_bytes: Option<u64>,
    problem: Option<&'a str>,
}

#[derive(Serialize)]
struct Summary {
    rows: u64,
    left: u64,
    receipts: Vec<String>,
    ended: &'static str,
    /// How long the server's binary log has the rows: null if it has none, or keeps it until it is deleted.
    server_log: &'static str,
    server_log_seconds: Option<u64>,
    keep_log: Option<String>,
    seconds: f64,
}

/// Carries out the plan.
///
/// # Errors
/// See [`engine::purge::run`].
pub fn run(args: &RunArgs, context: &Context<'_>) -> Result<Exit> {
    let plan = file::read(&args.plan)?;
    let database = DatabaseArgs { database: args.database.clone(), schemas: Vec::new(), server: args.server.clone() };
    let address = database.required_address(context)?;
    let replicas = args.replicas.iter().map(|url| args.server.address(url, context)).collect::<Result<_>>()?;
    let repo = context.open(Access::Write)?;
    let options = RunOptions {
        operator: user_name(),
        host: host_name(),
        program: program(),
        reason: args.reason.clone(),
        pace: PaceOptions {
            rows_per_second: args.max_rows_per_second,
            time: args.time,
            window: args.window.clone(),
            replicas,
            ..PaceOptions::default()
        },
        reclaim: args.reclaim,
        categories: categories::known(&context.settings.file)?,
    };
    let began = std::time::Instant::now();
    let mut outcome = purge(&repo, &address, &plan, &options, context.ui)
        .map_err(|e| e.context(format!("cannot carry out the plan {}", args.plan.display())))?;
    let failure = outcome.failure.take();
    let exit = match outcome.ended {
        Ended::Interrupted => Exit::Interrupted,
        _ if outcome.reclaimed.iter().any(|table| table.problem.is_some()) => Exit::Incomplete,
        Ended::Done | Ended::TimeIsUp | Ended::Failed => Exit::Done,
    };
    let kept = Keep::default().log(context.settings.file.retention.as_ref());
    let printed = print(context.ui, &outcome, began.elapsed(), kept);
    match failure {
        None => after_printing(exit, printed),
        Some(error) => Err(error),
    }
}

/// Reads `22:00-05:00`, in this machine's zone.
fn parse_window(text: &str) -> std::result::Result<Window, String> {
    let what = || "a window is FROM-UNTIL, as in 22:00-05:00".to_owned();
    let (from, until) = text.split_once('-').ok_or_else(what)?;
    let time = |text: &str| text.trim().parse::<Time>().map_err(|_| what());
    let (from, until) = (time(from)?, time(until)?);
    if from == until {
        Err("a window that begins when it ends is never open".to_owned())
    } else {
        Ok(Window { from, until, zone: TimeZone::system() })
    }
}

fn print(ui: &Ui, outcome: &RunOutcome, time: Duration, kept: Option<Age>) -> Result<()> {
    let rows = outcome.categories.iter().flat_map(|removed| &removed.tables).map(|(_, rows)| rows).sum();
    if ui.is_json() {
        return print_json(ui, outcome, rows, time, kept);
    }
    if ui.is_quiet() {
        outcome.reclaimed.iter().for_each(|table| warn_reclaimed(ui, table));
        return Ok(());
    }
    let all = || outcome.categories.iter().map(Going::from);
    ui.table(&category::table("REMOVED", all()))?;
    all().flat_map(|going| going.sentences("removed")).try_for_each(|sentence| ui.prose(sentence))?;
    ui.problems(&outcome.file_problems.problems, outcome.file_problems.count)?;
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    ui.line(format_args!("\n{} removed in {}", format::counted(rows, "row"), format::duration(milliseconds)))?;
    for receipt in &outcome.receipts {
        ui.prose(format_args!("receipt {} keeps them", format::short(receipt)))?;
    }
    if rows > 0 {
        log_sentences(outcome.server_log, kept).into_iter().try_for_each(|sentence| ui.prose(sentence))?;
    }
    outcome.reclaimed.iter().try_for_each(|table| print_reclaimed(ui, table))?;
    match outcome.ended {
        Ended::Done => Ok(()),
        Ended::TimeIsUp => ui.prose("the time was up: run the same plan again for the rest"),
        Ended::Interrupted => ui.prose("stopped: run the same plan again for the rest"),
        Ended::Failed => ui.prose("this is what went until something failed: run the same plan again for the rest"),
    }
}

fn print_reclaimed(ui: &Ui, reclaimed: &Reclaimed) -> Result<()> {
    warn_reclaimed(ui, reclaimed);
    match reclaimed.after_bytes {
        None => Ok(()),
        Some(after) => {
            let (before, after) = (format::bytes(reclaimed.before_bytes), format::bytes(after));
            ui.prose(format_args!("{} rebuilt: {before} before, {after} now", reclaimed.table))
        }
    }
}

fn warn_reclaimed(ui: &Ui, reclaimed: &Reclaimed) {
    if let Some(problem) = &reclaimed.problem {
        ui.warn(format_args!("{}: {problem}", reclaimed.table));
    }
}

fn print_json(ui: &Ui, outcome: &RunOutcome, rows: u64, time: Duration, kept: Option<Age>) -> Result<()> {
    ui.problems(&outcome.file_problems.problems, outcome.file_problems.count)?;
    outcome.categories.iter().try_for_each(|removed| ui.message("category", Going::from(removed).message()))?;
    for Reclaimed { table, before_bytes, after_bytes, problem } in &outcome.reclaimed {
        let (before_bytes, after_bytes, problem) = (*before_bytes, *after_bytes, problem.as_deref());
        ui.message("reclaimed", ReclaimedMessage { table, before_bytes, after_bytes, problem })?;
    }
    let summary = Summary {
        rows,
        left: outcome.categories.iter().map(|removed| removed.left.total()).sum(),
        receipts: outcome.receipts.iter().map(ToString::to_string).collect(),
        ended: match outcome.ended {
            Ended::Done => "done",
            Ended::TimeIsUp => "time-is-up",
            Ended::Interrupted => "interrupted",
            Ended::Failed => "failed",
        },
        server_log: match outcome.server_log {
            None => "unknown",
            Some(LogLife::Off) => "off",
            Some(LogLife::Seconds(_) | LogLife::UntilDeleted) => "on",
        },
        server_log_seconds: match outcome.server_log {
            Some(LogLife::Seconds(seconds)) => Some(seconds),
            _ => None,
        },
        keep_log: kept.map(|age| age.to_string()),
        seconds: time.as_secs_f64(),
    };
    ui.message("summary", summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_two_times_of_a_day() {
        assert_eq!(parse_window("22:00-05:00").unwrap().until, jiff::civil::time(5, 0, 0, 0));
        assert_eq!(parse_window("22-05").unwrap(), parse_window("22:00-05:00").unwrap());
        for text in ["22:00", "late-early", "05:00-05:00"] {
            assert!(parse_window(text).is_err(), "{text}");
        }
    }
}

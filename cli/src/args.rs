//! The command line as a whole: what `clap` reads.

use clap::{Parser, Subcommand};

use crate::commands::{
    accept, agent, backup, cat, check, completions, config, console, copy, demo, diff, drill, evidence, export_sql,
    find, forget, grants, hold, init, key, leases, log, ls, man, notify, preview, protect, prune, purge, recover,
    repair, restore, schedule, setup, snapshots, stats, status, supplemental, verify, watch,
};
use crate::global::Global;

const AFTER_HELP: &str = "\
SNAP, wherever a command takes one, is one of
  3f9a12bc              an id, or as many of its first digits as are needed
  latest                the newest snapshot, that is the one made last
  latest~1              the one before it; ~2 the one before that, and so on
  latest:TAG            the newest one with this tag
  @2026-11-20T14:00     the newest one not later than this minute
  @2026-11-20           the newest one of this day, or earlier
  @yesterday            the same; also @today and @\"2 hours ago\" or
                        @2-hours-ago, and minutes, days, weeks
  latest:TAG@TIME~1     all of these; latest@TIME is @TIME
One from the future, made by a wrong clock, is chosen by its id only. Where a
newer one cannot be read or has disappeared, it is named, and the status is 3.
A path in it follows after a colon: 3f9a12bc:images, or latest:images/ with a
slash, which tells it from a tag (see `enamel restore --help`).

Exit status
    0   done
    1   failed
    2   the command line, or a setting, makes no sense
    3   done, but something could not be read or restored as it was, or was not
        saved when the snapshot was made, or a newer snapshot than the one that
        was chosen is in doubt, or `status` found what needs attention;
        it is named
    4   `verify` found damage, `repair` could not put all of it right, or what
        this computer has seen has disappeared: see `enamel accept --help`
   10   there is no repository
   11   another run has taken over, or holds what is needed
   12   wrong password or key file
  130   interrupted; nothing is half-done

Try `enamel demo` first: it needs no set-up and touches nothing of yours.";

/// Deduplicating, encrypted backup of databases and image folders.
///
/// Enamel saves folders, files, streams and databases as snapshots in a repository, and restores them from there. It
/// does not store again what a repository holds already, so hourly snapshots of a large image folder stay small.
/// Without a password or key file nobody can read a repository.
#[derive(Debug, Parser)]
#[command(name = "enamel", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = false)]
pub struct Args {
    /// Options of all commands.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands. Their help is the documentation of their arguments.
#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(demo::DemoArgs),
    Setup(setup::SetupArgs),
    Init(init::InitArgs),
    Backup(Box<backup::BackupArgs>),
    Watch(watch::WatchArgs),
    Agent(agent::AgentArgs),
    Console(console::ConsoleArgs),
    Schedule(schedule::ScheduleArgs),
    Notify(notify::NotifyArgs),
    Status(status::StatusArgs),
    Snapshots(snapshots::SnapshotsArgs),
    Log(Box<log::LogArgs>),
    Ls(ls::LsArgs),
    Find(find::FindArgs),
    Diff(diff::DiffArgs),
    Cat(cat::CatArgs),
    Stats(stats::StatsArgs),
    Restore(Box<restore::RestoreArgs>),
    ExportSql(export_sql::ExportSqlArgs),
    Verify(verify::VerifyArgs),
    Drill(Box<drill::DrillArgs>),
    Evidence(evidence::EvidenceArgs),
    Forget(Box<forget::ForgetArgs>),
    Prune(prune::PruneArgs),
    Purge(purge::PurgeArgs),
    Copy(Box<copy::CopyArgs>),
    Accept(accept::AcceptArgs),
    Leases(leases::LeasesArgs),
    Hold(hold::HoldArgs),
    Repair(repair::RepairArgs),
    Protect(protect::ProtectArgs),
    Recover(recover::RecoverArgs),
    Check(check::CheckArgs),
    Grants(grants::GrantsArgs),
    Key(key::KeyArgs),
    Supplemental(supplemental::SupplementalArgs),
    Config(config::ConfigArgs),
    Completions(completions::CompletionsArgs),
    #[command(hide = true)]
    Man(man::ManArgs),
    #[command(hide = true)]
    Preview(preview::PreviewArgs),
}

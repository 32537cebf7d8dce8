//! `enamel purge`: old rows out of the live database.

mod categories;
mod file;
mod plan;
mod run;

use clap::Subcommand;
use engine::Result;

use crate::context::Context;
use crate::exit::Exit;

/// Remove old rows from a live database, only those that a snapshot is proven to hold.
///
/// Logs and histories grow for years and are read by nobody. `purge plan` says what could go and why other things may not, and
/// writes a plan; `purge run` carries a plan out, while people work. Each row is compared with the snapshot byte by byte
/// before it is deleted, in the same moment in which it is; what is newer or different stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel purge plan --schema opendental --before 2020-01-01 --output old-log.plan
  enamel purge run old-log.plan --reason 'audit log over six years'

Exit status: see `enamel purge plan --help` and `enamel purge run --help`")]
pub struct PurgeArgs {
    #[command(subcommand)]
    action: PurgeAction,
}

#[derive(Debug, Subcommand)]
enum PurgeAction {
    Plan(Box<plan::PlanArgs>),
    Run(Box<run::RunArgs>),
}

/// Runs the sub-command.
///
/// # Errors
/// See the sub-commands.
pub fn run(args: &PurgeArgs, context: &Context<'_>) -> Result<Exit> {
    match &args.action {
        PurgeAction::Plan(args) => plan::run(args, context),
        PurgeAction::Run(args) => run::run(args, context),
    }
}

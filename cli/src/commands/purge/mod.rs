//! `enamel purge`: old rows out of the live database.

pub mod categories;
mod category;
mod file;
mod files;
pub mod history;
mod plan;
pub mod purged_files;
mod release;
mod report;
mod run;
mod words;

use std::path::Path;

use clap::Subcommand;
use engine::Result;

use crate::context::Context;
use crate::exit::Exit;
use crate::ui::format;

/// Remove old rows from a live database, only those that a snapshot is proven to hold.
///
/// Logs and histories grow for years, and nobody reads them. `purge plan` says which rows could go, and why others may
/// not, and writes a plan. `purge run` carries a plan out while people work. It compares each row with the snapshot
/// byte by byte, under the lock under which it deletes the row. Rows that are newer or different stay. Each purge
/// leaves a receipt, which keeps the rows after their snapshot is forgotten: `enamel restore --purged RECEIPT
/// --to-database URL` brings them back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel purge plan --schema opendental --before 2020-01-01 \\
      --output old-log.plan
  enamel purge run old-log.plan --reason 'audit log over six years'
  enamel purge history --report purges.txt
  enamel purge release 77aa01de --early 'moved to the archive of the county'

Exit status: see the help of each of them")]
pub struct PurgeArgs {
    #[command(subcommand)]
    action: PurgeAction,
}

#[derive(Debug, Subcommand)]
enum PurgeAction {
    Plan(Box<plan::PlanArgs>),
    Run(Box<run::RunArgs>),
    History(history::HistoryArgs),
    Release(release::ReleaseArgs),
}

impl PurgeArgs {
    /// Whether it works on a database server, not on receipts.
    pub fn is_on_server(&self) -> bool {
        matches!(self.action, PurgeAction::Plan(_) | PurgeAction::Run(_))
    }

    /// Whether tables are to be rebuilt.
    pub fn reclaims(&self) -> bool {
        matches!(&self.action, PurgeAction::Run(args) if args.reclaim)
    }
}

/// Runs the sub-command.
///
/// # Errors
/// See the sub-commands.
pub fn run(args: &PurgeArgs, context: &Context<'_>) -> Result<Exit> {
    match &args.action {
        PurgeAction::Plan(args) => plan::run(args, context),
        PurgeAction::Run(args) => run::run(args, context),
        PurgeAction::History(args) => history::run(args, context),
        PurgeAction::Release(args) => release::run(args, context),
    }
}

/// The digest of the plan in a file, in hexadecimal digits.
///
/// # Errors
/// It cannot be read, or is no plan.
pub fn plan_digest(path: &Path) -> Result<String> {
    Ok(format::hex(&file::read(path)?.digest()))
}

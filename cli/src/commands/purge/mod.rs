//! `enamel purge`: old rows out of the live database.

mod history;
mod release;
mod report;

use clap::Subcommand;
use engine::Result;

use crate::context::Context;
use crate::exit::Exit;

/// Show what was removed from live databases and is kept here, and let go of it.
///
/// Each purge leaves a receipt: who removed what, when and why, and the rows themselves, which stay in the repository when the
/// snapshot that held them is forgotten. `enamel restore --purged RECEIPT --to-database URL` brings them back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel purge history --report purges.txt
  enamel purge release 77aa01de --early 'moved to the archive of the county'

Exit status: 0 done; 3 some receipts cannot be read; 1 failed; 10 no repository, 12 wrong password")]
pub struct PurgeArgs {
    #[command(subcommand)]
    action: PurgeAction,
}

#[derive(Debug, Subcommand)]
enum PurgeAction {
    History(history::HistoryArgs),
    Release(release::ReleaseArgs),
}

/// Runs the sub-command.
///
/// # Errors
/// See the sub-commands.
pub fn run(args: &PurgeArgs, context: &Context<'_>) -> Result<Exit> {
    match &args.action {
        PurgeAction::History(args) => history::run(args, context),
        PurgeAction::Release(args) => release::run(args, context),
    }
}

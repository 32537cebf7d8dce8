//! `enamel purge release`: lets go of purged rows.

use engine::machine::now;
use engine::upkeep::forget::forget;
use engine::upkeep::receipt::{Purge, Release, find, is_over, note_release, release_time};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use serde::Serialize;

use super::words::rows;
use crate::commands::accept::author;
use crate::context::Context;
use crate::exit::{Exit, after_printing};
use crate::ui::format;

/// The reason that is recorded for a release after its time.
const IN_TIME: &str = "kept for six years";

/// Let go of rows that were removed from a live database: they are kept no longer.
///
/// Six years after a purge this needs no reason; before, say why with --early. `enamel purge history` records who
/// released what, when and why. `enamel prune` frees the space, unless a snapshot has the same rows.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel purge release 3f9a12bc
  enamel purge release 3f9a12bc --early 'moved to the archive of the county'

Exit status: 0 done; 1 failed, or its time has not come; 10 no repository, 12 wrong password")]
pub struct ReleaseArgs {
    /// The receipt, or the first digits of its id; see `enamel purge history`
    #[arg(value_name = "RECEIPT")]
    receipt: String,
    /// Why it is released before six years have passed
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    early: Option<String>,
}

#[derive(Serialize)]
struct Released {
    purge: String,
    receipts: u64,
    rows: u64,
}

/// A purge that has not ended may still be removing rows, and nothing would keep them.
fn may_run(purge: &Purge) -> Result<()> {
    if is_over(purge)? {
        return Ok(());
    }
    let message = "this purge has no record of its end, so it may still be running: run its plan again to the end, or release it seven days after it began";
    Err(Error::new(ErrorKind::Refused, message))
}

/// Releases.
///
/// # Errors
/// There is no such receipt, its time has not come, or it cannot be deleted.
pub fn run(args: &ReleaseArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Prune)?;
    repo.sync_catalog(context.ui)?;
    let purge = find(&repo, &args.receipt)?;
    let record = &purge.receipt()?.record;
    may_run(&purge)?;
    let (now, from) = (now().seconds, release_time(&purge)?);
    if args.early.is_none() && now < from {
        let when = format::time(format::seconds(from));
        let message = format!(
            "these rows must be kept until {when}, six years: to release them earlier, say why with --early REASON"
        );
        return Err(Error::new(ErrorKind::Refused, message));
    }
    let reason = args.early.clone().unwrap_or_else(|| IN_TIME.to_owned());
    let release = Release { purge: record.purge, seconds: now, reason, author: author() };
    note_release(&repo, &release)?;
    let outcome = forget(&repo, &purge.references(), &release.author, context.ui)?;
    let released =
        Released { purge: record.purge.to_string(), receipts: outcome.forgotten, rows: rows(&record.tables) };
    let ui = context.ui;
    after_printing(
        Exit::Done,
        if ui.is_json() {
            ui.message("released", released)
        } else {
            ui.prose(format_args!(
                "released: {} of purge {}; `enamel prune` frees their space",
                format::counted(released.rows, "row"),
                format::short(&released.purge)
            ))
        },
    )
}

//! `enamel agent`: backups, copies, checks and drills on schedule.

use std::sync::Arc;

use engine::Result;
use engine::error::chain;

use crate::agent::{Agent, Until};
use crate::context::Context;
use crate::exit::Exit;
use crate::global::Global;

/// Do on schedule what enamel.toml says, until you stop it.
///
/// The agent makes backups, brings the second copy up to date, reads a part of the repository again, makes drills and
/// forgets old snapshots. `[schedule]` in enamel.toml says when; without it a backup is made each hour in office hours
/// and every four hours otherwise. A computer that was off or asleep makes one backup when it is awake again. A job that
/// fails is tried again after 1, 2, 5, 10 and then every 20 minutes. A backup that is due stops every other job, which
/// goes on later.
///
/// Each job is this program with the same options: `enamel backup`, `enamel verify`, and so on. A snapshot that you make
/// by hand counts. `enamel schedule install` starts the agent with the computer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel agent
  enamel agent --once                    for other timers: what is due now

  [schedule]                             in enamel.toml, as it is without this:
  office-hours = \"Mon-Sat 07:00-19:00\"   or several:
                                         \"Mon-Fri 08:00-18:00, Sat 08:00-13:00\"
  backup = \"1h\"                          in office hours
  otherwise = \"4h\"                       at other times
  copy = \"after-backup\"                  or daily, weekly, monthly
  verify = \"5% daily\"                    in the night
  drill = \"weekly\"
  forget = \"weekly\"                      by [retention], and frees the room
  Each of them can be \"off\".

Exit status: 0 stopped, or all that was due is done; 1 a job failed (with --once), 2 usage, 10 no repository, \
            12 wrong password")]
pub struct AgentArgs {
    /// Do what is due now, and end
    #[arg(long)]
    once: bool,
}

/// Runs the agent.
///
/// # Errors
/// The settings do not allow to leave it alone; the repository cannot be opened.
pub fn run(args: &AgentArgs, global: &Global, context: &Context<'_>) -> Result<Exit> {
    let until = if args.once { Until::NothingDue } else { Until::Stopped };
    let mut agent = Agent::new(context, global, Arc::default())?;
    if until == Until::Stopped
        && !context.settings.file.console.off
        && let Err(error) = agent.open_console(None)
    {
        // Backups go on.
        context.ui.warn(format_args!("there is no console: {}", chain(&error)));
    }
    agent.run(until)
}

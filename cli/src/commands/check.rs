//! `enamel check`: what a backup of a database would find.

use std::path::PathBuf;

use engine::database::attended;
use engine::survey::Verdict;
use engine::{Error, Result, error};
use serde::Serialize;

use crate::commands::config::check_source;
use crate::context::Context;
use crate::database::DatabaseArgs;
use crate::exit::{Exit, after_printing};
use crate::profile::{ProfileArgs, images_in_words};
use crate::ui::{Tone, survey};

mod log_advice;

/// Say whether a backup of a database would be complete, before one is made.
///
/// Asks the server what it is, what is in it, and what the account may do. Says which locks a backup would take, and
/// what is in the way. With a profile it looks for the images of the application, as a backup does. It saves nothing, reads no table, and needs no repository. `enamel backup --dry-run` reads as
/// well.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel check                  what enamel.toml says
  enamel check --explain-log    how to keep every change, not only snapshots
  enamel check --database mysql://enamel@db.example --tls --schema opendental \\
      /srv/opendental/images

Exit status: 0 a backup would be complete; 3 something would be missing: it is named; 1 no backup could be made, 2 usage")]
pub struct CheckArgs {
    /// Folders and files to save with it
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Say instead how to switch on the binary log of this server, what it costs, and how to undo that
    #[arg(long, conflicts_with = "paths")]
    explain_log: bool,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Serialize)]
struct PathMessage {
    path: String,
    ok: bool,
    message: Option<String>,
}

#[derive(Serialize)]
struct ImagesMessage {
    profile: &'static str,
    ok: bool,
    message: String,
}

#[derive(Serialize)]
struct Summary {
    verdict: &'static str,
}

/// Checks.
///
/// # Errors
/// The server cannot be reached, or nothing is named.
pub fn run(args: &CheckArgs, context: &Context<'_>) -> Result<Exit> {
    if args.explain_log {
        return log_advice::explain(&args.database.required_address(context)?, context.ui);
    }
    let names_nothing = args.paths.is_empty() && args.database.database.is_none();
    let paths = if names_nothing { &context.settings.file.sources } else { &args.paths };
    let mut verdict = check_database(&args.database, context)?;
    if let Err(error) = check_images(args, context)? {
        verdict = Verdict::Impossible;
        context.ui.warn(error::chain(&error));
    }
    for path in paths {
        if let Err(error) = check_path(path, context)? {
            verdict = Verdict::Impossible;
            context.ui.warn(error::chain(&error));
        }
    }
    after_printing(exit(verdict), print_verdict(verdict, context))
}

/// The exit status for `verdict`.
pub fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Complete => Exit::Done,
        Verdict::Incomplete => Exit::Incomplete,
        Verdict::Impossible => Exit::Failed,
    }
}

/// Surveys the database that `database` names, and prints what was found.
///
/// # Errors
/// The user named no server, or it cannot be reached.
pub fn check_database(database: &DatabaseArgs, context: &Context<'_>) -> Result<Verdict> {
    let address = database.required_address(context)?;
    let schemas = database.schemas(context);
    let found = attended(&address, context.ui, |address| engine::survey::survey(address, &schemas))?;
    survey::print(context.ui, &address, &found)?;
    Ok(found.verdict())
}

/// Whether the images of the application are where a backup finds them, if a profile is named; said also if they are.
fn check_images(args: &CheckArgs, context: &Context<'_>) -> Result<std::result::Result<(), Error>> {
    let Some((profile, map)) = args.profile.request(&context.settings.file)? else { return Ok(Ok(())) };
    let address = args.database.required_address(context)?;
    let result = images_in_words(&address, &args.database.schemas(context), (profile, &map));
    if context.ui.is_json() {
        let message = match &result {
            Ok(notes) => notes.join("; "),
            Err(error) => error::chain(error),
        };
        context.ui.message("images", ImagesMessage { profile: profile.name, ok: result.is_ok(), message })?;
    } else if let Ok(notes) = &result {
        notes.iter().try_for_each(|note| context.ui.prose(format_args!("\n{note}")))?;
    }
    Ok(result.map(drop))
}

/// Whether `path` can be reached; said in JSON, and in words only if it cannot.
fn check_path(path: &std::path::Path, context: &Context<'_>) -> Result<std::result::Result<(), Error>> {
    let result = check_source(path).map(drop);
    if context.ui.is_json() {
        let message = result.as_ref().err().map(|e| error::chain(e));
        context.ui.message("path", PathMessage { path: path.display().to_string(), ok: result.is_ok(), message })?;
    }
    Ok(result)
}

fn print_verdict(verdict: Verdict, context: &Context<'_>) -> Result<()> {
    let (name, tone, sentence) = match verdict {
        Verdict::Complete => ("complete", Tone::Good, "A backup would be complete."),
        Verdict::Incomplete => {
            ("incomplete", Tone::Attention, "A backup is possible, but the things named above would be missing in it.")
        }
        Verdict::Impossible => {
            ("impossible", Tone::Bad, "A backup is not possible until the problems above are fixed.")
        }
    };
    if context.ui.is_json() {
        context.ui.message("summary", Summary { verdict: name })
    } else {
        context.ui.line(format_args!("\n{}", context.ui.state(tone, sentence)))
    }
}

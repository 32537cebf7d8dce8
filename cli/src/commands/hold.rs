//! `enamel hold`: snapshots that look as if their source had been attacked, and what people say about them.

use std::time::Duration;

use clap::Subcommand;
use engine::hold::{self, Answer, Expectation, Hold, Verdict};
use engine::memory::RememberedManifest;
use engine::repository::Repository;
use engine::{Error, ErrorKind, Result, machine};
use repo_format::config::Access;
use repo_format::evidence::{EvidenceKind, EvidenceResult};
use serde::Serialize;

use crate::commands::accept::author;
use crate::commands::evidence::Deed;
use crate::commands::init::host_name;
use crate::context::Context;
use crate::duration::parse_duration;
use crate::exit::Exit;
use crate::ui::{Ui, format};

/// Look at snapshots that are held, and answer.
///
/// If most of the pictures no longer begin as pictures, if many files grew by the same number of bytes, if a fifth of all
/// files or of the rows of a long table is gone, or if the same note is new in many folders, somebody may have attacked
/// the practice. Rows and files that Enamel purged are not missed. Enamel makes the backup all the same, and holds it: no snapshot is forgotten and no room is freed until a person has looked. In the
/// first two weeks of a source nothing is held.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel hold list
  enamel hold answer 3f9a12bc --ours 'the imaging program was replaced'
  enamel hold expect --for 4h 'all pictures are converted tonight'

Exit status: 0 done; 3 list: a snapshot is held and nobody has answered; 1 failed, 2 usage, 10 no repository, 12 wrong password")]
pub struct HoldArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(ListArgs),
    Answer(AnswerArgs),
    Expect(ExpectArgs),
}

/// List held snapshots, what was seen, and the answers
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel hold list

Exit status: 0 every hold is answered; 3 one is not; 1 failed, 10 no repository, 12 wrong password")]
struct ListArgs {}

/// Say what it was: then snapshots may be forgotten again
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel hold answer 3f9a12bc --ours 'the imaging program was replaced'
  enamel hold answer 3f9a12bc --over 'pictures are restored from Tuesday'

Exit status: 0 done; 1 failed, or there is no such hold; 2 usage, 10 no repository, 12 wrong password")]
struct AnswerArgs {
    /// The snapshot, or how it begins
    #[arg(value_name = "SNAPSHOT")]
    snapshot: String,
    /// Somebody of the practice made this change, and why; in this folder the same holds no snapshot for 30 days
    #[arg(long, value_name = "REASON", required_unless_present = "over", conflicts_with = "over")]
    ours: Option<String>,
    /// It was an attack, and the files are well again; how
    #[arg(long, value_name = "REASON")]
    over: Option<String>,
}

/// Say that many files of this computer are going to change
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel hold expect --for 4h 'all pictures are converted tonight'

Exit status: 0 done, 1 failed, 2 usage, 10 no repository, 12 wrong password")]
struct ExpectArgs {
    /// For how long from now
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    span: Duration,
    /// Why
    #[arg(value_name = "REASON")]
    reason: String,
}

#[derive(Serialize)]
struct HoldMessage<'h> {
    snapshot: String,
    time: String,
    host: &'h str,
    seen: &'h [String],
    answer: Option<AnswerMessage<'h>>,
}

#[derive(Serialize)]
struct AnswerMessage<'h> {
    verdict: &'static str,
    reason: &'h str,
    by: String,
    time: String,
}

/// Lists, answers, or announces.
///
/// # Errors
/// The repository cannot be read or written, or there is no such hold.
pub fn run(args: &HoldArgs, context: &Context<'_>) -> Result<Exit> {
    match &args.action {
        Action::List(_) => list(&context.open(Access::Read)?, context.ui),
        Action::Answer(args) => answer(args, &context.open(Access::Write)?, context),
        Action::Expect(args) => expect(args, &context.open(Access::Write)?, context.ui),
    }
}

fn list(repository: &Repository, ui: &Ui) -> Result<Exit> {
    let holds = hold::list(repository)?;
    for hold in &holds {
        print(ui, hold)?;
    }
    if holds.is_empty() && !ui.is_json() && !ui.is_quiet() {
        ui.line("no snapshot is held")?;
    }
    let is_open = holds.iter().any(|hold| hold.answer.is_none());
    Ok(if is_open { Exit::Incomplete } else { Exit::Done })
}

fn print(ui: &Ui, hold: &Hold) -> Result<()> {
    let by = |answer: &Answer| format!("{}@{}", answer.author.user, answer.author.host);
    if ui.is_json() {
        let answer = hold.answer.as_ref().map(|answer| AnswerMessage {
            verdict: answer.verdict.name(),
            reason: &answer.reason,
            by: by(answer),
            time: format::rfc3339(format::seconds(answer.seconds)),
        });
        let (snapshot, time) = (hold.snapshot.to_string(), format::rfc3339(hold.time));
        return ui.message("hold", HoldMessage { snapshot, time, host: &hold.host, seen: &hold.words, answer });
    }
    let id = format::short(hold.snapshot);
    ui.prose(format_args!("snapshot {id} of {} on {}", format::time(hold.time), hold.host))?;
    hold.words.iter().try_for_each(|words| ui.prose(format_args!("  {words}")))?;
    match &hold.answer {
        None => ui.prose("  nobody has answered: compare with `enamel diff`, then `enamel hold answer`"),
        Some(answer) => {
            let what = words_of(answer.verdict);
            let when = format::time(format::seconds(answer.seconds));
            ui.prose(format_args!("  answered at {when} by {}: {what}: {}", by(answer), answer.reason))
        }
    }
}

fn answer(args: &AnswerArgs, repository: &Repository, context: &Context<'_>) -> Result<Exit> {
    let holds = hold::list(repository)?;
    let mut found = holds.iter().filter(|hold| hold.snapshot.to_string().starts_with(&args.snapshot));
    let hold = match (found.next(), found.next()) {
        (Some(hold), None) => hold,
        (Some(_), Some(_)) => {
            return Err(Error::new(ErrorKind::Usage, format!("several held snapshots begin with {}", args.snapshot)));
        }
        (None, _) => {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("no snapshot that is held begins with {}", args.snapshot),
            )
            .with_hint("`enamel hold list` names them."));
        }
    };
    let (verdict, reason) = match (&args.ours, &args.over) {
        (Some(reason), _) => (Verdict::Ours, reason),
        (None, over) => (
            Verdict::Over,
            over.as_ref().ok_or_else(|| {
                Error::new(ErrorKind::Usage, "no reason is given").with_hint("Say why: --ours REASON or --over REASON.")
            })?,
        ),
    };
    let (snapshot, seconds) = (hold.snapshot, machine::now().seconds);
    Answer { snapshot, verdict, reason: reason.clone(), seconds, author: author() }.put(repository)?;
    leave(hold, verdict, reason, repository, context)?;
    context.ui.say(format_args!("answered: snapshot {} holds nothing up any more", format::short(snapshot)));
    Ok(Exit::Done)
}

fn words_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ours => "it was us",
        Verdict::Over => "an attack, and it is over",
    }
}

/// Leaves evidence of an answer: what was seen, and what somebody said of it.
fn leave(hold: &Hold, verdict: Verdict, reason: &str, repository: &Repository, context: &Context<'_>) -> Result<()> {
    let present = repository.manifests()?.present;
    let snapshot = present.iter().find(|known| known.id == hold.snapshot).map(RememberedManifest::reference);
    let deed = Deed::new(EvidenceKind::Acceptance, "hold answer", format!("{}: {reason}", words_of(verdict)));
    let result = EvidenceResult::PassedWithNotes;
    Deed { result, notes: hold.words.clone(), snapshot, ..deed }.leave(repository, context);
    Ok(())
}

fn expect(args: &ExpectArgs, repository: &Repository, ui: &Ui) -> Result<Exit> {
    let span = i64::try_from(args.span.as_secs()).unwrap_or(i64::MAX);
    let until = machine::now().seconds.saturating_add(span);
    Expectation { until, reason: args.reason.clone(), author: author() }.put(repository)?;
    ui.say(format_args!("snapshots of {} are not held until {}", host_name(), format::time(format::seconds(until))));
    Ok(Exit::Done)
}

//! `enamel evidence actions`: who did what on the page of Enamel.

use engine::Result;
use engine::evidence;
use engine::repository::Repository;
use repo_format::config::Access;
use repo_format::evidence::{Action, ActionEnd};
use serde::Serialize;

use crate::agent::journal;
use crate::commands::drill::tell_unreadable;
use crate::context::Context;
use crate::exit::Exit;
use crate::ui::{Align, Table, format};

/// List who did what on the page of Enamel.
///
/// The newest come first. An action is sealed in the repository within the hour; until then it is in a file of this computer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel evidence actions
  enamel evidence actions --json

Exit status: 0 done, 3 done, but something cannot be read, 1 failed, 10 no repository, 12 wrong password")]
pub struct ActionsArgs {}

/// An action, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The action.
    pub action: Action,
    /// Whether it is in the repository.
    pub is_sealed: bool,
    /// Whether it is under way.
    pub is_open: bool,
}

#[derive(Serialize)]
struct ActionMessage<'a> {
    time: String,
    person: &'a str,
    role: &'a str,
    what: &'a str,
    about: Option<&'a str>,
    end: &'static str,
    sealed: bool,
}

/// Lists.
///
/// # Errors
/// The repository or the journal cannot be read.
pub fn run(_args: &ActionsArgs, context: &Context<'_>) -> Result<Exit> {
    let repository = context.open(Access::Read)?;
    let known = known(&repository, context)?;
    if context.ui.is_json() {
        for one in &known {
            context.ui.message("action", ActionMessage::of(one))?;
        }
        return Ok(Exit::Done);
    }
    if known.is_empty() {
        context.ui.line("nobody has ordered anything on the page yet")?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[
        ("TIME", Align::Whole),
        ("WHO", Align::Left),
        ("ROLE", Align::Left),
        ("WHAT", Align::Left),
        ("ABOUT", Align::Left),
        ("END", Align::Left),
    ]);
    for Known { action, is_sealed, .. } in &known {
        let unsealed = if *is_sealed { "" } else { ", not sealed yet" };
        table.row([
            format::time(format::seconds(action.seconds)),
            format::message(&action.person),
            format::message(&action.role),
            format::message(&action.what),
            action.about.as_deref().map(format::message).unwrap_or_default(),
            format!("{}{unsealed}", words(action.end)),
        ]);
    }
    context.ui.table(&table)?;
    Ok(Exit::Done)
}

/// All actions of the repository and of the journal on this computer, the newest first. Things that cannot be read are told.
///
/// # Errors
/// The repository or the journal cannot be read.
pub fn known(repository: &Repository, context: &Context<'_>) -> Result<Vec<Known>> {
    // The journal first: an action that is sealed in between is then in both, not in neither.
    let waiting = context.state_dir().map(|folder| journal::waiting(&folder, &format::short(repository.id())));
    let waiting = waiting.transpose()?.unwrap_or_default();
    let pieces = evidence::list(repository)?;
    tell_unreadable(&pieces, context);
    if waiting.unreadable > 0 {
        let lines = format::counted(waiting.unreadable as u64, "line");
        context.tell_incomplete(format_args!("{lines} of the journal of actions cannot be read"));
    }
    let sealed = pieces.actions().into_iter().cloned();
    let mut all: Vec<_> = sealed.map(|action| Known { action, is_sealed: true, is_open: false }).collect();
    let is_new = |action: &Action| all.iter().all(|known| known.action.number != action.number);
    let ended = waiting.ended.into_iter().filter(is_new);
    let mut new: Vec<_> = ended.map(|action| Known { action, is_sealed: false, is_open: false }).collect();
    new.extend(waiting.open.into_iter().map(|action| Known { action, is_sealed: false, is_open: true }));
    all.append(&mut new);
    all.sort_by_key(|known| std::cmp::Reverse(known.action.seconds));
    Ok(all)
}

/// The end in words.
pub fn words(end: ActionEnd) -> &'static str {
    match end {
        ActionEnd::Done => "done",
        ActionEnd::Incomplete => "done, but something was left out",
        ActionEnd::Failed => "failed",
        ActionEnd::Stopped => "stopped",
        ActionEnd::Refused => "refused",
        ActionEnd::NotKnown => "end not known",
        ActionEnd::Other(_) => "of a newer version",
    }
}

impl<'a> ActionMessage<'a> {
    fn of(known: &'a Known) -> Self {
        let action = &known.action;
        ActionMessage {
            time: format::rfc3339(format::seconds(action.seconds)),
            person: &action.person,
            role: &action.role,
            what: &action.what,
            about: action.about.as_deref(),
            end: action.end.name(),
            sealed: known.is_sealed,
        }
    }
}

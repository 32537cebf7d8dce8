//! `enamel drill list`: the evidence in the repository.

use engine::Result;
use engine::error::chain;
use engine::evidence::{self, Piece, Pieces};
use repo_format::config::Access;
use repo_format::evidence::EvidenceKind;
use serde::Serialize;

use super::words;
use crate::context::Context;
use crate::exit::Exit;
use crate::ui::{Align, Table, Ui, format};

/// List drills, checks and reviews.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel drill list
  enamel drill list --json

Exit status: 0 done, 3 done, but some evidence cannot be read, 1 failed, 10 no repository, 12 wrong password")]
pub struct ListArgs {}

#[derive(Serialize)]
struct EvidenceMessage<'e> {
    id: String,
    digest: String,
    kind: &'static str,
    result: &'static str,
    time: String,
    host: &'e str,
    by: &'e str,
    place: &'e str,
    snapshot: Option<String>,
    from_copy: bool,
    faults: u64,
    notes: u64,
    milliseconds: u64,
    runs: u64,
    reviewed_by: Vec<String>,
}

/// Lists.
///
/// # Errors
/// The repository cannot be read.
pub fn run(_args: &ListArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    let pieces = evidence::list(&repo)?;
    tell_unreadable(&pieces, context);
    print(context.ui, &pieces)?;
    Ok(Exit::Done)
}

/// Names evidence that cannot be read.
pub fn tell_unreadable(pieces: &Pieces, context: &Context<'_>) {
    for unreadable in &pieces.unreadable {
        let (id, why) = (format::short(unreadable.id), chain(&unreadable.error));
        context.tell_incomplete(format_args!("the evidence {id} cannot be read: {why}"));
    }
}

/// Drills, checks and what people said of them. Actions have a list of their own.
fn shown(pieces: &Pieces) -> impl Iterator<Item = &Piece> {
    let is_action = |piece: &&Piece| piece.evidence.kind == EvidenceKind::Actions;
    pieces.pieces.iter().filter(move |piece| !piece.is_continuation() && !is_action(piece))
}

fn print(ui: &Ui, pieces: &Pieces) -> Result<()> {
    if ui.is_json() {
        return messages(ui, pieces);
    }
    if shown(pieces).next().is_none() {
        return ui.line("no drill and no check has left evidence yet");
    }
    let mut table = Table::new(&[
        ("EVIDENCE", Align::Whole),
        ("TIME", Align::Whole),
        ("WHAT", Align::Left),
        ("RESULT", Align::Left),
        ("SNAPSHOT", Align::Whole),
        ("BY", Align::Left),
    ]);
    for piece in shown(pieces) {
        let evidence = &piece.evidence;
        let (faults, notes) = words::counts(evidence);
        let runs = evidence.runs.map_or_else(String::new, |runs| format!(", {}", format::counted(runs.count, "time")));
        let copied = if piece.is_own() { "" } else { ", copied" };
        table.row([
            format::short(piece.id),
            format::time(piece.time),
            format!("{}{runs}{copied}", words::kind(evidence.kind)),
            words::verdict(evidence.result, faults, notes),
            evidence.snapshot.map_or_else(String::new, |snapshot| format::short(snapshot.id)),
            format!("{} on {}", format::message(piece.by()), format::message(&piece.host)),
        ]);
    }
    ui.table(&table)
}

fn messages(ui: &Ui, pieces: &Pieces) -> Result<()> {
    for piece in shown(pieces) {
        let evidence = &piece.evidence;
        let (faults, notes) = words::counts(evidence);
        let message = EvidenceMessage {
            id: piece.id.to_string(),
            digest: piece.digest.to_string(),
            kind: evidence.kind.name(),
            result: evidence.result.name(),
            time: format::rfc3339(piece.time),
            host: &piece.host,
            by: piece.by(),
            place: &evidence.place,
            snapshot: evidence.snapshot.map(|snapshot| snapshot.id.to_string()),
            from_copy: evidence.copy.is_some(),
            faults,
            notes,
            milliseconds: evidence.milliseconds,
            runs: evidence.runs.map_or(1, |runs| runs.count),
            reviewed_by: pieces.reviews_of(piece).map(|review| review.by().to_owned()).collect(),
        };
        ui.message("evidence", message)?;
    }
    Ok(())
}

//! `enamel diff`: what changed from one snapshot to another.

use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::snapshots::diff::{Change, ChangeKind};
use engine::{Error, Result};
use repo_format::config::Access;
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::snap::Snap;
use crate::ui::{Ui, format, json};

/// Show what differs between two snapshots.
///
/// Each line begins with what happened from A to B: `+` added, `-` removed, `M` content changed, `U` only times, modes or
/// owners changed, `T` became another kind of thing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel diff latest@2026-11-20T14:00 latest
  enamel diff 3f9a12bc a01b --json

Exit status: 0 done, differences or not; 1 failed, 2 usage, 10 no repository, 12 wrong password")]
pub struct DiffArgs {
    /// The older snapshot
    #[arg(value_name = "A", value_parser = OsStringValueParser::new().try_map(Snap::parse_whole))]
    a: Snap,
    /// The newer snapshot
    #[arg(value_name = "B", value_parser = OsStringValueParser::new().try_map(Snap::parse_whole))]
    b: Snap,
}

#[derive(Serialize)]
struct Message<'a> {
    #[serde(flatten)]
    path: json::Path,
    kind: &'static str,
    before: Option<json::Entry<'a>>,
    after: Option<json::Entry<'a>>,
}

#[derive(Serialize, Default)]
struct Summary {
    added: u64,
    removed: u64,
    content: u64,
    metadata: u64,
    #[serde(rename = "type")]
    kind: u64,
}

impl Summary {
    fn counter(&mut self, kind: ChangeKind) -> &mut u64 {
        match kind {
            ChangeKind::Added => &mut self.added,
            ChangeKind::Removed => &mut self.removed,
            ChangeKind::Content => &mut self.content,
            ChangeKind::Metadata => &mut self.metadata,
            ChangeKind::Type => &mut self.kind,
        }
    }

    fn in_words(&self) -> String {
        let numbers = [
            (self.added, "added"),
            (self.removed, "removed"),
            (self.content, "changed"),
            (self.metadata, "only in attributes"),
            (self.kind, "of another kind"),
        ];
        let some = numbers.into_iter().filter(|(number, _)| *number > 0);
        let words: Vec<_> = some.map(|(number, what)| format!("{} {what}", format::count(number))).collect();
        if words.is_empty() { "nothing differs".to_owned() } else { words.join(", ") }
    }
}

/// Compares two snapshots.
///
/// # Errors
/// One of them does not exist or cannot be read.
pub fn run(args: &DiffArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    let (a, b) = (context.select(&repo, &args.a)?, context.select(&repo, &args.b)?);
    let ui = context.ui;
    let mut summary = Summary::default();
    engine::snapshots::diff::diff(&repo, &a, &b, &mut |change| {
        if ui.is_interrupted() {
            return Err(Error::cancelled());
        }
        *summary.counter(change.kind) += 1;
        print(ui, change)
    })?;
    if ui.is_json() {
        ui.message("summary", summary)?
    } else {
        ui.say(summary.in_words())
    }
    Ok(Exit::Done)
}

fn print(ui: &Ui, change: &Change) -> Result<()> {
    let (letter, kind) = describe(change.kind);
    let path = change.path.as_slice();
    if !ui.is_json() {
        return ui.line(format_args!("{letter} {}", format::path(path)));
    }
    let entry = |entry| json::Entry::new(path, entry);
    let (before, after) = (change.before.as_ref().map(entry), change.after.as_ref().map(entry));
    ui.message("change", Message { path: path.into(), kind, before, after })
}

fn describe(kind: ChangeKind) -> (char, &'static str) {
    match kind {
        ChangeKind::Added => ('+', "added"),
        ChangeKind::Removed => ('-', "removed"),
        ChangeKind::Content => ('M', "content"),
        ChangeKind::Metadata => ('U', "metadata"),
        ChangeKind::Type => ('T', "type"),
    }
}

//! `enamel diff`: what changed from one snapshot to another.

use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::snapshots::diff::{ChangeKind, Detail, PartChange, RowChanges, compare, diff};
use engine::snapshots::part::{Part, TableSize};
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
/// owners changed, `T` became another kind of thing. In a database it names tables, with the rows that differ, and views,
/// routines, triggers and events.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel diff latest@2026-11-20T14:00 latest
  enamel diff 3f9a12bc a01b --json

Exit status: 0 done, differences or not; 4 done, but something is damaged and could not be compared; 1 failed, 2 usage, 10 no repository, 12 wrong password")]
pub struct DiffArgs {
    /// The older snapshot
    #[arg(value_name = "A", value_parser = OsStringValueParser::new().try_map(Snap::parse_whole))]
    a: Snap,
    /// The newer snapshot
    #[arg(value_name = "B", value_parser = OsStringValueParser::new().try_map(Snap::parse_whole))]
    b: Snap,
    /// Show the files in which Enamel stores a database, instead of its tables
    #[arg(long)]
    raw: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    #[serde(flatten)]
    path: json::Path,
    kind: &'static str,
    before: Option<json::Entry<'a>>,
    after: Option<json::Entry<'a>>,
    #[serde(flatten)]
    part: json::DatabasePart,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<TableMessage>,
    /// A view, routine, trigger, event or sequence.
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<ObjectMessage<'a>>,
    /// Why it cannot be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<&'a str>,
}

#[derive(Serialize)]
struct TableMessage {
    rows_before: Option<u64>,
    rows_after: Option<u64>,
    rows_added: Option<u64>,
    rows_removed: Option<u64>,
    rows_changed: Option<u64>,
    redefined: bool,
}

#[derive(Serialize)]
struct ObjectMessage<'a> {
    kind: &'static str,
    name: &'a str,
}

#[derive(Serialize, Default)]
struct Summary {
    added: u64,
    removed: u64,
    content: u64,
    metadata: u64,
    #[serde(rename = "type")]
    kind: u64,
    rows_added: u64,
    rows_removed: u64,
    rows_changed: u64,
    /// Things that differ, and are damaged. They count among those with other content.
    unreadable: u64,
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
        let rows = RowChanges {
            added: self.rows_added,
            removed: self.rows_removed,
            changed: self.rows_changed,
            ..RowChanges::default()
        };
        match (in_words(&numbers), rows_in_words(&rows)) {
            (None, _) => "nothing differs".to_owned(),
            (Some(things), None) => things,
            (Some(things), Some(rows)) => format!("{things}; {rows}"),
        }
    }
}

/// The numbers that are not 0, with what they count.
fn in_words(numbers: &[(u64, &str)]) -> Option<String> {
    let some = numbers.iter().filter(|(number, _)| *number > 0);
    let words: Vec<_> = some.map(|(number, what)| format!("{} {what}", format::count(*number))).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// `3 rows added, 1 removed`.
fn rows_in_words(rows: &RowChanges) -> Option<String> {
    let numbers = [(rows.added, "added"), (rows.removed, "removed"), (rows.changed, "changed")];
    let words = in_words(&numbers)?;
    let (first, rest) = words.split_once(' ').unwrap_or((&words, ""));
    let noun = if first == "1" { "row" } else { "rows" };
    Some(format!("{first} {noun} {rest}"))
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
    let mut found = |found: &PartChange| {
        if ui.is_interrupted() {
            return Err(Error::cancelled());
        }
        *summary.counter(found.change.kind) += 1;
        if let Detail::Table { rows: Some(rows), .. } = &found.detail {
            summary.rows_added += rows.added;
            summary.rows_removed += rows.removed;
            summary.rows_changed += rows.changed;
        }
        summary.unreadable += u64::from(matches!(found.detail, Detail::Unreadable(_)));
        print(ui, found)
    };
    if args.raw {
        diff(&repo, &a, &b, &mut |change| {
            found(&PartChange { change: change.clone(), part: Part::Plain, detail: Detail::None })
        })?;
    } else {
        compare(&repo, &a, &b, &mut found, ui)?;
    }
    let exit = if summary.unreadable == 0 { Exit::Done } else { Exit::Damage };
    if ui.is_json() {
        ui.message("summary", summary)?
    } else {
        ui.say(summary.in_words());
        if summary.unreadable > 0 {
            let things = format::counted(summary.unreadable, "thing");
            ui.warn(format_args!(
                "{things} could not be compared, because a snapshot is damaged there: `enamel verify --read-data` says which"
            ));
        }
    }
    Ok(exit)
}

fn print(ui: &Ui, found: &PartChange) -> Result<()> {
    let PartChange { change, part, detail } = found;
    let (letter, kind) = describe(change.kind);
    if !ui.is_json() {
        return ui.line(format_args!("{letter} {}{}", format::path(&change.path), more(change.kind, detail)));
    }
    let entry = |entry| json::Entry::new(&change.path, entry);
    let (before, after) = (change.before.as_ref().map(entry), change.after.as_ref().map(entry));
    let part = json::DatabasePart::new(*part, None);
    let unreadable = if let Detail::Unreadable(why) = detail { Some(why.as_str()) } else { None };
    let (table, object) = match detail {
        Detail::Table { before, after, rows, is_redefined, .. } => {
            (Some(table_message(*before, *after, rows.as_ref(), *is_redefined)), None)
        }
        Detail::Object(kind, name) => (None, Some(ObjectMessage { kind: kind.name(), name })),
        Detail::Defaults => (None, Some(ObjectMessage { kind: "defaults", name: "" })),
        Detail::Accounts => (None, Some(ObjectMessage { kind: "accounts", name: "" })),
        Detail::None | Detail::Unreadable(_) => (None, None),
    };
    let path = change.path.as_slice().into();
    ui.message("change", Message { path, kind, before, after, part, table, object, unreadable })
}

fn table_message(
    before: Option<TableSize>,
    after: Option<TableSize>,
    rows: Option<&RowChanges>,
    redefined: bool,
) -> TableMessage {
    TableMessage {
        rows_before: before.map(|size| size.rows),
        rows_after: after.map(|size| size.rows),
        rows_added: rows.map(|rows| rows.added),
        rows_removed: rows.map(|rows| rows.removed),
        rows_changed: rows.map(|rows| rows.changed),
        redefined,
    }
}

/// The words behind the path of a part of a database.
fn more(kind: ChangeKind, detail: &Detail) -> String {
    let size = |size: &Option<TableSize>| match size {
        Some(size) => format::counted(size.rows, "row"),
        None => "damaged".to_owned(),
    };
    match detail {
        Detail::None => String::new(),
        Detail::Unreadable(why) => format!("  cannot be compared: {why}"),
        Detail::Object(object, name) => format!("  {} {}", object.name(), format::path(name.as_bytes())),
        Detail::Defaults => "  character set, collation or comment".to_owned(),
        Detail::Accounts => "  users and grants".to_owned(),
        Detail::Table { after, .. } if kind == ChangeKind::Added => format!("  {}", size(after)),
        Detail::Table { before, .. } if kind == ChangeKind::Removed => format!("  {}", size(before)),
        Detail::Table { before, after, rows, is_redefined, .. } => {
            let rows = match rows {
                Some(rows) => rows_in_words(rows),
                None => Some(format!("{} before, {} after", size(before), size(after))),
            };
            let definition = is_redefined.then(|| "other definition".to_owned());
            let words: Vec<_> = rows.into_iter().chain(definition).collect();
            format!("  {}", words.join(", "))
        }
    }
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

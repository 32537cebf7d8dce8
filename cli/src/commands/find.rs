//! `enamel find`: every version of a file that some snapshot holds.

use engine::Result;
use engine::snapshots::find::{FindHit, FindOptions};
use engine::snapshots::part::Part;
use repo_format::config::Access;
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::ui::{Ui, format, json};

/// Find files and tables by name in all snapshots.
///
/// A word finds every name that contains it, in any case of letters; with a slash in it, every path. With `*`, `?` or
/// `[` it is a pattern that the whole name must match, or the whole path if it holds a slash: `*` stands for any letters,
/// `**` also for folders, `?` for one letter. Enamel lists each distinct version once, with the snapshots that hold it.
/// In a database it finds schemas and tables; a version of a table has other rows or another definition.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel find smith
  enamel find 'letter*.txt'
  enamel find 'images/S/SmithJohn/**'
  enamel find '**/SmithJohn/letter.txt'

Exit status: 0 done, even if nothing matches; 1 failed, 2 usage, 10 no repository, 12 wrong password, 130 interrupted")]
pub struct FindArgs {
    /// The names to look for
    pattern: String,
}

#[derive(Serialize)]
struct Hit<'a> {
    #[serde(flatten)]
    entry: json::Entry<'a>,
    #[serde(flatten)]
    part: json::DatabasePart,
    snapshots: Vec<String>,
}

/// Finds and lists.
///
/// # Errors
/// The pattern makes no sense, or the repository cannot be read.
pub fn run(args: &FindArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    let ui = context.ui;
    let hits = engine::snapshots::find::find(&repo, &args.pattern, &FindOptions::default(), ui)?;
    if hits.is_empty() {
        ui.say(format_args!("no snapshot holds anything that matches `{}`", args.pattern));
        if let Some(word) = inner_word(&args.pattern) {
            ui.say(format_args!("a pattern tells large letters from small ones; a word does not: perhaps `{word}`"));
        }
        if args.pattern.contains('/') && args.pattern.contains(['*', '?', '[']) && !args.pattern.starts_with("**") {
            ui.say(format_args!("with a slash it must match the whole path: perhaps '**/{}'", args.pattern));
        }
    }
    let mut last_path: &[u8] = b"";
    for hit in &hits {
        print(ui, hit, last_path)?;
        last_path = &hit.path;
    }
    Ok(Exit::Done)
}

/// The word in a pattern for everything that contains it: `smith` of `*smith*`.
fn inner_word(pattern: &str) -> Option<&str> {
    let word = pattern.trim_matches('*');
    let is_word = word.len() < pattern.len() && !word.is_empty() && !word.contains(['*', '?', '[', '/']);
    is_word.then_some(word)
}

fn print(ui: &Ui, hit: &FindHit, last_path: &[u8]) -> Result<()> {
    if ui.is_json() {
        let snapshots = hit.snapshots.iter().map(|id| id.to_string()).collect();
        let part = json::DatabasePart::new(hit.part, hit.size);
        return ui.message("hit", Hit { entry: json::Entry::new(&hit.path, &hit.entry), part, snapshots });
    }
    if hit.path != last_path {
        ui.line(format::path(&hit.path))?;
    }
    let snapshots = match hit.snapshots.as_slice() {
        [] => String::new(),
        [one] => format!("in {}", format::short(one)),
        [first, .., last] => {
            let number = format::counted(hit.snapshots.len() as u64, "snapshot");
            format!("in {number}, {} to {}", format::short(first), format::short(last))
        }
    };
    let (time, bytes) = (format::time(hit.entry.mtime()), format::bytes(hit.entry.size));
    let (what, size) = match (hit.part, hit.size) {
        (Part::Table, Some(size)) => ("table".to_owned(), format::counted(size.rows, "row")),
        (Part::Table, None) => ("table".to_owned(), "damaged".to_owned()),
        (Part::Schema, _) => ("schema".to_owned(), String::new()),
        (Part::Server, _) => ("server".to_owned(), String::new()),
        _ => (format::mode(&hit.entry), bytes),
    };
    let label = format!("  {what:<10} {time} {size:>10}  ");
    ui.labelled(&label, label.len(), &snapshots)
}

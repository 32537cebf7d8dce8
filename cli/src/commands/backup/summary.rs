//! The summary of a backup, in words and as JSON.

use engine::Result;
use engine::files::backup::{BackupOutcome, Loss};
use serde::Serialize;

use crate::ui::{Ui, format, json};

#[derive(Serialize)]
struct Summary {
    snapshot: Option<String>,
    parent: Option<String>,
    dry_run: bool,
    problems: u64,
    #[serde(flatten)]
    figures: json::Figures,
}

/// Prints what a backup did, and what it could not save.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(ui: &Ui, outcome: &BackupOutcome) -> Result<()> {
    ui.problems(&outcome.problems, outcome.problem_count)?;
    if ui.is_json() {
        let summary = Summary {
            snapshot: outcome.snapshot.map(|id| id.to_string()),
            parent: outcome.parent.map(|id| id.to_string()),
            dry_run: outcome.snapshot.is_none(),
            problems: outcome.problem_count,
            figures: outcome.statistics.into(),
        };
        return ui.message("summary", summary);
    }
    if ui.is_quiet() { Ok(()) } else { print_summary(ui, outcome) }
}

/// Prints what a backup did, in words.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_summary(ui: &Ui, outcome: &BackupOutcome) -> Result<()> {
    let s = &outcome.statistics;
    let duration = format::duration(s.milliseconds);
    let grew = match outcome.snapshot {
        Some(id) => {
            ui.line(format_args!("snapshot {} saved in {duration}", format::short(id)))?;
            "grew by"
        }
        None => {
            ui.line(format_args!("dry run, {duration}: nothing was saved"))?;
            "would grow by"
        }
    };
    let mut changes = vec![(s.new_files, "new"), (s.changed_files, "changed")];
    changes.extend(s.read_again_files.map(|files| (files, "read again")));
    changes.push((s.unchanged_files, "unchanged"));
    let said: Vec<_> = changes.iter().map(|(number, what)| format!("{} {what}", format::count(*number))).collect();
    let changes = said.join(", ");
    let mut fields = database_fields(outcome);
    fields.extend([
        ("files", changes),
        ("in all", format!("{}, {}", format::counted(s.files, "file"), format::bytes(s.total_bytes))),
        ("read", format::bytes(s.read_bytes)),
        ("repository", format!("{grew} {}", format::bytes(s.stored_bytes))),
    ]);
    if outcome.problem_count > 0 {
        fields.push(("problems", format!("{}, named above", format::count(outcome.problem_count))));
    }
    ui.fields(&fields)
}

/// Names the tables whose rows in an earlier snapshot are lost. Returns whether that is news.
pub fn tell_mended(ui: &Ui, outcome: &BackupOutcome) -> bool {
    let mended: Vec<_> = outcome.databases.iter().flat_map(|figures| &figures.mended).collect();
    for table in &mended {
        let how = match table.loss {
            Loss::Missing => "missing in the repository, or known not to open",
            Loss::Damaged => "damaged in the repository",
        };
        ui.warn(format_args!(
            "{}: its rows in the earlier snapshot are {how}: it was read whole, so this snapshot does not need them",
            table.name
        ));
    }
    let is_news = mended.iter().any(|table| !table.is_known);
    if is_news {
        ui.warn("`enamel repair --dry-run --read-data` says what else is lost in the repository");
    }
    is_news
}

/// Names the tables that have lost rows which no purge removed.
pub fn tell_shrunken(ui: &Ui, outcome: &BackupOutcome) {
    for table in outcome.databases.iter().flat_map(|figures| &figures.shrunken) {
        ui.warn(format_args!(
            "{table}: it is gone, or has lost a fifth of its rows since the earlier snapshot, and no purge removed them"
        ));
    }
}

/// The databases of a backup, in words.
fn database_fields(outcome: &BackupOutcome) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    for figures in &outcome.databases {
        let some = |number: u64, how: &str| match number {
            0 => String::new(),
            number => format!(", {} {how}", format::count(number)),
        };
        let (unchanged, partly) =
            (some(figures.unchanged_tables, "unchanged"), some(figures.partly_read_tables, "read in part"));
        fields.push(("database", format!("{}{unchanged}{partly}", format::counted(figures.tables, "table"))));
        fields.push(("rows", format!("{} read", format::count(figures.rows))));
        fields.extend(figures.whole_because.iter().map(|why| ("read whole", why.clone())));
        if figures.locked_milliseconds > 0 {
            let (locked, wait) = (figures.locked_milliseconds, figures.longest_wait_milliseconds);
            let words = format!("{}, longest wait seen {}", format::duration(locked), format::duration(wait));
            fields.push(("locked", words));
        }
    }
    fields
}

//! The output of `enamel forget`: groups with their snapshots, and what became of them.

use engine::upkeep::forget::{ForgetOutcome, NamedPlan};
use engine::upkeep::retention::{Group, Judged, Reason};
use engine::{Error, Result};
use repo_format::id::LeaseId;
use repo_format::manifest::Manifest;
use serde::Serialize;

use super::ForgetArgs;
use crate::effect::Effect;
use crate::retention::reason_text;
use crate::ui::{Align, Table, Ui, format, json};

/// The mark of a snapshot that goes.
const GOES: &str = "forget";

#[derive(Serialize)]
struct DecisionMessage<'a> {
    #[serde(flatten)]
    snapshot: json::Snapshot<'a>,
    keep: bool,
    reasons: Vec<ReasonMessage>,
}

#[derive(Serialize)]
struct ReasonMessage {
    kind: &'static str,
    text: String,
}

#[derive(Serialize)]
struct Unreadable {
    id: String,
    message: String,
}

/// Words for what was done, or would be.
#[derive(Serialize)]
pub struct Summary {
    dry_run: bool,
    forgotten: usize,
    kept: usize,
    logs: usize,
    records: u64,
    #[serde(skip)]
    is_pruned: bool,
}

impl Summary {
    /// For these numbers of snapshots that go and stay.
    pub fn new(args: &ForgetArgs, forgotten: usize, kept: usize, outcome: &ForgetOutcome) -> Self {
        Summary { dry_run: args.dry_run, forgotten, kept, logs: 0, records: outcome.records, is_pruned: args.prune }
    }

    /// With so many logs that go.
    pub fn with_logs(self, logs: usize) -> Self {
        Summary { logs, ..self }
    }

    /// Prints it.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn print(&self, ui: &Ui) -> Result<()> {
        if ui.is_json() {
            return ui.message("summary", self);
        }
        if ui.is_quiet() {
            return Ok(());
        }
        let verb = if self.dry_run { "would be forgotten" } else { "forgotten" };
        ui.prose(self.of_snapshots(verb))?;
        if self.logs > 0 {
            ui.line(format_args!("{} {verb}", format::counted(self.logs as u64, "binary log")))?;
        }
        if self.forgotten + self.logs > 0 && !self.dry_run && !self.is_pruned {
            ui.say("`enamel prune` frees the space that only they needed");
        }
        Ok(())
    }
}

impl Summary {
    /// The fate of the snapshots, in words.
    fn of_snapshots(&self, verb: &str) -> String {
        let (gone, kept) = (format::counted(self.forgotten as u64, "snapshot"), format::count(self.kept as u64));
        let nothing = if self.dry_run { "nothing would go" } else { "nothing went" };
        match (self.forgotten, self.kept) {
            (0, 0) => nothing.to_owned(),
            (0, 1) => format!("{nothing}: the only snapshot is kept"),
            (0, _) => format!("{nothing}: all {kept} snapshots are kept"),
            _ => format!("{gone} {verb}, {kept} kept"),
        }
    }
}

/// Names snapshots that cannot be read.
///
/// # Errors
/// Standard output cannot be written.
pub fn unreadable(ui: &Ui, unreadable: &[(LeaseId, Error)]) -> Result<()> {
    for (id, error) in unreadable {
        if ui.is_json() {
            ui.message("unreadable_snapshot", Unreadable { id: id.to_string(), message: error.to_string() })?
        } else {
            ui.warn(format_args!("snapshot {} cannot be read, and stays: {error}", format::short(id)))
        }
    }
    Ok(())
}

/// Prints what was decided: all of it in JSON, when nothing is done, or if verbose; else what goes.
///
/// # Errors
/// Standard output cannot be written.
pub fn groups(ui: &Ui, groups: &[Group], effect: Effect) -> Result<()> {
    if ui.is_json() {
        let members = groups.iter().flat_map(|group| &group.members);
        return members.into_iter().try_for_each(|judged| ui.message("decision", decision(judged)));
    }
    if ui.is_quiet() {
        return Ok(());
    }
    let shows_all = effect.is_dry() || ui.is_verbose();
    for group in groups {
        let shown: Vec<_> = group.members.iter().filter(|judged| shows_all || !judged.is_kept()).collect();
        if !shown.is_empty() {
            // Folders of the same name are told apart by their paths.
            let same = groups.iter().filter(|other| heading(other, false) == heading(group, false));
            ui.line(heading(group, ui.is_verbose() || same.count() > 1))?;
            ui.table(&table(&shown))?;
            ui.line("")?;
        }
    }
    Ok(())
}

/// Prints what goes because it was named.
///
/// # Errors
/// Standard output cannot be written.
pub fn named(ui: &Ui, plan: &NamedPlan) -> Result<()> {
    let judged = |manifest: &Manifest| Judged { manifest: manifest.clone(), reasons: Vec::new() };
    let going: Vec<_> = plan.going.iter().map(judged).collect();
    match (ui.is_json(), ui.is_quiet()) {
        (true, _) => going.iter().try_for_each(|judged| ui.message("decision", decision(judged))),
        (false, true) => Ok(()),
        (false, false) => ui.table(&table(&going.iter().collect::<Vec<_>>())),
    }
}

fn decision(judged: &Judged) -> DecisionMessage<'_> {
    let kind = |reason: &Reason| match reason {
        Reason::Counted(..) | Reason::Fits(_) => "rule",
        Reason::Oldest(_) => "oldest",
        Reason::OnlyCopy(_) => "only-copy",
        Reason::NewestWhole => "newest-whole",
        Reason::BaseOfLog => "base-of-the-log",
        Reason::FromTheFuture => "from-the-future",
        Reason::PutBack => "put-back",
    };
    let reasons = judged.reasons.iter().map(|reason| ReasonMessage { kind: kind(reason), text: reason_text(reason) });
    DecisionMessage {
        snapshot: json::Snapshot::new(judged.manifest.id, &judged.manifest),
        keep: judged.is_kept(),
        reasons: reasons.collect(),
    }
}

/// The common properties of the snapshots of a group.
fn heading(group: &Group, paths: bool) -> String {
    let host = group.host.as_ref().map(|host| format!("of {}", format::path(host.as_bytes())));
    let roots = group.roots.as_ref().map(|roots| format::roots(roots, paths));
    let tags = group.tags.as_ref().map(|tags| {
        if tags.is_empty() {
            "without tags".to_owned()
        } else {
            format!("with the tags {}", format::path(tags.join(", ").as_bytes()))
        }
    });
    let words: Vec<_> = roots.into_iter().chain(host).chain(tags).collect();
    if words.is_empty() { "all snapshots".to_owned() } else { words.join(" ") }
}

fn table(shown: &[&Judged]) -> Table {
    let columns =
        [("TIME", Align::Whole), ("ID", Align::Whole), ("TAGS", Align::Left), ("", Align::Whole), ("WHY", Align::Left)];
    // A snapshot that goes needs no reason.
    let has_reasons = shown.iter().any(|judged| judged.is_kept());
    let mut table = Table::new(if has_reasons { &columns } else { &columns[..4] });
    for judged in shown {
        let manifest = &judged.manifest;
        let verdict = if judged.is_kept() { "keep" } else { GOES };
        let mut row = vec![
            format::time(manifest.time()),
            format::short(manifest.id),
            format::path(manifest.tags.join(",").as_bytes()),
            verdict.to_owned(),
        ];
        let reasons: Vec<_> = judged.reasons.iter().map(reason_text).collect();
        row.extend(has_reasons.then(|| format::path(reasons.join(", ").as_bytes())));
        table.row(row);
    }
    table
}

//! `enamel snapshots`: what there is to restore from.

use std::collections::{HashMap, HashSet};

use engine::machine;
use engine::monitor::Monitor;
use engine::repository::{Manifests, Repository};
use engine::snapshots::filter::Filter;
use engine::snapshots::{Snapshot, SnapshotList};
use engine::upkeep::forget::plan;
use engine::{ErrorKind, Result};
use repo_format::config::Access;
use repo_format::id::LeaseId;
use repo_format::manifest::{Manifest, Root};
use serde::Serialize;

use crate::commands::accept;
use crate::commands::status::disappeared;
use crate::context::Context;
use crate::exit::{Exit, after_printing};
use crate::log_retention;
use crate::retention::{Keep, conditions};
use crate::ui::{Align, Table, Tone, Ui, format, json};

/// List the snapshots, oldest first.
///
/// WHAT are the names in the snapshot, which `ls` and `restore` take; with --verbose the whole paths that were saved.
/// If enamel.toml has rules in `[retention]`, POLICY marks snapshots that `enamel forget` would forget by them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel snapshots
  enamel snapshots --tag hourly --json

Exit status: 0 done, 3 some snapshots cannot be read, have disappeared, were put back, or need data that is lost, 1 failed, 2 usage, or no snapshot has the tag or is of the \
            machine, 10 no repository, 12 wrong password")]
pub struct SnapshotsArgs {
    /// Only those with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only those of this machine
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
}

#[derive(Serialize)]
struct Unreadable {
    id: String,
    message: String,
}

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    snapshot: json::Snapshot<'a>,
    /// The verdict of the settings file's policy, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'static str>,
    /// It is dated into the future.
    from_the_future: bool,
    /// It needs data that is lost, as far as anybody has looked.
    lost_data: bool,
    /// It was forgotten, and is there again.
    put_back: bool,
}

/// Facts about snapshots that are not in them.
struct Marks {
    suffering: HashMap<LeaseId, i64>,
    put_back: HashSet<LeaseId>,
}

impl Marks {
    /// The fault of a snapshot, in two words after their sign, and how bad it is.
    fn of(&self, id: LeaseId) -> Option<(&'static str, Tone)> {
        if self.put_back.contains(&id) {
            Some(("! put back", Tone::Attention))
        } else {
            self.suffering.contains_key(&id).then_some(("✗ lost data", Tone::Bad))
        }
    }
}

/// The snapshots, and which of them a policy lets go, if there is one.
struct Marked {
    list: SnapshotList,
    going: Option<HashSet<LeaseId>>,
}

/// Lists the snapshots.
///
/// # Errors
/// The repository cannot be read.
pub fn run(args: &SnapshotsArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    let Marked { list, going } = read(context, &repo)?;
    let ui = context.ui;
    let filter = Filter { host: args.host.as_deref(), tag: args.tag.as_deref() };
    filter.check(list.snapshots.iter().map(|snapshot| &snapshot.manifest))?;
    let snapshots: Vec<_> = list.snapshots.iter().filter(|snapshot| filter.counts(&snapshot.manifest)).collect();
    for (id, error) in &list.unreadable {
        if ui.is_json() {
            ui.message("unreadable_snapshot", Unreadable { id: id.to_string(), message: error.to_string() })?
        } else {
            ui.warn(format_args!("snapshot {} cannot be read: {error}", format::short(id)))
        }
    }
    let Manifests { missing, put_back, .. } = repo.manifests()?;
    let losses = repo.known_losses()?;
    let losses = Marks { suffering: losses.suffering, put_back: put_back.iter().map(|manifest| manifest.id).collect() };
    for gone in &missing {
        let message = disappeared(gone);
        if ui.is_json() {
            ui.message("missing_snapshot", Unreadable { id: gone.id.to_string(), message })?
        } else {
            ui.warn(message)
        }
    }
    let is_older = accept::tell_older(&repo, ui)?;
    let is_marked = snapshots.iter().any(|snapshot| losses.of(snapshot.id).is_some());
    if is_marked {
        ui.note("`lost data`: the snapshot needs data that `enamel verify` or `enamel repair` did not find; `enamel verify` looks again");
    }
    let is_whole = list.unreadable.is_empty() && missing.is_empty() && !is_older && !is_marked;
    let exit = if is_whole { Exit::Done } else { Exit::Incomplete };
    after_printing(exit, print(ui, &snapshots, going.as_ref(), &losses))
}

/// Reads the snapshots once, by the policy if there is one. A policy that is refused marks nothing.
fn read(context: &Context<'_>, repo: &Repository) -> Result<Marked> {
    let policy = Keep::default().policy(context.settings.file.retention.as_ref());
    let unmarked = |repo| Ok(Marked { list: engine::snapshots::list(repo)?, going: None });
    if policy.rules.is_empty() {
        return unmarked(repo);
    }
    match plan(repo, &policy, &conditions(None, None), context.ui) {
        Ok(mut plan) => {
            let keep_log = Keep::default().log(context.settings.file.retention.as_ref());
            log_retention::add_to(&mut plan, repo, keep_log, context.ui)?;
            let going = plan.going().iter().map(|manifest| manifest.id).collect();
            let members = plan.groups.into_iter().flat_map(|group| group.members).map(|judged| judged.manifest);
            let mut snapshots: Vec<_> = members.map(|manifest| Snapshot { id: manifest.id, manifest }).collect();
            snapshots.sort_by_key(|snapshot| (snapshot.manifest.time(), snapshot.id));
            let list = SnapshotList { snapshots, unreadable: plan.unreadable };
            Ok(Marked { list, going: Some(going) })
        }
        Err(error) if matches!(error.kind(), ErrorKind::Usage | ErrorKind::Refused) => {
            context.ui.warn(format_args!("the policy of enamel.toml cannot be used: {error}"));
            unmarked(repo)
        }
        Err(error) => Err(error),
    }
}

fn print(ui: &Ui, snapshots: &[&Snapshot], going: Option<&HashSet<LeaseId>>, marks: &Marks) -> Result<()> {
    let verdict = |id: &LeaseId| going.map(|going| if going.contains(id) { "forget" } else { "keep" });
    if ui.is_json() {
        let listed = snapshots.iter().map(|snapshot| Listed {
            snapshot: json::Snapshot::new(snapshot.id, &snapshot.manifest),
            policy: verdict(&snapshot.id),
            from_the_future: is_from_the_future(snapshot),
            lost_data: marks.suffering.contains_key(&snapshot.id),
            put_back: marks.put_back.contains(&snapshot.id),
        });
        return listed.into_iter().try_for_each(|listed| ui.message("snapshot", listed));
    }
    if snapshots.is_empty() {
        ui.say("there are no snapshots");
        return Ok(());
    }
    let has_problems = snapshots.iter().any(|snapshot| snapshot.manifest.problems.count > 0);
    let has_future = snapshots.iter().any(|snapshot| is_from_the_future(snapshot));
    let mut columns = vec![
        ("ID", Align::Whole),
        ("TIME", Align::Whole),
        ("HOST", Align::Left),
        ("TAGS", Align::Left),
        ("FILES", Align::Right),
        ("SIZE", Align::Right),
    ];
    columns.extend(has_problems.then_some(("PROBLEMS", Align::Right)));
    columns.extend(has_future.then_some(("CLOCK", Align::Whole)));
    let has_marks = snapshots.iter().any(|snapshot| marks.of(snapshot.id).is_some());
    columns.extend(has_marks.then_some(("STATE", Align::Whole)));
    columns.extend(going.map(|_| ("POLICY", Align::Whole)));
    columns.push(("WHAT", Align::Left));
    let mut table = Table::new(&columns);
    for snapshot in snapshots {
        let Snapshot { id, manifest } = snapshot;
        let mut row = vec![
            format::short(id),
            format::time(manifest.time()),
            format::path(manifest.host.as_bytes()),
            format::path(manifest.tags.join(",").as_bytes()),
            format::count(manifest.statistics.files),
            size(manifest),
        ];
        row.extend(has_problems.then(|| format::count(manifest.problems.count)));
        let clock = if is_from_the_future(snapshot) { "! from the future" } else { "" };
        row.extend(has_future.then(|| clock.to_owned()));
        let (mark, state) = (marks.of(*id), row.len());
        row.extend(has_marks.then(|| mark.map_or("", |(words, _)| words).to_owned()));
        row.extend(verdict(id).map(str::to_owned));
        row.push(contents(ui, manifest));
        match mark {
            Some((_, tone)) => table.row_with_state_at(row, state, tone),
            None => table.row(row),
        }
    }
    ui.table(&table)
}

fn is_from_the_future(snapshot: &Snapshot) -> bool {
    machine::is_from_the_future(snapshot.manifest.time(), machine::now())
}

/// The size; of a copy without all roots a bound, because its figures are those of the original.
fn size(manifest: &Manifest) -> String {
    let bound = if manifest.roots_left_out().is_empty() { "" } else { "< " };
    format!("{bound}{}", format::bytes(manifest.statistics.total_bytes))
}

/// The names of the roots, and of those that a copy lacks.
fn contents(ui: &Ui, manifest: &Manifest) -> String {
    let roots: Vec<_> = manifest.roots.iter().map(|root| root_name(ui, root)).collect();
    let left_out: Vec<_> = manifest.roots_left_out().iter().map(|name| format::path(&name.0)).collect();
    match &left_out[..] {
        [] => roots.join(", "),
        left_out => format!("{} (copied without {})", roots.join(", "), left_out.join(", ")),
    }
}

/// The name of a root in its snapshot; with --verbose the path it had.
fn root_name(ui: &Ui, root: &Root) -> String {
    format::path(if ui.is_verbose() { &root.path.0 } else { &root.name.0 })
}

//! `enamel snapshots`: what there is to restore from.

use engine::Result;
use engine::snapshots::Snapshot;
use repo_format::config::Access;
use repo_format::entry::Time;
use repo_format::manifest::Root;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Exit, after_printing};
use crate::ui::{Align, Table, Ui, format, json};

/// List the snapshots, oldest first.
///
/// WHAT are the names in the snapshot, which `ls` and `restore` take; with --verbose the whole paths that were saved.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel snapshots
  enamel snapshots --tag hourly --json

Exit status: 0 done, 3 some snapshots cannot be read, 1 failed, 10 no repository, 12 wrong password")]
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

/// Lists the snapshots.
///
/// # Errors
/// The repository cannot be read.
pub fn run(args: &SnapshotsArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    let list = engine::snapshots::list(&repo)?;
    let ui = context.ui;
    let wanted = |snapshot: &&Snapshot| {
        let manifest = &snapshot.manifest;
        args.tag.as_ref().is_none_or(|tag| manifest.tags.contains(tag))
            && args.host.as_ref().is_none_or(|host| manifest.host == *host)
    };
    let snapshots: Vec<_> = list.snapshots.iter().filter(wanted).collect();
    for (id, error) in &list.unreadable {
        match ui.is_json() {
            true => ui.message("unreadable_snapshot", Unreadable { id: id.to_string(), message: error.to_string() })?,
            false => ui.warn(format_args!("snapshot {} cannot be read: {error}", format::short(id))),
        }
    }
    let exit = if list.unreadable.is_empty() { Exit::Done } else { Exit::Incomplete };
    after_printing(exit, print(ui, &snapshots))
}

fn print(ui: &Ui, snapshots: &[&Snapshot]) -> Result<()> {
    if ui.is_json() {
        return snapshots
            .iter()
            .try_for_each(|snapshot| ui.message("snapshot", json::Snapshot::from((snapshot.id, &snapshot.manifest))));
    }
    if snapshots.is_empty() {
        ui.say("there are no snapshots");
        return Ok(());
    }
    let has_problems = snapshots.iter().any(|snapshot| snapshot.manifest.problems.count > 0);
    let mut columns = vec![
        ("ID", Align::Whole),
        ("TIME", Align::Whole),
        ("HOST", Align::Left),
        ("TAGS", Align::Left),
        ("FILES", Align::Right),
        ("SIZE", Align::Right),
    ];
    columns.extend(has_problems.then_some(("PROBLEMS", Align::Right)));
    columns.push(("WHAT", Align::Left));
    let mut table = Table::new(&columns);
    for Snapshot { id, manifest } in snapshots {
        let roots: Vec<_> = manifest.roots.iter().map(|root| root_name(ui, root)).collect();
        let mut row = vec![
            format::short(id),
            format::time(Time { seconds: manifest.seconds, nanoseconds: manifest.nanoseconds }),
            format::path(manifest.host.as_bytes()),
            format::path(manifest.tags.join(",").as_bytes()),
            format::count(manifest.statistics.files),
            format::bytes(manifest.statistics.total_bytes),
        ];
        row.extend(has_problems.then(|| format::count(manifest.problems.count)));
        row.push(roots.join(", "));
        table.row(row);
    }
    ui.table(&table)
}

/// The name of a root in its snapshot; with --verbose the path it had.
fn root_name(ui: &Ui, root: &Root) -> String {
    format::path(if ui.is_verbose() { &root.path.0 } else { &root.name.0 })
}

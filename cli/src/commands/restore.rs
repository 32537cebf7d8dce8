//! `enamel restore`: a snapshot, a folder or a file, back on disk; a database, back on a server.

mod deletion;
mod sql;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgGroup, ValueEnum};
use engine::error::chain;
use engine::files::restore::{Action, Owners, RestoreOptions, RestoreOutcome};
use engine::repository::Repository;
use engine::snapshots::{self, Selector, Snapshot};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use repo_format::manifest::RootKind;
use serde::Serialize;

use super::load::past::{PastArgs, PastRequest};
use super::load::{self, LoadArgs};
use super::purge::purged_files;
use crate::context::Context;
use crate::effect::Effect;
use crate::exit::{Exit, after_printing};
use crate::snap::Snap;
use crate::ui::{Ui, format, json};
use sql::{Place, Written};

/// Bring back a snapshot, a folder or a file, or a database.
///
/// A whole snapshot becomes DIR/NAME for each folder or file that was saved. NAME is the last part of its path. With
/// SNAP:PATH the contents of that folder come straight into DIR, and a file becomes DIR/NAME. Enamel leaves files alone
/// that are already right, so you can repeat a restore. It overwrites others of the same name. If DIR exists, it keeps
/// its mode, owner and times. A whole snapshot changes only the folders in DIR that it restores.
///
/// A folder with contents does not give way to a file or link, and a link does not give way to a folder, unless
/// --overwrite or --delete says so. It is named, and stays. --delete deletes what the snapshot does not hold, but only
/// in folders that it holds whole. It leaves what the backup left out by a pattern, an ignore file or a cache tag,
/// could not read, or did not enter. It also leaves mounted file systems, and the repository, cache and key in use.
///
/// A database becomes DIR/NAME.sql, a script of SQL that the client of any server loads; so do SNAP:NAME/SCHEMA and
/// SNAP:NAME/SCHEMA/TABLE. --raw writes the files in which Enamel stores it.
///
/// After `latest:` a word with a slash is a path, and a word without one is a tag: `latest:images/` is the folder, and
/// `latest:hourly` the newest snapshot with that tag. `latest:hourly:images` names both, `latest::images` only the
/// folder.
///
/// With --to-database the database of the snapshot goes into a MySQL or MariaDB server, never into a schema that holds
/// anything, unless --overwrite. If a restore is interrupted, run the same command again, and it resumes.
///
/// With --at, --before, --gtid or --newest the database comes back as it was at that moment: Enamel does again what the
/// server's binary log says, up to there. This happens on a scratch server, which Enamel starts from the installed
/// program and removes afterwards, so nothing in the log can reach live data. Then the result goes to --to-database
/// under any name. --via direct does without a scratch server if the log has only rows. Enamel refuses a moment that the kept logs do not cover; --plan says what would come back. With
/// `latest` it chooses the newest snapshot before the moment.
///
/// With --purged exactly the rows that a purge removed go back into their table, or into another one, which is created
/// with the same definition. Rows whose key is there already stay as they are. Enamel refuses a table whose triggers
/// would run on them. With --target instead of --to-database the files that went with the rows go back to their places
/// below the folder DIR. Files that are there stay as they are.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("where").args(["target", "to_database"])))]
#[command(after_help = "\
Examples
  enamel restore latest --target /tmp/practice
  enamel restore latest@2026-11-20T14:00:images/S --target /tmp/S
  enamel restore 3f9a12bc:/srv/images/S/SmithJohn.txt --target . --dry-run
  enamel restore latest --to-database mysql://root@localhost \\
      --schema opendental=check_1122
  enamel restore latest --to-database mysql://root@localhost \\
      --schema opendental=at_1402 --at '2026-11-20 14:02:59'
  enamel restore latest --to-database mysql://root@localhost \\
      --schema opendental=before --before binlog.000007:4711 --plan
  enamel restore --purged 77aa01de --to-database mysql://root@localhost
  enamel restore --purged 77aa01de --to-database mysql://root@localhost \\
      --table od.securitylog=audit.log2019
  enamel restore --purged 77aa01de --target /srv/OpenDentImages

Exit status: 0 done; 3 done, but something could not be restored as it was: it is named; 1 failed, 2 usage, \
            10 no repository, 12 wrong password, 130 interrupted")]
pub struct RestoreArgs {
    /// The snapshot, or a folder or file in it
    #[arg(value_name = "SNAP[:PATH]", value_parser = OsStringValueParser::new().try_map(Snap::parse))]
    #[arg(required_unless_present = "purged")]
    snap: Option<Snap>,
    /// Bring back rows that a purge removed, or files with --target, by the receipt; `enamel purge history` lists
    /// receipts
    #[arg(long, value_name = "RECEIPT", conflicts_with_all = ["snap", "delete", "owner", "yes", "target_attributes"])]
    #[arg(conflicts_with_all = ["schemas", "overwrite", "check", "definer", "keep_references", "enable_events", "with_grants"])]
    #[arg(conflicts_with_all = ["image_path", "keep_image_path", "jobs"])]
    purged: Option<String>,
    /// The folder to restore into; it is created if it does not exist
    #[arg(long, value_name = "DIR")]
    target: Option<PathBuf>,
    /// Only print what a restore would do
    #[arg(long)]
    dry_run: bool,
    /// Delete from the restored folders what the snapshot does not hold
    #[arg(long, conflicts_with = "to_database")]
    delete: bool,
    /// Agree to delete more than 1,000 files and folders, or more than half of what is there
    #[arg(long, requires = "target")]
    yes: bool,
    /// Give DIR the mode, owner and times of the folder that is restored into it, also if DIR exists already
    #[arg(long, requires = "target")]
    target_attributes: bool,
    /// Give files to the users of the same names, of the same numbers, or to you
    #[arg(long, value_name = "HOW", default_value = "name", conflicts_with = "to_database")]
    owner: OwnerArg,
    /// Restore contents only: for disks that have no modes, owners and extended attributes
    #[arg(long, requires = "target", conflicts_with_all = ["owner", "target_attributes"])]
    no_attributes: bool,
    /// Write a database as the files in which Enamel stores it, instead of SQL
    #[arg(long, requires = "target")]
    raw: bool,
    /// Restore a snapshot that is named by its id even if it is not believed: somebody with a removed key may have made
    /// it up
    #[arg(long, conflicts_with = "purged")]
    from_closed_epoch: bool,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    past: PastArgs,
}

/// Said where no target is named.
const WHERE: &str = "Files into a new folder: `--target DIR`. A database onto a server, under another name: `--to-database mysql://USER@HOST --schema NAME=COPY`.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OwnerArg {
    /// Users and groups of the same names
    Name,
    /// Users and groups of the same numbers
    Id,
    /// The user who runs this
    None,
}

impl From<OwnerArg> for Owners {
    fn from(owner: OwnerArg) -> Self {
        match owner {
            OwnerArg::Name => Owners::ByName,
            OwnerArg::Id => Owners::ById,
            OwnerArg::None => Owners::Ignore,
        }
    }
}

#[derive(Serialize)]
struct Planned {
    action: &'static str,
    #[serde(flatten)]
    path: json::Path,
}

#[derive(Serialize)]
struct Summary {
    snapshot: String,
    dry_run: bool,
    files: u64,
    directories: u64,
    others: u64,
    written_bytes: u64,
    unchanged_files: u64,
    deleted_entries: u64,
    deleted_bytes: u64,
    kept: BTreeMap<&'static str, u64>,
    problems: u64,
    /// Files of SQL, one for each database, schema or table.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    databases: Vec<Written>,
}

impl RestoreArgs {
    /// Whether it brings back the rows of a receipt.
    pub fn is_of_receipt(&self) -> bool {
        self.purged.is_some()
    }
}

/// Brings back what a purge removed.
fn restore_purged(args: &RestoreArgs, receipt: &str, context: &Context<'_>) -> Result<Exit> {
    let Some(target) = &args.target else {
        return load::purged::run(&args.load, receipt, Effect::of(args.dry_run), context);
    };
    load::check_unused(&args.load)?;
    purged_files::run(receipt, target, Effect::of(args.dry_run), context)
}

/// Restores.
///
/// # Errors
/// There is no such snapshot or path, or the target cannot be written.
pub fn run(args: &RestoreArgs, context: &Context<'_>) -> Result<Exit> {
    if args.target.is_none() && args.load.to_database.is_none() {
        return Err(Error::new(ErrorKind::Usage, "say where to restore to").with_hint(WHERE));
    }
    if let Some(receipt) = &args.purged {
        return restore_purged(args, receipt, context);
    }
    let snap = args.snap.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::Usage, "no snapshot is named")
            .with_hint("`enamel restore latest --target DIR` restores the newest; `enamel snapshots` lists all.")
    })?;
    if let Some(when) = args.past.when() {
        load::check_path(snap.path.as_ref())?;
        let effect = Effect::of(args.dry_run);
        let request = PastRequest { load: &args.load, args: &args.past, when: &when, snap, effect };
        return load::past::run(&request, context);
    }
    let repo = context.open(Access::Read)?;
    let snapshot = select(args, snap, &repo, context)?;
    context.tell_what_is_missing(&repo, &snapshot, snap.path.as_deref().unwrap_or_default());
    let Some(target) = &args.target else {
        load::check_path(snap.path.as_ref())?;
        let url = args.load.to_database.as_deref().unwrap_or_default();
        return load::run(&args.load, url, Effect::of(args.dry_run), &repo, &snapshot, context);
    };
    load::check_unused(&args.load)?;
    to_folder(args, target, (&repo, &snapshot), snap.path.clone().unwrap_or_default(), context)
}

/// Restores what is at `path` in a snapshot: files as they were, databases as SQL.
fn to_folder(
    args: &RestoreArgs,
    target: &Path,
    (repo, snapshot): (&Repository, &Snapshot),
    path: Vec<u8>,
    context: &Context<'_>,
) -> Result<Exit> {
    let scripts = if args.raw { Vec::new() } else { sql::scripts(repo, snapshot, &path)? };
    // If a database is all that is wanted, nothing is left for the folder.
    let is_database = !scripts.is_empty() && !path.is_empty();
    let roots = snapshot.manifest.roots.iter();
    let without = roots.filter(|root| is_database || !scripts.is_empty() && root.kind == RootKind::Database);
    let mut options = RestoreOptions {
        path: if is_database { Vec::new() } else { path },
        without: without.map(|root| root.name.0.clone()).collect(),
        delete: args.delete,
        overwrite: args.load.overwrite,
        target_attributes: args.target_attributes,
        protected: context.own_paths()?,
        dry_run: args.dry_run,
        owners: args.owner.into(),
        contents_only: args.no_attributes,
        deletions: None,
    };
    let ui = context.ui;
    if options.delete || options.overwrite {
        let plan = engine::files::restore::plan(repo, snapshot, target, &options, ui)?;
        if !(args.yes || args.dry_run) {
            deletion::agree(&plan, target)?;
        }
        options.deletions = Some(Arc::new(plan));
    }
    let shown = args.dry_run || ui.is_verbose();
    // Workers report what they do, too; the first failure to print ends the printing, not the restore.
    let printed = Mutex::new(Ok(()));
    let planned = |path: &[u8], action: Action| {
        let mut printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
        if shown && printed.is_ok() {
            *printed = print_planned(ui, path, action);
        }
    };
    let outcome = engine::files::restore::restore(repo, snapshot, target, &options, &planned, ui)?;
    let place = Place { folder: target, protected: options.protected, effect: Effect::of(args.dry_run) };
    let mut databases = Vec::new();
    for script in &scripts {
        planned(script.name.as_bytes(), Action::Create);
        databases.push(sql::write(script, (repo, snapshot), &place, ui)?);
    }
    let printed = printed.into_inner().unwrap_or_else(PoisonError::into_inner);
    let summary = summary(args, snapshot, &outcome, databases);
    let is_whole = summary.problems == 0 && summary.databases.iter().all(|written| written.missing == 0);
    let exit = if is_whole { Exit::Done } else { Exit::Incomplete };
    after_printing(exit, printed.and_then(|()| print(ui, target, &outcome, summary)))
}

fn summary(args: &RestoreArgs, snapshot: &Snapshot, outcome: &RestoreOutcome, databases: Vec<Written>) -> Summary {
    Summary {
        snapshot: snapshot.id.to_string(),
        dry_run: args.dry_run,
        files: outcome.files,
        directories: outcome.directories,
        others: outcome.others,
        written_bytes: outcome.written_bytes + databases.iter().map(|written| written.bytes).sum::<u64>(),
        unchanged_files: outcome.unchanged_files,
        deleted_entries: outcome.deleted_entries,
        deleted_bytes: outcome.deleted_bytes,
        kept: outcome.kept.iter().map(|(reason, number)| (deletion::name(*reason), *number)).collect(),
        problems: outcome.problem_count,
        databases,
    }
}

/// The chosen snapshot. A snapshot that is not believed is chosen only if the user says so.
fn select(args: &RestoreArgs, snap: &Snap, repo: &Repository, context: &Context<'_>) -> Result<Snapshot> {
    let error = match context.select(repo, snap) {
        Err(error) if error.kind() == ErrorKind::NotBelieved => error,
        selected => return selected,
    };
    let Selector::IdPrefix(prefix) = snap.selector() else { return Err(error) };
    if !args.from_closed_epoch {
        return Err(error.with_hint(
            "If you know who made this snapshot and trust it, add --from-closed-epoch; `enamel forget` with its id removes it.",
        ));
    }
    let snapshot = snapshots::select_unbelieved(repo, &prefix)?;
    context.ui.warn(format_args!(
        "snapshot {} is restored, though it is not believed: trust nothing in it that you cannot check ({})",
        format::short(snapshot.id),
        chain(&error)
    ));
    Ok(snapshot)
}

fn print_planned(ui: &Ui, path: &[u8], action: Action) -> Result<()> {
    let action = match action {
        Action::Create => "create",
        Action::Rewrite => "rewrite",
        Action::Attributes => "attributes",
        Action::Delete => "delete",
        Action::Keep if !ui.is_verbose() => return Ok(()),
        Action::Keep => "keep",
    };
    if ui.is_json() {
        ui.message("action", Planned { action, path: path.into() })
    } else {
        ui.line(format_args!("{action:<10} {}", format::path(path)))
    }
}

fn print(ui: &Ui, target: &Path, outcome: &RestoreOutcome, summary: Summary) -> Result<()> {
    ui.problems(&outcome.problems, outcome.problem_count)?;
    if ui.is_json() {
        return ui.message("summary", summary);
    }
    if ui.is_quiet() {
        return Ok(());
    }
    let id = format::short(&summary.snapshot);
    let target = target.display();
    if summary.dry_run {
        ui.prose(format_args!("dry run: nothing was written to {target} from snapshot {id}"))?
    } else {
        ui.prose(format_args!("snapshot {id} restored to {target}"))?
    }
    let there = match outcome.unchanged_files {
        0 => String::new(),
        unchanged => format!(", {} of them were right already", format::count(unchanged)),
    };
    let mut fields = Vec::new();
    if outcome.files + outcome.directories > 0 || summary.databases.is_empty() {
        fields.push(("files", format!("{}{there}", format::count(outcome.files))));
        fields.push(("folders", format::count(outcome.directories)));
    }
    if outcome.others > 0 {
        fields.push(("links etc.", format::count(outcome.others)));
    }
    fields.extend(summary.databases.iter().map(|written| ("database", written.in_words(Effect::of(summary.dry_run)))));
    fields.push((if summary.dry_run { "to write" } else { "written" }, format::bytes(summary.written_bytes)));
    fields.extend(deletion::fields(outcome, Effect::of(summary.dry_run)));
    if outcome.problem_count > 0 {
        fields.push(("problems", format!("{}, named above", format::count(outcome.problem_count))));
    }
    ui.fields(&fields)
}

//! `enamel restore --at`: a database as it was at a moment between two snapshots.

use std::path::PathBuf;

use clap::ValueEnum;
use engine::Result;
use engine::binlog::archive;
use engine::binlog::replay::{MixedTransactions, Position};
use engine::database::{Address, TableName};
use engine::error::chain;
use engine::past::{PastOptions, PastOutcome, Plan, SeenTransaction, Via, When, plan, plan_newest, restore_past};
use engine::repository::Repository;
use engine::scratch::ScratchOptions;
use engine::snapshots::saved::databases;
use engine::snapshots::{Selector, Snapshot, list};
use repo_format::config::Access;
use serde::Serialize;

use super::{LoadArgs, options};
use crate::binlog::{not_kept, time};
use crate::context::Context;
use crate::database::DatabaseArgs;
use crate::effect::Effect;
use crate::environment::program_folders;
use crate::exit::{Exit, after_printing};
use crate::moment::{self, parse_moment};
use crate::snap::Snap;
use crate::ui::{Ui, format};
use crate::writer;

/// Moments between snapshots.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Restoring a database to a moment")]
pub struct PastArgs {
    /// Everything that was committed up to then, as `2026-11-20 14:03:22`
    #[arg(long, value_name = "TIME", value_parser = parse_moment, requires = "to_database", group = "moment")]
    at: Option<i64>,
    /// Everything before the transaction at this place in the server's log; `enamel log` shows places
    #[arg(long, value_name = "FILE:POS", value_parser = parse_position, requires = "to_database", group = "moment")]
    before: Option<Position>,
    /// Everything up to the transaction with this id, and that transaction
    #[arg(long, value_name = "GTID", requires = "to_database", group = "moment")]
    gtid: Option<String>,
    /// Everything that the kept logs have
    #[arg(long, requires = "to_database", group = "moment")]
    newest: bool,
    /// Only say which moment would come back, and what is not certain
    #[arg(long, requires = "moment")]
    plan: bool,
    /// Where the log is done again: on a scratch server, or on the target itself
    #[arg(long, value_name = "HOW", default_value = "auto", requires = "moment")]
    via: ViaArg,
    /// The program of the scratch server [default: an installed one of the same kind, of the same series or newer]
    #[arg(long, value_name = "FILE", requires = "moment")]
    server_program: Option<PathBuf>,
    /// The folder for the scratch server [default: /var/tmp]
    #[arg(long, value_name = "DIR", requires = "moment")]
    scratch_folder: Option<PathBuf>,
    /// Take statements on tables without transactions for done that were logged after the snapshot and had begun before
    #[arg(long, requires = "moment")]
    assume_applied: bool,
}

/// Where the log is done again.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ViaArg {
    /// On a scratch server; on the target itself if no program of a server is installed and that is safe
    Auto,
    /// On a scratch server, which Enamel starts and removes again
    Scratch,
    /// On the target itself: only rows, of whole schemas, under their own names
    Direct,
}

impl From<ViaArg> for Via {
    fn from(via: ViaArg) -> Self {
        match via {
            ViaArg::Auto => Via::Auto,
            ViaArg::Scratch => Via::Scratch,
            ViaArg::Direct => Via::Direct,
        }
    }
}

/// More time zones are not named one by one.
const ZONES_SHOWN: usize = 8;

#[derive(Serialize)]
struct Edge<'e> {
    at: String,
    time: String,
    time_is_exact: bool,
    gtid: Option<&'e str>,
    what: &'e str,
}

#[derive(Serialize)]
struct PlanMessage<'p> {
    snapshot: String,
    base: String,
    stop: String,
    last: Option<Edge<'p>>,
    next: Option<Edge<'p>>,
    transactions: u64,
    with_statements: u64,
    inexact_tables: Vec<String>,
    doubtful_tables: Vec<String>,
    doubts: u64,
    left_out: u64,
    /// Why the log cannot be done again on the target itself.
    not_direct: Option<&'p str>,
    only_tables: Option<Vec<String>>,
    /// Schemas of which everything is needed.
    only_schemas: Vec<&'p str>,
    time_zones: Vec<&'p str>,
    refusal: Option<&'p str>,
}

#[derive(Serialize)]
struct Summary {
    snapshot: String,
    stop: String,
    transactions: u64,
    left_out: u64,
    doubts: u64,
    tables: u64,
    rows: u64,
    problems: u64,
    seconds: f64,
}

impl PastArgs {
    /// The moment, if one is asked for.
    pub fn when(&self) -> Option<When> {
        let at = self.at.map(When::At);
        let before = self.before.clone().map(When::Before);
        let gtid = self.gtid.clone().map(When::Gtid);
        at.or(before).or(gtid).or(self.newest.then_some(When::Newest))
    }
}

/// A restore to a moment, as a user asks for it.
pub struct PastRequest<'a> {
    pub load: &'a LoadArgs,
    pub args: &'a PastArgs,
    pub when: &'a When,
    /// The snapshot to begin with.
    pub snap: &'a Snap,
    pub effect: Effect,
}

/// Restores the database as it was at a moment.
///
/// # Errors
/// See [`engine::past::plan`] and [`restore_past`].
pub fn run(request: &PastRequest<'_>, context: &Context<'_>) -> Result<Exit> {
    let PastRequest { load, args, effect, .. } = *request;
    let url = load.to_database.as_deref().unwrap_or_default();
    let address = load.server.address(url, context)?;
    fetch(load, &address, context)?;
    let repo = context.open(Access::Read)?;
    let past = PastOptions {
        load: options(load, effect),
        via: args.via.into(),
        scratch: ScratchOptions {
            program: args.server_program.clone(),
            search: program_folders(),
            parent: args.scratch_folder.clone(),
            data_bytes: 0,
        },
        zone: Some(name_of_own_zone()),
        mixed: if args.assume_applied { MixedTransactions::AssumeApplied } else { MixedTransactions::Refuse },
    };
    let plan = choose(&repo, request, &past, context)?;
    warn(context.ui, &plan);
    if args.plan || effect.is_dry() {
        print_plan(context.ui, &plan)?;
        return match plan.refusal_of(past.via) {
            Some(refusal) => Err(refusal),
            None if is_certain(&plan) => Ok(Exit::Done),
            None => Ok(Exit::Incomplete),
        };
    }
    let began = std::time::Instant::now();
    let outcome = restore_past(&repo, &plan, &address, &past, context.ui)?;
    let left_out: u64 = outcome.replay.left_out.values().sum();
    let doubts = outcome.replay.doubt_count + outcome.replay.undecided.len() as u64;
    let summary = Summary {
        snapshot: plan.snapshot.id.to_string(),
        stop: plan.stop.to_string(),
        transactions: outcome.replay.transactions,
        left_out,
        doubts,
        tables: outcome.load.tables.len() as u64,
        rows: outcome.load.rows,
        problems: outcome.load.problem_count + outcome.scratch_problems,
        seconds: began.elapsed().as_secs_f64(),
    };
    let is_whole = summary.problems == 0 && left_out == 0 && doubts == 0 && plan.inexact.is_empty();
    let exit = if is_whole { Exit::Done } else { Exit::Incomplete };
    after_printing(exit, print(context.ui, &address.public(), &plan, &outcome, &summary))
}

/// Fetches the newest part of the log of the server that is restored into, and of the one in enamel.toml, if they were saved. A failure is
/// told, and the restore has what is there.
fn fetch(load: &LoadArgs, target: &Address, context: &Context<'_>) -> Result<()> {
    let repo = context.open(Access::Read)?;
    let saved = list(&repo)?.snapshots;
    let is_saved = |address: &Address| {
        let path = address.public().into_bytes();
        saved.iter().flat_map(|snapshot| databases(&snapshot.manifest)).any(|root| root.path.0 == path)
    };
    drop(repo);
    let named = DatabaseArgs { server: load.server.clone(), ..DatabaseArgs::default() };
    let usual = if context.settings.file.database.is_some() { named.address(context)? } else { None };
    let mut addresses = vec![target.clone()];
    addresses.extend(usual.filter(|usual| usual.public() != target.public()));
    for address in addresses.iter().filter(|address| is_saved(address)) {
        let fetched =
            context.open(Access::Write).and_then(|repo| archive::fetch(&repo, address, &writer::own(), context.ui));
        let why = match fetched {
            Ok(archived) => not_kept(&archived),
            Err(error) => Some(chain(&error)),
        };
        if let Some(why) = why {
            let server = address.public();
            context.ui.warn(format_args!("the newest part of the log of {server} is not fetched: {why}"));
        }
    }
    Ok(())
}

/// The plan from the snapshot that is named, or for `latest` the newest from which the moment can be reached.
fn choose(repo: &Repository, request: &PastRequest<'_>, past: &PastOptions, context: &Context<'_>) -> Result<Plan> {
    let PastRequest { snap, when, .. } = *request;
    let named = context.select(repo, snap)?;
    let Selector::Latest { tag, .. } = snap.selector() else {
        return plan(repo, &named, when, past, context.ui);
    };
    let has_tag = |snapshot: &Snapshot| tag.as_ref().is_none_or(|tag| snapshot.manifest.tags.contains(tag));
    let mut snapshots = list(repo)?.snapshots;
    snapshots
        .truncate(snapshots.iter().position(|snapshot| snapshot.id == named.id).map_or(snapshots.len(), |at| at + 1));
    snapshots.retain(|snapshot| has_tag(snapshot) && databases(&snapshot.manifest).next().is_some());
    plan_newest(repo, &snapshots, when, past, context.ui)
}

/// The name of this machine's time zone at this time.
fn name_of_own_zone() -> String {
    moment::now().strftime("%Z").to_string()
}

/// Reads `FILE:POS`.
fn parse_position(text: &str) -> std::result::Result<Position, String> {
    let wrong = || "a place is FILE:POS, as `enamel log` shows it".to_owned();
    let (file, offset) = text.rsplit_once(':').filter(|(file, _)| !file.is_empty()).ok_or_else(wrong)?;
    Ok(Position { file: file.to_owned(), offset: offset.parse().map_err(|_| wrong())? })
}

fn edge(seen: &SeenTransaction) -> Edge<'_> {
    Edge {
        at: seen.at.to_string(),
        time: format::rfc3339(time(seen.time)),
        time_is_exact: !seen.is_about,
        gtid: seen.gtid.as_deref(),
        what: &seen.what,
    }
}

/// A transaction in one line. A time that is not exact is marked: the statement began then.
fn words(seen: Option<&SeenTransaction>) -> String {
    let Some(seen) = seen else { return "none".to_owned() };
    let mark = if seen.is_about { "~" } else { "" };
    format!("{}{mark} at {}: {}", format::time(time(seen.time)), seen.at, seen.what)
}

/// Whether nothing is missing, left out or in doubt.
fn is_certain(plan: &Plan) -> bool {
    plan.inexact.is_empty() && plan.doubt_count == 0 && plan.left_out.is_empty()
}

/// Names what is not exact, before anything is done.
fn warn(ui: &Ui, plan: &Plan) {
    for inexact in &plan.inexact {
        ui.warn(format_args!("{} is not exact: {}", inexact.table.shown(), inexact.why));
    }
    for (table, why) in &plan.doubtful {
        ui.warn(format_args!("{} is not certain: of a statement on it, {why}", table.shown()));
    }
    for doubt in &plan.doubts {
        ui.warn(format_args!(
            "at {} `{}` may do something else than on the server: {}",
            doubt.at, doubt.text, doubt.why
        ));
    }
    for (change, count) in &plan.left_out {
        ui.warn(format_args!("{} left out {change}", format::counted(*count, "change")));
    }
}

fn names<'t>(tables: impl IntoIterator<Item = &'t TableName>) -> Vec<String> {
    tables.into_iter().map(TableName::shown).collect()
}

fn print_plan(ui: &Ui, plan: &Plan) -> Result<()> {
    if ui.is_json() {
        return ui.message(
            "plan",
            PlanMessage {
                snapshot: plan.snapshot.id.to_string(),
                base: plan.base.to_string(),
                stop: plan.stop.to_string(),
                last: plan.last.as_ref().map(edge),
                next: plan.next.as_ref().map(edge),
                transactions: plan.transactions,
                with_statements: plan.with_statements,
                inexact_tables: names(plan.inexact.iter().map(|inexact| &inexact.table)),
                doubtful_tables: names(plan.doubtful.keys()),
                doubts: plan.doubt_count,
                left_out: plan.left_out.values().sum(),
                not_direct: plan.not_direct.as_deref(),
                only_tables: plan.only().map(names),
                only_schemas: plan.only_schemas().collect(),
                time_zones: plan.zones().iter().map(String::as_str).collect(),
                refusal: plan.refusal.as_deref(),
            },
        );
    }
    let statements = match plan.with_statements {
        0 => "all as rows".to_owned(),
        some => format!("{} of them with statements, which run again", format::count(some)),
    };
    let rows: u64 = plan.rows.values().sum();
    let mut fields = vec![
        ("snapshot", format!("{} at {}", format::short(plan.snapshot.id), plan.base)),
        ("up to", plan.stop.to_string()),
        ("last inside", words(plan.last.as_ref())),
        ("first outside", words(plan.next.as_ref())),
        ("transactions", format!("{}, {statements}", format::count(plan.transactions))),
        ("needs", needed(plan)),
        ("--via direct", plan.not_direct.clone().unwrap_or_else(|| "possible".to_owned())),
        ("rows", format!("{} in {}", format::count(rows), format::counted(plan.rows.len() as u64, "table"))),
    ];
    let zones: Vec<&str> = plan.zones().iter().take(ZONES_SHOWN + 1).map(String::as_str).collect();
    match zones.len() {
        0 => {}
        1..=ZONES_SHOWN => fields.push(("time zones", format!("{}, by the rules of this machine", zones.join(", ")))),
        _ => fields.push(("time zones", "statements convert between any, by the rules of this machine".to_owned())),
    }
    ui.fields(&fields)
}

/// The part of the snapshot that is restored to the scratch server.
fn needed(plan: &Plan) -> String {
    let Some(only) = plan.only() else { return "the whole database".to_owned() };
    let schemas: Vec<&str> = plan.only_schemas().collect();
    let others = only.iter().filter(|table| !schemas.iter().any(|schema| table.schema == *schema));
    let schemas = schemas.iter().map(|schema| format!("all of {schema}"));
    schemas.chain(others.map(TableName::shown)).collect::<Vec<_>>().join(", ")
}

fn print(ui: &Ui, server: &str, plan: &Plan, outcome: &PastOutcome, summary: &Summary) -> Result<()> {
    ui.problems(&outcome.load.problems, outcome.load.problem_count)?;
    for xid in &outcome.replay.undecided {
        ui.warn(format_args!("the XA transaction {xid} was prepared and not decided: its changes are not there"));
    }
    if ui.is_json() {
        return ui.message("summary", summary);
    }
    if ui.is_quiet() {
        return Ok(());
    }
    ui.prose(format_args!("database restored to {server}, as it was at {}", plan.stop))?;
    let mut fields = vec![
        ("snapshot", format!("{} at {}", format::short(plan.snapshot.id), plan.base)),
        ("last inside", words(plan.last.as_ref())),
        ("first outside", words(plan.next.as_ref())),
        ("transactions", format::count(summary.transactions)),
        ("tables", format::count(summary.tables)),
        ("rows", format::count(summary.rows)),
        ("time", format!("{:.1} s", summary.seconds)),
    ];
    if summary.problems > 0 {
        fields.push(("problems", format!("{}, named above", format::count(summary.problems))));
    }
    ui.fields(&fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_and_a_number() {
        let place = parse_position("binlog.000007:4711").unwrap();
        assert_eq!((place.file.as_str(), place.offset), ("binlog.000007", 4711));
        assert!(
            parse_position("binlog.000007").is_err() && parse_position(":4").is_err() && parse_position("a:x").is_err()
        );
    }
}

//! `enamel forget`: removes snapshots that nobody needs any more.

use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::repository::Repository;
use engine::snapshots::Selector;
use engine::upkeep::forget::{
    ForgetOutcome, NamedPlan, Plan, Shrunk, Unusable, forget, plan, plan_named, plan_unusable,
};
use engine::upkeep::retention::{Judged, Reason};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use repo_format::id::LeaseId;
use repo_format::manifest::{Manifest, SeenManifest};

use crate::commands::accept::{self, author};
use crate::commands::prune::{self, PruneArgs};
use crate::context::Context;
use crate::effect::Effect;
use crate::exit::{Exit, after_printing};
use crate::log_retention;
use crate::retention::{Keep, conditions, tables_text};
use crate::snap::Snap;
use crate::ui::{Ui, format};

mod print;

use print::Summary;

/// Forget snapshots: those that no rule keeps, or those that are named.
///
/// Rules come from the command line or, if it has none, from `[retention]` of enamel.toml. They apply to the snapshots
/// of each machine and each set of folders and databases separately. A snapshot is kept if any rule keeps it. Rules
/// that count periods also keep the oldest snapshot, until there are as many periods as they count. The newest whole
/// snapshot of each machine and set is always kept: one without problems, and with files if there were any before. So
/// is the newest with a table that was damaged or gone when later ones were made. A snapshot from the future takes no
/// place in what a rule counts. Days begin in this machine's time zone. --dry-run says of each snapshot which rule
/// keeps it, or that it would go.
///
/// Enamel refuses, before it does anything: to run without any rule; a tag or machine that no snapshot has; to forget
/// all snapshots of a group; to judge when a clock has jumped. Snapshots that are named go in any case.
///
/// With --keep-log binary logs of databases that are older go, too. The snapshot that the remaining ones begin with
/// stays. If fewer moments can be restored afterwards, Enamel says which.
///
/// The repository notes what was forgotten, so that `verify` can tell it from an attack. `enamel prune` frees the
/// space.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel forget --dry-run --keep-hourly 48 --keep-daily 14 \\
      --keep-monthly 24 --keep-yearly 10
  enamel forget --keep-within 7d --keep-within-daily 3mo --keep-tag audit
  enamel forget                       by `[retention]` of enamel.toml
  enamel forget --keep-daily 14 --keep-log 7d
  enamel forget 3f9a12bc 77aa01de

Exit status: 0 done; 3 done, but some snapshots cannot be read, and stay; 1 failed, or a clock has jumped; 2 usage, or a policy that cannot be meant; \
            10 no repository, 12 wrong password, 130 interrupted: what was forgotten until then stays forgotten")]
pub struct ForgetArgs {
    /// The snapshots to forget, whatever the rules say
    #[arg(value_name = "SNAP", value_parser = OsStringValueParser::new().try_map(Snap::parse_whole))]
    #[arg(conflicts_with_all = ["Keep", "host", "tag"])]
    snaps: Vec<Snap>,
    /// Only look, and say what would be done
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Forget named snapshots even if they cannot be read, so that nobody can say what was in them
    #[arg(long, requires = "snaps")]
    damaged: bool,
    /// Forget although the newest snapshot of a source holds less than half of the one before
    #[arg(long, conflicts_with = "snaps")]
    allow_less: bool,
    /// Free the space at once, as `enamel prune` does
    #[arg(long, conflicts_with = "dry_run")]
    prune: bool,
    #[command(flatten)]
    keep: Keep,
    /// Only snapshots of this machine; all others are left alone
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Only snapshots with this tag; all others are left alone
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
}

/// Forgets.
///
/// # Errors
/// The policy is refused, or a snapshot cannot be deleted.
pub fn run(args: &ForgetArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(if args.dry_run { Access::Read } else { Access::Prune })?;
    if !args.dry_run {
        context.refuse_append_only(
            "this repository is append-only: no snapshot was forgotten; --dry-run says which ones would be",
        )?;
    }
    accept::before_deleting(&repo, context.ui, Effect::of(args.dry_run))?;
    let exit = if args.snaps.is_empty() { by_policy(args, context, &repo) } else { by_name(args, context, &repo) }?;
    match (args.prune, exit) {
        (true, Exit::Done) => prune::run(&PruneArgs::default(), context),
        _ => Ok(exit),
    }
}

fn by_policy(args: &ForgetArgs, context: &Context<'_>, repo: &Repository) -> Result<Exit> {
    let ui = context.ui;
    let policy = args.keep.policy(context.settings.file.retention.as_ref());
    let keep_log = args.keep.log(context.settings.file.retention.as_ref());
    if policy.rules.is_empty() && keep_log.is_none() {
        let message = "nothing was forgotten: no snapshot is named, and no rule says what to keep: neither an option like `--keep-daily 7` nor `[retention]` in \
                       enamel.toml";
        return Err(Error::new(ErrorKind::Usage, message).with_hint(
            "`enamel forget --keep-daily 7 --keep-monthly 12 --dry-run` shows what such rules would keep.",
        ));
    }
    let mut plan: Plan = if policy.rules.is_empty() {
        Plan::default()
    } else {
        plan(repo, &policy, &conditions(args.host.as_deref(), args.tag.as_deref()), ui)?
    };
    let logs = log_retention::add_to(&mut plan, repo, keep_log, ui)?;
    let going_logs = log_retention::references(repo, &logs.going)?;
    print::unreadable(ui, &plan.unreadable)?;
    tell_of_losses(ui, &plan);
    if !(args.dry_run || args.allow_less) {
        refuse_shrunk(&plan)?;
    }
    let going = plan.going();
    let all: Vec<_> = going.iter().chain(&going_logs).copied().collect();
    let outcome = carry_out(args, context, repo, &all)?;
    let exit = if plan.unreadable.is_empty() { Exit::Done } else { Exit::Incomplete };
    let summary = Summary::new(args, going.len(), plan.kept_count(), &outcome).with_logs(going_logs.len());
    let effect = Effect::of(args.dry_run);
    let printed = print::groups(ui, &plan.groups, effect).and_then(|()| log_retention::tell(ui, &logs, effect));
    after_printing(exit, printed.and_then(|()| summary.print(ui)))
}

/// Refuses while a source has just lost most of its contents: the older snapshots may be the good ones.
fn refuse_shrunk(plan: &Plan) -> Result<()> {
    let Some(Shrunk { newest, before }) = plan.shrunk().next() else { return Ok(()) };
    let held = |manifest: &Manifest| {
        format!("{} in snapshot {}", format::bytes(manifest.statistics.total_bytes), format::short(manifest.id))
    };
    let message = format!(
        "nothing was forgotten: a source of {} held {} and holds {} now",
        newest.host,
        held(before),
        held(newest)
    );
    Err(Error::new(ErrorKind::Refused, message).with_hint("If it is meant to hold less, add --allow-less."))
}

/// Names snapshots that count for no rule, or not as whole. Otherwise a user would wonder why an older one stays.
fn tell_of_losses(ui: &Ui, plan: &Plan) {
    for Judged { manifest, reasons } in plan.groups.iter().flat_map(|group| &group.members) {
        let id = format::short(manifest.id);
        if plan.suffering.contains(&manifest.id) {
            ui.warn(format_args!("snapshot {id} needs data that is lost, so it does not count as whole"));
        }
        if reasons.contains(&Reason::FromTheFuture) {
            ui.warn(format_args!("snapshot {id} is from the future: it stays, and no rule counts it"));
        }
        if reasons.contains(&Reason::PutBack) {
            ui.warn(format_args!("snapshot {id} was forgotten and is there again: it stays, and no rule counts it"));
        }
    }
}

fn by_name(args: &ForgetArgs, context: &Context<'_>, repo: &Repository) -> Result<Exit> {
    let ui = context.ui;
    let (mut found, mut unusable) = (Vec::new(), Vec::new());
    for snap in &args.snaps {
        match context.select_exactly(repo, snap) {
            Ok(snapshot) => found.push(snapshot.id),
            Err(error) => unusable.push(unusable_id(args, repo, snap, error)?),
        }
    }
    let unusable = plan_unusable(repo, &unusable)?;
    for Unusable { manifest, error } in &unusable {
        ui.warn(format_args!("{} is forgotten, though its contents are unknown: {error}", format::short(manifest.id)));
    }
    let plan: NamedPlan = plan_named(repo, &found, ui)?;
    for (id, tables) in &plan.only_copies {
        let tables = tables_text(tables);
        ui.warn(format_args!("snapshot {} is the newest that has {tables}: later ones lack it", format::short(id)));
    }
    let mut going = plan.going();
    going.extend(unusable.iter().map(|unusable| unusable.manifest));
    // No log goes with snapshots that are named, but fewer moments may be restorable.
    let logs = log_retention::logs(repo, going.iter().map(|manifest| manifest.id).collect(), None, ui)?;
    let outcome = carry_out(args, context, repo, &going)?;
    let summary = Summary::new(args, going.len(), plan.kept_count, &outcome);
    let told = || log_retention::tell(ui, &logs, Effect::of(args.dry_run));
    after_printing(Exit::Done, print::named(ui, &plan).and_then(|()| told()).and_then(|()| summary.print(ui)))
}

/// The id of what was named and cannot be used, if it is to go nevertheless.
fn unusable_id(args: &ForgetArgs, repo: &Repository, snap: &Snap, error: Error) -> Result<LeaseId> {
    let Selector::IdPrefix(prefix) = snap.selector() else { return Err(error) };
    let prefix = prefix.to_ascii_lowercase();
    let names = repo.snapshot_names()?;
    let mut named = names.into_iter().filter(|id| id.to_string().starts_with(&prefix));
    match (named.next(), named.next(), error.kind()) {
        (Some(id), None, ErrorKind::NotBelieved) => Ok(id),
        (Some(id), None, ErrorKind::Damaged | ErrorKind::TooNew) if args.damaged => Ok(id),
        (Some(id), None, ErrorKind::Damaged | ErrorKind::TooNew) => Err(error.context(format!(
            "snapshot {} cannot be read; `enamel forget --damaged {}` forgets it anyway",
            format::short(id),
            format::short(id)
        ))),
        _ => Err(error),
    }
}

fn carry_out(
    args: &ForgetArgs,
    context: &Context<'_>,
    repo: &Repository,
    going: &[SeenManifest],
) -> Result<ForgetOutcome> {
    if args.dry_run { Ok(ForgetOutcome::default()) } else { forget(repo, going, &author(), context.ui) }
}

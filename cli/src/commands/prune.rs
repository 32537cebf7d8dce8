//! `enamel prune`: frees the space of what no snapshot needs.

use engine::Result;
use engine::upkeep::prune::{Forecast, PruneOptions, PruneReport, plan};
use repo_format::config::Access;
use serde::Serialize;

use crate::commands::accept;
use crate::commands::init::host_name;
use crate::context::{Context, Others};
use crate::effect::Effect;
use crate::exit::{Exit, after_printing};
use crate::size::parse_size;
use crate::ui::{Ui, format};
use crate::writer;

/// Unused data that may stay behind by default, in percent.
const MAX_UNUSED: u64 = 5;

/// Free the space of what no snapshot needs any more.
///
/// `enamel forget` removes snapshots; this frees the data that only they needed. Backups and restores may run
/// meanwhile, on any machine: Enamel deletes a pack only when every backup that may count on it has ended. It shuts out
/// a backup that died on this machine. It names one on another machine, see `enamel leases`. You may stop it at any
/// time, and run it again.
///
/// In object storage without conditional writes (`enamel init --help`) it must be alone: it ends with status 11 while a
/// backup runs, and backups wait for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel prune --dry-run                  say what it would free
  enamel prune
  enamel prune --max-rewrite 2G           copy no more than that this time

Exit status: 0 done; 3 something has to wait for another backup, or for free space; 4 chunks are lost that a snapshot needs, or a pack is \
            damaged; 1 failed, 10 no repository, 11 somebody writes and this has to be alone, 12 wrong password, 130 interrupted")]
pub struct PruneArgs {
    /// Say what would be done, and do nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Copy at most this much out of packs that are only partly needed [default: as much as is useful]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_rewrite: Option<u64>,
    /// How much unused data may stay behind in packs, in percent of the needed data; 0 frees all, and copies most
    #[arg(long, value_name = "PERCENT", default_value_t = MAX_UNUSED, value_parser = clap::value_parser!(u64).range(0..=100))]
    max_unused: u64,
    /// Prune even if locks of the storage do not keep other machines out: you say that no other machine prunes or
    /// repairs meanwhile
    #[arg(long)]
    exclusive: bool,
}

#[derive(Serialize)]
struct ForecastMessage {
    total_bytes: u64,
    unneeded_packs: u64,
    unneeded_bytes: u64,
    rewritten_packs: u64,
    rewritten_bytes: u64,
    copied_bytes: u64,
    condemned_packs: u64,
    freed_bytes: u64,
    left_unused_bytes: u64,
    lost_chunks: u64,
}

#[derive(Serialize)]
struct Summary {
    deleted_packs: u64,
    deleted_bytes: u64,
    new_packs: u64,
    new_bytes: u64,
    fenced: Vec<String>,
    waiting_for: usize,
    damaged_packs: Vec<String>,
    had_no_space: bool,
}

/// Prunes.
///
/// # Errors
/// The repository cannot be read or written.
pub fn run(args: &PruneArgs, context: &Context<'_>) -> Result<Exit> {
    let others = if args.exclusive { Others::None } else { Others::Possible };
    let repo = if args.dry_run { context.open(Access::Read) } else { context.open_to_replace(Access::Prune, others) }?;
    accept::before_deleting(&repo, context.ui, Effect::of(args.dry_run))?;
    let host = host_name();
    let options = PruneOptions {
        this_host: &host,
        process: &engine::machine::process,
        max_unused: args.max_unused,
        max_rewrite: args.max_rewrite.unwrap_or(u64::MAX),
    };
    let plan = plan(&repo, &options, context.ui)?;
    let lost = plan.forecast().lost_chunks;
    print_forecast(context.ui, plan.forecast())?;
    if args.dry_run {
        return Ok(exit(lost, &PruneReport::default()));
    }
    // Even if there is nothing to free, small packs and index segments may be merged.
    let report = plan.run(context.ui)?;
    after_printing(exit(lost, &report), print(context.ui, &report))
}

impl Default for PruneArgs {
    /// As if no option were given.
    fn default() -> Self {
        PruneArgs { dry_run: false, max_rewrite: None, max_unused: MAX_UNUSED, exclusive: false }
    }
}

fn exit(lost_chunks: u64, report: &PruneReport) -> Exit {
    if lost_chunks > 0 || !report.damaged.is_empty() {
        Exit::Damage
    } else if report.had_no_space || !report.waiting.is_empty() {
        Exit::Incomplete
    } else {
        Exit::Done
    }
}

fn print_forecast(ui: &Ui, forecast: &Forecast) -> Result<()> {
    if ui.is_json() {
        return ui.message("forecast", forecast_message(forecast));
    }
    if forecast.lost_chunks > 0 {
        let lost = format::counted(forecast.lost_chunks, "chunk");
        ui.warn(format!("{lost} lost that snapshots need; `enamel verify` names the affected files"));
    }
    if ui.is_quiet() {
        return Ok(());
    }
    if forecast.is_empty() {
        return ui.prose("everything in the repository is needed: there is nothing to free");
    }
    let packs = |count, bytes| format!("{}, {}", format::counted(count, "pack"), format::bytes(bytes));
    ui.fields(&[
        ("all packs", format::bytes(forecast.total_bytes)),
        ("not needed", packs(forecast.unneeded_packs, forecast.unneeded_bytes)),
        ("partly needed", packs(forecast.rewritten_packs, forecast.rewritten_bytes)),
        ("to be copied", format::bytes(forecast.copied_bytes)),
        ("left by others", format::counted(forecast.condemned_packs, "pack")),
        ("will be free", format::bytes(forecast.freed_bytes())),
    ])
}

fn forecast_message(forecast: &Forecast) -> ForecastMessage {
    ForecastMessage {
        total_bytes: forecast.total_bytes,
        unneeded_packs: forecast.unneeded_packs,
        unneeded_bytes: forecast.unneeded_bytes,
        rewritten_packs: forecast.rewritten_packs,
        rewritten_bytes: forecast.rewritten_bytes,
        copied_bytes: forecast.copied_bytes,
        condemned_packs: forecast.condemned_packs,
        freed_bytes: forecast.freed_bytes(),
        left_unused_bytes: forecast.left_unused,
        lost_chunks: forecast.lost_chunks,
    }
}

fn print(ui: &Ui, report: &PruneReport) -> Result<()> {
    for (pack, error) in &report.damaged {
        ui.warn(format!("packs/{pack} stays as it is: {error}; run `enamel repair --read-data`"));
    }
    if ui.is_json() {
        report.waiting.iter().try_for_each(|waiting| ui.message("writer", writer::message(waiting)))?;
        return ui.message("summary", summary(report));
    }
    report.fenced.iter().for_each(|(id, death)| ui.warn(writer::describe_fenced(*id, *death)));
    for waiting in &report.waiting {
        ui.warn(format!(
            "waiting for lease {}: {}; {}",
            format::short(waiting.id),
            writer::describe(waiting),
            writer::advice(waiting)
        ));
    }
    if report.had_no_space {
        ui.warn("the disk is too full to copy needed data out of sparse packs; the rest is done");
    }
    if ui.is_quiet() {
        return Ok(());
    }
    let freed = report.deleted_bytes.saturating_sub(report.new_bytes);
    let (deleted, new) = (format::counted(report.deleted_packs, "pack"), format::counted(report.new_packs, "new one"));
    match (report.deleted_packs, report.new_packs) {
        (0, _) => Ok(()),
        (_, 0) => ui.line(format_args!("{} freed: {deleted} deleted", format::bytes(freed))),
        _ => ui.line(format_args!("{} freed: {deleted} deleted, {new} written", format::bytes(freed))),
    }
}

fn summary(report: &PruneReport) -> Summary {
    Summary {
        deleted_packs: report.deleted_packs,
        deleted_bytes: report.deleted_bytes,
        new_packs: report.new_packs,
        new_bytes: report.new_bytes,
        fenced: report.fenced.iter().map(|(id, _)| id.to_string()).collect(),
        waiting_for: report.waiting.len(),
        damaged_packs: report.damaged.iter().map(|(pack, _)| pack.to_string()).collect(),
        had_no_space: report.had_no_space,
    }
}

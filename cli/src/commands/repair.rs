//! `enamel repair`: puts right what can be put right, and names what cannot.

use engine::Result;
use engine::repository::{Acceptance, Mended};
use engine::upkeep::repair::{CondemnedPolicy, Depth, RepairOptions, RepairOutcome, SufferingSnapshot, repair};
use repo_format::config::Access;
use serde::Serialize;

use super::accept;
use super::init::host_name;
use crate::context::{Context, Others};
use crate::environment::program;
use crate::exit::{Exit, after_printing};
use crate::ui::{Ui, format, json};

/// Paths of a snapshot that are named; JSON has all that the engine gives.
const PATHS_SHOWN: usize = 20;

/// Repair what can be repaired after damage.
///
/// Rebuilds the index where it is damaged or names packs that are gone, copies whole chunks out of damaged packs, and
/// names what is lost: each snapshot with its files and tables. The rest of such a snapshot can still be restored. The
/// next `enamel backup` stores again what was lost, if the source still has it. With --read-data Enamel reads every
/// byte to find damage, as `enamel verify --read-data` does.
///
/// Snapshots that this computer has seen and that are gone are accepted as lost, as by `enamel accept --all`. Each is
/// named.
///
/// Enamel compares config, keys and their second copies, and repairs a damaged one from the other. It moves a snapshot
/// whose manifest is damaged to `aside` in the repository. Nobody can know what such a snapshot needs, so as long as it
/// is among the others nothing can be pruned.
///
/// Backups and restores may run meanwhile. Repair never changes or deletes snapshots that can be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel repair --dry-run
  enamel repair --read-data

Exit status: 0 all is well now; 4 something is lost: each snapshot that suffers is named; 1 failed, 10 no repository, \
            11 another run has taken over, 12 wrong password, 130 interrupted")]
pub struct RepairArgs {
    /// Read all data to find damage, which takes as long as reading the repository does
    #[arg(long)]
    read_data: bool,
    /// Replace the list of condemned packs by an empty one if it is damaged; only when no `enamel prune` runs anywhere
    #[arg(long)]
    reset_condemned: bool,
    /// Only say what is damaged and what would be done
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Damaged<'a> {
    object: String,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    whole_chunks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged_chunks: Option<u64>,
}

#[derive(Serialize)]
struct Suffering {
    snapshot: String,
    time: String,
    paths: Vec<json::Path>,
    has_more: bool,
}

#[derive(Serialize)]
struct Summary {
    dry_run: bool,
    packs: u64,
    damaged_packs: usize,
    gone_packs: u64,
    named_packs: u64,
    damaged_leases: usize,
    damaged_segments: usize,
    replaced_segments: u64,
    new_segments: u64,
    new_packs: u64,
    copied_chunks: u64,
    written_bytes: u64,
    condemned_anew: bool,
    lost_chunks: u64,
    suffering_snapshots: usize,
    unreadable_snapshots: usize,
    set_aside: usize,
    mended: usize,
}

/// Repairs.
///
/// # Errors
/// The repository cannot be opened, or not be written to.
pub fn run(args: &RepairArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = if args.dry_run {
        context.open_for_repair(Access::Read)
    } else if args.reset_condemned {
        // Only then an object is replaced, and nobody prunes, as the user says.
        context.open_to_replace(Access::Write, Others::None)
    } else {
        context.open_for_repair(Access::Write)
    }?;
    if !args.dry_run {
        context.refuse_append_only("a repair replaces index segments, and this repository is used as append-only; --dry-run says what it would do")?;
    }
    let depth = if args.read_data { Depth::ReadData } else { Depth::Structure };
    let condemned = if args.reset_condemned { CondemnedPolicy::BeginAnew } else { CondemnedPolicy::Refuse };
    let options = RepairOptions { depth, condemned, dry_run: args.dry_run, host: host_name(), program: program() };
    let outcome = repair(&repo, &options, context.ui)?;
    let unanswered = repo.unanswered()?;
    if !unanswered.is_empty() && !args.dry_run {
        accept::accept(&repo, &Acceptance::Losses, "repair", context)?;
    }
    let exit = if outcome.has_losses() { Exit::Damage } else { Exit::Done };
    after_printing(exit, print(context.ui, &options, &outcome))
}

fn print(ui: &Ui, options: &RepairOptions, outcome: &RepairOutcome) -> Result<()> {
    print_damage(ui, outcome)?;
    for Mended { object, why } in &outcome.mended {
        ui.say(format_args!("{object} was put right: {}", why.as_deref().unwrap_or("it was missing")));
    }
    for id in &outcome.set_aside {
        ui.say(format_args!("snapshots/{id} was moved to aside/{id}: it stops no prune any more"));
    }
    if outcome.condemned_anew {
        ui.say("the list of condemned packs was damaged, and is begun anew");
    }
    outcome.suffering.iter().try_for_each(|snapshot| print_suffering(ui, snapshot))?;
    if ui.is_json() {
        return ui.message("summary", summary(options, outcome));
    }
    if ui.is_quiet() {
        return Ok(());
    }
    ui.line(if options.dry_run { "nothing was changed; a repair would do this" } else { "repaired" })?;
    let counted = |n: u64, noun| format::counted(n, noun);
    ui.fields(&[
        (
            "packs",
            format!(
                "{}, {} damaged, {} gone",
                counted(outcome.packs, "pack"),
                outcome.damaged_packs.len(),
                outcome.gone_packs
            ),
        ),
        (
            "index",
            format!(
                "{} replaced, {} newly named",
                counted(outcome.replaced_segments, "segment"),
                counted(outcome.named_packs, "pack")
            ),
        ),
        ("copied", counted(outcome.copied_chunks, "chunk")),
        ("written", format::bytes(outcome.written_bytes)),
        ("lost", losses(outcome)),
    ])?;
    if outcome.lost_chunks > 0 {
        ui.say("`enamel backup` stores again what its source still has; `enamel restore` brings back the rest of a snapshot.");
    }
    Ok(())
}

fn losses(outcome: &RepairOutcome) -> String {
    match (outcome.lost_chunks, outcome.unreadable_snapshots.len()) {
        (0, 0) => "nothing".to_owned(),
        (0, unreadable) => format::counted(unreadable as u64, "snapshot"),
        (lost, unreadable) => {
            let suffering = (outcome.suffering.len() + unreadable) as u64;
            format!(
                "{} that {}",
                format::counted(lost, "chunk"),
                match suffering {
                    1 => "1 snapshot needs".to_owned(),
                    n => format!("{} snapshots need", format::count(n)),
                }
            )
        }
    }
}

fn print_damage(ui: &Ui, outcome: &RepairOutcome) -> Result<()> {
    for pack in &outcome.damaged_packs {
        let object = format!("packs/{}", pack.id);
        let [whole, damaged] = [pack.whole_chunks, pack.damaged_chunks];
        if ui.is_json() {
            let (whole_chunks, damaged_chunks) = (Some(whole), Some(damaged));
            ui.message("damaged_pack", Damaged { object, message: &pack.message, whole_chunks, damaged_chunks })?;
            continue;
        }
        let chunks = format::counted(whole + damaged, "chunk");
        ui.prose(format_args!(
            "damaged: {object}: {}; {} of {chunks} can be used",
            pack.message,
            format::count(whole)
        ))?;
    }
    let leases = outcome.shut_out.iter();
    let leases = leases.map(|(id, why)| ("damaged_lease", "shut out", format!("leases/{id}"), why));
    let segments = outcome.damaged_segments.iter();
    let segments = segments.map(|(id, why)| ("damaged_segment", "damaged", format!("index/{id}"), why));
    let snapshots = outcome.unreadable_snapshots.iter();
    let snapshots = snapshots.map(|(id, why)| ("unreadable_snapshot", "lost", format!("snapshots/{id}"), why));
    for (message_type, word, object, message) in leases.chain(segments).chain(snapshots) {
        if ui.is_json() {
            let damaged = Damaged { object, message, whole_chunks: None, damaged_chunks: None };
            ui.message(message_type, damaged)?;
        } else {
            ui.prose(format_args!("{word}: {object}: {message}"))?
        }
    }
    Ok(())
}

fn print_suffering(ui: &Ui, snapshot: &SufferingSnapshot) -> Result<()> {
    if ui.is_json() {
        let paths = snapshot.paths.iter().map(|path| path.as_slice().into()).collect();
        let (id, time) = (snapshot.id.to_string(), format::rfc3339(snapshot.time));
        return ui.message("suffering_snapshot", Suffering { snapshot: id, time, paths, has_more: snapshot.has_more });
    }
    ui.line(format_args!("lost in snapshot {} of {}", format::short(snapshot.id), format::time(snapshot.time)))?;
    let shown = if ui.is_verbose() { usize::MAX } else { PATHS_SHOWN };
    for path in snapshot.paths.iter().take(shown) {
        ui.line(format_args!("    {}", format::path_or_all(path)))?;
    }
    match (snapshot.paths.len().saturating_sub(shown), snapshot.has_more) {
        (0, false) => Ok(()),
        (more, false) => ui.line(format_args!("    and {} more", format::count(more as u64))),
        (more, true) => ui.line(format_args!("    and more than {}", format::count(more as u64))),
    }
}

fn summary(options: &RepairOptions, outcome: &RepairOutcome) -> Summary {
    Summary {
        dry_run: options.dry_run,
        packs: outcome.packs,
        damaged_packs: outcome.damaged_packs.len(),
        gone_packs: outcome.gone_packs,
        named_packs: outcome.named_packs,
        damaged_leases: outcome.shut_out.len(),
        damaged_segments: outcome.damaged_segments.len(),
        replaced_segments: outcome.replaced_segments,
        new_segments: outcome.new_segments,
        new_packs: outcome.new_packs,
        copied_chunks: outcome.copied_chunks,
        written_bytes: outcome.written_bytes,
        condemned_anew: outcome.condemned_anew,
        lost_chunks: outcome.lost_chunks,
        suffering_snapshots: outcome.suffering.len(),
        unreadable_snapshots: outcome.unreadable_snapshots.len(),
        set_aside: outcome.set_aside.len(),
        mended: outcome.mended.len(),
    }
}

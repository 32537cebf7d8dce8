//! `enamel verify`: can everything be restored?

use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::Result;
use engine::upkeep::verify::{Depth, Finding, Part, VerifyOptions, VerifyReport, verify, verify_snapshot};
use repo_format::config::Access;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Exit, after_printing};
use crate::size::parse_part;
use crate::snap::Snap;
use crate::ui::{Ui, format, json};

/// Places in snapshots that are named for each finding; JSON has all that the engine gives.
const AFFECTED_SHOWN: usize = 10;

/// Check that everything can be restored.
///
/// Checks that every snapshot can be read and that everything it needs is there. With --read-data Enamel reads every
/// byte, decrypts it and compares it with what it should be: only that finds a failing disk.
///
/// --read-data=5% reads that part of the data, and a size such as --read-data=10G that much. It begins with what this
/// machine checked least recently, so that 5% a day reads everything in 20 days. `enamel stats` says how long ago the
/// rest was read. `enamel repair` repairs what can be repaired.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel verify
  enamel verify --read-data
  enamel verify --read-data=5%
  enamel verify --read-data --snapshot latest

Exit status: 0 all is well; 4 damage was found: each finding says which files of which snapshots it affects; 1 failed, \
            10 no repository, 12 wrong password, 130 interrupted")]
pub struct VerifyArgs {
    /// Read all data too, or this part of it; this takes as long as reading the repository does
    #[arg(
        long,
        value_name = "PART",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "100%",
        value_parser = parse_part
    )]
    read_data: Option<Part>,
    /// Check only what this snapshot needs
    #[arg(long, value_name = "SNAP", value_parser = OsStringValueParser::new().try_map(Snap::parse_whole))]
    snapshot: Option<Snap>,
}

#[derive(Serialize)]
struct FindingMessage<'a> {
    object: &'a str,
    kind: String,
    message: &'a str,
    affected: Vec<Affected>,
}

#[derive(Serialize)]
struct Affected {
    snapshot: String,
    #[serde(flatten)]
    path: json::Path,
}

#[derive(Serialize)]
struct Summary {
    snapshots: u64,
    snapshots_with_problems: u64,
    packs: u64,
    chunks: u64,
    read_bytes: u64,
    findings: usize,
}

/// Verifies.
///
/// # Errors
/// The check could not be made.
pub fn run(args: &VerifyArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    let depth = match args.read_data {
        None => Depth::Structure,
        Some(Part::Percent(100)) => Depth::ReadData,
        Some(part) => Depth::ReadPart(part),
    };
    let options = VerifyOptions { depth };
    let report = match &args.snapshot {
        None => verify(&repo, &options, context.ui)?,
        Some(snap) => verify_snapshot(&repo, context.select(&repo, snap)?.id, &options, context.ui)?,
    };
    let exit = if report.findings.is_empty() { Exit::Done } else { Exit::Damage };
    after_printing(exit, print(context.ui, &report))
}

/// Prints notes, findings and what was checked.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(ui: &Ui, report: &VerifyReport) -> Result<()> {
    if !ui.is_quiet() {
        report.notes.iter().for_each(|note| ui.warn(note));
    }
    report.findings.iter().try_for_each(|finding| print_finding(ui, finding))?;
    if ui.is_json() {
        return ui.message(
            "summary",
            Summary {
                snapshots: report.snapshots,
                snapshots_with_problems: report.with_problems,
                packs: report.packs,
                chunks: report.chunks,
                read_bytes: report.read_bytes,
                findings: report.findings.len(),
            },
        );
    }
    if ui.is_quiet() {
        return Ok(());
    }
    if report.with_problems > 0 {
        let made = format::counted(report.with_problems, "snapshot");
        ui.line(format_args!(
            "{made} made with problems: files that could not be read then are missing there, which is not damage"
        ))?;
    }
    let checked = [(report.snapshots, "snapshot"), (report.packs, "pack"), (report.chunks, "chunk")];
    let checked = checked.map(|(number, noun)| format::counted(number, noun)).join(", ");
    let read =
        if report.read_bytes > 0 { format!(", {} read", format::bytes(report.read_bytes)) } else { String::new() };
    let verdict = match report.findings.len() {
        0 => "no damage".to_owned(),
        n => format!("DAMAGE: {}", format::counted(n as u64, "finding")),
    };
    ui.line(format_args!("checked {checked}{read}: {verdict}"))
}

fn print_finding(ui: &Ui, finding: &Finding) -> Result<()> {
    let kind = format::kebab(&format!("{:?}", finding.kind));
    if ui.is_json() {
        let affected = finding.affected.iter();
        let affected = affected.map(|(id, path)| Affected { snapshot: id.to_string(), path: path.as_slice().into() });
        let message =
            FindingMessage { object: &finding.object, kind, message: &finding.message, affected: affected.collect() };
        return ui.message("finding", message);
    }
    ui.line(format_args!("{kind}: {}: {}", finding.object, finding.message))?;
    let shown = if ui.is_verbose() { usize::MAX } else { AFFECTED_SHOWN };
    for (id, path) in finding.affected.iter().take(shown) {
        ui.line(format_args!("    affects {} in snapshot {}", format::path_or_all(path), format::short(id)))?;
    }
    match finding.affected.len().saturating_sub(shown) {
        0 => Ok(()),
        more => ui.line(format_args!("    and {} more", format::count(more as u64))),
    }
}

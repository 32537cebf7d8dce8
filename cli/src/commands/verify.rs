//! `enamel verify`: can everything be restored?

use std::time::Instant;

use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::Result;
use engine::binlog::check::{LogDepth, LogFinding, LogReport, check_logs};
use engine::error::chain;
use engine::machine;
use engine::memory::RememberedManifest;
use engine::monitor::Monitor;
use engine::repository::Repository;
use engine::upkeep::verify::{
    Depth, Finding, FindingKind, Part, Recorded, VerifyOptions, VerifyReport, VerifyRun, record, verify,
    verify_snapshot,
};
use repo_format::config::Access;
use repo_format::id::LeaseId;
use serde::Serialize;

use crate::binlog::shown;
use crate::commands::accept::{HOW, author};
use crate::context::Context;
use crate::exit::{Exit, after_printing};
use crate::size::parse_part;
use crate::snap::Snap;
use crate::ui::{Tone, Ui, format, json};

/// Places in snapshots that are named for each finding; JSON has all that the engine gives.
const AFFECTED_SHOWN: usize = 10;

/// Check that everything can be restored.
///
/// Checks that every snapshot can be read and that everything it needs is there. With --read-data Enamel reads every
/// byte, decrypts it and compares it with what it should be: only that finds a failing disk.
///
/// --read-data=5% reads that part of the data, and a size such as --read-data=10G that much. It begins with what was
/// checked least recently, so that 5% a day reads everything in 20 days. `enamel stats` says how long ago the rest was
/// read. `enamel repair` repairs what can be repaired.
///
/// The result becomes evidence in the repository: what was read, and when. So another machine goes on where this one
/// stopped, and `enamel drill list` shows it. A check that found and read nothing leaves evidence once a day.
///
/// Each binary log must follow the one before, and its list of transactions must fit. With --read-data Enamel also reads
/// every event of the logs, and checks it by the checksum that the server gave it.
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
    /// Put no evidence of this check into the repository
    #[arg(long)]
    no_evidence: bool,
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
    logs: u64,
    findings: usize,
    evidence: Option<String>,
}

/// The results of checking a repository, and the logs in it.
#[derive(Debug, Default)]
pub struct Verified {
    /// The objects, and the data that snapshots need.
    pub report: VerifyReport,
    /// The binary logs.
    pub logs: LogReport,
    /// The id of the evidence that was put.
    pub evidence: Option<LeaseId>,
}

impl Verified {
    fn findings(&self) -> usize {
        self.report.findings.len() + self.logs.findings.len()
    }
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
    let (started, clock) = (machine::now(), Instant::now());
    let mut snapshot = None;
    let mut verified = match &args.snapshot {
        None => {
            let report = verify(&repo, &options, context.ui)?;
            let depth = if depth == Depth::ReadData { LogDepth::Events } else { LogDepth::Records };
            let logs = match repo.sync_catalog(context.ui).and_then(|_| check_logs(&repo, depth, context.ui)) {
                // The report names the damage that prevents it.
                Err(error) if error.is_damage() && !report.findings.is_empty() => {
                    context.ui.warn(format_args!("the binary logs were not checked: {}", chain(&error)));
                    LogReport::default()
                }
                checked => checked?,
            };
            Verified { report, logs, evidence: None }
        }
        Some(snap) => {
            let id = context.select(&repo, snap)?.id;
            let report = verify_snapshot(&repo, id, &options, context.ui)?;
            snapshot = repo.manifests()?.present.iter().find(|known| known.id == id).map(RememberedManifest::reference);
            Verified { report, logs: LogReport::default(), evidence: None }
        }
    };
    if !args.no_evidence {
        let milliseconds = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        let log_faults = verified.logs.findings.iter().map(|found| format!("log {}: {}", found.log, found.message));
        let logs = verified.logs.logs;
        let run = VerifyRun { started, milliseconds, snapshot, logs, log_faults: log_faults.collect() };
        verified.evidence = put_evidence(&repo, &verified.report, run, context);
    }
    let exit = if verified.findings() == 0 { Exit::Done } else { Exit::Damage };
    after_printing(exit, print(context.ui, &verified))
}

/// Puts evidence of the check. Returns its id; says so if there can be none. That changes nothing about the result.
fn put_evidence(repo: &Repository, report: &VerifyReport, run: VerifyRun, context: &Context<'_>) -> Option<LeaseId> {
    match record(repo, report, run, &author(), context.ui) {
        Ok(Recorded::Put(object)) => Some(object.manifest.id),
        Ok(Recorded::Known) => None,
        Err(error) => {
            let why = chain(&error);
            context.ui.note(&format!(
                "the check left no evidence in the repository, so only this machine remembers what it read: {why}"
            ));
            None
        }
    }
}

/// Prints notes, findings and what was checked.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(ui: &Ui, verified: &Verified) -> Result<()> {
    let (report, logs) = (&verified.report, &verified.logs);
    if !ui.is_quiet() {
        report.notes.iter().for_each(|note| ui.warn(note));
    }
    report.findings.iter().try_for_each(|finding| print_finding(ui, finding))?;
    logs.findings.iter().try_for_each(|finding| print_log_finding(ui, finding))?;
    if ui.is_json() {
        return ui.message(
            "summary",
            Summary {
                snapshots: report.snapshots,
                snapshots_with_problems: report.with_problems,
                packs: report.packs,
                chunks: report.chunks,
                read_bytes: report.read_bytes,
                logs: logs.logs,
                findings: verified.findings(),
                evidence: verified.evidence.map(|id| id.to_string()),
            },
        );
    }
    if ui.is_quiet() {
        return Ok(());
    }
    if report.with_problems > 0 {
        let made = format::counted(report.with_problems, "snapshot");
        ui.prose(format_args!(
            "{made} made with problems: files that could not be read then are missing there, which is not damage"
        ))?;
    }
    let checked = [(report.snapshots, "snapshot"), (report.packs, "pack"), (report.chunks, "chunk")];
    let logs = (logs.logs > 0).then_some((logs.logs, "log"));
    let checked = checked.into_iter().chain(logs).map(|(number, noun)| format::counted(number, noun));
    let checked = checked.collect::<Vec<_>>().join(", ");
    let read =
        if report.read_bytes > 0 { format!(", {} read", format::bytes(report.read_bytes)) } else { String::new() };
    let verdict = match verified.findings() {
        0 => ui.state(Tone::Good, "no damage"),
        n => ui.state(Tone::Bad, &format!("DAMAGE: {}", format::counted(n as u64, "finding"))),
    };
    ui.prose(format_args!("checked {checked}{read}: {verdict}"))?;
    let is_about_the_past =
        |finding: &Finding| matches!(finding.kind, FindingKind::RolledBack | FindingKind::MissingSnapshot);
    if report.findings.iter().any(is_about_the_past) {
        ui.note(HOW);
    }
    Ok(())
}

/// Prints what is wrong with a log, and what cannot be restored because of it.
fn print_log_finding(ui: &Ui, finding: &LogFinding) -> Result<()> {
    let since = match finding.since {
        Some(since) => format!("no moment from {} to the next snapshot", shown(since)),
        None => "no moment in it, or between it and the next snapshot,".to_owned(),
    };
    let of = match &finding.address[..] {
        [] => String::new(),
        address => format!(" of {}", format::path(address)),
    };
    let object = format!("log {}", finding.log);
    let message = format!("{}; {since}{of} can be restored", finding.message);
    if ui.is_json() {
        let kind = "broken-log".to_owned();
        return ui
            .message("finding", FindingMessage { object: &object, kind, message: &message, affected: Vec::new() });
    }
    ui.prose(format_args!("broken-log: {object}: {message}"))
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
    ui.prose(format_args!("{kind}: {}: {}", finding.object, finding.message))?;
    let shown = if ui.is_verbose() { usize::MAX } else { AFFECTED_SHOWN };
    for (id, path) in finding.affected.iter().take(shown) {
        ui.line(format_args!("    affects {} in snapshot {}", format::path_or_all(path), format::short(id)))?;
    }
    match finding.affected.len().saturating_sub(shown) {
        0 => Ok(()),
        more => ui.line(format_args!("    and {} more", format::count(more as u64))),
    }
}

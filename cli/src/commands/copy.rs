//! `enamel copy`: snapshots into another repository.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::copy::{
    Checked, CopiedManifest, CopyOptions, CopyOutcome, Recorded, RootChoice, SourceManifest, What, copy, record,
};
use engine::error::chain;
use engine::repository::{Exclusive, Repository};
use engine::session::WriterOptions;
use engine::upkeep::verify::{Depth, Part, VerifyOptions, verify};
use engine::{ErrorKind, Result};
use repo_format::config::Access;
use repo_format::evidence::{EvidenceKind, EvidenceResult};
use repo_format::manifest::ManifestKind;
use serde::Serialize;

use crate::commands::accept::author;
use crate::commands::evidence::Deed;
use crate::commands::init::New;
use crate::context::Context;
use crate::effect::Effect;
use crate::environment::TO_PASSWORD;
use crate::exit::{Exit, after_printing};
use crate::settings::{Other, OtherNames, OtherSecret, Storage};
use crate::size::parse_part;
use crate::snap::Snap;
use crate::strength::{Strength, WeakArg};
use crate::ui::{Ui, format};
use crate::writer;

/// The word for all databases.
const DATABASE: &str = "database";

/// Copy snapshots into another repository.
///
/// The other repository is a second copy at another place: a disk that is carried away, or object storage. It has its
/// own password or key file, and everything in it is sealed with its own secrets: neither key opens the other
/// repository. Make it with --init, or with `enamel init --like`.
///
/// Enamel opens and checks every chunk that it copies, and never copies what is there already. A snapshot that needs
/// something that is damaged or missing is not copied; it is named, and the others go on. After an interruption the next
/// run goes on with what has arrived.
///
/// With --all and --new, receipts of purges and binary logs go along, because a purged row and a moment between two
/// snapshots are nowhere else. --new leaves out what is older than the newest copy of the same sources: what the other
/// repository has forgotten does not come back.
///
/// The other repository need not have been made by --init: in any repository the data gets new ids. Then the first copy
/// reads everything that it copies, and nothing is shared with what was saved there already.
///
/// This repository is only read, and its snapshots are not locked. If somebody forgets a snapshot while it is copied, and
/// prunes, it is named and not copied. --no-record writes nothing at all there.
///
/// Afterwards Enamel reads back what it has copied: the lists of the new snapshots, and one in a hundred of the new packs,
/// at least 16. --read-data=5% also reads that part of the whole other repository, as `enamel verify` does, so that a run
/// every week reads all of it in 20 weeks. A record in this repository then says where the second copy is and when it
/// was found whole; `enamel status` shows it.
///
/// With --only, snapshots lose the other folders and databases in the copy. Every command that reads them says so.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel copy --new --to /mnt/usb/practice --to-key-file usb.key --init
  enamel copy --new --to /mnt/usb/practice --to-key-file usb.key
  enamel copy --new --only database --to s3://practice-copy/office \\
      --to-key-file copy.key
  enamel copy latest --to /mnt/usb/practice --to-key-file usb.key --dry-run

Exit status: 0 done; 3 done, but a snapshot could not be copied or read; 4 what was copied is not there as it should be; 1 failed, 2 usage, 10 there is no repository in one \
            of the places, 11 another run took over in the other repository, 12 wrong password, 130 interrupted: whole \
            copies stay")]
pub struct CopyArgs {
    /// The snapshots to copy
    #[arg(value_name = "SNAP", value_parser = OsStringValueParser::new().try_map(Snap::parse_whole))]
    #[arg(required_unless_present_any = ["all", "new"], conflicts_with_all = ["all", "new"])]
    snaps: Vec<Snap>,
    /// Copy everything that the other repository lacks
    #[arg(long, conflicts_with = "new")]
    all: bool,
    /// Copy everything that the other repository lacks and that is newer than what it has of the same sources
    #[arg(long)]
    new: bool,
    /// The other repository: a folder, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "REPO")]
    to: PathBuf,
    /// Unlock it with this key file [or ENAMEL_TO_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    to_key_file: Option<PathBuf>,
    /// Unlock it with the password in the first line of this file [or ENAMEL_TO_PASSWORD: the password itself]
    #[arg(long, value_name = "FILE")]
    to_password_file: Option<PathBuf>,
    /// Unlock it with the password that this shell command prints
    #[arg(long, value_name = "COMMAND")]
    to_password_command: Option<String>,
    /// Only these parts of each snapshot: `database` for all databases, or the path of a folder that was saved
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<OsString>,
    /// Make the other repository if it is not there
    #[arg(long)]
    init: bool,
    #[command(flatten)]
    weak: WeakArg,
    /// Then also read this part of all data in the other repository: 5%, or a size such as 10G
    #[arg(long, value_name = "PART", value_parser = parse_part, conflicts_with = "dry_run")]
    read_data: Option<Part>,
    /// Put no record of the copy into this repository, for one that is mounted read-only
    #[arg(long)]
    no_record: bool,
    /// Only say what would be copied, and how much
    #[arg(long, short = 'n', conflicts_with = "init")]
    dry_run: bool,
}

const TO_NAMES: OtherNames = OtherNames {
    place: "--to",
    options: ["--to-key-file", "--to-password-file", "--to-password-command"],
    variables: ["ENAMEL_TO_KEY_FILE", TO_PASSWORD],
    storage: Storage::Copy,
};

impl CopyArgs {
    fn other(&self) -> Result<Other> {
        let secret = OtherSecret {
            key_file: self.to_key_file.clone(),
            password_file: self.to_password_file.clone(),
            password_command: self.to_password_command.clone(),
        };
        Other::new(&self.to, secret, &TO_NAMES)
    }

    fn what(&self, context: &Context<'_>, source: &Repository) -> Result<What> {
        Ok(match (self.all, self.new) {
            (true, _) => What::All,
            (_, true) => What::New,
            _ => {
                What::Named(self.snaps.iter().map(|snap| Ok(context.select(source, snap)?.id)).collect::<Result<_>>()?)
            }
        })
    }

    fn only(&self) -> Vec<RootChoice> {
        let choice = |part: &OsString| match part.as_bytes() {
            part if part == DATABASE.as_bytes() => RootChoice::Databases,
            path => RootChoice::Path(path.to_vec()),
        };
        self.only.iter().map(choice).collect()
    }
}

/// Copies.
///
/// # Errors
/// A repository cannot be opened, or the copy cannot be written.
pub fn run(args: &CopyArgs, context: &Context<'_>) -> Result<Exit> {
    let effect = Effect::of(args.dry_run);
    let other = args.other()?;
    context.refuse_overlap(&other.place, other.storage)?;
    // A record is put there when the copy is whole.
    let only_reads = effect.is_dry() || args.no_record;
    let source = context.open(if only_reads { Access::Read } else { Access::Write })?;
    let target = target(args, &other, context, &source)?;
    let what = args.what(context, &source)?;
    let options =
        CopyOptions { only: args.only(), writer: WriterOptions { dry_run: effect.is_dry(), ..writer::own() } };
    let outcome = copy(&source, &target, &what, &options, context.ui)?;
    let mut is_whole = tell_troubles(&outcome, context) == Exit::Done;
    if is_whole && !effect.is_dry() {
        is_whole = read_and_record(args, context, &source, &target)?;
    }
    let printed =
        if context.ui.is_json() { message(context.ui, &outcome) } else { print(context.ui, &outcome, effect) };
    after_printing(if is_whole { Exit::Done } else { Exit::Damage }, printed)
}

/// Names everything that was not copied, or is not as it should be in the other repository. Returns [`Exit::Damage`] for the
/// latter.
pub fn tell_troubles(outcome: &CopyOutcome, context: &Context<'_>) -> Exit {
    for failed in &outcome.failed {
        let why = chain(&failed.error);
        context.tell_incomplete(format_args!("{} was not copied: {why}", named(&failed.source)));
    }
    for (id, error) in &outcome.unreadable {
        context.tell_incomplete(format_args!("{} cannot be read, and was not copied: {error}", format::short(id)));
    }
    for finding in &outcome.check.findings {
        context.ui.warn(format_args!("{finding}"));
    }
    if outcome.check.findings.is_empty() { Exit::Done } else { Exit::Damage }
}

/// Reads the part of the other repository that was asked for, and records in this one that it was found whole. Returns
/// whether it was.
fn read_and_record(args: &CopyArgs, context: &Context<'_>, source: &Repository, target: &Repository) -> Result<bool> {
    let mut checked = Checked::ReadBack;
    if let Some(part) = args.read_data {
        let report = verify(target, &VerifyOptions { depth: Depth::ReadPart(part) }, context.ui)?;
        for finding in &report.findings {
            context.ui.warn(format_args!("{}: {}", finding.object, finding.message));
        }
        if !report.findings.is_empty() {
            leave_damage(source, target, report.findings.iter().map(|found| found.message.clone()), context);
            return Ok(false);
        }
        checked = Checked::Data(match part {
            Part::Percent(percent) => Some(percent),
            Part::Bytes(_) => None,
        });
    }
    let only = args.only.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if !args.no_record {
        note(source, target, &Recorded { only, checked }, context);
    }
    Ok(true)
}

/// Leaves evidence in the source that the other repository is damaged.
pub fn leave_damage(
    source: &Repository,
    target: &Repository,
    findings: impl Iterator<Item = String>,
    context: &Context<'_>,
) {
    let deed = Deed::new(EvidenceKind::CopyReadBack, "copy read back", format!("{} is damaged", target.location()));
    let result = EvidenceResult::Failed;
    Deed { result, notes: findings.collect(), copy: Some(target.id()), ..deed }.leave(source, context);
}

/// Records in the source that the other repository has whole copies.
pub fn note(source: &Repository, target: &Repository, recorded: &Recorded, context: &Context<'_>) {
    if let Checked::Data(percent) = recorded.checked {
        let share = percent.map_or_else(String::new, |percent| format!(" ({percent} %)"));
        let text = format!("packs of {} were read{share}", target.location());
        Deed { copy: Some(target.id()), ..Deed::new(EvidenceKind::CopyReadBack, "copy read back", text) }
            .leave(source, context);
    }
    if let Err(error) = record(source, target, recorded, &author()) {
        let why = chain(&error);
        context.tell_incomplete(format_args!(
            "the copy is whole, but no record of it could be put into this repository, so `enamel status` does not show it: {why}"
        ));
    }
}

/// Opens the other repository, or makes it if that was asked for.
fn target(args: &CopyArgs, other: &Other, context: &Context<'_>, source: &Repository) -> Result<Repository> {
    let access = if args.dry_run { Access::Read } else { Access::Write };
    match context.open_other(other, access) {
        Err(error) if error.kind() == ErrorKind::NoRepository && args.init => {
            let new = New {
                place: &other.place,
                secret: &other.secret,
                strength: Strength::of(args.weak),
                label: None,
                like: Some(source),
                storage: other.storage,
                exclusive: Exclusive::IfNeeded,
            };
            let id = new.make(context)?;
            context.ui.say(format_args!("made the repository {} in {}", format::short(id), other.place));
            context.open_other(other, access)
        }
        Err(error) if error.kind() == ErrorKind::NoRepository => {
            Err(error.with_hint("--init makes it, as does `enamel init --like`."))
        }
        opened => opened,
    }
}

fn named(source: &SourceManifest) -> String {
    let what = match source.kind {
        ManifestKind::Receipt => "receipt",
        ManifestKind::Log => "log",
        ManifestKind::Evidence => "evidence",
        _ => "snapshot",
    };
    format!("the {what} {} of {}", format::short(source.id), format::time(source.time))
}

fn print(ui: &Ui, outcome: &CopyOutcome, effect: Effect) -> Result<()> {
    if ui.is_quiet() {
        return Ok(());
    }
    for copied in &outcome.copied {
        ui.prose(copied_line(copied, effect))?;
    }
    if outcome.copied.is_empty() && outcome.failed.is_empty() {
        ui.prose("everything that was chosen is in the other repository")?;
    }
    let (present, without, older) = (outcome.present.len() as u64, outcome.without_roots.len() as u64, outcome.older);
    let check = &outcome.check;
    if check.manifests > 0 && check.findings.is_empty() {
        let (nodes, packs) = (format::counted(check.nodes, "list"), format::counted(check.packs, "pack"));
        ui.prose(format_args!(
            "read back: {nodes}, {packs} of {}: all is as it should be",
            format::bytes(check.read_bytes)
        ))?;
    }
    if present > 0 {
        ui.line(format_args!("there already: {}", format::count(present)))?;
    }
    if without > 0 {
        ui.line(format_args!("without any chosen part: {}", format::count(without)))?;
    }
    if older > 0 {
        ui.prose(format_args!(
            "{} older than the newest copy, and not there: --all copies them",
            format::count(older)
        ))?;
    }
    Ok(())
}

fn copied_line(copied: &CopiedManifest, effect: Effect) -> String {
    let new = format::bytes(copied.stored_bytes);
    let left_out = match copied.left_out.len() {
        0 => String::new(),
        _ => {
            let names: Vec<_> = copied.left_out.iter().map(|name| format::path(name)).collect();
            format!(", without {}", names.join(", "))
        }
    };
    match (copied.id, effect) {
        (Some(id), _) => format!("copied {} as {}: {new} stored{left_out}", named(&copied.source), format::short(id)),
        _ => format!("would copy {}: {new}{left_out}", named(&copied.source)),
    }
}

#[derive(Serialize)]
struct CopiedMessage {
    kind: &'static str,
    source: String,
    time: String,
    copy: Option<String>,
    left_out: Vec<String>,
    new_chunks: u64,
    new_bytes: u64,
    stored_bytes: u64,
}

#[derive(Serialize)]
struct FailedMessage {
    source: String,
    time: String,
    message: String,
}

#[derive(Serialize)]
struct Summary {
    copied: usize,
    failed: usize,
    present: usize,
    without_chosen_parts: usize,
    older: u64,
    unreadable: usize,
    stored_bytes: u64,
    read_back_packs: u64,
    read_back_bytes: u64,
    findings: usize,
}

fn message(ui: &Ui, outcome: &CopyOutcome) -> Result<()> {
    for copied in &outcome.copied {
        let body = CopiedMessage {
            kind: copied.source.kind.name(),
            source: copied.source.id.to_string(),
            time: format::rfc3339(copied.source.time),
            copy: copied.id.map(|id| id.to_string()),
            left_out: copied.left_out.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect(),
            new_chunks: copied.new_chunks,
            new_bytes: copied.new_bytes,
            stored_bytes: copied.stored_bytes,
        };
        ui.message("copied", body)?;
    }
    for failed in &outcome.failed {
        let (source, time) = (failed.source.id.to_string(), format::rfc3339(failed.source.time));
        ui.message("not_copied", FailedMessage { source, time, message: chain(&failed.error) })?;
    }
    let summary = Summary {
        copied: outcome.copied.len(),
        failed: outcome.failed.len(),
        present: outcome.present.len(),
        without_chosen_parts: outcome.without_roots.len(),
        older: outcome.older,
        unreadable: outcome.unreadable.len(),
        stored_bytes: outcome.copied.iter().map(|copied| copied.stored_bytes).sum(),
        read_back_packs: outcome.check.packs,
        read_back_bytes: outcome.check.read_bytes,
        findings: outcome.check.findings.len(),
    };
    ui.message("summary", summary)
}

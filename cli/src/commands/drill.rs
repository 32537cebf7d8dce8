//! `enamel drill`: a snapshot, restored on trial and examined.

pub mod certificate;
mod list;
mod show;
pub mod words;

use std::path::PathBuf;
use std::time::Instant;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Subcommand};
use engine::drill::{Afterwards, DrillOptions, Sampling, drill};
use engine::error::chain;
use engine::evidence::{self, Piece};
use engine::machine;
use engine::repository::Repository;
use engine::scratch::ScratchOptions;
use engine::snapshots::Snapshot;
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use repo_format::entry::Time;
use repo_format::evidence::{Evidence, EvidenceKind, EvidenceResult, EvidenceStep};
use repo_format::id::LeaseId;
use repo_format::manifest::SeenManifest;
use serde::Serialize;

use crate::commands::accept::author;
use crate::commands::supplemental::Office;
use crate::context::Context;
use crate::database::ServerArgs;
use crate::environment::{FROM_PASSWORD, program_folders};
use crate::exit::{Exit, after_printing};
use crate::settings::{Other, OtherNames, OtherSecret, Storage};
use crate::snap::Snap;
use crate::ui::{Ui, format};

pub use list::tell_unreadable;
pub use show::choose as choose_evidence;

/// The word for the supplemental copy.
pub const SUPPLEMENTAL: &str = "supplemental";

/// A drill that cannot be carried out for the same reason leaves evidence once in so many seconds.
const SAME_FOR: i64 = 20 * 3600;

/// Restore a snapshot on trial, examine it, and keep proof.
///
/// Enamel starts a database server of its own from the program that is installed, without network, and restores the
/// database of the snapshot into it. It compares every row with the snapshot, lets the server check every table, counts the
/// rows, and tries views and routines. If it knows the application, it also examines the settings, computes the hashes of
/// logs again, and looks for the files that rows name.
///
/// It restores a sample of the files, from each kind and year, compares them with the snapshot, and opens the pictures
/// among them. The sample is another one each time. From the times it says how long it would take to bring everything back.
///
/// Nothing that was restored stays, also after a drill that was killed: the next one removes it. The result is evidence in
/// the repository, which no retention touches; `enamel drill certificate` prints it.
///
/// A difference between the snapshot and the restored copy is a fault, and the exit status is 4. Faults that the snapshot
/// has because its source had them, such as a row whose file somebody had deleted, are notes: the exit status is 3.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples
  enamel drill
  enamel drill latest --sample 1000
  enamel drill --from s3://practice-copy/office --from-key-file copy.key
  enamel drill --from supplemental
  enamel drill list
  enamel drill certificate --html > restore-tests.html

Exit status: 0 passed; 3 passed with notes, or a step was left out: they are named; 4 failed by damage or a difference; \
            1 not carried out, 2 usage, 10 no repository, 11 another drill uses the server, 12 wrong password, \
            130 interrupted")]
pub struct DrillArgs {
    #[command(subcommand)]
    action: Option<Action>,
    /// The snapshot [default: latest]
    #[arg(value_name = "SNAP", value_parser = OsStringValueParser::new().try_map(Snap::parse_whole))]
    snap: Option<Snap>,
    /// Restore from this copy of the repository, a folder, s3://BUCKET/PATH, or the word `supplemental` for the supplemental
    /// copy of enamel.toml; the evidence is put into the repository
    #[arg(long, value_name = "REPO")]
    from: Option<PathBuf>,
    /// Unlock it with this key file [or ENAMEL_FROM_KEY_FILE]
    #[arg(long, value_name = "FILE", requires = "from")]
    from_key_file: Option<PathBuf>,
    /// Unlock it with the password in the first line of this file [or ENAMEL_FROM_PASSWORD: the password itself]
    #[arg(long, value_name = "FILE", requires = "from")]
    from_password_file: Option<PathBuf>,
    /// Unlock it with the password that this shell command prints
    #[arg(long, value_name = "COMMAND", requires = "from")]
    from_password_command: Option<String>,
    /// Use this server in place of one of Enamel's own; schemas get names of their own and are dropped
    #[arg(long, value_name = "URL")]
    into: Option<String>,
    /// Leave the restored schemas on that server; the next drill there drops them
    #[arg(long, requires = "into")]
    keep: bool,
    /// Restore and look at about so many files
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    sample: u64,
    /// Restore and look at all files
    #[arg(long, conflicts_with = "sample")]
    all_images: bool,
    /// The program of the server [default: an installed one of the same kind, of the same series or newer]
    #[arg(long, value_name = "FILE")]
    server_program: Option<PathBuf>,
    /// The folder for the server and for restored files [default: /var/tmp]
    #[arg(long, value_name = "DIR")]
    scratch_folder: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Certificate(certificate::CertificateArgs),
}

const FROM_NAMES: OtherNames = OtherNames {
    place: "--from",
    options: ["--from-key-file", "--from-password-file", "--from-password-command"],
    variables: ["ENAMEL_FROM_KEY_FILE", FROM_PASSWORD],
    storage: Storage::Copy,
};

#[derive(Serialize)]
struct StepMessage<'s> {
    name: &'s str,
    result: &'static str,
    milliseconds: u64,
    figures: Vec<FigureMessage<'s>>,
    text: Option<&'s str>,
}

#[derive(Serialize)]
struct FigureMessage<'s> {
    name: &'s str,
    value: u64,
}

#[derive(Serialize)]
struct NoteMessage<'n> {
    step: &'n str,
    kind: &'static str,
    text: &'n str,
}

#[derive(Serialize)]
struct Summary {
    snapshot: String,
    result: &'static str,
    faults: u64,
    notes: u64,
    milliseconds: u64,
    evidence: Option<String>,
}

/// Drills, or shows what drills have found.
///
/// # Errors
/// The drill could not be carried out.
pub fn run(args: &DrillArgs, context: &Context<'_>) -> Result<Exit> {
    match &args.action {
        Some(Action::List(args)) => list::run(args, context),
        Some(Action::Show(args)) => show::run(args, context),
        Some(Action::Certificate(args)) => certificate::run(args, context),
        None => carry_out(args, context),
    }
}

/// A drill that is under way.
struct Begun<'b> {
    repo: &'b Repository,
    time: Time,
    about: SeenManifest,
    copy: Option<repo_format::id::RepositoryId>,
}

fn carry_out(args: &DrillArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    let copy = args.copy(context)?;
    let source = copy.as_ref().unwrap_or(&repo);
    let latest = || Snap::parse_whole("latest".into()).map_err(|why| Error::new(ErrorKind::Usage, why));
    let snap = args.snap.clone().map_or_else(latest, Ok)?;
    let snapshot = context.select(source, &snap)?;
    context.tell_what_is_missing(source, &snapshot, &[]);
    let options = args.options(context)?;
    let about = about(&repo, source, &snapshot)?;
    let begun = Begun { repo: &repo, time: machine::now(), about, copy: copy.as_ref().map(Repository::id) };
    let clock = Instant::now();
    let drilled = match drill(source, &snapshot, &options, context.ui) {
        Ok(drilled) => drilled,
        Err(error) => {
            let milliseconds = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
            begun.tell_failure(&error, milliseconds, context);
            return Err(error);
        }
    };
    let put = begun.put(drilled.clone(), context);
    let exit = match drilled.result {
        EvidenceResult::Passed => Exit::Done,
        EvidenceResult::Failed => Exit::Damage,
        _ => Exit::Incomplete,
    };
    after_printing(exit, print(context.ui, &snapshot, &drilled, put))
}

/// The snapshot as this repository knows it: a copy is about its original.
fn about(repo: &Repository, source: &Repository, snapshot: &Snapshot) -> Result<SeenManifest> {
    match &snapshot.manifest.origin {
        Some(origin) if origin.repository == repo.id() => Ok(SeenManifest { id: origin.id, digest: origin.digest }),
        _ => {
            let present = source.manifests()?.present;
            let known = present.iter().find(|known| known.id == snapshot.id);
            let gone = || Error::new(ErrorKind::NotFound, format!("snapshot {} was forgotten meanwhile", snapshot.id));
            known.map(engine::memory::RememberedManifest::reference).ok_or_else(gone)
        }
    }
}

impl DrillArgs {
    /// The copy to restore from, opened.
    fn copy(&self, context: &Context<'_>) -> Result<Option<Repository>> {
        if self.from.as_deref().is_some_and(|from| from.as_os_str() == SUPPLEMENTAL) {
            return Office::of(context)?.open(context, Access::Read).map(Some);
        }
        self.other()?.map(|other| context.open_other(&other, Access::Read)).transpose()
    }

    fn other(&self) -> Result<Option<Other>> {
        let secret = OtherSecret {
            key_file: self.from_key_file.clone(),
            password_file: self.from_password_file.clone(),
            password_command: self.from_password_command.clone(),
        };
        self.from.as_ref().map(|place| Other::new(place, secret, &FROM_NAMES)).transpose()
    }

    fn options(&self, context: &Context<'_>) -> Result<DrillOptions> {
        if self.into.is_none() && !self.server.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "an option needs a server, and no server is named: use --into")
                .with_hint("Leave its options out, and the drill starts a server of its own."));
        }
        let scratch = ScratchOptions {
            program: self.server_program.clone(),
            search: program_folders(),
            parent: self.scratch_folder.clone(),
            data_bytes: 0,
        };
        let into = self.into.as_ref().map(|url| self.server.address(url, context)).transpose()?;
        let afterwards = if self.keep { Afterwards::Keep } else { Afterwards::Drop };
        let sampling = if self.all_images { Sampling::All } else { Sampling::About(self.sample) };
        Ok(DrillOptions { scratch, into, afterwards, sampling, seed: None })
    }
}

impl Begun<'_> {
    /// Puts the evidence. Without it the drill proves nothing later, so that is told.
    fn put(&self, drilled: Evidence, context: &Context<'_>) -> Option<LeaseId> {
        let evidence = Evidence { snapshot: Some(self.about), copy: self.copy, ..drilled };
        match evidence::put(self.repo, &author(), self.time, evidence) {
            Ok(object) => Some(object.manifest.id),
            Err(error) => {
                context.tell_incomplete(format_args!("no evidence of the drill could be put: {}", chain(&error)));
                None
            }
        }
    }

    /// Leaves evidence of a drill that could not be carried out, unless there is some that says the same.
    fn tell_failure(&self, error: &Error, milliseconds: u64, context: &Context<'_>) {
        if error.kind() == ErrorKind::Cancelled {
            return;
        }
        let why = chain(error);
        let says_so = |piece: &Piece| {
            let age = self.time.seconds.saturating_sub(piece.time.seconds);
            let step = piece.evidence.steps.first().and_then(|step| step.text.as_deref());
            age < SAME_FOR && piece.evidence.result == EvidenceResult::NotDone && step == Some(&why)
        };
        let newest = evidence::list(self.repo);
        if newest.is_ok_and(|pieces| pieces.of_kind(EvidenceKind::Drill).next().is_some_and(says_so)) {
            return;
        }
        let step = EvidenceStep {
            name: "drill".to_owned(),
            result: EvidenceResult::NotDone,
            milliseconds,
            figures: Vec::new(),
            text: Some(why),
        };
        let place = self.repo.location();
        let result = EvidenceResult::NotDone;
        self.put(
            Evidence { place, milliseconds, steps: vec![step], ..Evidence::new(EvidenceKind::Drill, result) },
            context,
        );
    }
}

fn print(ui: &Ui, snapshot: &Snapshot, drilled: &Evidence, put: Option<LeaseId>) -> Result<()> {
    let (faults, notes) = words::counts(drilled);
    if ui.is_json() {
        print_json(ui, drilled)?;
        let summary = Summary {
            snapshot: snapshot.id.to_string(),
            result: drilled.result.name(),
            faults,
            notes,
            milliseconds: drilled.milliseconds,
            evidence: put.map(|id| id.to_string()),
        };
        return ui.message("summary", summary);
    }
    words::lines(drilled).iter().try_for_each(|line| ui.prose(line))?;
    if ui.is_quiet() {
        return Ok(());
    }
    let evidence = put.map_or_else(String::new, |id| format!(", evidence {}", format::short(id)));
    ui.prose(format_args!(
        "drill of snapshot {}: {}{evidence}",
        format::short(snapshot.id),
        words::verdict(drilled.result, faults, notes)
    ))
}

fn print_json(ui: &Ui, drilled: &Evidence) -> Result<()> {
    for step in &drilled.steps {
        let figures = step.figures.iter().map(|figure| FigureMessage { name: &figure.name, value: figure.value });
        let (result, text) = (step.result.name(), step.text.as_deref());
        let (name, milliseconds) = (step.name.as_str(), step.milliseconds);
        ui.message("step", StepMessage { name, result, milliseconds, figures: figures.collect(), text })?;
    }
    for note in &drilled.notes {
        let step = words::step_of(drilled, note);
        ui.message("note", NoteMessage { step, kind: note.kind.name(), text: &note.text })?;
    }
    Ok(())
}

//! `enamel demo`: a small practice, three hours of work, backup, restore, and the proof.

mod compare;
mod practice;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use engine::files::backup::{BackupOptions, BackupOutcome, Source};
use engine::files::restore::{Owners, RestoreOptions};
use engine::repository::{InitOptions, OpenOptions, Repository};
use engine::snapshots::Selector;
use engine::store::LocalStore;
use engine::upkeep::verify::{Depth, VerifyOptions};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use serde::Serialize;

use crate::commands::verify::Verified;
use crate::commands::{backup, init, verify};
use crate::environment;
use crate::exit::{Exit, after_printing};
use crate::settings::SecretSource;
use crate::stores::open_store;
use crate::strength::Strength;
use crate::ui::{Ui, format};
use practice::Practice;

/// Differences that are named; of the others only the number is told.
const DIFFERENCES_SHOWN: usize = 20;
const TAGS: [&str; 3] = ["hour-1", "hour-2", "hour-3"];
/// Files that changed less than two seconds before they are read count as changed the next time, too.
const REST: Duration = Duration::from_millis(2100);
/// The snapshot that is restored.
const MIDDLE: usize = 1;

/// A small practice, three hours of work, backup, restore, proof.
///
/// Creates a practice with about 24 MB of images and a database dump of 12 MB, and saves it three times with ordinary
/// work in between. Then it restores the second snapshot, compares it byte for byte with a copy kept of that hour, and
/// verifies the repository with all its data. Everything is in one folder, which is kept for you to try things in. It
/// takes less than a minute.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel demo
  enamel demo --dir /tmp/try-enamel

Exit status: 0 what was restored is what was saved, 1 it is not, or something failed, 4 verify found damage, \
            130 interrupted")]
pub struct DemoArgs {
    /// Make everything in this folder, which must be new or empty [default: a new temporary folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Where the demo keeps its things.
struct Places {
    folder: PathBuf,
    practice: PathBuf,
    copy: PathBuf,
    repository: PathBuf,
    key: PathBuf,
    cache: PathBuf,
    restored: PathBuf,
}

#[derive(Serialize)]
struct HourMessage {
    hour: usize,
    snapshot: Option<String>,
    new_files: u64,
    changed_files: u64,
    unchanged_files: u64,
    read_bytes: u64,
    stored_bytes: u64,
    duration_ms: u64,
}

#[derive(Serialize)]
struct Summary {
    folder: String,
    compared_entries: u64,
    compared_bytes: u64,
    differences: usize,
    findings: usize,
}

/// Runs the demo.
///
/// # Errors
/// Something failed; a difference is no error but [`Exit::Failed`].
pub fn run(args: &DemoArgs, ui: &Ui) -> Result<Exit> {
    let places = Places::new(args.dir.as_deref())?;
    tell(ui, format_args!("The demo is in {}", places.folder.display()))?;
    let repo = places.init(ui)?;
    tell(
        ui,
        "Two seconds pass before each backup: what changed right before it was read\n\
         would be read again the next time.\n",
    )?;
    three_hours(&places, &repo, ui)?;
    restore_middle(&places, &repo, ui)?;
    let comparison = compare::compare(&places.copy, &places.restored)
        .map_err(|e| Error::io("cannot compare the restored folder with the saved one", e))?;
    let report = engine::upkeep::verify::verify(&repo, &VerifyOptions { depth: Depth::ReadData }, ui)?;
    let verified = Verified { report, ..Verified::default() };
    let exit = match (comparison.differences.is_empty(), verified.report.findings.is_empty()) {
        (false, _) => Exit::Failed,
        (true, false) => Exit::Damage,
        (true, true) => Exit::Done,
    };
    let printed = || {
        print_comparison(ui, &comparison)?;
        tell(ui, "Verified with all data, as `enamel verify --read-data` does:")?;
        verify::print(ui, &verified)?;
        if ui.is_json() {
            let summary = Summary {
                folder: places.folder.display().to_string(),
                compared_entries: comparison.entries,
                compared_bytes: comparison.bytes,
                differences: comparison.differences.len(),
                findings: verified.report.findings.len(),
            };
            return ui.message("summary", summary);
        }
        tell(ui, places.next_steps())
    };
    after_printing(exit, printed())
}

impl Places {
    fn new(folder: Option<&Path>) -> Result<Self> {
        let folder = match folder {
            Some(folder) => empty_folder(folder)?,
            None => tempfile::Builder::new()
                .prefix("enamel-demo-")
                .tempdir()
                .map_err(|e| Error::io("cannot make a temporary folder", e))?
                .keep(),
        };
        let place = |name: &str| folder.join(name);
        let places = Places {
            practice: place("practice"),
            copy: place("practice-in-hour-2"),
            repository: place("repository"),
            key: place("demo.key"),
            cache: place("cache"),
            restored: place("restored"),
            folder,
        };
        for folder in [&places.practice, &places.copy] {
            fs::create_dir(folder).map_err(|e| Error::io(format!("cannot make {}", folder.display()), e))?;
        }
        Ok(places)
    }

    fn init(&self, ui: &Ui) -> Result<Repository> {
        let credential = SecretSource::KeyFile(self.key.clone()).new_credential(ui, Strength::Strong)?;
        let store = LocalStore::create(&self.repository).map_err(Error::from)?;
        engine::repository::init(&store, &credential, &InitOptions { label: "demo".into(), ..InitOptions::default() })?;
        let options = OpenOptions::new(self.cache.clone(), Access::Write);
        Repository::open(open_store(&self.repository)?, &credential, &options, ui)
    }

    fn next_steps(&self) -> String {
        let quoted = |path: &Path| shell_quoted(&path.display().to_string());
        let enamel = match std::env::current_exe() {
            Ok(program) if !environment::is_on_path(&program) => format!("  alias enamel={}\n", quoted(&program)),
            _ => String::new(),
        };
        format!(
            "\nEverything is still there. To try things in it:\n\n\
             {enamel}  \
             export ENAMEL_REPO={}\n  \
             export ENAMEL_KEY_FILE={}\n  \
             export ENAMEL_CACHE_DIR={}\n  \
             export ENAMEL_STATE_DIR={}\n\n  \
             enamel snapshots\n  \
             enamel diff latest:hour-1 latest\n  \
             enamel find letter.txt\n  \
             enamel restore latest:hour-1 --target {}\n\n\
             Delete {} when you are done.",
            quoted(&self.repository),
            quoted(&self.key),
            quoted(&self.cache),
            quoted(&self.cache),
            quoted(&self.folder.join("restored-again")),
            self.folder.display()
        )
    }
}

/// `text` as a shell takes it for one word.
fn shell_quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn empty_folder(folder: &Path) -> Result<PathBuf> {
    let what = || format!("cannot use the folder {}", folder.display());
    fs::create_dir_all(folder).map_err(|e| Error::io(what(), e))?;
    let folder = folder.canonicalize().map_err(|e| Error::io(what(), e))?;
    match fs::read_dir(&folder).map_err(|e| Error::io(what(), e))?.next() {
        None => Ok(folder),
        Some(_) => Err(Error::new(ErrorKind::Usage, format!("{}: it is not empty", what()))
            .with_hint("Name an empty folder, or one that is not there yet.")),
    }
}

fn three_hours(places: &Places, repo: &Repository, ui: &Ui) -> Result<()> {
    let io = |action: &'static str| move |e| Error::io(action, e);
    let practice = Practice::create(&places.practice).map_err(io("cannot make the practice"))?;
    for (hour, tag) in TAGS.into_iter().enumerate() {
        if hour > 0 {
            practice.work(hour as u64).map_err(io("cannot work in the practice"))?;
        }
        if hour == MIDDLE {
            for source in practice.sources() {
                let name = source.file_name().unwrap_or_default();
                compare::copy(&source, &places.copy.join(name)).map_err(io("cannot copy the practice"))?;
            }
        }
        rest(ui)?;
        let sources = practice.sources().map(Source::Path).into();
        let outcome = engine::files::backup::backup(repo, sources, &options(tag), ui)?;
        print_hour(ui, hour + 1, &outcome)?;
        if outcome.problem_count > 0 {
            ui.problems(&outcome.problems, outcome.problem_count)?;
            return Err(Error::new(ErrorKind::Io, "a part of the practice could not be saved"));
        }
    }
    Ok(())
}

/// Waits until the practice's files are old enough to be trusted.
fn rest(ui: &Ui) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < REST {
        if ui.is_interrupted() {
            return Err(Error::cancelled());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn options(tag: &str) -> BackupOptions {
    BackupOptions {
        tags: vec![tag.to_owned()],
        host: init::host_name(),
        user: environment::user_name(),
        program: environment::program(),
        ..BackupOptions::default()
    }
}

fn print_hour(ui: &Ui, hour: usize, outcome: &BackupOutcome) -> Result<()> {
    let s = &outcome.statistics;
    if ui.is_json() {
        let message = HourMessage {
            hour,
            snapshot: outcome.snapshot.map(|id| id.to_string()),
            new_files: s.new_files,
            changed_files: s.changed_files,
            unchanged_files: s.unchanged_files,
            read_bytes: s.read_bytes,
            stored_bytes: s.stored_bytes,
            duration_ms: s.milliseconds,
        };
        return ui.message("hour", message);
    }
    if ui.is_quiet() {
        return Ok(());
    }
    let work = match hour {
        1 => "a practice with images and a database dump",
        _ => "new images, a letter edited, rows of the dump added and changed",
    };
    ui.line(format_args!("Hour {hour}: {work}"))?;
    backup::print_summary(ui, outcome)?;
    ui.line("")
}

fn restore_middle(places: &Places, repo: &Repository, ui: &Ui) -> Result<()> {
    let selector = Selector::Latest { tag: Some(TAGS[MIDDLE].to_owned()), until: None };
    let snapshot = engine::snapshots::select(repo, &selector)?.snapshot;
    let options = RestoreOptions { owners: Owners::ByName, ..RestoreOptions::default() };
    let outcome = engine::files::restore::restore(repo, &snapshot, &places.restored, &options, &|_, _| {}, ui)?;
    ui.problems(&outcome.problems, outcome.problem_count)?;
    if ui.is_json() {
        return Ok(());
    }
    let (id, written) = (format::short(snapshot.id), format::bytes(outcome.written_bytes));
    tell(ui, format_args!("Restored hour 2, snapshot {id}, {written}, to\n  {}", places.restored.display()))
}

fn print_comparison(ui: &Ui, comparison: &compare::Comparison) -> Result<()> {
    let differences = &comparison.differences;
    for difference in differences.iter().take(DIFFERENCES_SHOWN) {
        ui.warn(format_args!("DIFFERENT: {difference}"));
    }
    let compared =
        format!("{} files and folders, {}", format::count(comparison.entries), format::bytes(comparison.bytes));
    let verdict = match differences.len() {
        0 => "every name, byte, mode and time is the same".to_owned(),
        n => format!("NOT THE SAME: {}", format::counted(n as u64, "difference")),
    };
    tell(ui, format_args!("Compared with the copy kept of that hour, {compared}:\n  {verdict}"))
}

/// Prints a line of the story; not in JSON, not when quiet.
fn tell(ui: &Ui, text: impl std::fmt::Display) -> Result<()> {
    if ui.is_json() || ui.is_quiet() { Ok(()) } else { ui.line(text) }
}

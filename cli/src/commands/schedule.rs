//! `enamel schedule`: the agent as a service of this computer.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::{Subcommand, ValueEnum};
use engine::error::chain;
use engine::monitor::Monitor;
use engine::{Error, ErrorKind, Result};
use jiff::tz::TimeZone;
use repo_format::config::Access;
use serde::Serialize;

use crate::agent::{RunRecord, Timetable, check_unattended, words_of};
use crate::context::Context;
use crate::exit::Exit;
use crate::installation::{Installation, Manager, Service, is_ours};
use crate::settings::Origin;
use crate::shell::program;
use crate::ui::{Align, Table, Ui};

/// Runs that `status` shows.
const RUNS_SHOWN: usize = 5;

/// Start the agent with the computer, and see what it does.
///
/// The agent (`enamel agent`) makes backups, copies and checks on schedule. `install` makes it a service of this
/// computer: of systemd or launchd, or a line of cron where there is no systemd. Everything that it needs must be in
/// enamel.toml. Run by root it serves the whole computer, otherwise you.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel schedule install --dry-run
  sudo enamel --config /etc/enamel/enamel.toml schedule install
  enamel schedule status

Exit status: 0 done; 3 status: the agent is not installed or not running; 1 failed, 2 usage, 10 no repository, \
            12 wrong password")]
pub struct ScheduleArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Install(InstallArgs),
    Status(StatusArgs),
    Remove(RemoveArgs),
}

/// The service that is meant.
#[derive(Debug, clap::Args)]
struct Place {
    /// A service of this user, also if you are root
    #[arg(long)]
    user: bool,
    /// The program that starts services [default: that of this computer]
    #[arg(long, value_name = "NAME")]
    manager: Option<ManagerArg>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ManagerArg {
    /// systemd of Linux
    Systemd,
    /// A line in /etc/cron.d
    Cron,
    /// launchd of macOS
    Launchd,
}

/// Start the agent now, and with the computer
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel schedule install

Exit status: 0 installed, and the agent has given a sign of life; 1 failed, 2 usage, 10 no repository, 12 wrong password")]
struct InstallArgs {
    #[command(flatten)]
    place: Place,
    /// Only print the files and commands
    #[arg(long)]
    dry_run: bool,
    /// Only write the files, below this folder, for a computer whose file system is there
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// Say when each job comes next, and how the last ones ended
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel schedule status

Exit status: 0 the agent is installed and running; 3 it is not; 1 failed, 2 usage, 10 no repository, 12 wrong password")]
struct StatusArgs {
    #[command(flatten)]
    place: Place,
}

/// Stop the agent, and remove its files
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel schedule remove

Exit status: 0 done, 1 failed, 2 usage")]
struct RemoveArgs {
    #[command(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct StatusMessage {
    manager: &'static str,
    installed: bool,
    running: Option<bool>,
    file: String,
    jobs: Vec<JobMessage>,
    runs: Vec<RunRecord>,
}

#[derive(Serialize)]
struct JobMessage {
    job: &'static str,
    at: String,
}

/// Installs, shows or removes.
///
/// # Errors
/// The settings do not allow to leave the agent alone; a file cannot be written, or a command fails.
pub fn run(args: &ScheduleArgs, context: &Context<'_>) -> Result<Exit> {
    match &args.action {
        Action::Install(args) => install(args, context),
        Action::Status(args) => status(args, context),
        Action::Remove(args) => remove(args, context),
    }
}

fn install(args: &InstallArgs, context: &Context<'_>) -> Result<Exit> {
    let ui = context.ui;
    check_settings(context)?;
    // An agent that could not open the repository would be a service that fails every minute.
    let mut timetable = Timetable::read(context, &context.open(Access::Read)?)?;
    let (manager, mut installation) = installation(&args.place, context)?;
    if let Some(root) = &args.root {
        installation.files = installation.files.into_iter().map(|file| file.below(root)).collect();
    }
    if args.dry_run {
        return print_plan(ui, &installation).map(|()| Exit::Done);
    }
    for file in &installation.files {
        file.write()?;
        ui.say(format_args!("wrote {}", file.path.display()));
    }
    if args.root.is_some() {
        return Ok(Exit::Done);
    }
    if let Some(file) = installation.files.first() {
        // Before the agent reads its memory.
        timetable.started_by(&file.path)?;
    }
    for words in &installation.start {
        execute(words)?;
        ui.say(format_args!("ran {}", shown(words)));
    }
    if let Some(words) = &installation.linger
        && let Err(error) = execute(words)
    {
        ui.warn(format_args!("the agent runs only while you are logged in: {}", chain(&error)));
    }
    let how = if installation.is_running.is_some() {
        "the agent is running"
    } else {
        "the agent is looked for every five minutes"
    };
    ui.say(format_args!("{how} ({}); `enamel schedule status` says what comes next", manager.name()));
    installation.notes.iter().for_each(|note| ui.note(note));
    Ok(Exit::Done)
}

/// Everything must be in the file: a service has no command line and no environment of a user.
fn check_settings(context: &Context<'_>) -> Result<()> {
    let settings = &context.settings;
    check_unattended(context)?;
    let is_elsewhere = |origin: &Origin| !matches!(origin, Origin::File);
    let repository = settings.repository.as_ref().is_some_and(|setting| is_elsewhere(&setting.origin));
    let what = if repository {
        "the repository"
    } else if is_elsewhere(&settings.secret.origin) {
        "the key or password"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Usage, format!("{what} is not named in enamel.toml, and a service reads nothing else"))
        .with_hint("Put `repository`, and `key-file` or `password-file`, into the file; `enamel config show` says where each comes from."))
}

fn installation(place: &Place, context: &Context<'_>) -> Result<(Manager, Installation)> {
    let for_user = place.user || !rustix::process::getuid().is_root();
    let manager = match place.manager {
        Some(ManagerArg::Systemd) if for_user => Manager::SystemdUser,
        Some(ManagerArg::Systemd) => Manager::Systemd,
        Some(ManagerArg::Cron) => Manager::Cron,
        Some(ManagerArg::Launchd) if for_user => Manager::LaunchdUser,
        Some(ManagerArg::Launchd) => Manager::Launchd,
        None => Manager::of_this_computer(for_user)?,
    };
    let missing = |what: &str| {
        Error::new(ErrorKind::Usage, format!("there is no {what}"))
            .with_hint("`enamel setup` writes the settings and installs the schedule; or name a file with --config.")
    };
    let failed = |error| Error::io("cannot find the program of this command", error);
    let config = context.settings.file_path.as_deref().ok_or_else(|| missing("enamel.toml"))?;
    let service = Service {
        program: std::env::current_exe().map_err(failed)?,
        config: std::path::absolute(config).map_err(failed)?,
        state_dir: context.state_dir().ok_or_else(|| missing("folder for what this computer has seen"))?,
        cache_dir: context.cache_dir().ok_or_else(|| missing("cache folder"))?,
    };
    let home = crate::environment::variable("HOME").map(PathBuf::from).ok_or_else(|| missing("home folder"))?;
    Ok((manager, manager.installation(&service, &home)?))
}

fn print_plan(ui: &Ui, installation: &Installation) -> Result<()> {
    for file in &installation.files {
        ui.line(format_args!("{}:\n\n{}", file.path.display(), file.text))?;
    }
    installation.start.iter().chain(&installation.linger).try_for_each(|words| ui.line(shown(words)))
}

fn status(args: &StatusArgs, context: &Context<'_>) -> Result<Exit> {
    let (manager, installation) = installation(&args.place, context)?;
    let timetable = Timetable::read(context, &context.open(Access::Read)?)?;
    let mut is_installed = true;
    for file in &installation.files {
        is_installed &= is_ours(&file.path)? == Some(true);
    }
    let is_running = installation.is_running.as_ref().filter(|_| is_installed).map(|words| execute(words).is_ok());
    let file = installation.files.first().map_or(Path::new(""), |file| &file.path);
    let exit = if is_installed && is_running != Some(false) { Exit::Done } else { Exit::Incomplete };
    let runs: Vec<RunRecord> = timetable.runs().rev().take(RUNS_SHOWN).cloned().collect();
    if context.ui.is_json() {
        let job = |due: crate::schedule::Due| JobMessage { job: due.job.name(), at: due.at.to_string() };
        let jobs = timetable.all().into_iter().map(job).collect();
        let (manager, file) = (manager.name(), file.display().to_string());
        context.ui.message(
            "schedule",
            StatusMessage { manager, installed: is_installed, running: is_running, file, jobs, runs },
        )?;
        return Ok(exit);
    }
    let installed =
        if is_installed { format!("yes: {}", file.display()) } else { "no: `enamel schedule install`".to_owned() };
    let running = match is_running {
        Some(true) => "yes",
        Some(false) => "no",
        None if is_installed => "every five minutes",
        None => "no",
    };
    context.ui.fields(&[("installed", installed), ("running", running.to_owned())])?;
    for file in installation.files.iter().filter(|_| is_installed) {
        if std::fs::read_to_string(&file.path).is_ok_and(|text| text != file.text) {
            let path = file.path.display();
            context.ui.warn(format_args!("{path} is not what would be written now: the program or a folder has moved; run `enamel schedule install` again"));
        }
    }
    print_jobs(context, &timetable, &runs)?;
    Ok(exit)
}

fn print_jobs(context: &Context<'_>, timetable: &Timetable, runs: &[RunRecord]) -> Result<()> {
    let ui = context.ui;
    let mut table = Table::new(&[("JOB", Align::Left), ("NEXT", Align::Left)]);
    for due in timetable.all() {
        let at = due.at.to_zoned(TimeZone::system()).strftime("%a %Y-%m-%d %H:%M").to_string();
        table.row(vec![due.job.name().to_owned(), at]);
    }
    if context.settings.file.retention.is_none() {
        // Nobody would miss this line before the disk is full.
        table.row(["forget", "never: all snapshots stay, as enamel.toml has no `[retention]`"].map(str::to_owned));
    }
    ui.line("")?;
    ui.table(&table)?;
    if runs.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[("LAST RUNS", Align::Left), ("JOB", Align::Left), ("RESULT", Align::Left)]);
    for run in runs {
        let began = run.began.to_zoned(TimeZone::system()).strftime("%a %Y-%m-%d %H:%M").to_string();
        table.row(vec![began, run.job.name().to_owned(), words_of(run)]);
    }
    ui.line("")?;
    ui.table(&table)
}

fn remove(args: &RemoveArgs, context: &Context<'_>) -> Result<Exit> {
    let (_, installation) = installation(&args.place, context)?;
    let mut there = Vec::new();
    for file in &installation.files {
        match is_ours(&file.path)? {
            None => {}
            Some(true) => there.push(file),
            // Says that it stays.
            Some(false) => file.remove().map(drop)?,
        }
    }
    if there.is_empty() {
        context.ui.say("the agent is not installed");
        return Ok(Exit::Done);
    }
    for words in &installation.stop {
        execute(words)?;
    }
    for file in there {
        file.remove()?;
        context.ui.say(format_args!("removed {}", file.path.display()));
    }
    installation.forget.iter().try_for_each(|words| execute(words))?;
    Ok(Exit::Done)
}

/// Runs a command to its end; what it says comes with its failure.
fn execute(words: &[OsString]) -> Result<()> {
    let [name, arguments @ ..] = words else { return Ok(()) };
    let what = || format!("`{}` failed", shown(words));
    let output =
        program(name).args(arguments).stdin(Stdio::null()).output().map_err(|error| Error::io(what(), error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(ErrorKind::Io, format!("{}: {} ({})", what(), said.trim(), output.status)))
}

fn shown(words: &[OsString]) -> String {
    words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

//! `enamel setup`: from nothing to a backup that is made by itself, one question after the other.
//!
//! ```text
//! interview   questions, and answers of the command line
//! answers     which answers will do, and those so far
//! server      the database, the account, the application
//! disk        whether a backup would lie on the disk of what it saves
//! file        enamel.toml, changed in place
//! making      settings, repository and key
//! sheet       the recovery sheet
//! ```
//!
//! The page of the first start (`crate::console`) asks in its own way, and does everything else with the same functions.

pub mod answers;
pub mod disk;
pub mod file;
mod interview;
pub mod making;
pub mod server;
pub mod sheet;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use engine::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::exit::Exit;
use crate::global::Global;
use crate::process;
use crate::settings::{FileSettings, Place, SecretSource};
use crate::ui::Ui;

use answers::Draft;
use file::Lines;
use interview::{Interview, Question};
use making::Made;
use server::{FoundDatabase, Known};

/// Set everything up: what is saved, where to, and when.
///
/// Enamel asks which database and folders to save, and where backups go. It makes the repository and a key, a recovery
/// sheet for paper, and the first backup, and then lets the computer make backups by itself. Answers stand in
/// enamel.toml. Run it again to change one of them: what you do not change stays, and nothing is lost.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel setup
  sudo enamel setup              for the whole computer: /etc/enamel/enamel.toml
  enamel setup --yes --database none --source /srv/images \\
      --repository /mnt/usb/backup --recovery-sheet sheet.txt

Exit status: 0 done; 3 done, but the first backup left something out; 1 failed, 2 usage, 12 wrong password, 130 interrupted")]
pub struct SetupArgs {
    /// Ask nothing: what no option says stays as it is, or is as usual
    #[arg(long)]
    yes: bool,
    /// The database server to save, as `mysql://USER@HOST`, or `none`
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// The file whose first line is the password of the database
    #[arg(long, value_name = "FILE")]
    database_password_file: Option<PathBuf>,
    /// Where a folder of another machine is here: '\\SERVER\OpenDentImages=/mnt/images'
    #[arg(long = "map-path", value_name = "THERE=HERE")]
    map_paths: Vec<String>,
    /// A folder to save; can be given several times
    #[arg(long = "source", value_name = "DIR")]
    sources: Vec<PathBuf>,
    /// Where backups go: a folder on another disk, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "PLACE")]
    repository: Option<PathBuf>,
    /// Write the recovery sheet into this file instead of showing it
    #[arg(long, value_name = "FILE")]
    recovery_sheet: Option<PathBuf>,
    /// Make no recovery sheet: you have a second key elsewhere
    #[arg(long, conflicts_with = "recovery_sheet")]
    no_recovery_sheet: bool,
    /// Make no backup now
    #[arg(long)]
    no_backup: bool,
    /// Do not make the agent a service of this computer
    #[arg(long)]
    no_schedule: bool,
}

/// A setup under way.
struct Setup<'s> {
    args: &'s SetupArgs,
    global: &'s Global,
    interview: Interview<'s>,
    /// The settings file.
    path: PathBuf,
    /// Its contents; empty if there is none.
    before: FileSettings,
}

/// Sets up.
///
/// # Errors
/// An answer is missing or wrong; something cannot be read or written. Everything that was done until then stays, and another run
/// goes on from there.
pub fn run(args: &SetupArgs, global: &Global, ui: &Ui) -> Result<Exit> {
    let path = answers::settings_path(global)?;
    let before = answers::settings_at(&path)?;
    let interview = Interview { ui, is_silent: args.yes };
    Setup { args, global, interview, path, before }.run()
}

impl Setup<'_> {
    fn run(&self) -> Result<Exit> {
        self.interview.say(format_args!("Settings are kept in {}.", self.path.display()));
        let database = server::find(&self.interview, &self.known())?;
        let sources = self.sources(&database)?;
        let place = self.place(&database, &sources)?;
        let lines = self.lines(database, sources, &place)?;
        let global = making::write_settings(&self.path, &lines, self.global)?;
        let context = Context::new(&global, self.interview.ui)?;
        self.repository(&context, &place)?;
        // A setup on the page may have stopped before this: nothing is left of it to ask.
        Draft::of(&self.path).end()?;
        let backup = self.backup(&global)?;
        self.schedule(&global)?;
        self.interview.say("Everything is set up. `enamel status` says how backups are, `enamel restore --help` how to bring something back.");
        Ok(backup)
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    fn known(&self) -> Known<'_> {
        let (args, before) = (self.args, &self.before);
        Known {
            url: args.database.clone().or_else(|| before.database.clone()),
            password_file: args.database_password_file.clone().or_else(|| before.database_password_file.clone()),
            map_paths: if args.map_paths.is_empty() { before.map_paths.clone() } else { args.map_paths.clone() },
            folder: self.folder(),
        }
    }

    /// The folders to save, besides images that come with the database.
    fn sources(&self, database: &FoundDatabase) -> Result<Vec<PathBuf>> {
        let before = if self.args.sources.is_empty() { &self.before.sources } else { &self.args.sources };
        let shown: Vec<String> = before.iter().map(|path| path.display().to_string()).collect();
        let default = if shown.is_empty() { "none".to_owned() } else { shown.join(", ") };
        let text = if database.profile.is_some() {
            "Other folders to save, with commas"
        } else {
            "Folders to save, with commas"
        };
        let question = Question { text, default: Some(default), option: "--source" };
        self.interview.ask(&question, |answer| answers::folders(answer, database.url.is_some()))
    }

    /// Where backups go.
    fn place(&self, database: &FoundDatabase, sources: &[PathBuf]) -> Result<Place> {
        let before = self.args.repository.as_ref().or(self.before.repository.as_ref());
        let others = disk::others();
        if before.is_none() && !others.is_empty() {
            let others: Vec<String> = others.iter().map(|path| path.display().to_string()).collect();
            self.interview.say(format_args!("Other disks of this computer: {}", others.join(", ")));
        }
        let question = Question {
            text: "Where backups go: a folder on another disk, or s3://BUCKET/PREFIX",
            default: before.map(|path| path.display().to_string()),
            option: "--repository",
        };
        let place = self.interview.ask(&question, answers::place)?;
        let saved = sources.iter().chain(&database.data_folder);
        if let Some(source) = place.folder().and_then(|folder| disk::shared_with(folder, saved)) {
            self.interview.ui.warn(format_args!(
                "{place} is on the same disk as {}: if that disk breaks, both are lost; a USB disk or s3:// is safe",
                source.display()
            ));
            let question = Question {
                text: "Keep backups there all the same",
                default: Some(self.own_risk().to_owned()),
                option: "--repository",
            };
            if !self.interview.confirm(&question)? {
                return Err(Error::new(ErrorKind::Usage, "backups need another place")
                    .with_hint("Run `enamel setup` again when the other disk is there."));
            }
        }
        Ok(place)
    }

    /// The usual answer about the same disk: a script has named the place, and a place that was chosen before was warned of.
    fn own_risk(&self) -> &'static str {
        if self.interview.is_silent || self.before.repository.is_some() { "yes" } else { "no" }
    }

    fn lines(&self, database: FoundDatabase, sources: Vec<PathBuf>, place: &Place) -> Result<Lines> {
        let password_file = database.password_file.map(std::path::absolute).transpose();
        let password_file =
            password_file.map_err(|error| Error::io("cannot use the path of the password file", error))?;
        Ok(Lines {
            repository: Some(PathBuf::from(place.to_string())),
            key_file: answers::key_file(self.global, &self.before, &self.path)?,
            sources,
            database: database.url,
            database_password_file: password_file,
            profile: database.profile,
            map_paths: database.map_paths,
        })
    }

    /// Makes the repository and its keys, or opens the one that is there.
    fn repository(&self, context: &Context<'_>, place: &Place) -> Result<()> {
        let ui = self.interview.ui;
        let (repository, made) = making::repository(context, place)?;
        match made {
            Made::New => {
                ui.say(format_args!("The repository is made in {place}."));
                if let SecretSource::KeyFile(path) = &context.settings.secret.value {
                    ui.say(format_args!("Its key is {}: whoever reads it can read the backups.", path.display()));
                }
            }
            Made::Known => ui.say(format_args!("The repository in {place} is there already, and opens.")),
        }
        if self.args.no_recovery_sheet || sheet::is_there(&repository)? {
            return Ok(());
        }
        let file = self.args.recovery_sheet.as_deref();
        if file.is_none() && self.interview.is_silent {
            return Err(Error::new(ErrorKind::Usage, "setup needs --recovery-sheet FILE, or --no-recovery-sheet")
                .with_hint("Without a second key nobody can read the backups when this computer is lost."));
        }
        sheet::make(&self.interview, &repository, &sheet::Sheet::new(place, context)?, file)
    }

    /// Makes the first backup.
    fn backup(&self, global: &Global) -> Result<Exit> {
        let question = Question { text: "Make a backup now", default: Some("yes".to_owned()), option: "--no-backup" };
        if self.args.no_backup || !self.interview.confirm(&question)? {
            return Ok(Exit::Done);
        }
        let status = again(global, &["backup"])?;
        match status.code() {
            Some(0) => Ok(Exit::Done),
            Some(3) => Ok(Exit::Incomplete),
            _ => Err(Error::new(ErrorKind::Io, format!("the first backup failed ({status}), as said above"))
                .with_hint("Everything else is set up: put that right, and run `enamel backup`.")),
        }
    }

    /// Makes the agent a service.
    fn schedule(&self, global: &Global) -> Result<()> {
        let question = Question {
            text: "Let this computer make backups by itself, each hour in office hours",
            default: Some("yes".to_owned()),
            option: "--no-schedule",
        };
        if self.args.no_schedule || !self.interview.confirm(&question)? {
            return Ok(());
        }
        let status = again(global, &["schedule", "install"])?;
        if !status.success() {
            return Err(Error::new(ErrorKind::Io, format!("the schedule is not installed ({status}), as said above"))
                .with_hint("Everything else is set up: put that right, and run `enamel schedule install`."));
        }
        Ok(())
    }
}

/// Runs this program with another command, before the user's eyes.
fn again(global: &Global, words: &[&str]) -> Result<ExitStatus> {
    let failed = |error| Error::io("cannot start the program of this command again", error);
    process::again(global)?.args(words).status().map_err(failed)
}

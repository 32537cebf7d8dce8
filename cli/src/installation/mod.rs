//! The agent as a service of this computer: which files start it with the computer, and which commands.
//!
//! ```text
//! systemd, cron, launchd   service -> files and commands, in the words of each
//! files                    writes them whole, and removes only what it has written
//! ```

mod cron;
mod files;
mod launchd;
mod systemd;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use engine::{Error, ErrorKind, Result};

pub use files::{ServiceFile, is_ours};

/// The first words of each file that is written, by which it is known again.
pub const MARK: &str = "Written by `enamel schedule install`";

/// The agent, as it is started.
#[derive(Debug, Clone)]
pub struct Service {
    /// This program.
    pub program: PathBuf,
    /// The settings file.
    pub config: PathBuf,
    /// The folder for what this computer has seen: the same as by hand.
    pub state_dir: PathBuf,
    /// The cache folder: the same as by hand.
    pub cache_dir: PathBuf,
}

impl Service {
    /// The command line, with `more` words at its end.
    ///
    /// # Errors
    /// A path is not text: the files of service managers hold nothing else.
    fn words(&self, more: &[&str]) -> Result<Vec<String>> {
        let named = [("--config", &self.config), ("--state-dir", &self.state_dir), ("--cache-dir", &self.cache_dir)];
        let named = named.into_iter().flat_map(|(name, path)| [OsStr::new(name), path.as_os_str()]);
        let all = std::iter::once(self.program.as_os_str()).chain(named).chain(more.iter().map(OsStr::new));
        all.map(|word| word.to_str().map(str::to_owned).ok_or_else(|| no_text(word))).collect()
    }
}

fn no_text(word: &OsStr) -> Error {
    let message = format!("`{}` cannot be written into the file of a service: it is not UTF-8", word.display());
    Error::new(ErrorKind::Usage, message)
}

/// The program that starts the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// systemd, for the whole computer.
    Systemd,
    /// systemd, for this user.
    SystemdUser,
    /// cron, for the whole computer.
    Cron,
    /// launchd, for the whole computer.
    Launchd,
    /// launchd, for this user.
    LaunchdUser,
}

impl Manager {
    /// The one of this computer and user.
    ///
    /// # Errors
    /// There is none that a program could set up.
    pub fn of_this_computer(for_user: bool) -> Result<Self> {
        if cfg!(target_os = "macos") {
            return Ok(if for_user { Manager::LaunchdUser } else { Manager::Launchd });
        }
        match (Path::new("/run/systemd/system").is_dir(), for_user) {
            (true, true) => Ok(Manager::SystemdUser),
            (true, false) => Ok(Manager::Systemd),
            (false, false) => Ok(Manager::Cron),
            (false, true) => {
                Err(Error::new(ErrorKind::Usage, "this computer has no systemd, and only root can set cron up for it")
                    .with_hint("Run this as root, or add to `crontab -e`: */5 * * * * enamel agent --once --quiet"))
            }
        }
    }

    /// It in one word.
    pub fn name(self) -> &'static str {
        match self {
            Manager::Systemd | Manager::SystemdUser => "systemd",
            Manager::Cron => "cron",
            Manager::Launchd | Manager::LaunchdUser => "launchd",
        }
    }

    /// Files and commands of the service. `home` is the user's home folder.
    ///
    /// # Errors
    /// A path is not text.
    pub fn installation(self, service: &Service, home: &Path) -> Result<Installation> {
        match self {
            Manager::Systemd => systemd::installation(service, None),
            Manager::SystemdUser => systemd::installation(service, Some(home)),
            Manager::Cron => cron::installation(service),
            Manager::Launchd => launchd::installation(service, None),
            Manager::LaunchdUser => launchd::installation(service, Some(home)),
        }
    }
}

/// A command, as a person would type it.
pub type Words = Vec<OsString>;

/// Everything that makes the agent a service.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The files.
    pub files: Vec<ServiceFile>,
    /// Commands that start it, after the files are there. The last one ends when the agent has given its first sign of life.
    pub start: Vec<Words>,
    /// A command that makes it start without anybody logged in; it may be refused.
    pub linger: Option<Words>,
    /// Commands that stop it, before the files are removed.
    pub stop: Vec<Words>,
    /// Commands after the files are removed.
    pub forget: Vec<Words>,
    /// A command that ends with 0 if it is running; none if nothing runs between jobs.
    pub is_running: Option<Words>,
    /// Sentences about it, for the user.
    pub notes: Vec<&'static str>,
}

fn words(line: &str) -> Words {
    line.split(' ').map(OsString::from).collect()
}

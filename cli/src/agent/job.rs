//! A job as a process of this same program: what the agent does, a person can repeat by hand.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use engine::{Error, ErrorKind, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::global::Global;
use crate::process;
use crate::schedule::{Job, Rules};
use crate::settings::{FileSettings, Mode};

/// How long a job may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(90);

/// The rules without the jobs that the settings give nothing to do.
pub fn possible(rules: Rules, settings: &FileSettings) -> Rules {
    Rules {
        copy: rules.copy.filter(|_| settings.supplemental.mode != Mode::Off),
        // The file was checked when it was read.
        copy_window: settings.supplemental.window().unwrap_or_default(),
        forget: rules.forget.filter(|_| settings.retention.is_some()),
        ..rules
    }
}

/// The command of a job, as a person would type it.
pub fn command(job: Job, rules: &Rules) -> Vec<OsString> {
    let share = || rules.verify.as_ref().and_then(|verify| verify.share.clone());
    let words: Vec<String> = match job {
        Job::Backup => vec!["backup".to_owned()],
        Job::Copy => vec!["supplemental".to_owned(), "run".to_owned()],
        Job::Drill => vec!["drill".to_owned()],
        Job::Verify => {
            let read = share().map(|share| format!("--read-data={share}"));
            std::iter::once("verify".to_owned()).chain(read).collect()
        }
        Job::Forget => vec!["forget".to_owned(), "--prune".to_owned()],
    };
    words.into_iter().map(OsString::from).collect()
}

/// A job that is under way.
pub struct Running {
    child: Child,
    /// When it was asked to end.
    asked: Option<Instant>,
}

impl Running {
    /// Starts it. Messages go to standard error, as those of the agent; it cannot ask anything.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(global: &Global, words: &[OsString]) -> Result<Self> {
        let failed = |error| Error::io("cannot start the program of this agent again", error);
        let mut command = process::again(global)?;
        command.args(["--quiet", "--no-progress"]).args(words);
        // A group of its own: Ctrl-C at a terminal asks the agent, and the agent asks the job.
        command.stdin(Stdio::null()).stdout(std::io::stderr()).process_group(0);
        Ok(Running { child: command.spawn().map_err(failed)?, asked: None })
    }

    /// The status, if it has ended.
    ///
    /// # Errors
    /// The system does not say.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        let failed = |error| Error::io("cannot ask whether a job has ended", error);
        let ended = self.child.try_wait().map_err(failed)?;
        if ended.is_none() && self.asked.is_some_and(|asked| asked.elapsed() > PATIENCE) {
            // Each job can be killed at any moment, and goes on later from what is there.
            self.child.kill().map_err(failed)?;
        }
        Ok(ended)
    }

    /// Asks it to end, once.
    ///
    /// # Errors
    /// The system refuses.
    pub fn ask_to_end(&mut self) -> Result<()> {
        if self.asked.is_some() {
            return Ok(());
        }
        self.asked = Some(Instant::now());
        match kill_process(Pid::from_child(&self.child), Signal::INT) {
            // It has ended by itself.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(Error::caused(ErrorKind::Io, "cannot ask a job to end", std::io::Error::from(error))),
        }
    }

    /// Whether it was asked to end.
    pub fn was_asked(&self) -> bool {
        self.asked.is_some()
    }
}

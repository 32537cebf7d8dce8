//! A job as a process of this same program: what the agent does, a person can repeat by hand.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use engine::{Error, ErrorKind, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::commands::drill::SUPPLEMENTAL;
use crate::environment::name_agent;
use crate::global::Global;
use crate::process;
use crate::schedule::{Job, Rules};

/// How long a job may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long its last lines may take after it has ended: a program that it left behind may hold the pipe open.
const LAST_LINES: Duration = Duration::from_secs(2);
/// A longer line is none of ours.
const LINE_MAX: u64 = 1 << 20;

/// The copy that a drill restores from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copy {
    /// The repository itself.
    Own,
    /// The supplemental copy.
    Supplemental,
}

/// The command of a job, as a person would type it.
pub fn command(job: Job, rules: &Rules, copy: Copy) -> Vec<OsString> {
    let share = || rules.verify.as_ref().and_then(|verify| verify.share.clone());
    let words: Vec<String> = match job {
        Job::Backup => vec!["backup".to_owned()],
        Job::Copy => vec!["supplemental".to_owned(), "run".to_owned()],
        Job::Drill if copy == Copy::Supplemental => ["drill", "--from", SUPPLEMENTAL].map(str::to_owned).to_vec(),
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
    lines: Receiver<String>,
    /// When it was asked to end.
    asked: Option<Instant>,
}

impl Running {
    /// Starts it. It cannot ask anything. All that it prints is a line of JSON, but for what a panic or a hook says.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(global: &Global, words: &[OsString]) -> Result<Self> {
        let failed = |error| Error::io("cannot start the program of this agent again", error);
        let mut command = process::again(global)?;
        command.arg("--json").args(words);
        name_agent(&mut command);
        // A group of its own: Ctrl-C at a terminal asks the agent, and the agent asks the job.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(failed)?;
        let (sender, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            read_lines(stdout, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            read_lines(stderr, sender);
        }
        Ok(Running { child, lines, asked: None })
    }

    /// A line that it printed, if there is one within `patience`.
    pub fn line(&self, patience: Duration) -> Option<String> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                // Both pipes are closed: it ends at once, or has closed them itself.
                std::thread::sleep(patience);
                None
            }
        }
    }

    /// The lines that are left after it has ended.
    pub fn last_lines(&self) -> impl Iterator<Item = String> + '_ {
        let until = Instant::now() + LAST_LINES;
        std::iter::from_fn(move || self.lines.recv_timeout(until.saturating_duration_since(Instant::now())).ok())
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

/// Hands on the lines of `pipe` until it is closed. The thread ends with the pipe.
fn read_lines(pipe: impl Read + Send + 'static, lines: Sender<String>) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        loop {
            let mut line = Vec::new();
            match reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut line) {
                // The job sees the closed pipe as its own error.
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}

//! Commands of enamel.toml that run after a backup: to tell somebody, or to go on from there.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use engine::error::chain;
use engine::files::backup::BackupOutcome;
use engine::{Error, ErrorKind, Result};
use repo_format::id::LeaseId;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::context::Context;
use crate::exit::Exit;
use crate::shell::shell;
use crate::ui::{Ui, format};

/// The longest time that a command takes after the user wished to stop.
const AFTER_STOP: Duration = Duration::from_secs(5);
/// How often it is looked whether a command has ended.
const POLL: Duration = Duration::from_millis(20);

/// The outcome of a backup, as far as it got.
#[derive(Debug, Default)]
pub struct Report {
    snapshot: Option<LeaseId>,
    problems: u64,
}

impl Report {
    /// Notes what was saved.
    pub fn saved(&mut self, outcome: &BackupOutcome) {
        self.snapshot = outcome.snapshot;
        self.problems = outcome.problem_count;
    }

    fn message(&self, result: &Result<Exit>) -> String {
        let saved = self.snapshot.map(|id| format!("snapshot {} was saved", format::short(id)));
        match (saved, result) {
            (Some(saved), Ok(_)) if self.problems > 0 => {
                format!("{saved}, with {}", format::counted(self.problems, "problem"))
            }
            (Some(saved), Ok(_)) => saved,
            (Some(saved), Err(error)) => format!("{saved}, then: {}", chain(error)),
            (None, Err(error)) => chain(error),
            (None, Ok(_)) => "no snapshot was made".to_owned(),
        }
    }
}

/// Runs the command that enamel.toml has for a backup that ended with `result`. When it fails, a backup that was done
/// is no more than incomplete; one that failed stays as it is.
///
/// # Errors
/// Errors of `result`.
pub fn run(context: &Context<'_>, report: &Report, result: Result<Exit>) -> Result<Exit> {
    let hooks = &context.settings.file.hooks;
    let (name, command) = match report.snapshot {
        Some(_) => ("after", &hooks.after),
        None => ("on-failure", &hooks.on_failure),
    };
    let Some(command) = command else { return result };
    let status = match &result {
        _ if context.ui.is_interrupted() && result.is_err() => Exit::Interrupted,
        Ok(exit) => *exit,
        Err(error) => Exit::of(error.kind()),
    };
    let variables = [
        ("ENAMEL_SNAPSHOT", report.snapshot.map(|id| id.to_string()).unwrap_or_default()),
        ("ENAMEL_STATUS", status.code().to_string()),
        ("ENAMEL_PROBLEMS", report.problems.to_string()),
        ("ENAMEL_MESSAGE", report.message(&result)),
    ];
    let what = || format!("the command `{name}` of enamel.toml failed");
    match hooks
        .time_limit()
        .map_err(|why| Error::new(ErrorKind::Usage, why))
        .and_then(|limit| call(command, &variables, limit, context.ui))
    {
        Ok(()) => result,
        Err(error) => {
            context.ui.warn(chain(&error.context(what())));
            result.map(|exit| if exit == Exit::Done { Exit::Incomplete } else { exit })
        }
    }
}

/// Runs `command` to its end; what it prints goes to standard error.
fn call(command: &str, variables: &[(&str, String)], limit: Duration, ui: &Ui) -> Result<()> {
    ui.flush()?;
    let mut process = shell(command);
    process.envs(variables.iter().map(|(name, value)| (name, value)));
    // In a group of its own, so that whatever it starts can be ended with it.
    process.stdin(Stdio::null()).stdout(io::stderr()).process_group(0);
    let failed = |e| Error::io(format!("cannot run `{command}`"), e);
    let mut child = process.spawn().map_err(failed)?;
    let status = wait(&mut child, limit, ui).map_err(failed)?;
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(Error::new(ErrorKind::Io, format!("`{command}`: {status}"))),
        None => Err(Error::new(
            ErrorKind::Io,
            format!(
                "`{command}` was stopped: it was still running after {}",
                format::duration(limit.as_millis().try_into().unwrap_or(u64::MAX))
            ),
        )),
    }
}

/// Waits until `child` ends; ends it when its time is over, or the user wishes to stop, and gives nothing then. A backup that
/// was stopped is told of, but nobody waits for long.
fn wait(child: &mut Child, limit: Duration, ui: &Ui) -> io::Result<Option<ExitStatus>> {
    let (started, was_interrupted) = (Instant::now(), ui.is_interrupted());
    let limit = if was_interrupted { limit.min(AFTER_STOP) } else { limit };
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let is_interrupted = ui.is_interrupted() && !was_interrupted;
        if is_interrupted || started.elapsed() >= limit {
            // A command that has ended just now is fine as well.
            let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

//! The process of a scratch server.

use std::fs::File;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::{not_started, unix};
use crate::database::{Address, Connection};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::monitor::Monitor;

/// A start takes a second; on a machine that has much else to do a hundred times as long.
const START_MAX: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(15);

/// A process with its supervisor. When it is dropped it is killed.
pub(super) struct Running {
    supervisor: Child,
    /// The program ends when this is closed: by dropping it, or because this process is gone.
    lifeline: Option<ChildStdin>,
}

impl Running {
    /// Starts `program`; what it says goes into the log of `folder`. `time_zone` is that of its process; none: this one's.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(program: &Path, arguments: &[String], time_zone: Option<&str>, folder: &Folder) -> Result<Self> {
        let failed = |e| Error::io(format!("cannot start {}", program.display()), e);
        let log = File::options().create(true).append(true).open(folder.log()).map_err(failed)?;
        let mut command = unix::supervised(program);
        command.args(arguments).current_dir(folder.temporary());
        command.stdin(Stdio::piped()).stdout(log.try_clone().map_err(failed)?).stderr(log);
        if let Some(zone) = time_zone {
            command.env("TZ", zone);
        }
        let mut supervisor = command.spawn().map_err(failed)?;
        let lifeline = supervisor.stdin.take();
        Ok(Running { supervisor, lifeline })
    }

    /// Whether the program has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.supervisor.try_wait(), Ok(None))
    }

    /// Returns when the server at `address` answers.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] if it ends, or does not answer for long; if the monitor wishes to stop.
    pub fn wait_until_it_answers(&mut self, address: &Address, folder: &Folder, monitor: &dyn Monitor) -> Result<()> {
        let began = Instant::now();
        while !self.has_ended() {
            if folder.socket().exists() && Connection::open(address).is_ok() {
                return Ok(());
            }
            if began.elapsed() > START_MAX {
                let message = format!("the scratch server did not answer in {} s", START_MAX.as_secs());
                return Err(Error::new(ErrorKind::Database, message));
            }
            check_stop(monitor)?;
            std::thread::sleep(POLL);
        }
        Err(not_started(folder))
    }

    /// Returns when the program has ended.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] if it failed; if the monitor wishes to stop.
    pub fn wait_until_it_ends(mut self, folder: &Folder, monitor: &dyn Monitor) -> Result<()> {
        loop {
            let ended = self.supervisor.try_wait().map_err(|e| Error::io("cannot wait for a program", e))?;
            match ended {
                Some(status) if status.success() => return Ok(()),
                Some(_) => return Err(not_started(folder)),
                None => check_stop(monitor)?,
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // A supervisor that cannot be waited for has ended.
        let _ = self.supervisor.wait();
    }
}

fn check_stop(monitor: &dyn Monitor) -> Result<()> {
    if monitor.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
}

//! A program whose standard output is saved: started, watched, and ended when the backup ends early.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use engine::Error;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::interrupt::Interrupt;
use crate::shell::program;

/// How often the program and the user's wish to stop are looked at.
const POLL: Duration = Duration::from_millis(100);
/// A program that is asked to end has so long to do it.
const GRACE: Duration = Duration::from_secs(5);
/// The error of a program that fails repeats this much of what it said last.
const LAST_WORDS: usize = 2000;

/// The output of a program, as a stream. The program starts with the first reading. The stream ends well only if the
/// program does: any other end is an error, because nobody could tell that the rest is missing.
pub struct ProgramOutput {
    name: OsString,
    arguments: Vec<OsString>,
    interrupt: Arc<Interrupt>,
    state: State,
}

enum State {
    Waiting,
    Running(Running),
    Ended,
}

struct Running {
    child: Child,
    out: ChildStdout,
    err: Option<ChildStderr>,
    last_words: VecDeque<u8>,
}

impl ProgramOutput {
    /// The output of the program `name`, which no shell starts.
    pub fn new(name: OsString, arguments: Vec<OsString>, interrupt: Arc<Interrupt>) -> Self {
        ProgramOutput { name, arguments, interrupt, state: State::Waiting }
    }

    fn start(&self) -> io::Result<Running> {
        let mut command = program(&self.name);
        command.args(&self.arguments);
        // In a group of its own, so that whatever it starts can be ended with it.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let failed = |why: String| failure(format!("cannot run `{}`: {why}", shown(&self.name)));
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let out = child.stdout.take().ok_or_else(|| failed("it has no standard output".into()))?;
        let err = child.stderr.take();
        Ok(Running { child, out, err, last_words: VecDeque::new() })
    }

    /// The error of a program that ended with `status`.
    fn failure(&self, status: ExitStatus, last_words: &VecDeque<u8>) -> io::Error {
        let said: Vec<u8> = last_words.iter().copied().collect();
        let said = String::from_utf8_lossy(&said);
        let said = match said.trim() {
            "" => String::new(),
            said => format!("; its last output:\n{said}"),
        };
        failure(format!("`{}` failed with {status}{said}", shown(&self.name)))
    }
}

/// A program did not run, or did not end well.
#[derive(Debug)]
struct ProgramFailed(String);

impl fmt::Display for ProgramFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ProgramFailed {}

fn failure(words: String) -> io::Error {
    io::Error::other(ProgramFailed(words))
}

/// Whether it is the program's fault, and not that of a disk or a network.
pub fn is_of_program(error: &Error) -> bool {
    let cause = error.cause::<io::Error>().and_then(io::Error::get_ref);
    cause.is_some_and(|cause| cause.is::<ProgramFailed>())
}

fn shown(name: &OsStr) -> std::path::Display<'_> {
    std::path::Path::new(name).display()
}

impl Read for ProgramOutput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let State::Waiting = self.state {
            self.state = State::Running(self.start()?);
        }
        let State::Running(running) = &mut self.state else { return Ok(0) };
        let read = loop {
            if self.interrupt.is_requested() {
                break Err(io::Error::other("interrupted"));
            }
            match running.read_some(buffer) {
                Ok(None) => {}
                Ok(Some(read)) => break Ok(read),
                Err(error) => break Err(error),
            }
        };
        match read {
            Ok(0) => {}
            Ok(read) => return Ok(read),
            Err(error) => {
                running.end()?;
                self.state = State::Ended;
                return Err(error);
            }
        }
        let status = running.wait(&self.interrupt)?;
        let State::Running(running) = std::mem::replace(&mut self.state, State::Ended) else { return Ok(0) };
        if status.success() { Ok(0) } else { Err(self.failure(status, &running.last_words)) }
    }
}

impl Drop for ProgramOutput {
    fn drop(&mut self) {
        if let State::Running(running) = &mut self.state {
            // The backup has failed for a reason of its own, which is being reported.
            let _ = running.end();
        }
    }
}

impl Running {
    /// The program's next output: 0 bytes at its end, `None` if nothing came for a while.
    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let (out_is_ready, err_is_ready) = {
            let mut fds = vec![PollFd::from_borrowed_fd(self.out.as_fd(), PollFlags::IN)];
            fds.extend(self.err.as_ref().map(|err| PollFd::from_borrowed_fd(err.as_fd(), PollFlags::IN)));
            wait_for(&mut fds, POLL)?;
            let is_ready = |fd: Option<&PollFd<'_>>| fd.is_some_and(|fd| !fd.revents().is_empty());
            (is_ready(fds.first()), is_ready(fds.get(1)))
        };
        if err_is_ready {
            self.pass_on()?;
        }
        if out_is_ready { Ok(Some(self.out.read(buffer)?)) } else { Ok(None) }
    }

    /// Repeats what the program says on its standard error, and remembers the end of it.
    fn pass_on(&mut self) -> io::Result<()> {
        let Some(err) = &mut self.err else { return Ok(()) };
        let mut said = [0; 4096];
        let len = match err.read(&mut said) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            read => read?,
        };
        if len == 0 {
            self.err = None;
        }
        let said = &said[..len];
        self.last_words.extend(said);
        let too_many = self.last_words.len().saturating_sub(LAST_WORDS);
        self.last_words.drain(..too_many);
        // If standard error cannot be written there is nobody left to tell.
        let _ = io::stderr().write_all(said);
        Ok(())
    }

    /// Waits for the program to end after its output did.
    fn wait(&mut self, interrupt: &Interrupt) -> io::Result<ExitStatus> {
        loop {
            let status = self.child.try_wait()?;
            let most = if status.is_some() { Duration::ZERO } else { POLL };
            let has_said = match &self.err {
                Some(err) => wait_for(&mut [PollFd::from_borrowed_fd(err.as_fd(), PollFlags::IN)], most)? > 0,
                None => false,
            };
            match status {
                _ if has_said => self.pass_on()?,
                Some(status) => return Ok(status),
                None if interrupt.is_requested() => {
                    self.end()?;
                    return Err(io::Error::other("interrupted"));
                }
                None if self.err.is_none() => thread::sleep(POLL),
                None => {}
            }
        }
    }

    /// Ends the program and what it has started, and waits for it.
    fn end(&mut self) -> io::Result<()> {
        let group = Pid::from_child(&self.child);
        // A group that is not there has ended already.
        let _ = kill_process_group(group, Signal::TERM);
        let asked = Instant::now();
        while asked.elapsed() < GRACE {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(POLL / 5);
        }
        let _ = kill_process_group(group, Signal::KILL);
        self.child.wait().map(drop)
    }
}

/// Waits until one of `fds` has something; how many have.
fn wait_for(fds: &mut [PollFd<'_>], most: Duration) -> io::Result<usize> {
    let most = Timespec { tv_sec: 0, tv_nsec: most.subsec_nanos().into() };
    match poll(fds, Some(&most)) {
        Err(Errno::INTR) => Ok(0),
        ready => Ok(ready?),
    }
}

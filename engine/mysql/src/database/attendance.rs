//! Attends to the statements of an operation: ends them when the user wishes to stop, and tells the user what they wait
//! for.
//!
//! A server lets a statement wait for a lock for hours, and for free disk space for ever. The thread that sent it hears
//! nothing meanwhile. So another thread watches the statements of the operation. It reports what a statement waits for,
//! and when the user wishes to stop, it ends statements by KILL QUERY. If the server does not end one, it shuts the
//! connection down.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::statements::{Running, running};
use super::unix::shut_down;
use super::{Address, Connection, Server, error_code, is_lost, wait};
use engine_core::error::{Error, Result};
use engine_core::monitor::Monitor;

/// The interval between looks at the statements.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// When the user wishes to stop, short statements may finish: only a statement that has run for this long is ended.
const KILL_AFTER: Duration = Duration::from_secs(1);
/// The interval between attempts to end it: it may have begun a new statement in between.
const KILL_EVERY: Duration = Duration::from_secs(1);
/// After this long the statement is left to the server.
const LEAVE_AFTER: Duration = Duration::from_secs(5);
/// The user is told what a statement waits for after it has run this long.
const TELL_AFTER: Duration = Duration::from_secs(3);
/// The interval between questions about what a statement waits for.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// A server that does not answer the attendant within this time cannot help.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// The server ended a statement, or a sort, on request.
const INTERRUPTED: [u16; 2] = [1317, 1028];

/// Connections of one operation, see [`attended`].
#[derive(Default)]
pub struct Attended {
    sessions: Mutex<Vec<Arc<Session>>>,
    is_stopped: AtomicBool,
}

impl std::fmt::Debug for Attended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attended").finish_non_exhaustive()
    }
}

impl Attended {
    /// Whether the user wishes to stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }
}

/// One of them.
struct Session {
    id: u32,
    socket: RawFd,
    running: Mutex<Statement>,
}

/// The state of a session.
#[derive(Default, Clone)]
struct Statement {
    /// The start of its present statement.
    since: Option<Instant>,
    /// The times of the first and last request to end it.
    killed: Option<(Instant, Instant)>,
    /// The last message about it.
    told: Option<String>,
}

/// A connection's registration with the attendant. Drop it before the connection.
pub(super) struct Attendance {
    attended: Arc<Attended>,
    session: Arc<Session>,
}

/// A statement that runs, until this is dropped.
pub(super) struct Busy(Option<Arc<Session>>);

impl Attendance {
    /// Registers the connection `id`, if `address` has an attendant.
    pub fn of(address: &Address, id: u32, socket: RawFd) -> Option<Self> {
        let attended = Arc::clone(address.attended.as_ref()?);
        let session = Arc::new(Session { id, socket, running: Mutex::default() });
        lock(&attended.sessions).push(Arc::clone(&session));
        Some(Attendance { attended, session })
    }

    /// `error`, or the user's wish to stop if that caused it.
    pub fn explained(&self, error: Error) -> Error {
        let is_ended = is_lost(&error) || error_code(&error).is_some_and(|code| INTERRUPTED.contains(&code));
        if self.attended.is_stopped() && is_ended { Error::cancelled() } else { error }
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        lock(&self.attended.sessions).retain(|session| !Arc::ptr_eq(session, &self.session));
    }
}

impl Busy {
    /// Notes that a statement begins on a connection.
    pub fn begin(attendance: Option<&Attendance>) -> Self {
        let session = attendance.map(|attendance| Arc::clone(&attendance.session));
        if let Some(session) = &session {
            *lock(&session.running) = Statement { since: Some(Instant::now()), ..Statement::default() };
        }
        Busy(session)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(session) = &self.0 {
            *lock(&session.running) = Statement::default();
        }
    }
}

/// Does `work` with a server, and attends to the statements on connections to the address that `work` receives.
///
/// When the monitor wishes to stop, each statement that runs for more than a second is ended. Its failure is then
/// reported as [`ErrorKind::Cancelled`](engine_core::ErrorKind::Cancelled).
///
/// # Errors
/// The error of `work`.
pub fn attended<T>(address: &Address, monitor: &dyn Monitor, work: impl FnOnce(&Address) -> Result<T>) -> Result<T> {
    let statements = Arc::new(Attended::default());
    let own = Address { attended: Some(Arc::clone(&statements)), ..address.clone() };
    let silence_max = Some(address.silence_max.map_or(ANSWER_MAX, |max| max.min(ANSWER_MAX)));
    let plain = Address { attended: None, silence_max, ..address.clone() };
    std::thread::scope(|scope| {
        let (end, ended) = bounded::<()>(0);
        let attendant =
            Attendant { statements: &statements, address: plain, monitor, asking: None, asked: Instant::now() };
        scope.spawn(move || attendant.run(&ended));
        let result = work(&own);
        drop(end);
        result
    })
}

/// The thread that looks at the statements.
struct Attendant<'a> {
    statements: &'a Attended,
    address: Address,
    monitor: &'a dyn Monitor,
    /// The attendant's own connection, and the server.
    asking: Option<(Connection, Server)>,
    asked: Instant,
}

impl Attendant<'_> {
    fn run(mut self, ended: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(LOOK_EVERY) {
            if self.monitor.is_cancelled() {
                self.statements.is_stopped.store(true, Ordering::Release);
                self.end(&self.long(KILL_AFTER));
            } else if self.asked.elapsed() >= ASK_EVERY {
                let long = self.long(TELL_AFTER);
                if !long.is_empty() {
                    self.tell(&long);
                }
                self.asked = Instant::now();
            }
        }
    }

    /// Sessions whose statements have run for `time`.
    fn long(&self, time: Duration) -> Vec<Arc<Session>> {
        let is_long =
            |session: &&Arc<Session>| lock(&session.running).since.is_some_and(|since| since.elapsed() >= time);
        lock(&self.statements.sessions).iter().filter(is_long).cloned().collect()
    }

    /// Ends statements, or leaves them.
    fn end(&mut self, sessions: &[Arc<Session>]) {
        for session in sessions {
            let killed = lock(&session.running).killed;
            match killed {
                Some((first, _)) if first.elapsed() >= LEAVE_AFTER => self.leave(session),
                Some((_, last)) if last.elapsed() < KILL_EVERY => {}
                _ => {
                    let now = Instant::now();
                    lock(&session.running).killed = Some((killed.map_or(now, |(first, _)| first), now));
                    self.kill(session);
                }
            }
        }
    }

    /// Asks the server to end a statement, unless that could stop the server: a MySQL that waits for space for its
    /// binary log takes the request for a failed write, and by default stops then. Such a statement is left to the
    /// server.
    fn kill(&mut self, session: &Session) {
        let is_own = |running: &&Running| running.id == u64::from(session.id);
        let all = self.ask(running).unwrap_or_default();
        if !all.iter().find(is_own).is_some_and(Running::is_committing) {
            self.ask(|connection, _| connection.run(&format!("KILL QUERY {}", session.id)));
        }
    }

    /// Shuts down a connection whose statement the server does not end.
    fn leave(&self, session: &Session) {
        // While the list is locked, its connection exists, and the socket has no other owner.
        let sessions = lock(&self.statements.sessions);
        if sessions.iter().any(|other| std::ptr::eq(&**other, session)) && lock(&session.running).since.is_some() {
            shut_down(session.socket);
            self.monitor.note(&format!(
                "the server does not end the statement of session {}, and continues it; `SHOW PROCESSLIST` shows it",
                session.id
            ));
        }
        drop(sessions);
    }

    /// Tells what statements wait for.
    fn tell(&mut self, sessions: &[Arc<Session>]) {
        let Some(all) = self.ask(running) else { return };
        for session in sessions {
            let Some(own) = all.iter().find(|running| running.id == u64::from(session.id)) else { continue };
            let Some(what) = self.ask(|connection, server| wait::reason(connection, server, own, &all)).flatten()
            else {
                continue;
            };
            let mut running = lock(&session.running);
            let Some(since) = running.since else { continue };
            if running.told.as_ref() != Some(&what) {
                self.monitor.note(&format!(
                    "`{}` has waited for {} s: {what}",
                    own.outline(),
                    since.elapsed().as_secs()
                ));
                running.told = Some(what);
            }
        }
    }

    /// Asks the server, if it answers.
    fn ask<T>(&mut self, question: impl FnOnce(&mut Connection, &Server) -> Result<T>) -> Option<T> {
        let opened = || {
            let mut connection = Connection::open(&self.address)?;
            let server = Server::detect(&mut connection)?;
            Ok::<_, Error>((connection, server))
        };
        let (mut connection, server) = match self.asking.take() {
            Some(asking) => asking,
            None => opened().ok()?,
        };
        match question(&mut connection, &server) {
            Ok(answer) => {
                self.asking = Some((connection, server));
                Some(answer)
            }
            // A statement that is over can no longer be ended.
            Err(error) if !is_lost(&error) => {
                self.asking = Some((connection, server));
                None
            }
            Err(_) => None,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

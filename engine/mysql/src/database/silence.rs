//! Notices a server that has fallen silent, and ends this process's waits for it.
//!
//! A statement may take hours without a byte on the way, so reading has no time limit. If a machine has lost power, or
//! a network has forgotten a connection, the system's own probes end it. They do not notice a server that hangs, or a
//! device in between that answers in its place. So a thread keeps one more connection to each server. It asks for a
//! sign of life once a minute, and shuts down all connections if there has been none for too long. Threads that read
//! from them then get an error.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;
use mysql::prelude::Queryable;
use mysql::{Conn, OptsBuilder};

use super::Address;
use super::unix::shut_down;
use engine_core::error::{Error, ErrorKind, Result};

/// A server without a sign of life for this long is given up, unless the address says otherwise.
const SILENCE_MAX: Duration = Duration::from_secs(600);
/// A server greets within this time, unless the address says otherwise: a greeting waits for no lock.
const GREETING_MAX: Duration = Duration::from_secs(60);
/// The interval between questions; a shorter limit is asked for at least ten times.
const ASK_EVERY: Duration = Duration::from_secs(60);
/// The interval between looks at whether the user wishes to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The shortest interval between questions.
const ASK_AT_MOST_EVERY: Duration = Duration::from_millis(10);

/// The servers that this process is connected to, by address and user. The thread of each server removes it when it
/// ends.
static SERVERS: Mutex<BTreeMap<String, Arc<Server>>> = Mutex::new(BTreeMap::new());

/// A server, and the connections to it.
struct Server {
    /// A socket is removed from here before it is closed.
    sockets: Mutex<Vec<RawFd>>,
    changed: Condvar,
    is_silent: AtomicBool,
}

/// The time that the server at `address` may be silent.
pub(super) fn silence_max(address: &Address) -> Duration {
    address.silence_max.unwrap_or(SILENCE_MAX)
}

/// The message about a server that was silent for `time`.
pub(super) fn no_sign(time: Duration) -> String {
    let shown = match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    };
    format!("the database server has given no sign of life for {shown}")
}

/// Has the server watched while a connection exists. Drop it before the connection.
pub(super) struct Watch {
    server: Arc<Server>,
    socket: RawFd,
}

impl Watch {
    /// Watches the server of `conn`, at `address`; `opts` are its connection options.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the system has no more threads.
    pub fn over(conn: &Conn, address: &Address, opts: OptsBuilder) -> Result<Self> {
        let silence = silence_max(address);
        let key = format!("{} {} {silence:?}", address.credentials.user, address.public());
        let mut servers = lock(&SERVERS);
        let server = match servers.get(&key) {
            Some(server) => Arc::clone(server),
            None => {
                let server = Arc::new(Server {
                    sockets: Mutex::default(),
                    changed: Condvar::new(),
                    is_silent: AtomicBool::new(false),
                });
                let watcher = Watcher { server: Arc::clone(&server), key: key.clone(), silence, opts, own: None };
                let spawned = std::thread::Builder::new().name("silence".to_owned()).spawn(move || watcher.run());
                spawned.map_err(|e| Error::io("cannot start the thread that watches the database server", e))?;
                servers.insert(key, Arc::clone(&server));
                server
            }
        };
        let socket = conn.as_raw_fd();
        lock(&server.sockets).push(socket);
        Ok(Watch { server, socket })
    }

    /// Whether the connection was shut down because the server was silent.
    pub fn found_silence(&self) -> bool {
        self.server.is_silent.load(Ordering::Acquire)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut sockets = lock(&self.server.sockets);
        if let Some(at) = sockets.iter().position(|socket| *socket == self.socket) {
            sockets.swap_remove(at);
        }
        self.server.changed.notify_all();
    }
}

/// The thread of one server.
struct Watcher {
    server: Arc<Server>,
    key: String,
    silence: Duration,
    opts: OptsBuilder,
    /// The watcher's own connection.
    own: Option<Conn>,
}

impl Watcher {
    /// Asks repeatedly, until the last connection is gone.
    fn run(mut self) {
        let every = (self.silence / 10).min(ASK_EVERY).max(ASK_AT_MOST_EVERY);
        let mut sign = Instant::now();
        while !self.has_ended(every) {
            if self.answers(every) {
                sign = Instant::now();
            } else if sign.elapsed() >= self.silence {
                return self.give_up();
            }
        }
    }

    /// Waits for `time`. Returns whether the last connection is gone; then the server is removed from the list.
    fn has_ended(&self, time: Duration) -> bool {
        let sockets = lock(&self.server.sockets);
        let waited = self.server.changed.wait_timeout_while(sockets, time, |sockets| !sockets.is_empty());
        drop(waited);
        let mut servers = lock(&SERVERS);
        let is_over = lock(&self.server.sockets).is_empty();
        if is_over {
            servers.remove(&self.key);
        }
        is_over
    }

    /// Whether the server answers anything, even if only that it has too many connections.
    fn answers(&mut self, time: Duration) -> bool {
        let opts = || self.opts.clone().read_timeout(Some(time)).write_timeout(Some(time));
        let connected = self.own.take().map_or_else(|| Conn::new(opts()), Ok);
        let asked = connected.and_then(|mut conn| conn.query_drop("DO 0").map(|()| conn));
        match asked {
            Ok(conn) => self.own = Some(conn),
            Err(mysql::Error::MySqlError(_)) => {}
            Err(_) => return false,
        }
        true
    }

    /// Shuts all connections down. New ones are watched again.
    fn give_up(&self) {
        lock(&SERVERS).remove(&self.key);
        self.server.is_silent.store(true, Ordering::Release);
        lock(&self.server.sockets).iter().for_each(|socket| shut_down(*socket));
    }
}

/// Connects by `opts`, but does not wait for long: the driver has no time limit for the greeting. A user who wishes to stop ends the wait, if the address has an attendant.
///
/// # Errors
/// [`ErrorKind::Database`] if nothing answers in time; [`ErrorKind::Cancelled`] if the user wishes to stop; `failed` converts
/// errors of the driver.
pub(super) fn connect(opts: &OptsBuilder, address: &Address, failed: &dyn Fn(mysql::Error) -> Error) -> Result<Conn> {
    let (silence, opts) = (address.silence_max.unwrap_or(GREETING_MAX), opts.clone());
    let (sender, receiver) = crossbeam_channel::bounded(1);
    let spawned = std::thread::Builder::new().name("connect".to_owned()).spawn(move || {
        // If it cannot be sent, the caller has stopped waiting.
        drop(sender.send(Conn::new(opts)));
    });
    spawned.map_err(|e| Error::io("cannot start the thread that connects to the database server", e))?;
    let is_stopped = || address.attended.as_ref().is_some_and(|attended| attended.is_stopped());
    let until = Instant::now() + silence;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left.min(LOOK_EVERY)) {
            Ok(connected) => return connected.map_err(failed),
            Err(RecvTimeoutError::Timeout) if is_stopped() => return Err(Error::cancelled()),
            Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                let message = format!("cannot connect to {}", address.public());
                return Err(Error::caused(
                    ErrorKind::Database,
                    message,
                    Error::new(ErrorKind::Database, no_sign(silence)),
                ));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let message = format!("cannot connect to {}: the thread that does so has panicked", address.public());
                return Err(Error::new(ErrorKind::Database, message));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

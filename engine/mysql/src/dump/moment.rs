//! Takes one moment for all tables: those with transactions by snapshots, the others by locks.
//!
//! ```text
//! only transactions:  snapshots, again until all show the same by the binary log; else one snapshot, and one session reads. No lock at all
//! MariaDB from 10.4:  BACKUP STAGE START, BLOCK_DDL -> LOCK TABLES … READ LOCAL -> BLOCK_COMMIT -> snapshots, position -> END
//! others:             LOCK TABLES … READ -> snapshots, compared, else one
//! ```
//! In the last way the tables without transactions are locked from before the snapshots begin until after. So all
//! tables show the moment of the snapshots. Not even new rows can be added meanwhile.
//!
//! With stages, tables are locked after DDL is blocked and before commits are: in another order a writer that queues in
//! between would deadlock with us. Before each try this looks for statements that would hold it up. It gives up
//! whatever it cannot get within a second or two, and tries again a little later: nobody should wait for our waiting.
//! It flushes nothing, see [`LockFacts::method`].

use std::time::{Duration, Instant};

use repo_format::database::{Binlog, Moment as MomentRecord};

use super::barrier::Barrier;
use super::lock_group::LockGroup;
use super::obstacle::{in_the_way, pause, wait_for_others};
use super::place::{self, Place};
use crate::database::{Address, Connection, LockFacts, LockMethod, Server, TableName, error_code, is_lost};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::files::backup::Run;

/// Seconds that a step may wait for others.
const STEP_WAIT: u32 = 1;
/// Tries to have all snapshots at one place without a lock,
const LOCKLESS_TRIES: u32 = 10;
/// and how often, before it is done in another way.
const LOCKLESS_ATTEMPTS: u32 = 3;
/// Waited too long for a lock; for a metadata lock; chosen to break a deadlock.
const BUSY: [u16; 3] = [1205, 1213, 3024];

/// The moment, while it is held.
pub(super) struct Moment {
    /// Sessions with a snapshot each, all of the same moment.
    pub snapshots: Vec<Connection>,
    /// Sessions with locks.
    pub locks: Vec<LockGroup>,
    /// When tables were locked.
    pub locked_at: Instant,
    /// The record of the moment.
    pub record: MomentRecord,
    /// Where the binary log stood, if that is certain.
    pub binlog: Option<Binlog>,
}

/// The requirements of a moment.
pub(super) struct Wanted<'a> {
    /// The server.
    pub address: &'a Address,
    /// The server.
    pub server: &'a Server,
    /// The facts that decide on the method.
    pub facts: LockFacts,
    /// How many snapshots; 0 if no table has transactions.
    pub snapshots: usize,
    /// For how long it is tried.
    pub patience: Duration,
    /// The tables to lock together.
    pub groups: Vec<Vec<TableName>>,
}

/// Whether an error says that others hold what is needed.
pub(super) fn is_busy(error: &Error) -> bool {
    error_code(error).is_some_and(|code| BUSY.contains(&code))
}

/// The result of a try.
pub(super) enum Tried {
    /// It is held.
    Held(Moment),
    /// Others hold what is needed, for too long. The error names them.
    Busy(Error),
}

/// Takes a moment.
///
/// # Errors
/// [`ErrorKind::Database`] if the server refuses; [`error_code`] tells when a table cannot be opened.
pub(super) fn take(run: &Run<'_>, control: &mut Connection, wanted: &Wanted<'_>) -> Result<Tried> {
    let mut sessions = Sessions::open(control, wanted)?;
    let mut last = None;
    let until = Instant::now() + wanted.patience;
    for attempt in 1.. {
        run.check_stop()?;
        let facts = LockFacts { tells_apart: wanted.facts.tells_apart && attempt <= LOCKLESS_ATTEMPTS, ..wanted.facts };
        let method = facts.method();
        if !wait_for_others(run, control, wanted.server, method, &wanted.groups, until)? {
            break;
        }
        match sessions.try_once(control, wanted, method) {
            Ok(Some(taken)) => {
                return Ok(Tried::Held(taken.moment(sessions, control, wanted.server, attempt)?));
            }
            Ok(None) => {}
            Err(error) if is_lost(&error) => return Err(error),
            Err(error) => {
                sessions.give_up(control, method)?;
                if !is_busy(&error) {
                    return Err(error);
                }
                last = Some(error);
            }
        }
        if Instant::now() >= until {
            break;
        }
        pause(run, attempt)?;
    }
    let message = format!("the tables could not be locked for one moment{}", in_the_way(control));
    Ok(Tried::Busy(match last {
        Some(error) => error.context(message),
        None => Error::new(ErrorKind::Database, message),
    }))
}

/// The sessions of a moment.
struct Sessions {
    snapshots: Vec<Connection>,
    locks: Vec<LockGroup>,
}

/// The findings while the moment was taken.
struct Taken {
    method: LockMethod,
    locked_at: Instant,
    commits_blocked: Duration,
    now: Option<Vec<Option<String>>>,
    place: Option<Place>,
}

impl Sessions {
    fn open(control: &mut Connection, wanted: &Wanted<'_>) -> Result<Self> {
        let open = |_| Connection::open(wanted.address);
        let group = |tables: Vec<TableName>| {
            Ok::<_, Error>(LockGroup { connection: Connection::open(wanted.address)?, tables })
        };
        let mut sessions = Sessions {
            snapshots: (0..wanted.snapshots).map(open).collect::<Result<_>>()?,
            locks: wanted.groups.iter().cloned().map(group).collect::<Result<_>>()?,
        };
        let locking = sessions.locks.iter_mut().map(|group| &mut group.connection);
        for session in sessions.snapshots.iter_mut().chain(locking).chain([control]) {
            session.run(&format!("SET SESSION lock_wait_timeout={STEP_WAIT}"))?;
            session.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
        }
        Ok(sessions)
    }

    /// One try; `None` if snapshots without a lock did not meet.
    fn try_once(&mut self, control: &mut Connection, wanted: &Wanted<'_>, method: LockMethod) -> Result<Option<Taken>> {
        let mut barrier = Barrier { method, control };
        barrier.raise(&mut self.locks)?;
        let locked_at = Instant::now();
        barrier.block_commits()?;
        let control = &mut *barrier.control;
        let Begun::Together(place) = begin(control, wanted, method, &mut self.snapshots)? else { return Ok(None) };
        let now = control.first("SELECT UNIX_TIMESTAMP(NOW(6))")?;
        barrier.lower()?;
        let commits_blocked = if method == LockMethod::BackupStages { locked_at.elapsed() } else { Duration::ZERO };
        Ok(Some(Taken { method, locked_at, commits_blocked, now, place }))
    }

    /// Lets go of everything that a try had got.
    fn give_up(&mut self, control: &mut Connection, method: LockMethod) -> Result<()> {
        Barrier { method, control }.give_up(&mut self.locks)?;
        place::end(&mut self.snapshots)
    }
}

/// Whether snapshots show one moment.
enum Begun {
    /// They do; where that is in the log, if it is certain.
    Together(Option<Place>),
    /// They may not, and have ended.
    Apart,
}

/// Begins the snapshots.
fn begin(
    control: &mut Connection,
    wanted: &Wanted<'_>,
    method: LockMethod,
    snapshots: &mut Vec<Connection>,
) -> Result<Begun> {
    let server = wanted.server;
    if method == LockMethod::BackupStages || snapshots.is_empty() {
        place::start(snapshots)?;
        return Ok(Begun::Together(place::now(control, server)?));
    }
    let tries = if wanted.facts.tells_apart { LOCKLESS_TRIES } else { 0 };
    if method != LockMethod::OneSnapshot
        && let Some(place) = meet(control, server, snapshots, tries)?
    {
        return Ok(Begun::Together(Some(place)));
    }
    if method == LockMethod::Snapshots {
        return Ok(Begun::Apart);
    }
    // One is of one moment by itself; what is tried for is its place.
    snapshots.truncate(1);
    let met = meet(control, server, snapshots, tries.max(1))?;
    if met.is_none() {
        place::start(snapshots)?;
    }
    Ok(Begun::Together(met))
}

/// Begins snapshots until all of them stand at the same place of the binary log. If they never do, returns none.
fn meet(control: &mut Connection, server: &Server, snapshots: &mut [Connection], tries: u32) -> Result<Option<Place>> {
    for _ in 0..tries {
        if let Some(place) = place::begin(control, server, snapshots)? {
            return Ok(Some(place));
        }
        place::end(snapshots)?;
    }
    Ok(None)
}

impl Taken {
    fn moment(self, sessions: Sessions, control: &mut Connection, server: &Server, attempts: u32) -> Result<Moment> {
        let now = self.now.and_then(|row| row.into_iter().next().flatten()).unwrap_or_default();
        let (seconds, fraction) = now.split_once('.').unwrap_or((&now, "0"));
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        let record = MomentRecord {
            seconds: seconds.parse().unwrap_or(0),
            microseconds: format!("{fraction:0<6}").get(..6).and_then(|digits| digits.parse().ok()).unwrap_or(0),
            attempts,
            method: self.method.name().to_owned(),
            commits_blocked: millis(self.commits_blocked),
            tables_locked: 0,
            longest_wait: 0,
        };
        let binlog = self.place.map(|place| place.described(control, server)).transpose()?;
        let Sessions { snapshots, locks } = sessions;
        Ok(Moment { snapshots, locks, locked_at: self.locked_at, record, binlog })
    }
}

//! One moment for all tables: those with transactions by snapshots, the others by locks.
//!
//! ```text
//! MariaDB from 10.4:  BACKUP STAGE START, BLOCK_DDL -> LOCK TABLES … READ LOCAL -> BLOCK_COMMIT -> snapshots, position -> END
//! others:             FLUSH TABLES WITH READ LOCK   -> LOCK TABLES … READ LOCAL                 -> snapshots, position -> UNLOCK
//! only transactions:  snapshots, again until all stand at the same place of the binary log; no lock at all
//! ```
//!
//! Tables are locked after DDL is blocked and before commits are: in another order a writer that queues in between stands in a circle with
//! us. Whatever cannot be had within a second or two is given up, and tried again a little later: nobody is to wait for our waiting.

use std::time::{Duration, Instant};

use repo_format::database::{Binlog, Moment as MomentRecord};

use crate::backup::Run;
use crate::crypto::random;
use crate::database::{Address, Connection, Server, error_code, is_lost, outline, quote_name};
use crate::error::{Error, ErrorKind, Result};

/// Seconds that a step may wait for others.
const STEP_WAIT: u32 = 1;
/// Tries before the run fails.
const TRIES: u32 = 30;
/// After the first try that failed, at least; after each further one more, and always at most twice as much: others have waited for us.
const PAUSE: Duration = Duration::from_millis(400);
/// The longest pause, before it is doubled.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Tries to have all snapshots at one place without a lock,
const LOCKLESS_TRIES: u32 = 10;
/// and how often, before it is done with one.
const LOCKLESS_ATTEMPTS: u32 = 3;
/// Waited too long for a lock; for a metadata lock; chosen to break a deadlock.
const BUSY: [u16; 3] = [1205, 1213, 3024];

/// Tables that one connection locks together. UNLOCK frees all of them.
pub(super) struct LockGroup {
    /// The session that locks them: the only one that can read them once a writer waits.
    pub connection: Connection,
    /// Schema and name of each.
    pub tables: Vec<(String, String)>,
}

/// The moment, while it is held.
pub(super) struct Moment {
    /// Sessions with a snapshot each, all of the same moment.
    pub snapshots: Vec<Connection>,
    /// Sessions with locks.
    pub locks: Vec<LockGroup>,
    /// When tables were locked.
    pub locked_at: Instant,
    /// What is known of it.
    pub record: MomentRecord,
    /// Where the binary log stood.
    pub binlog: Option<Binlog>,
}

/// What a moment needs.
pub(super) struct Wanted<'a> {
    /// The server.
    pub address: &'a Address,
    /// What it is.
    pub server: &'a Server,
    /// How many snapshots; 0 if no table has transactions.
    pub snapshots: usize,
    /// What to lock together.
    pub groups: Vec<Vec<(String, String)>>,
}

/// Takes a moment.
///
/// # Errors
/// [`ErrorKind::Database`] if the locks could not be had in many tries, naming who was in the way; [`error_code`] tells when
/// a table cannot be opened.
pub(super) fn take(run: &Run<'_>, control: &mut Connection, wanted: &Wanted<'_>) -> Result<Moment> {
    let open = |_| Connection::open(wanted.address);
    let mut snapshots = (0..wanted.snapshots).map(open).collect::<Result<Vec<_>>>()?;
    let mut locks = Vec::with_capacity(wanted.groups.len());
    for tables in &wanted.groups {
        locks.push(LockGroup { connection: Connection::open(wanted.address)?, tables: tables.clone() });
    }
    let sessions = snapshots.iter_mut().chain(locks.iter_mut().map(|group| &mut group.connection));
    for session in sessions.chain([&mut *control]) {
        session.run(&format!("SET SESSION lock_wait_timeout={STEP_WAIT}"))?;
        session.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
    }
    let needs_no_lock = locks.is_empty() && has_binlog(control, wanted.server)?;
    let mut last = None;
    for attempt in 1..=TRIES {
        run.check_stop()?;
        let barrier = Barrier::of(wanted.server, needs_no_lock && attempt <= LOCKLESS_ATTEMPTS);
        match try_once((control, wanted.server), barrier, &mut snapshots, &mut locks) {
            Ok(Some(taken)) => {
                let (record, binlog, locked_at) = taken.described(control, wanted.server, attempt, barrier)?;
                return Ok(Moment { snapshots, locks, locked_at, record, binlog });
            }
            Ok(None) => {}
            Err(error) if is_lost(&error) => return Err(error),
            Err(error) => {
                release(control, barrier, &mut snapshots, &mut locks)?;
                match error_code(&error) {
                    Some(code) if BUSY.contains(&code) => last = Some(error),
                    _ => return Err(error),
                }
            }
        }
        pause(run, attempt)?;
    }
    let who = in_the_way(control);
    let message = format!("the tables could not be locked for one moment in {TRIES} tries{who}");
    Err(last.map_or_else(|| Error::new(ErrorKind::Database, message.clone()), |error| error.context(message.clone())))
}

/// What holds commits up while the snapshots begin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Barrier {
    /// Nothing: the snapshots are compared instead.
    None,
    /// `BACKUP STAGE`.
    Stages,
    /// A global read lock; on MySQL 8 with a lock that keeps DDL away.
    GlobalLock {
        /// `LOCK INSTANCE FOR BACKUP` is there.
        has_backup_lock: bool,
    },
}

impl Barrier {
    fn of(server: &Server, needs_none: bool) -> Self {
        match () {
            () if needs_none => Barrier::None,
            () if server.has_backup_stages() => Barrier::Stages,
            () => Barrier::GlobalLock { has_backup_lock: server.is_mysql_from((8, 0, 0)) },
        }
    }

    fn name(self) -> &'static str {
        match self {
            Barrier::None => "snapshots",
            Barrier::Stages => "backup stages",
            Barrier::GlobalLock { .. } => "global read lock",
        }
    }

    /// Keeps DDL, and writers of tables without transactions, away.
    fn raise(self, control: &mut Connection) -> Result<()> {
        match self {
            Barrier::None => Ok(()),
            Barrier::Stages => {
                control.run("BACKUP STAGE START")?;
                control.run("BACKUP STAGE BLOCK_DDL")
            }
            Barrier::GlobalLock { has_backup_lock } => {
                if has_backup_lock {
                    control.run("LOCK INSTANCE FOR BACKUP")?;
                }
                control.run("FLUSH TABLES WITH READ LOCK")
            }
        }
    }

    fn block_commits(self, control: &mut Connection) -> Result<()> {
        if self == Barrier::Stages { control.run("BACKUP STAGE BLOCK_COMMIT") } else { Ok(()) }
    }

    fn lower(self, control: &mut Connection) -> Result<()> {
        match self {
            Barrier::None => Ok(()),
            Barrier::Stages => control.run("BACKUP STAGE END"),
            Barrier::GlobalLock { has_backup_lock } => {
                control.run("UNLOCK TABLES")?;
                if has_backup_lock { control.run("UNLOCK INSTANCE") } else { Ok(()) }
            }
        }
    }
}

/// What was found out while the moment was taken.
struct Taken {
    locked_at: Instant,
    commits_blocked: Duration,
    now: Option<Vec<Option<String>>>,
    position: Option<(String, u64)>,
    gtid: String,
}

/// One try; `None` if snapshots without a lock did not meet.
fn try_once(
    (control, server): (&mut Connection, &Server),
    barrier: Barrier,
    snapshots: &mut [Connection],
    locks: &mut [LockGroup],
) -> Result<Option<Taken>> {
    if barrier == Barrier::None {
        return lockless(control, snapshots);
    }
    barrier.raise(control)?;
    let locked_at = Instant::now();
    for group in locks.iter_mut() {
        lock(group)?;
    }
    let blocked_at = Instant::now();
    barrier.block_commits(control)?;
    for snapshot in snapshots.iter_mut() {
        snapshot.run("START TRANSACTION WITH CONSISTENT SNAPSHOT")?;
    }
    let (position, gtid) = position(control, server)?;
    let now = control.first("SELECT UNIX_TIMESTAMP(NOW(6))")?;
    barrier.lower(control)?;
    Ok(Some(Taken { locked_at, commits_blocked: blocked_at.elapsed(), now, position, gtid }))
}

/// Whether a snapshot says where in the binary log it stands. Without that nothing tells two snapshots apart.
fn has_binlog(control: &mut Connection, server: &Server) -> Result<bool> {
    Ok(server.is_mariadb_from((5, 3, 0))
        && control.value("SELECT @@global.log_bin")?.as_deref() == Some("1")
        && !control.rows("SHOW STATUS LIKE 'binlog_snapshot_position'")?.is_empty())
}

/// Begins snapshots until all of them stand at the same place of the binary log.
fn lockless(control: &mut Connection, snapshots: &mut [Connection]) -> Result<Option<Taken>> {
    let started = Instant::now();
    for _ in 0..LOCKLESS_TRIES {
        for snapshot in snapshots.iter_mut() {
            snapshot.run("START TRANSACTION WITH CONSISTENT SNAPSHOT")?;
        }
        let now = control.first("SELECT UNIX_TIMESTAMP(NOW(6))")?;
        let mut places = snapshots.iter_mut().map(snapshot_position).collect::<Result<Vec<_>>>()?;
        places.dedup();
        if let [Some((file, position))] = &places[..] {
            let sql = format!("SELECT BINLOG_GTID_POS({}, {position})", crate::database::quote_text(file));
            let gtid = control.value(&sql)?.unwrap_or_default();
            let position = Some((file.clone(), *position));
            return Ok(Some(Taken { locked_at: started, commits_blocked: Duration::ZERO, now, position, gtid }));
        }
        snapshots.iter_mut().try_for_each(|snapshot| snapshot.run("ROLLBACK"))?;
    }
    Ok(None)
}

fn snapshot_position(snapshot: &mut Connection) -> Result<Option<(String, u64)>> {
    let rows = snapshot.rows("SHOW STATUS LIKE 'binlog_snapshot_%'")?;
    let find = |name: &[u8]| {
        let row = rows.iter().find(|row| row.first().is_some_and(|cell| cell.as_deref() == Some(name)))?;
        row.get(1)?.as_ref().map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let position = find(b"Binlog_snapshot_position").and_then(|text| text.parse().ok());
    Ok(find(b"Binlog_snapshot_file").zip(position))
}

/// Locks the tables of a group, so that inserts at their ends go on.
fn lock(group: &mut LockGroup) -> Result<()> {
    let name = |(schema, table): &(String, String)| format!("{}.{} READ LOCAL", quote_name(schema), quote_name(table));
    let all: Vec<_> = group.tables.iter().map(name).collect();
    if all.is_empty() { Ok(()) } else { group.connection.run(&format!("LOCK TABLES {}", all.join(", "))) }
}

/// The position of the binary log and its GTIDs, as far as there are such.
fn position(control: &mut Connection, server: &Server) -> Result<(Option<(String, u64)>, String)> {
    let sql = match server.is_mysql_from((8, 4, 0)) {
        true => "SHOW BINARY LOG STATUS",
        false => "SHOW MASTER STATUS",
    };
    let status = match control.first(sql) {
        Ok(status) => status,
        // It needs a right of its own, and without it there is no position, which is no reason for having no backup.
        Err(error) if !is_lost(&error) => None,
        Err(error) => return Err(error),
    };
    let Some(row) = status else { return Ok((None, String::new())) };
    let file = row.first().cloned().flatten();
    let at = row.get(1).cloned().flatten().and_then(|text| text.parse().ok());
    let gtid = match server.is_mariadb() {
        true => control.value("SELECT @@global.gtid_binlog_pos")?.unwrap_or_default(),
        false => row.get(4).cloned().flatten().unwrap_or_default(),
    };
    Ok((file.zip(at), gtid))
}

impl Taken {
    fn described(
        self,
        control: &mut Connection,
        server: &Server,
        attempts: u32,
        barrier: Barrier,
    ) -> Result<(MomentRecord, Option<Binlog>, Instant)> {
        let now = self.now.and_then(|row| row.into_iter().next().flatten()).unwrap_or_default();
        let (seconds, fraction) = now.split_once('.').unwrap_or((&now, "0"));
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        let record = MomentRecord {
            seconds: seconds.parse().unwrap_or(0),
            microseconds: format!("{fraction:0<6}").get(..6).and_then(|digits| digits.parse().ok()).unwrap_or(0),
            attempts,
            method: barrier.name().to_owned(),
            commits_blocked: millis(self.commits_blocked),
            tables_locked: 0,
            longest_wait: 0,
        };
        let binlog = match self.position {
            Some((file, position)) => Some(binlog(control, server, file, position, self.gtid)?),
            None => None,
        };
        Ok((record, binlog, self.locked_at))
    }
}

fn binlog(control: &mut Connection, server: &Server, file: String, position: u64, gtid: String) -> Result<Binlog> {
    // MySQL before 5.6 has no row image.
    let has_row_image = server.is_mariadb_from((10, 1, 6)) || server.is_mysql_from((5, 6, 2));
    let image = if has_row_image { control.value("SELECT @@global.binlog_row_image")? } else { None };
    let format = control.value("SELECT @@global.binlog_format")?;
    let filters = match control.first(if server.is_mysql_from((8, 4, 0)) {
        "SHOW BINARY LOG STATUS"
    } else {
        "SHOW MASTER STATUS"
    }) {
        Ok(Some(row)) => row.into_iter().skip(2).take(2).map(Option::unwrap_or_default).collect::<Vec<_>>().join("/"),
        _ => String::new(),
    };
    Ok(Binlog {
        file,
        position,
        gtid,
        format: format.unwrap_or_default(),
        row_image: image.unwrap_or_default(),
        filters: filters.trim_matches('/').to_owned(),
    })
}

/// Lets go of everything that a try had got.
fn release(
    control: &mut Connection,
    barrier: Barrier,
    snapshots: &mut [Connection],
    locks: &mut [LockGroup],
) -> Result<()> {
    for group in locks.iter_mut() {
        group.connection.run("UNLOCK TABLES")?;
    }
    for snapshot in snapshots.iter_mut() {
        snapshot.run("ROLLBACK")?;
    }
    match barrier.lower(control) {
        // A stage that did not begin need not end.
        Err(error) if is_lost(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Waits a little, not always as long: two that are in each other's way must not meet again.
fn pause(run: &Run<'_>, attempt: u32) -> Result<()> {
    let [byte] = random::<1>()?;
    let base = (PAUSE * attempt).min(PAUSE_MAX);
    let end = Instant::now() + base + base * u32::from(byte) / 255;
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
        run.check_stop()?;
    }
    Ok(())
}

/// Sessions that may hold locks, for the error.
fn in_the_way(control: &mut Connection) -> String {
    let sql = "SELECT ID, USER, HOST, COMMAND, TIME, INFO FROM information_schema.PROCESSLIST \
               WHERE ID <> CONNECTION_ID() AND COMMAND NOT IN ('Daemon', 'Binlog Dump') ORDER BY TIME DESC LIMIT 5";
    let Ok(rows) = control.rows(sql) else { return String::new() };
    let describe = |row: &crate::database::Row| {
        let cell = |at: usize| {
            let cell = row.get(at).cloned().flatten().unwrap_or_default();
            String::from_utf8_lossy(&cell).into_owned()
        };
        // What the statement does, without its values.
        let does = match cell(5).as_str() {
            "" => String::new(),
            statement => format!(": {}", outline(statement)),
        };
        format!("{} of {}@{} ({} for {} s{does})", cell(0), cell(1), cell(2), cell(3), cell(4))
    };
    match rows.is_empty() {
        true => String::new(),
        false => {
            format!("; sessions that may be in the way: {}", rows.iter().map(describe).collect::<Vec<_>>().join(", "))
        }
    }
}

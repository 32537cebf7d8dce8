//! How fast rows go: batches that hold nobody up for long, and pauses while the server is busy.

use std::time::{Duration, Instant};

use super::health::{Health, Replica};
use super::locks::was_locked_out;
use super::options::PaceOptions;
use crate::database::Connection;
use engine_core::error::{Error, Result};
use engine_core::monitor::{Monitor, Work};

/// The time that one batch should take, locks included: people do not notice it, and most of it is still deletion.
const BATCH_AIM: Duration = Duration::from_millis(100);
/// The first batch: small, as nothing is known of the server yet.
const ROWS_FIRST: u32 = 200;
/// The smallest batch: below it a batch is mostly overhead.
const ROWS_MIN: u32 = 10;
/// The largest batch: statements grow with it.
const ROWS_MAX: u32 = 10_000;
/// The first pause after a batch did not get its locks.
const WAY_FIRST: Duration = Duration::from_millis(500);
/// The longest pause after a batch did not get its locks.
const WAY_MAX: Duration = Duration::from_secs(30);
/// The time after which a waiting connection sends a statement: networks drop silent connections.
const SIGN_OF_LIFE: Duration = Duration::from_secs(60);
const CLOSED: &str = "until the window opens";
/// The time between two looks at whether to go on.
const POLL: Duration = Duration::from_millis(200);

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::purge) enum Go {
    On,
    TimeIsUp,
}

/// The result of trying a batch.
pub(in crate::purge) enum Tried {
    /// There is none left.
    Nothing,
    /// Others hold its rows or tables, and nothing is gone: it is to be tried again.
    LockedOut,
    /// It asked for `asked` rows of the parent table, held its locks for `took`, and removed `gone`, of all tables.
    Rows { asked: u32, took: Duration, gone: Work },
    /// Files went.
    Files(Work),
}

impl Tried {
    /// Takes `LockedOut` for a failure to get locks: nothing of the batch is gone then, so it is no failure of the run.
    ///
    /// # Errors
    /// Other failures of `result`.
    pub fn or_locked_out(result: Result<Self>) -> Result<Self> {
        match result {
            Err(error) if was_locked_out(&error) => Ok(Tried::LockedOut),
            result => result,
        }
    }
}

/// Decides before each batch when it begins and how large it is.
pub(in crate::purge) struct Pace {
    options: PaceOptions,
    health: Health,
    /// When the window was open first.
    began: Option<Instant>,
    rows: u32,
    /// When the next batch may begin, by the rows a second, or as others hold locks.
    next: Instant,
    /// For how long others were given way last; none if the last batch got its locks.
    gave_way: Option<Duration>,
    asked: Instant,
}

impl Pace {
    /// Connects to the replicas.
    ///
    /// # Errors
    /// If one of them cannot be reached.
    pub fn new(options: &PaceOptions) -> Result<Self> {
        let replicas = options.replicas.iter().map(Replica::connect).collect::<Result<Vec<_>>>()?;
        let health = Health::new(options, replicas);
        Ok(Pace {
            options: options.clone(),
            health,
            began: None,
            rows: ROWS_FIRST,
            next: Instant::now(),
            gave_way: None,
            asked: Instant::now(),
        })
    }

    /// Rows of the parent table in the next batch.
    fn rows(&self) -> u32 {
        let per_second = self.options.rows_per_second.unwrap_or(ROWS_MAX);
        self.rows.min(per_second).max(1)
    }

    /// See [`Paced::batches`].
    fn batches(
        &mut self,
        connection: &mut Connection,
        monitor: &dyn Monitor,
        batch: &mut dyn FnMut(&mut Connection, u32) -> Result<Tried>,
    ) -> Result<Go> {
        while self.wait(connection, monitor)? == Go::On {
            match batch(connection, self.rows())? {
                Tried::Nothing => return Ok(Go::On),
                Tried::LockedOut => self.give_way(),
                Tried::Rows { asked, took, gone } => {
                    self.done(took, asked, gone.items);
                    monitor.advance(gone);
                }
                Tried::Files(gone) => {
                    self.gave_way = None;
                    monitor.advance(gone);
                }
            }
        }
        Ok(Go::TimeIsUp)
    }

    /// Waits until the next batch may begin.
    ///
    /// # Errors
    /// If the user wishes to stop, or a server does not answer.
    fn wait(&mut self, connection: &mut Connection, monitor: &dyn Monitor) -> Result<Go> {
        let mut told = None;
        loop {
            if monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            if self.is_time_up() {
                return Ok(Go::TimeIsUp);
            }
            let Some(reason) = self.reason(connection)? else {
                self.asked = Instant::now();
                return Ok(Go::On);
            };
            if told.as_ref() != Some(&reason) && !reason.is_empty() {
                monitor.note(&format!("waiting {reason}"));
                told = Some(reason);
            }
            self.nap(connection)?;
        }
    }

    /// See [`Paced::wait_for_window`].
    fn wait_for_window(&mut self, connection: &mut Connection, monitor: &dyn Monitor) -> Result<()> {
        if self.is_closed() {
            monitor.note(&format!("waiting {CLOSED}"));
        }
        while self.is_closed() {
            if monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            self.nap(connection)?;
        }
        self.asked = Instant::now();
        Ok(())
    }

    fn nap(&mut self, connection: &mut Connection) -> Result<()> {
        let until = self.next.saturating_duration_since(Instant::now());
        std::thread::sleep(if until.is_zero() { POLL } else { until.min(POLL) });
        if self.asked.elapsed() >= SIGN_OF_LIFE {
            connection.value("SELECT 1")?;
            self.asked = Instant::now();
        }
        Ok(())
    }

    /// The time that a run may take does not begin before its window opens.
    fn is_time_up(&mut self) -> bool {
        if self.began.is_none() && self.is_closed() {
            return false;
        }
        let began = *self.began.get_or_insert_with(Instant::now);
        self.options.time.is_some_and(|time| began.elapsed() >= time)
    }

    fn is_closed(&self) -> bool {
        self.options.window.as_ref().is_some_and(|window| !window.is_open())
    }

    /// The reason to wait, as a clause; an empty one if it is not worth telling.
    fn reason(&mut self, connection: &mut Connection) -> Result<Option<String>> {
        if self.is_closed() {
            return Ok(Some(CLOSED.to_owned()));
        }
        if Instant::now() < self.next {
            let reason = self.gave_way.map_or("", |_| "until others let go of the rows or tables");
            return Ok(Some(reason.to_owned()));
        }
        self.health.trouble(connection)
    }

    /// A batch that asked for `asked` rows of the parent table held its locks for `elapsed`, and removed `rows` rows of all tables.
    fn done(&mut self, elapsed: Duration, asked: u32, rows: u64) {
        self.gave_way = None;
        let factor = (BATCH_AIM.as_secs_f64() / elapsed.as_secs_f64().max(0.001)).clamp(0.5, 1.5);
        // The time for more rows than asked for is unknown.
        let aim = (f64::from(asked) * factor).clamp(f64::from(ROWS_MIN), f64::from(ROWS_MAX));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it has just been clamped")]
        let aim = aim as u32;
        self.rows = aim;
        if let Some(per_second) = self.options.rows_per_second {
            let seconds = Duration::from_secs_f64(
                f64::from(u32::try_from(rows).unwrap_or(u32::MAX)) / f64::from(per_second.max(1)),
            );
            let batch_began = Instant::now().checked_sub(elapsed).unwrap_or(self.next);
            self.next = self.next.max(batch_began) + seconds;
        }
    }

    /// Waits longer after each batch that did not get its locks: the holder can finish, and others need not queue behind the next try all the time.
    fn give_way(&mut self) {
        let time = self.gave_way.map_or(WAY_FIRST, |before| (before * 2).min(WAY_MAX));
        self.gave_way = Some(time);
        self.next = Instant::now() + time;
        self.rows = (self.rows / 2).max(ROWS_MIN);
    }
}

/// A connection to the live server, with the pace of what is done on it.
pub(in crate::purge) struct Paced<'a> {
    pub connection: &'a mut Connection,
    pub pace: &'a mut Pace,
    pub monitor: &'a dyn Monitor,
}

impl Paced<'_> {
    /// Does batch after batch, until there is none left or the time is up: `batch` gets how many rows of the parent table one should have.
    ///
    /// # Errors
    /// If the user wishes to stop, or a server does not answer; else those of `batch`.
    pub fn batches(&mut self, batch: &mut dyn FnMut(&mut Connection, u32) -> Result<Tried>) -> Result<Go> {
        self.pace.batches(self.connection, self.monitor, batch)
    }

    /// Waits until the window is open. The time that a run may take does not begin with this wait.
    ///
    /// # Errors
    /// If the user wishes to stop, or the server is gone.
    pub fn wait_for_window(&mut self) -> Result<()> {
        self.pace.wait_for_window(self.connection, self.monitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(options: &PaceOptions) -> Pace {
        Pace::new(options).unwrap()
    }

    #[test]
    fn batches_grow_and_shrink_to_what_they_should_take() {
        let mut pace = pace(&PaceOptions::default());
        (0..20).for_each(|_| {
            let asked = pace.rows();
            pace.done(Duration::from_millis(1), asked, 1);
        });
        assert_eq!(pace.rows(), ROWS_MAX);
        pace.done(Duration::from_millis(150), ROWS_MAX, 1);
        assert_eq!(pace.rows(), 6666);
        (0..20).for_each(|_| {
            let asked = pace.rows();
            pace.done(Duration::from_secs(9), asked, 1);
        });
        assert_eq!(pace.rows(), ROWS_MIN);
    }

    #[test]
    fn the_rows_a_second_bound_a_batch_and_the_time_of_the_next() {
        let mut pace = pace(&PaceOptions { rows_per_second: Some(100), ..PaceOptions::default() });
        assert_eq!(pace.rows(), 100);
        let before = pace.next;
        pace.done(Duration::from_millis(10), 100, 300);
        assert!(pace.next >= before + Duration::from_secs(3));
    }

    #[test]
    fn a_batch_does_not_grow_beyond_what_was_tried() {
        let mut pace = pace(&PaceOptions::default());
        (0..20).for_each(|_| pace.done(Duration::from_millis(1), 200, 1));
        assert_eq!(pace.rows(), 300, "keys that lie far apart make small batches");
    }

    #[test]
    fn others_are_given_way_longer_each_time_until_a_batch_gets_its_locks() {
        let mut pace = pace(&PaceOptions::default());
        pace.give_way();
        assert_eq!((pace.gave_way, pace.rows()), (Some(WAY_FIRST), ROWS_FIRST / 2));
        (0..9).for_each(|_| pace.give_way());
        assert_eq!(pace.gave_way, Some(WAY_MAX));
        assert!(pace.next > Instant::now() + WAY_MAX / 2);
        pace.done(Duration::from_millis(100), 10, 10);
        assert_eq!(pace.gave_way, None);
    }
}

//! A server's log as it is written, kept every minute.

use std::time::{Duration, Instant};

use repo_format::log::StreamStart;

use super::pass::{Archived, Archiver, Claim, Opened, SavedLog};
use super::reading::{Ahead, Reading};
use super::start::{Start, begin_at};
use super::write::{Arriving, LogEnd, Until, WriteEnd};
use crate::database::{Address, BinaryLog, LogFound, StreamEnd, error_code};
use engine_core::error::{Error, ErrorKind, Result, chain};
use engine_core::monitor::Monitor;
use engine_core::repository::Repository;
use engine_core::session::WriterOptions;

/// So many bytes of events are kept at once, without waiting.
const BYTES_AT_ONCE: u64 = 4 << 20;
/// A server that cannot be reached is tried again after so long at first, and after twice as long each time,
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// and at most after so long.
const RETRY_AT_MOST: Duration = Duration::from_secs(60);
/// How often it is looked whether the user wishes to stop, while nothing else happens.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The server's numbers for a stream that it ended, and for what passes: it ends, has too many connections or too little memory, or ended a
/// connection that said nothing.
const PASSING: [u16; 13] = [1236, 4052, 1037, 1040, 1041, 1053, 1129, 1203, 1205, 1226, 1317, 1927, 4031];
/// How often the connection that keeps other readers away gives a sign of life.
const CLAIM_EVERY: Duration = Duration::from_secs(30);
/// The server gives a claim up after so long, and the interval at which logs are kept, without a sign of life.
const CLAIM_ENDS: Duration = Duration::from_secs(300);

/// How often small logs are merged.
const MERGE_EVERY: Duration = Duration::from_secs(3600);

/// How a log is watched.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// New events are kept at this interval.
    pub every: Duration,
    /// The identity of the writer.
    pub writer: WriterOptions,
}

/// Fetches the log of the server at `address` as it is written, until the user wishes to stop; `kept` hears of each part that is kept. A server that
/// is lost is tried again, for as long as it takes, and so is a repository that has taken something before: its disk may be full, or away, for a while.
///
/// # Errors
/// If the server keeps no log or does not show it, which is given; if the repository cannot be written from the beginning. A wish to stop is no error.
pub fn watch(
    repository: &Repository,
    address: &Address,
    options: &WatchOptions,
    monitor: &dyn Monitor,
    kept: &mut dyn FnMut(&SavedLog),
) -> Result<Option<Archived>> {
    let (mut wait, mut has_ever_kept, mut merge_at) = (RETRY_AFTER, false, Instant::now());
    loop {
        let mut watched = Watched { options, monitor, kept, has_kept: false, merge_at };
        let ended = crate::database::attended(address, monitor, |address| {
            match Archiver::open(repository, address, Claim::Needed, &options.writer, monitor)? {
                Opened::Ready(mut archiver, log) => watched.run(&mut archiver, log).map(|()| None),
                Opened::Not(not) => Ok(Some(not)),
            }
        });
        (has_ever_kept, merge_at) = (has_ever_kept || watched.has_kept, watched.merge_at);
        match ended {
            _ if monitor.is_cancelled() => return Ok(None),
            Ok(Some(not)) => return Ok(Some(not)),
            Ok(None) => wait = RETRY_AFTER,
            Err(error) if may_pass(&error) || has_ever_kept && is_of_storage(&error) => {
                wait = if watched.has_kept { RETRY_AFTER } else { (wait * 2).min(RETRY_AT_MOST) };
                let seconds = wait.as_secs();
                monitor.note(&format!("the binary log is read again after {seconds} s: {}", chain(&error)));
            }
            Err(error) => return Err(error),
        }
        if !pause(wait, monitor) {
            return Ok(None);
        }
    }
}

/// Whether it may go better the next time: the server is lost, its log has begun anew or was read by another reader of the same number, or what it
/// sent was damaged on the way; or this machine slept for so long that others took it for dead.
fn may_pass(error: &Error) -> bool {
    error.kind() == ErrorKind::Fenced
        || error.kind() == ErrorKind::Database && error_code(error).is_none_or(|code| PASSING.contains(&code))
}

/// Whether the repository or its cache could not be written, which may pass. The server still has what was not kept.
fn is_of_storage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NoSpace | ErrorKind::Io | ErrorKind::PermissionDenied | ErrorKind::Cache)
}

/// Waits; gives whether the user has no wish to stop.
fn pause(time: Duration, monitor: &dyn Monitor) -> bool {
    let until = Instant::now() + time;
    while !monitor.is_cancelled() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(LOOK_EVERY));
    }
    false
}

/// One connection's worth of watching.
struct Watched<'w> {
    options: &'w WatchOptions,
    monitor: &'w dyn Monitor,
    kept: &'w mut dyn FnMut(&SavedLog),
    has_kept: bool,
    /// When small logs are merged next.
    merge_at: Instant,
}

impl Watched<'_> {
    fn run(&mut self, archiver: &mut Archiver<'_>, mut log: BinaryLog) -> Result<()> {
        archiver.limit_claim(CLAIM_ENDS + self.options.every)?;
        let (mut start, mut reading) = archiver.begin(&log, StreamEnd::Wait)?;
        let mut arrival = end_of(&log);
        loop {
            match self.wait_for_event(archiver, &mut reading) {
                Ok(true) => arrival = Arriving::Live,
                Ok(false) => {}
                Err(error) => {
                    start = archiver.behind_cut_file(error, &reading)?;
                    (reading, _) = archiver.read_from(&start, StreamEnd::Wait)?;
                    continue;
                }
            }
            let deadline = Instant::now() + self.options.every;
            if let LogFound::There(now) = archiver.look()? {
                log = now;
            }
            let subject = archiver.subject(&start, &log, arrival)?;
            let until = Until::Interval { deadline, bytes: BYTES_AT_ONCE };
            let saved = archiver.save(subject, &mut reading, until)?;
            arrival = if saved.is_live { Arriving::Live } else { end_of(&log) };
            if let Some(saved) = &saved.log {
                self.has_kept = true;
                (self.kept)(saved);
                start = Start::after(saved.id, &saved.record);
                if Instant::now() >= self.merge_at {
                    archiver.merge();
                    self.merge_at = Instant::now() + MERGE_EVERY;
                }
            }
            start = match saved.end {
                WriteEnd::Forked(place) => begin_at(StreamStart::Fork, place)?,
                WriteEnd::Incident => begin_at(StreamStart::Gap, start.place)?,
                WriteEnd::EndOfLog => return Ok(()),
                WriteEnd::Cut(error) => archiver.behind_cut_file(error, &reading)?,
                WriteEnd::Interval => continue,
            };
            (reading, _) = archiver.read_from(&start, StreamEnd::Wait)?;
        }
    }

    /// Waits until something happens, as nothing is written before; gives whether nothing happened for a while.
    fn wait_for_event(&self, archiver: &mut Archiver<'_>, reading: &mut Reading) -> Result<bool> {
        let (mut claimed, mut was_idle) = (Instant::now(), false);
        loop {
            if self.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            if reading.ahead()? != Ahead::Nothing {
                return Ok(was_idle);
            }
            was_idle = true;
            if claimed.elapsed() >= CLAIM_EVERY {
                archiver.keep_claim()?;
                claimed = Instant::now();
            }
        }
    }
}

/// Events up to the end of `log` were written before they arrive.
fn end_of(log: &BinaryLog) -> Arriving {
    match log.files.last() {
        Some(file) => Arriving::Behind(LogEnd { file: file.name.clone(), offset: file.size, time: log.now }),
        None => Arriving::Live,
    }
}

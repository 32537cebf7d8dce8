//! A server's log as it is written, kept every minute.

use std::time::{Duration, Instant};

use repo_format::log::StreamStart;

use super::pass::{Archived, Archiver, Opened, SavedLog};
use super::reading::{Reading, Received};
use super::start::{Start, begin_at};
use super::write::{Until, WriteEnd};
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
/// The server's numbers for a stream that it ended.
const STREAM_ENDED: [u16; 2] = [1236, 4052];
/// How often the connection that keeps other readers away gives a sign of life.
const CLAIM_EVERY: Duration = Duration::from_secs(30);

/// How a log is watched.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// New events are kept at this interval.
    pub every: Duration,
    /// The identity of the writer.
    pub writer: WriterOptions,
}

/// Fetches the log of the server at `address` as it is written, until the user wishes to stop; `kept` hears of each part that is kept. A server that
/// is lost is tried again, for as long as it takes.
///
/// # Errors
/// If the server keeps no log or does not show it, which is given; if the repository cannot be written. A wish to stop is no error.
pub fn watch(
    repository: &Repository,
    address: &Address,
    options: &WatchOptions,
    monitor: &dyn Monitor,
    kept: &mut dyn FnMut(&SavedLog),
) -> Result<Option<Archived>> {
    let mut wait = RETRY_AFTER;
    loop {
        let mut watched = Watched { options, monitor, kept, has_kept: false };
        let ended = crate::database::attended(address, monitor, |address| {
            match Archiver::open(repository, address, &options.writer, monitor)? {
                Opened::Ready(mut archiver, log) => watched.run(&mut archiver, log).map(|()| None),
                Opened::Not(not) => Ok(Some(not)),
            }
        });
        match ended {
            _ if monitor.is_cancelled() => return Ok(None),
            Ok(Some(not)) => return Ok(Some(not)),
            Ok(None) => wait = RETRY_AFTER,
            Err(error) if may_pass(&error) => {
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
/// sent was damaged on the way.
fn may_pass(error: &Error) -> bool {
    error.kind() == ErrorKind::Database && error_code(error).is_none_or(|code| STREAM_ENDED.contains(&code))
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
}

impl Watched<'_> {
    fn run(&mut self, archiver: &mut Archiver<'_>, mut log: BinaryLog) -> Result<()> {
        let (mut start, mut reading) = archiver.begin(&log, StreamEnd::Wait)?;
        loop {
            self.wait_for_event(archiver, &mut reading)?;
            let deadline = Instant::now() + self.options.every;
            if let LogFound::There(now) = archiver.look()? {
                log = now;
            }
            let subject = archiver.subject(&start, &log, StreamEnd::Wait)?;
            let until = Until::Interval { deadline, bytes: BYTES_AT_ONCE };
            let (saved, end) = archiver.save(subject, &mut reading, until)?;
            if let Some(saved) = &saved {
                self.has_kept = true;
                (self.kept)(saved);
                start = Start {
                    stream: saved.record.stream,
                    place: saved.record.to.clone(),
                    previous: Some(saved.id),
                    reason: None,
                    known_file: None,
                };
            }
            let next = match end {
                WriteEnd::Forked(place) => begin_at(StreamStart::Fork, place)?,
                WriteEnd::Incident => begin_at(StreamStart::Gap, start.place.clone())?,
                WriteEnd::EndOfLog => return Ok(()),
                WriteEnd::Interval => continue,
            };
            (reading, _) = archiver.read_from(&next, StreamEnd::Wait)?;
            start = next;
        }
    }

    /// Waits until something happens: nothing is written before.
    fn wait_for_event(&self, archiver: &mut Archiver<'_>, reading: &mut Reading) -> Result<()> {
        let (mut held, mut claimed) = (Vec::new(), Instant::now());
        loop {
            if self.monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            match reading.next()? {
                Received::Idle => {
                    if claimed.elapsed() >= CLAIM_EVERY {
                        archiver.keep_claim()?;
                        claimed = Instant::now();
                    }
                }
                file @ Received::File(_) => held.push(file),
                other => {
                    held.push(other);
                    break;
                }
            }
        }
        held.into_iter().for_each(|received| reading.hold(received));
        Ok(())
    }
}

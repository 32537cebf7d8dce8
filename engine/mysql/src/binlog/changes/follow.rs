//! Follows a server's log from one place to another.

use repo_format::log::LogPlace;

use super::collect::Collector;
use super::{Changes, WantedTables};
use crate::binlog::archive::{Reading, Received, passing_reader};
use crate::binlog::event::Event;
use crate::database::{Address, StreamEnd};
use engine_core::error::{Error, ErrorKind, Result};

/// So many events are taken between looks for the wish to stop.
const EVENTS_BETWEEN_LOOKS: usize = 1024;

/// Where following begins.
#[derive(Debug, Clone)]
pub struct LogSpan<'s> {
    /// The server.
    pub address: &'s Address,
    /// The place.
    pub from: LogPlace,
    /// The server's clock at that place, in seconds since 1970. A file that began later is another one, of the same name.
    pub moment: i64,
}

/// Where following ends.
enum Goal<'g> {
    /// At the log's present end. The file where it begins began before the `moment`.
    End { moment: i64 },
    /// At a place.
    Place(&'g LogPlace),
}

/// A log that is followed.
pub struct Followed<'w> {
    collector: Collector<'w>,
    at: LogPlace,
    /// The server's clock when the file at that place began.
    began: Option<i64>,
}

impl<'w> Followed<'w> {
    /// Follows the log up to its present end.
    ///
    /// # Errors
    /// If the server refuses the place, or its log cannot be read; what `check_stop` gives.
    pub fn begin(span: LogSpan<'_>, wanted: &'w WantedTables, check_stop: CheckStop<'_>) -> Result<Self> {
        let mut followed = Followed { collector: Collector::new(wanted), at: span.from, began: None };
        followed.advance(span.address, &Goal::End { moment: span.moment }, check_stop)?;
        Ok(followed)
    }

    /// Follows it up to `until`, where a transaction ends.
    ///
    /// # Errors
    /// As [`Followed::begin`]; also if the place does not come.
    pub fn until(mut self, address: &Address, until: &LogPlace, check_stop: CheckStop<'_>) -> Result<Changes> {
        if !is_same(&self.at, until) && !self.collector.is_done() {
            self.advance(address, &Goal::Place(until), check_stop)?;
        }
        if is_same(&self.at, until) || self.collector.is_done() {
            return Ok(self.collector.finish());
        }
        let message = format!("the binary log has no place {}:{}", until.file, until.offset);
        Err(Error::new(ErrorKind::Database, message))
    }

    fn advance(&mut self, address: &Address, goal: &Goal<'_>, check_stop: CheckStop<'_>) -> Result<()> {
        let mut reading = Reading::open(address, &self.at, passing_reader()?, StreamEnd::Stop)?;
        let began = reading.first_file()?.map(|begins| i64::from(begins.format.timestamp));
        let is_same_file = match goal {
            Goal::End { moment } => began.is_some_and(|began| began < *moment),
            Goal::Place(_) => began == self.began,
        };
        if !is_same_file {
            return Err(Error::new(ErrorKind::Database, "the server has begun its log anew"));
        }
        self.began = began;
        for number in 1.. {
            if number % EVENTS_BETWEEN_LOOKS == 0 {
                check_stop()?;
            }
            if self.collector.is_done() || matches!(goal, Goal::Place(until) if is_same(&self.at, until)) {
                break;
            }
            match reading.next()? {
                Received::Event(received) => {
                    let Some(file) = reading.current() else { continue };
                    let malformed = |why| Error::caused(ErrorKind::Database, "the server's log cannot be read", why);
                    let event = Event::new(&received.bytes).map_err(malformed)?;
                    self.collector.add(&event, &file.format).map_err(malformed)?;
                    self.at.offset = received.end;
                }
                Received::File(begins) if begins.name != self.at.file => {
                    self.began = Some(begins.format.timestamp.into());
                    self.at =
                        LogPlace { file: begins.name, offset: repo_format::log::FIRST_OFFSET, gtid: String::new() };
                }
                Received::File(_) | Received::Idle => {}
                Received::Forked(_) => {
                    return Err(Error::new(ErrorKind::Database, "the server has lost a part of its log"));
                }
                Received::End => break,
            }
        }
        Ok(())
    }
}

/// Fails if the user wishes to stop.
pub type CheckStop<'c> = &'c dyn Fn() -> Result<()>;

fn is_same(one: &LogPlace, other: &LogPlace) -> bool {
    (&one.file, one.offset) == (&other.file, other.offset)
}

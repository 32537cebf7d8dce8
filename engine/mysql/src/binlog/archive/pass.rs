//! One pass: what the server has in its log, and the repository has not, is fetched and kept.

use repo_format::id::{Bytes32, LeaseId};
use repo_format::log::{Coverage, LogRecord, StreamStart, microseconds};

use super::needed::needed_file;
use super::reading::{Ahead, Reading};
use super::start::{Known, Start, begin_at, beginning, lacks};
use super::write::{Arriving, LogWriter, Subject, Until, WriteEnd, Written};
use crate::binlog::merge::{MergeOptions, merge};
use crate::binlog::stored::{NewLog, StoredLogs};
use crate::database::{
    Address, BinaryLog, Connection, LogFound, Privileges, Purpose, Reach, Server, StreamEnd, claim_reader, is_cut_file,
    leaves_out, missing,
};
use engine_core::crypto::random;
use engine_core::error::{Error, Result, chain};
use engine_core::machine;
use engine_core::monitor::Monitor;
use engine_core::pack::Mode;
use engine_core::repository::Repository;
use engine_core::session::{WriterOptions, WriterSession};

/// Readers have numbers beyond those that people give to their replicas.
const READERS_FROM: u32 = 1 << 31;

/// A log that was added to the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SavedLog {
    /// Its id.
    pub id: LeaseId,
    /// Its own record.
    pub record: LogRecord,
    /// Bytes of its events.
    pub bytes: u64,
    /// When its first and its last transaction were committed: microseconds since 1970 by the server's clock.
    pub times: Option<(i64, i64)>,
}

/// The result of a pass.
#[derive(Debug)]
#[non_exhaustive]
pub enum Archived {
    /// The server keeps no log.
    Off,
    /// The account may not read it; the server's message.
    Hidden(String),
    /// Another run is reading it into this repository.
    Busy,
    /// All of the log is in the repository; these were added.
    Done(Vec<SavedLog>),
}

/// The outcome of one log.
pub(super) struct Saved {
    /// The log, if there is anything to keep.
    pub log: Option<SavedLog>,
    /// Why it ended.
    pub end: WriteEnd,
    /// See [`Written::is_live`].
    pub is_live: bool,
}

/// A server and a repository that its log goes to.
pub(super) struct Archiver<'a> {
    repository: &'a Repository,
    address: &'a Address,
    writer: &'a WriterOptions,
    monitor: &'a dyn Monitor,
    /// Keeps other readers away as long as it is there, if it has the claim.
    control: Connection,
    /// See [`Claim`].
    reader: u32,
    server: Server,
    identity: String,
}

/// Whether an archiver needs to be the only one that reads the server's log into the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It keeps others away, and ends if somebody else does.
    Needed,
    /// It reads beside another one, if there is one: under a number of its own, so that neither interrupts the other. Both may keep the same.
    IfFree,
}

/// The findings of an archiver before it could begin.
pub(super) enum Opened<'a> {
    Ready(Box<Archiver<'a>>, BinaryLog),
    Not(Archived),
}

impl<'a> Archiver<'a> {
    /// Looks at the server, and keeps other readers away.
    pub fn open(
        repository: &'a Repository,
        address: &'a Address,
        claim: Claim,
        writer: &'a WriterOptions,
        monitor: &'a dyn Monitor,
    ) -> Result<Opened<'a>> {
        let mut control = Connection::open(address)?;
        let server = Server::detect(&mut control)?;
        if !BinaryLog::is_on(&mut control)? {
            return Ok(Opened::Not(Archived::Off));
        }
        let privileges = Privileges::read(&mut control, &server)?;
        let lacking = missing(&privileges, &server, Purpose::Watch, &Reach::unknown(&[]));
        if let Some(lacking) = lacking.first() {
            let why = format!("the account lacks {}: {}", lacking.right, lacking.consequence);
            return Ok(Opened::Not(Archived::Hidden(why)));
        }
        let log = match BinaryLog::look(&mut control, &server)? {
            LogFound::There(log) => log,
            LogFound::Off => return Ok(Opened::Not(Archived::Off)),
            LogFound::Hidden(why) => return Ok(Opened::Not(Archived::Hidden(why))),
        };
        let repository_id = repository.id().to_string();
        let name: String = format!("enamel log {repository_id}").chars().take(64).collect();
        let reader = match (claim_reader(&mut control, &name)?, claim) {
            (true, _) => usual_reader(repository),
            (false, Claim::IfFree) => passing_reader()?,
            (false, Claim::Needed) => return Ok(Opened::Not(Archived::Busy)),
        };
        let identity = server.identity(&mut control)?;
        let archiver = Archiver { repository, address, writer, monitor, control, reader, server, identity };
        Ok(Opened::Ready(Box::new(archiver), log))
    }

    /// Where fetching goes on, and what arrives from there: events follow the place, and stand in the same file as before.
    pub fn begin(&mut self, log: &BinaryLog, end: StreamEnd) -> Result<(Start, Reading)> {
        let newest = StoredLogs::newest(self.repository, &self.address.public())?;
        // Another reader may have kept more since the look at the log, and a log that is shorter looks as if it had been reset.
        let again = if lacks(log, &newest, &self.identity) { self.look()? } else { LogFound::Off };
        let log = if let LogFound::There(again) = &again { again } else { log };
        let needed = if newest.iter().any(|log| log.record.identity == self.identity) {
            None
        } else {
            needed_file(self.repository, &self.address.public(), &self.identity, log)?
        };
        let known = Known { log, identity: &self.identity, newest: &newest, needed_file: needed.as_deref() };
        let is_other_file = match known.shorter_file()? {
            Some(beginning) => !self.read_from(&beginning, StreamEnd::Stop)?.1,
            None => false,
        };
        let start = if is_other_file { known.reset()? } else { known.start()? };
        let (reading, fits) = self.read_from(&start, end)?;
        if fits {
            return Ok((start, reading));
        }
        let start = known.reset()?;
        let (reading, _) = self.read_from(&start, end)?;
        Ok((start, reading))
    }

    /// Reads from `start`; gives whether its file is the one that is meant.
    pub fn read_from(&self, start: &Start, end: StreamEnd) -> Result<(Reading, bool)> {
        let mut reading = Reading::open(self.address, &start.place, self.reader, end)?;
        let fits = reading.first_file()?.is_none_or(|begins| start.fits(&begins.format));
        Ok((reading, fits))
    }

    /// Where it goes on behind a file that ends inside an event, as after a power failure. The server never sends what is behind that.
    ///
    /// # Errors
    /// `error`, if it is another one, or no file follows.
    pub fn behind_cut_file(&mut self, error: Error, reading: &Reading) -> Result<Start> {
        let LogFound::There(log) = (if is_cut_file(&error) { self.look()? } else { LogFound::Off }) else {
            return Err(error);
        };
        let mut files = log.files.iter().skip_while(|file| file.name != reading.file());
        match files.nth(1) {
            Some(next) => begin_at(StreamStart::Fork, beginning(next)),
            None => Err(error),
        }
    }

    /// Has the server give the claim up when it hears nothing for `time`: a machine that died says nothing.
    pub fn limit_claim(&mut self, time: std::time::Duration) -> Result<()> {
        self.control.run(&format!("SET SESSION wait_timeout = {}", time.as_secs()))
    }

    /// Gives the server a sign of life.
    pub fn keep_claim(&mut self) -> Result<()> {
        self.control.run("DO 0")
    }

    /// The server's log as it is now.
    pub fn look(&mut self) -> Result<LogFound> {
        BinaryLog::look(&mut self.control, &self.server)
    }

    /// The record of what begins at `start`, as far as it is known before.
    pub fn subject(&mut self, start: &Start, log: &BinaryLog, arrival: Arriving) -> Result<Subject> {
        let ahead = log.now - microseconds(machine::now());
        let left_out = leaves_out(&mut self.control, &self.server, log)?;
        Ok(Subject {
            record: LogRecord {
                stream: start.stream,
                flavour: self.server.flavour,
                version: self.server.version_text.clone(),
                identity: self.identity.clone(),
                from: start.place.clone(),
                to: start.place.clone(),
                previous: start.previous,
                start: start.reason,
                files: Vec::new(),
                clock_ahead: ahead / 1000,
                transactions: 0,
                variables: log.variables.clone(),
                coverage: if left_out.is_some() { Coverage::Partial } else { Coverage::Whole },
                coverage_reason: left_out,
                complete_until: start.complete_until,
            },
            ahead,
            arrival,
        })
    }

    /// Keeps what `reading` gives; nothing comes of nothing.
    pub fn save(&self, subject: Subject, reading: &mut Reading, until: Until) -> Result<Saved> {
        let session = WriterSession::begin(self.repository, self.writer, self.monitor)?;
        let time = machine::now();
        let is_stream = subject.arrival.is_stream();
        let written =
            session.write(Mode::Write, |store| LogWriter::new(store, subject, self.monitor)?.write(reading, until))?;
        let Written { tree, record, bytes, times, end, is_live } = written.value;
        let is_nothing = (&record.to.file, record.to.offset) == (&record.from.file, record.from.offset);
        // MariaDB adds notes of its own. Alone they are read again by the next pass.
        let has_notes_only = record.transactions == 0
            && record.files.len() <= 1
            && record.start.is_none()
            && matches!(end, WriteEnd::EndOfLog)
            && !is_stream;
        if is_nothing || has_notes_only {
            return Ok(Saved { log: None, end, is_live });
        }
        let address = self.address.public();
        let draft = NewLog { address, time, tree, bytes, totals: written.totals }.draft(self.repository)?;
        let id = session.commit(draft, self.monitor)?.manifest.id;
        Ok(Saved { log: Some(SavedLog { id, record, bytes, times }), end, is_live })
    }

    /// Merges small logs. A failure is told: the logs are there all the same, and the next run tries again.
    pub fn merge(&self) {
        let options = MergeOptions { writer: self.writer.clone(), ..MergeOptions::default() };
        if let Err(error) = merge(self.repository, &self.address.public(), &options, self.monitor) {
            self.monitor.note(&format!("small logs are not merged: {}", chain(&error)));
        }
    }

    /// Fetches everything up to the end of the log.
    pub fn pass(&mut self, log: &BinaryLog) -> Result<Vec<SavedLog>> {
        let (mut start, mut reading) = self.begin(log, StreamEnd::Stop)?;
        let mut logs = Vec::new();
        loop {
            match has_events(&mut reading) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    start = self.behind_cut_file(error, &reading)?;
                    (reading, _) = self.read_from(&start, StreamEnd::Stop)?;
                    continue;
                }
            }
            let subject = self.subject(&start, log, Arriving::Asked(log.now))?;
            let saved = self.save(subject, &mut reading, Until::EndOfLog)?;
            if let Some(log) = &saved.log {
                start = Start::after(log.id, &log.record);
            }
            logs.extend(saved.log);
            start = match saved.end {
                WriteEnd::Forked(place) => begin_at(StreamStart::Fork, place)?,
                WriteEnd::Incident => begin_at(StreamStart::Gap, start.place)?,
                WriteEnd::Interval => continue,
                WriteEnd::EndOfLog => break,
                WriteEnd::Cut(error) => self.behind_cut_file(error, &reading)?,
            };
            (reading, _) = self.read_from(&start, StreamEnd::Stop)?;
        }
        Ok(logs)
    }
}

/// The number that this machine has among the server's replicas when it reads for this repository.
fn usual_reader(repository: &Repository) -> u32 {
    let Bytes32(machine) = machine::identity(repository.id()).unwrap_or(Bytes32([0; 32]));
    let mut hasher = blake3::Hasher::new();
    hasher.update(&machine).update(&repository.id().0);
    let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
    u32::from_le_bytes([a, b, c, d]) | READERS_FROM
}

/// Whether anything follows but the end.
fn has_events(reading: &mut Reading) -> Result<bool> {
    loop {
        match reading.ahead()? {
            Ahead::Events => return Ok(true),
            Ahead::End => return Ok(false),
            Ahead::Nothing => {}
        }
    }
}

/// A number among the server's replicas for somebody who reads once.
///
/// # Errors
/// If there is no randomness.
pub fn passing_reader() -> Result<u32> {
    Ok(u32::from_le_bytes(random()?) | READERS_FROM)
}

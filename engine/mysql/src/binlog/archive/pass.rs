//! One pass: what the server has in its log, and the repository has not, is fetched and kept.

use repo_format::cbor::ByteString;
use repo_format::id::{Bytes32, LeaseId};
use repo_format::log::{Coverage, LogRecord, StreamStart};
use repo_format::manifest::{ManifestKind, Root, RootKind, Statistics};

use super::needed::needed_file;
use super::reading::{Reading, Received};
use super::start::{Known, Start, begin_at};
use super::stored::StoredLogs;
use super::write::{LogWriter, ROOT, Subject, Until, WriteEnd, Written};
use crate::database::{
    Address, BinaryLog, Connection, LogFound, Privileges, Purpose, Reach, Server, StreamEnd, claim_reader, leaves_out,
    missing,
};
use engine_core::error::Result;
use engine_core::machine;
use engine_core::monitor::Monitor;
use engine_core::pack::Mode;
use engine_core::repository::Repository;
use engine_core::session::{Draft, WriterOptions, WriterSession};

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

/// A server and a repository that its log goes to.
pub(super) struct Archiver<'a> {
    repository: &'a Repository,
    address: &'a Address,
    writer: &'a WriterOptions,
    monitor: &'a dyn Monitor,
    /// Keeps other readers away as long as it is there.
    control: Connection,
    server: Server,
    identity: String,
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
        writer: &'a WriterOptions,
        monitor: &'a dyn Monitor,
    ) -> Result<Opened<'a>> {
        let mut control = Connection::open(address)?;
        let server = Server::detect(&mut control)?;
        let is_on = BinaryLog::is_on(&mut control)?;
        let privileges = Privileges::read(&mut control, &server)?;
        let lacking = missing(&privileges, &server, Purpose::Watch, &Reach::unknown(&[]));
        if is_on && let Some(lacking) = lacking.first() {
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
        if !claim_reader(&mut control, &name)? {
            return Ok(Opened::Not(Archived::Busy));
        }
        let identity = server.identity(&mut control)?;
        let archiver = Archiver { repository, address, writer, monitor, control, server, identity };
        Ok(Opened::Ready(Box::new(archiver), log))
    }

    /// Where fetching goes on, and what arrives from there: events follow the place, and stand in the same file as before.
    pub fn begin(&mut self, log: &BinaryLog, end: StreamEnd) -> Result<(Start, Reading)> {
        let newest = StoredLogs::newest(self.repository, &self.address.public())?;
        let needed = if newest.is_empty() {
            needed_file(self.repository, &self.address.public(), &self.identity, log)?
        } else {
            None
        };
        let known = Known { log, identity: &self.identity, newest: &newest, needed_file: needed.as_deref() };
        let start = known.start()?;
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
        let mut reading = Reading::open(self.address, start, self.reader(), end)?;
        let first = reading.next()?;
        let fits = match &first {
            Received::File(begins) => start.fits(&begins.format),
            _ => true,
        };
        reading.hold(first);
        Ok((reading, fits))
    }

    /// The number that this machine has among the server's replicas when it reads for this repository.
    fn reader(&self) -> u32 {
        let Bytes32(machine) = machine::identity(self.repository.id()).unwrap_or(Bytes32([0; 32]));
        let mut hasher = blake3::Hasher::new();
        hasher.update(&machine).update(&self.repository.id().0);
        let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
        u32::from_le_bytes([a, b, c, d]) | READERS_FROM
    }

    /// Asks the server for a sign of life: a server ends connections that say nothing for hours.
    pub fn keep_claim(&mut self) -> Result<()> {
        self.control.run("DO 0")
    }

    /// The server's log as it is now.
    pub fn look(&mut self) -> Result<LogFound> {
        BinaryLog::look(&mut self.control, &self.server)
    }

    /// The record of what begins at `start`, as far as it is known before.
    pub fn subject(&mut self, start: &Start, log: &BinaryLog, end: StreamEnd) -> Result<Subject> {
        let now = machine::now();
        let ahead = log.now - (now.seconds * 1_000_000 + i64::from(now.nanoseconds / 1000));
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
                complete_until: log.now,
            },
            ahead,
            is_live: end == StreamEnd::Wait,
        })
    }

    /// Keeps what `reading` gives; nothing comes of nothing.
    pub fn save(&self, subject: Subject, reading: &mut Reading, until: Until) -> Result<(Option<SavedLog>, WriteEnd)> {
        let session = WriterSession::begin(self.repository, self.writer, self.monitor)?;
        let time = machine::now();
        let is_live = subject.is_live;
        let written =
            session.write(Mode::Write, |store| LogWriter::new(store, subject, self.monitor)?.write(reading, until))?;
        let Written { tree, record, bytes, times, end } = written.value;
        // MariaDB adds notes of its own. Alone they are read again by the next pass.
        if record.transactions == 0 && record.files.len() <= 1 && record.start.is_none() && !is_live {
            return Ok((None, end));
        }
        let totals = written.totals;
        let draft = Draft {
            time,
            seen: self.repository.manifests()?.newest_seen(),
            roots: vec![Root {
                name: ByteString(ROOT.to_vec()),
                kind: RootKind::Database,
                path: ByteString(self.address.public().into_bytes()),
            }],
            tree,
            statistics: Statistics {
                read_bytes: bytes,
                new_chunks: totals.new_chunks,
                new_bytes: totals.new_bytes,
                stored_bytes: totals.stored_bytes,
                ..Statistics::default()
            },
            ..Draft::new(ManifestKind::Log)
        };
        let id = session.commit(draft, self.monitor)?.manifest.id;
        Ok((Some(SavedLog { id, record, bytes, times }), end))
    }

    /// Fetches everything up to the end of the log.
    pub fn pass(mut self, log: &BinaryLog) -> Result<Vec<SavedLog>> {
        let (mut start, mut reading) = self.begin(log, StreamEnd::Stop)?;
        let mut saved = Vec::new();
        while has_events(&mut reading)? {
            let subject = self.subject(&start, log, StreamEnd::Stop)?;
            let (one, end) = self.save(subject, &mut reading, Until::EndOfLog)?;
            let next = match (&end, &one) {
                (WriteEnd::Forked(place), _) => Some(begin_at(StreamStart::Fork, place.clone())?),
                (WriteEnd::Incident, Some(one)) => Some(begin_at(StreamStart::Gap, one.record.to.clone())?),
                _ => None,
            };
            saved.extend(one);
            let Some(next) = next else { break };
            (reading, _) = self.read_from(&next, StreamEnd::Stop)?;
            start = next;
        }
        Ok(saved)
    }
}

/// Whether anything follows but the end.
fn has_events(reading: &mut Reading) -> Result<bool> {
    let (mut seen, mut has) = (Vec::new(), false);
    loop {
        let received = reading.next()?;
        match &received {
            Received::File(_) => seen.push(received),
            Received::End => break,
            _ => {
                has = true;
                seen.push(received);
                break;
            }
        }
    }
    seen.into_iter().for_each(|received| reading.hold(received));
    if !has {
        reading.hold(Received::End);
    }
    Ok(has)
}

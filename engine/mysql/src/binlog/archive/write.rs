//! Events into the repository: files of events, the index of transactions, and the record of both.

use repo_format::cbor::ByteString;
use repo_format::id::ChunkId;
use repo_format::limits;
use repo_format::log::{
    Coverage, FIRST_OFFSET, LogFile, LogPlace, LogRecord, SECOND, TimeSource, microseconds, part_name,
};

use super::reading::{FileBegins, Reading, Received, ReceivedEvent};
use crate::binlog::event::{Event, Kind};
use crate::binlog::stored::Layout;
use crate::binlog::transaction::{Ended, Placed, Step, Transactions};
use crate::database::is_cut_file;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::machine;
use engine_core::monitor::Monitor;
use engine_core::pack::ChunkStore;
use engine_core::tree::FileWriter;

/// The size of one transaction's events that wait for its end in memory. Events of a larger one are stored before it
/// ends.
const PENDING_MAX: usize = 16 << 20;

/// A log that has so many of the server's files ends, and another one follows it: their formats stand in its record, which is bounded, too.
const FILES_AT_ONCE: usize = 16_384;
const _: () = assert!((FILES_AT_ONCE as u64) < limits::LOG_FILES_COUNT);

/// When writing ends, at the next end of a transaction.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// At the end of the log.
    EndOfLog,
    /// After so long, when everything is there that was written before; or when so many bytes are there.
    Interval {
        /// When, by the clock that only runs.
        deadline: std::time::Instant,
        /// Bytes of events.
        bytes: u64,
    },
}

/// Parts of a log's record that do not depend on the written events.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Everything of the record that is known before.
    pub record: LogRecord,
    /// The server's clock minus ours, in microseconds.
    pub ahead: i64,
    /// How the events arrive.
    pub arrival: Arriving,
}

/// How events arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arriving {
    /// All that are there, when the log was asked for: microseconds since 1970 by the server's clock.
    Asked(i64),
    /// As they are written, but those that were written before this look come first.
    Behind(LogEnd),
    /// As they are written: the time of their arrival is that of their commit.
    Live,
}

/// The end of a server's log at a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEnd {
    /// The server's file.
    pub file: String,
    /// Its bytes.
    pub offset: u64,
    /// When: microseconds since 1970 by the server's clock.
    pub time: i64,
}

impl Arriving {
    /// Whether the stream waits for more at the end of the log.
    pub fn is_stream(&self) -> bool {
        !matches!(self, Arriving::Asked(_))
    }
}

/// The result of writing.
#[derive(Debug)]
pub struct Written {
    /// The top directory.
    pub tree: Option<ChunkId>,
    /// The record.
    pub record: LogRecord,
    /// Bytes of events.
    pub bytes: u64,
    /// Times of the first and of the last transaction.
    pub times: Option<(i64, i64)>,
    /// Why it ended.
    pub end: WriteEnd,
    /// Whether everything was read that was there at the look.
    pub is_live: bool,
}

/// Why writing ended.
#[derive(Debug)]
pub enum WriteEnd {
    /// The log ended.
    EndOfLog,
    /// The server was lost, or the user wishes to stop. Complete transactions are there.
    Cut(Error),
    /// It was time, or enough was there, or many files, or a large transaction follows.
    Interval,
    /// A file follows that lacks what was read.
    Forked(LogPlace),
    /// The server says that it lost events.
    Incident,
}

/// Writes one log.
pub struct LogWriter<'w, 's> {
    layout: Layout<'w, 's>,
    monitor: &'w dyn Monitor,
    subject: Subject,
    transactions: Transactions,
    /// Events of the file that is read.
    part: Option<Part<'w, 's>>,
    /// Events of the transaction that has begun.
    pending: Pending,
    bytes: u64,
    times: Option<(i64, i64)>,
}

/// Events of one file.
struct Part<'w, 's> {
    name: Vec<u8>,
    events: FileWriter<'w, 's>,
    /// Whether it has anything but the beginning of a transaction.
    is_settled: bool,
}

/// Events that are not stored yet.
#[derive(Default)]
struct Pending {
    events: Vec<ReceivedEvent>,
    bytes: usize,
}

impl<'w, 's> LogWriter<'w, 's> {
    /// Begins with nothing.
    ///
    /// # Errors
    /// If the compressor cannot be set up.
    pub fn new(store: &'w ChunkStore<'s>, subject: Subject, monitor: &'w dyn Monitor) -> Result<Self> {
        Ok(LogWriter {
            layout: Layout::new(store)?,
            monitor,
            subject,
            transactions: Transactions::default(),
            part: None,
            pending: Pending::default(),
            bytes: 0,
            times: None,
        })
    }

    /// Writes what `reading` gives.
    ///
    /// # Errors
    /// If the server is lost or sends what is damaged; if the repository cannot be written.
    pub fn write(mut self, reading: &mut Reading, until: Until) -> Result<Written> {
        if let Some(begins) = reading.current().cloned() {
            // The file is read on from the log before.
            self.begin_file(&begins)?;
        }
        let end = loop {
            let next = if self.monitor.is_cancelled() { Err(Error::cancelled()) } else { reading.next() };
            let next = match next {
                // The server may never come back.
                Err(error) if self.subject.arrival.is_stream() || is_cut_file(&error) => break WriteEnd::Cut(error),
                next => next?,
            };
            match next {
                Received::File(begins) => self.begin_file(&begins)?,
                Received::Event(event) => {
                    if let Some(end) = self.add(event, reading)? {
                        break end;
                    }
                }
                Received::Idle => {
                    self.complete_until(self.server_now());
                    self.has_caught_up();
                }
                Received::End => break WriteEnd::EndOfLog,
                Received::Forked(begins) => {
                    let place = LogPlace { file: begins.name, offset: FIRST_OFFSET, gtid: String::new() };
                    break WriteEnd::Forked(place);
                }
            }
            let is_full = self.subject.record.files.len() >= FILES_AT_ONCE;
            if self.pending.events.is_empty() && (is_full || self.is_enough(until)) {
                break WriteEnd::Interval;
            }
        };
        self.finish(end, reading)
    }

    fn is_enough(&self, until: Until) -> bool {
        match until {
            Until::EndOfLog => false,
            // A watch that looks often would stay behind for ever if it did not read all that was written before its look.
            Until::Interval { deadline, bytes } => {
                let is_behind = matches!(self.subject.arrival, Arriving::Behind(_));
                self.bytes >= bytes || !is_behind && std::time::Instant::now() >= deadline
            }
        }
    }

    fn server_now(&self) -> i64 {
        microseconds(machine::now()) + self.subject.ahead
    }

    /// Everything that was committed by then is there.
    fn complete_until(&mut self, time: i64) {
        let until = &mut self.subject.record.complete_until;
        *until = time.max(*until);
    }

    /// Everything is there that was written before the look.
    fn has_caught_up(&mut self) {
        if let Arriving::Behind(end) = &self.subject.arrival {
            let time = end.time;
            self.complete_until(time);
            self.subject.arrival = Arriving::Live;
        }
    }

    /// The server's file before has ended, and this one begins.
    fn begin_file(&mut self, begins: &FileBegins) -> Result<()> {
        let record = &mut self.subject.record;
        let last = record.files.last_mut();
        if last.as_ref().is_some_and(|last| last.name == begins.name) {
            return Ok(());
        }
        let goes_on = last.is_none() && begins.name == record.from.file;
        let is_behind =
            |last: &LogFile| matches!(&self.subject.arrival, Arriving::Behind(end) if end.file == last.name);
        let has_caught_up = last.as_ref().is_some_and(|last| is_behind(last));
        if let Some(last) = last {
            last.is_closed = true;
        }
        let first = if goes_on { record.from.offset } else { FIRST_OFFSET };
        if record.complete_until == 0 {
            record.complete_until = i64::from(begins.format.timestamp) * SECOND;
        }
        record.files.push(LogFile {
            name: begins.name.clone(),
            format: ByteString(begins.format.bytes.clone()),
            first,
            end: first,
            is_closed: false,
        });
        if record.files.len() as u64 > limits::LOG_FILES_COUNT {
            return Err(Error::new(
                ErrorKind::Database,
                "the server's binary log has more files than one log can hold",
            ));
        }
        // A transaction that is cut short there never took place.
        self.pending = Pending::default();
        self.end_part()?;
        let events = self.layout.begin_file()?;
        self.part = Some(Part { name: part_name(&begins.name, first), events, is_settled: false });
        if has_caught_up {
            self.has_caught_up();
        }
        Ok(())
    }

    /// Takes an event; gives whether the log ends before or after it.
    fn add(&mut self, received: ReceivedEvent, reading: &mut Reading) -> Result<Option<WriteEnd>> {
        let Some(begins) = reading.current() else {
            return Err(Error::new(ErrorKind::Database, "the server sent an event before its file"));
        };
        let is_behind = |end: &LogEnd| end.file != begins.name || received.begin < end.offset;
        if matches!(&self.subject.arrival, Arriving::Behind(end) if !is_behind(end)) {
            self.has_caught_up();
        }
        let file = u32::try_from(self.subject.record.files.len() - 1).unwrap_or(u32::MAX);
        let skip = self.part.as_ref().map_or(0, |part| part.events.len()) + self.pending.bytes as u64;
        let arrival = (self.subject.arrival == Arriving::Live).then(|| self.server_now());
        let found = Event::new(&received.bytes).and_then(|event| {
            let placed = Placed { event, file, begin: received.begin, end: received.end, skip, arrival };
            Ok((event.header, self.transactions.add(&placed, &begins.format)?))
        });
        let (header, step) = found.map_err(|why| {
            let place = format!("{}:{}", begins.name, received.begin);
            Error::caused(ErrorKind::Database, format!("the server's binary log cannot be used at {place}"), why)
        })?;
        self.monitor.advance(engine_core::monitor::Work { items: 0, bytes: received.bytes.len() as u64 });
        let end = received.end;
        self.pending.bytes += received.bytes.len();
        self.pending.events.push(received);
        match step {
            Step::Within if self.pending.bytes <= PENDING_MAX => {}
            // It may be cut short, so it stands where nothing is before it.
            Step::Within if self.part.as_ref().is_some_and(|part| part.is_settled) => {
                reading.put_back(std::mem::take(&mut self.pending).events);
                return Ok(Some(WriteEnd::Interval));
            }
            Step::Within => self.spill()?,
            // The next event says whether the server lost what was read before this file.
            Step::Between if matches!(header.kind, Kind::FORMAT | Kind::START_ENCRYPTION) => {}
            Step::Between => self.settle(end)?,
            Step::Ends(ended) => {
                match &ended.gtid {
                    Some(gtid) => reading.gtids().add(gtid),
                    None if ended.has_unknown_gtid => reading.gtids().add_unknown(),
                    None => {}
                }
                self.note(*ended)?;
                self.settle(end)?;
            }
        }
        if header.kind != Kind::INCIDENT {
            return Ok(None);
        }
        self.subject.record.coverage = Coverage::Incident;
        let why = "the server says that events are missing from its binary log there";
        self.subject.record.coverage_reason = Some(why.to_owned());
        Ok(Some(WriteEnd::Incident))
    }

    /// Keeps a transaction.
    fn note(&mut self, Ended { mut record, .. }: Ended) -> Result<()> {
        let last = self.times.map_or(i64::MIN, |(_, last)| last);
        if record.time_source == TimeSource::Statement {
            // A statement may have begun before the one that was committed before it.
            record.time = record.time.max(last);
        } else {
            self.complete_until(record.time);
        }
        self.layout.add_transaction(&mut record)?;
        self.subject.record.transactions += 1;
        self.times = Some((self.times.map_or(record.time, |(first, _)| first), record.time));
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        let Some(part) = &mut self.part else { return Ok(()) };
        for event in std::mem::take(&mut self.pending).events {
            part.events.write(&event.bytes)?;
            self.bytes += event.bytes.len() as u64;
        }
        Ok(())
    }

    /// Everything up to `end` lies between two transactions, so it stays.
    fn settle(&mut self, end: u64) -> Result<()> {
        self.spill()?;
        if let Some(part) = &mut self.part {
            part.is_settled = true;
        }
        let record = &mut self.subject.record;
        if let Some(file) = record.files.last_mut() {
            file.end = end;
            (record.to.file, record.to.offset) = (file.name.clone(), end);
        }
        Ok(())
    }

    /// The beginning of a transaction alone is nothing.
    fn end_part(&mut self) -> Result<()> {
        let Some(part) = self.part.take().filter(|part| part.is_settled) else { return Ok(()) };
        self.layout.add_file(&part.name, part.events)
    }

    fn finish(mut self, end: WriteEnd, reading: &mut Reading) -> Result<Written> {
        self.end_part()?;
        if let (WriteEnd::EndOfLog, Arriving::Asked(time)) = (&end, &self.subject.arrival) {
            let time = *time;
            self.complete_until(time);
        }
        let mut record = self.subject.record;
        record.to.gtid = reading.gtids().to_string();
        record.files.retain(|file| file.end > file.first || file.is_closed);
        let tree = self.layout.finish(&record)?;
        let is_live = self.subject.arrival == Arriving::Live;
        Ok(Written { tree, record, bytes: self.bytes, times: self.times, end, is_live })
    }
}

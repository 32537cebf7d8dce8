//! A server's log as it arrives: each event checked, and placed in its file.

use std::collections::VecDeque;

use super::start::Start;
use crate::binlog::event::{Event, Format, HEADER_LEN, Header, Kind, Malformed};
use crate::binlog::gtids::Gtids;
use crate::database::{Address, Connection, LogRequest, LogStream, StreamEnd};
use engine_core::error::{Error, ErrorKind, Result};
use repo_format::log::FIRST_OFFSET;

/// The offset of a file's first event, as it is asked for.
const BEGINNING: u32 = 4;
/// Bytes of the place at the beginning of a rotation's body.
const ROTATION_PLACE_LEN: usize = 8;

const _: () = assert!(BEGINNING as u64 == FIRST_OFFSET);

/// A server's log that is being read.
pub struct Reading {
    stream: LogStream,
    file: String,
    format: Option<Format>,
    /// Offset behind the last event.
    offset: u64,
    /// Events up to here were read before.
    known_until: u64,
    /// All transactions before `offset`, if that is known.
    gtids: Gtids,
    held: VecDeque<Received>,
    has_rotated: bool,
}

/// The kinds of data that arrive.
#[derive(Debug)]
pub enum Received {
    /// An event that stands in the server's file.
    Event(ReceivedEvent),
    /// The file begins, with this format. Comes before its first event.
    File(FileBegins),
    /// Nothing happened for a while.
    Idle,
    /// The end of the log.
    End,
    /// The server lost what it had sent before: transactions that were read are not among those before this file.
    Forked(FileBegins),
}

/// An event, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedEvent {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Offset in the server's file.
    pub begin: u64,
    /// Offset behind it.
    pub end: u64,
}

/// A file of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBegins {
    /// Its name.
    pub name: String,
    /// How its events are to be read.
    pub format: Format,
}

impl Reading {
    /// Reads on from `start`, as the reader that `reader` stands for.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] if the server refuses.
    pub fn open(address: &Address, start: &Start, reader: u32, end: StreamEnd) -> Result<Self> {
        // Places beyond 4 GiB cannot be asked for: what was read before is passed over.
        let offset = u32::try_from(start.place.offset).unwrap_or(BEGINNING);
        let request = LogRequest { reader, file: start.place.file.clone(), offset, end };
        let stream = Connection::open(address)?.into_log(&request)?;
        Ok(Reading {
            stream,
            file: start.place.file.clone(),
            format: None,
            offset: offset.into(),
            known_until: start.place.offset,
            gtids: Gtids::parse(&start.place.gtid),
            held: VecDeque::new(),
            has_rotated: false,
        })
    }

    /// How the events of the file are to be read.
    pub fn format(&self) -> Option<&Format> {
        self.format.as_ref()
    }

    /// The file that is being read.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The ids of all transactions that are behind.
    pub fn gtids(&mut self) -> &mut Gtids {
        &mut self.gtids
    }

    /// Has `received` come next.
    pub fn hold(&mut self, received: Received) {
        self.held.push_back(received);
    }

    /// The next data to arrive.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] if the server is lost, or sends damaged events, or events that do not follow the earlier
    /// ones.
    pub fn next(&mut self) -> Result<Received> {
        if let Some(held) = self.held.pop_front() {
            return Ok(held);
        }
        loop {
            let Some(bytes) = self.stream.next_event()? else { return Ok(Received::End) };
            let kind = Header::read(&bytes).map_err(|why| self.malformed(why))?.kind;
            let received = match kind {
                Kind::HEARTBEAT | Kind::HEARTBEAT_V2 => Some(Received::Idle),
                Kind::FORMAT => self.format_arrived(bytes)?,
                _ => self.event_arrived(bytes)?,
            };
            if let Some(received) = received {
                return Ok(received);
            }
        }
    }

    /// A format description: an event of the file if the file is read from its beginning, else made up for us.
    fn format_arrived(&mut self, bytes: Vec<u8>) -> Result<Option<Received>> {
        let format = Format::read(&bytes).map_err(|why| self.malformed(why))?;
        let is_first = self.format.is_none();
        let begins = FileBegins { name: self.file.clone(), format: format.clone() };
        self.format = Some(format);
        let event = Event::new(&bytes).map_err(|why| self.malformed(why))?;
        if !event.is_artificial() && self.offset == FIRST_OFFSET {
            let placed = self.place(&bytes)?;
            if placed.end > self.known_until {
                self.held.push_back(Received::Event(placed));
            }
        }
        Ok(is_first.then_some(Received::File(begins)))
    }

    fn event_arrived(&mut self, bytes: Vec<u8>) -> Result<Option<Received>> {
        let event = Event::new(&bytes).map_err(|why| self.malformed(why))?;
        if event.header.kind == Kind::ROTATE && event.is_artificial() {
            self.rotate(&event);
            return Ok(None);
        }
        let Some(format) = self.format.clone() else {
            return Err(self.malformed(Malformed("an event came before the description of its format")));
        };
        event.check(&format).map_err(|why| self.malformed(why))?;
        if event.is_artificial() {
            return Ok(None);
        }
        let listed = event.body(&format).and_then(|body| Gtids::before_file(event.header.kind, body));
        let listed = listed.map_err(|why| self.malformed(why))?;
        let placed = self.place(&bytes)?;
        if placed.end <= self.known_until {
            return Ok(None);
        }
        if let Some(listed) = listed
            && self.has_lost(listed)
        {
            return Ok(Some(Received::Forked(FileBegins { name: self.file.clone(), format })));
        }
        Ok(Some(Received::Event(placed)))
    }

    /// Takes what a new file says of the files before; gives whether something that was read is not in it.
    fn has_lost(&mut self, listed: Gtids) -> bool {
        let is_new_file = std::mem::take(&mut self.has_rotated);
        if is_new_file && !listed.has_all(&self.gtids) {
            return true;
        }
        self.gtids = listed;
        false
    }

    /// The server goes on with another file, or says which file it begins with.
    fn rotate(&mut self, event: &Event<'_>) {
        let Some(format) = &self.format else { return };
        // Some servers add no checksum here though the file has them.
        let body = match event.check(format).and_then(|()| event.body(format)) {
            Ok(body) => body,
            Err(_) => &event.bytes()[HEADER_LEN..],
        };
        let name = String::from_utf8_lossy(body.get(ROTATION_PLACE_LEN..).unwrap_or_default()).into_owned();
        if !name.is_empty() && name != self.file {
            self.file = name;
            self.format = None;
            self.offset = FIRST_OFFSET;
            self.known_until = 0;
            self.has_rotated = true;
        }
    }

    /// Where an event stands: its header says where it ends, modulo 2^32.
    fn place(&mut self, bytes: &[u8]) -> Result<ReceivedEvent> {
        let header = Header::read(bytes).map_err(|why| self.malformed(why))?;
        let end = header.end_from(self.offset);
        let begin = end - u64::from(header.size);
        let hole = begin - self.offset;
        // MariaDB keeps the text of statements to itself that it logs as rows. It stands before the first of their tables.
        let is_annotation = hole > HEADER_LEN as u64
            && hole < u64::from(u32::MAX)
            && header.kind == Kind::TABLE_MAP
            && self.format.as_ref().is_some_and(Format::is_mariadb);
        if hole > 0 && !is_annotation {
            return Err(self.malformed(Malformed("an event does not follow the one before it")));
        }
        self.offset = end;
        Ok(ReceivedEvent { bytes: bytes.to_vec(), begin, end })
    }

    fn malformed(&self, why: Malformed) -> Error {
        let message = format!("the server's binary log cannot be used: {} at {}:{}", why, self.file, self.offset);
        Error::new(ErrorKind::Database, message)
    }
}

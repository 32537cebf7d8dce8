//! A server's log as it arrives: each event checked, and placed in its file.

use std::collections::VecDeque;

use crate::binlog::event::{Event, Format, HEADER_LEN, Header, Kind, Malformed};
use crate::binlog::gtids::Gtids;
use crate::database::{Address, Connection, LogRequest, LogStream, StreamEnd};
use engine_core::error::{Error, ErrorKind, Result};
use repo_format::log::{FIRST_OFFSET, LogPlace};

/// The offset of a file's first event, as it is asked for.
const BEGINNING: u32 = 4;
/// Bytes of the place at the beginning of a rotation's body.
const ROTATION_PLACE_LEN: usize = 8;
/// No event is larger: servers take packets up to 1 GiB.
const EVENT_MAX: u64 = (1 << 30) + (1 << 20);

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
    /// Received, and not given yet.
    held: VecDeque<Received>,
    /// The file of the event that was given last.
    current: Option<FileBegins>,
    has_rotated: bool,
    /// The event before had no offset.
    has_unplaced: bool,
}

/// The data that a look ahead finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    /// Events follow.
    Events,
    /// Nothing happened for a while.
    Nothing,
    /// The log ends.
    End,
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
    pub fn open(address: &Address, start: &LogPlace, reader: u32, end: StreamEnd) -> Result<Self> {
        // Places beyond 4 GiB cannot be asked for: what was read before is passed over.
        let offset = u32::try_from(start.offset).unwrap_or(BEGINNING);
        let request = LogRequest { reader, file: start.file.clone(), offset, end };
        let stream = Connection::open(address)?.into_log(&request)?;
        Ok(Reading {
            stream,
            file: start.file.clone(),
            format: None,
            offset: offset.into(),
            known_until: start.offset,
            gtids: Gtids::parse(&start.gtid),
            held: VecDeque::new(),
            current: None,
            has_rotated: false,
            has_unplaced: false,
        })
    }

    /// The file of the event that came last.
    pub fn current(&self) -> Option<&FileBegins> {
        self.current.as_ref()
    }

    /// The file that the server reads.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The ids of all transactions that are behind.
    pub fn gtids(&mut self) -> &mut Gtids {
        &mut self.gtids
    }

    /// Has these events come once more.
    pub fn put_back(&mut self, events: Vec<ReceivedEvent>) {
        events.into_iter().rev().for_each(|event| self.held.push_front(Received::Event(event)));
    }

    /// The next data to arrive.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] if the server is lost, or sends damaged events, or events that do not follow the earlier
    /// ones.
    pub fn next(&mut self) -> Result<Received> {
        loop {
            if let Some(received) = self.held.pop_front() {
                if let Received::File(begins) = &received {
                    self.current = Some(begins.clone());
                }
                return Ok(received);
            }
            self.receive()?;
        }
    }

    /// Waits for the next data, and leaves it to [`Reading::next`].
    ///
    /// # Errors
    /// As [`Reading::next`].
    pub fn ahead(&mut self) -> Result<Ahead> {
        loop {
            if self.held.iter().any(|held| matches!(held, Received::Event(_) | Received::Forked(_))) {
                return Ok(Ahead::Events);
            }
            match self.held.back() {
                Some(Received::End) => return Ok(Ahead::End),
                Some(Received::Idle) => {
                    self.held.pop_back();
                    return Ok(Ahead::Nothing);
                }
                _ => self.receive()?,
            }
        }
    }

    /// The file that the stream begins with, left to [`Reading::next`].
    ///
    /// # Errors
    /// As [`Reading::next`].
    pub fn first_file(&mut self) -> Result<Option<&FileBegins>> {
        while self.held.is_empty() {
            self.receive()?;
        }
        match self.held.front() {
            Some(Received::File(begins)) => Ok(Some(begins)),
            _ => Ok(None),
        }
    }

    /// Receives one event, and holds what comes of it.
    fn receive(&mut self) -> Result<()> {
        let Some(bytes) = self.stream.next_event()? else {
            self.held.push_back(Received::End);
            return Ok(());
        };
        let kind = Header::read(&bytes).map_err(|why| self.malformed(why))?.kind;
        match kind {
            Kind::HEARTBEAT | Kind::HEARTBEAT_V2 => self.held.push_back(Received::Idle),
            Kind::FORMAT => self.format_arrived(bytes)?,
            _ => {
                let received = self.event_arrived(bytes)?;
                self.held.extend(received);
            }
        }
        Ok(())
    }

    /// A format description: an event of the file if the file is read from its beginning, else made up for us.
    fn format_arrived(&mut self, bytes: Vec<u8>) -> Result<()> {
        let format = Format::read(&bytes).map_err(|why| self.malformed(why))?;
        let is_first = self.format.is_none();
        if is_first {
            self.held.push_back(Received::File(FileBegins { name: self.file.clone(), format: format.clone() }));
        }
        self.format = Some(format);
        let event = Event::new(&bytes).map_err(|why| self.malformed(why))?;
        if !Self::is_made_up(&event) && self.offset == FIRST_OFFSET {
            let placed = self.place(&bytes)?;
            if placed.end > self.known_until {
                self.held.push_back(Received::Event(placed));
            }
        }
        Ok(())
    }

    fn event_arrived(&mut self, bytes: Vec<u8>) -> Result<Option<Received>> {
        let event = Event::new(&bytes).map_err(|why| self.malformed(why))?;
        if event.header.kind == Kind::ROTATE && Self::is_made_up(&event) {
            self.rotate(&event);
            return Ok(None);
        }
        let Some(format) = self.format.clone() else {
            return Err(self.malformed(Malformed("an event came before the description of its format")));
        };
        event.check(&format).map_err(|why| self.malformed(why))?;
        if Self::is_made_up(&event) {
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
        if is_new_file && listed.has_lost(&self.gtids) {
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

    /// Where an event stands.
    fn place(&mut self, bytes: &[u8]) -> Result<ReceivedEvent> {
        let header = Header::read(bytes).map_err(|why| self.malformed(why))?;
        let is_mariadb = self.format.as_ref().is_some_and(Format::is_mariadb);
        let lacks_text = is_mariadb && (header.kind == Kind::TABLE_MAP || self.has_unplaced);
        let begin = begin(self.offset, &header, lacks_text).map_err(|why| self.malformed(why))?;
        self.offset = begin + u64::from(header.size);
        self.has_unplaced = header.end == 0;
        Ok(ReceivedEvent { bytes: bytes.to_vec(), begin, end: self.offset })
    }

    /// Whether the server made an event up for us. Within a transaction newer MariaDB writes no offsets, so 0 alone says that only of events about
    /// the file.
    fn is_made_up(event: &Event<'_>) -> bool {
        event.is_artificial() || event.header.end == 0 && event.header.kind.is_of_file()
    }

    fn malformed(&self, why: Malformed) -> Error {
        let message = format!("the server's binary log cannot be used: {} at {}:{}", why, self.file, self.offset);
        Error::new(ErrorKind::Database, message)
    }
}

/// Where an event begins that follows the one that ends at `offset`. Its header says where it ends, modulo 2^32. MariaDB keeps the text of statements
/// to itself that it logs as rows: `lacks_text` says that such a text may stand before the event.
fn begin(offset: u64, header: &Header, lacks_text: bool) -> std::result::Result<u64, Malformed> {
    let hole = header.end_from(offset) - (offset + u64::from(header.size));
    let is_text = lacks_text && (HEADER_LEN as u64..=EVENT_MAX).contains(&hole);
    if hole == 0 || is_text { Ok(offset + hole) } else { Err(Malformed("an event does not follow the one before it")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIB: u64 = 1 << 30;

    #[expect(clippy::cast_possible_truncation, reason = "headers have the end modulo 2^32")]
    fn header(kind: Kind, size: u32, end: u64) -> Header {
        Header { timestamp: 0, kind, server_id: 1, size, end: end as u32, flags: 0 }
    }

    proptest! {
        #[test]
        fn an_event_has_its_place_beyond_4_gib_too(offset in 4u64..1 << 40, size in 19u32..1 << 30, text in 19u64..GIB) {
            let rows = |end| header(Kind::WRITE_ROWS, size, end);
            let table = |end| header(Kind::TABLE_MAP, size, end);
            let end = offset + u64::from(size);
            prop_assert_eq!(begin(offset, &rows(end), false), Ok(offset));
            prop_assert_eq!(begin(offset, &table(end + text), true), Ok(offset + text));
            prop_assert!(begin(offset, &table(end + text), false).is_err());
            prop_assert!(begin(offset, &rows(end + text), false).is_err());
        }

        #[test]
        fn an_event_from_before_never_follows(offset in GIB..1 << 40, back in 1u64..GIB) {
            for kind in [Kind::TABLE_MAP, Kind::WRITE_ROWS] {
                prop_assert!(begin(offset, &header(kind, 100, offset + 100 - back), true).is_err());
            }
        }
    }

    #[test]
    fn an_event_that_ends_at_a_multiple_of_4_gib_has_its_place() {
        let offset = 4 * GIB - 100;
        assert_eq!(begin(offset, &header(Kind::XID, 100, 4 * GIB), true), Ok(offset));
        assert_eq!(begin(4 * GIB, &header(Kind::XID, 31, 4 * GIB + 31), true), Ok(4 * GIB));
    }

    #[test]
    fn events_without_offsets_follow_each_other_until_one_has_its_offset() {
        assert_eq!(begin(490, &header(Kind::TABLE_MAP, 50, 0), true), Ok(490));
        assert_eq!(begin(540, &header(Kind::WRITE_ROWS, 46, 0), true), Ok(540));
        // Two texts of 69 and 64 bytes are not sent.
        assert_eq!(begin(614, &header(Kind::XID, 31, 614 + 133 + 31), true), Ok(614 + 133));
    }
}

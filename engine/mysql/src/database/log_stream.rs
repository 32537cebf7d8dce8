//! A server's binary log as it is sent to replicas: a connection that has become a stream of events.
//!
//! Source: the MySQL protocol (COM_REGISTER_SLAVE, COM_BINLOG_DUMP). The driver takes events apart; they are put together again here, so that
//! everybody else has the bytes that the server sent.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mysql::binlog::events::Event;
use mysql::{BinlogDumpFlags, BinlogRequest, BinlogStream};

use super::Connection;
use super::attendance::{Attendance, Busy};
use super::connection::ConnectionParts;
use super::failure::failure;
use super::silence::{Watch, no_sign};
use engine_core::error::{Error, ErrorKind, Result};

/// The statements that prepare the session for streaming. Servers of both families accept all of them; heartbeats come
/// every two seconds.
const PREPARATIONS: [&str; 5] = [
    "SET @mariadb_slave_capability = 4",
    "SET @master_heartbeat_period = 2000000000, @source_heartbeat_period = 2000000000",
    "SET @source_binlog_checksum = 'CRC32'",
    // With an id of its own MySQL lets several read at once. The second statement needs what the first has set.
    "SET @slave_uuid = UUID()",
    "SET @replica_uuid = @slave_uuid",
];
/// The failed action in errors.
const READING: &str = "cannot read the server's binary log";
/// The kind of a format description, whose checksum has its way before it.
const FORMAT: u8 = 15;

/// Where a stream begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRequest {
    /// Stands for the reader among the server's replicas. Two of the same end each other.
    pub reader: u32,
    /// The server's file.
    pub file: String,
    /// Offset of the first event.
    pub offset: u32,
    /// Whether the stream goes on when the end of the log is reached.
    pub end: StreamEnd,
}

/// The behaviour at the end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// The stream ends.
    Stop,
    /// It waits for more.
    Wait,
}

/// Events as the server sends them.
pub struct LogStream {
    // All three are dropped before the connection is, see there.
    busy: Option<Busy>,
    attendance: Option<Attendance>,
    watch: Watch,
    stream: BinlogStream,
    silence: std::time::Duration,
}

impl Connection {
    /// Makes a stream of the connection.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] if the server refuses. Whether the place is there is told with the first event.
    pub fn into_log(mut self, request: &LogRequest) -> Result<LogStream> {
        PREPARATIONS.iter().try_for_each(|statement| self.run(statement))?;
        let flags = match request.end {
            StreamEnd::Stop => BinlogDumpFlags::BINLOG_DUMP_NON_BLOCK,
            StreamEnd::Wait => BinlogDumpFlags::empty(),
        };
        let dump = BinlogRequest::new(request.reader)
            .with_filename(request.file.as_bytes())
            .with_pos(request.offset)
            .with_flags(flags);
        let ConnectionParts { attendance, watch, conn, silence } = self.into_parts();
        let busy = Busy::begin(attendance.as_ref());
        let stream = conn.get_binlog_stream(dump).map_err(|e| failure(READING, e))?;
        Ok(LogStream { busy: Some(busy), attendance, watch, stream, silence })
    }
}

impl LogStream {
    /// The next event, from its header to its checksum; `None` at the end of the log, if the stream ends there.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] if the server refuses or is lost, or sends what is no event.
    pub fn next_event(&mut self) -> Result<Option<Vec<u8>>> {
        // The driver trusts lengths that the server sends.
        let next = catch_unwind(AssertUnwindSafe(|| self.stream.next()));
        match next {
            Ok(None) => {
                self.busy = None;
                Ok(None)
            }
            Ok(Some(Ok(event))) => put_together(&event).map(Some),
            Ok(Some(Err(error))) => Err(self.explained(failure(READING, error))),
            Err(_) => Err(Error::new(ErrorKind::Database, format!("{READING}: an event is not as long as it says"))),
        }
    }

    fn explained(&self, error: Error) -> Error {
        let error = if self.watch.found_silence() { error.context(no_sign(self.silence)) } else { error };
        match &self.attendance {
            Some(attendance) => attendance.explained(error),
            None => error,
        }
    }
}

/// The bytes that the driver took apart.
fn put_together(event: &Event) -> Result<Vec<u8>> {
    let header = event.header();
    let mut bytes = Vec::with_capacity(event.data().len() + 32);
    bytes.extend_from_slice(&header.timestamp().to_le_bytes());
    bytes.push(header.event_type_raw());
    bytes.extend_from_slice(&header.server_id().to_le_bytes());
    bytes.extend_from_slice(&header.event_size().to_le_bytes());
    bytes.extend_from_slice(&header.log_pos().to_le_bytes());
    bytes.extend_from_slice(&header.flags_raw().to_le_bytes());
    bytes.extend_from_slice(event.data());
    if header.event_type_raw() == FORMAT
        && let Ok(Some(way)) = event.footer().get_checksum_alg()
    {
        bytes.push(way as u8);
    }
    let missing = (header.event_size() as usize).saturating_sub(bytes.len());
    if let Some(checksum) = event.checksum().filter(|checksum| checksum.len() == missing) {
        bytes.extend_from_slice(&checksum);
    }
    if bytes.len() == header.event_size() as usize {
        Ok(bytes)
    } else {
        Err(Error::new(ErrorKind::Database, format!("{READING}: an event is not as long as it says")))
    }
}

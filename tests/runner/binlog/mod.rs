//! Binary logs: what servers write comes into the repository, event by event, and every break is told.

mod archive;
mod breaks;
mod check;
mod copied;
mod cut;
mod flipped;
mod merge;
mod second_reader;
mod settings;
mod storage;
mod together;
mod watch;
mod window;

use std::fs;

use engine::binlog::archive::{Archived, SavedLog, archive};
use engine::binlog::event::{Event, EventBuffer, Format, Kind};
use engine::binlog::stored::{StoredLog, StoredLogs};
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::session::WriterOptions;
use repo_format::log::{FIRST_OFFSET, StreamStart};
use scenario_tests::server::{TestServer, Version};

use crate::support::Fixture;

/// Options of a server that keeps a log.
const LOGGED: &[&str] = &["--log-bin=binlog", "--server-id=7", "--binlog-format=ROW"];

/// A server with a log, and a schema.
fn logged(version: Version) -> TestServer {
    let server = TestServer::of(version, LOGGED);
    server.script("CREATE DATABASE shop; CREATE TABLE shop.visit (id INT PRIMARY KEY, note TEXT) ENGINE=InnoDB;");
    server
}

/// Deletes all files of the log but the newest.
fn purge_to_newest(server: &TestServer) {
    let newest = server.rows("SHOW BINARY LOGS").last().unwrap()[0].clone();
    // MariaDB keeps files until it has noted by itself that it does not need them.
    while server.rows("SHOW BINARY LOGS")[0][0] != newest {
        server.run(&format!("PURGE BINARY LOGS TO '{}'", newest.as_deref().unwrap()));
    }
}

/// Fetches what is new.
fn fetch(fixture: &Fixture, server: &TestServer) -> Vec<SavedLog> {
    match archive(&fixture.open(), &server.address(), &WriterOptions::default(), &NullMonitor).unwrap() {
        Archived::Done(saved) => saved,
        other => panic!("{other:?}"),
    }
}

/// All logs, in order.
fn stored(fixture: &Fixture) -> Vec<StoredLog> {
    let stored = StoredLogs::read(&fixture.open()).unwrap();
    assert!(stored.unreadable.is_empty(), "{:?}", stored.unreadable);
    stored.logs
}

/// The events that the repository has of the server's file `name`, from all logs.
fn events_of(fixture: &Fixture, name: &str) -> Vec<Vec<u8>> {
    let repository = fixture.open();
    let reader = ChunkReader::new(&repository);
    let mut events = Vec::new();
    for log in stored(fixture) {
        for file in log.record.files.iter().filter(|file| file.name == name && file.end > file.first) {
            let mut own = log.events(&reader, file, 0).unwrap();
            while let Some(event) = own.next_event().unwrap() {
                events.push(event);
            }
        }
    }
    events
}

/// The events that the server has in a file; MariaDB keeps those with the text of statements to itself.
fn written(server: &TestServer, name: &str) -> Vec<Vec<u8>> {
    let bytes = fs::read(server.data_folder().join(name)).unwrap();
    let mut buffer = EventBuffer::default();
    buffer.push(&bytes[usize::try_from(FIRST_OFFSET).unwrap()..]);
    let mut events = Vec::new();
    while let Some(event) = buffer.next_event().unwrap() {
        if event.header.kind != Kind::ANNOTATE_ROWS {
            events.push(event.bytes().to_vec());
        }
    }
    events
}

/// Without the mark of a file that is being written, which the server takes away when it ends.
fn without_mark(mut events: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if let Some(first) = events.first_mut() {
        first[17] &= !1;
    }
    events
}

/// The format of a file of the server.
fn format(events: &[Vec<u8>]) -> Format {
    assert_eq!(Event::new(&events[0]).unwrap().header.kind, Kind::FORMAT);
    Format::read(&events[0]).unwrap()
}

/// All logs are one stream, each follows the one before, and their files come in the server's order.
fn assert_chain(fixture: &Fixture) {
    let logs = stored(fixture);
    assert_eq!(logs[0].record.start, Some(StreamStart::First));
    for pair in logs.windows(2) {
        let [earlier, later] = pair else { unreachable!() };
        assert_eq!((later.record.previous, &later.record.from), (Some(earlier.id()), &earlier.record.to));
        assert_eq!(later.record.stream, earlier.record.stream);
    }
    let files: Vec<_> = logs.iter().flat_map(|log| &log.record.files).map(|file| (&file.name, file.first)).collect();
    assert!(files.is_sorted(), "{files:?}");
    for log in &logs {
        let last = log.record.files.last().unwrap();
        assert!(last.is_closed || (&last.name, last.end) == (&log.record.to.file, log.record.to.offset));
    }
}

/// Each file that has ended has all events that the server wrote into it, once.
fn assert_closed_files_are_whole(fixture: &Fixture, server: &TestServer) {
    let logs = stored(fixture);
    for file in logs.iter().flat_map(|log| &log.record.files).filter(|file| file.is_closed) {
        let name = &file.name;
        assert!(without_mark(events_of(fixture, name)) == without_mark(written(server, name)), "{name}");
    }
}

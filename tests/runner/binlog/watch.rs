//! A log that is kept as it is written.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::binlog::archive::{WatchOptions, watch};
use engine::binlog::stored::StoredLogs;
use engine::monitor::{Monitor, Work};
use engine::pack::ChunkReader;
use engine::session::WriterOptions;
use repo_format::log::{SECOND, StreamStart, TimeSource};
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::{events_of, logged, stored, without_mark, written};
use crate::support::Fixture;

on_each_server!(
    what_happens_is_kept_once_though_the_server_dies_meanwhile,
    what_was_read_is_kept_when_the_watch_stops,
    what_was_written_before_the_watch_did_not_happen_when_it_arrived,
    a_file_that_ended_just_when_it_was_kept_is_followed_by_the_next,
    a_watch_that_is_behind_catches_up_however_often_it_keeps,
);

/// Long enough for a server that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who can stop.
#[derive(Default)]
struct Stoppable {
    stops: AtomicBool,
    kept: AtomicU64,
    /// Bytes of events that were read.
    read: AtomicU64,
}

impl Monitor for Stoppable {
    fn advance(&self, work: Work) {
        self.read.fetch_add(work.bytes, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }
}

/// Waits until so many transactions have been kept.
fn wait_for(monitor: &Stoppable, transactions: u64) {
    let until = Instant::now() + PATIENCE;
    while monitor.kept.load(Ordering::Relaxed) < transactions {
        assert!(Instant::now() < until, "{} of {transactions} are kept", monitor.kept.load(Ordering::Relaxed));
        std::thread::yield_now();
    }
}

fn insert(server: &TestServer, ids: std::ops::Range<u32>) {
    ids.for_each(|id| server.run(&format!("INSERT INTO shop.visit VALUES ({id}, 'x')")));
}

fn what_happens_is_kept_once_though_the_server_dies_meanwhile(version: Version) {
    let (mut server, fixture, monitor) = (logged(version), Fixture::new(), Stoppable::default());
    let (address, repository) = (server.address(), fixture.open());
    std::thread::scope(|scope| {
        let options = WatchOptions { every: Duration::from_millis(20), writer: WriterOptions::default() };
        let (address, repository, watcher) = (&address, &repository, &monitor);
        let watched = scope.spawn(move || {
            watch(repository, address, &options, watcher, &mut |saved| {
                watcher.kept.fetch_add(saved.record.transactions, Ordering::Relaxed);
            })
        });
        // The schema and its table were made in the same file.
        let before = 2;
        wait_for(&monitor, before);
        insert(&server, 0..20);
        wait_for(&monitor, before + 20);
        server.kill();
        server.restart();
        insert(&server, 20..30);
        server.run("FLUSH BINARY LOGS");
        insert(&server, 30..40);
        wait_for(&monitor, before + 40);
        monitor.stops.store(true, Ordering::Relaxed);
        assert!(watched.join().unwrap().unwrap().is_none());
    });
    let logs = StoredLogs::read(&fixture.open()).unwrap().logs;
    let starts: Vec<_> = logs.iter().filter_map(|log| log.record.start).collect();
    assert_eq!(starts, [StreamStart::First]);
    for pair in logs.windows(2) {
        assert_eq!((pair[1].record.previous, &pair[1].record.from), (Some(pair[0].id()), &pair[0].record.to));
    }
    let repository = fixture.open();
    let reader = ChunkReader::new(&repository);
    let all = logs.iter().flat_map(|log| log.transactions(&reader).unwrap());
    let times: Vec<_> = all.map(|transaction| transaction.unwrap().time_source).collect();
    let exact = if version.is_mysql() { TimeSource::Commit } else { TimeSource::Arrival };
    // The first ones after a start of the server may have been written before it was asked again.
    assert_eq!(times[2..22], [exact; 20]);
    for file in stored(&fixture).iter().flat_map(|log| &log.record.files).filter(|file| file.is_closed) {
        let name = &file.name;
        assert!(without_mark(events_of(&fixture, name)) == without_mark(written(&server, name)), "{name}");
    }
}

/// Watches, and keeps after each `every`, until `work` is done.
fn while_watched(fixture: &Fixture, server: &TestServer, every: Duration, work: impl FnOnce(&Stoppable)) {
    let (address, repository, monitor) = (server.address(), fixture.open(), Stoppable::default());
    std::thread::scope(|scope| {
        let options = WatchOptions { every, writer: WriterOptions::default() };
        let (address, repository, watcher) = (&address, &repository, &monitor);
        let watched = scope.spawn(move || {
            watch(repository, address, &options, watcher, &mut |saved| {
                watcher.kept.fetch_add(saved.record.transactions, Ordering::Relaxed);
            })
        });
        let done = catch_unwind(AssertUnwindSafe(|| work(&monitor)));
        monitor.stops.store(true, Ordering::Relaxed);
        assert!(watched.join().unwrap().unwrap().is_none());
        done.unwrap();
    });
}

/// Waits until so many bytes were read.
fn wait_for_bytes(monitor: &Stoppable, bytes: u64) {
    let until = Instant::now() + PATIENCE;
    while monitor.read.load(Ordering::Relaxed) < bytes {
        assert!(Instant::now() < until, "{} of {bytes} bytes", monitor.read.load(Ordering::Relaxed));
        std::thread::yield_now();
    }
}

fn what_was_read_is_kept_when_the_watch_stops(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    while_watched(&fixture, &server, Duration::from_secs(3600), |monitor| {
        (0..5).for_each(|id| server.run(&format!("INSERT INTO shop.visit VALUES ({id}, REPEAT('x', 1000))")));
        wait_for_bytes(monitor, 5 * 1000);
    });
    let logs = stored(&fixture);
    assert_eq!(logs.len(), 1);
    assert!(logs[0].record.transactions >= 2 + 4, "{:?}", logs[0].record);
    let name = &logs[0].record.to.file;
    let (kept, on_disk) = (without_mark(events_of(&fixture, name)), without_mark(written(&server, name)));
    assert!(on_disk.starts_with(&kept));
}

fn what_was_written_before_the_watch_did_not_happen_when_it_arrived(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    insert(&server, 0..5);
    let before = 2 + 5;
    while_watched(&fixture, &server, Duration::ZERO, |monitor| {
        wait_for(monitor, before);
        insert(&server, 5..8);
        wait_for(monitor, before + 3);
    });
    let (repository, logs) = (fixture.open(), stored(&fixture));
    let reader = ChunkReader::new(&repository);
    let all: Vec<_> = logs.iter().flat_map(|log| log.transactions(&reader).unwrap()).map(Result::unwrap).collect();
    let sources: Vec<_> = all.iter().map(|transaction| transaction.time_source).collect();
    if !version.is_mysql() {
        assert_eq!(sources[..7], [TimeSource::Statement; 7]);
        assert_eq!(sources[7..], [TimeSource::Arrival; 3]);
    }
    assert!(all.is_sorted_by_key(|transaction| transaction.time));
    // A log says of no moment that it is there if a later log has a transaction from before.
    for (at, log) in logs.iter().enumerate() {
        for later in &logs[at + 1..] {
            let mut later = later.transactions(&reader).unwrap().map(Result::unwrap);
            let exact = |source| source != TimeSource::Statement;
            assert!(later.all(|later| !exact(later.time_source) || later.time >= log.record.complete_until));
        }
    }
}

fn a_watch_that_is_behind_catches_up_however_often_it_keeps(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    insert(&server, 0..200);
    while_watched(&fixture, &server, Duration::ZERO, |monitor| wait_for(monitor, 202));
    let logs = stored(&fixture);
    assert!(logs.len() < 20, "{} logs", logs.len());
    let seconds = server.value("SELECT UNIX_TIMESTAMP()").unwrap().parse::<i64>().unwrap();
    let until = logs.last().unwrap().record.complete_until / SECOND;
    assert!((until - seconds).abs() < 30, "complete until {until}, and it is {seconds}");
}

fn a_file_that_ended_just_when_it_was_kept_is_followed_by_the_next(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    while_watched(&fixture, &server, Duration::ZERO, |monitor| {
        wait_for(monitor, 2);
        for round in 0..6 {
            server.run("FLUSH BINARY LOGS");
            insert(&server, round..round + 1);
            wait_for(monitor, u64::from(round) + 3);
        }
        server.run("FLUSH BINARY LOGS");
    });
    server.run("FLUSH BINARY LOGS");
    super::fetch(&fixture, &server);
    super::assert_chain(&fixture);
    super::assert_closed_files_are_whole(&fixture, &server);
}

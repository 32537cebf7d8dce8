//! A log that is kept as it is written.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::binlog::archive::{StoredLogs, WatchOptions, watch};
use engine::monitor::Monitor;
use engine::pack::ChunkReader;
use engine::session::WriterOptions;
use repo_format::log::{StreamStart, TimeSource};
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::{events_of, logged, stored, without_mark, written};
use crate::support::Fixture;

on_each_server!(what_happens_is_kept_once_though_the_server_dies_meanwhile,);

/// Long enough for a server that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who can stop.
#[derive(Default)]
struct Stoppable {
    stops: AtomicBool,
    kept: AtomicU64,
}

impl Monitor for Stoppable {
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
    assert!(times.ends_with(&[exact; 40]), "{times:?}");
    for file in stored(&fixture).iter().flat_map(|log| &log.record.files).filter(|file| file.is_closed) {
        let name = &file.name;
        assert!(without_mark(events_of(&fixture, name)) == without_mark(written(&server, name)), "{name}");
    }
}

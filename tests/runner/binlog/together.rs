//! Several readers of one server's log: each event is on the way from a snapshot exactly once, whoever fetched it and whatever was killed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::binlog::archive::{Archived, WatchOptions, archive, watch};
use engine::binlog::window::{all_ways, records};
use engine::database::{Connection, LogRequest, StreamEnd};
use engine::monitor::{Monitor, NullMonitor};
use engine::pack::ChunkReader;
use engine::repository::Repository;
use engine::session::WriterOptions;
use repo_format::config::Access;
use repo_format::log::StreamStart;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::{fetch, logged, without_mark, written};
use crate::database::save::save;
use crate::support::Fixture;

on_each_server!(
    a_second_watch_and_a_backup_leave_the_log_to_the_first_watch,
    two_machines_keep_one_log_in_turns,
    an_administrator_who_kills_readers_loses_and_repeats_nothing,
    a_replica_with_the_number_of_the_reader_only_interrupts_it,
);

/// Somebody who can stop.
#[derive(Default)]
struct Stoppable(AtomicBool);

impl Stoppable {
    fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Monitor for Stoppable {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Stops when it goes, also in a panic.
struct Stop<'m>(&'m Stoppable);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Watches until the monitor stops; a watch that finds another one tries again.
fn keep_watching(repository: &Repository, server: &TestServer, monitor: &Stoppable) {
    let options = WatchOptions { every: Duration::from_millis(10), writer: WriterOptions::default() };
    while !monitor.is_cancelled() {
        let ended = watch(repository, &server.address(), &options, monitor, &mut |_| ()).unwrap();
        assert!(matches!(ended, None | Some(Archived::Busy)), "{ended:?}");
    }
}

/// The way from the only snapshot has every change once: rows were inserted into `shop.visit`, and each file of the server is there as it was written.
fn assert_once(repository: &Repository, server: &TestServer, rows: u64) {
    let found = records(repository).unwrap();
    assert!(found.unreadable.is_empty());
    let starts: Vec<_> = found.logs.iter().filter_map(|log| log.record.start).collect();
    assert!(starts.iter().all(|start| *start == StreamStart::First), "{starts:?}");
    let ways = all_ways(&found.logs, &found.bases);
    let way = ways.iter().max_by_key(|way| way.until).unwrap();
    let logs = way.logs();
    let reader = ChunkReader::new(repository);
    let all = logs.iter().flat_map(|log| log.transactions(&reader).unwrap());
    let visits = all.flat_map(|transaction| transaction.unwrap().tables).filter(|table| table.table == "visit");
    assert_eq!(visits.map(|table| table.inserted).sum::<u64>(), rows);
    let mut files: Vec<&str> = logs.iter().flat_map(|log| &log.record.files).map(|file| &file.name[..]).collect();
    files.dedup();
    assert!(files.is_sorted(), "{files:?}");
    for name in files.iter().skip(1) {
        let mut events = Vec::new();
        for log in logs {
            for file in log.record.files.iter().filter(|file| file.name == *name && file.end > file.first) {
                let mut own = log.events(&reader, file, 0).unwrap();
                events.extend(std::iter::from_fn(|| own.next_event().unwrap()));
            }
        }
        let (kept, on_disk) = (without_mark(events), without_mark(written(server, name)));
        assert!(on_disk.starts_with(&kept), "{name}");
        assert!(kept.len() == on_disk.len() || Some(name) == files.last(), "{name}");
    }
}

fn insert(server: &TestServer, ids: std::ops::Range<u64>) {
    ids.for_each(|id| server.run(&format!("INSERT INTO shop.visit VALUES ({id}, 'x')")));
}

/// A server whose log and a repository whose snapshot begin together.
fn begun(version: Version) -> (TestServer, Fixture) {
    let (server, fixture) = (logged(version), Fixture::new());
    save(&fixture, &fixture.open(), &server, &["shop"]);
    fetch(&fixture, &server);
    (server, fixture)
}

fn a_second_watch_and_a_backup_leave_the_log_to_the_first_watch(version: Version) {
    let (server, fixture) = begun(version);
    let (first, second) = (fixture.open(), fixture.open_anew());
    let (monitor, other) = (Stoppable::default(), Stoppable::default());
    std::thread::scope(|scope| {
        let _stop = (Stop(&monitor), Stop(&other));
        scope.spawn(|| keep_watching(&first, &server, &monitor));
        scope.spawn(|| keep_watching(&second, &server, &other));
        let mut was_busy = false;
        for round in 0..30 {
            insert(&server, 10 * round..10 * round + 10);
            let third = archive(&fixture.open_anew(), &server.address(), &WriterOptions::default(), &NullMonitor);
            was_busy |= matches!(third.unwrap(), Archived::Busy);
            if round == 15 {
                server.run("FLUSH BINARY LOGS");
                // The other one takes over.
                monitor.stop();
            }
        }
        assert!(was_busy);
    });
    fetch(&fixture, &server);
    assert_once(&fixture.open(), &server, 300);
}

fn two_machines_keep_one_log_in_turns(version: Version) {
    let (server, fixture) = begun(version);
    let machines = ["one", "two"];
    for round in 0..10u64 {
        insert(&server, 2 * round..2 * round + 2);
        if round % 4 == 3 {
            server.run("FLUSH BINARY LOGS");
        }
        let machine = machines[usize::try_from(round % 3 % 2).unwrap()];
        let repository = fixture.try_open(machine, &fixture.credential(), Access::Write).unwrap();
        archive(&repository, &server.address(), &WriterOptions::default(), &NullMonitor).unwrap();
    }
    for machine in machines {
        assert_once(&fixture.try_open(machine, &fixture.credential(), Access::Write).unwrap(), &server, 20);
    }
}

fn an_administrator_who_kills_readers_loses_and_repeats_nothing(version: Version) {
    let (server, fixture) = begun(version);
    let (first, second, monitor) = (fixture.open(), fixture.open_anew(), Stoppable::default());
    let claim = format!("SELECT IS_USED_LOCK('enamel log {}')", first.id());
    let dump = "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%' LIMIT 1";
    std::thread::scope(|scope| {
        let _stop = Stop(&monitor);
        scope.spawn(|| keep_watching(&first, &server, &monitor));
        scope.spawn(|| keep_watching(&second, &server, &monitor));
        for round in 0..12 {
            insert(&server, 10 * round..10 * round + 10);
            let sql = if round % 2 == 0 { &claim } else { dump };
            if let Some(id) = server.rows(sql).first().and_then(|row| row[0].clone()) {
                // It may be gone by then.
                let _ = server.script_with(format!("KILL {id}"), &["--force"]);
            }
        }
    });
    fetch(&fixture, &server);
    assert_once(&fixture.open(), &server, 120);
}

fn a_replica_with_the_number_of_the_reader_only_interrupts_it(version: Version) {
    let (server, fixture) = begun(version);
    let (repository, monitor) = (fixture.open(), Stoppable::default());
    std::thread::scope(|scope| {
        let _stop = Stop(&monitor);
        scope.spawn(|| keep_watching(&repository, &server, &monitor));
        let mut interrupted = 0;
        let hosts = if version.is_mysql() { "SHOW REPLICAS" } else { "SHOW SLAVE HOSTS" };
        for round in 0..6 {
            insert(&server, 10 * round..10 * round + 10);
            let number = server.rows(hosts).first().and_then(|row| row[0].clone());
            let Some(reader) = number.and_then(|number| number.parse().ok()) else { continue };
            let file = server.rows("SHOW BINARY LOGS").last().unwrap()[0].clone().unwrap();
            let request = LogRequest { reader, file, offset: 4, end: StreamEnd::Stop };
            let mut replica = Connection::open(&server.address()).unwrap().into_log(&request).unwrap();
            replica.next_event().unwrap();
            interrupted += 1;
        }
        assert!(interrupted > 0);
    });
    fetch(&fixture, &server);
    assert_once(&fixture.open(), &server, 60);
}

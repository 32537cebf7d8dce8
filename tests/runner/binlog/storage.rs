//! A repository that takes nothing for a while, or never lets anything go: what was not kept is kept later, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::binlog::archive::{WatchOptions, watch};
use engine::monitor::{Monitor, NullMonitor};
use engine::session::WriterOptions;
use engine::store::faulty::{Fault, FaultyStore, Op, When};
use engine::store::{AppendOnlyStore, MemoryStore, StoreErrorKind};
use engine::upkeep::prune::{PruneOptions, plan};
use engine::{ErrorKind, machine};
use scenario_tests::on_each_server;
use scenario_tests::server::Version;

use super::{assert_chain, assert_closed_files_are_whole, fetch, logged, stored};
use crate::support::{Fixture, verify_all};

on_each_server!(
    a_watch_goes_on_when_a_full_disk_has_room_again,
    a_repository_that_lets_nothing_go_keeps_the_log,
    a_prune_beside_a_watch_leaves_the_log_whole,
);

const PATIENCE: Duration = Duration::from_secs(60);

/// Counts what is kept, and failures.
#[derive(Default)]
struct Listener {
    stops: AtomicBool,
    kept: AtomicU64,
    notes: AtomicU64,
}

impl Monitor for Listener {
    fn is_cancelled(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }

    fn note(&self, _: &str) {
        self.notes.fetch_add(1, Ordering::Relaxed);
    }
}

fn wait_for(count: &AtomicU64, most: u64) {
    let until = Instant::now() + PATIENCE;
    while count.load(Ordering::Relaxed) < most {
        assert!(Instant::now() < until, "{} of {most}", count.load(Ordering::Relaxed));
        std::thread::yield_now();
    }
}

fn a_watch_goes_on_when_a_full_disk_has_room_again(version: Version) {
    let server = logged(version);
    let store = Arc::new(FaultyStore::new(Arc::new(MemoryStore::new())));
    let fixture = Fixture::in_store(store.clone());
    let (address, repository, listener) = (server.address(), fixture.open(), Listener::default());
    let options = WatchOptions { every: Duration::from_millis(10), writer: WriterOptions::default() };
    let watched = |listener: &Listener| {
        watch(&repository, &address, &options, listener, &mut |saved| {
            listener.kept.fetch_add(saved.record.transactions, Ordering::Relaxed);
        })
    };
    let fault = |at, kind, when| Fault { ops: vec![Op::PutNew], at, lasting: true, kind, when };
    // A repository that takes nothing from the beginning is an error at once.
    store.fail(fault(1, StoreErrorKind::NoSpace, When::Before));
    assert_eq!(watched(&Listener::default()).unwrap_err().kind(), ErrorKind::NoSpace);
    store.heal();
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| watched(&listener));
        wait_for(&listener.kept, 2);
        let kinds = [StoreErrorKind::NoSpace, StoreErrorKind::Io, StoreErrorKind::PermissionDenied];
        for (round, kind) in (0..).zip(kinds) {
            store.fail(fault(1 + round, kind, if round == 1 { When::After } else { When::Before }));
            server.run(&format!("INSERT INTO shop.visit VALUES ({round}, 'x')"));
            wait_for(&listener.notes, round + 1);
            store.heal();
            // A put that was answered with an error may have had its effect.
            server.run(&format!("INSERT INTO shop.visit VALUES ({round} + 100, 'x')"));
            wait_for(&listener.kept, 2 + 2 * round + 1);
        }
        listener.stops.store(true, Ordering::Relaxed);
        watching.join().unwrap().unwrap();
    });
    server.run("FLUSH BINARY LOGS");
    fetch(&fixture, &server);
    assert_chain(&fixture);
    assert_closed_files_are_whole(&fixture, &server);
    verify_all(&fixture.open());
}

fn a_repository_that_lets_nothing_go_keeps_the_log(version: Version) {
    let server = logged(version);
    let fixture = Fixture::in_store(Arc::new(MemoryStore::new()));
    let fixture = fixture.through(Arc::new(AppendOnlyStore::new(fixture.store.clone())));
    for round in 0..6 {
        server.script(format!("INSERT INTO shop.visit VALUES ({round}, 'x'); FLUSH BINARY LOGS;"));
        fetch(&fixture, &server);
    }
    assert_chain(&fixture);
    assert_closed_files_are_whole(&fixture, &server);
    assert_eq!(stored(&fixture).len(), 6);
}

fn a_prune_beside_a_watch_leaves_the_log_whole(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    let (address, repository, listener) = (server.address(), fixture.open(), Listener::default());
    let options = WatchOptions { every: Duration::ZERO, writer: WriterOptions::default() };
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            watch(&repository, &address, &options, &listener, &mut |saved| {
                listener.kept.fetch_add(saved.record.transactions, Ordering::Relaxed);
            })
        });
        let pruner = fixture.open_anew();
        let all = PruneOptions { this_host: "this", process: &machine::process, max_unused: 0, max_rewrite: u64::MAX };
        for round in 0..12 {
            server.run(&format!("INSERT INTO shop.visit VALUES ({round}, REPEAT('x', 3000))"));
            plan(&pruner, &all, &NullMonitor).unwrap().run(&NullMonitor).unwrap();
        }
        wait_for(&listener.kept, 2 + 12);
        listener.stops.store(true, Ordering::Relaxed);
        watching.join().unwrap().unwrap();
    });
    server.run("FLUSH BINARY LOGS");
    fetch(&fixture, &server);
    assert_chain(&fixture);
    assert_closed_files_are_whole(&fixture, &server);
    verify_all(&fixture.open_anew());
}

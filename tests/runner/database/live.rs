//! Backups of servers that people work with: one moment for all, and nobody waits for long.

use std::time::Duration;

use engine::load::{LoadOptions, load};
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::saved::Database;
use scenario_tests::databases::many_tables;
use scenario_tests::server::TestServer;
use scenario_tests::writers::{Kind, Writers, check_invariants, prepare};

use super::save::{save, source, try_save};
use crate::support::{Fixture, by_id, verify_all};

/// How long a writer may be made to wait.
const WAIT_MAX: Duration = Duration::from_secs(3);
const NONE: [String; 0] = [];

#[test]
fn a_backup_beside_writers_shows_one_moment() {
    one_moment(&[]);
}

#[test]
fn a_backup_beside_writers_shows_one_moment_where_there_is_a_binary_log() {
    one_moment(&["--log-bin", "--server-id=7"]);
}

#[track_caller]
fn one_moment(options: &[&str]) {
    let (fixture, server, other) = (Fixture::new(), TestServer::start(options), TestServer::start(&[]));
    prepare(&server, "w");
    let repository = fixture.open();
    let kinds: Vec<Kind> = Kind::ALL.into_iter().chain(Kind::ALL).collect();
    let writers = Writers::start(&server, "w", &kinds);
    for round in 0..3 {
        writers.wait_rounds(5);
        let outcome = try_save(&repository, source(&server, &["w"])).unwrap();
        assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
        let snapshot = by_id(&repository, outcome.snapshot.unwrap());
        let loaded = load(&repository, &snapshot, &other.address(), &LoadOptions::default(), &NullMonitor).unwrap();
        assert_eq!(loaded.problem_count, 0, "{:?}", loaded.problems);
        assert_eq!(check_invariants(&other, "w"), NONE, "round {round}");
        other.run("DROP DATABASE w");
    }
    for outcome in writers.stop() {
        assert!(outcome.failure.is_none() && outcome.longest_wait <= WAIT_MAX, "{outcome:?}");
    }
    verify_all(&repository);
}

#[test]
fn tables_without_transactions_that_did_not_change_are_carried_over() {
    let (fixture, server) = (Fixture::new(), TestServer::start(&[]));
    many_tables(&server, 450, &["MyISAM"]);
    let repository = fixture.open();
    let carried = |snapshot: &engine::snapshots::Snapshot| {
        let reader = ChunkReader::new(&repository);
        Database::open(&reader, &snapshot.manifest, None).unwrap().server.carried.len()
    };
    assert_eq!(carried(&save(&fixture, &repository, &server, &["many"])), 0);
    // What changed within two seconds of a snapshot is read once more, so this takes as many backups as fit in that time.
    let settled = (0..20).map(|_| save(&fixture, &repository, &server, &["many"])).find(|s| carried(s) == 450);
    assert!(settled.is_some(), "unchanged tables are never carried over");

    server.run("UPDATE many.t0007 SET Fee = Fee + 1 LIMIT 1");
    let last = save(&fixture, &repository, &server, &["many"]);
    assert_eq!(carried(&last), 449);
    let other = TestServer::start(&[]);
    let loaded = load(&repository, &last, &other.address(), &LoadOptions::default(), &NullMonitor).unwrap();
    assert_eq!(loaded.problem_count, 0, "{:?}", loaded.problems);
    assert_eq!(server.fingerprint("many"), other.fingerprint("many"));
}

#[test]
fn a_second_backup_of_the_same_rows_stores_none_of_them() {
    let (fixture, server) = (Fixture::new(), TestServer::start(&[]));
    many_tables(&server, 30, &["InnoDB", "MyISAM", "Aria"]);
    let repository = fixture.open();
    let first = try_save(&repository, source(&server, &["many"])).unwrap();
    let second = try_save(&repository, source(&server, &["many"])).unwrap();
    assert!(first.statistics.new_files > 60 && second.statistics.changed_files <= 1, "{second:?}");
    assert!(second.statistics.stored_bytes < 20_000, "{}", second.statistics.stored_bytes);
}

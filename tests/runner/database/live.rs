//! Backups of servers that people work with: one moment for all, and nobody waits for long.

use std::time::Duration;

use engine::database::Credentials;
use engine::load::{LoadOptions, load};
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::repository::Repository;
use engine::snapshots::saved::{Database, read_segment};
use scenario_tests::databases::many_tables;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};
use scenario_tests::writers::{Kind, Writers, check_invariants, prepare};

use super::save::{save, source, try_save};
use crate::support::{Fixture, by_id, verify_all};

/// How long a writer may be made to wait.
const WAIT_MAX: Duration = Duration::from_secs(3);
const NONE: [String; 0] = [];

on_each_server!(
    a_backup_beside_writers_shows_one_moment,
    a_backup_beside_writers_shows_one_moment_where_there_is_a_binary_log,
    a_backup_by_an_account_without_rights_on_the_server_shows_one_moment,
    a_table_is_carried_over_only_while_nothing_can_have_changed,
    tables_without_transactions_that_did_not_change_are_carried_over,
);

fn a_backup_beside_writers_shows_one_moment(version: Version) {
    let options: &[&str] = if version.is_mysql() { &["--skip-log-bin"] } else { &[] };
    one_moment(&TestServer::of(version, options), administrator());
}

fn a_backup_beside_writers_shows_one_moment_where_there_is_a_binary_log(version: Version) {
    one_moment(&TestServer::of(version, with_log(version)), administrator());
}

/// Writers change tables with and without transactions in one transaction, which a log with ids does not take.
fn with_log(version: Version) -> &'static [&'static str] {
    let without_ids: &[&str] = &["--log-bin", "--server-id=7", "--enforce-gtid-consistency=OFF", "--gtid-mode=OFF"];
    if version.is_mysql() { without_ids } else { &without_ids[..2] }
}

/// No stages and no global lock: a managed server allows no more.
fn a_backup_by_an_account_without_rights_on_the_server_shows_one_moment(version: Version) {
    let server = TestServer::of(version, with_log(version));
    server.script(
        "CREATE USER ann@localhost;
         GRANT SELECT, LOCK TABLES, SHOW VIEW, TRIGGER, EVENT, CREATE ROUTINE ON w.* TO ann@localhost;
         GRANT PROCESS ON *.* TO ann@localhost;",
    );
    let routines = match version {
        Version::MySql97 => "SHOW_ROUTINE ON *.*",
        Version::MariaDb118 => "SHOW CREATE ROUTINE ON w.*",
        _ => "SELECT ON mysql.proc",
    };
    server.run(&format!("GRANT {routines} TO ann@localhost"));
    let log = if version.is_mysql() { "REPLICATION CLIENT" } else { "BINLOG MONITOR" };
    server.run(&format!("GRANT {log} ON *.* TO ann@localhost"));
    one_moment(&server, Credentials { user: "ann".to_owned(), password: None });
}

fn administrator() -> Credentials {
    Credentials { user: "root".to_owned(), password: None }
}

#[track_caller]
fn one_moment(server: &TestServer, credentials: Credentials) {
    let (fixture, other) = (Fixture::new(), TestServer::of(server.version(), &[]));
    prepare(server, "w");
    let repository = fixture.open();
    let kinds: Vec<Kind> = Kind::ALL.into_iter().chain(Kind::ALL).collect();
    let writers = Writers::start(server, "w", &kinds);
    for round in 0..3 {
        writers.wait_rounds(5);
        let mut source = source(server, &["w"]);
        source.address.credentials = credentials.clone();
        let outcome = try_save(&repository, source).unwrap();
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

/// Makes the files of all MyISAM tables of `schema` look as if they were written a minute ago.
pub fn age_files(server: &TestServer, schema: &str) {
    let then = std::time::SystemTime::now() - Duration::from_secs(60);
    for entry in std::fs::read_dir(server.data_folder().join(schema)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "MYD") {
            std::fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
        }
    }
}

/// The rows of table `t` of schema `s` in a backup, and whether it was carried over.
fn saved_and_carried(fixture: &Fixture, repository: &Repository, server: &TestServer) -> (String, bool) {
    let snapshot = save(fixture, repository, server, &["s"]);
    let reader = ChunkReader::new(repository);
    let database = Database::open(&reader, &snapshot.manifest, None).unwrap();
    let carried = database.server.carried.iter().any(|table| table.table == "t");
    let table = database.schema("s").unwrap().table("t").unwrap();
    let segments = table.segments(&reader).unwrap().map(|segment| read_segment(&reader, &segment.unwrap()).unwrap());
    (String::from_utf8(segments.collect::<Vec<_>>().concat()).unwrap(), carried)
}

fn a_table_is_carried_over_only_while_nothing_can_have_changed(version: Version) {
    let (fixture, server) = (Fixture::new(), TestServer::of(version, &[]));
    let repository = fixture.open();
    server.script(
        "CREATE DATABASE s; USE s; CREATE TABLE t (id int PRIMARY KEY, a char(3)) ENGINE=MyISAM; CREATE TABLE u LIKE t; \
         INSERT INTO t VALUES (1, 'old'); INSERT INTO u VALUES (1, 'new');",
    );
    let saved = || saved_and_carried(&fixture, &repository, &server);
    saved();
    age_files(&server, "s");
    assert_eq!(saved(), ("1\told\n".to_owned(), false));
    assert_eq!(saved(), ("1\told\n".to_owned(), true), "nothing has changed");
    // The other table has the same definition, size and time.
    server.run("RENAME TABLE s.t TO s.v, s.u TO s.t");
    assert_eq!(saved(), ("1\tnew\n".to_owned(), false), "another table has its name");
    assert_eq!(saved(), ("1\tnew\n".to_owned(), true));
    // A change that a cache of statistics would hide for a day.
    server.run("UPDATE s.t SET a = 'two'");
    assert_eq!(saved(), ("1\ttwo\n".to_owned(), false), "its rows have changed");
    assert_eq!(saved().0, "1\ttwo\n");
}

fn tables_without_transactions_that_did_not_change_are_carried_over(version: Version) {
    let (fixture, server) = (Fixture::new(), TestServer::of(version, &[]));
    many_tables(&server, 450, &["MyISAM"]);
    let repository = fixture.open();
    let carried = |snapshot: &engine::snapshots::Snapshot| {
        let reader = ChunkReader::new(&repository);
        Database::open(&reader, &snapshot.manifest, None).unwrap().server.carried.len()
    };
    assert_eq!(carried(&save(&fixture, &repository, &server, &["many"])), 0);
    age_files(&server, "many");
    save(&fixture, &repository, &server, &["many"]);
    assert_eq!(carried(&save(&fixture, &repository, &server, &["many"])), 450);

    server.run("UPDATE many.t0007 SET Fee = Fee + 1 LIMIT 1");
    let last = save(&fixture, &repository, &server, &["many"]);
    assert_eq!(carried(&last), 449);
    let other = TestServer::of(version, &[]);
    let loaded = load(&repository, &last, &other.address(), &LoadOptions::default(), &NullMonitor).unwrap();
    assert_eq!(loaded.problem_count, 0, "{:?}", loaded.problems);
    assert_eq!(server.fingerprint("many"), other.fingerprint("many"));
}

/// MySQL and MariaDB 10.5 estimate the number of rows again, and the segments follow.
#[test]
fn a_second_backup_of_the_same_rows_stores_none_of_them() {
    let version = Version::Installed;
    let (fixture, server) = (Fixture::new(), TestServer::of(version, &[]));
    many_tables(&server, 30, &["InnoDB", "MyISAM", if version.is_mysql() { "InnoDB" } else { "Aria" }]);
    let repository = fixture.open();
    let first = try_save(&repository, source(&server, &["many"])).unwrap();
    let second = try_save(&repository, source(&server, &["many"])).unwrap();
    assert!(first.statistics.new_files > 60 && second.statistics.changed_files <= 1, "{second:?}");
    assert_eq!(second.statistics.new_files, 0, "the record of the server is no file that somebody made");
    assert!(second.statistics.stored_bytes < 20_000, "{}", second.statistics.stored_bytes);
}

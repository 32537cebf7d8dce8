//! Trouble with a server while it is saved: it is named, and nothing is half-done.

use std::sync::Arc;

use engine::ErrorKind;
use engine::database::Connection;
use engine::dump::DatabaseSource;
use engine::error::chain;
use engine::files::backup::{BackupOutcome, Source, backup};
use engine::load::{LoadOptions, load};
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use scenario_tests::databases::many_tables;
use scenario_tests::server::TestServer;

use super::save::{source, try_save};
use crate::support::{Fixture, Hook, backup_options, by_id, verify_all};

/// Saves schema `many` with one session, and runs `sql` when the first rows have been stored.
fn save_and(repository: &Repository, server: &TestServer, sql: &'static str) -> engine::Result<BackupOutcome> {
    let address = Arc::new(server.address());
    let hook = Hook::once(
        |work| work.bytes > 0,
        move || {
            let mut connection = Connection::open(&address).unwrap();
            sql.split(';').for_each(|statement| connection.run(statement).unwrap());
        },
    );
    let mut source = source(server, &["many"]);
    source.sessions = 1;
    backup(repository, vec![Source::Database(Box::new(source))], &backup_options(), &hook)
}

fn named(outcome: &BackupOutcome) -> Vec<String> {
    let name = |p: &repo_format::node::Problem| String::from_utf8_lossy(&p.path.0).into_owned();
    let mut names: Vec<_> = outcome.problems.iter().map(name).collect();
    names.sort();
    names
}

#[test]
fn tables_that_change_while_they_are_read_are_read_again_and_named() {
    let (fixture, server) = (Fixture::new(), TestServer::start(&[]));
    many_tables(&server, 12, &["InnoDB"]);
    server.script("USE many; CREATE TABLE large AS SELECT seq, REPEAT(MD5(seq), 40) FROM seq_1_to_4000");
    let repository = fixture.open();
    let outcome = save_and(
        &repository,
        &server,
        "ALTER TABLE many.t0000 ADD COLUMN more INT DEFAULT 7; TRUNCATE TABLE many.t0001; DROP TABLE many.t0002; \
         RENAME TABLE many.t0003 TO many.t9999; CREATE TABLE many.fresh (a INT PRIMARY KEY) SELECT 1 AS a",
    )
    .unwrap();
    let changed = ["fresh", "t0000", "t0001", "t0002", "t0003", "t9999"].map(|table| format!("many.{table}"));
    assert_eq!(named(&outcome), changed);
    let other = TestServer::start(&[]);
    let snapshot = by_id(&repository, outcome.snapshot.unwrap());
    load(&repository, &snapshot, &other.address(), &LoadOptions::default(), &NullMonitor).unwrap();
    assert_eq!(other.fingerprint("many"), server.fingerprint("many"));
}

#[test]
fn a_lost_connection_is_an_error_and_the_next_run_reuses_what_was_stored() {
    let (fixture, server) = (Fixture::new(), TestServer::start(&[]));
    many_tables(&server, 6, &["InnoDB"]);
    server.script("USE many; CREATE TABLE large AS SELECT seq, REPEAT(MD5(seq), 40) FROM seq_1_to_40000");
    let repository = fixture.open();
    let address = Arc::new(server.address());
    let hook = Hook::once(
        |work| work.bytes > 0,
        move || {
            let mut connection = Connection::open(&address).unwrap();
            let others = "SELECT ID FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND USER = 'root'";
            for row in connection.rows(others).unwrap() {
                let id = String::from_utf8(row[0].clone().unwrap()).unwrap();
                // A session that has ended meanwhile is gone, too.
                drop(connection.run(&format!("KILL CONNECTION {id}")));
            }
        },
    );
    let sources = vec![Source::Database(Box::new(source(&server, &["many"])))];
    let error = backup(&repository, sources, &backup_options(), &hook).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Database, "{}", chain(&error));
    assert!(engine::snapshots::list(&repository).unwrap().snapshots.is_empty());
    let outcome = try_save(&repository, source(&server, &["many"])).unwrap();
    assert_eq!(outcome.problem_count, 0);
    verify_all(&repository);
}

#[test]
fn two_backups_of_one_server_do_not_run_at_once() {
    let (fixture, server) = (Fixture::new(), TestServer::start(&[]));
    many_tables(&server, 1, &["InnoDB"]);
    let mut holder = server.connect();
    holder.run("SELECT GET_LOCK('enamel backup', 0)").unwrap();
    let error = try_save(&fixture.open(), source(&server, &["many"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced);
    assert!(chain(&error).contains(&format!("session {}", holder.id())), "{}", chain(&error));
}

#[test]
fn a_damaged_table_is_left_out_and_named_and_the_rest_is_saved() {
    let (fixture, server) = (Fixture::new(), TestServer::start(&["--myisam-recover-options=OFF"]));
    many_tables(&server, 4, &["MyISAM"]);
    server.run("FLUSH TABLES");
    let file = server.data_folder().join("many/t0002.MYI");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..100]).unwrap();
    let repository = fixture.open();
    let outcome = try_save(&repository, source(&server, &["many"])).unwrap();
    assert_eq!(named(&outcome), ["many.t0002"]);
    let other = TestServer::start(&[]);
    let snapshot = by_id(&repository, outcome.snapshot.unwrap());
    load(&repository, &snapshot, &other.address(), &LoadOptions::default(), &NullMonitor).unwrap();
    assert_eq!(other.rows("SHOW TABLES FROM many").len(), 3);
}

#[test]
fn what_an_account_does_not_see_is_named_and_without_tables_there_is_no_backup() {
    let (fixture, server) = (Fixture::new(), TestServer::start(&[]));
    many_tables(&server, 1, &["InnoDB"]);
    server.run("CREATE USER reader@localhost IDENTIFIED BY 'x'");
    server.run("GRANT SELECT ON many.* TO reader@localhost");
    let mut source = source(&server, &["many"]);
    source.address.credentials =
        engine::database::Credentials { user: "reader".to_owned(), password: Some("x".to_owned().into()) };
    let again = DatabaseSource { schemas: source.schemas.clone(), ..DatabaseSource::new(source.address.clone()) };
    let repository = fixture.open();
    let outcome = try_save(&repository, source).unwrap();
    let said: Vec<_> = outcome.problems.iter().map(|problem| problem.message.clone()).collect();
    for right in ["TRIGGER on `many`.*", "EVENT on `many`.*", "SELECT on `mysql`.`proc`"] {
        assert!(said.iter().any(|message| message.contains(right)), "{right}: {said:?}");
    }
    assert_eq!(said.len(), 3, "there is no view and no table to lock: {said:?}");
    let snapshot = by_id(&repository, outcome.snapshot.unwrap());
    assert!(snapshot.manifest.problems.count > 0, "the snapshot says that it is not whole");
    server.run("REVOKE SELECT ON many.* FROM reader@localhost");
    server.run("GRANT INSERT ON many.* TO reader@localhost");
    let error = try_save(&repository, again).unwrap_err();
    assert!(error.kind() == ErrorKind::PermissionDenied && chain(&error).contains("SELECT on `many`.*"), "{error}");
}

#[test]
fn a_writer_that_waits_too_long_makes_tables_late() {
    let (fixture, server) = (Fixture::new(), TestServer::start(&[]));
    many_tables(&server, 3, &["MyISAM"]);
    let repository = fixture.open();
    let mut source = source(&server, &["many"]);
    // Somebody has always waited for as long as this.
    source.wait_max = std::time::Duration::ZERO;
    let outcome = try_save(&repository, source).unwrap();
    let other = TestServer::start(&[]);
    let snapshot = by_id(&repository, outcome.snapshot.unwrap());
    load(&repository, &snapshot, &other.address(), &LoadOptions::default(), &NullMonitor).unwrap();
    assert_eq!(other.fingerprint("many"), server.fingerprint("many"));
}

//! Replay: what a log says, done again on an empty server, makes the same tables, at each transaction.

use std::collections::BTreeMap;
use std::path::Path;

use engine::binlog::event::{Event, Format, HEADER_LEN, Header, Kind};
use engine::binlog::replay::{LeftOutKind, MixedTransactions, Position, Replay, ReplayOptions, ReplayOutcome, Target};
use engine::database::{Server, TableName};
use engine::monitor::NullMonitor;
use scenario_tests::differences::differences;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

on_each_server!(
    each_transaction_of_a_log_makes_what_it_made_at_the_source,
    a_schema_that_the_base_lacks_is_left_out,
    a_row_that_is_missing_ends_the_replay_with_its_place,
    statements_that_may_do_something_else_are_named,
    a_rehearsal_refuses_what_depends_on_the_time_zone_of_the_machine,
    a_target_that_takes_small_statements_takes_large_ones_in_pieces,
);

/// An event runs at once when it is made, on its own and at any time.
const NO_EVENTS: &str = "--event-scheduler=OFF";
/// Bytes before the first event of a file.
pub const MAGIC_LEN: usize = 4;
/// Schemas of the workload that stay.
const SCHEMAS: [&str; 3] = ["shop", "other", "odd `name'. é"];
/// Rows of the file that statements load.
const ROWS: &str = "400,loaded,1.5\n401,loaded too,2\n2,in its place,3\n";

/// A server that writes a log.
pub fn logging(version: Version, options: &[&str]) -> TestServer {
    let always = ["--log-bin=binlog", "--server-id=7", "--local-infile=ON", "--log-bin-trust-function-creators=ON"];
    TestServer::of(version, &[&always[..], &[NO_EVENTS], options].concat())
}

/// A server that takes a replay.
pub fn empty(version: Version) -> TestServer {
    let of_mysql: &[&str] =
        if version.is_mysql() { &["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"] } else { &[] };
    TestServer::of(version, &[&["--local-infile=ON", "--max-allowed-packet=64M", NO_EVENTS], of_mysql].concat())
}

/// The steps of a workload: each is a session.
pub fn steps(version: Version, folder: &Path) -> Vec<String> {
    let of_both = include_str!("../../databases/log.sql");
    let (own, engine) = if version.is_mysql() {
        (include_str!("../../databases/log-mysql.sql"), "MyISAM")
    } else {
        (include_str!("../../databases/log-mariadb.sql"), "Aria")
    };
    let script = format!("{of_both}{own}").replace("@ENGINE@", engine);
    std::fs::write(folder.join("rows.txt"), ROWS).unwrap();
    // The log of MariaDB 10.5 does not have this setting: such a statement ends a replay.
    let is_logged = |step: &&str| version != Version::MariaDb105 || !step.contains("check_constraint_checks");
    let steps = script.split("-- next\n").filter(is_logged);
    steps.map(|step| step.replace("@FOLDER@", &folder.display().to_string())).collect()
}

/// Where the log of a server ends.
pub fn end_of_log(server: &TestServer) -> Position {
    let statement = if server.version().is_mysql() { "SHOW BINARY LOG STATUS" } else { "SHOW MASTER STATUS" };
    let row = server.rows(statement).remove(0);
    let text = |at: usize| row[at].clone().unwrap();
    Position { file: text(0), offset: text(1).parse().unwrap() }
}

/// Files of a server's log.
pub fn log_files(server: &TestServer) -> Vec<(String, Vec<u8>)> {
    let names = server.rows("SHOW BINARY LOGS").into_iter().map(|row| row[0].clone().unwrap());
    names.map(|name| (name.clone(), std::fs::read(server.data_folder().join(&name)).unwrap())).collect()
}

pub fn options(server: &TestServer, target: &TestServer, folder: &Path) -> ReplayOptions {
    ReplayOptions {
        target: Target::Server(Box::new(target.address())),
        tables: Default::default(),
        only: None,
        whole: Default::default(),
        kept: Default::default(),
        source: Server::from_version(&server.value("SELECT VERSION()").unwrap()),
        from: Position { file: log_files(server)[0].0.clone(), offset: 0 },
        schemas: None,
        late: Vec::new(),
        without_transactions: Default::default(),
        moment: 0,
        mixed: MixedTransactions::default(),
        system_zone: None,
        folder: folder.to_owned(),
    }
}

/// Replays all files; `at_end` hears of each place behind an event.
pub fn replay(
    files: &[(String, Vec<u8>)],
    options: ReplayOptions,
    at_end: &mut dyn FnMut(&Position),
) -> engine::Result<ReplayOutcome> {
    let mut replay = Replay::begin(options, &NullMonitor)?;
    for (name, bytes) in files {
        let mut at = MAGIC_LEN;
        while at < bytes.len() {
            let size = Header::read(&bytes[at..]).unwrap().size as usize;
            let event = Event::new(&bytes[at..at + size]).unwrap();
            if event.header.kind == Kind::FORMAT {
                let mut plain = event.bytes().to_vec();
                // The file is in use; the checksum does not count that.
                plain[HEADER_LEN - 2] &= !1;
                replay.file(name, Format::read(&plain).unwrap())?;
            } else {
                replay.event(at as u64, &event)?;
            }
            at += size;
            at_end(&Position { file: name.clone(), offset: at as u64 });
        }
    }
    replay.end()
}

pub fn state(server: &TestServer) -> BTreeMap<String, BTreeMap<String, String>> {
    let there = server.rows("SHOW DATABASES").concat();
    let is_there = |schema: &&str| there.iter().any(|name| name.as_deref() == Some(schema));
    let of = |schema: &str| {
        server.fingerprint(schema).into_iter().map(|(name, text)| (name, without_counter(&text))).collect()
    };
    SCHEMAS.into_iter().filter(is_there).map(|schema| (schema.to_owned(), of(schema))).collect()
}

/// Rows say no more of a counter than what they have.
pub fn without_counter(text: &str) -> String {
    const COUNTER: &str = " AUTO_INCREMENT=";
    match text.split_once(COUNTER) {
        Some((before, after)) => format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => text.to_owned(),
    }
}

pub fn compare(source: &BTreeMap<String, BTreeMap<String, String>>, target: &TestServer, place: &str) {
    let found = state(target);
    assert_eq!(source.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>(), "{place}");
    for (schema, expected) in source {
        let wrong = differences(expected, &found[schema]);
        assert!(wrong.is_empty(), "{place}: {schema}: {wrong:#?}");
    }
}

fn each_transaction_of_a_log_makes_what_it_made_at_the_source(version: Version) {
    let folder = tempfile::tempdir().unwrap();
    let source = logging(version, &[]);
    let mut states = Vec::new();
    for step in steps(version, folder.path()) {
        // Some steps have a statement that fails half-way.
        source.script_with(&step, &["--force", "--local-infile=1"]);
        states.push((end_of_log(&source), state(&source), step));
    }
    let target = empty(version);
    let mut due = states.iter();
    let mut next = due.next();
    let outcome = replay(&log_files(&source), options(&source, &target, folder.path()), &mut |place| {
        if let Some((at, expected, step)) = next.filter(|(at, _, _)| at == place) {
            compare(expected, &target, &format!("at {at}, after {step}"));
            next = due.next();
        }
    });
    let outcome = outcome.unwrap_or_else(|e| panic!("{}", engine::error::chain(&e)));
    assert!(next.is_none(), "{:?} was not reached", next.map(|(at, _, _)| at));
    let accounts: u64 =
        outcome.left_out.iter().filter(|(what, _)| what.kind == LeftOutKind::Accounts).map(|(_, n)| n).sum();
    assert!(accounts >= 4, "{:?}", outcome.left_out);
    assert!(outcome.left_out.keys().all(|what| what.kind == LeftOutKind::Accounts), "{:?}", outcome.left_out);
    assert_eq!(target.value("SELECT COUNT(*) FROM mysql.user WHERE user = 'somebody'").as_deref(), Some("0"));
}

fn a_schema_that_the_base_lacks_is_left_out(version: Version) {
    let folder = tempfile::tempdir().unwrap();
    let source = logging(version, &[]);
    let script = "CREATE DATABASE kept; CREATE DATABASE left; CREATE TABLE kept.t (a INT PRIMARY KEY); CREATE TABLE left.t (a INT PRIMARY KEY);";
    source.script(script.replace("left", "`left`"));
    let target = empty(version);
    target.script("CREATE DATABASE kept; CREATE TABLE kept.t (a INT PRIMARY KEY);");
    let from = end_of_log(&source);
    source.script(
        "SET SESSION binlog_format = 'STATEMENT'; USE `left`; INSERT INTO t VALUES (1); INSERT INTO kept.t VALUES (1);
         SET SESSION binlog_format = 'ROW'; INSERT INTO t VALUES (2); INSERT INTO kept.t VALUES (2);
         CREATE DATABASE made; CREATE TABLE made.t (a INT PRIMARY KEY); INSERT INTO made.t VALUES (3); DROP DATABASE `left`;",
    );
    let options =
        ReplayOptions { from, schemas: Some(vec!["kept".to_owned()]), ..options(&source, &target, folder.path()) };
    let outcome = replay(&log_files(&source), options, &mut |_| {});
    let outcome = outcome.unwrap_or_else(|e| panic!("{}", engine::error::chain(&e)));
    assert_eq!(target.rows("SELECT a FROM kept.t ORDER BY a").concat(), [Some("1".to_owned()), Some("2".to_owned())]);
    assert_eq!(target.value("SELECT a FROM made.t").as_deref(), Some("3"));
    let left: Vec<_> = outcome.left_out.iter().map(|(what, count)| (what.kind, what.what.as_str(), *count)).collect();
    assert_eq!(left, [(LeftOutKind::OtherSchema, "left", 3)]);
}

/// A schema with a table of each kind, on both servers, and the place from which on only the source changes.
fn pair(version: Version) -> (TestServer, TestServer, Position) {
    let (source, target) = (logging(version, &[]), empty(version));
    for server in [&source, &target] {
        server.script(
            "CREATE DATABASE shop; CREATE TABLE shop.item (id INT PRIMARY KEY, v VARCHAR(99)) ENGINE=InnoDB;
             CREATE TABLE shop.fast (id INT PRIMARY KEY, v VARCHAR(99)) ENGINE=MyISAM;
             INSERT INTO shop.item VALUES (1, 'a'), (2, 'b'); INSERT INTO shop.fast VALUES (1, 'a'), (2, 'b');",
        );
    }
    let from = end_of_log(&source);
    (source, target, from)
}

fn a_row_that_is_missing_ends_the_replay_with_its_place(version: Version) {
    let folder = tempfile::tempdir().unwrap();
    let (source, target, from) = pair(version);
    source.script(
        "SET SESSION binlog_format = 'ROW'; INSERT INTO shop.item VALUES (3, 'c'); DELETE FROM shop.item WHERE id = 1;",
    );
    target.run("DELETE FROM shop.item WHERE id = 1");
    let options = ReplayOptions { from, ..options(&source, &target, folder.path()) };
    let error = replay(&log_files(&source), options, &mut |_| {}).unwrap_err();
    let said = engine::error::chain(&error);
    assert!(said.contains("cannot be replayed beyond binlog.000001:") && said.contains("shop.item"), "{said}");
    assert_eq!(
        target.value("SELECT COUNT(*) FROM shop.item WHERE id = 3").as_deref(),
        Some("1"),
        "what stands before is done"
    );
}

fn statements_that_may_do_something_else_are_named(version: Version) {
    let folder = tempfile::tempdir().unwrap();
    let (source, target, from) = pair(version);
    source.script(
        "SET SESSION binlog_format = 'STATEMENT'; UPDATE shop.fast SET v = 'x' LIMIT 1;
         UPDATE shop.item SET v = UUID() WHERE id = 2; UPDATE shop.item SET v = 'sure' WHERE id = 1;",
    );
    let options = ReplayOptions { from, ..options(&source, &target, folder.path()) };
    let outcome = replay(&log_files(&source), options, &mut |_| {}).unwrap();
    assert_eq!((outcome.doubt_count, outcome.doubts.len()), (2, 2), "{:?}", outcome.doubts);
}

fn a_rehearsal_refuses_what_depends_on_the_time_zone_of_the_machine(version: Version) {
    let folder = tempfile::tempdir().unwrap();
    let (source, target, from) = pair(version);
    source.script("SET SESSION binlog_format = 'STATEMENT'; UPDATE shop.item SET v = FROM_UNIXTIME(0) WHERE id = 1;");
    let rehearsed = |own: &str| {
        let options = ReplayOptions {
            from: from.clone(),
            target: Target::Nobody { system_zone: Some(own.to_owned()) },
            system_zone: Some("CEST".to_owned()),
            ..options(&source, &target, folder.path())
        };
        replay(&log_files(&source), options, &mut |_| {}).map_err(|error| engine::error::chain(&error))
    };
    assert!(rehearsed("PST").unwrap_err().contains("time zone of the server's machine, CEST"));
    rehearsed("CET").unwrap();
}

fn a_target_that_takes_small_statements_takes_large_ones_in_pieces(version: Version) {
    let folder = tempfile::tempdir().unwrap();
    let source = logging(version, &["--max-allowed-packet=64M"]);
    let target = TestServer::of(version, &["--max-allowed-packet=1M", "--local-infile=ON", NO_EVENTS]);
    source.script(
        "CREATE DATABASE shop; USE shop; SET SESSION binlog_format = 'ROW';
         CREATE TABLE many (id INT PRIMARY KEY, v LONGTEXT);
         INSERT INTO many SELECT seq, REPEAT(CHAR(64 + seq MOD 60), 200) FROM seq_1_to_20000;
         INSERT INTO many SELECT seq + 20000, REPEAT('y', 600000) FROM seq_1_to_4;
         UPDATE many SET v = CONCAT(v, 'z') WHERE id <= 20000;",
    );
    let outcome = replay(&log_files(&source), options(&source, &target, folder.path()), &mut |_| {});
    outcome.unwrap_or_else(|e| panic!("{}", engine::error::chain(&e)));
    let sum = "CHECKSUM TABLE shop.many EXTENDED";
    assert_eq!(target.rows(sum), source.rows(sum));
}

#[test]
fn a_transaction_of_both_engines_around_the_moment_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target, from) = pair(Version::Installed);
    source.script(
        "SET SESSION binlog_format = 'STATEMENT'; INSERT INTO shop.fast VALUES (3, 'alone');
         BEGIN; UPDATE shop.item SET v = 'mixed'; INSERT INTO shop.fast VALUES (4, 'at once'); COMMIT;",
    );
    let around = |mixed| ReplayOptions {
        from: from.clone(),
        moment: i64::MAX,
        without_transactions: [TableName::new("shop", "fast")].into(),
        mixed,
        ..options(&source, &target, folder.path())
    };
    let error = replay(&log_files(&source), around(MixedTransactions::Refuse), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("it changes shop.fast"), "{error}");
    target.script("ROLLBACK; DELETE FROM shop.fast WHERE id > 2; INSERT INTO shop.fast VALUES (4, 'at once');");
    replay(&log_files(&source), around(MixedTransactions::AssumeApplied), &mut |_| {}).unwrap();
    assert_eq!(target.rows("SELECT v FROM shop.fast ORDER BY id"), source.rows("SELECT v FROM shop.fast ORDER BY id"));
    assert_eq!(target.value("SELECT v FROM shop.item WHERE id = 1").as_deref(), Some("mixed"));
}

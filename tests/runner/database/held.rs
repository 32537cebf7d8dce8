//! Values and types that one server holds and another does not: the nearest is stored, counted and named.

use engine::database::Server;
use engine::export::{ExportOptions, export_sql};
use engine::load::{Check, LoadOptions, load};
use engine::monitor::NullMonitor;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::save::save;
use super::versions::messages;
use crate::support::Fixture;

on_each_server!(
    moments_and_times_beyond_the_last_are_counted_and_named,
    types_that_a_server_lacks_are_texts_there,
    checks_of_the_same_names_and_rows_that_break_them_are_exported,
);

/// Moments and times beyond those of other servers, and the last ones that all hold. Keys by number and by moment.
const LATE: &str = "
    CREATE DATABASE held; USE held; SET time_zone = '+00:00';
    CREATE TABLE moments (id INT PRIMARY KEY, m TIMESTAMP NULL DEFAULT '2050-01-01 00:00:00', f TIMESTAMP(3) NULL);
    INSERT INTO moments VALUES (1, '2038-01-19 03:14:07', '2038-01-19 03:14:07.999'), (2, '2038-01-19 03:14:08', '2106-02-07 06:28:15.999'), (3, '2100-01-01', NULL);
    CREATE TABLE by_moment (m TIMESTAMP(6) PRIMARY KEY, n INT); INSERT INTO by_moment VALUES ('2020-01-01', 1), ('2090-01-01', 2);
";
const TIMES: &str = "
    CREATE DATABASE IF NOT EXISTS held; USE held;
    CREATE TABLE times (id INT PRIMARY KEY, t TIME(6)); INSERT INTO times VALUES (1, '-838:59:59.5'), (2, '838:59:59.999999'), (3, '838:59:59');
";

/// The rows of the tables afterwards.
fn rows(server: &TestServer, has_moments: bool) -> Vec<Vec<Option<String>>> {
    let mut rows = server.rows("SELECT t FROM held.times ORDER BY id");
    if has_moments {
        rows.extend(server.rows("SELECT m, f FROM held.moments ORDER BY id"));
        rows.extend(server.rows("SELECT m FROM held.by_moment ORDER BY n"));
    }
    rows
}

fn moments_and_times_beyond_the_last_are_counted_and_named(version: Version) {
    let from = if Version::MariaDb118.is_asked() { Version::MariaDb118 } else { Version::Installed };
    let has_moments = from == Version::MariaDb118;
    let (fixture, server) = (Fixture::new(), TestServer::of(from, &[]));
    if has_moments {
        server.script(LATE);
    }
    server.script(TIMES);
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["held"]);
    let mut expected = Vec::new();
    if has_moments && version != Version::MariaDb118 {
        let said =
            |column: &str, count: &str, table: &str| format!("held.{table}: {count} of its column `{column}` stand");
        expected.extend([
            "held.moments: its column `m` has no default any more".to_owned(),
            said("m", "1 value", "by_moment"),
            said("m", "2 values", "moments"),
            said("f", "1 value", "moments"),
        ]);
    }
    if version.is_mysql() {
        expected.push("held.times: 2 values of its column `t` stand".to_owned());
    }
    let target = TestServer::of(version, &[]);
    let options = LoadOptions { check: Check::Digests, ..LoadOptions::default() };
    let outcome = load(&repository, &snapshot, &target.address(), &options, &NullMonitor).unwrap();
    assert_said(&messages(&outcome), &expected);
    // In a script the same stands, and the client loads it to its end.
    let copy = TestServer::of(version, &[]);
    let goal = Some(Server::detect(&mut copy.connect()).unwrap());
    let mut text = Vec::new();
    let options = ExportOptions { target: goal, ..ExportOptions::default() };
    let outcome = export_sql(&repository, &snapshot, &options, &mut text, &NullMonitor).unwrap();
    copy.script(&text);
    let said: Vec<String> = outcome.left_out.iter().map(|l| format!("{}.{}: {}", l.schema, l.name, l.why)).collect();
    assert_said(&said, &expected);
    let script = String::from_utf8_lossy(&text).into_owned();
    for said in &outcome.left_out {
        assert!(script.contains(&said.why), "{}", said.why);
    }
    let stored = rows(&target, has_moments);
    assert_eq!(stored, rows(&copy, has_moments));
    let shown = format!("{stored:?}");
    assert_eq!(shown.contains("838:59:59.999999"), !version.is_mysql(), "{shown}");
    assert!(!shown.contains("0000-00-00") && !shown.contains("1970"), "{shown}");
    if has_moments && version != Version::MariaDb118 {
        assert_eq!(shown.matches("2038-01-19 03:14:07").count(), 6, "{shown}");
    }
}

#[track_caller]
fn assert_said(said: &[String], expected: &[String]) {
    let is_said = |begins: &String| said.iter().any(|said| said.starts_with(begins));
    assert!(said.len() == expected.len() && expected.iter().all(is_said), "{said:#?}\nnot as\n{expected:#?}");
}

#[test]
fn a_script_of_late_moments_stops_on_a_server_that_does_not_hold_them() {
    if !Version::MariaDb118.is_asked() {
        return;
    }
    let (fixture, server) = (Fixture::new(), TestServer::of(Version::MariaDb118, &[]));
    server.script(LATE.replace(" DEFAULT '2050-01-01 00:00:00'", ""));
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["held"]);
    let mut text = Vec::new();
    export_sql(&repository, &snapshot, &ExportOptions::default(), &mut text, &NullMonitor).unwrap();
    let again = TestServer::of(Version::MariaDb118, &[]);
    again.script(&text);
    assert_eq!(server.fingerprint("held"), again.fingerprint("held"));
    let older = TestServer::start(&[]);
    let output = older.script_with(text.as_slice(), &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("the_TIMESTAMP_of_this_server_ends_in_2038"), "{said}");
    assert_eq!(older.value("SELECT COUNT(*) FROM held.by_moment").as_deref(), Some("0"));
}

/// Types of newer versions of MariaDB.
const TYPES: &str = "
    CREATE DATABASE kinds; USE kinds;
    CREATE TABLE t (id INT PRIMARY KEY, u UUID DEFAULT UUID(), a INET6, b INET4, y YEAR(2), KEY (u)) CHARSET utf8mb4;
    INSERT INTO t VALUES (1, '0b99f313-eb43-11f1-be65-02fc00000001', '::ffff:10.0.0.1', '10.0.0.255', 69), (2, NULL, '1:0:0:0:0:0:0:2', NULL, NULL);
    CREATE TABLE keyed (u UUID PRIMARY KEY, n INT); INSERT INTO keyed VALUES ('5c010203-0405-0607-8809-0a0b0c0d0e0f', 5);
";

fn types_that_a_server_lacks_are_texts_there(version: Version) {
    let (fixture, server) = (Fixture::new(), TestServer::start(&[]));
    server.script(TYPES);
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["kinds"]);
    let target = TestServer::of(version, &[]);
    let options = LoadOptions { check: Check::Digests, ..LoadOptions::default() };
    let outcome = load(&repository, &snapshot, &target.address(), &options, &NullMonitor).unwrap();
    assert_eq!(messages(&outcome), [""; 0]);
    let copy = TestServer::of(version, &[]);
    let goal = Some(Server::detect(&mut copy.connect()).unwrap());
    let mut text = Vec::new();
    let options = ExportOptions { target: goal, ..ExportOptions::default() };
    let outcome = export_sql(&repository, &snapshot, &options, &mut text, &NullMonitor).unwrap();
    assert_eq!(outcome.left_out, []);
    copy.script(&text);
    let query = "SELECT u, a, b, y MOD 100 FROM kinds.t ORDER BY id";
    for other in [&target, &copy] {
        assert_eq!(other.rows(query), server.rows(query));
        assert_eq!(
            other.value("SELECT n FROM kinds.keyed WHERE u = '5c010203-0405-0607-8809-0a0b0c0d0e0f'").as_deref(),
            Some("5")
        );
    }
}

/// Each table of MariaDB has a CONSTRAINT_1, and rows may have come past it.
fn checks_of_the_same_names_and_rows_that_break_them_are_exported(version: Version) {
    let (fixture, server) = (Fixture::new(), TestServer::start(&[]));
    server.script(
        "CREATE DATABASE checked; USE checked; CREATE TABLE a (x INT, y INT, CHECK (x > 0), j JSON); CREATE TABLE b (x INT, CHECK (x > 0), z INT CHECK (z <> 5));
         INSERT INTO a VALUES (1, 2, '{}'); SET check_constraint_checks = 0; INSERT INTO b VALUES (-1, 2), (2, 2);",
    );
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["checked"]);
    let target = TestServer::of(version, &[]);
    let outcome = load(&repository, &snapshot, &target.address(), &LoadOptions::default(), &NullMonitor).unwrap();
    let said = messages(&outcome);
    assert!(
        said.iter().all(|said| said.starts_with("checked.b: ")) && said.is_empty() != version.is_mysql(),
        "{said:?}"
    );
    assert_eq!(target.value("SELECT SUM(x) FROM checked.a").as_deref(), Some("1"));
    let copy = TestServer::of(version, &[]);
    let goal = Some(Server::detect(&mut copy.connect()).unwrap());
    let mut text = Vec::new();
    let options = ExportOptions { target: goal, ..ExportOptions::default() };
    export_sql(&repository, &snapshot, &options, &mut text, &NullMonitor).unwrap();
    let output = copy.script_with(&text, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(told.matches("break its check").count(), usize::from(version.is_mysql()), "{told}");
    assert_eq!(copy.value("SELECT GROUP_CONCAT(x ORDER BY x) FROM checked.b").as_deref(), Some("-1,2"));
    for (table, row) in [("a", "-1, 1, '{}'"), ("a", "1, 1, '{'"), ("b", "1, 5")] {
        let refused = copy.connect().run(&format!("INSERT INTO checked.{table} VALUES ({row})"));
        assert!(refused.is_err(), "{table} takes {row}");
    }
}

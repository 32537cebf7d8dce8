//! Generated columns whose values a server keeps: a restore computes them again, and names those that differ.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::dump::DatabaseSource;
use engine::export::{ExportOptions, export_sql};
use engine::load::{Existing, LoadOptions, LoadOutcome, SchemaChoice, load};
use engine::monitor::{Monitor, NullMonitor, Work};
use engine::pack::ChunkReader;
use engine::repository::Repository;
use engine::snapshots::Snapshot;
use engine::snapshots::saved::Database;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::live::age_files;
use super::save::{save, source, try_save};
use crate::support::{Fixture, by_id};

on_each_server!(
    values_that_come_out_otherwise_are_named,
    values_that_come_out_as_they_were_are_not_named,
    values_of_tables_without_transactions_are_compared,
    names_in_another_language_are_named_where_a_server_keeps_such,
    values_come_out_as_the_source_computes_them,
    values_in_a_language_come_to_mariadb,
);

/// As many rows as hours, so that the values are the same in other rows.
fn hours(engine: &str, key: &str) -> String {
    let rows: Vec<String> = (0..24).map(|hour| format!("({hour}, '2026-03-01 {hour:02}:30:00')")).collect();
    format!(
        "CREATE DATABASE clock; USE clock; SET time_zone = '+05:00';
         CREATE TABLE hours (id INT {key}, ts TIMESTAMP NULL, h INT GENERATED ALWAYS AS (HOUR(ts)) STORED,
            shown VARCHAR(20) GENERATED ALWAYS AS (CAST(ts AS CHAR)) STORED, next INT GENERATED ALWAYS AS (id + 1) STORED,
            later INT GENERATED ALWAYS AS (HOUR(ts)) VIRTUAL) ENGINE={engine};
         INSERT INTO hours (id, ts) VALUES {};",
        rows.join(", ")
    )
}

/// Restores all that `from` has in `schema` into `to`.
fn carry(from: &TestServer, to: &TestServer, schema: &str) -> LoadOutcome {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, from, &[schema]);
    load(&repository, &snapshot, &to.address(), &LoadOptions::default(), &NullMonitor).unwrap()
}

/// The named paths, with columns.
fn named(outcome: &LoadOutcome) -> Vec<String> {
    let shown = |p: &repo_format::node::Problem| {
        let column = p.message.split('`').nth(1).unwrap_or(&p.message);
        format!("{} {column}", String::from_utf8_lossy(&p.path.0))
    };
    outcome.problems.iter().map(shown).collect()
}

fn values_that_come_out_otherwise_are_named(version: Version) {
    let (server, installed) = (TestServer::of(version, &[]), TestServer::start(&[]));
    server.script(hours("InnoDB", "PRIMARY KEY"));
    let outcome = carry(&server, &installed, "clock");
    assert_eq!(named(&outcome), ["clock.hours h", "clock.hours shown"], "{:?}", outcome.problems);
    assert_eq!(outcome.rows, 24);
    server.run("DROP DATABASE clock");
    installed.run("DROP DATABASE clock");
    installed.script(hours("InnoDB", ""));
    assert_eq!(named(&carry(&installed, &server, "clock")), ["clock.hours h", "clock.hours shown"]);
}

fn values_of_tables_without_transactions_are_compared(version: Version) {
    let (server, installed) = (TestServer::of(version, &[]), TestServer::start(&[]));
    server.script(hours("MyISAM", "PRIMARY KEY"));
    assert_eq!(named(&carry(&server, &installed, "clock")), ["clock.hours h", "clock.hours shown"]);
}

/// On the server itself, under another name.
fn names_in_another_language_are_named_where_a_server_keeps_such(version: Version) {
    if !version.is_mysql() {
        return;
    }
    let server = TestServer::of(version, &[]);
    server.script(
        "CREATE DATABASE names; USE names; SET lc_time_names = 'de_DE', block_encryption_mode = 'aes-256-ecb';
         CREATE TABLE named (id INT PRIMARY KEY, d DATE, month VARCHAR(20) GENERATED ALWAYS AS (MONTHNAME(d)) STORED,
            sealed VARBINARY(64) GENERATED ALWAYS AS (AES_ENCRYPT(id, 'key')) STORED, year INT GENERATED ALWAYS AS (YEAR(d)) STORED);
         INSERT INTO named (id, d) VALUES (1, '2026-04-01'), (2, '2026-03-01');",
    );
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["names"]);
    let schemas = vec![SchemaChoice { from: "names".to_owned(), to: "copy".to_owned() }];
    let options = LoadOptions { schemas, ..LoadOptions::default() };
    let outcome = load(&repository, &snapshot, &server.address(), &options, &NullMonitor).unwrap();
    assert_eq!(named(&outcome), ["copy.named month", "copy.named sealed"]);
}

/// The source has another time zone for all its sessions, and MySQL another language.
fn values_come_out_as_the_source_computes_them(version: Version) {
    let options = ["--default-time-zone=+05:00", "--lc-time-names=de_DE"];
    let (server, installed) = (TestServer::of(version, &options), TestServer::start(&[]));
    server.script(
        "CREATE DATABASE clock; CREATE TABLE clock.hours (id INT PRIMARY KEY AUTO_INCREMENT, ts TIMESTAMP NULL,
            changed TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, h INT GENERATED ALWAYS AS (HOUR(ts)) STORED, KEY (h));
         INSERT INTO clock.hours (id, ts, changed) VALUES (1, '2026-03-01 02:30:00', '2001-01-01 00:00:00'), (2, '2026-03-01 23:30:00', '2001-01-01 00:00:00'),
            (100, NULL, '2001-01-01 00:00:00');
         DELETE FROM clock.hours WHERE id = 100;",
    );
    assert_eq!(carry(&server, &installed, "clock").problems, []);
    let values = "SELECT GROUP_CONCAT(CONCAT_WS(' ', id, h, ts, changed) ORDER BY id) FROM clock.hours";
    assert_eq!(installed.value(values), server.value(values));
    installed.run("INSERT INTO clock.hours (ts) VALUES (NULL)");
    assert_eq!(installed.value("SELECT MAX(id) FROM clock.hours").as_deref(), Some("101"), "its counter goes on");
    if version.is_mysql() {
        server.script(
            "CREATE DATABASE names; CREATE TABLE names.t (d DATE, month VARCHAR(20) GENERATED ALWAYS AS (MONTHNAME(d)) STORED);
             INSERT INTO names.t (d) VALUES ('2026-04-01'), ('2026-03-01');",
        );
        let other = TestServer::of(version, &[]);
        assert_eq!(carry(&server, &other, "names").problems, []);
        assert_eq!(other.value("SELECT MIN(month) FROM names.t WHERE d = '2026-03-01'").as_deref(), Some("März"));
    }
}

/// Expressions that mean the same everywhere, of all kinds of values.
const ALIKE: &str = r#"
    CREATE DATABASE alike CHARACTER SET utf8mb4; USE alike;
    CREATE TABLE by_number (id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, n INT, u INT UNSIGNED, d DECIMAL(20, 6), x DOUBLE, f FLOAT, ts DATETIME(3), day DATE,
        w VARCHAR(40), l VARCHAR(40) CHARACTER SET latin1, b VARBINARY(20), bits BIT(12), doc LONGTEXT,
        plus BIGINT GENERATED ALWAYS AS (n + 1) STORED,
        large BIGINT UNSIGNED GENERATED ALWAYS AS (u * 3) STORED,
        filled INT(8) UNSIGNED ZEROFILL GENERATED ALWAYS AS (u) STORED,
        share DECIMAL(30, 10) GENERATED ALWAYS AS (d * 3) STORED,
        twice DOUBLE GENERATED ALWAYS AS (x * 2.5) STORED,
        narrow FLOAT GENERATED ALWAYS AS (x / 4) STORED,
        wide DOUBLE GENERATED ALWAYS AS (f) STORED,
        later DATETIME(3) GENERATED ALWAYS AS (ts + INTERVAL 1 DAY) STORED,
        only_day DATE GENERATED ALWAYS AS (DATE(ts)) STORED,
        only_time TIME(3) GENERATED ALWAYS AS (MAKETIME(HOUR(ts), MINUTE(ts), 1.5)) STORED,
        in_year YEAR GENERATED ALWAYS AS (YEAR(day)) STORED,
        hello VARCHAR(80) GENERATED ALWAYS AS (CONCAT(w, '-', n)) STORED,
        part VARCHAR(80) CHARACTER SET latin1 GENERATED ALWAYS AS (CONCAT(l, '-')) STORED,
        fixed CHAR(60) GENERATED ALWAYS AS (CONCAT(w, '  ')) STORED,
        bytes VARBINARY(40) GENERATED ALWAYS AS (CONCAT(b, X'00')) STORED,
        padded BINARY(24) GENERATED ALWAYS AS (b) STORED,
        half BIT(12) GENERATED ALWAYS AS (bits >> 1) STORED,
        label ENUM('odd', 'even') GENERATED ALWAYS AS (IF(n % 2, 'odd', 'even')) STORED,
        price VARCHAR(40) GENERATED ALWAYS AS (JSON_UNQUOTE(JSON_EXTRACT(doc, '$.price'))) STORED,
        `a``b` VARCHAR(40) GENERATED ALWAYS AS (JSON_EXTRACT(doc, '$.name')) STORED,
        hex VARCHAR(200) GENERATED ALWAYS AS (HEX(w)) STORED,
        KEY (hello), UNIQUE (hex, id));
    INSERT INTO by_number (n, u, d, x, f, ts, day, w, l, b, bits, doc) VALUES
        (1, 4000000000, 12.345678, 0.1, 0.1, '2026-03-29 02:30:00.125', '2024-02-29', 'straße 🦷', 'straße', X'00090A5C41', b'101', '{"price": 12.5, "name": "Ada\\n"}'),
        (-7, 0, -0.000001, -1.5e30, 16777216, '1000-01-01 00:00:00', '1969-12-31', 'a\tb\nc\\d', '', X'', b'111111111111', '{}'),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    CREATE TABLE by_word (w VARCHAR(20), n INT, twice INT GENERATED ALWAYS AS (n * 2) STORED, PRIMARY KEY (w, n)) ENGINE=MyISAM;
    INSERT INTO by_word (w, n) VALUES ('b', 1), ('a', 2), ('a', 1), ('', 0);
    CREATE TABLE without (n INT, w VARCHAR(9), both_of VARCHAR(30) GENERATED ALWAYS AS (CONCAT(n, w)) STORED);
    INSERT INTO without (n, w) VALUES (1, 'x'), (1, 'x'), (NULL, 'y'), (2, '');
    CREATE TABLE nothing LIKE by_number; CREATE TABLE nothing_either LIKE without;
"#;

fn values_that_come_out_as_they_were_are_not_named(version: Version) {
    let (server, installed) = (TestServer::of(version, &[]), TestServer::start(&[]));
    server.script(ALIKE);
    assert_eq!(carry(&server, &installed, "alike").problems, []);
    server.run("DROP DATABASE alike");
    assert_eq!(carry(&installed, &server, "alike").problems, []);
}

/// Wishes to stop after so many tables.
struct StopsAfter(u64, AtomicU64);

impl Monitor for StopsAfter {
    fn advance(&self, done: Work) {
        self.1.fetch_add(done.items, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.1.load(Ordering::Relaxed) >= self.0
    }
}

#[test]
fn what_an_interrupted_restore_has_named_the_next_one_names_again() {
    let (server, other) = (TestServer::start(&[]), TestServer::start(&[]));
    server.script(hours("InnoDB", "PRIMARY KEY"));
    server.script("CREATE TABLE clock.small (id INT PRIMARY KEY); INSERT INTO clock.small VALUES (1)");
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["clock"]);
    let again = LoadOptions { jobs: Some(1), existing: Existing::Swap, ..LoadOptions::default() };
    other.run("CREATE DATABASE clock");
    other.run("CREATE TABLE clock.mine (id INT)");
    for monitor in [&StopsAfter(1, AtomicU64::new(0)) as &dyn Monitor, &NullMonitor, &NullMonitor] {
        assert!(load(&repository, &snapshot, &other.address(), &again, monitor).is_err());
        let schemas =
            "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'clock' AND TABLE_NAME = 'mine'";
        assert_eq!(other.value(schemas).as_deref(), Some("1"), "what is not as it was saved takes no place");
    }
}

#[test]
fn a_script_says_which_values_it_does_not_hold() {
    let server = TestServer::start(&[]);
    server.script(hours("InnoDB", "PRIMARY KEY"));
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["clock"]);
    let mut sql = Vec::new();
    export_sql(&repository, &snapshot, &ExportOptions::default(), &mut sql, &NullMonitor).unwrap();
    let text = String::from_utf8(sql).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("Generated is")).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].contains("`clock`.`hours`.`h`:"), "{}", lines[0]);
}

/// The names in the report of a restore of `snapshot`.
fn named_by_restore(repository: &Repository, snapshot: &Snapshot) -> Vec<String> {
    let other = TestServer::start(&[]);
    named(&load(repository, snapshot, &other.address(), &LoadOptions::default(), &NullMonitor).unwrap())
}

#[test]
fn a_table_that_is_carried_over_or_read_late_keeps_its_digests() {
    let server = TestServer::start(&[]);
    server.script(hours("MyISAM", "PRIMARY KEY"));
    let fixture = Fixture::new();
    let repository = fixture.open();
    save(&fixture, &repository, &server, &["clock"]);
    age_files(&server, "clock");
    save(&fixture, &repository, &server, &["clock"]);
    let carried = save(&fixture, &repository, &server, &["clock"]);
    let reader = ChunkReader::new(&repository);
    assert_eq!(Database::open(&reader, &carried.manifest, None).unwrap().server.carried.len(), 1);
    let expected = ["clock.hours h", "clock.hours shown"];
    assert_eq!(named_by_restore(&repository, &carried), expected);

    server.run("UPDATE clock.hours SET ts = NULL WHERE id = 0");
    let late =
        try_save(&repository, DatabaseSource { wait_max: Duration::ZERO, ..source(&server, &["clock"]) }).unwrap();
    let late = by_id(&repository, late.snapshot.unwrap());
    assert_eq!(named_by_restore(&repository, &late), expected);
}

/// From MySQL, which keeps values that depend on a session, to each MariaDB, which does so where the call says what they depend on.
fn values_in_a_language_come_to_mariadb(version: Version) {
    if version.is_mysql() || !Version::MySql97.is_asked() {
        return;
    }
    let (server, other) = (TestServer::of(Version::MySql97, &[]), TestServer::of(version, &[]));
    server.script(
        "CREATE DATABASE months; USE months; CREATE TABLE m (id INT PRIMARY KEY, d DATE, month VARCHAR(20) GENERATED ALWAYS AS (DATE_FORMAT(d, '%Y-%m')) STORED,
            name VARCHAR(40) GENERATED ALWAYS AS (CONCAT(MONTHNAME(d), ' ', DAYNAME(d))) STORED, week INT GENERATED ALWAYS AS (WEEK(d)) STORED, KEY (month));
         INSERT INTO m (id, d) VALUES (1, '2026-03-04'), (2, '2024-12-31'), (3, NULL)",
    );
    assert_eq!(carry(&server, &other, "months").problems, []);
    let shown = "SELECT CONCAT_WS(' ', month, name, week) FROM months.m WHERE id = 1";
    assert_eq!(other.value(shown).as_deref(), Some("2026-03 March Wednesday 9"));
}

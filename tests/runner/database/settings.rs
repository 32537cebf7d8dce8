//! Settings of a server for everybody: whatever they are, the same is saved, restored and exported.
//!
//! Method: on each server data that such settings would change, every awkward setting there is, and everything compared.

use engine::export::{ExportOptions, export_sql};
use engine::load::{Check, Events, LoadOptions, load};
use engine::monitor::NullMonitor;
use scenario_tests::awkward::make_awkward;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::save::{source, try_save};
use crate::support::{Fixture, by_id};

/// Tables without a primary key, with values that depend on settings, of several engines; foreign keys; objects of each kind.
const DATA: &str = "
    CREATE DATABASE od CHARACTER SET utf8mb4; USE od;
    CREATE TABLE parent (id INT PRIMARY KEY, a INT, KEY (a)) ENGINE=InnoDB;
    CREATE TABLE child (id INT, a INT, FOREIGN KEY (a) REFERENCES parent (id)) ENGINE=InnoDB;
    CREATE TABLE counted (id BIGINT AUTO_INCREMENT PRIMARY KEY, t TIMESTAMP NOT NULL DEFAULT '2001-01-01 01:01:01',
        n TIMESTAMP NULL, f FLOAT, d DOUBLE, x DECIMAL(20,7), s VARCHAR(300), third DECIMAL(30,4) AS (x / 3) STORED,
        named VARCHAR(30) AS (DATE_FORMAT(day, '%Y')) VIRTUAL, day DATETIME(3), b BLOB, e ENUM('a','b',''), KEY (s)) ENGINE=InnoDB;
    CREATE TABLE keyless (a INT, b CHAR(20)) ENGINE=InnoDB;
    CREATE TABLE my (id INT PRIMARY KEY, a VARCHAR(100)) ENGINE=MyISAM;
    CREATE TABLE memory (id INT PRIMARY KEY, a CHAR(200)) ENGINE=MEMORY;
    INSERT INTO parent VALUES (1, 1), (2, 2), (-5, 9);
    INSERT INTO child VALUES (1, 1), (2, -5);
    INSERT INTO counted (f, d, x, s, day, b, e) VALUES (1.5, 2.25, 10, 'abc', '2020-02-03 04:05:06.123', 0x00ff, 'a'),
        (0.1, 0.2, 1, 'äöü \\\\ ''', '2021-02-03 04:05:06.123', 0x0a09, 'b');
    INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (2, 'y');
    INSERT INTO my VALUES (1, 'q'), (2, 'r');
    INSERT INTO memory VALUES (1, 'x'), (2, 'y');
    INSERT INTO memory SELECT id + 2, a FROM memory; INSERT INTO memory SELECT id + 4, a FROM memory;
    INSERT INTO memory SELECT id + 8, a FROM memory; INSERT INTO memory SELECT id + 16, a FROM memory;
    INSERT INTO memory SELECT id + 32, a FROM memory; INSERT INTO memory SELECT id + 64, a FROM memory;
    CREATE VIEW shown AS SELECT id, s, third FROM counted WHERE s LIKE 'a%';
    CREATE FUNCTION five() RETURNS INT DETERMINISTIC RETURN 5;
    CREATE TRIGGER fires BEFORE INSERT ON parent FOR EACH ROW SET NEW.a = 7;
    CREATE EVENT yearly ON SCHEDULE EVERY 1 YEAR STARTS '2030-01-01' DO DELETE FROM keyless;";
/// A foreign key on a column that is not unique, and a primary key that nobody sees.
const OF_MYSQL: &str = "
    USE od; SET restrict_fk_on_non_standard_key=0, sql_generate_invisible_primary_key=1;
    CREATE TABLE loose (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES parent (a)) ENGINE=InnoDB;
    CREATE TABLE unseen (a INT) ENGINE=InnoDB; INSERT INTO unseen VALUES (3), (3);";
/// Rows with history.
const OF_MARIADB: &str = "
    USE od; CREATE TABLE versioned (id INT PRIMARY KEY, a INT) WITH SYSTEM VERSIONING ENGINE=InnoDB;
    INSERT INTO versioned VALUES (1, 1), (2, 2); UPDATE versioned SET a = 3 WHERE id = 1;";

on_each_server!(
    awkward_settings_change_nothing_that_is_saved_restored_and_exported,
    keys_are_made_whatever_row_format_is_the_server_s,
);

fn awkward_settings_change_nothing_that_is_saved_restored_and_exported(version: Version) {
    let (fixture, server) = (Fixture::new(), TestServer::of(version, &[]));
    let repository = fixture.open();
    server.script(DATA);
    match version {
        Version::MySql97 => server.script(OF_MYSQL),
        // No rows of history can be stored again before 10.11.
        Version::MariaDb105 => {}
        Version::Installed | Version::MariaDb118 => server.script(OF_MARIADB),
    }
    let was = server.fingerprint("od");
    make_awkward(&server);
    let outcome = try_save(&repository, source(&server, &["od"])).unwrap();
    assert_eq!(outcome.problems, []);
    let snapshot = by_id(&repository, outcome.snapshot.unwrap());

    server.run("DROP DATABASE od");
    let options = LoadOptions { events: Events::AsSaved, check: Check::Digests, ..LoadOptions::default() };
    let loaded = load(&repository, &snapshot, &server.address(), &options, &NullMonitor).unwrap();
    assert_eq!(loaded.problems, []);
    assert_eq!(server.fingerprint("od"), was, "restored");

    server.run("DROP DATABASE od");
    let mut sql = Vec::new();
    export_sql(&repository, &snapshot, &ExportOptions::default(), &mut sql, &NullMonitor).unwrap();
    server.script(sql);
    assert_eq!(server.fingerprint("od"), was, "exported");
}

fn keys_are_made_whatever_row_format_is_the_server_s(version: Version) {
    let (fixture, server) = (Fixture::new(), TestServer::of(version, &[]));
    let repository = fixture.open();
    server.script(
        "CREATE DATABASE s CHARACTER SET utf8mb4; USE s;
         CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(300), b VARCHAR(700), KEY (a), UNIQUE KEY (b)) ENGINE=InnoDB;
         INSERT INTO t VALUES (1, 'x', 'y');",
    );
    let outcome = try_save(&repository, source(&server, &["s"])).unwrap();
    let snapshot = by_id(&repository, outcome.snapshot.unwrap());
    let keys = "SELECT INDEX_NAME, SUB_PART FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = 's' ORDER BY 1";
    let was = server.rows(keys);
    for format in ["redundant", "compact"] {
        server.run(&format!("SET GLOBAL innodb_default_row_format = '{format}'"));
        server.run("DROP DATABASE s");
        let options = LoadOptions { check: Check::Digests, ..LoadOptions::default() };
        let loaded = load(&repository, &snapshot, &server.address(), &options, &NullMonitor).unwrap();
        assert_eq!(loaded.problems, []);
        assert_eq!(server.rows(keys), was, "{format}");
    }
}

#[test]
fn vectors_are_restored_exactly() {
    let texts = [(Version::MySql97, "STRING_TO_VECTOR"), (Version::MariaDb118, "VEC_FromText")];
    for (version, from_text) in texts.into_iter().filter(|(version, _)| version.is_asked()) {
        let (fixture, server) = (Fixture::new(), TestServer::of(version, &[]));
        let repository = fixture.open();
        server.script(format!(
            "CREATE DATABASE s; USE s; CREATE TABLE v (id INT PRIMARY KEY, a VECTOR(3) NOT NULL, b VECTOR(2)); \
             INSERT INTO v VALUES (1, {from_text}('[1,2.5,-3]'), NULL), (2, x'000000000A09005C00000080', {from_text}('[0.1,1e-30]'));"
        ));
        let (was, found) =
            (server.fingerprint("s"), engine::survey::survey(&server.address(), &["s".to_owned()]).unwrap());
        assert_eq!(found.unknown, []);
        let outcome = try_save(&repository, source(&server, &["s"])).unwrap();
        assert_eq!(outcome.problems, []);
        let snapshot = by_id(&repository, outcome.snapshot.unwrap());
        for local_infile in ["ON", "OFF"] {
            server.run(&format!("SET GLOBAL local_infile={local_infile}"));
            server.run("DROP DATABASE s");
            let options = LoadOptions { check: Check::Digests, ..LoadOptions::default() };
            let loaded = load(&repository, &snapshot, &server.address(), &options, &NullMonitor).unwrap();
            assert_eq!(loaded.problems, []);
            assert_eq!(server.fingerprint("s"), was, "{local_infile}");
        }
        server.run("DROP DATABASE s");
        let mut sql = Vec::new();
        export_sql(&repository, &snapshot, &ExportOptions::default(), &mut sql, &NullMonitor).unwrap();
        server.script(sql);
        assert_eq!(server.fingerprint("s"), was, "exported");
    }
}

#[test]
fn documents_whose_types_get_lost_are_named() {
    if !Version::MySql97.is_asked() {
        return;
    }
    let (fixture, server) = (Fixture::new(), TestServer::of(Version::MySql97, &[]));
    let repository = fixture.open();
    server.script(
        "CREATE DATABASE s; USE s;
         CREATE TABLE plain (id INT PRIMARY KEY, d JSON);
         INSERT INTO plain VALUES (1, '{\"a\": [1, 2.5, -3, null, true, {\"b\": \"2020-01-01\"}]}'), (2, '18446744073709551615'), (3, NULL);
         CREATE TABLE typed (d JSON, e JSON) ENGINE=MyISAM;
         INSERT INTO typed VALUES (JSON_OBJECT('price', CAST(1.10 AS DECIMAL(10,2))), '1'), (JSON_ARRAY(1, JSON_ARRAY(x'00ff')), '1'),
             (CAST(CAST('2020-01-01' AS DATE) AS JSON), '1'), (JSON_ARRAY(CAST(5 AS UNSIGNED)), '1'), ('{\"price\": 1.10}', '1');",
    );
    for _ in 0..2 {
        let outcome = try_save(&repository, source(&server, &["s"])).unwrap();
        let named: Vec<_> = outcome.problems.iter().map(|problem| String::from_utf8_lossy(&problem.path.0)).collect();
        assert_eq!(named, ["s.typed"], "{:?}", outcome.problems);
        assert!(outcome.problems[0].message.starts_with("its column `d` holds in 4 rows"), "{:?}", outcome.problems);
    }
}

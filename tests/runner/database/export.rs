//! Databases as plain SQL: what the client makes of it is what was saved.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use engine::database::TableName;
use engine::export::{ExportOptions, ExportOutcome, export_sql};
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::snapshots::Snapshot;
use scenario_tests::databases::{TORTURE_SCHEMAS, torture, torture_server};
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::save::save;
use crate::support::Fixture;

/// Definitions whose bytes are of the character sets that clients used: latin1, and one in which a backslash ends a character.
const FOREIGN: [(&str, &[u8]); 2] = [
    (
        "latin1",
        b"CREATE DATABASE foreign_clients CHARACTER SET latin1 COLLATE latin1_german1_ci; USE foreign_clients;
        CREATE USER '\xfcser'@'localhost'; GRANT ALL ON foreign_clients.* TO '\xfcser'@'localhost'; CREATE TABLE `t\xfc` (id INT, `c\xfc` VARCHAR(9)); SET time_zone = '+05:00';
        DELIMITER //
        CREATE DEFINER='\xfcser'@'localhost' FUNCTION `f\xfc`(p VARCHAR(9)) RETURNS VARCHAR(9) DETERMINISTIC COMMENT 'k\xfc' RETURN '\xe9'//
        CREATE DEFINER='\xfcser'@'localhost' PROCEDURE p() COMMENT 'it''s \\\\ k\xfc' BEGIN
            -- a ;; in a comment
            SELECT '\xe9;;';
        END//
        CREATE DEFINER='\xfcser'@'localhost' VIEW `v\xfc` AS SELECT '\xe9' AS `n\xe4me`, `c\xfc` FROM `t\xfc`//
        CREATE VIEW a_first AS SELECT `n\xe4me`, CONCAT('\xe9') AS f FROM `v\xfc`//
        CREATE DEFINER='\xfcser'@'localhost' TRIGGER second BEFORE INSERT ON `t\xfc` FOR EACH ROW SET NEW.`c\xfc` = CONCAT(NEW.`c\xfc`, '\xe9')//
        CREATE TRIGGER first BEFORE INSERT ON `t\xfc` FOR EACH ROW PRECEDES second SET NEW.`c\xfc` = '\xfc'//
        CREATE DEFINER='\xfcser'@'localhost' EVENT `e\xfc` ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DISABLE COMMENT 'k\xfc' DO SELECT '\xe9'//
        SET sql_mode = ORACLE//
        CREATE PACKAGE pack AS FUNCTION f RETURN INT; END//
        CREATE PACKAGE BODY pack AS FUNCTION f RETURN INT AS BEGIN RETURN 7; END; END//
        DELIMITER ;
        ALTER DATABASE foreign_clients COLLATE latin1_swedish_ci; CREATE SEQUENCE s MAXVALUE 3 CACHE 1 CYCLE;
        SELECT NEXTVAL(s), NEXTVAL(s), NEXTVAL(s), NEXTVAL(s);
        CREATE TABLE gone (a INT); CREATE VIEW broken AS SELECT a FROM gone; DROP TABLE gone;",
    ),
    (
        "sjis",
        b"USE foreign_clients;
        CREATE FUNCTION sj() RETURNS VARCHAR(9) CHARSET sjis DETERMINISTIC RETURN '\x83\x5c\x8e\x9a\x83\x5c';
        CREATE VIEW sjv AS SELECT '\x83\x5c' AS c;",
    ),
];

/// Runs a script as the client does that comes with the server, set to `character_set`.
fn client(server: &TestServer, script: &[u8], character_set: &str) {
    let mut child = server
        .client()
        .arg(format!("--default-character-set={character_set}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let written = child.stdin.take().unwrap().write_all(script);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    written.unwrap();
}

fn exported(repository: &Repository, snapshot: &Snapshot, options: &ExportOptions) -> (Vec<u8>, ExportOutcome) {
    let mut sql = Vec::new();
    let outcome = export_sql(repository, snapshot, options, &mut sql, &NullMonitor).unwrap();
    (sql, outcome)
}

#[track_caller]
fn assert_same(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) {
    // Which names of columns a server shows with their schema depends on how the view came to be.
    let plain = |text: &String| text.replace("`foreign_clients`.", "");
    let differ = was.iter().filter(|(name, text)| is.get(*name).map(plain) != Some(plain(text)));
    let differences: Vec<_> =
        differ.map(|(name, text)| format!("{name}\nwas {text}\nis  {:?}\n", is.get(name))).collect();
    assert!(differences.is_empty(), "{}", differences.concat());
    assert_eq!(was.len(), is.len());
}

on_each_server!(what_the_client_loads_is_what_was_saved);

fn what_the_client_loads_is_what_was_saved(version: Version) {
    let (fixture, server) = (Fixture::new(), torture_server(version, &[]));
    let repository = fixture.open();
    torture(&server);
    if version == Version::MariaDb105 {
        server.run("DROP TABLE torture.history_implicit, torture.history_explicit, torture.history_parts");
    }
    if version.is_mysql() {
        server.run("DROP TABLE torture.documents_with_types");
    }
    let snapshot = save(&fixture, &repository, &server, &TORTURE_SCHEMAS);
    let (sql, outcome) = exported(&repository, &snapshot, &ExportOptions::default());
    let left_out: Vec<_> = outcome.left_out.iter().map(|left| &left.name[..]).collect();
    assert_eq!(left_out, ["invalid_view"]);
    // The client's own character set is another one.
    let copy = torture_server(version, &[]);
    client(&copy, &sql, "latin1");
    // A view that refers to nothing is a comment.
    server.run("DROP VIEW torture.invalid_view");
    for schema in TORTURE_SCHEMAS {
        assert_same(&server.fingerprint(schema), &copy.fingerprint(schema));
    }
}

#[test]
fn definitions_keep_the_character_sets_of_their_clients() {
    let (fixture, server) = (Fixture::new(), TestServer::start(&[]));
    let repository = fixture.open();
    FOREIGN.iter().for_each(|(character_set, script)| client(&server, script, character_set));
    let snapshot = save(&fixture, &repository, &server, &["foreign_clients"]);
    let (sql, _) = exported(&repository, &snapshot, &ExportOptions::default());
    // A view that refers to nothing is a comment.
    server.run("DROP VIEW foreign_clients.broken");
    let copy = TestServer::start(&[]);
    client(&copy, &sql, "utf8mb4");
    assert_same(&server.fingerprint("foreign_clients"), &copy.fingerprint("foreign_clients"));
    let packages =
        "SELECT name, type, body_utf8, sql_mode FROM mysql.proc WHERE db = 'foreign_clients' ORDER BY name, type";
    assert_eq!(server.rows(packages), copy.rows(packages));
    copy.run("CREATE USER `üser`@localhost");
    copy.run("GRANT ALL ON foreign_clients.* TO `üser`@localhost");
    copy.run("INSERT INTO foreign_clients.`tü` VALUES (1, 'x')");
    assert_eq!(copy.value("SELECT HEX(`cü`) FROM foreign_clients.`tü`").unwrap(), "FCE9");
    assert_eq!(copy.value("SELECT NEXTVAL(foreign_clients.s)"), server.value("SELECT NEXTVAL(foreign_clients.s)"));
}

#[test]
fn of_one_table_nothing_else_is_written() {
    let (fixture, server) = (Fixture::new(), TestServer::start(&[]));
    let repository = fixture.open();
    server.script(
        "CREATE DATABASE shop; USE shop; CREATE TABLE a (x INT); CREATE TABLE b (x INT); CREATE VIEW v AS SELECT 1;
         INSERT INTO a VALUES (1), (NULL); CREATE TRIGGER of_a BEFORE INSERT ON a FOR EACH ROW SET NEW.x = 7;
         CREATE TRIGGER of_b BEFORE INSERT ON b FOR EACH ROW SET NEW.x = 7;",
    );
    let snapshot = save(&fixture, &repository, &server, &["shop"]);
    let options = ExportOptions { tables: vec![TableName::new("shop", "a")], ..ExportOptions::default() };
    let (sql, outcome) = exported(&repository, &snapshot, &options);
    let copy = TestServer::start(&[]);
    client(&copy, &sql, "utf8mb4");
    assert_eq!((outcome.schemas, outcome.tables, outcome.rows, outcome.objects), (1, 1, 2, 1));
    assert_eq!(copy.rows("SHOW TABLES FROM shop"), [[Some("a".to_owned())]]);
    assert_eq!(
        copy.value("SELECT GROUP_CONCAT(TRIGGER_NAME) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'shop'")
            .unwrap(),
        "of_a"
    );
    for (schema, table) in [("shop", "none"), ("none", "a")] {
        let options = ExportOptions { tables: vec![TableName::new(schema, table)], ..ExportOptions::default() };
        let mut sql = Vec::new();
        let error = export_sql(&repository, &snapshot, &options, &mut sql, &NullMonitor).unwrap_err();
        assert_eq!((error.kind(), sql.len()), (engine::ErrorKind::NotFound, 0));
    }
}

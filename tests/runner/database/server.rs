//! The servers that tests start: what other tests rely on.

use engine::database::Connection;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

on_each_server!(
    a_server_answers_on_its_socket_and_its_port,
    two_servers_share_nothing,
    data_is_there_after_a_restart_and_after_a_kill,
    nothing_is_left_of_a_server_whose_test_fails,
);

fn a_server_answers_on_its_socket_and_its_port(version: Version) {
    let server = TestServer::of(version, &[]);
    let says = server.value("SELECT VERSION()").unwrap();
    let begins = ["", "9.", "10.5.", "11.8."][version as usize];
    assert!(says.starts_with(begins) && says.contains("MariaDB") != version.is_mysql(), "{says}");
    assert_eq!(server.value("SELECT COUNT(*) FROM mysql.user WHERE user = ''").unwrap(), "0");
    let mut other = Connection::open(&server.tcp_address()).unwrap();
    assert_eq!(other.value("SELECT CURRENT_USER()").unwrap().as_deref(), Some("root@127.0.0.1"));
}

fn two_servers_share_nothing(version: Version) {
    let servers = [TestServer::of(version, &[]), TestServer::of(version, &["--lower-case-table-names=1", "--log-bin"])];
    servers[0].run("CREATE DATABASE only_here");
    assert_eq!(servers[1].value("SHOW DATABASES LIKE 'only_here'"), None);
    assert_eq!(servers[1].value("SELECT @@lower_case_table_names + @@log_bin").as_deref(), Some("2"));
}

fn data_is_there_after_a_restart_and_after_a_kill(version: Version) {
    let mut server = TestServer::of(version, &[]);
    server.script("CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY); INSERT INTO d.t VALUES (7);");
    let before = server.fingerprint("d");
    server.restart();
    assert_eq!(server.fingerprint("d"), before);
    server.run("FLUSH TABLES");
    server.kill();
    assert!(Connection::open(&server.address()).is_err());
    server.restart();
    assert_eq!(server.fingerprint("d"), before);
}

fn nothing_is_left_of_a_server_whose_test_fails(version: Version) {
    let failed = std::panic::catch_unwind(|| {
        let server = TestServer::of(version, &[]);
        std::panic::panic_any((server.data_folder(), server.address()));
    });
    let (folder, address) = *failed.unwrap_err().downcast::<(std::path::PathBuf, engine::database::Address)>().unwrap();
    assert!(!folder.exists());
    assert!(Connection::open(&address).is_err());
}

#[test]
fn a_fingerprint_tells_what_changed() {
    let server = TestServer::start(&[]);
    server.script(
        "CREATE DATABASE d; USE d;
         CREATE TABLE t (a INT PRIMARY KEY AUTO_INCREMENT, b FLOAT) ENGINE=InnoDB;
         INSERT INTO t (b) VALUES (0.1);
         CREATE TABLE h (a INT PRIMARY KEY) WITH SYSTEM VERSIONING;
         INSERT INTO h VALUES (1);
         CREATE VIEW v AS SELECT a FROM t;
         CREATE SEQUENCE s;
         CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.b = NEW.b;
         CREATE FUNCTION f() RETURNS INT RETURN 1;",
    );
    let mut last = server.fingerprint("d");
    let names: Vec<_> = last.keys().map(String::as_str).collect();
    assert_eq!(names, ["DATABASE", "FUNCTION f", "SEQUENCE s", "TABLE h", "TABLE t", "TRIGGER tr", "VIEW v"]);
    for (change, name) in [
        ("UPDATE d.t SET b = 0.10000001", "TABLE t"),
        ("ALTER TABLE d.t AUTO_INCREMENT = 100", "TABLE t"),
        ("UPDATE d.h SET a = 2; UPDATE d.h SET a = 1", "TABLE h"),
        ("SELECT NEXTVAL(d.s)", "SEQUENCE s"),
        ("SET sql_mode=ANSI_QUOTES; CREATE OR REPLACE FUNCTION d.f() RETURNS INT RETURN 1", "FUNCTION f"),
        ("CREATE OR REPLACE SQL SECURITY INVOKER VIEW d.v AS SELECT a FROM d.t", "VIEW v"),
    ] {
        server.script(change);
        let now = server.fingerprint("d");
        let changed: Vec<_> = now.keys().filter(|key| now[*key] != last[*key]).collect();
        assert_eq!(changed, [name], "{change}");
        last = now;
    }
}

#[test]
fn a_fingerprint_of_mysql_tells_what_a_checksum_does_not_see() {
    if !Version::MySql97.is_asked() {
        return;
    }
    let server = TestServer::of(Version::MySql97, &["--show-gipk-in-create-table-and-information-schema=OFF"]);
    server.script(
        "CREATE DATABASE d; USE d;
         CREATE TABLE j (a INT PRIMARY KEY, v JSON); INSERT INTO j VALUES (1, JSON_OBJECT('x', JSON_ARRAY(1.0, 2)));
         SET sql_generate_invisible_primary_key = ON; CREATE TABLE k (a INT); INSERT INTO k VALUES (1), (2);
         CREATE TABLE e (a INT PRIMARY KEY, v ENUM('a', '')); SET sql_mode = ''; INSERT INTO e VALUES (1, ''), (2, 2);
         CREATE TABLE v (a INT PRIMARY KEY, v VECTOR(2), b BIT(9) INVISIBLE); INSERT INTO v (a, v, b) VALUES (1, STRING_TO_VECTOR('[1,2]'), 5);
         CREATE TABLE n (a INT, b INT); INSERT INTO n VALUES (NULL, 1); CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1;",
    );
    let mut last = server.fingerprint("d");
    let names: Vec<_> = last.keys().map(String::as_str).collect();
    assert_eq!(names, ["DATABASE", "FUNCTION f", "TABLE e", "TABLE j", "TABLE k", "TABLE n", "TABLE v"]);
    for (change, name) in [
        ("UPDATE d.j SET v = JSON_OBJECT('x', JSON_ARRAY(1e0, 2))", "TABLE j"),
        ("UPDATE d.j SET v = JSON_OBJECT('x', JSON_ARRAY(1e0, CAST(2 AS UNSIGNED)))", "TABLE j"),
        ("UPDATE d.k SET my_row_id = 7 WHERE a = 2", "TABLE k"),
        ("SET sql_mode = ''; UPDATE d.e SET v = 0 WHERE a = 2", "TABLE e"),
        ("UPDATE d.v SET v = STRING_TO_VECTOR('[1,3]')", "TABLE v"),
        ("UPDATE d.v SET b = 6", "TABLE v"),
        ("UPDATE d.n SET a = 0", "TABLE n"),
        (
            "DROP FUNCTION d.f; SET sql_mode = ANSI_QUOTES; CREATE FUNCTION d.f() RETURNS INT DETERMINISTIC RETURN 1",
            "FUNCTION f",
        ),
    ] {
        server.script(change);
        let now = server.fingerprint("d");
        let changed: Vec<_> = now.keys().filter(|key| now[*key] != last[*key]).collect();
        assert_eq!(changed, [name], "{change}");
        last = now;
    }
}

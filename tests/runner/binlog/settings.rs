//! Settings of servers that change what their log is, and how it is sent.

use std::fs;

use repo_format::log::{Coverage, StreamStart};
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::{LOGGED, assert_chain, assert_closed_files_are_whole, fetch, logged, stored};
use crate::support::Fixture;

on_each_server!(
    a_log_without_checksums_is_whole_and_so_is_one_that_gets_them_later,
    a_log_of_another_name_is_a_break,
    domains_of_ids_come_and_go_without_a_break,
    an_encrypted_log_is_kept_as_it_is_sent,
);

const TABLE: &str = "CREATE DATABASE shop; CREATE TABLE shop.visit (id INT PRIMARY KEY, note TEXT) ENGINE=InnoDB;";

fn a_log_without_checksums_is_whole_and_so_is_one_that_gets_them_later(version: Version) {
    let (server, fixture) = (TestServer::of(version, &[LOGGED, &["--binlog-checksum=NONE"]].concat()), Fixture::new());
    server.script(TABLE);
    fetch(&fixture, &server);
    server.script("INSERT INTO shop.visit VALUES (1, 'a'); FLUSH BINARY LOGS; INSERT INTO shop.visit VALUES (2, 'b');");
    fetch(&fixture, &server);
    // The server begins another file.
    server.script("SET GLOBAL binlog_checksum = 'CRC32'; INSERT INTO shop.visit VALUES (3, 'c');");
    fetch(&fixture, &server);
    server.script("INSERT INTO shop.visit VALUES (4, 'd'); SET GLOBAL binlog_checksum = 'NONE'; INSERT INTO shop.visit VALUES (5, 'e'); FLUSH BINARY LOGS;");
    fetch(&fixture, &server);
    assert_chain(&fixture);
    assert_closed_files_are_whole(&fixture, &server);
    assert_eq!(stored(&fixture).iter().map(|log| log.record.transactions).sum::<u64>(), 2 + 5);
}

fn a_log_of_another_name_is_a_break(version: Version) {
    let fixture = Fixture::new();
    let mut server = TestServer::of(version, LOGGED);
    server.script(TABLE);
    fetch(&fixture, &server);
    server.run("INSERT INTO shop.visit VALUES (1, 'a')");
    fetch(&fixture, &server);
    server.restart_with(&["--log-bin=other"]);
    server.run("INSERT INTO shop.visit VALUES (2, 'b')");
    fetch(&fixture, &server);
    let starts: Vec<_> = stored(&fixture).iter().filter_map(|log| log.record.start).collect();
    assert_eq!(starts, [StreamStart::First, StreamStart::Reset]);
    assert!(fetch(&fixture, &server).is_empty());
    // The old log comes back, and goes on: what it has lacks what happened meanwhile.
    server.restart_with(&["--log-bin=binlog"]);
    server.run("INSERT INTO shop.visit VALUES (3, 'c')");
    fetch(&fixture, &server);
    let logs = stored(&fixture);
    let last = &logs.last().unwrap().record;
    assert!(last.stream != logs[0].record.stream && last.start.is_some(), "{last:?}");
}

fn domains_of_ids_come_and_go_without_a_break(version: Version) {
    if version.is_mysql() {
        return;
    }
    let (server, fixture) = (logged(version), Fixture::new());
    fetch(&fixture, &server);
    for (round, domain) in [3, 0, 5, 3, 0].into_iter().enumerate() {
        server.script(format!("SET gtid_domain_id = {domain}; INSERT INTO shop.visit VALUES ({round}, 'x');"));
        if round % 2 == 0 {
            fetch(&fixture, &server);
        }
        server.run("FLUSH BINARY LOGS");
    }
    fetch(&fixture, &server);
    super::purge_to_newest(&server);
    server.script("INSERT INTO shop.visit VALUES (90, 'x');");
    server.script("FLUSH BINARY LOGS DELETE_DOMAIN_ID=(3); INSERT INTO shop.visit VALUES (91, 'x');");
    fetch(&fixture, &server);
    server.script("SET gtid_domain_id = 3; INSERT INTO shop.visit VALUES (92, 'x'); FLUSH BINARY LOGS;");
    fetch(&fixture, &server);
    assert_chain(&fixture);
    let logs = stored(&fixture);
    assert!(logs.iter().all(|log| log.record.coverage == Coverage::Whole));
    assert!(logs.last().unwrap().record.to.gtid.contains("3-7-"), "{:?}", logs.last().unwrap().record.to);
}

fn an_encrypted_log_is_kept_as_it_is_sent(version: Version) {
    // MySQL reads its keys with a component that is set up beside its program.
    if version.is_mysql() {
        return;
    }
    let keys = tempfile::tempdir().unwrap();
    let file = keys.path().join("keys");
    fs::write(&file, "1;770A8A65DA156D24EE2A093277530142770A8A65DA156D24EE2A093277530142\n").unwrap();
    let named = format!("--file-key-management-filename={}", file.display());
    let options = ["--plugin-load-add=file_key_management", &named, "--encrypt-binlog=1"];
    let (server, fixture) = (TestServer::of(version, &[LOGGED, &options].concat()), Fixture::new());
    assert_eq!(server.value("SELECT @@encrypt_binlog").as_deref(), Some("1"));
    server.script(TABLE);
    fetch(&fixture, &server);
    server.script("INSERT INTO shop.visit VALUES (1, 'a'); FLUSH BINARY LOGS; INSERT INTO shop.visit VALUES (2, 'b'); UPDATE shop.visit SET note = 'c';");
    fetch(&fixture, &server);
    server.script("DELETE FROM shop.visit; FLUSH BINARY LOGS;");
    fetch(&fixture, &server);
    assert_chain(&fixture);
    assert_eq!(stored(&fixture).iter().map(|log| log.record.transactions).sum::<u64>(), 2 + 4);
    let report = engine::binlog::check::check_logs(
        &fixture.open(),
        engine::binlog::check::LogDepth::Events,
        &engine::monitor::NullMonitor,
    );
    assert!(report.unwrap().findings.is_empty());
}

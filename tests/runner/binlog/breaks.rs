//! Where a server's log does not go on as it was: each break begins a stream that says why, and nothing is joined that does not belong together.

use std::fs::OpenOptions;

use repo_format::log::StreamStart;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::{LOGGED, events_of, fetch, logged, purge_to_newest, stored};
use crate::support::Fixture;

on_each_server!(
    files_that_the_server_deleted_are_a_gap,
    a_log_that_began_anew_is_a_reset_even_where_names_and_sizes_repeat,
    another_server_at_the_address_is_told,
    a_log_that_lost_its_tail_is_a_fork,
    a_log_that_began_anew_is_whole_though_its_file_is_shorter_than_the_old_one,
    a_large_transaction_that_was_cut_short_is_passed_over,
);

/// Why the streams began.
fn starts(fixture: &Fixture) -> Vec<StreamStart> {
    stored(fixture).iter().filter_map(|log| log.record.start).collect()
}

fn files_that_the_server_deleted_are_a_gap(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    fetch(&fixture, &server);
    server.script("INSERT INTO shop.visit VALUES (1, 'lost'); FLUSH BINARY LOGS; INSERT INTO shop.visit VALUES (2, 'b'); FLUSH BINARY LOGS;");
    purge_to_newest(&server);
    fetch(&fixture, &server);
    assert_eq!(starts(&fixture), [StreamStart::First, StreamStart::Gap]);
}

fn a_log_that_began_anew_is_a_reset_even_where_names_and_sizes_repeat(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    let reset = if version.is_mysql() { "RESET BINARY LOGS AND GTIDS" } else { "RESET MASTER" };
    server.run(reset);
    server.run("INSERT INTO shop.visit VALUES (1, 'a')");
    fetch(&fixture, &server);
    // A file is told from another of its name by the second in which it began.
    let began = server.value("SELECT UNIX_TIMESTAMP()").unwrap();
    while server.value("SELECT UNIX_TIMESTAMP()").unwrap() == began {}
    server.run(reset);
    server.script(
        "DELETE FROM shop.visit; INSERT INTO shop.visit VALUES (1, 'a'); INSERT INTO shop.visit VALUES (2, 'b');",
    );
    fetch(&fixture, &server);
    assert_eq!(starts(&fixture), [StreamStart::First, StreamStart::Reset]);
}

fn another_server_at_the_address_is_told(version: Version) {
    let (first, fixture) = (logged(version), Fixture::new());
    fetch(&fixture, &first);
    let mut second = TestServer::of(version, &[LOGGED, &["--server-id=8"]].concat());
    // The servers of tests are copies of one.
    second.stop();
    let _ = std::fs::remove_file(second.data_folder().join("auto.cnf"));
    second.restart();
    let mut address = second.address();
    // Its socket is where the first one's was: as the address says nothing else, they are one to the repository.
    let socket = first.address().socket.unwrap();
    drop(first);
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(address.socket.unwrap(), &socket).unwrap();
    address.socket = Some(socket.clone());
    let saved = engine::binlog::archive::archive(
        &fixture.open(),
        &address,
        &engine::session::WriterOptions::default(),
        &engine::monitor::NullMonitor,
    );
    std::fs::remove_dir_all(socket.parent().unwrap()).unwrap();
    saved.unwrap();
    assert_eq!(starts(&fixture), [StreamStart::First, StreamStart::OtherServer]);
}

fn a_log_that_lost_its_tail_is_a_fork(version: Version) {
    let (mut server, fixture) = (logged(version), Fixture::new());
    server.run("INSERT INTO shop.visit VALUES (1, 'a')");
    let size: u64 = server.rows("SHOW BINARY LOGS").last().unwrap()[1].clone().unwrap().parse().unwrap();
    server.run("INSERT INTO shop.visit VALUES (2, 'never written to the disk')");
    fetch(&fixture, &server);
    let name = server.rows("SHOW BINARY LOGS").last().unwrap()[0].clone().unwrap();
    server.kill();
    let file = OpenOptions::new().write(true).open(server.data_folder().join(&name)).unwrap();
    file.set_len(size).unwrap();
    server.restart();
    server.run("INSERT INTO shop.visit VALUES (3, 'c')");
    fetch(&fixture, &server);
    assert_eq!(starts(&fixture), [StreamStart::First, StreamStart::Fork]);
    let logs = stored(&fixture);
    assert_ne!(logs[0].record.stream, logs[1].record.stream);
}

fn a_log_that_began_anew_is_whole_though_its_file_is_shorter_than_the_old_one(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    let reset = if version.is_mysql() { "RESET BINARY LOGS AND GTIDS" } else { "RESET MASTER" };
    server.run(reset);
    server.run("INSERT INTO shop.visit VALUES (1, REPEAT('a', 9000))");
    fetch(&fixture, &server);
    let began = server.value("SELECT UNIX_TIMESTAMP()").unwrap();
    while server.value("SELECT UNIX_TIMESTAMP()").unwrap() == began {}
    server.run(reset);
    server.script("INSERT INTO shop.visit VALUES (2, 'b'); FLUSH BINARY LOGS; INSERT INTO shop.visit VALUES (3, 'c');");
    fetch(&fixture, &server);
    assert_eq!(starts(&fixture), [StreamStart::First, StreamStart::Reset]);
    assert_eq!(stored(&fixture)[1].record.transactions, 2);
}

fn a_large_transaction_that_was_cut_short_is_passed_over(version: Version) {
    // The server dies while it writes into its newest file.
    let mut server = TestServer::of(version, &[LOGGED, &["--max-binlog-size=1073741824"]].concat());
    let fixture = Fixture::new();
    server.script("CREATE DATABASE shop; CREATE TABLE shop.visit (id INT PRIMARY KEY, note LONGTEXT) ENGINE=InnoDB;");
    fetch(&fixture, &server);
    server.run("INSERT INTO shop.visit VALUES (1, 'a')");
    let row = "REPEAT('x', 4000000)";
    let rows: Vec<String> = (2..9).map(|id| format!("({id}, {row})")).collect();
    let insert = format!("INSERT INTO shop.visit VALUES {}", rows.join(", "));
    server.run(&insert);
    let last = || server.rows("SHOW BINARY LOGS").last().unwrap().clone();
    let size: u64 = last()[1].clone().unwrap().parse().unwrap();
    let name = last()[0].clone().unwrap();
    server.kill();
    let file = OpenOptions::new().write(true).open(server.data_folder().join(&name)).unwrap();
    file.set_len(size - 2_000_000).unwrap();
    server.restart();
    server.run("INSERT INTO shop.visit VALUES (99, 'c')");
    fetch(&fixture, &server);
    assert!(fetch(&fixture, &server).is_empty(), "nothing has happened");
    let of_file: u64 = events_of(&fixture, &name).iter().map(|event| event.len() as u64).sum();
    assert!(of_file < 100_000, "{of_file} bytes: the half of a transaction is none");
    // Some servers refuse to send what is behind it, and it is not known whether more was lost.
    let starts = starts(&fixture);
    assert!(starts == [StreamStart::First] || starts == [StreamStart::First, StreamStart::Fork], "{starts:?}");
    let transactions: u64 = stored(&fixture).iter().map(|log| log.record.transactions).sum();
    assert_eq!(transactions, 4);
}

//! The user's wish to stop ends every wait for a server, and what a statement waits for is told.

use std::time::Duration;

use engine::ErrorKind;
use engine::database::{Address, Connection, Credentials, attended, is_lost};
use engine::error::chain;
use engine::files::backup::{Source, backup};
use engine::load::{Existing, LoadOptions, load};
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::save::{save, source};
use crate::support::{Fixture, Hook, backup_options};

on_each_server!(
    a_backup_that_waits_for_a_table_says_so_and_ends_when_the_user_stops,
    a_restore_makes_nobody_wait_behind_it_and_ends_when_the_user_stops,
    a_server_that_dies_is_said_to_have_closed_the_connection,
);

fn shop(version: Version) -> TestServer {
    let server = TestServer::of(version, &[]);
    server.script(
        "CREATE DATABASE shop; USE shop;
         CREATE TABLE safe (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO safe VALUES (1, 1);
         CREATE TABLE plain (id INT PRIMARY KEY, n INT) ENGINE=MyISAM; INSERT INTO plain VALUES (1, 1);",
    );
    server
}

/// Waits until `hook` was told something with `words`, or `is_over`.
fn wait_for_note(hook: &Hook, words: &str, is_over: &dyn Fn() -> bool) {
    while !hook.notes().iter().any(|note| note.contains(words)) && !is_over() {
        std::thread::yield_now();
    }
    assert!(hook.notes().iter().any(|note| note.contains(words)), "{words}: {:?}", hook.notes());
}

fn a_backup_that_waits_for_a_table_says_so_and_ends_when_the_user_stops(version: Version) {
    let (fixture, server) = (Fixture::new(), shop(version));
    let mut holder = server.connect();
    holder.run("LOCK TABLES shop.plain WRITE").unwrap();
    let hook = Hook::quiet();
    let error = std::thread::scope(|scope| {
        let saving = scope.spawn(|| {
            let mut source = source(&server, &["shop"]);
            source.patience = Duration::ZERO;
            backup(&fixture.open(), vec![Source::Database(Box::new(source))], &backup_options(), &hook).unwrap_err()
        });
        wait_for_note(&hook, " has waited for ", &|| saving.is_finished());
        hook.cancel();
        saving.join().unwrap()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{}", chain(&error));
    assert!(hook.notes().iter().any(|note| note.contains("the server waits for")), "{:?}", hook.notes());
}

fn a_restore_makes_nobody_wait_behind_it_and_ends_when_the_user_stops(version: Version) {
    let (fixture, server) = (Fixture::new(), shop(version));
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["shop"]);
    let mut reader = server.connect();
    reader.run("START TRANSACTION").unwrap();
    reader.run("SELECT * FROM shop.safe").unwrap();
    let hook = Hook::quiet();
    let options = LoadOptions { existing: Existing::Swap, ..LoadOptions::default() };
    let error = std::thread::scope(|scope| {
        let loading = scope.spawn(|| load(&repository, &snapshot, &server.address(), &options, &hook).unwrap_err());
        wait_for_note(&hook, "others use the tables", &|| loading.is_finished());
        // Behind a RENAME that waits for a reader everybody would wait, for as long as it does.
        let mut person = server.connect();
        person.run("SET SESSION lock_wait_timeout=10").unwrap();
        person.run("SELECT * FROM shop.safe").unwrap();
        hook.cancel();
        loading.join().unwrap()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{}", chain(&error));
    reader.run("COMMIT").unwrap();
    load(&repository, &snapshot, &server.address(), &options, &Hook::quiet()).unwrap();
    assert_eq!(server.value("SELECT n FROM shop.safe").as_deref(), Some("1"));
}

fn a_server_that_dies_is_said_to_have_closed_the_connection(version: Version) {
    let mut server = shop(version);
    let mut connection = server.connect();
    let id = connection.id();
    let error = std::thread::scope(|scope| {
        let waiting = scope.spawn(move || connection.run("SELECT SLEEP(600)").unwrap_err());
        while server
            .rows(&format!("SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = {id} AND STATE = 'User sleep'"))
            .is_empty()
        {}
        server.kill();
        waiting.join().unwrap()
    });
    assert!(is_lost(&error) && chain(&error).contains("the server closed the connection"), "{}", chain(&error));
}

#[test]
fn a_statement_that_cannot_be_ended_is_left_to_the_server() {
    let server = shop(Version::Installed);
    // The attendant gets no connection of its own.
    server.run("CREATE USER ann@localhost WITH MAX_USER_CONNECTIONS 1");
    let credentials = Credentials { user: "ann".to_owned(), password: None };
    let address = Address { credentials, ..server.address() };
    let hook = Hook::quiet();
    hook.cancel();
    let asked = attended(&address, &hook, |address| Connection::open(address)?.run("SELECT SLEEP(600)"));
    let error = asked.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{}", chain(&error));
    assert!(hook.notes().iter().any(|note| note.contains("does not end the statement")), "{:?}", hook.notes());
}

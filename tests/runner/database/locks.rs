//! Nobody waits for a backup's waiting: long statements of others are left alone, and what they hold is waited for or
//! read later.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use engine::database::{Address, Connection, Credentials, connections_of_backup, list_tables};
use engine::dump::DatabaseSource;
use engine::error::chain;
use engine::files::backup::{BackupOutcome, Source, backup};
use engine::monitor::Monitor;
use engine::survey::{Verdict, survey};
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::save::{source, try_save};
use crate::support::{Fixture, Hook, backup_options};

on_each_server!(
    nobody_waits_while_a_backup_runs_beside_a_long_select,
    a_statement_that_writes_to_a_table_is_waited_for_and_told,
    a_table_that_others_hold_for_too_long_is_read_afterwards_and_named,
    an_account_with_too_few_connections_is_told_so_before,
);

/// A statement that would run for a minute, ended when dropped.
struct LongStatement {
    id: u32,
    address: engine::database::Address,
    running: Option<JoinHandle<()>>,
}

impl LongStatement {
    fn start(server: &TestServer, sql: &str) -> Self {
        let (mut connection, sql) = (server.connect(), sql.to_owned());
        let id = connection.id();
        let running = std::thread::spawn(move || drop(connection.run(&sql)));
        let seen = format!("SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = {id} AND STATE LIKE 'User sleep'");
        while server.rows(&seen).is_empty() {
            std::thread::yield_now();
        }
        LongStatement { id, address: server.address(), running: Some(running) }
    }

    fn end(&self) {
        let mut connection = Connection::open(&self.address).unwrap();
        connection.run(&format!("KILL CONNECTION {}", self.id)).unwrap();
    }
}

impl Drop for LongStatement {
    fn drop(&mut self) {
        drop(Connection::open(&self.address).map(|mut other| other.run(&format!("KILL CONNECTION {}", self.id))));
        self.running.take().map(JoinHandle::join);
    }
}

fn shop(version: Version) -> TestServer {
    let server = TestServer::of(version, &[]);
    server.script(
        "CREATE DATABASE shop; USE shop;
         CREATE TABLE safe (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO safe VALUES (1, 1);
         CREATE TABLE plain (id INT PRIMARY KEY, n INT) ENGINE=MyISAM; INSERT INTO plain VALUES (1, 1);
         CREATE TABLE other (id INT PRIMARY KEY, n INT) ENGINE=MyISAM; INSERT INTO other VALUES (1, 1);",
    );
    server
}

fn save(server: &TestServer, patience: Duration, monitor: &dyn Monitor) -> BackupOutcome {
    let fixture = Fixture::new();
    let mut source = source(server, &["shop"]);
    source.patience = patience;
    let sources = vec![Source::Database(Box::new(source))];
    backup(&fixture.open(), sources, &backup_options(), monitor).unwrap_or_else(|e| panic!("{}", chain(&e)))
}

const LONG: Duration = Duration::from_secs(60);

fn nobody_waits_while_a_backup_runs_beside_a_long_select(version: Version) {
    let server = shop(version);
    let _reports =
        ["safe", "plain"].map(|table| LongStatement::start(&server, &format!("SELECT SLEEP(60) FROM shop.{table}")));
    let outcome = save(&server, LONG, &Hook::quiet());
    assert_eq!((outcome.problem_count, outcome.databases[0].tables), (0, 3));
    let mut person = server.connect();
    // It would wait for a minute, were a table marked as old.
    person.run("SET SESSION lock_wait_timeout=1").unwrap();
    for sql in ["SELECT * FROM shop.safe", "SELECT * FROM shop.plain", "UPDATE shop.safe SET n = n + 1"] {
        person.run(sql).unwrap_or_else(|e| panic!("{sql}: {}", chain(&e)));
    }
    let waiting =
        "SELECT ID FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for %' AND COMMAND = 'Query'";
    assert!(server.rows(waiting).is_empty());
}

fn a_statement_that_writes_to_a_table_is_waited_for_and_told(version: Version) {
    let server = shop(version);
    let update = LongStatement::start(&server, "UPDATE shop.plain SET n = 2 WHERE SLEEP(60) = 0");
    let hook = Arc::new(Hook::quiet());
    let outcome = std::thread::scope(|scope| {
        let saving = scope.spawn(|| save(&server, LONG, &*hook));
        let is_told = |note: &String| note.contains("waits for a statement of root");
        while !hook.notes().iter().any(is_told) && !saving.is_finished() {
            std::thread::yield_now();
        }
        // Nobody waits behind the backup, which only looks.
        let mut person = server.connect();
        person.run("SET SESSION lock_wait_timeout=1").unwrap();
        person.run("UPDATE shop.other SET n = n + 1").unwrap();
        update.end();
        saving.join().unwrap()
    });
    assert!(hook.notes().iter().any(|note| note.contains("waits for a statement of root")), "{:?}", hook.notes());
    assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
}

fn a_table_that_others_hold_for_too_long_is_read_afterwards_and_named(version: Version) {
    let server = shop(version);
    let mut holder = server.connect();
    holder.run("LOCK TABLES shop.plain WRITE").unwrap();
    // It lets go when the other rows are stored.
    let holder = std::sync::Mutex::new(Some(holder));
    let hook = Hook::once(|work| work.bytes > 0, move || drop(holder.lock().unwrap().take()));
    let outcome = save(&server, Duration::from_millis(1), &hook);
    let named: Vec<_> = outcome.problems.iter().map(|problem| String::from_utf8_lossy(&problem.path.0)).collect();
    assert_eq!(named, ["shop.plain"], "{:?}", outcome.problems);
    assert_eq!((outcome.databases[0].tables, outcome.databases[0].late_tables), (3, 1));
}

/// With one connection fewer than `check` asks for a backup fails, and with as many it is made.
fn an_account_with_too_few_connections_is_told_so_before(version: Version) {
    let server = shop(version);
    let tables = list_tables(&mut server.connect(), &["shop".to_owned()]).unwrap();
    let needed = connections_of_backup(&tables);
    server.run("CREATE USER ann@localhost");
    server.run("GRANT ALL ON *.* TO ann@localhost");
    let credentials = Credentials { user: "ann".to_owned(), password: None };
    let address = Address { credentials, ..server.address() };
    // The server counts a session until it has noticed that it is gone.
    let all_have_ended = || {
        while server.value("SELECT 1 FROM information_schema.PROCESSLIST WHERE USER = 'ann' LIMIT 1").is_some() {
            std::thread::yield_now();
        }
    };
    for (most, is_enough) in [(needed - 1, false), (needed, true)] {
        server.run(&format!("ALTER USER ann@localhost WITH MAX_USER_CONNECTIONS {most}"));
        // A session that ends at this moment is counted now and then, so the server is asked again.
        let is_told = || survey(&address, &["shop".to_owned()]).unwrap().verdict() != Verdict::Impossible;
        let tries = if is_enough { 50 } else { 1 };
        assert!((0..tries).any(|_| is_told() == is_enough), "{most}");
        all_have_ended();
        let source = DatabaseSource { schemas: vec!["shop".to_owned()], ..DatabaseSource::new(address.clone()) };
        let saved = try_save(&Fixture::new().open(), source);
        assert_eq!(saved.is_ok(), is_enough, "{most}: {:?}", saved.map_err(|e| chain(&e)).err());
    }
}

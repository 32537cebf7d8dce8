//! Fetching what a server has in its log: whole, once, and with an index that says what happened.

use engine::binlog::archive::{Archived, archive};
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::session::WriterOptions;
use repo_format::log::{ChangedTable, Coverage, StreamStart, TransactionFlags, TransactionRecord};
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::{LOGGED, events_of, fetch, format, logged, stored, without_mark, written};
use crate::support::{Fixture, verify_all};

on_each_server!(
    every_event_of_the_servers_files_is_kept_as_it_was_written,
    what_follows_is_fetched_once_and_without_a_hole,
    transactions_say_what_they_changed,
    compressed_transactions_say_what_they_changed,
    a_server_without_a_log_and_an_account_without_rights_are_told,
);

/// All transactions of all logs.
fn transactions(fixture: &Fixture) -> Vec<TransactionRecord> {
    let repository = fixture.open();
    let reader = ChunkReader::new(&repository);
    stored(fixture).iter().flat_map(|log| log.transactions(&reader).unwrap().map(Result::unwrap)).collect()
}

fn every_event_of_the_servers_files_is_kept_as_it_was_written(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    server.script(
        "USE shop; INSERT INTO visit VALUES (1, 'a'), (2, 'b'); UPDATE visit SET note = 'c' WHERE id = 1;
         SET SESSION binlog_format = 'STATEMENT'; SET @x = 3; INSERT INTO visit VALUES (@x, REPEAT('x', 300));
         FLUSH BINARY LOGS; DELETE FROM visit; CREATE TABLE more (a INT); FLUSH BINARY LOGS; DROP TABLE more;",
    );
    // The first stream begins with the newest file, as nothing needs an older one.
    let first = fetch(&fixture, &server);
    assert_eq!((first.len(), first[0].record.start), (1, Some(StreamStart::First)));
    assert_eq!(first[0].record.coverage, Coverage::Whole);
    server.script(
        "INSERT INTO shop.visit VALUES (9, 'z'); FLUSH BINARY LOGS; DELETE FROM shop.visit; FLUSH BINARY LOGS;",
    );
    fetch(&fixture, &server);
    let files = server.rows("SHOW BINARY LOGS");
    let newest = files.len() - 3;
    for row in &files[newest..] {
        let name = row[0].clone().unwrap();
        let (kept, on_disk) = (without_mark(events_of(&fixture, &name)), without_mark(written(&server, &name)));
        assert_eq!(format(&kept).timestamp, format(&on_disk).timestamp);
        // MariaDB adds to the newest file by itself.
        assert!(on_disk.starts_with(&kept), "{name}: {} events, {} on disk", kept.len(), on_disk.len());
        assert!(kept.len() == on_disk.len() || Some(row) == files.last());
    }
    verify_all(&fixture.open());
}

fn what_follows_is_fetched_once_and_without_a_hole(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    fetch(&fixture, &server);
    for round in 0..4 {
        assert!(fetch(&fixture, &server).is_empty(), "nothing has happened");
        server.script(format!("INSERT INTO shop.visit VALUES ({round}, 'x')"));
        if round % 2 == 1 {
            server.run("FLUSH BINARY LOGS");
        }
        assert_eq!(fetch(&fixture, &server).len(), 1);
    }
    let logs = stored(&fixture);
    for pair in logs.windows(2) {
        assert_eq!(pair[1].record.previous, Some(pair[0].id()));
        assert_eq!(pair[1].record.from, pair[0].record.to);
        assert_eq!(pair[1].record.stream, pair[0].record.stream);
    }
    let inserts: u64 = transactions(&fixture).iter().flat_map(|t| &t.tables).map(|table| table.inserted).sum();
    assert_eq!(inserts, 4);
    let closed = logs.iter().flat_map(|log| &log.record.files).filter(|file| file.is_closed);
    for name in closed.map(|file| &file.name) {
        assert!(without_mark(events_of(&fixture, name)) == without_mark(written(&server, name)), "{name}");
    }
}

fn changed(table: &str, [inserted, updated, deleted]: [u64; 3]) -> ChangedTable {
    ChangedTable { schema: "shop".to_owned(), table: table.to_owned(), inserted, updated, deleted }
}

fn transactions_say_what_they_changed(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    server.script(
        "USE shop; CREATE TABLE wide (a TINYINT, b SMALLINT, c MEDIUMINT, d INT, e BIGINT, f FLOAT, g DOUBLE, h DECIMAL(30,7),
             i DATE, j TIME(3), k DATETIME(6), l TIMESTAMP NULL, m YEAR, n CHAR(200), o VARCHAR(20), p VARCHAR(2000), q BLOB, r TINYBLOB,
             s LONGTEXT, t BIT(11), u ENUM('x','y'), v SET('a','b'), w JSON, z POINT) ENGINE=MyISAM;
         FLUSH BINARY LOGS;
         BEGIN; INSERT INTO visit VALUES (1, 'a'), (2, NULL), (3, 'c'); UPDATE visit SET note = 'd' WHERE id > 1; DELETE FROM visit WHERE id = 1; COMMIT;
         INSERT INTO wide VALUES (1,2,3,4,5,6,7,8.5,'2026-01-01','10:00:00.5','2026-01-01 10:00:00.123456','2026-01-01 10:00:00',2026,
             'n','o',REPEAT('p',999),REPEAT('q',60000),'r',REPEAT('s',300),b'101','y','a,b','{\"a\": 1}',POINT(1,2)), (NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,
             NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
         TRUNCATE TABLE wide;
         SET SESSION binlog_format = 'STATEMENT'; DELETE FROM visit WHERE id < 99;
         DROP TABLE wide;",
    );
    let saved = fetch(&fixture, &server);
    let found = transactions(&fixture);
    assert_eq!(found.len() as u64, saved[0].record.transactions);
    assert_eq!(found[0].tables, [changed("visit", [3, 2, 1])], "{found:?}");
    assert!(!found[0].flags.has(TransactionFlags::STATEMENTS));
    assert_eq!(found[1].tables, [changed("wide", [2, 0, 0])]);
    let texts: Vec<String> =
        found.iter().filter_map(|t| Some(String::from_utf8_lossy(&t.text.as_ref()?.0).to_lowercase())).collect();
    assert!(texts[0].contains("truncate"), "{texts:?}");
    assert!(texts[1].contains("delete from visit"), "{texts:?}");
    assert!(texts[2].contains("drop table"), "{texts:?}");
    assert_eq!(found[2].schema.as_deref(), Some("shop"));
    assert!(found[2].flags.has(TransactionFlags::DEFINITIONS) && found[4].flags.has(TransactionFlags::DEFINITIONS));
    assert!(found[3].flags.has(TransactionFlags::STATEMENTS));
    assert!(found.iter().all(|t| t.gtid.is_some() || version.is_mysql()));
    assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].begin && pair[0].time <= pair[1].time));
}

fn compressed_transactions_say_what_they_changed(version: Version) {
    let option = if version.is_mysql() { "--binlog-transaction-compression=ON" } else { "--log-bin-compress=ON" };
    let server = TestServer::of(version, &[LOGGED, &[option]].concat());
    let fixture = Fixture::new();
    server.script(
        "CREATE DATABASE shop; CREATE TABLE shop.visit (id INT PRIMARY KEY, note TEXT) ENGINE=InnoDB; FLUSH BINARY LOGS;
         INSERT INTO shop.visit VALUES (1, REPEAT('a', 5000)), (2, REPEAT('b', 5000)); UPDATE shop.visit SET note = REPEAT('c', 5000);
         SET SESSION binlog_format = 'STATEMENT'; BEGIN; INSERT INTO shop.visit VALUES (7, REPEAT('z', 10)); INSERT INTO shop.visit VALUES \
         (8, 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'); COMMIT;",
    );
    fetch(&fixture, &server);
    let found = transactions(&fixture);
    assert_eq!(found.len(), 3);
    assert_eq!(found[0].tables, [changed("visit", [2, 0, 0])]);
    assert_eq!(found[1].tables, [changed("visit", [0, 2, 0])]);
    assert!(found[2].text.as_ref().unwrap().0.starts_with(b"INSERT INTO shop.visit VALUES (7"));
}

fn a_server_without_a_log_and_an_account_without_rights_are_told(version: Version) {
    let fixture = Fixture::new();
    let off = TestServer::of(version, &[]);
    let found = archive(&fixture.open(), &off.address(), &WriterOptions::default(), &NullMonitor).unwrap();
    assert!(matches!(found, Archived::Off), "{found:?}");
    let server = logged(version);
    server.run("CREATE USER nobody");
    let mut address = server.address();
    address.credentials.user = "nobody".to_owned();
    let found = archive(&fixture.open(), &address, &WriterOptions::default(), &NullMonitor).unwrap();
    assert!(matches!(found, Archived::Hidden(_)), "{found:?}");
    assert!(stored(&fixture).is_empty());
}

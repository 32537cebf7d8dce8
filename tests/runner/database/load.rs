//! Restoring a database into a server: judged by what the servers show of both.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::ErrorKind;
use engine::database::TableName;
use engine::load::{Accounts, Check, Definer, Events, Existing, Images, LoadOptions, LoadOutcome, SchemaChoice, load};
use engine::monitor::{Monitor, NullMonitor, Work};
use engine::repository::Repository;
use engine::snapshots::Snapshot;
use scenario_tests::server::TestServer;

use super::save::save;
use crate::support::Fixture;

/// Tables with every kind of value and key, and objects of every kind that refer to each other.
const SHOP: &str = include_str!("shop.sql");

struct Saved {
    _fixture: Fixture,
    repository: Repository,
    snapshot: Snapshot,
}

fn saved(server: &TestServer, schemas: &[&str]) -> Saved {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, server, schemas);
    Saved { _fixture: fixture, repository, snapshot }
}

fn shop() -> (TestServer, Saved) {
    let server = TestServer::start(&[]);
    server.script(SHOP);
    server.script(b"USE shop; SET NAMES latin1; CREATE PROCEDURE umlaut() COMMENT 'latin' SELECT '\xe4\xf6'");
    let saved = saved(&server, &["shop"]);
    (server, saved)
}

impl Saved {
    fn load(&self, server: &TestServer, options: &LoadOptions) -> engine::Result<LoadOutcome> {
        load(&self.repository, &self.snapshot, &server.address(), options, &NullMonitor)
    }

    fn load_whole(&self, server: &TestServer, options: &LoadOptions) -> LoadOutcome {
        let outcome = self.load(server, options).unwrap();
        assert_eq!(outcome.problems, [], "nothing was lost");
        outcome
    }
}

/// Everything, and events as they were.
fn all() -> LoadOptions {
    LoadOptions { events: Events::AsSaved, check: Check::Digests, ..LoadOptions::default() }
}

fn as_schema(name: &str) -> LoadOptions {
    let schemas = vec![SchemaChoice { from: "shop".to_owned(), to: name.to_owned() }];
    LoadOptions { schemas, ..all() }
}

fn assert_same(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) {
    for (name, text) in a {
        assert_eq!(Some(text), b.get(name), "{name}");
    }
    assert_eq!(a.len(), b.len());
}

#[test]
fn another_server_has_the_same_afterwards() {
    let (server, saved) = shop();
    let other = TestServer::start(&["--sql-mode=TRADITIONAL", "--character-set-server=latin1"]);
    let outcome = saved.load_whole(&other, &all());
    assert!(outcome.checked_segments > 5 && outcome.rows > 3000, "{outcome:?}");
    assert_same(&server.fingerprint("shop"), &other.fingerprint("shop"));
}

#[test]
fn without_local_infile_rows_are_inserted() {
    let (server, saved) = shop();
    let other = TestServer::start(&["--local-infile=0"]);
    saved.load_whole(&other, &all());
    assert_same(&server.fingerprint("shop"), &other.fingerprint("shop"));
}

#[test]
fn what_holds_anything_is_left_alone() {
    let (server, saved) = shop();
    let before = server.fingerprint("shop");
    let error = saved.load(&server, &all()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotEmpty);
    assert!(error.to_string().contains("`shop` is not empty: it has"), "{error}");
    assert_same(&before, &server.fingerprint("shop"));
}

#[test]
fn under_another_name_nothing_works_on_the_old_one() {
    let (server, saved) = shop();
    saved.load_whole(&server, &as_schema("copy"));
    server.run("DELETE FROM copy.item");
    assert_eq!(server.value("SELECT copy.qualified()").as_deref(), Some("0"), "it names its own schema");
    assert_ne!(server.value("SELECT shop.qualified()").as_deref(), Some("0"));
    let sequence = server.value("SELECT COLUMN_DEFAULT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='copy' AND TABLE_NAME='ticket' AND COLUMN_NAME='id'");
    assert_eq!(sequence.unwrap(), "nextval(`copy`.`numbers`)");
}

#[test]
fn one_table_comes_with_its_triggers_alone() {
    let (server, saved) = shop();
    let tables = vec![TableName::new("shop", "item")];
    let outcome = saved.load_whole(&server, &LoadOptions { tables, ..as_schema("one") });
    assert_eq!(outcome.tables.len(), 1);
    let found: Vec<String> = server.fingerprint("one").into_keys().collect();
    assert_eq!(found, ["DATABASE", "TABLE item", "TRIGGER item_ai", "TRIGGER item_bi"]);
}

#[test]
fn events_come_back_disabled_and_triggers_do_not_fire() {
    let (_, saved) = shop();
    let other = TestServer::start(&["--event-scheduler=ON"]);
    saved.load_whole(&other, &LoadOptions { definer: Definer::Current, ..LoadOptions::default() });
    let states = other.rows("SELECT STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'shop'");
    assert!(!states.is_empty() && states.iter().all(|row| row[0].as_deref() == Some("DISABLED")), "{states:?}");
    assert_eq!(other.value("SELECT COUNT(*) FROM shop.log").as_deref(), Some("2"), "as it was saved");
}

#[test]
fn what_is_there_is_replaced_and_kept() {
    let (server, saved) = shop();
    let at_backup = server.fingerprint("shop");
    server.script(
        "USE shop; DELETE FROM item WHERE id > 10; DROP VIEW a_view; CREATE VIEW newer AS SELECT 1 AS one;
         CREATE TABLE later (a INT PRIMARY KEY); INSERT INTO later VALUES (5);",
    );
    let changed = server.fingerprint("shop");
    let outcome = saved.load_whole(&server, &LoadOptions { existing: Existing::Swap, ..all() });
    assert_same(&at_backup, &server.fingerprint("shop"));
    let kept = &outcome.former[0].to;
    assert!(kept.starts_with("shop__before_2"), "{kept}");
    let former = server.fingerprint(kept);
    let names = |found: &BTreeMap<String, String>| found.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&changed), names(&former));
    for table in ["item", "later", "line"] {
        let checksum = |found: &BTreeMap<String, String>| found[&format!("TABLE {table}")].replace(kept, "shop");
        assert_eq!(checksum(&changed), checksum(&former), "{table}");
    }
    assert_eq!(server.value("SHOW DATABASES LIKE 'shop\\_\\_restoring'"), None);
}

#[test]
fn one_table_is_replaced_among_others() {
    let (server, saved) = shop();
    let before = server.fingerprint("shop");
    server.run("UPDATE shop.values_of_all_types SET t = 'changed'");
    let one = |name: &str| vec![TableName::new("shop", name)];
    let options = |name| LoadOptions { tables: one(name), existing: Existing::Swap, ..all() };
    let outcome = saved.load_whole(&server, &options("values_of_all_types"));
    assert_same(&before, &server.fingerprint("shop"));
    let kept = &outcome.former[0].to;
    let sql = format!("SELECT COUNT(*) FROM `{kept}`.values_of_all_types WHERE t = 'changed'");
    assert_ne!(server.value(&sql).as_deref(), Some("0"));
    let error = saved.load(&server, &options("item")).unwrap_err();
    assert!(error.to_string().contains("a foreign key of `shop`.`line`, which stays"), "{error}");
    assert_same(&before, &server.fingerprint("shop"));
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
fn an_interrupted_load_goes_on() {
    let (server, saved) = shop();
    let other = TestServer::start(&[]);
    for tables in [1, 2, 3] {
        let stops = StopsAfter(tables, AtomicU64::new(0));
        let result = load(&saved.repository, &saved.snapshot, &other.address(), &all(), &stops);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    }
    let another = self::saved(&server, &["shop"]);
    let error = another.load(&other, &all()).unwrap_err();
    assert!(error.to_string().contains("DROP DATABASE `shop`"), "{error}");
    let outcome = saved.load_whole(&other, &all());
    assert!(outcome.resumed_tables >= 3, "{}", outcome.resumed_tables);
    assert_same(&server.fingerprint("shop"), &other.fingerprint("shop"));
}

/// Remembers what a load is busy with.
#[derive(Default)]
struct Busy(Mutex<Vec<Option<String>>>);

impl Monitor for Busy {
    fn busy_with(&self, what: Option<&str>) {
        self.0.lock().unwrap().push(what.map(str::to_owned));
    }
}

#[test]
fn the_keys_of_a_large_table_are_told_while_they_are_built() {
    let server = TestServer::start(&[]);
    server.script(
        "CREATE DATABASE shop; USE shop; CREATE TABLE small (a INT PRIMARY KEY, b INT, KEY (b)); INSERT INTO small VALUES (1, 1);
         CREATE TABLE large (a INT PRIMARY KEY, b CHAR(250) NOT NULL, KEY (b)) ENGINE=MyISAM;
         INSERT INTO large SELECT seq, SHA2(seq, 512) FROM seq_1_to_80000;",
    );
    let saved = saved(&server, &["shop"]);
    let (other, busy) = (TestServer::start(&[]), Busy::default());
    load(&saved.repository, &saved.snapshot, &other.address(), &all(), &busy).unwrap();
    assert_eq!(busy.0.into_inner().unwrap(), [Some("building the keys of large".to_owned()), None]);
    assert_eq!(other.value("SELECT COUNT(*) FROM shop.large").as_deref(), Some("80000"));
}

#[test]
fn names_that_are_the_same_to_the_target_are_refused() {
    let server = TestServer::start(&[]);
    server.script("CREATE DATABASE shop; USE shop; CREATE TABLE a (i INT); CREATE TABLE A (i INT); CREATE TABLE Bc (i INT PRIMARY KEY); INSERT INTO Bc VALUES (1)");
    let saved = saved(&server, &["shop"]);
    let other = TestServer::start(&["--lower-case-table-names=1"]);
    let error = saved.load(&other, &all()).unwrap_err();
    assert!(error.to_string().contains("`A` and `a` are the same on this server"), "{error}");
    let tables = vec![TableName::new("shop", "Bc")];
    saved.load_whole(&other, &LoadOptions { tables, ..all() });
    assert_eq!(other.value("SELECT i FROM shop.bc").as_deref(), Some("1"));
}

#[test]
fn views_are_made_in_any_order_and_invalid_ones_are_named() {
    let server = TestServer::start(&[]);
    server.script(
        "CREATE DATABASE shop; USE shop; CREATE TABLE t (a INT PRIMARY KEY); CREATE TABLE gone (a INT);
         CREATE VIEW z AS SELECT a FROM t; CREATE VIEW m AS SELECT a FROM z; CREATE VIEW b AS SELECT a FROM m;
         CREATE FUNCTION f() RETURNS INT RETURN (SELECT MAX(a) FROM b); CREATE VIEW a AS SELECT f() FROM b;
         CREATE VIEW broken AS SELECT a FROM gone; DROP TABLE gone;",
    );
    let saved = saved(&server, &["shop"]);
    let other = TestServer::start(&[]);
    let outcome = saved.load(&other, &all()).unwrap();
    assert_eq!(outcome.problem_count, 1, "{:?}", outcome.problems);
    assert_eq!(outcome.problems[0].path.0, b"shop.broken");
    assert_eq!(outcome.objects, 5);
}

#[test]
fn text_that_is_not_well_formed_is_named() {
    let server = TestServer::start(&[]);
    server.script("CREATE DATABASE shop; USE shop; CREATE TABLE t (a INT PRIMARY KEY, b VARBINARY(9)); INSERT INTO t VALUES (1, X'41FF42'), (2, 'ok')");
    let mut saved = saved(&server, &["shop"]);
    // Values that a MyISAM table may hold: the same bytes as text.
    server.run("ALTER TABLE shop.t MODIFY b VARBINARY(9)");
    server.script("USE shop; SET sql_mode=''; CREATE TABLE u (a INT PRIMARY KEY, b VARCHAR(9) CHARACTER SET utf8mb4) ENGINE=MyISAM; INSERT INTO u VALUES (1, 'xxx'), (2, 'ok'); FLUSH TABLES");
    let path = server.data_folder().join("shop/u.MYD");
    let bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(3).position(|three| three == b"xxx").unwrap();
    let mut broken = bytes;
    broken[at + 1] = 0xff;
    std::fs::write(&path, broken).unwrap();
    saved.snapshot = save(&saved._fixture, &saved.repository, &server, &["shop"]);
    let other = TestServer::start(&[]);
    let outcome = saved.load(&other, &all()).unwrap();
    let messages: Vec<&str> = outcome.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert!(messages[0].contains("Incorrect string value") && messages[0].contains("`u`.`b`"), "{messages:?}");
    assert!(messages[1].contains("read again, it is not as it was"), "{messages:?}");
}

#[test]
fn a_copy_points_at_no_live_images() {
    let server = TestServer::start(&[]);
    server.script(
        "CREATE DATABASE shop CHARACTER SET latin1; USE shop;
         CREATE TABLE preference (PrefName VARCHAR(255) PRIMARY KEY, ValueString TEXT) ENGINE=MyISAM;
         INSERT INTO preference VALUES ('DocPath', '/live/images'), ('Other', 'x');
         CREATE TABLE document (DocNum INT PRIMARY KEY, PatNum INT, FileName VARCHAR(255), DateCreated DATETIME, ImgType INT) ENGINE=MyISAM;
         CREATE TABLE patient (PatNum INT PRIMARY KEY, ImageFolder VARCHAR(255), LName VARCHAR(99), FName VARCHAR(99));",
    );
    let saved = saved(&server, &["shop"]);
    let path = |server: &TestServer, schema: &str| {
        server.value(&format!("SELECT ValueString FROM {schema}.preference WHERE PrefName = 'DocPath'")).unwrap()
    };
    let is_known = engine::profile::of_schema(&[]).is_none();
    assert!(is_known);
    saved.load_whole(&server, &as_schema("copy"));
    assert_eq!(path(&server, "copy"), "");
    saved.load_whole(&server, &LoadOptions { images: Images::At("/spare".to_owned()), ..as_schema("spare") });
    assert_eq!(path(&server, "spare"), "/spare");
    saved.load_whole(&server, &LoadOptions { images: Images::Keep, ..as_schema("kept") });
    assert_eq!(path(&server, "kept"), "/live/images");
    saved.load_whole(&server, &LoadOptions { existing: Existing::Swap, ..all() });
    assert_eq!(path(&server, "shop"), "/live/images", "at home it is no copy");
    let other = TestServer::start(&[]);
    saved.load_whole(&other, &all());
    assert_eq!(path(&other, "shop"), "");
}

#[test]
fn a_dry_run_says_what_would_be_and_does_nothing() {
    let (_, saved) = shop();
    let other = TestServer::start(&[]);
    let outcome = saved.load_whole(&other, &LoadOptions { dry_run: true, ..all() });
    assert!(outcome.tables.iter().any(|table| table.table == "item" && table.rows == 3000), "{:?}", outcome.tables);
    assert_eq!(other.value("SHOW DATABASES LIKE 'shop'"), None);
}

#[test]
fn what_cannot_be_kept_as_it_was_is_kept_as_text() {
    let (server, saved) = shop();
    server.script("USE shop; CREATE TABLE gone (a INT); CREATE VIEW broken AS SELECT a FROM gone; DROP TABLE gone");
    let outcome = saved.load(&server, &LoadOptions { existing: Existing::Swap, ..all() }).unwrap();
    let kept = &outcome.former[0].to;
    assert_eq!(outcome.problem_count, 1, "{:?}", outcome.problems);
    let text = server.value(&format!("SELECT definition FROM `{kept}`.enamel_definitions WHERE name = 'broken'"));
    assert!(text.unwrap().contains("VIEW `broken` AS"));
    assert_eq!(server.value("SELECT COUNT(*) FROM shop.a_view").as_deref(), Some("0"), "it is valid");
    let views = "SELECT COUNT(*) FROM information_schema.VIEWS WHERE TABLE_SCHEMA =";
    assert_eq!(server.value(&format!("{views} '{kept}'")).as_deref(), Some("2"));
}

#[test]
fn a_swap_that_was_interrupted_is_finished() {
    let (server, saved) = shop();
    let before = server.fingerprint("shop");
    let swap = LoadOptions { existing: Existing::Swap, ..all() };
    let tables = before.keys().filter(|name| name.starts_with("TABLE ")).count() as u64;
    let stops = StopsAfter(tables, AtomicU64::new(0));
    let result = load(&saved.repository, &saved.snapshot, &server.address(), &swap, &stops);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_same(&before, &server.fingerprint("shop"));
    // As if the machine had failed just after the tables were renamed.
    server.script(
        "ALTER TABLE shop__restoring.line ADD CONSTRAINT line_item FOREIGN KEY (item)
           REFERENCES shop__restoring.item (id) ON DELETE CASCADE;
         CREATE DATABASE shop__before_then CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
         INSERT INTO shop__restoring.enamel_restore VALUES ('swap', 'shop__before_then');
         DROP TRIGGER shop.item_bi; DROP TRIGGER shop.item_ai;",
    );
    let list = |schema: &str| {
        let sql = format!(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{schema}' \
             AND TABLE_TYPE <> 'VIEW' AND TABLE_NAME <> 'enamel_restore'"
        );
        server.rows(&sql).into_iter().map(|row| row[0].clone().unwrap().replace('`', "``")).collect::<Vec<_>>()
    };
    let moved = |from: &str, to: &str| {
        let one = |name: String| format!("`{from}`.`{name}` TO `{to}`.`{name}`");
        list(from).into_iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let (kept, placed) = (moved("shop", "shop__before_then"), moved("shop__restoring", "shop"));
    server.run(&format!("RENAME TABLE {kept}, {placed}"));
    let outcome = saved.load_whole(&server, &swap);
    assert_eq!(outcome.former[0].to, "shop__before_then");
    assert_same(&before, &server.fingerprint("shop"));
    assert!(server.fingerprint("shop__before_then").contains_key("VIEW a_view"));
}

#[test]
fn accounts_come_back_and_those_that_are_there_stay() {
    let server = TestServer::start(&[]);
    server.script("CREATE DATABASE shop; CREATE TABLE shop.t (a INT PRIMARY KEY)");
    server.run("CREATE ROLE readers");
    server.run("GRANT SELECT ON shop.* TO readers");
    server.run("CREATE USER 'clerk'@'%' IDENTIFIED BY 'new'");
    server.run("GRANT readers TO 'clerk'@'%'");
    server.run("CREATE USER 'boss'@'%' IDENTIFIED BY 'new'");
    server.run("GRANT ALL ON *.* TO 'boss'@'%'");
    let saved = saved(&server, &["shop"]);
    let other = TestServer::start(&[]);
    other.run("CREATE USER 'boss'@'%' IDENTIFIED BY 'old'");
    let before = other.rows("SHOW GRANTS FOR 'boss'@'%'");
    saved.load_whole(&other, &LoadOptions { accounts: Accounts::Make, ..all() });
    assert_eq!(other.rows("SHOW GRANTS FOR 'boss'@'%'"), before);
    let clerk = other.rows("SHOW GRANTS FOR 'clerk'@'%'");
    assert_eq!(clerk[0][0].as_deref(), Some("GRANT `readers` TO `clerk`@`%`"));
}

#[test]
fn rows_may_be_larger_than_a_packet() {
    let server = TestServer::start(&["--max-allowed-packet=64M"]);
    server.script(
        "CREATE DATABASE shop; USE shop; CREATE TABLE t (a INT PRIMARY KEY, b LONGBLOB, c INT, KEY c (c));
         INSERT INTO t SELECT seq, REPEAT(CONCAT('\\\\', CHAR(0), 'abc', seq), 1500000), seq FROM seq_1_to_3",
    );
    let saved = saved(&server, &["shop"]);
    let small = TestServer::start(&["--max-allowed-packet=1M"]);
    saved.load_whole(&small, &LoadOptions { check: Check::Counts, ..all() });
    assert_same(&server.fingerprint("shop"), &small.fingerprint("shop"));
    let inserting = TestServer::start(&["--max-allowed-packet=1M", "--local-infile=0"]);
    let outcome = saved.load(&inserting, &all()).unwrap();
    assert!(outcome.problems[0].message.contains("max_allowed_packet is 1048576: raise it"), "{:?}", outcome.problems);
    assert!(inserting.value("SELECT COUNT(*) FROM shop.enamel_restore").is_some(), "it can be tried again");
    inserting.run("SET GLOBAL max_allowed_packet=67108864");
    saved.load_whole(&inserting, &LoadOptions { check: Check::Counts, ..all() });
    assert_same(&server.fingerprint("shop"), &inserting.fingerprint("shop"));
}

/// Panics in the thread that has stored the first rows, and counts how often others go on.
struct Panics(AtomicU64);

impl Monitor for Panics {
    fn advance(&self, _done: Work) {
        // Without a message: looking up names for one takes longer than the other threads need.
        if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
            std::panic::resume_unwind(Box::new("planted"));
        }
    }
}

#[test]
fn a_thread_that_panics_ends_the_load() {
    let server = TestServer::start(&[]);
    server.run("CREATE DATABASE shop");
    for number in 0..60 {
        server.run(&format!("CREATE TABLE shop.t{number} (a INT PRIMARY KEY) SELECT {number} AS a"));
    }
    let saved = saved(&server, &["shop"]);
    let options = LoadOptions {
        schemas: vec![SchemaChoice { from: "shop".to_owned(), to: "copy".to_owned() }],
        ..LoadOptions::default()
    };
    let monitor = Panics(AtomicU64::new(0));
    let loaded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        load(&saved.repository, &saved.snapshot, &server.address(), &options, &monitor)
    }));
    assert!(loaded.is_err(), "the panic comes through");
    assert!(monitor.0.into_inner() < 60, "the other threads stop");
}

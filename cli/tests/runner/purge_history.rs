//! `enamel purge history`, `purge release` and `restore --purged`, as a user runs them.

use engine::monitor::NullMonitor;
use engine::session::{WriterOptions, WriterSession};
use engine::snapshots::{Selector, select};
use engine::upkeep::receipt::{KeyRange, Left, PurgePhase, PurgedTable, ReceiptRecord, ReceiptSource, find, kept, put};
use repo_format::cbor::ByteString;
use repo_format::id::{Bytes32, PurgeId};
use scenario_tests::server::TestServer;

use crate::harness::Machine;

const TABLES: &str = "CREATE DATABASE od;
    CREATE TABLE od.log (id INT PRIMARY KEY, note VARCHAR(20)) ENGINE=MyISAM;
    INSERT INTO od.log VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e')";

/// A saved database, whose rows 2 to 4 were purged. Gives the receipt.
fn purged() -> (Machine, TestServer, String) {
    let (machine, server) = (Machine::with_repository(), TestServer::start(&[]));
    server.script(TABLES);
    machine.run(["backup", "--database", &server.url(), "--schema", "od"]).expect(0);
    let repository = machine.open();
    let snapshot = select(&repository, &Selector::Latest { tag: None, until: None }).unwrap().snapshot;
    let range = KeyRange { first: ByteString(b"2".to_vec()), last: ByteString(b"4".to_vec()) };
    let record = ReceiptRecord {
        purge: PurgeId([5; 16]),
        phase: PurgePhase::Ended,
        operator: "ada\x1b[2J".into(),
        host: "office".into(),
        reason: "the log is full".into(),
        plan: Bytes32([1; 32]),
        cutoff: "before 2010-01-01 00:00".into(),
        snapshot: snapshot.id,
        server: "identity".into(),
        started: 1_700_000_000,
        ended: Some(1_700_000_060),
        tables: vec![PurgedTable {
            schema: "od".into(),
            table: "log".into(),
            category: "securitylog".into(),
            ranges: vec![range],
            rows: 3,
            first_date: Some("2001-02-03".into()),
            last_date: None,
            left: vec![Left { rows: 7, why: "changed since".into() }],
        }],
        files: None,
    };
    let root = snapshot.manifest.roots[0].name.0.clone();
    let source = ReceiptSource { snapshot: &snapshot, root: &root, folder: None };
    let options = WriterOptions { host: "this".into(), program: "tests".into(), ..WriterOptions::default() };
    let session = WriterSession::begin(&repository, &options, &NullMonitor).unwrap();
    let id = put(session, &source, &record, &NullMonitor).unwrap();
    server.run("DELETE FROM od.log WHERE id BETWEEN 2 AND 4");
    (machine, server, id.to_string())
}

#[test]
fn where_nothing_was_purged_history_says_so() {
    let machine = Machine::with_snapshot();
    machine.run(["purge", "history"]).expect(0).prints("nothing was removed");
    assert!(machine.run(["--json", "purge", "history"]).expect(0).messages().is_empty());
    machine.run(["purge", "release", "3f"]).expect(1).says("no receipt 3f").says("`enamel purge history`");
    machine
        .run(["restore", "--purged", "3f", "--to-database", "mysql://root@127.0.0.1:1"])
        .expect(1)
        .says("no receipt")
        .says("`enamel purge history`");
}

#[test]
fn history_is_a_table_lines_and_a_page_for_an_auditor() {
    let (machine, _server, id) = purged();
    let answer = machine.run(["purge", "history"]).expect(0).prints(&id[..8]).prints("ended").prints("od.log");
    assert!(!answer.out.contains('\x1b'), "{}", answer.out);
    let purge = machine.run(["--json", "purge", "history"]).expect(0).last("purge");
    assert_eq!((&purge["receipt"], &purge["rows"]), (&id.clone().into(), &3.into()));
    assert_eq!(purge["tables"][0]["left"][0]["why"], "changed since");
    machine.run(["purge", "history", "--report", "page.txt"]).expect(0);
    let page = std::fs::read_to_string(machine.path("page.txt")).unwrap();
    let expected = [
        "office",
        "the log is full",
        "2023-11-14T22:13:20",
        "od.log (securitylog)",
        "2 to 4",
        "2001-02-03 to unknown",
        "7 rows: changed since",
        "5 rows, keys 1 to 5",
        "enamel verify --read-data",
        &id,
        &machine.arg("repo"),
    ];
    for text in expected {
        assert!(page.contains(text), "`{text}` is not in\n{page}");
    }
    assert!(!page.contains('\x1b'));
    let repository = machine.open();
    repository.sync_catalog(&NullMonitor).unwrap();
    let tables = kept(&repository, find(&repository, &id).unwrap().receipt().unwrap()).unwrap();
    assert!(page.contains(&tables[0].segments[0].digest.to_string()), "{page}");
    machine.run(["purge", "history", "--report", "page.txt"]).expect(2).says("page.txt");
}

#[test]
fn purged_rows_come_back_into_their_table_and_into_another() {
    let (machine, server, id) = purged();
    let (url, rows) = (server.url(), "SELECT COUNT(*) FROM od.log");
    let restore = ["restore", "--purged", &id[..8], "--to-database", &url];
    let other = [&restore[..], &["--table", "od.log=audit.kept"]].concat();
    machine.run(&other).expect(0).prints("audit.kept  3 rows");
    assert_eq!(server.value("SELECT GROUP_CONCAT(note ORDER BY id) FROM audit.kept").unwrap(), "b,c,d");
    machine.run([&restore[..], &["--dry-run"]].concat()).expect(0).prints("dry run");
    assert_eq!(server.value(rows).unwrap(), "2");
    server.run("INSERT INTO od.log VALUES (3, 'new')");
    machine.run(restore).expect(0).prints("od.log  2 rows; 1 stayed out");
    assert_eq!(server.value("SELECT GROUP_CONCAT(note ORDER BY id) FROM od.log").unwrap(), "a,b,new,d,e");
    let again = machine.run([&["--json"], &restore[..]].concat()).expect(0).last("summary");
    assert_eq!((&again["restored_rows"], &again["rows_there"]), (&0.into(), &3.into()));
    server.run("CREATE TRIGGER od.audit AFTER INSERT ON od.log FOR EACH ROW SET @new = 1");
    machine.run(restore).expect(1).says("`audit`").says("into another table");
    server.run("DROP TRIGGER od.audit");
    machine.run([&restore[..], &["--table", "od.gone"]].concat()).expect(1).says("no table `od`.`gone`");
    machine.run([&restore[..], &["--overwrite"]].concat()).expect(2).says("cannot be used with");
    machine.run([&["restore", "latest"], &restore[1..]].concat()).expect(2).says("cannot be used with");
    machine.run(["restore", "latest", "--to-database", &url, "--table", "od.log=od.x"]).expect(2).says("--schema");
}

#[test]
fn a_receipt_outlives_its_snapshot_until_it_is_released_with_a_reason() {
    let (machine, server, id) = purged();
    machine.run(["forget", "latest", "--prune"]).expect(0);
    machine.run(["verify", "--read-data"]).expect(0);
    machine.run(["restore", "--purged", &id, "--to-database", &server.url()]).expect(0).prints("3 rows");
    machine.run(["purge", "release", &id]).expect(1).says("must be kept until 2029-11-14").says("--early");
    machine.run(["purge", "release", &id, "--early", "asked by the county"]).expect(0).prints("3 rows");
    let released = machine.run(["--json", "purge", "history"]).expect(0).last("release");
    assert_eq!((&released["reason"], &released["user"]), (&"asked by the county".into(), &"tester".into()));
    machine.run(["purge", "history"]).expect(0).prints("released");
    machine.run(["purge", "release", &id]).expect(1).says("no receipt");
    machine.run(["prune"]).expect(0);
    machine.run(["verify", "--read-data"]).expect(0);
}

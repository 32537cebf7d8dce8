//! Receipts of purges: rows that were removed from a live database stay in the repository, and come back.

use engine::ErrorKind;
use engine::database::{Address, Credentials, TableName};
use engine::load::{PurgedChoice, PurgedOptions, RestoredTable, restore_purged};
use engine::monitor::NullMonitor;
use engine::repository::{Author, Repository};
use engine::session::{WriterOptions, WriterSession};
use engine::snapshots::Snapshot;
use engine::upkeep::forget::{forget, plan_named};
use engine::upkeep::prune::{PruneOptions, plan};
use engine::upkeep::receipt::{
    KeyRange, Left, PurgePhase, PurgedTable, ReceiptRecord, ReceiptSource, Release, find, history, kept, note_release,
    put, release_time, superseded,
};
use engine::upkeep::verify::{Depth, VerifyOptions, verify};
use repo_format::cbor::ByteString;
use repo_format::id::{Bytes32, LeaseId, PurgeId};
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::save::{save, source, try_save};
use crate::support::Fixture;

/// Enough rows for several segments.
const ROWS: u32 = 20_000;
const TABLES: &str = "
    CREATE DATABASE od; USE od;
    CREATE TABLE od.log (id INT PRIMARY KEY AUTO_INCREMENT, at DATETIME NOT NULL, note VARCHAR(200)) ENGINE=MyISAM;
    CREATE TABLE od.hash (log INT, part VARCHAR(5), h VARCHAR(40), PRIMARY KEY (log, part)) ENGINE=InnoDB;
    CREATE TABLE od.other (id INT PRIMARY KEY) ENGINE=InnoDB;
    INSERT INTO od.log SELECT seq, '2001-01-01' + INTERVAL seq HOUR, CONCAT('tab\\tand ', REPEAT(SHA1(seq), 4)) FROM seq_1_to_20000;
    INSERT INTO od.hash SELECT seq, 'a\\tb', SHA1(seq) FROM seq_1_to_20000;
    INSERT INTO od.other VALUES (1)";

struct Scene {
    server: TestServer,
    repository: Repository,
    snapshot: Snapshot,
    _fixture: Fixture,
}

fn scene() -> Scene {
    let server = TestServer::start(&[]);
    server.script(TABLES);
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["od"]);
    Scene { server, repository, snapshot, _fixture: fixture }
}

fn range(first: &str, last: &str) -> KeyRange {
    KeyRange { first: ByteString(first.into()), last: ByteString(last.into()) }
}

fn table(name: &str, ranges: Vec<KeyRange>, rows: u64) -> PurgedTable {
    PurgedTable {
        schema: "od".into(),
        table: name.into(),
        category: "log".into(),
        ranges,
        rows,
        first_date: Some("2001-01-01 01:00:00".into()),
        last_date: None,
        left: vec![Left { rows: 1, why: "changed since".into() }],
    }
}

impl Scene {
    /// Rows 101 to 200 and 15,000 of the log; hashes of 7.
    fn record(&self, phase: PurgePhase) -> ReceiptRecord {
        let log = table("log", vec![range("101", "200"), range("15000", "15000")], 101);
        ReceiptRecord {
            purge: PurgeId([5; 16]),
            phase,
            operator: "ada".into(),
            host: "office".into(),
            reason: "the log is full".into(),
            plan: Bytes32([1; 32]),
            cutoff: "before 2010-01-01 00:00".into(),
            snapshot: self.snapshot.id,
            server: "identity".into(),
            started: 1_700_000_000,
            ended: (phase == PurgePhase::Ended).then_some(1_700_000_060),
            tables: vec![log, table("hash", vec![range("7\ta\\tb", "7\ta\\tb")], 1)],
            files: None,
        }
    }

    fn put(&self, record: &ReceiptRecord) -> engine::Result<LeaseId> {
        let root = self.snapshot.manifest.roots[0].name.0.clone();
        let source = ReceiptSource { snapshot: &self.snapshot, root: &root, folder: None };
        let options = WriterOptions { host: "this".into(), program: "tests".into(), ..WriterOptions::default() };
        let session = WriterSession::begin(&self.repository, &options, &NullMonitor).unwrap();
        put(session, &source, record, &NullMonitor)
    }

    /// Removes what [`Scene::record`] names.
    fn purge(&self) {
        self.server.run("DELETE FROM od.log WHERE id BETWEEN 101 AND 200 OR id = 15000");
        self.server.run("DELETE FROM od.hash WHERE log = 7");
    }

    fn restore(&self, id: LeaseId, server: &TestServer, options: &PurgedOptions) -> Vec<RestoredTable> {
        let purge = find(&self.repository, &id.to_string()).unwrap();
        let manifest = &purge.receipt().unwrap().manifest;
        restore_purged(&self.repository, manifest, &server.address(), options, &NullMonitor).unwrap()
    }

    fn verify(&self) {
        let report = verify(&self.repository, &VerifyOptions { depth: Depth::ReadData }, &NullMonitor).unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
    }

    fn forget_and_prune(&self) {
        let author = Author::default();
        let going = plan_named(&self.repository, &[self.snapshot.id], &NullMonitor).unwrap().going();
        forget(&self.repository, &going, &author, &NullMonitor).unwrap();
        let options = PruneOptions {
            this_host: "this",
            process: &engine::machine::process,
            max_unused: 0,
            max_rewrite: u64::MAX,
        };
        plan(&self.repository, &options, &NullMonitor).unwrap().run(&NullMonitor).unwrap();
    }
}

fn counts(restored: &[RestoredTable]) -> Vec<(u64, u64, u64)> {
    assert!(restored.iter().all(|table| table.problems.is_empty()), "{restored:?}");
    restored.iter().map(|table| (table.rows, table.restored, table.there)).collect()
}

#[test]
fn a_table_that_lost_many_rows_is_named_unless_a_purge_removed_them() {
    let scene = scene();
    let shrunken = || {
        let outcome = try_save(&scene.repository, source(&scene.server, &["od"])).unwrap();
        let figures = &outcome.databases[0].shrunken;
        let counted = outcome.statistics.signals.unwrap().shrunken_tables;
        assert_eq!(counted, (!figures.is_empty()).then_some(figures.len() as u64));
        figures.clone()
    };
    scene.server.run("DELETE FROM od.log WHERE id > 15000");
    assert_eq!(shrunken(), ["od.log"]);
    assert_eq!(shrunken(), [""; 0]);

    scene.put(&scene.record(PurgePhase::Begun)).unwrap();
    scene.server.run("DELETE FROM od.log WHERE id > 10000");
    assert_eq!(shrunken(), [""; 0]);

    scene.put(&scene.record(PurgePhase::Ended)).unwrap();
    assert_eq!(shrunken(), [""; 0]);
    scene.server.run("DROP TABLE od.log, od.other");
    assert_eq!(shrunken(), ["od.log"], "the other table was small");
}

#[test]
fn exactly_the_purged_rows_outlive_their_snapshot_and_come_back() {
    let scene = scene();
    let before = scene.server.fingerprint("od");
    let id = scene.put(&scene.record(PurgePhase::Begun)).unwrap();
    scene.purge();
    scene.verify();
    scene.forget_and_prune();
    scene.verify();
    let dry = PurgedOptions { dry_run: true, ..PurgedOptions::default() };
    assert_eq!(counts(&scene.restore(id, &scene.server, &dry)), [(101, 101, 0), (1, 1, 0)]);
    assert_ne!(scene.server.fingerprint("od"), before);
    let restored = scene.restore(id, &scene.server, &PurgedOptions::default());
    assert_eq!(counts(&restored), [(101, 101, 0), (1, 1, 0)]);
    assert_eq!(scene.server.fingerprint("od"), before);
}

#[test]
fn a_receipt_stores_no_rows_again_and_only_segments_with_purged_rows() {
    let scene = scene();
    let data = |scene: &Scene| scene.repository.list_packs().unwrap().values().sum::<u64>();
    let before = data(&scene);
    let id = scene.put(&scene.record(PurgePhase::Begun)).unwrap();
    assert!(data(&scene) - before < 100_000, "only nodes and the record are new");
    let purge = find(&scene.repository, &id.to_string()[..9]).unwrap();
    let tables = kept(&scene.repository, purge.receipt().unwrap()).unwrap();
    let names: Vec<_> = tables.iter().map(|kept| kept.table.as_str()).collect();
    assert_eq!(names, ["hash", "log"]);
    let rows: u64 = tables[1].segments.iter().map(|segment| segment.rows).sum();
    assert!(rows >= 101 && rows < u64::from(ROWS), "{rows}");
}

#[test]
fn rows_whose_key_is_there_are_left_and_counted() {
    for options in [&[][..], &["--local-infile=0"]] {
        let scene = scene();
        let id = scene.put(&scene.record(PurgePhase::Begun)).unwrap();
        scene.purge();
        let server = if options.is_empty() {
            &scene.server
        } else {
            &{
                let other = TestServer::start(options);
                other.script(TABLES);
                other.run("DELETE FROM od.log WHERE id BETWEEN 101 AND 200 OR id = 15000");
                other.run("DELETE FROM od.hash WHERE log = 7");
                other
            }
        };
        server.run("INSERT INTO od.log VALUES (150, '2026-01-01', 'new')");
        let restored = scene.restore(id, server, &PurgedOptions::default());
        assert_eq!(counts(&restored), [(101, 100, 1), (1, 1, 0)]);
        assert_eq!(server.value("SELECT note FROM od.log WHERE id = 150").unwrap(), "new");
        let again = scene.restore(id, server, &PurgedOptions::default());
        assert_eq!(counts(&again), [(101, 0, 101), (1, 0, 1)]);
        assert_eq!(server.value("SELECT COUNT(*) FROM od.log").unwrap(), ROWS.to_string());
    }
}

#[test]
fn they_go_into_another_table_which_is_made_as_it_was() {
    let scene = scene();
    let id = scene.put(&scene.record(PurgePhase::Begun)).unwrap();
    let pair = |schema: &str, table: &str| TableName::new(schema, table);
    let choice = PurgedChoice { from: pair("od", "log"), to: pair("audit", "old log") };
    let options = PurgedOptions { tables: vec![choice], ..PurgedOptions::default() };
    assert_eq!(counts(&scene.restore(id, &scene.server, &options)), [(101, 101, 0)]);
    let same = "SELECT COUNT(*) FROM audit.`old log` a JOIN od.log b USING (id, at, note)";
    assert_eq!(scene.server.value(same).unwrap(), "101");
    assert_eq!(scene.server.value("SELECT COUNT(*) FROM audit.`old log`").unwrap(), "101");
    let wrong = PurgedChoice { from: pair("od", "other"), to: pair("od", "x") };
    let options = PurgedOptions { tables: vec![wrong], ..PurgedOptions::default() };
    let manifest = find(&scene.repository, &id.to_string()).unwrap().receipt().unwrap().manifest.clone();
    let error =
        restore_purged(&scene.repository, &manifest, &scene.server.address(), &options, &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let error =
        restore_purged(&scene.repository, &scene.snapshot.manifest, &scene.server.address(), &options, &NullMonitor);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn a_table_with_another_key_is_left_alone() {
    let scene = scene();
    let id = scene.put(&scene.record(PurgePhase::Begun)).unwrap();
    scene.purge();
    scene.server.run("ALTER TABLE od.hash DROP PRIMARY KEY");
    let restored = scene.restore(id, &scene.server, &PurgedOptions::default());
    assert_eq!((restored[0].restored, restored[1].restored), (101, 0));
    assert!(restored[1].problems[0].contains("another key"), "{restored:?}");
}

#[test]
fn rows_that_come_back_set_off_no_triggers() {
    let scene = scene();
    let id = scene.put(&scene.record(PurgePhase::Begun)).unwrap();
    scene.purge();
    scene.server.script(
        "CREATE TRIGGER od.audit AFTER INSERT ON od.hash FOR EACH ROW INSERT INTO od.other VALUES (NEW.log);
         CREATE TRIGGER od.gone AFTER DELETE ON od.log FOR EACH ROW SET @gone = 1;
         CREATE USER poor@localhost; GRANT SELECT, INSERT ON od.* TO poor@localhost",
    );
    let manifest = find(&scene.repository, &id.to_string()).unwrap().receipt().unwrap().manifest.clone();
    let restore = |address: &Address, options: &PurgedOptions| {
        restore_purged(&scene.repository, &manifest, address, options, &NullMonitor)
    };
    let error = restore(&scene.server.address(), &PurgedOptions::default()).unwrap_err();
    assert!(error.kind() == ErrorKind::Refused && error.to_string().contains("`audit`"), "{error}");
    let credentials = Credentials { user: "poor".into(), password: None };
    let poor = Address { credentials, ..scene.server.address() };
    let error = restore(&poor, &PurgedOptions::default()).unwrap_err();
    assert!(error.kind() == ErrorKind::PermissionDenied && error.to_string().contains("TRIGGER"), "{error}");
    assert_eq!(scene.server.value("SELECT COUNT(*) FROM od.log").unwrap(), (ROWS - 101).to_string());
    let pair = |table: &str| TableName::new("od", table);
    let tables =
        ["log", "hash"].map(|name| PurgedChoice { from: pair(name), to: pair(&name.replace("hash", "hash2")) });
    let options = PurgedOptions { tables: tables.to_vec(), ..PurgedOptions::default() };
    assert_eq!(counts(&restore(&scene.server.address(), &options).unwrap()), [(101, 101, 0), (1, 1, 0)]);
    assert_eq!(scene.server.value("SELECT COUNT(*) FROM od.other").unwrap(), "1");
}

#[test]
fn what_the_snapshot_does_not_hold_gets_no_receipt() {
    let scene = scene();
    let refused = |change: fn(&mut ReceiptRecord), kind| {
        let mut record = scene.record(PurgePhase::Begun);
        change(&mut record);
        assert_eq!(scene.put(&record).unwrap_err().kind(), kind);
    };
    refused(|record| record.snapshot = LeaseId([0; 16]), ErrorKind::Usage);
    refused(|record| record.tables[0].ranges.push(range("20001", "20001")), ErrorKind::Usage);
    refused(|record| record.tables[0].ranges[0] = range("-5", "0"), ErrorKind::Usage);
    refused(|record| record.tables[0].table = "gone".into(), ErrorKind::NotFound);
    refused(|record| record.ended = Some(1), ErrorKind::Usage);
    assert!(history(&scene.repository).unwrap().purges.is_empty());
    assert!(engine::session::lease_names(&scene.repository).unwrap().is_empty());
}

#[test]
fn receipts_of_one_purge_are_shown_together_and_the_first_may_go_when_the_last_names_as_much() {
    let scene = scene();
    let begun = scene.put(&scene.record(PurgePhase::Begun)).unwrap();
    let all = history(&scene.repository).unwrap();
    assert!(all.purges[0].ended.is_none() && superseded(&all).is_empty());
    let mut less = scene.record(PurgePhase::Ended);
    less.tables.pop();
    let ended = scene.put(&less).unwrap();
    let all = history(&scene.repository).unwrap();
    assert_eq!((all.purges.len(), all.unreadable.len(), all.released.len()), (1, 0, 0));
    assert_eq!(all.purges[0].receipt().unwrap().id(), ended);
    assert_eq!(all.purges[0].receipt().unwrap().record, less);
    assert_eq!(all.purges[0].named(&begun.to_string()).unwrap().record.phase, PurgePhase::Begun);
    assert!(superseded(&all).is_empty(), "a row that only the first names may be gone all the same");
    let references = all.purges[0].references();
    assert_eq!(references.iter().map(|found| found.id).collect::<Vec<_>>(), [begun, ended]);
    forget(&scene.repository, &references[1..], &Author::default(), &NullMonitor).unwrap();
    scene.put(&scene.record(PurgePhase::Ended)).unwrap();
    let gone = superseded(&history(&scene.repository).unwrap());
    assert_eq!(gone.iter().map(|gone| gone.id).collect::<Vec<_>>(), [begun]);
    forget(&scene.repository, &gone, &Author::default(), &NullMonitor).unwrap();
    let all = history(&scene.repository).unwrap();
    assert!(all.purges[0].begun.is_none() && all.purges[0].ended.is_some());
    scene.verify();
}

#[test]
fn a_release_is_usual_after_six_years_and_leaves_a_note() {
    let scene = scene();
    scene.put(&scene.record(PurgePhase::Ended)).unwrap();
    let purge = find(&scene.repository, &PurgeId([5; 16]).to_string()).unwrap();
    // 2023-11-14T22:14:20Z, and the same in 2029.
    assert_eq!(release_time(&purge).unwrap(), 1_889_388_860);
    let author = Author { host: "office".into(), user: "ada".into(), program: "enamel".into() };
    let release = Release { purge: PurgeId([5; 16]), seconds: 1_700_000_000, reason: "asked".into(), author };
    note_release(&scene.repository, &release).unwrap();
    assert!(history(&scene.repository).unwrap().released.is_empty(), "it is kept as yet");
    forget(&scene.repository, &purge.references(), &Author::default(), &NullMonitor).unwrap();
    let all = history(&scene.repository).unwrap();
    assert!(all.purges.is_empty());
    assert_eq!(all.released, [release]);
    scene.verify();
}

on_each_server!(rows_come_back_to_a_server_of_another_version);

/// Types, keys and moments of MariaDB come from a receipt as they come from a snapshot.
fn rows_come_back_to_a_server_of_another_version(version: Version) {
    let from = if Version::MariaDb118.is_asked() { Version::MariaDb118 } else { Version::Installed };
    let is_late = from == Version::MariaDb118;
    let server = TestServer::of(from, &[]);
    server.script(TABLES);
    server.script(
        "USE od; DROP TABLE log; CREATE TABLE log (id INT PRIMARY KEY, u UUID, at TIMESTAMP NULL, t TIME(6), KEY (u) IGNORED) ENGINE=Aria;
         SET time_zone = '+00:00'; INSERT INTO log SELECT seq, '0b99f313-eb43-11f1-be65-02fc00000001', '2020-01-01', '838:59:59.5' FROM seq_1_to_300;",
    );
    if is_late {
        server.run("UPDATE od.log SET at = '2090-01-01 00:00:00' WHERE id IN (7, 150)");
    }
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["od"]);
    let scene = Scene { server, repository, snapshot, _fixture: fixture };
    let receipt =
        ReceiptRecord { tables: vec![table("log", vec![range("101", "200")], 100)], ..scene.record(PurgePhase::Begun) };
    let id = scene.put(&receipt).unwrap();
    let target = TestServer::of(version, &[]);
    let restored = scene.restore(id, &target, &PurgedOptions::default());
    assert_eq!((restored[0].rows, restored[0].restored), (100, 100), "{restored:?}");
    let says = |words: &str| restored[0].problems.iter().any(|said| said.contains(words));
    let loses_moments = is_late && version != Version::MariaDb118;
    let problems = usize::from(loses_moments) + usize::from(version.is_mysql());
    assert_eq!(restored[0].problems.len(), problems, "{restored:?}");
    assert_eq!(
        (says("1 value of its column `at`"), says("100 values of its column `t`")),
        (loses_moments, version.is_mysql())
    );
    let at = target.value("SELECT at FROM od.log WHERE id = 150").unwrap();
    let expected = match (is_late, loses_moments) {
        (false, _) => "2020-01-01 00:00:00",
        (true, false) => "2090-01-01 00:00:00",
        (true, true) => "2038-01-19 03:14:07",
    };
    assert_eq!(at, expected);
    let found = "SELECT COUNT(*) FROM od.log WHERE u = '0b99f313-eb43-11f1-be65-02fc00000001'";
    assert_eq!(target.value(found).as_deref(), Some("100"));
}

//! A database as it was at a moment: a snapshot, its log on top, and never anything else quietly.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::ErrorKind;
use engine::binlog::archive::{Archived, archive};
use engine::binlog::replay::Position;
use engine::database::TableName;
use engine::dump::DatabaseSource;
use engine::files::backup::BackupOutcome;
use engine::load::{LoadOptions, SchemaChoice};
use engine::monitor::NullMonitor;
use engine::past::{PastOptions, PastOutcome, When, plan, restore_past};
use engine::scratch::ScratchOptions;
use engine::session::WriterOptions;
use engine::snapshots::Snapshot;
use scenario_tests::differences::differences;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::replay::{end_of_log, logging, without_counter};
use super::save::{source, try_save};
use super::scratch::parent;
use crate::support::{Fixture, by_id};

on_each_server!(
    the_moment_before_a_mistake_comes_back_under_another_name,
    one_table_comes_back_as_of_a_transaction,
    a_table_that_was_read_without_a_lock_is_exact,
    one_table_needs_its_parents_and_nothing_else,
    one_schema_needs_what_its_tables_refer_to,
    the_place_of_a_snapshot_is_a_moment,
    statements_that_may_do_something_else_are_named_before_anything_is_done,
    a_late_table_without_a_key_is_named_and_the_others_come_back,
    statements_in_a_time_zone_by_name_do_the_same_again,
);

/// A practice at work, with tables of both kinds and people who write between snapshot and mistake.
pub struct Scene {
    pub fixture: Fixture,
    pub server: TestServer,
    pub snapshot: Snapshot,
    folder: tempfile::TempDir,
}

const BEFORE: &str = "
    CREATE USER nobody@nowhere; GRANT ALL ON *.* TO nobody@nowhere;
    CREATE DATABASE shop; CREATE DATABASE other; USE shop;
    CREATE TABLE item (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50), price DECIMAL(8,2)) ENGINE=InnoDB;
    CREATE TABLE fast (id INT PRIMARY KEY, v VARCHAR(50)) ENGINE=MyISAM;
    CREATE TABLE trail (n INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(100)) ENGINE=InnoDB;
    CREATE DEFINER=nobody@nowhere TRIGGER item_trail AFTER UPDATE ON item FOR EACH ROW INSERT INTO trail (what) VALUES (CONCAT(OLD.name, NEW.name));
    CREATE TABLE other.t (id INT PRIMARY KEY);
    INSERT INTO item (name, price) SELECT CONCAT('item ', seq), seq FROM seq_1_to_50;
    INSERT INTO fast SELECT seq, CONCAT('v', seq) FROM seq_1_to_50;";
const BETWEEN: &str = "
    USE shop;
    SET SESSION binlog_format = 'STATEMENT';
    UPDATE item SET name = CONCAT(name, '!') WHERE id < 10;
    INSERT INTO fast VALUES (100, 'hundred');
    SET SESSION binlog_format = 'ROW';
    UPDATE item SET price = price + 1 WHERE id > 40;
    DELETE FROM fast WHERE id = 7;
    CREATE TABLE made (id INT PRIMARY KEY, v TEXT);
    INSERT INTO made VALUES (1, 'made');
    INSERT INTO other.t VALUES (5);";

impl Scene {
    pub fn new(version: Version) -> Self {
        Scene::with(version, &[])
    }

    fn with(version: Version, options: &[&str]) -> Self {
        let (fixture, server) = (Fixture::new(), logging(version, options));
        server.script(BEFORE);
        let outcome = try_save(&fixture.open(), source(&server, &[])).unwrap();
        let snapshot = by_id(&fixture.open(), outcome.snapshot.unwrap());
        let folder = tempfile::tempdir().unwrap();
        parent(folder.path());
        Scene { fixture, server, snapshot, folder }
    }

    pub fn options(&self) -> PastOptions {
        let program = Some(self.server.version().program(self.folder.path()));
        let parent = Some(self.folder.path().to_owned());
        PastOptions {
            scratch: ScratchOptions { program, parent, ..ScratchOptions::default() },
            ..PastOptions::default()
        }
    }

    fn restore(&self, when: &When, target: &TestServer, load: LoadOptions) -> engine::Result<PastOutcome> {
        let repository = self.fixture.open();
        let options = PastOptions { load, ..self.options() };
        let plan = plan(&repository, &self.snapshot, when, &options, &NullMonitor)?;
        restore_past(&repository, &plan, &target.address(), &options, &NullMonitor)
    }

    /// The place where the log ends.
    pub fn end(&self) -> Position {
        end_of_log(&self.server)
    }
}

pub fn is_tried(version: Version) -> bool {
    // Others have no installer among the packages for tests.
    matches!(version, Version::Installed | Version::MySql97)
}

fn left_behind(folder: &Path) -> usize {
    let own = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    own.map(|path| std::fs::read_dir(path).unwrap().count()).sum()
}

fn the_moment_before_a_mistake_comes_back_under_another_name(version: Version) {
    if !is_tried(version) {
        return;
    }
    let scene = Scene::new(version);
    scene.server.script(BETWEEN);
    let (place, before) = (scene.end(), scene.server.fingerprint("shop"));
    scene.server.script("DROP TABLE shop.item; DELETE FROM shop.fast; INSERT INTO shop.made VALUES (2, 'late');");
    let now = scene.server.fingerprint("shop");
    kept(&scene.fixture, &scene.server);

    let schemas = vec![SchemaChoice { from: "shop".to_owned(), to: "shop_then".to_owned() }];
    let load = LoadOptions { schemas, ..LoadOptions::default() };
    let outcome = scene.restore(&When::Before(place.clone()), &scene.server, load).unwrap();
    assert_eq!(outcome.replay.transactions, 7, "{:?}", outcome.replay);
    assert_eq!(outcome.load.problem_count, 0, "{:?}", outcome.load.problems);
    assert_eq!(scene.server.fingerprint("shop"), now, "the live schema is as it was");
    let renamed = |text: &str| without_counter(&text.replace("shop_then", "shop"));
    let then = scene.server.fingerprint("shop_then").into_iter().map(|(name, text)| (name, renamed(&text))).collect();
    let before = before.into_iter().map(|(name, text)| (name, renamed(&text))).collect();
    let wrong = differences(&before, &then);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(left_behind(scene.folder.path()), 0, "the scratch server is gone");
}

/// Fetches the log into the repository.
pub fn kept(fixture: &Fixture, server: &TestServer) {
    let archived = archive(&fixture.open(), &server.address(), &WriterOptions::default(), &NullMonitor).unwrap();
    assert!(matches!(archived, Archived::Done(_)), "{archived:?}");
}

fn one_table_comes_back_as_of_a_transaction(version: Version) {
    if !is_tried(version) {
        return;
    }
    let scene = Scene::new(version);
    scene.server.script("UPDATE shop.fast SET v = 'one' WHERE id = 1");
    let place = scene.end();
    scene.server.script("UPDATE shop.fast SET v = 'two' WHERE id = 1");
    kept(&scene.fixture, &scene.server);
    let target = TestServer::of(version, &[]);
    let tables = vec![TableName::new("shop", "fast")];
    let load = || LoadOptions { tables: tables.clone(), ..LoadOptions::default() };
    scene.restore(&When::Before(place), &target, load()).unwrap();
    assert_eq!(target.value("SELECT v FROM shop.fast WHERE id = 1").as_deref(), Some("one"));
    assert_eq!(
        target.value("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop'").as_deref(),
        Some("1")
    );
    target.run("DROP DATABASE shop");
    scene.restore(&When::Newest, &target, load()).unwrap();
    assert_eq!(target.value("SELECT v FROM shop.fast WHERE id = 1").as_deref(), Some("two"));
}

fn one_table_needs_its_parents_and_nothing_else(version: Version) {
    if !is_tried(version) {
        return;
    }
    let scene = Scene::new(version);
    scene.server.script(
        "USE shop; CREATE TABLE parent (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO parent VALUES (1), (2);
         CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE) ENGINE=InnoDB;
         INSERT INTO child VALUES (1, 1), (2, 2);",
    );
    let outcome = try_save(&scene.fixture.open(), source(&scene.server, &[])).unwrap();
    let scene = Scene { snapshot: by_id(&scene.fixture.open(), outcome.snapshot.unwrap()), ..scene };
    scene.server.script(
        "SET SESSION binlog_format = 'ROW'; USE shop; DELETE FROM parent WHERE id = 1; INSERT INTO parent VALUES (3);
         INSERT INTO child VALUES (3, 3); UPDATE item SET price = 0; ALTER TABLE item ADD COLUMN more INT; INSERT INTO fast VALUES (300, 'x');",
    );
    let rows_only = scene.end();
    scene.server.script("SET SESSION binlog_format = 'STATEMENT'; UPDATE shop.item SET price = 1;");
    kept(&scene.fixture, &scene.server);

    let tables = vec![TableName::new("shop", "child")];
    let load = || LoadOptions { tables: tables.clone(), ..LoadOptions::default() };
    let repository = scene.fixture.open();
    let options = PastOptions { load: load(), ..scene.options() };
    let planned = |when: &When| plan(&repository, &scene.snapshot, when, &options, &NullMonitor).unwrap();
    let only = planned(&When::Before(rows_only.clone())).only().cloned().unwrap();
    assert_eq!(
        only.into_iter().collect::<Vec<_>>(),
        [TableName::new("shop", "child"), TableName::new("shop", "parent")]
    );
    assert_eq!(planned(&When::Newest).only(), None, "nothing says which rows a statement changes");
    for when in [When::Before(rows_only), When::Newest] {
        let target = TestServer::of(version, &[]);
        scene.restore(&when, &target, load()).unwrap();
        assert_eq!(target.rows("SELECT * FROM shop.child"), scene.server.rows("SELECT * FROM shop.child"));
        assert_eq!(target.rows("SELECT * FROM shop.child").len(), 2);
    }
}

fn one_schema_needs_what_its_tables_refer_to(version: Version) {
    if !is_tried(version) {
        return;
    }
    let scene = Scene::new(version);
    let parent =
        "CREATE TABLE shop.parent (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO shop.parent VALUES (1), (2);";
    scene.server.script(format!(
        "{parent} CREATE DATABASE lone; USE lone; CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES shop.parent (id)) ENGINE=InnoDB;
         INSERT INTO child VALUES (1, 1), (2, 2); CREATE TABLE fast (id INT PRIMARY KEY) ENGINE=MyISAM; CREATE VIEW `all_ids` AS SELECT id FROM child UNION SELECT id FROM fast;
         CREATE DATABASE wide; CREATE TABLE wide.own (id INT PRIMARY KEY); CREATE VIEW wide.v AS SELECT id FROM shop.parent;"
    ));
    let outcome = try_save(&scene.fixture.open(), source(&scene.server, &[])).unwrap();
    let scene = Scene { snapshot: by_id(&scene.fixture.open(), outcome.snapshot.unwrap()), ..scene };
    scene.server.script(
        "SET SESSION binlog_format = 'ROW'; USE lone; INSERT INTO child VALUES (3, 1); INSERT INTO fast VALUES (7); UPDATE shop.item SET price = 0;
         USE other; ALTER TABLE shop.item ADD COLUMN more INT; CREATE DATABASE newer;",
    );
    let rows_only = scene.end();
    scene.server.script("CREATE VIEW lone.another AS SELECT 1 AS one;");
    kept(&scene.fixture, &scene.server);

    let load = |name: &str| LoadOptions {
        schemas: vec![SchemaChoice { from: name.to_owned(), to: name.to_owned() }],
        ..LoadOptions::default()
    };
    let needed = |name: &str, when: &When| {
        let options = PastOptions { load: load(name), ..scene.options() };
        let plan = plan(&scene.fixture.open(), &scene.snapshot, when, &options, &NullMonitor).unwrap();
        (plan.refusal.is_none(), plan.only().map(|only| only.iter().map(TableName::shown).collect::<Vec<_>>()))
    };
    let before = When::Before(rows_only);
    let tables = ["lone.child", "lone.fast", "shop.parent"].map(str::to_owned).to_vec();
    assert_eq!(needed("lone", &before), (true, Some(tables)));
    assert_eq!(needed("wide", &before), (true, None), "a view needs another schema");
    assert_eq!(needed("lone", &When::Newest), (true, None), "a statement is about the schema");

    for when in [before, When::Newest] {
        let target = TestServer::of(version, &[]);
        target.script(format!("CREATE DATABASE shop; {parent}"));
        let outcome = scene.restore(&when, &target, load("lone")).unwrap();
        assert_eq!(outcome.load.problem_count, 0, "{:?}", outcome.load.problems);
        let all = "SELECT id FROM lone.all_ids ORDER BY id";
        assert_eq!(target.rows(all), scene.server.rows(all));
        let views = target.value("SELECT COUNT(*) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = 'lone'");
        assert_eq!(views.as_deref(), Some(if when == When::Newest { "2" } else { "1" }));
    }
}

fn the_place_of_a_snapshot_is_a_moment(version: Version) {
    if !is_tried(version) {
        return;
    }
    let scene = Scene::new(version);
    let place = scene.end();
    for _ in 0..2 {
        scene.server.run("FLUSH BINARY LOGS");
    }
    let file = scene.end().file;
    scene.server.run("DELETE FROM shop.item");
    kept(&scene.fixture, &scene.server);
    let planned = |place: &Position| {
        plan(&scene.fixture.open(), &scene.snapshot, &When::Before(place.clone()), &scene.options(), &NullMonitor)
    };
    // The next transaction stands in another file.
    for place in [place.clone(), Position { file: file.clone(), offset: 4 }] {
        let plan = planned(&place).unwrap();
        assert_eq!((&plan.stop, plan.transactions), (&plan.base, 0), "{place}");
        assert_eq!(plan.next.map(|next| next.at.file).as_ref(), Some(&file));
    }
    for elsewhere in [Position { offset: 4, ..place.clone() }, Position { offset: place.offset + 1, ..place.clone() }] {
        assert_eq!(planned(&elsewhere).unwrap_err().kind(), ErrorKind::NotFound, "{elsewhere}");
    }
    let target = TestServer::of(version, &[]);
    scene.restore(&When::Before(place), &target, LoadOptions::default()).unwrap();
    assert_eq!(target.value("SELECT COUNT(*) FROM shop.item").as_deref(), Some("50"));
}

fn statements_that_may_do_something_else_are_named_before_anything_is_done(version: Version) {
    if !is_tried(version) {
        return;
    }
    let scene = Scene::new(version);
    scene.server.script("SET SESSION binlog_format = 'STATEMENT'; UPDATE shop.fast SET v = 'x' LIMIT 1;");
    kept(&scene.fixture, &scene.server);
    let again = || plan(&scene.fixture.open(), &scene.snapshot, &When::Newest, &scene.options(), &NullMonitor).unwrap();
    let plan = again();
    assert_eq!(plan.doubtful.keys().collect::<Vec<_>>(), [&TableName::new("shop", "fast")]);
    assert_eq!((plan.doubt_count, plan.refusal.as_ref()), (1, None));
    scene.server.script(
        "SET SESSION binlog_format = 'STATEMENT'; CREATE TABLE shop.odd (id INT PRIMARY KEY) ENGINE=MyISAM;
         INSERT INTO shop.odd VALUES (1); GRANT SELECT ON shop.* TO nobody@nowhere;",
    );
    scene.server.script_with("INSERT INTO shop.odd VALUES (2), (1);", &["--force"]);
    kept(&scene.fixture, &scene.server);
    let plan = again();
    assert_eq!((plan.left_out.values().sum::<u64>(), plan.refusal), (1, None));
    assert_eq!(left_behind(scene.folder.path()), 0, "no scratch server was started");
}

fn statements_in_a_time_zone_by_name_do_the_same_again(version: Version) {
    if !is_tried(version) {
        return;
    }
    let scene = Scene::new(version);
    scene.server.load_time_zone("Europe/Berlin");
    // The clock shows the hour from two to three twice in the night of 29 October 2023.
    scene.server.script(
        "CREATE TABLE shop.moments (id INT PRIMARY KEY, t TIMESTAMP NULL, d DATETIME);
         SET SESSION binlog_format = 'STATEMENT', time_zone = 'Europe/Berlin';
         INSERT INTO shop.moments VALUES (1, '2023-10-29 02:30:00', FROM_UNIXTIME(1698539400)), (2, '2023-07-01 12:00:00', FROM_UNIXTIME(1698543000));
         SET TIMESTAMP = 1698539400; INSERT INTO shop.moments VALUES (3, NOW(), NOW());
         SET TIMESTAMP = 1698543000; INSERT INTO shop.moments VALUES (4, NOW(), NOW());",
    );
    kept(&scene.fixture, &scene.server);
    let target = TestServer::of(version, &[]);
    scene.restore(&When::Newest, &target, LoadOptions::default()).unwrap();
    let all = "SELECT id, UNIX_TIMESTAMP(t), d FROM shop.moments ORDER BY id";
    assert_eq!(target.rows(all), scene.server.rows(all));
    let hours = "SELECT COUNT(DISTINCT d) FROM shop.moments WHERE id > 2";
    assert_eq!(target.value(hours).as_deref(), Some("1"), "the hour that comes twice");
}

fn a_late_table_without_a_key_is_named_and_the_others_come_back(version: Version) {
    if !is_tried(version) {
        return;
    }
    let scene = Scene::new(version);
    scene.server.script(
        "USE shop; CREATE TABLE shop.loose (a INT, v VARCHAR(300)) ENGINE=MyISAM; INSERT INTO shop.loose SELECT seq, REPEAT('x', 300) FROM seq_1_to_60000;",
    );
    let stop = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut connection = scene.server.connect();
            while !stop.load(Ordering::Relaxed) {
                connection.run("UPDATE shop.loose SET a = a + 1 LIMIT 1").unwrap();
            }
        });
        let save = || {
            let source = DatabaseSource { wait_max: Duration::ZERO, ..source(&scene.server, &[]) };
            try_save(&scene.fixture.open(), source)
        };
        // A quick machine may have read the table before anybody was seen to wait.
        let is_last = |outcome: &engine::Result<BackupOutcome>| {
            outcome.as_ref().map_or(true, |outcome| outcome.databases[0].late_tables > 0)
        };
        let outcome = (0..100).map(|_| save()).find(is_last);
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        outcome.unwrap().unwrap()
    });
    let scene = Scene { snapshot: by_id(&scene.fixture.open(), outcome.snapshot.unwrap()), ..scene };
    scene.server.script(
        "SET SESSION binlog_format = 'ROW'; UPDATE shop.item SET price = 5; UPDATE shop.fast SET v = 'new'; INSERT INTO shop.loose VALUES (2, 'new');",
    );
    kept(&scene.fixture, &scene.server);
    let planned = |tables: &[TableName]| {
        let load = LoadOptions { tables: tables.to_vec(), ..LoadOptions::default() };
        let options = PastOptions { load, ..scene.options() };
        plan(&scene.fixture.open(), &scene.snapshot, &When::Newest, &options, &NullMonitor).unwrap()
    };
    let whole = planned(&[]);
    let inexact: Vec<String> = whole.inexact.iter().map(|inexact| inexact.table.shown()).collect();
    assert_eq!((inexact, whole.refusal), (vec!["shop.loose".to_owned()], None));
    let fast = planned(&[TableName::new("shop", "fast")]);
    assert!(fast.inexact.is_empty() && fast.refusal.is_none(), "{:?}", fast.refusal);
    assert!(planned(&[TableName::new("shop", "loose")]).refusal.is_some(), "a table that is asked for is exact");

    let target = TestServer::of(version, &[]);
    scene.restore(&When::Newest, &target, LoadOptions::default()).unwrap();
    for table in ["item", "fast"] {
        let sum = format!("CHECKSUM TABLE shop.{table} EXTENDED");
        assert_eq!(target.rows(&sum), scene.server.rows(&sum), "{table}");
    }
    assert_eq!(target.value("SELECT COUNT(*) FROM shop.loose").as_deref(), Some("60000"), "as the snapshot has it");
}

/// Keys move and swap, and rows go and come back, as rows of the log.
const MOVES: &str = "
    SET SESSION binlog_format = 'ROW';
    UPDATE shop.fast SET id = id + 100000 WHERE id = FLOOR(1 + RAND() * 3000);
    REPLACE INTO shop.fast VALUES (FLOOR(1 + RAND() * 3000), 'replaced', 7);
    DELETE FROM shop.fast WHERE id > 100000 LIMIT 1;
    UPDATE shop.fast SET u = u + 10000 WHERE id = FLOOR(1 + RAND() * 3000);
    UPDATE shop.fast SET v = CONCAT(v, '+') WHERE id BETWEEN 1000 AND 1010;";

fn a_table_that_was_read_without_a_lock_is_exact(version: Version) {
    if !is_tried(version) {
        return;
    }
    let scene = Scene::new(version);
    scene.server.script(
        "USE shop; DROP TABLE shop.fast; CREATE TABLE shop.fast (id INT PRIMARY KEY, v VARCHAR(200), u INT, KEY (u)) ENGINE=MyISAM;
         INSERT INTO shop.fast SELECT seq, REPEAT('x', 100), seq FROM seq_1_to_3000;",
    );
    let stop = AtomicBool::new(false);
    let snapshot = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut connection = scene.server.connect();
            while !stop.load(Ordering::Relaxed) {
                MOVES.split(';').filter(|sql| !sql.trim().is_empty()).for_each(|sql| connection.run(sql).unwrap());
            }
        });
        // No writer waits: the table is read after the moment, while it changes.
        let source = DatabaseSource { wait_max: Duration::ZERO, ..source(&scene.server, &[]) };
        let outcome = try_save(&scene.fixture.open(), source);
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        by_id(&scene.fixture.open(), outcome.unwrap().snapshot.unwrap())
    });
    scene.server.script(format!("{MOVES};").replace(";;", ";"));
    kept(&scene.fixture, &scene.server);
    let target = TestServer::of(version, &[]);
    let scene = Scene { snapshot, ..scene };
    scene.restore(&When::Newest, &target, LoadOptions::default()).unwrap();
    let sum = |server: &TestServer| server.rows("CHECKSUM TABLE shop.fast EXTENDED").remove(0).remove(1);
    assert_eq!(sum(&target), sum(&scene.server));
}

#[test]
fn a_log_that_its_server_encrypts_is_replayed() {
    let keys = tempfile::tempdir().unwrap();
    let file = keys.path().join("keys");
    std::fs::write(&file, "1;770A8A65DA156D24EE2A093277530142\n").unwrap();
    let options = ["--plugin-load-add=file_key_management".to_owned(), "--encrypt-binlog=ON".to_owned()];
    let options = [&options[..], &[format!("--file-key-management-filename={}", file.display())]].concat();
    let scene = Scene::with(Version::Installed, &options.iter().map(String::as_str).collect::<Vec<_>>());
    scene.server.script(BETWEEN);
    assert_eq!(scene.server.value("SELECT @@encrypt_binlog").as_deref(), Some("1"));
    kept(&scene.fixture, &scene.server);
    let target = TestServer::start(&[]);
    scene.restore(&When::Newest, &target, LoadOptions::default()).unwrap();
    let wrong = differences(&scene.server.fingerprint("shop"), &target.fingerprint("shop"));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_moment_that_is_not_covered_is_refused() {
    let scene = Scene::new(Version::Installed);
    let repository = scene.fixture.open();
    let refusal = |when: &When| plan(&repository, &scene.snapshot, when, &scene.options(), &NullMonitor).unwrap_err();
    assert_eq!(refusal(&When::Newest).kind(), ErrorKind::NotFound, "there is no log yet");

    scene.server.script(BETWEEN);
    kept(&scene.fixture, &scene.server);
    let repository = scene.fixture.open();
    let plan = |when: &When| plan(&repository, &scene.snapshot, when, &scene.options(), &NullMonitor);
    let end = scene.end();
    assert_eq!(plan(&When::Newest).unwrap().stop, end);
    assert_eq!(plan(&When::Before(end.clone())).unwrap().stop, end);
    for elsewhere in [
        When::Before(Position { offset: end.offset + 1000, ..end.clone() }),
        When::Before(Position { file: "binlog.000099".to_owned(), offset: 4 }),
        When::At(0),
        When::At(i64::MAX),
        When::Gtid("0-7-999999".to_owned()),
    ] {
        assert_eq!(plan(&elsewhere).unwrap_err().kind(), ErrorKind::NotFound, "{elsewhere:?}");
    }
    let inside = When::Before(Position { offset: end.offset - 1, ..end });
    assert_eq!(plan(&inside).unwrap_err().kind(), ErrorKind::Usage);
}

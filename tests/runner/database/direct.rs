//! A moment that comes back without a scratch server: only rows, and never half a log without a word.

use std::sync::atomic::{AtomicU64, Ordering};

use engine::ErrorKind;
use engine::database::TableName;
use engine::load::{Existing, LoadOptions, SchemaChoice};
use engine::monitor::{Monitor, NullMonitor, Phase, Work};
use engine::past::{PastOptions, PastOutcome, Plan, Via, When, plan, restore_past};
use engine::scratch::ScratchOptions;
use scenario_tests::differences::differences;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::past::{Scene, is_tried, kept};

on_each_server!(
    rows_are_done_again_on_the_target_itself,
    a_restore_that_stopped_in_the_log_is_not_resumed,
    a_target_whose_tables_would_follow_is_refused,
);

/// Changes that are in the log as rows.
const ROWS: &str = "
    SET SESSION binlog_format = 'ROW'; USE shop;
    UPDATE item SET name = CONCAT(name, '!') WHERE id < 10;
    UPDATE item SET id = id + 1000 WHERE id > 40;
    INSERT INTO fast VALUES (100, 'hundred');
    DELETE FROM fast WHERE id = 7;
    BEGIN; DELETE FROM item WHERE id = 20; INSERT INTO item (name, price) VALUES ('last', 1); COMMIT;";

fn directly(scene: &Scene, load: LoadOptions) -> PastOptions {
    PastOptions { load, via: Via::Direct, ..scene.options() }
}

fn planned(scene: &Scene, options: &PastOptions) -> Plan {
    plan(&scene.fixture.open(), &scene.snapshot, &When::Newest, options, &NullMonitor).unwrap()
}

fn restore(
    scene: &Scene,
    target: &TestServer,
    options: &PastOptions,
    monitor: &dyn Monitor,
) -> engine::Result<PastOutcome> {
    restore_past(&scene.fixture.open(), &planned(scene, options), &target.address(), options, monitor)
}

fn rows_are_done_again_on_the_target_itself(version: Version) {
    if !is_tried(version) {
        return;
    }
    let scene = Scene::new(version);
    scene.server.script(ROWS);
    kept(&scene.fixture, &scene.server);
    let target = TestServer::of(version, &[]);
    target.script("CREATE DATABASE work; CREATE TABLE work.t (id INT PRIMARY KEY); INSERT INTO work.t VALUES (1);");
    let work = target.fingerprint("work");
    let outcome = restore(&scene, &target, &directly(&scene, LoadOptions::default()), &NullMonitor).unwrap();
    assert_eq!((outcome.load.problem_count, outcome.replay.transactions), (0, 5), "{:?}", outcome.replay);
    let wrong = differences(&scene.server.fingerprint("shop"), &target.fingerprint("shop"));
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(target.fingerprint("work"), work);

    // The usual way asks for a program first, and MySQL is not installed.
    target.script("DROP DATABASE shop; DROP DATABASE other;");
    let options = PastOptions { scratch: ScratchOptions::default(), via: Via::Auto, ..scene.options() };
    if matches!(version, Version::MySql97) {
        restore(&scene, &target, &options, &NullMonitor).unwrap();
        assert!(differences(&scene.server.fingerprint("shop"), &target.fingerprint("shop")).is_empty());
    }
}

/// Stops when some events of the log were done again.
#[derive(Default)]
struct StopsInTheLog {
    phases: AtomicU64,
    steps: AtomicU64,
}

impl Monitor for StopsInTheLog {
    fn begin(&self, phase: Phase, _: Option<Work>) {
        self.phases.fetch_add(u64::from(phase == Phase::Replay), Ordering::Relaxed);
    }

    fn advance(&self, _: Work) {
        self.steps.fetch_add(u64::from(self.phases.load(Ordering::Relaxed) == 1), Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.steps.load(Ordering::Relaxed) > 12
    }
}

fn a_restore_that_stopped_in_the_log_is_not_resumed(version: Version) {
    if !is_tried(version) {
        return;
    }
    let scene = Scene::new(version);
    scene.server.script(ROWS);
    kept(&scene.fixture, &scene.server);
    let target = TestServer::of(version, &[]);
    let options = directly(&scene, LoadOptions::default());
    let stopped = restore(&scene, &target, &options, &StopsInTheLog::default()).unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Cancelled, "{stopped}");
    for again in [
        restore(&scene, &target, &options, &NullMonitor).map(drop),
        engine::load::load(
            &scene.fixture.open(),
            &scene.snapshot,
            &target.address(),
            &LoadOptions::default(),
            &NullMonitor,
        )
        .map(drop),
    ] {
        let error = again.unwrap_err();
        assert!(error.kind() == ErrorKind::Usage && error.to_string().contains("DROP DATABASE"), "{error}");
    }
    target.script("DROP DATABASE shop; DROP DATABASE other;");
    restore(&scene, &target, &options, &NullMonitor).unwrap();
    assert!(differences(&scene.server.fingerprint("shop"), &target.fingerprint("shop")).is_empty());
}

fn a_target_whose_tables_would_follow_is_refused(version: Version) {
    if !is_tried(version) {
        return;
    }
    let scene = Scene::new(version);
    scene.server.script(ROWS);
    kept(&scene.fixture, &scene.server);
    let target = TestServer::of(version, &[]);
    target.script(
        "CREATE DATABASE live; CREATE DATABASE shop; CREATE TABLE shop.item (id INT PRIMARY KEY) ENGINE=InnoDB;
         CREATE TABLE live.child (item INT, FOREIGN KEY (item) REFERENCES shop.item (id) ON DELETE CASCADE) ENGINE=InnoDB;
         SET SESSION foreign_key_checks = 0; DROP TABLE shop.item;",
    );
    let error = restore(&scene, &target, &directly(&scene, LoadOptions::default()), &NullMonitor).unwrap_err();
    assert!(error.kind() == ErrorKind::Refused && error.to_string().contains("live.child"), "{error}");
    assert_eq!(
        target.value("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop'").as_deref(),
        Some("0")
    );
}

#[test]
fn whatever_is_not_rows_of_whole_schemas_needs_a_scratch_server() {
    let scene = Scene::new(Version::Installed);
    scene.server.script(ROWS);
    kept(&scene.fixture, &scene.server);
    let why = |load: LoadOptions| planned(&scene, &directly(&scene, load)).not_direct.unwrap_or_default();
    let named = |from: &str, to: &str| vec![SchemaChoice { from: from.to_owned(), to: to.to_owned() }];
    assert_eq!(why(LoadOptions::default()), "");
    assert_eq!(why(LoadOptions { schemas: named("shop", "shop"), ..LoadOptions::default() }), "");
    assert!(
        why(LoadOptions { schemas: named("shop", "then"), ..LoadOptions::default() }).contains("come back as then")
    );
    assert!(
        why(LoadOptions { tables: vec![TableName::new("shop", "item")], ..LoadOptions::default() })
            .contains("single tables")
    );
    assert!(why(LoadOptions { existing: Existing::Swap, ..LoadOptions::default() }).contains("replaced"));
    scene.server.script("SET SESSION binlog_format = 'STATEMENT'; USE shop; UPDATE item SET price = 7;");
    kept(&scene.fixture, &scene.server);
    assert!(why(LoadOptions::default()).contains("a statement would run again"));
    let target = TestServer::start(&[]);
    let options = directly(&scene, LoadOptions::default());
    assert_eq!(restore(&scene, &target, &options, &NullMonitor).unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(
        target.value("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'shop'").as_deref(),
        Some("0")
    );
}

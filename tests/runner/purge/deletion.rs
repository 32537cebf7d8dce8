//! Deletion: what is proven goes, what is not stays.

use std::sync::Mutex;

use engine::database::Connection;
use engine::monitor::{Monitor, Phase};
use engine::purge::{Ended, LeftRows};
use engine::upkeep::receipt::history;
use scenario_tests::awkward::make_awkward;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::practice::{OLD_ROWS, Practice, except, log_options};

const ENGINES: [&str; 2] = ["InnoDB", "MyISAM"];

on_each_server!(
    what_a_snapshot_holds_goes_and_all_else_stays,
    awkward_settings_change_nothing_that_goes,
    what_changes_between_proof_and_deletion_survives,
    the_highest_number_of_a_table_is_never_deleted,
    whoever_holds_a_table_is_given_way,
    users_write_while_rows_go,
    a_receipt_names_what_was_to_go_and_another_what_went,
);

fn what_a_snapshot_holds_goes_and_all_else_stays(version: Version) {
    for engine in ENGINES {
        let practice = Practice::of(version, engine);
        practice.server.script(
            "USE practice; UPDATE securitylog SET LogText = 'changed' WHERE SecurityLogNum = 77;\n\
             UPDATE securityloghash SET LogHash = 'changed' WHERE SecurityLogNum = 88;\n\
             INSERT INTO securityloghash VALUES (70001, 99, 'new');\n\
             INSERT INTO securitylog VALUES (70001, 1, '2022-01-05', 'late entry', 1), (70002, 1, '2024-01-05', 'new', 1);\n\
             INSERT INTO securityloghash VALUES (70002, 70001, 'h'), (70003, 70002, 'h');",
        );
        let planned = practice.plan(&log_options()).unwrap();
        let left = LeftRows { not_saved: 1, changed: 1, children: 2, ..LeftRows::default() };
        let outcome = practice.run(&planned.plan);
        assert_eq!(outcome.ended, Ended::Done);
        let removed = &outcome.categories[0];
        assert_eq!(removed.left, left, "{engine}");
        let gone = OLD_ROWS - 3;
        let tables = |rows| vec![("securitylog".to_owned(), rows), ("securityloghash".to_owned(), rows)];
        assert_eq!(removed.tables, tables(gone), "{engine}");
        assert_eq!(planned.forecasts[0].tables, tables(gone));
        assert_eq!((planned.forecasts[0].left, &planned.forecasts[0].dates), (left, &removed.dates));
        assert_eq!(removed.dates.range(), Some(("2022-01-01 00:01:00", "2022-01-31 23:59:00")));
        assert_eq!(practice.count("securitylog WHERE LogDateTime < '2022-02-01'"), 4);
        assert_eq!(practice.count("securitylog"), 60_002 - gone);
        assert_eq!(practice.count("securityloghash"), 60_003 - gone);
        practice.assert_log_is_whole();
        let again = practice.run(&planned.plan);
        assert_eq!((again.categories[0].left, again.categories[0].tables[0].1), (left, 0));
        assert!(again.receipts.is_empty(), "nothing went");
    }
}

fn awkward_settings_change_nothing_that_goes(version: Version) {
    for engine in ENGINES {
        let practice = Practice::on(TestServer::of(version, &[]), engine, make_awkward);
        let planned = practice.plan(&log_options()).unwrap();
        let outcome = practice.run(&planned.plan);
        assert_eq!(outcome.ended, Ended::Done);
        let tables = ["securitylog", "securityloghash"].map(|table| (table.to_owned(), OLD_ROWS));
        assert_eq!(outcome.categories[0].tables, tables, "{engine}");
        assert_eq!(practice.count("securitylog"), 60_000 - OLD_ROWS);
        practice.assert_log_is_whole();
    }
}

/// Does something between proof and deletion.
struct Meanwhile<'a> {
    work: &'a (dyn Fn() + Sync),
    done: Mutex<bool>,
}

impl Monitor for Meanwhile<'_> {
    fn begin(&self, phase: Phase, _: Option<engine::monitor::Work>) {
        let mut done = self.done.lock().unwrap();
        if phase == Phase::Purge && !*done {
            *done = true;
            (self.work)();
        }
    }
}

fn what_changes_between_proof_and_deletion_survives(version: Version) {
    for engine in ENGINES {
        let practice = Practice::of(version, engine);
        let plan = practice.plan(&log_options()).unwrap().plan;
        let work = || {
            practice.server.script(
                "USE practice; UPDATE securitylog SET LogText = 'changed' WHERE SecurityLogNum IN (1, 5000, 44639);\n\
                 UPDATE securityloghash SET LogHash = 'changed' WHERE SecurityLogNum = 200;\n\
                 INSERT INTO securityloghash VALUES (70001, 300, 'new'), (70002, 60000, 'new');\n\
                 UPDATE securitylog SET LogDateTime = '2024-01-01' WHERE SecurityLogNum = 400;\n\
                 DELETE FROM securitylog WHERE SecurityLogNum = 500; DELETE FROM securityloghash WHERE SecurityLogNum = 500;",
            );
        };
        let outcome = practice.try_run(&plan, &Meanwhile { work: &work, done: Mutex::new(false) }).unwrap();
        let removed = &outcome.categories[0];
        assert_eq!(removed.left, LeftRows { changed: 4, children: 2, ..LeftRows::default() }, "{engine}");
        // Seven old rows are not removed: changed ones, one that is new now, and one that somebody else deleted.
        assert_eq!(removed.tables[0].1, OLD_ROWS - 7, "{engine}");
        assert_eq!(practice.count("securitylog WHERE SecurityLogNum IN (1, 200, 300, 400, 5000, 44639)"), 6);
        assert_eq!(practice.count("securitylog WHERE LogDateTime < '2022-02-01'"), 5);
        practice.assert_log_is_whole();
    }
}

fn the_highest_number_of_a_table_is_never_deleted(version: Version) {
    for engine in ENGINES {
        let practice = Practice::on(TestServer::of(version, &[]), engine, |server| {
            server.script(
                "USE practice; DELETE FROM securitylog WHERE SecurityLogNum > 1000; DELETE FROM securityloghash WHERE SecurityLogNum > 1000;\n\
                 INSERT INTO securityloghash VALUES (90000, 10, 'again');",
            );
        });
        let outcome = practice.run(&practice.plan(&log_options()).unwrap().plan);
        assert_eq!(outcome.categories[0].left, LeftRows { highest: 2, ..LeftRows::default() });
        assert_eq!(practice.count("securitylog WHERE SecurityLogNum IN (10, 1000)"), 2);
        assert_eq!(practice.count("securitylog"), 2);
        practice.assert_log_is_whole();
    }
}

#[test]
fn exceptions_stay() {
    let practice = Practice::new("InnoDB");
    let old = practice.count("securitylog WHERE PatNum = 42 AND LogDateTime < '2022-02-01'");
    assert!(old > 0);
    let outcome = practice.run(&practice.plan(&except("patnum", "42")).unwrap().plan);
    assert_eq!(practice.count("securitylog WHERE LogDateTime < '2022-02-01'"), old);
    assert_eq!(practice.count("securitylog WHERE PatNum = 42 AND LogDateTime < '2022-02-01'"), old);
    let left = LeftRows { spared: old, ..LeftRows::default() };
    assert_eq!((outcome.categories[0].tables[0].1, outcome.categories[0].left), (OLD_ROWS - old, left));
    practice.assert_log_is_whole();
}

#[test]
fn a_row_stays_when_what_belongs_to_it_is_an_exception() {
    let practice = Practice::with("InnoDB", |server| {
        server.script("USE practice; ALTER TABLE securityloghash ADD Clinic INT NOT NULL DEFAULT 1; UPDATE securityloghash SET Clinic = 7 WHERE SecurityLogNum IN (5, 6);");
    });
    let outcome = practice.run(&practice.plan(&except("Clinic", "7")).unwrap().plan);
    let removed = &outcome.categories[0];
    assert_eq!((removed.tables[0].1, removed.left), (OLD_ROWS - 2, LeftRows { spared: 2, ..LeftRows::default() }));
    assert_eq!(practice.count("securitylog WHERE SecurityLogNum IN (5, 6)"), 2);
    practice.assert_log_is_whole();
    let none = practice.plan(&except("Clinic", "8")).unwrap();
    assert!(none.warnings.iter().any(|warning| warning.contains("no old row is spared")), "{:?}", none.warnings);
}

/// Lets go of a table as soon as it is told that somebody waits for it.
struct LetGo(Mutex<Option<Connection>>);

impl Monitor for LetGo {
    fn note(&self, message: &str) {
        if message.contains("until others let go") {
            drop(self.0.lock().unwrap().take());
        }
    }
}

fn whoever_holds_a_table_is_given_way(version: Version) {
    for (engine, hold) in [
        ("MyISAM", "LOCK TABLES practice.securitylog READ"),
        ("InnoDB", "BEGIN; SELECT * FROM practice.securitylog WHERE SecurityLogNum = 3 FOR UPDATE"),
    ] {
        let practice = Practice::of(version, engine);
        let plan = practice.plan(&log_options()).unwrap().plan;
        let mut holder = practice.server.connect();
        hold.split("; ").for_each(|statement| holder.run(statement).unwrap());
        let outcome = practice.try_run(&plan, &LetGo(Mutex::new(Some(holder)))).unwrap();
        assert_eq!(outcome.categories[0].tables[0].1, OLD_ROWS, "{engine}");
        practice.assert_log_is_whole();
    }
}

fn users_write_while_rows_go(version: Version) {
    for engine in ENGINES {
        let practice = Practice::of(version, engine);
        let plan = practice.plan(&log_options()).unwrap().plan;
        let done = std::sync::atomic::AtomicBool::new(false);
        let written = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut connection: Connection = practice.server.connect();
                let mut written = 0;
                while !done.load(std::sync::atomic::Ordering::Relaxed) || written == 0 {
                    let log = "INSERT INTO practice.securitylog (PermType, LogDateTime, LogText, PatNum) VALUES (1, NOW(), 'x', 1)";
                    connection.run(log).unwrap();
                    let hash = "INSERT INTO practice.securityloghash (SecurityLogNum, LogHash) VALUES (LAST_INSERT_ID(), 'h')";
                    connection.run(hash).unwrap();
                    written += 1;
                }
                written
            });
            let outcome = practice.run(&plan);
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(outcome.categories[0].tables[0].1, OLD_ROWS, "{engine}");
            writer.join().unwrap()
        });
        assert_eq!(practice.count("securitylog"), 60_000 - OLD_ROWS + written, "{engine}");
        practice.assert_log_is_whole();
    }
}

fn a_receipt_names_what_was_to_go_and_another_what_went(version: Version) {
    for engine in ENGINES {
        let practice = Practice::of(version, engine);
        let plan = practice.plan(&log_options()).unwrap().plan;
        let work =
            || practice.server.run("UPDATE practice.securitylog SET LogText = 'changed' WHERE SecurityLogNum = 5000");
        let outcome = practice.try_run(&plan, &Meanwhile { work: &work, done: Mutex::new(false) }).unwrap();
        let [purge] = &history(&practice.repository).unwrap().purges[..] else { panic!("one purge") };
        let (begun, ended) = (purge.begun.as_ref().unwrap(), purge.ended.as_ref().unwrap());
        assert_eq!(outcome.receipts, [ended.id()]);
        let rows = |receipt: &engine::upkeep::receipt::Receipt| -> Vec<_> {
            receipt.record.tables.iter().map(|table| (table.table.clone(), table.rows, table.ranges.len())).collect()
        };
        let both =
            |rows, ranges| ["securitylog", "securityloghash"].map(|table| (table.to_owned(), rows, ranges)).to_vec();
        assert_eq!(rows(begun), both(OLD_ROWS, 1));
        assert_eq!(rows(ended), both(OLD_ROWS - 1, 2));
        assert_eq!(ended.record.tables[0].left[0].rows, 1);
        assert_eq!(
            (&*ended.record.operator, &*ended.record.reason, ended.record.plan.0),
            ("ann", "too large", plan.digest())
        );
    }
}

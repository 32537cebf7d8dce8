//! Rebuilding tables after a run, and what plans say of holes.

use std::sync::atomic::{AtomicBool, Ordering};

use engine::database::{Address, Credentials};
use engine::monitor::NullMonitor;
use engine::purge::{Ended, PaceOptions, RunOptions};
use engine::{ErrorKind, purge};

use super::practice::{OLD_ROWS, Practice, log_options, run_options};
use crate::support::Listener;

fn options() -> RunOptions {
    RunOptions { reclaim: true, ..run_options() }
}

#[test]
fn tables_that_rows_went_from_are_rebuilt_and_smaller() {
    for engine in ["InnoDB", "MyISAM"] {
        let practice = Practice::new(engine);
        let plan = practice.plan(&log_options()).unwrap().plan;
        let listener = Listener::default();
        let outcome = practice.run_so(&plan, &options(), &listener).unwrap();
        assert_eq!(outcome.categories[0].tables[0].1, OLD_ROWS);
        let names: Vec<_> = outcome.reclaimed.iter().map(|reclaimed| &*reclaimed.table).collect();
        assert_eq!(names, ["securitylog", "securityloghash"], "{engine}");
        for reclaimed in &outcome.reclaimed {
            assert_eq!(reclaimed.problem, None);
            assert!(reclaimed.after_bytes.unwrap() < reclaimed.before_bytes, "{engine}: {reclaimed:?}");
        }
        assert_eq!(listener.heard("is locked for about"), if engine == "MyISAM" { 2 } else { 0 });
        practice.assert_log_is_whole();
        // Nothing is left: now it is all tables of the plan.
        let again = practice.run_so(&plan, &options(), &listener).unwrap();
        assert_eq!((again.reclaimed.len(), again.categories[0].tables[0].1), (2, 0), "{engine}");
        assert_eq!(listener.heard("all tables of the plan are rebuilt: `securitylog`, `securityloghash`"), 1);
        assert_eq!(practice.count("securitylog"), 60_000 - OLD_ROWS);
    }
}

#[test]
fn nothing_is_rebuilt_for_the_replicas() {
    let practice = Practice::with_options("InnoDB", &["--log-bin"], |_| {});
    let plan = practice.plan(&log_options()).unwrap().plan;
    practice.run_so(&plan, &options(), &NullMonitor).unwrap();
    let events = practice.server.rows("SHOW BINLOG EVENTS");
    let optimize = |event: &&Vec<Option<String>>| event.iter().flatten().any(|text| text.contains("OPTIMIZE"));
    assert!(!events.is_empty());
    assert_eq!(events.iter().filter(optimize).count(), 0);
}

#[test]
fn a_run_that_did_not_come_to_its_end_rebuilds_nothing() {
    let practice = Practice::new("InnoDB");
    let plan = practice.plan(&log_options()).unwrap().plan;
    let pace = PaceOptions { time: Some(std::time::Duration::ZERO), ..PaceOptions::default() };
    let listener = Listener::default();
    let outcome = practice.run_so(&plan, &RunOptions { pace, ..options() }, &listener).unwrap();
    assert_eq!((outcome.ended, outcome.reclaimed.len()), (Ended::TimeIsUp, 0));
    assert_eq!(listener.heard("no table is rebuilt"), 1);
}

/// Wishes to stop when it hears that the first table is rebuilt.
#[derive(Default)]
struct StopsAtFirst(AtomicBool);

impl engine::monitor::Monitor for StopsAtFirst {
    fn note(&self, message: &str) {
        self.0.fetch_or(message.contains("is locked for about"), Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn between_two_tables_it_can_be_stopped() {
    let practice = Practice::new("MyISAM");
    let plan = practice.plan(&log_options()).unwrap().plan;
    let outcome = practice.run_so(&plan, &options(), &StopsAtFirst::default()).unwrap();
    assert_eq!((outcome.ended, outcome.reclaimed.len()), (Ended::Interrupted, 1));
    assert_eq!(outcome.categories[0].tables[0].1, OLD_ROWS);
    assert!(outcome.reclaimed[0].after_bytes.is_some());
}

#[test]
fn a_table_that_somebody_keeps_in_use_is_left_as_it_is() {
    let practice = Practice::new("InnoDB");
    let plan = practice.plan(&log_options()).unwrap().plan;
    practice.run(&plan);
    let mut user = practice.server.connect();
    user.run("START TRANSACTION").unwrap();
    user.run("SELECT * FROM practice.securityloghash LIMIT 1").unwrap();
    let outcome = practice.run_so(&plan, &options(), &NullMonitor).unwrap();
    assert!(outcome.reclaimed[0].problem.is_none() && outcome.reclaimed[0].after_bytes.is_some(), "{outcome:?}");
    let [_, kept] = &outcome.reclaimed[..] else { panic!("{outcome:?}") };
    assert!(kept.after_bytes.is_none() && kept.problem.as_ref().unwrap().contains("was not rebuilt"), "{kept:?}");
}

#[test]
fn who_may_not_rebuild_is_told_before_anything_goes() {
    let practice = Practice::new("InnoDB");
    let plan = practice.plan(&log_options()).unwrap().plan;
    practice.server.run("CREATE USER ann@localhost");
    practice.server.run("GRANT SELECT, DELETE, LOCK TABLES, TRIGGER ON practice.* TO ann@localhost");
    practice.server.run("GRANT PROCESS ON *.* TO ann@localhost");
    let credentials = Credentials { user: "ann".to_owned(), password: None };
    let address = Address { credentials, ..practice.server.address() };
    let error = purge::run(&practice.repository, &address, &plan, &options(), &NullMonitor).unwrap_err();
    assert!(error.kind() == ErrorKind::PermissionDenied && error.to_string().contains("INSERT"), "{error}");
    assert_eq!(practice.count("securitylog"), 60_000);
    purge::run(&practice.repository, &address, &plan, &run_options(), &NullMonitor).unwrap();
    assert_eq!(practice.count("securitylog"), 60_000 - OLD_ROWS);
}

#[test]
fn a_plan_says_what_holes_do_and_what_helps() {
    for (engine, setting, says) in
        [("MyISAM", 1, Some("`concurrent_insert=2` helps")), ("MyISAM", 2, Some("is 2 here")), ("InnoDB", 1, None)]
    {
        let practice = Practice::new(engine);
        practice.server.run(&format!("SET GLOBAL concurrent_insert = {setting}"));
        let warnings = practice.plan(&log_options()).unwrap().warnings;
        let holes = warnings.iter().find(|warning| warning.contains("holes in `securitylog`, `securityloghash`"));
        match says {
            None => assert_eq!(holes, None),
            Some(says) => {
                let holes = holes.unwrap();
                assert!(holes.contains(says) && holes.contains("--reclaim"), "{holes}");
            }
        }
    }
}

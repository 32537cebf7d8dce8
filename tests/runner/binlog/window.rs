//! The moments that can be restored: from a snapshot on, as far as the log has no hole.

use engine::ErrorKind;
use engine::binlog::window::{Found, GapReason, Restorable, read};
use engine::monitor::NullMonitor;
use engine::past::{PastOptions, When, plan_newest};
use engine::snapshots::{Snapshot, list};
use repo_format::log::StreamStart;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::{fetch, logged, purge_to_newest, stored};
use crate::database::save::save;
use crate::support::Fixture;

on_each_server!(
    every_moment_from_the_snapshot_to_the_end_of_the_log_and_none_in_a_gap,
    a_log_that_lacks_schemas_leads_to_no_moment,
);

fn snapshot(fixture: &Fixture, server: &TestServer) -> Snapshot {
    save(fixture, &fixture.open(), server, &["shop"])
}

fn restorable(fixture: &Fixture) -> Restorable {
    let Found { mut restorable, unreadable, .. } = read(&fixture.open()).unwrap();
    assert!(unreadable.is_empty() && restorable.len() == 1);
    restorable.remove(0)
}

fn every_moment_from_the_snapshot_to_the_end_of_the_log_and_none_in_a_gap(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    server.run("INSERT INTO shop.visit VALUES (1, 'before the snapshot')");
    let first = snapshot(&fixture, &server);
    // The log is fetched from the file on that the snapshot needs.
    server.script("FLUSH BINARY LOGS; INSERT INTO shop.visit VALUES (2, 'after it');");
    fetch(&fixture, &server);
    server.run("INSERT INTO shop.visit VALUES (3, 'c')");
    let second = snapshot(&fixture, &server);
    fetch(&fixture, &server);
    let found = restorable(&fixture);
    assert_eq!((found.windows.len(), found.gaps.len()), (1, 0), "{found:?}");
    edges_are_accepted(&fixture, &found);
    let (window, logs) = (&found.windows[0], stored(&fixture));
    assert_eq!((window.base, window.until), (first.id, logs.last().unwrap().record.complete_until));
    assert_eq!(window.logs, logs.iter().map(|log| log.id()).collect::<Vec<_>>());
    assert!(window.from <= window.until && !found.is_interrupted());

    // Without the first snapshot the window begins with the second.
    fixture.forget(&[first.id]);
    let (shorter, until) = (restorable(&fixture).windows, window.until);
    assert_eq!((shorter.len(), shorter[0].base, shorter[0].until), (1, second.id, until));
    assert!(shorter[0].from > window.from);

    server.script("INSERT INTO shop.visit VALUES (4, 'lost'); FLUSH BINARY LOGS; INSERT INTO shop.visit VALUES (5, 'e'); FLUSH BINARY LOGS;");
    purge_to_newest(&server);
    fetch(&fixture, &server);
    let found = restorable(&fixture);
    assert!(found.is_interrupted(), "{found:?}");
    edges_are_accepted(&fixture, &found);
    assert_eq!(found.gaps[0].reasons, [GapReason::Stream(StreamStart::Gap)]);
    let third = snapshot(&fixture, &server);
    fetch(&fixture, &server);
    let found = restorable(&fixture);
    assert_eq!((found.windows.len(), found.gaps.len(), found.is_interrupted()), (2, 1, false), "{found:?}");
    assert_eq!(found.windows[1].base, third.id);
    edges_are_accepted(&fixture, &found);
    assert_eq!((found.gaps[0].from, found.gaps[0].until), (until, Some(found.windows[1].from)));
}

/// A restore accepts the first and the last moment of each window, and no moment outside.
fn edges_are_accepted(fixture: &Fixture, found: &Restorable) {
    let repository = fixture.open();
    let snapshots = list(&repository).unwrap().snapshots;
    let is_accepted = |time: i64| match plan_newest(
        &repository,
        &snapshots,
        &When::At(time),
        &PastOptions::default(),
        &NullMonitor,
    ) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound);
            false
        }
    };
    let is_within = |time: i64| found.windows.iter().any(|window| (window.from..=window.until).contains(&time));
    for time in found.windows.iter().flat_map(|window| [window.from, window.until]) {
        for near in [time - 1, time, time + 1] {
            assert_eq!(is_accepted(near), is_within(near), "{near} in {found:?}");
        }
    }
}

fn a_log_that_lacks_schemas_leads_to_no_moment(version: Version) {
    let options = [super::LOGGED, &["--binlog-ignore-db=scratch"]].concat();
    let (server, fixture) = (TestServer::of(version, &options), Fixture::new());
    server.script("CREATE DATABASE shop; CREATE TABLE shop.visit (id INT PRIMARY KEY, note TEXT) ENGINE=InnoDB;");
    let only = snapshot(&fixture, &server);
    server.run("INSERT INTO shop.visit VALUES (1, 'a')");
    fetch(&fixture, &server);
    let found = restorable(&fixture);
    assert!(found.windows.is_empty(), "{found:?}");
    for when in [When::At(found.kept_until), When::Newest] {
        let refused =
            plan_newest(&fixture.open(), std::slice::from_ref(&only), &when, &PastOptions::default(), &NullMonitor)
                .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound);
    }
}

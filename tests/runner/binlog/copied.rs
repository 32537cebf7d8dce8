//! Copies into another repository: the logs go along, so every moment can be restored from there, too.

use std::sync::Arc;

use engine::binlog::window::read;
use engine::copy::{CopyOptions, RootChoice, What, copy};
use engine::monitor::NullMonitor;
use engine::repository::{InitOptions, init_like};
use engine::store::MemoryStore;
use repo_format::manifest::ManifestKind;
use scenario_tests::on_each_server;
use scenario_tests::server::Version;

use super::{events_of, fetch, logged, stored};
use crate::database::save::save;
use crate::support::{Fixture, verify_all};

on_each_server!(every_moment_that_the_source_has_is_in_the_copy);

fn every_moment_that_the_source_has_is_in_the_copy(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    let like = Fixture::without_repository(Arc::new(MemoryStore::new()));
    init_like(&*like.store, &like.credential(), &InitOptions::default(), &fixture.open()).unwrap();
    let targets = [like, Fixture::new()];
    for round in 1..=3 {
        server.run(&format!("INSERT INTO shop.visit VALUES ({round}, 'before the snapshot')"));
        save(&fixture, &fixture.open(), &server, &["shop"]);
        server.script(format!("FLUSH BINARY LOGS; INSERT INTO shop.visit VALUES ({round}0, 'after it');"));
        fetch(&fixture, &server);
        targets.iter().for_each(|target| copy_new(&fixture, target));
    }
    targets.iter().for_each(|target| assert_has_every_moment(&fixture, target));
}

fn copy_new(fixture: &Fixture, target: &Fixture) {
    let only = CopyOptions { only: vec![RootChoice::Databases], ..CopyOptions::default() };
    let outcome = copy(&fixture.open(), &target.open(), &What::New, &only, &NullMonitor).unwrap();
    assert!(outcome.failed.is_empty() && outcome.check.findings.is_empty(), "{outcome:?}");
    assert!(outcome.copied.iter().any(|copied| copied.source.kind == ManifestKind::Log), "{outcome:?}");
}

fn assert_has_every_moment(fixture: &Fixture, target: &Fixture) {
    verify_all(&target.open_anew());
    let (here, there) = (read(&fixture.open()).unwrap(), read(&target.open_anew()).unwrap());
    assert!(there.unreadable.is_empty());
    let moments = |found: &engine::binlog::window::Found| -> Vec<_> {
        found.restorable[0].windows.iter().map(|window| (window.from, window.until, window.logs.len())).collect()
    };
    assert_eq!((moments(&here), there.restorable[0].gaps.len()), (moments(&there), 0));
    assert_eq!(stored(target).len(), stored(fixture).len());
    for log in stored(fixture) {
        for file in &log.record.files {
            assert_eq!(events_of(target, &file.name), events_of(fixture, &file.name));
        }
    }
}

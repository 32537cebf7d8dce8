//! Many small logs become one: nothing of them is lost or told twice, whatever fails meanwhile.

use std::sync::Arc;
use std::time::Duration;

use engine::ErrorKind;
use engine::binlog::check::{LogDepth, check_logs};
use engine::binlog::merge::{MergeOptions, merge};
use engine::binlog::window::{Window, all_ways, read, records};
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::store::faulty::{Fault, FaultyStore, Op, When};
use engine::store::{AppendOnlyStore, MemoryStore, StoreErrorKind};
use repo_format::log::TransactionRecord;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::{assert_closed_files_are_whole, fetch, logged, stored};
use crate::database::save::save;
use crate::support::{Fixture, verify_all};

on_each_server!(many_small_logs_become_one_that_says_the_same,);

/// How many logs were made, and how many went.
fn merge_all(fixture: &Fixture, server: &TestServer) -> engine::Result<(u64, u64)> {
    let options = MergeOptions { young: Duration::ZERO, ..MergeOptions::default() };
    let merged = merge(&fixture.open(), &server.address().public(), &options, &NullMonitor)?;
    Ok((merged.made, merged.gone))
}

/// The moments that can be restored, but for the logs that they come from.
fn windows(fixture: &Fixture) -> Vec<Window> {
    let mut found = read(&fixture.open()).unwrap().restorable;
    assert_eq!((found.len(), found[0].gaps.len()), (1, 0), "{found:?}");
    let mut windows = found.remove(0).windows;
    windows.iter_mut().for_each(|window| window.logs.clear());
    windows
}

/// The transactions on the way from the first snapshot, each with the events of its own: their bytes.
fn told(fixture: &Fixture) -> Vec<(String, TransactionRecord, Vec<u8>)> {
    let repository = fixture.open();
    let reader = ChunkReader::new(&repository);
    let found = records(&repository).unwrap();
    let ways = all_ways(&found.logs, &found.bases);
    let way = ways.iter().min_by_key(|way| way.base.from).unwrap();
    let mut told = Vec::new();
    for log in way.logs() {
        for record in log.transactions(&reader).unwrap() {
            let record = record.unwrap();
            let file = &log.record.files[record.file as usize];
            let mut events = log.events(&reader, file, record.skip).unwrap();
            let first = events.next_event().unwrap().unwrap();
            // The places in the log are another matter.
            told.push((file.name.clone(), TransactionRecord { file: 0, skip: 0, ..record }, first));
        }
    }
    told
}

fn small_logs(fixture: &Fixture, server: &TestServer, count: usize) {
    for round in 0..count {
        let flush = if round % 5 == 3 { "FLUSH BINARY LOGS;" } else { "" };
        server.script(format!(
            "REPLACE INTO shop.visit VALUES ({round}, 'x'); {flush} DELETE FROM shop.visit WHERE id = {round} - 1;"
        ));
        fetch(fixture, server);
    }
}

fn many_small_logs_become_one_that_says_the_same(version: Version) {
    let (server, fixture) = (logged(version), Fixture::new());
    save(&fixture, &fixture.open(), &server, &["shop"]);
    small_logs(&fixture, &server, 20);
    save(&fixture, &fixture.open(), &server, &["shop"]);
    small_logs(&fixture, &server, 20);
    let (before, transactions, logs) = (windows(&fixture), told(&fixture), stored(&fixture));
    assert_eq!(merge_all(&fixture, &server).unwrap(), (1, 39));
    assert_eq!(stored(&fixture).len(), 2);
    assert_eq!((windows(&fixture), told(&fixture)), (before, transactions.clone()));
    assert_eq!(merge_all(&fixture, &server).unwrap(), (0, 0), "nothing is left to merge");
    // The newest log stays, so that fetching goes on behind it.
    assert_eq!(stored(&fixture)[1].id(), logs.last().unwrap().id());
    small_logs(&fixture, &server, 3);
    let now = told(&fixture);
    assert!(now.starts_with(&transactions) && now.len() > transactions.len());
    assert_eq!(windows(&fixture).len(), 1);
    assert_closed_files_are_whole(&fixture, &server);
    let report = check_logs(&fixture.open(), LogDepth::Events, &NullMonitor).unwrap();
    assert!(report.logs == 5 && report.findings.is_empty(), "{report:?}");
    verify_all(&fixture.open_anew());
}

#[test]
fn a_merge_that_fails_anywhere_loses_nothing_and_is_made_up_for() {
    let server = logged(Version::Installed);
    let store = Arc::new(FaultyStore::new(Arc::new(MemoryStore::new())));
    let fixture = Fixture::in_store(store.clone());
    save(&fixture, &fixture.open(), &server, &["shop"]);
    for at in [1, 2, 3, 4, 5, 6, 9, 40] {
        small_logs(&fixture, &server, 17);
        let (before, transactions) = (windows(&fixture), told(&fixture));
        let when = if at % 2 == 0 { When::Before } else { When::After };
        let ops = vec![Op::PutNew, Op::Delete];
        store.fail(Fault { ops, at, lasting: true, kind: StoreErrorKind::Io, when });
        let merged = merge_all(&fixture, &server);
        store.heal();
        assert_eq!((windows(&fixture), told(&fixture)), (before, transactions), "after {at} operations");
        merge_all(&fixture, &server).unwrap();
        assert!(stored(&fixture).len() <= 20, "{} logs", stored(&fixture).len());
        assert_eq!(merged.is_ok(), at == 40, "after {at} operations");
    }
    let report = check_logs(&fixture.open(), LogDepth::Events, &NullMonitor).unwrap();
    assert!(report.findings.is_empty(), "{report:?}");
    verify_all(&fixture.open_anew());
}

#[test]
fn a_repository_that_lets_nothing_go_keeps_small_logs_beside_the_merged_one() {
    let server = logged(Version::Installed);
    let fixture = Fixture::in_store(Arc::new(MemoryStore::new()));
    let fixture = fixture.through(Arc::new(AppendOnlyStore::new(fixture.store.clone())));
    save(&fixture, &fixture.open(), &server, &["shop"]);
    small_logs(&fixture, &server, 20);
    let (before, transactions) = (windows(&fixture), told(&fixture));
    assert_eq!(merge_all(&fixture, &server).unwrap(), (1, 0));
    for _ in 0..2 {
        assert_eq!((windows(&fixture), told(&fixture)), (before.clone(), transactions.clone()));
        assert_eq!(stored(&fixture).len(), 21);
        assert_eq!(merge_all(&fixture, &server).unwrap(), (0, 0));
    }
}

#[test]
fn a_damaged_log_is_not_merged() {
    let server = logged(Version::Installed);
    let store = MemoryStore::new();
    let fixture = Fixture::in_store(Arc::new(store.clone()));
    small_logs(&fixture, &server, 20);
    let packs: Vec<_> =
        store.names().into_iter().filter(|name| name.folder() == engine::store::Folder::Packs).collect();
    store.remove_raw(&packs[packs.len() / 2]);
    let unreadable = || engine::binlog::stored::StoredLogs::read(&fixture.open()).unwrap().unreadable.len();
    let damaged = unreadable();
    // Neighbours on one side of it may be enough without it.
    match merge_all(&fixture, &server) {
        Ok((made, gone)) => assert_eq!(stored_ids(&fixture) as u64 + gone, 20 + made),
        Err(error) => assert_eq!((error.kind(), stored_ids(&fixture)), (ErrorKind::Damaged, 20)),
    }
    assert_eq!(unreadable(), damaged);
}

fn stored_ids(fixture: &Fixture) -> usize {
    let present = fixture.open().manifests().unwrap().present;
    present.iter().filter(|manifest| manifest.kind == repo_format::manifest::ManifestKind::Log).count()
}

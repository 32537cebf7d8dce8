//! Tables whose packs are damaged: named, and healed by the next backup, also where nothing would be read again.

use std::sync::Arc;

use engine::load::{LoadOptions, load};
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::repository::Repository;
use engine::snapshots::Snapshot;
use engine::snapshots::saved::Database;
use engine::store::{MemoryStore, ObjectName};
use engine::upkeep::repair::{RepairOptions, repair};
use engine::upkeep::verify::{Depth, VerifyOptions, verify_snapshot};
use repo_format::config::Access;
use scenario_tests::databases::many_tables;
use scenario_tests::server::TestServer;

use super::save::save;
use crate::support::Fixture;

const TABLES: usize = 12;

fn carried(repository: &Repository, snapshot: &Snapshot) -> usize {
    let reader = ChunkReader::new(repository);
    Database::open(&reader, &snapshot.manifest, None).unwrap().server.carried.len()
}

#[test]
fn tables_that_would_be_carried_over_are_read_again_where_a_pack_is_gone() {
    let (store, server) = (MemoryStore::new(), TestServer::start(&[]));
    let fixture = Fixture::in_store(Arc::new(store.clone()));
    many_tables(&server, TABLES, &["MyISAM"]);
    let repository = fixture.open();
    // A table that changed within two seconds of a snapshot is read once more, so this takes as many backups as fit in
    // that time.
    let settled = (0..1000).map(|_| save(&fixture, &repository, &server, &["many"]));
    let settled = settled.into_iter().find(|snapshot| carried(&repository, snapshot) == TABLES).unwrap();
    let packs = repository.list_packs().unwrap();
    drop(repository);
    let mut read_again = 0;
    for pack in packs.into_keys() {
        let store = store.deep_clone();
        let fixture = fixture.through(Arc::new(store.clone()));
        store.remove_raw(&ObjectName::Pack(pack));
        let cache = fixture.copy_cache();
        let repository = fixture.try_open(&cache, &fixture.credential(), Access::Write).unwrap();
        let outcome = repair(&repository, &RepairOptions::default(), &NullMonitor).unwrap();
        let tables = |suffering: &engine::upkeep::repair::SufferingSnapshot| {
            suffering.paths.iter().filter(|path| path.ends_with(b"/rows") || path.ends_with(b"/.table")).count()
        };
        let named: usize = outcome.suffering.iter().map(tables).sum();

        let healed = save(&fixture, &repository, &server, &["many"]);
        let options = VerifyOptions { depth: Depth::ReadData };
        let report = verify_snapshot(&fixture.open_anew(), healed.id, &options, &NullMonitor).unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        let missed = TABLES - carried(&repository, &healed);
        let is_named = outcome.suffering.iter().any(|suffering| suffering.id == settled.id);
        assert!(missed == 0 || is_named, "{outcome:?}");
        if named > 0 && missed > 0 {
            let other = TestServer::start(&[]);
            load(&fixture.open_anew(), &healed, &other.address(), &LoadOptions::default(), &NullMonitor).unwrap();
            assert_eq!(server.fingerprint("many"), other.fingerprint("many"));
        }
        read_again += missed.min(named);
    }
    assert!(read_again >= TABLES, "no pack held what tables need");
}

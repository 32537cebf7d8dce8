//! Tables whose packs are damaged: named, and healed by the next backup, also where nothing would be read again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use engine::catalog::sealed_chunks;
use engine::dump::{DatabaseSource, Extent};
use engine::error::chain;
use engine::files::backup::{BackupOutcome, Loss};
use engine::load::{LoadOptions, load};
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::repository::Repository;
use engine::snapshots::Snapshot;
use engine::snapshots::diff::{ChangeKind, Detail, compare};
use engine::snapshots::saved::Database;
use engine::store::{MemoryStore, ObjectName};
use engine::tree::{ContentIter, lookup};
use engine::upkeep::repair::{RepairOptions, repair};
use engine::upkeep::verify::{Depth, VerifyOptions, verify_snapshot};
use repo_format::config::Access;
use repo_format::head::KeyClass;
use repo_format::id::{ChunkId, LeaseId};
use repo_format::segment::SegmentPack;
use scenario_tests::databases::many_tables;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::save::{save, source, try_save};
use crate::support::{Fixture, by_id};

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

/// Options of a server whose log has rows.
const LOGGED: &[&str] = &["--log-bin=binlog", "--server-id=7", "--binlog-format=ROW"];

on_each_server!(
    changed_tables_whose_earlier_rows_do_not_open_are_read_whole_and_named,
    a_proof_that_cannot_open_the_earlier_rows_stores_all_of_them_again,
    tables_whose_earlier_rows_are_gone_are_read_whole_and_named,
    tables_in_an_earlier_folder_that_does_not_open_are_stored_again_and_named,
    a_comparison_names_what_is_damaged_and_compares_the_rest,
);

/// A server with a table of each engine that changes, one of each that does not, and a repository with a snapshot of them.
struct Practice {
    store: MemoryStore,
    server: TestServer,
    fixture: Fixture,
}

impl Practice {
    /// The practice, and its snapshot; two tables have changed since.
    fn new(version: Version) -> (Self, LeaseId) {
        let server = TestServer::of(version, LOGGED);
        server.script("CREATE DATABASE s");
        for (table, engine) in [("a", "InnoDB"), ("b", "MyISAM"), ("c", "InnoDB"), ("d", "MyISAM")] {
            let ten = "SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 \
                       UNION SELECT 7 UNION SELECT 8 UNION SELECT 9";
            server.script(format!(
                "USE s; CREATE TABLE {table} (id INT PRIMARY KEY, v INT, t VARCHAR(400)) ENGINE={engine};
                 INSERT INTO {table} SELECT n, n, CONCAT(SHA2(n, 512), SHA2(-n, 512), '{table}')
                 FROM (SELECT x.n + 10 * y.n + 100 * z.n n FROM ({ten}) x JOIN ({ten}) y JOIN ({ten}) z) n; ANALYZE TABLE {table}"
            ));
        }
        server.run("DO SLEEP(1.01)");
        let store = MemoryStore::new();
        let practice = Practice { server, fixture: Fixture::in_store(Arc::new(store.clone())), store };
        let first = practice.save(Extent::Changes);
        assert_eq!(mended(&first), []);
        practice.server.run("DO SLEEP(1.01)");
        practice.server.run("UPDATE s.a SET v = -1 WHERE id = 500");
        practice.server.run("UPDATE s.b SET v = -1 WHERE id = 500");
        (practice, first.snapshot.unwrap())
    }

    fn save(&self, extent: Extent) -> BackupOutcome {
        let repository = self.fixture.open();
        // A busy machine may hold locks for long: no table is let go for that.
        let source = DatabaseSource { extent, wait_max: Duration::from_secs(60), ..source(&self.server, &["s"]) };
        try_save(&repository, source).unwrap_or_else(|e| panic!("{}", chain(&e)))
    }

    /// The packs that have rows.
    fn data_packs(&self) -> Vec<SegmentPack> {
        self.packs_of(KeyClass::Data)
    }

    fn packs_of(&self, class: KeyClass) -> Vec<SegmentPack> {
        let repository = self.fixture.open();
        let packs = repository.list_packs().unwrap().into_iter();
        let described = packs.map(|(id, size)| repository.read_pack_table(id, size).unwrap());
        described.filter(|pack| pack.sealing.class == class).collect()
    }

    /// Flips a bit in each chunk of the rows that change.
    fn damage(&self, snapshot: LeaseId) {
        let repository = self.fixture.open();
        let snapshot = by_id(&repository, snapshot);
        let reader = ChunkReader::new(&repository);
        let schema = Database::open(&reader, &snapshot.manifest, None).unwrap().schema("s").unwrap();
        let mut ids = HashSet::new();
        for table in ["a", "b"] {
            for segment in schema.table(table).unwrap().segments(&reader).unwrap() {
                let segment = segment.unwrap();
                ids.extend(ContentIter::new(&reader, &segment.content, segment.len).map(|item| item.unwrap().id));
            }
        }
        self.flip(KeyClass::Data, &ids);
    }

    /// Flips a bit in the node of a folder of the snapshot.
    fn damage_folder(&self, snapshot: LeaseId, path: &[u8]) {
        let repository = self.fixture.open();
        let manifest = by_id(&repository, snapshot).manifest;
        let reader = ChunkReader::new(&repository);
        let (_, folder) = lookup(&reader, &manifest, path).unwrap();
        self.flip(KeyClass::Meta, &HashSet::from([folder.unwrap().tree.unwrap()]));
    }

    fn flip(&self, class: KeyClass, ids: &HashSet<ChunkId>) {
        for pack in self.packs_of(class) {
            let name = ObjectName::Pack(pack.id);
            let mut bytes = self.store.bytes(&name).unwrap();
            let damaged = sealed_chunks(&pack).filter(|(id, _)| ids.contains(id));
            damaged.for_each(|(_, at)| bytes[usize::try_from(at.offset).unwrap() + 3] ^= 1);
            self.store.put_raw(&name, bytes);
        }
    }

    /// Everything in a snapshot can be read, though a damaged pack may still be there.
    fn assert_whole(&self, outcome: &BackupOutcome) {
        let options = VerifyOptions { depth: Depth::ReadData };
        let report =
            verify_snapshot(&self.fixture.open_anew(), outcome.snapshot.unwrap(), &options, &NullMonitor).unwrap();
        assert!(report.findings.iter().all(|finding| finding.affected.is_empty()), "{:?}", report.findings);
    }
}

/// The tables whose earlier rows were lost.
fn mended(outcome: &BackupOutcome) -> Vec<(&str, Loss, bool)> {
    let tables = outcome.databases[0].mended.iter();
    tables.map(|table| (&table.name[..], table.loss, table.is_known)).collect()
}

fn changed_tables_whose_earlier_rows_do_not_open_are_read_whole_and_named(version: Version) {
    let (practice, snapshot) = Practice::new(version);
    practice.damage(snapshot);
    let first = practice.save(Extent::Changes);
    assert_eq!(mended(&first), [("s.a", Loss::Damaged, false), ("s.b", Loss::Damaged, false)]);
    // A table without transactions was locked only until its changed rows were read.
    assert_eq!((first.databases[0].late_tables, first.databases[0].missing_tables), (1, 0));
    // The rows of the others were not read, but their packs are known not to open.
    let second = practice.save(Extent::Changes);
    assert_eq!(mended(&second), [("s.c", Loss::Missing, false), ("s.d", Loss::Missing, false)]);
    practice.assert_whole(&second);
    assert_eq!(mended(&practice.save(Extent::Changes)), []);
}

fn a_proof_that_cannot_open_the_earlier_rows_stores_all_of_them_again(version: Version) {
    let (practice, snapshot) = Practice::new(version);
    practice.damage(snapshot);
    let first = practice.save(Extent::Prove);
    assert_eq!(mended(&first)[..2], [("s.a", Loss::Damaged, false), ("s.b", Loss::Damaged, false)]);
    practice.assert_whole(&practice.save(Extent::Prove));
}

fn tables_whose_earlier_rows_are_gone_are_read_whole_and_named(version: Version) {
    let (practice, _) = Practice::new(version);
    let lose =
        || practice.data_packs().iter().for_each(|pack| assert!(practice.store.remove_raw(&ObjectName::Pack(pack.id))));
    let gone = |is_known| ["s.a", "s.b", "s.c", "s.d"].map(|name| (name, Loss::Damaged, is_known));
    lose();
    let first = practice.save(Extent::Changes);
    assert_eq!(mended(&first), gone(false));
    practice.assert_whole(&first);
    assert_eq!(mended(&practice.save(Extent::Changes)), []);
    // A loss that a check has found is no news.
    lose();
    repair(&practice.fixture.open(), &RepairOptions::default(), &NullMonitor).unwrap();
    let last = practice.save(Extent::Changes);
    assert_eq!(mended(&last), gone(true));
    practice.assert_whole(&last);
}

fn tables_in_an_earlier_folder_that_does_not_open_are_stored_again_and_named(version: Version) {
    let (practice, snapshot) = Practice::new(version);
    let root = by_id(&practice.fixture.open(), snapshot).manifest.roots[0].name.0.clone();
    practice.damage_folder(snapshot, &[&root[..], b"/s/c"].concat());
    let first = practice.save(Extent::Changes);
    assert_eq!(mended(&first), [("s.c", Loss::Damaged, false)]);
    practice.assert_whole(&first);
    // Other tables may have lists in the same pack.
    practice.save(Extent::Changes);
    let healed = practice.save(Extent::Changes);
    assert_eq!(mended(&healed), []);

    practice.damage_folder(healed.snapshot.unwrap(), &root);
    let second = practice.save(Extent::Changes);
    assert_eq!(mended(&second), ["s.a", "s.b", "s.c", "s.d"].map(|name| (name, Loss::Damaged, false)));
    practice.assert_whole(&second);
}

/// The differences between two snapshots: the last name of each path, and how it differs.
fn differences(practice: &Practice, before: LeaseId, after: LeaseId) -> Vec<(String, &'static str)> {
    let (repository, mut told) = (practice.fixture.open_anew(), Vec::new());
    let (before, after) = (by_id(&repository, before), by_id(&repository, after));
    let mut found = |found: &engine::snapshots::diff::PartChange| {
        let path = String::from_utf8_lossy(&found.change.path).into_owned();
        let how = match (&found.detail, found.change.kind) {
            (Detail::Unreadable(why), _) => {
                assert!(!why.is_empty());
                "damaged"
            }
            (Detail::Table { before: None, .. }, ChangeKind::Added) => "new",
            (Detail::Table { rows: Some(rows), .. }, _) if rows.changed == 1 => "one row",
            other => panic!("{other:?}"),
        };
        told.push((path.rsplit('/').next().unwrap().to_owned(), how));
        Ok(())
    };
    compare(&repository, &before, &after, &mut found, &NullMonitor).unwrap_or_else(|e| panic!("{}", chain(&e)));
    told
}

fn a_comparison_names_what_is_damaged_and_compares_the_rest(version: Version) {
    let (practice, before) = Practice::new(version);
    practice.server.run("UPDATE s.c SET v = -1 WHERE id = 500");
    practice.server.run("CREATE TABLE s.e (id INT PRIMARY KEY)");
    let after = practice.save(Extent::Changes).snapshot.unwrap();
    let all =
        |told: &[(&str, &'static str)]| told.iter().map(|(name, how)| ((*name).to_owned(), *how)).collect::<Vec<_>>();
    let whole = [("a", "one row"), ("b", "one row"), ("c", "one row"), ("e", "new")];
    assert_eq!(differences(&practice, before, after), all(&whole));
    practice.damage(before);
    let rows = [("a", "damaged"), ("b", "damaged"), ("c", "one row"), ("e", "new")];
    assert_eq!(differences(&practice, before, after), all(&rows));
    let root = by_id(&practice.fixture.open(), before).manifest.roots[0].name.0.clone();
    practice.damage_folder(before, &[&root[..], b"/s/c"].concat());
    let table = [("a", "damaged"), ("b", "damaged"), ("c", "damaged"), ("e", "new")];
    assert_eq!(differences(&practice, before, after), all(&table));
    practice.damage_folder(after, &[&root[..], b"/s"].concat());
    assert_eq!(differences(&practice, before, after), all(&[("s", "damaged")]));
}

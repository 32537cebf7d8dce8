//! Several writers at once, and what other programs or hands may have done to the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::ErrorKind;
use engine::files::backup::{ParentChoice, Source};
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::session::{WriterOptions, WriterSession};
use engine::store::faulty::{FaultyStore, Op};
use engine::store::{Folder, MemoryStore, ObjectName, Original};
use engine::upkeep::verify::{FindingKind, VerifyOptions, verify};
use repo_format::condemned::{CondemnedList, Phase};
use repo_format::config::Access;
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{LeaseId, PackId};
use repo_format::lease::Void;
use repo_format::manifest::{Manifest, ManifestKind};

use crate::support::{
    Fixture, Hook, Tree, backup, backup_options, backup_paths, by_id, look, noise, options_without_parent, verify_all,
};

/// A repository in memory with packs of 1 MiB, and a folder with two files.
fn scene() -> (Fixture, MemoryStore, PathBuf) {
    let store = MemoryStore::new();
    let fixture = Fixture::with_small_packs(&store);
    let root = fixture.folder("root");
    fs::write(root.join("one"), noise(1, 2_500_000)).unwrap();
    fs::write(root.join("two"), noise(2, 10_000)).unwrap();
    (fixture, store, root)
}

fn count(store: &MemoryStore, folder: Folder) -> usize {
    store.names().into_iter().filter(|name| name.folder() == folder).count()
}

/// Four threads back up into one repository, three times each; everything is restored and verified.
fn four_writers(cache_of: impl Fn(usize) -> String + Sync) {
    let (fixture, store, shared) = scene();
    let folders: Vec<PathBuf> = (0..4)
        .map(|number| {
            let folder = fixture.folder("own");
            fs::write(folder.join("own"), noise(10 + number, 700_000)).unwrap();
            fs::write(folder.join("same"), noise(3, 700_000)).unwrap();
            folder
        })
        .collect();
    let run = |number: usize| -> Vec<(LeaseId, PathBuf, Tree)> {
        let repository = fixture.try_open(&cache_of(number), &fixture.credential(), Access::Write).unwrap();
        let mut done = Vec::new();
        for round in 0..3 {
            fs::write(folders[number].join(format!("round {round}")), noise(100 + round, 200_000)).unwrap();
            let outcome =
                backup_paths(&repository, &[&folders[number], &shared], &backup_options(), &NullMonitor).unwrap();
            assert_eq!(outcome.problem_count, 0);
            done.push((outcome.snapshot.unwrap(), folders[number].clone(), look(&folders[number])));
        }
        done
    };
    let run = &run;
    let snapshots: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|number| scope.spawn(move || run(number))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(snapshots.len(), 12);
    let repository = fixture.open_anew();
    let shared = look(&shared);
    for (snapshot, folder, tree) in &snapshots {
        let (target, outcome) = fixture.restore(&repository, *snapshot, folder.to_str().unwrap());
        assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
        crate::support::assert_same(tree, &look(&target));
        let (target, _) = fixture.restore(&repository, *snapshot, "root");
        crate::support::assert_same(&shared, &look(&target));
    }
    let report = verify_all(&repository);
    assert_eq!((report.snapshots, report.notes), (12, Vec::new()));
    assert_eq!(count(&store, Folder::Leases), 0);
}

#[test]
fn four_writers_with_caches_of_their_own_do_not_harm_each_other() {
    four_writers(|number| format!("cache of {number}"));
}

#[test]
fn four_writers_with_one_cache_do_not_harm_each_other() {
    four_writers(|_| "cache of all".to_owned());
}

#[test]
fn two_threads_may_use_one_open_repository() {
    let (fixture, _, root) = scene();
    let repository = fixture.open();
    let snapshots: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| backup(&repository, &root).0)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for snapshot in snapshots {
        fixture.assert_restores(&repository, snapshot, &look(&root));
    }
    verify_all(&repository);
}

#[test]
fn a_writer_that_was_fenced_does_not_commit() {
    let (fixture, store, root) = scene();
    let repository = fixture.open();
    let fencing = fixture.open_anew();
    let disk = store.clone();
    // While it reads, another process finds its lease and declares it dead.
    let hook = Hook::once(
        |_| true,
        move || {
            let lease = disk.names().into_iter().find_map(|name| match name {
                ObjectName::Lease(id) => Some(id),
                _ => None,
            });
            let id = lease.unwrap();
            let void = Void { id, time: 1, host: "another host".to_owned(), reason: "no sign of life".to_owned() };
            let name = ObjectName::Snapshot(id);
            let plain = void.encode().unwrap();
            let keys = fencing.keys();
            let object = keys.seal(ObjectKind::Void, KeyClass::Meta, &name.to_string(), &plain).unwrap();
            disk.put_raw(&name, object);
        },
    );
    let error = backup_paths(&repository, &[&root], &backup_options(), &hook).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced);
    assert!(error.to_string().contains("another host: no sign of life"), "{error}");
    assert_eq!((count(&store, Folder::Snapshots), count(&store, Folder::Leases)), (1, 0));
    let report = verify_all(&repository);
    assert_eq!(report.snapshots, 0);
    assert!(report.notes.iter().any(|note| note.contains("fences a writer")), "{:?}", report.notes);
    // The next backup reuses its data.
    let (snapshot, outcome) = backup(&repository, &root);
    assert!(outcome.statistics.new_bytes < 100_000, "{:?}", outcome.statistics);
    fixture.assert_restores(&fixture.open_anew(), snapshot, &look(&root));
}

/// Puts a list that condemns `packs`.
fn condemn(repository: &Repository, packs: Vec<PackId>) {
    let (mut condemned, tag) = repository.condemned().unwrap();
    condemned.lists.push(CondemnedList { number: condemned.next, phase: Phase::Condemned, packs });
    condemned.next += 1;
    let plain = condemned.encode().unwrap();
    let object = repository.keys().seal(ObjectKind::Condemned, KeyClass::Index, "condemned", &plain).unwrap();
    repository.store().replace_if(&ObjectName::Condemned, Some(tag), &object).unwrap();
}

#[test]
fn nothing_counts_on_condemned_packs() {
    for parent in [ParentChoice::Newest, ParentChoice::None] {
        let (fixture, store, root) = scene();
        let repository = fixture.open();
        let (first, _) = backup(&repository, &root);
        let packs: Vec<PackId> = repository.list_packs().unwrap().into_keys().collect();
        condemn(&repository, packs.clone());
        let options = engine::files::backup::BackupOptions { parent, ..backup_options() };
        let outcome = backup_paths(&repository, &[&root], &options, &NullMonitor).unwrap();
        assert!(outcome.statistics.new_bytes > 2_500_000, "{:?}", outcome.statistics);
        let second = outcome.snapshot.unwrap();
        let manifest = by_id(&repository, second).manifest;
        assert_eq!(manifest.condemned_seen, 1);
        // The prune goes on, and the first snapshot was forgotten.
        packs.iter().for_each(|pack| assert!(store.remove_raw(&ObjectName::Pack(*pack))));
        store.remove_raw(&ObjectName::Snapshot(first));
        fixture.assert_restores(&repository, second, &look(&root));
        fixture.assert_restores(&fixture.open_anew(), second, &look(&root));
    }
}

#[test]
fn a_condemned_pack_that_no_segment_names_is_not_adopted() {
    let (fixture, store, root) = scene();
    backup(&fixture.open(), &root);
    let repository = fixture.open_anew();
    let packs = repository.list_packs().unwrap();
    store.names().into_iter().filter(|name| name.folder() == Folder::Index).for_each(|name| {
        store.remove_raw(&name);
    });
    condemn(&repository, packs.into_keys().collect());
    let outcome = backup_paths(&repository, &[&root], &options_without_parent(), &NullMonitor).unwrap();
    assert!(outcome.statistics.new_bytes > 2_500_000, "{:?}", outcome.statistics);
}

#[test]
fn a_condemned_list_that_is_older_than_one_that_was_seen_stops_the_writer() {
    let (fixture, store, root) = scene();
    let old = store.bytes(&ObjectName::Condemned).unwrap();
    let repository = fixture.open();
    condemn(&repository, Vec::new());
    backup(&repository, &root);
    store.put_raw(&ObjectName::Condemned, old);
    let error = backup_paths(&repository, &[&root], &backup_options(), &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disappeared);
    let report = verify(&fixture.open_anew(), &VerifyOptions::default(), &NullMonitor).unwrap();
    assert_eq!(report.findings[0].kind, FindingKind::RolledBack, "{:?}", report.findings);
}

#[test]
fn without_a_condemned_list_nothing_is_written() {
    let (fixture, store, root) = scene();
    let repository = fixture.open();
    let (snapshot, _) = backup(&repository, &root);
    store.remove_raw(&ObjectName::Condemned);
    let before = store.names();
    assert_eq!(
        backup_paths(&repository, &[&root], &backup_options(), &NullMonitor).unwrap_err().kind(),
        ErrorKind::Damaged
    );
    assert_eq!(store.names(), before);
    fixture.assert_restores(&repository, snapshot, &look(&root));
}

#[test]
fn packs_that_no_segment_names_are_adopted() {
    let (fixture, store, root) = scene();
    backup(&fixture.open(), &root);
    let segments: Vec<_> = store.names().into_iter().filter(|name| name.folder() == Folder::Index).collect();
    segments.iter().for_each(|name| assert!(store.remove_raw(name)));
    // By the machine that knew them, and by one that does not.
    for repository in [fixture.open(), fixture.open_anew()] {
        let report = verify_all(&repository);
        assert!(report.notes.is_empty() || report.notes.iter().all(|note| note.contains("no index segment")));
        let outcome = backup_paths(&repository, &[&root], &options_without_parent(), &NullMonitor).unwrap();
        // A folder is described otherwise when its files are older, so a node may be new.
        assert!(outcome.statistics.new_bytes < 1000, "{:?}", outcome.statistics);
        let anew = fixture.open_anew();
        assert!(verify_all(&anew).notes.is_empty());
        fixture.assert_restores(&anew, outcome.snapshot.unwrap(), &look(&root));
    }
}

#[test]
fn a_pack_that_is_adopted_is_made_durable_and_not_written_again() {
    let (fixture, store, root) = scene();
    backup(&fixture.open(), &root);
    let segments: Vec<_> = store.names().into_iter().filter(|name| name.folder() == Folder::Index).collect();
    segments.iter().for_each(|name| assert!(store.remove_raw(name)));
    let faulty = Arc::new(FaultyStore::new(Arc::new(store.clone())));
    let repository = fixture.through(faulty.clone()).open_anew();
    backup_paths(&repository, &[&root], &options_without_parent(), &NullMonitor).unwrap();
    let of_packs = |op| faulty.log().iter().filter(|call| call.op == op && call.folder == Folder::Packs).count();
    assert_eq!((of_packs(Op::PutNew), of_packs(Op::EnsureDurable)), (0, count(&store, Folder::Packs)));
}

#[test]
fn a_pack_that_was_half_written_is_not_adopted() {
    let (fixture, store, root) = scene();
    let whole = fixture.open_anew();
    backup(&whole, &root);
    let repository = fixture.open_anew();
    for (pack, _) in repository.list_packs().unwrap() {
        let name = ObjectName::Pack(pack);
        let mut bytes = store.bytes(&name).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        store.put_raw(&name, bytes);
    }
    for name in store.names() {
        if matches!(name.folder(), Folder::Index | Folder::Snapshots) {
            store.remove_raw(&name);
        }
    }
    let hook = Hook::quiet();
    let outcome = backup_paths(&repository, &[&root], &backup_options(), &hook).unwrap();
    assert!(hook.notes().iter().any(|note| note.contains("is not used")), "{:?}", hook.notes());
    assert!(outcome.statistics.new_bytes > 2_500_000);
    fixture.assert_restores(&fixture.open_anew(), outcome.snapshot.unwrap(), &look(&root));
}

#[test]
fn a_pack_that_is_gone_is_made_good_by_the_next_backup() {
    let (fixture, store, root) = scene();
    let repository = fixture.open();
    let (first, _) = backup(&repository, &root);
    for pack in repository.list_packs().unwrap().into_keys() {
        store.remove_raw(&ObjectName::Pack(pack));
    }
    let report = verify(&repository, &VerifyOptions::default(), &NullMonitor).unwrap();
    assert!(report.findings.iter().any(|finding| finding.kind == FindingKind::LostData), "{:?}", report.findings);
    let (second, _) = backup(&repository, &root);
    for snapshot in [first, second] {
        fixture.assert_restores(&repository, snapshot, &look(&root));
        fixture.assert_restores(&fixture.open_anew(), snapshot, &look(&root));
    }
}

#[test]
fn verify_reports_a_snapshot_that_was_deleted_by_hand() {
    let (fixture, store, root) = scene();
    let repository = fixture.open();
    let (first, _) = backup(&repository, &root);
    let (second, _) = backup(&repository, &root);
    store.remove_raw(&ObjectName::Snapshot(first));
    // A new machine knows from the second one's manifest.
    for repository in [fixture.open(), fixture.open_anew()] {
        let report = verify(&repository, &VerifyOptions::default(), &NullMonitor).unwrap();
        let [finding] = &report.findings[..] else { panic!("{:?}", report.findings) };
        assert_eq!((finding.kind, &finding.object), (FindingKind::MissingSnapshot, &format!("snapshots/{first}")));
    }
    store.remove_raw(&ObjectName::Snapshot(second));
    let report = verify(&repository, &VerifyOptions::default(), &NullMonitor).unwrap();
    assert_eq!(report.findings.len(), 2, "this machine remembers both: {:?}", report.findings);
    fixture.assert_restores(&repository, backup(&repository, &root).0, &look(&root));
}

#[test]
fn a_manifest_of_an_unknown_kind_is_left_alone() {
    let (fixture, store, root) = scene();
    let repository = fixture.open();
    let (first, _) = backup(&repository, &root);
    let known = by_id(&repository, first).manifest;
    let id = LeaseId([7; 16]);
    let strange = Manifest { kind: ManifestKind::Other(99), id, ..known };
    let name = ObjectName::Snapshot(id);
    let plain = strange.encode().unwrap();
    let object = repository.keys().seal(ObjectKind::Manifest, KeyClass::Meta, &name.to_string(), &plain).unwrap();
    store.put_raw(&name, object.clone());
    for repository in [fixture.open(), fixture.open_anew()] {
        let objects = count(&store, Folder::Snapshots);
        assert_eq!(engine::snapshots::list(&repository).unwrap().snapshots.len(), objects - 1);
        assert_eq!(verify_all(&repository).snapshots, objects as u64);
        let (_, outcome) = backup(&repository, &root);
        assert_ne!(outcome.parent, Some(id), "nothing is compared with it");
    }
    assert_eq!(store.bytes(&name), Some(object));
}

/// Puts the config with these flags: needed to read, write, prune.
fn set_flags(fixture: &Fixture, store: &MemoryStore, flags: [&[&str]; 3]) {
    let repository = fixture.open_anew();
    let mut config = repository.config().clone();
    let [read, write, prune] = flags.map(|flags| flags.iter().map(|flag| (*flag).to_owned()).collect());
    (config.flags_read, config.flags_write, config.flags_prune) = (read, write, prune);
    config.version += 1;
    let tag = |tagged: &[u8]| repository.keys().config_tag(tagged);
    let object = repo_format::clear::encode(ObjectKind::Config, &config.encode().unwrap(), tag).unwrap();
    store.put_raw(&ObjectName::Config, object.clone());
    store.put_raw(&ObjectName::Copy(Original::Config), object);
}

#[test]
fn features_that_are_not_known_are_refused_by_name() {
    let accesses = [Access::Read, Access::Write, Access::Prune];
    // For each place a feature can stand in: what is allowed all the same.
    let cases: [([&[&str]; 3], usize); 3] =
        [([&["holograms"], &[], &[]], 0), ([&[], &["holograms"], &[]], 1), ([&[], &[], &["holograms"]], 2)];
    for (flags, allowed) in cases {
        let (fixture, store, _) = scene();
        set_flags(&fixture, &store, flags);
        for (number, access) in accesses.into_iter().enumerate() {
            let opened = fixture.try_open("cache", &fixture.credential(), access);
            match opened.map(drop) {
                Ok(()) => assert!(number < allowed, "{flags:?} {access:?}"),
                Err(error) => {
                    assert!(number >= allowed, "{flags:?} {access:?}: {error}");
                    assert_eq!(error.kind(), ErrorKind::TooNew);
                    assert!(error.to_string().contains("holograms"), "{error}");
                }
            }
        }
    }
}

#[test]
fn a_config_that_nobody_with_the_keys_wrote_is_refused() {
    let (fixture, store, _) = scene();
    let mut config = fixture.open_anew().config().clone();
    config.pack_bytes = 2 << 20;
    let object = repo_format::clear::encode(ObjectKind::Config, &config.encode().unwrap(), |_| [0; 32]).unwrap();
    store.put_raw(&ObjectName::Copy(Original::Config), object.clone());
    store.put_raw(&ObjectName::Config, object);
    let error = fixture.try_open("new", &fixture.credential(), Access::Read).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains("not written by a member"), "{error}");
}

#[test]
fn an_older_config_is_refused_for_writing_by_who_has_seen_the_newer() {
    let (fixture, store, _) = scene();
    let old = store.bytes(&ObjectName::Config).unwrap();
    set_flags(&fixture, &store, [&[], &[], &[]]);
    drop(fixture.open());
    store.put_raw(&ObjectName::Config, old);
    let error = fixture.try_open("cache", &fixture.credential(), Access::Write).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Disappeared);
    let repository = fixture.try_open("cache", &fixture.credential(), Access::Read).unwrap();
    let report = verify(&repository, &VerifyOptions::default(), &NullMonitor).unwrap();
    assert!(report.findings.iter().any(|finding| finding.kind == FindingKind::RolledBack), "{:?}", report.findings);
}

#[test]
fn a_session_that_is_dropped_gives_up_its_lease() {
    let (fixture, store, _) = scene();
    let repository = fixture.open();
    let options = WriterOptions { host: "host".to_owned(), ..WriterOptions::default() };
    let session = WriterSession::begin(&repository, &options, &NullMonitor).unwrap();
    assert_eq!(count(&store, Folder::Leases), 1);
    drop(session);
    assert_eq!(count(&store, Folder::Leases), 0);
}

#[test]
fn a_cache_of_another_time_is_only_a_hint() {
    // The cache knows packs and segments that the repository has no more, as after it was put back from a copy.
    let (fixture, store, root) = scene();
    let before = store.deep_clone();
    backup(&fixture.open(), &root);
    let fixture = fixture.through(Arc::new(before));
    let repository = fixture.open();
    let (snapshot, outcome) = backup(&repository, &root);
    assert!(outcome.statistics.new_bytes > 2_500_000, "{:?}", outcome.statistics);
    fixture.assert_restores(&fixture.open_anew(), snapshot, &look(&root));
    drop(store);
}

#[test]
fn a_damaged_cache_is_begun_anew() {
    let (fixture, _, root) = scene();
    let (snapshot, _) = backup(&fixture.open(), &root);
    let database = find(fixture.scratch_folder(), "index.sqlite");
    fs::write(&database, noise(1, 100_000)).unwrap();
    let repository = fixture.open();
    fixture.assert_restores(&repository, snapshot, &look(&root));
    let (_, outcome) = backup(&repository, &root);
    assert!(outcome.statistics.new_bytes < 100_000, "{:?}", outcome.statistics);
}

/// The first file of this name somewhere in the folder of the cache.
fn find(scratch: &Path, name: &str) -> PathBuf {
    let repository = fs::read_dir(scratch.join("cache")).unwrap().next().unwrap().unwrap().path();
    repository.join(name)
}

#[test]
fn sources_must_be_given() {
    let (fixture, _, _) = scene();
    let none: Vec<Source> = Vec::new();
    let error = engine::files::backup::backup(&fixture.open(), none, &backup_options(), &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

//! Repair: what is whole is kept, what is lost is named, and the next backup brings it back.

use std::fs;
use std::path::PathBuf;

use engine::ErrorKind;
use engine::catalog::{Location, sealed_chunks};
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::store::{Folder, MemoryStore, ObjectName, PowerLoss};
use engine::upkeep::repair::{CondemnedPolicy, Depth, RepairOptions, RepairOutcome, repair};
use engine::upkeep::verify::{FindingKind, VerifyOptions, verify};
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{LeaseId, PackId};
use repo_format::lease::Void;
use repo_format::pack::ChunkKind;
use repo_format::segment::SegmentPack;

use crate::support::{
    Fixture, Hook, Tree, assert_same, backup, backup_options, backup_paths, by_id, look, noise, options_without_parent,
    verify_all,
};

/// A repository with packs of 1 MiB, a folder of several, and a snapshot of it.
struct Scene {
    fixture: Fixture,
    store: MemoryStore,
    root: PathBuf,
    tree: Tree,
    snapshot: LeaseId,
}

fn scene() -> Scene {
    let store = MemoryStore::new();
    let fixture = Fixture::with_small_packs(&store);
    let root = fixture.folder("root");
    for number in 0..4 {
        fs::write(root.join(format!("file {number}")), noise(number, 1_000_000)).unwrap();
    }
    let tree = look(&root);
    let (snapshot, _) = backup(&fixture.open(), &root);
    Scene { fixture, store, root, tree, snapshot }
}

fn run(repository: &Repository, depth: Depth) -> RepairOutcome {
    repair(repository, &RepairOptions { depth, ..RepairOptions::default() }, &NullMonitor).unwrap()
}

fn flip(store: &MemoryStore, pack: PackId, at: u64) {
    let name = ObjectName::Pack(pack);
    let mut bytes = store.bytes(&name).unwrap();
    bytes[usize::try_from(at).unwrap()] ^= 1;
    store.put_raw(&name, bytes);
}

fn descriptions(repository: &Repository) -> Vec<SegmentPack> {
    let mut packs: Vec<_> = repository.list_packs().unwrap().into_iter().collect();
    packs.sort();
    packs.into_iter().map(|(id, size)| repository.read_pack_table(id, size).unwrap()).collect()
}

/// A data pack with several chunks, and where those stand.
fn data_pack(repository: &Repository) -> (SegmentPack, Vec<Location>) {
    let packs = descriptions(repository).into_iter().filter(|pack| pack.sealing.class == KeyClass::Data);
    let pack = packs.max_by_key(|pack| pack.table.entries.len()).unwrap();
    let chunks = sealed_chunks(&pack).map(|(_, location)| location);
    let chunks: Vec<_> = chunks.filter(|location| location.kind == ChunkKind::Data).collect();
    assert!(chunks.len() > 2);
    (pack, chunks)
}

fn objects(store: &MemoryStore, folder: Folder) -> Vec<ObjectName> {
    store.names().into_iter().filter(|name| name.folder() == folder).collect()
}

fn everything(store: &MemoryStore) -> Vec<(ObjectName, Vec<u8>)> {
    store.names().into_iter().map(|name| (name, store.bytes(&name).unwrap())).collect()
}

impl Scene {
    /// Saves the folder again, unchanged, and asserts that everything restores from then on, on any machine.
    #[track_caller]
    fn assert_heals(&self, repository: &Repository) {
        let (second, _) = backup(repository, &self.root);
        for repository in [repository, &self.fixture.open_anew()] {
            self.fixture.assert_restores(repository, second, &self.tree);
            self.fixture.assert_restores(repository, self.snapshot, &self.tree);
        }
        verify_all(&self.fixture.open_anew());
        assert!(!run(repository, Depth::ReadData).has_losses());
    }
}

#[test]
fn a_whole_repository_is_left_as_it_is() {
    let Scene { fixture, store, .. } = scene();
    let before = everything(&store);
    for depth in [Depth::Structure, Depth::ReadData] {
        let outcome = run(&fixture.open_anew(), depth);
        assert!(!outcome.has_losses());
        assert_eq!(outcome.packs, fixture.open().list_packs().unwrap().len() as u64);
        assert!(everything(&store) == before);
    }
}

#[test]
fn what_is_whole_of_a_damaged_pack_is_copied_and_what_is_not_is_named_and_healed() {
    let scene = scene();
    let repository = scene.fixture.open();
    let (pack, chunks) = data_pack(&repository);
    flip(&scene.store, pack.id, chunks[1].offset + 3);
    assert_eq!(run(&repository, Depth::Structure).damaged_packs, [], "only reading shows it");

    let outcome = run(&repository, Depth::ReadData);
    let [damaged] = &outcome.damaged_packs[..] else { panic!("{outcome:?}") };
    assert_eq!((damaged.id, damaged.damaged_chunks), (pack.id, 1));
    assert_eq!(damaged.whole_chunks, chunks.len() as u64 - 1);
    assert_eq!(outcome.copied_chunks, damaged.whole_chunks);
    // A backup closes a pack when it is longer than it should be, a copy before.
    assert!(matches!(outcome.new_packs, 1 | 2), "{outcome:?}");
    assert_eq!(outcome.lost_chunks, 1);
    let [suffering] = &outcome.suffering[..] else { panic!("{outcome:?}") };
    assert_eq!((suffering.id, suffering.paths.len(), suffering.has_more), (scene.snapshot, 1, false));
    assert!(suffering.paths[0].starts_with(b"root/file "));

    // All but that file can be restored, and it is named.
    let (target, restored) = scene.fixture.restore(&scene.fixture.open_anew(), scene.snapshot, "root");
    assert_eq!(restored.problem_count, 1, "{:?}", restored.problems);
    assert_eq!(look(&target).len(), scene.tree.len());
    // Once is enough: what the new pack has is not copied again.
    let again = run(&repository, Depth::ReadData);
    assert_eq!((again.copied_chunks, again.new_packs, again.replaced_segments, again.lost_chunks), (0, 0, 0, 1));
    let report =
        verify(&repository, &VerifyOptions { depth: engine::upkeep::verify::Depth::ReadData }, &NullMonitor).unwrap();
    let kinds: Vec<_> = report.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [FindingKind::LostData], "the damaged pack is used by nobody: {:?}", report.findings);
    scene.assert_heals(&repository);
}

#[test]
fn a_flipped_bit_where_no_chunk_is_loses_nothing() {
    let scene = scene();
    let repository = scene.fixture.open();
    let (pack, _) = data_pack(&repository);
    let padding = sealed_chunks(&pack).find(|(_, location)| location.kind == ChunkKind::Padding).unwrap().1;
    for at in [5, padding.offset, pack.size - 200, pack.size - 5] {
        let store = scene.store.deep_clone();
        let fixture = scene.fixture.through(std::sync::Arc::new(store.clone()));
        flip(&store, pack.id, at);
        let repository = fixture.open_anew();
        let outcome = run(&repository, Depth::ReadData);
        assert!(!outcome.has_losses() && outcome.damaged_packs.len() == 1, "{at}: {outcome:?}");
        // It can go now.
        store.remove_raw(&ObjectName::Pack(pack.id));
        fixture.assert_restores(&fixture.open_anew(), scene.snapshot, &scene.tree);
        verify_all(&fixture.open_anew());
    }
}

#[test]
fn a_pack_that_is_cut_short_gives_what_stands_before_the_cut() {
    let scene = scene();
    let repository = scene.fixture.open();
    let (pack, chunks) = data_pack(&repository);
    let name = ObjectName::Pack(pack.id);
    let mut bytes = scene.store.bytes(&name).unwrap();
    bytes.truncate(usize::try_from(chunks[2].offset).unwrap() + 10);
    scene.store.put_raw(&name, bytes);
    let outcome = run(&scene.fixture.open_anew(), Depth::Structure);
    assert_eq!((outcome.damaged_packs[0].whole_chunks, outcome.copied_chunks), (2, 2), "{outcome:?}");
    assert_eq!(outcome.lost_chunks, chunks.len() as u64 - 2);
    scene.assert_heals(&repository);
}

#[test]
fn each_pack_that_is_gone_is_named_with_its_snapshots_and_healed_by_the_next_backup() {
    let scene = scene();
    for SegmentPack { id: pack, sealing, .. } in descriptions(&scene.fixture.open()) {
        let store = scene.store.deep_clone();
        let fixture = scene.fixture.through(std::sync::Arc::new(store.clone()));
        store.remove_raw(&ObjectName::Pack(pack));
        // With a cache that knew the pack, and without; the unchanged source is not even read where the parent is whole.
        for (cache, options) in [(fixture.copy_cache(), backup_options()), (pack.to_string(), options_without_parent())]
        {
            let store = store.deep_clone();
            let fixture = fixture.through(std::sync::Arc::new(store.clone()));
            let open = || fixture.try_open(&cache, &fixture.credential(), repo_format::config::Access::Write).unwrap();
            let outcome = run(&open(), Depth::Structure);
            assert_eq!((outcome.gone_packs, outcome.suffering.len()), (1, 1), "{outcome:?}");
            assert!(!outcome.suffering[0].paths.is_empty());
            let saved = backup_paths(&open(), &[&scene.root], &options, &NullMonitor).unwrap();
            for repository in [open(), fixture.open_anew()] {
                fixture.assert_restores(&repository, saved.snapshot.unwrap(), &scene.tree);
                let losses = run(&repository, Depth::ReadData).suffering;
                assert!(losses.iter().all(|suffering| suffering.id == scene.snapshot), "{losses:?}");
                // A folder is described otherwise when its files are older, so its former node may be lost for good.
                if sealing.class == KeyClass::Data {
                    fixture.assert_restores(&repository, scene.snapshot, &scene.tree);
                    verify_all(&repository);
                }
            }
        }
    }
}

#[test]
fn an_index_that_is_gone_or_damaged_is_made_anew() {
    for is_gone in [true, false] {
        let scene = scene();
        for name in objects(&scene.store, Folder::Index) {
            if is_gone {
                scene.store.remove_raw(&name);
            } else {
                scene.store.put_raw(&name, b"no segment".to_vec())
            }
        }
        // A cache that knows the segments does not see that they are damaged.
        for cache in [scene.fixture.copy_cache(), format!("new {is_gone}")] {
            let store = scene.store.deep_clone();
            let fixture = scene.fixture.through(std::sync::Arc::new(store));
            let access = repo_format::config::Access::Write;
            let repository = fixture.try_open(&cache, &fixture.credential(), access).unwrap();
            let packs = repository.list_packs().unwrap().len() as u64;
            let outcome = run(&repository, Depth::Structure);
            assert_eq!((outcome.has_losses(), outcome.named_packs), (false, packs), "{outcome:?}");
            assert_eq!(outcome.damaged_segments.is_empty(), is_gone);
            let anew = fixture.open_anew();
            assert!(verify_all(&anew).notes.is_empty());
            fixture.assert_restores(&anew, scene.snapshot, &scene.tree);
        }
    }
}

#[test]
fn a_segment_that_says_what_is_not_so_is_replaced() {
    let scene = scene();
    let repository = scene.fixture.open();
    let (mut pack, _) = data_pack(&repository);
    // Padding has no id that could be wrong.
    let last = pack.table.entries.iter_mut().rfind(|entry| entry.kind != ChunkKind::Padding).unwrap();
    last.id.0[0] ^= 1;
    let wrong = objects(&scene.store, Folder::Index);
    repository.put_segment(&[pack]).unwrap();
    wrong.iter().for_each(|name| assert!(scene.store.remove_raw(name)));
    let outcome = run(&scene.fixture.open_anew(), Depth::Structure);
    assert_eq!((outcome.replaced_segments, outcome.damaged_packs.len()), (1, 0), "{outcome:?}");
    assert!(verify_all(&scene.fixture.open_anew()).notes.is_empty());
}

#[test]
fn a_pack_that_was_written_wrong_is_not_taken_in_again() {
    let scene = scene();
    let repository = scene.fixture.open();
    let (mut pack, chunks) = data_pack(&repository);
    let (name, at) = (ObjectName::Pack(pack.id), usize::try_from(chunks[0].offset).unwrap());
    let mut bytes = scene.store.bytes(&name).unwrap();
    bytes[at] ^= 1;
    // Its name fits its bytes: they were wrong before they were written.
    pack.id = PackId(*blake3::hash(&bytes).as_bytes());
    scene.store.remove_raw(&name);
    scene.store.put_raw(&ObjectName::Pack(pack.id), bytes);
    repository.put_segment(&[pack.clone()]).unwrap();

    let outcome = run(&repository, Depth::ReadData);
    assert_eq!((outcome.damaged_packs.len(), outcome.lost_chunks), (1, 1), "{outcome:?}");
    let hook = Hook::quiet();
    backup_paths(&scene.fixture.open_anew(), &[&scene.root], &backup_options(), &hook).unwrap();
    assert!(hook.notes().iter().any(|note| note.contains(&pack.id.to_string())), "{:?}", hook.notes());
    scene.assert_heals(&repository);
}

#[test]
fn a_dry_run_says_the_same_and_changes_nothing() {
    let scene = scene();
    let repository = scene.fixture.open();
    let (pack, chunks) = data_pack(&repository);
    flip(&scene.store, pack.id, chunks[1].offset);
    let gone = descriptions(&repository).into_iter().find(|other| other.sealing.class == KeyClass::Meta).unwrap();
    scene.store.remove_raw(&ObjectName::Pack(gone.id));
    let before = everything(&scene.store);
    let options = RepairOptions { depth: Depth::ReadData, dry_run: true, ..RepairOptions::default() };
    let planned = repair(&scene.fixture.open_anew(), &options, &NullMonitor).unwrap();
    assert!(everything(&scene.store) == before);
    let done = run(&repository, Depth::ReadData);
    assert_eq!(planned.suffering, done.suffering);
    assert_eq!(planned.damaged_packs, done.damaged_packs);
    let figures =
        |o: &RepairOutcome| (o.gone_packs, o.copied_chunks, o.lost_chunks, o.replaced_segments, o.named_packs);
    assert_eq!(figures(&planned), figures(&done));
}

#[test]
fn a_repair_that_was_shut_out_deletes_nothing() {
    let scene = scene();
    let repository = scene.fixture.open();
    let (pack, chunks) = data_pack(&repository);
    flip(&scene.store, pack.id, chunks[1].offset);
    let segments = objects(&scene.store, Folder::Index);
    let fence = {
        let (store, repository) = (scene.store.clone(), scene.fixture.open_anew());
        move || {
            let id = engine::session::lease_names(&repository).unwrap()[0];
            let void = Void { id, time: 1, host: "other".to_owned(), reason: "it was silent".to_owned() };
            let name = ObjectName::Snapshot(id).to_string();
            let object = repository.keys().seal(ObjectKind::Void, KeyClass::Meta, &name, &void.encode().unwrap());
            store.put_raw(&ObjectName::Snapshot(id), object.unwrap());
        }
    };
    let options = RepairOptions { depth: Depth::ReadData, ..RepairOptions::default() };
    let error = repair(&repository, &options, &Hook::once(|_| true, fence)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced);
    segments.iter().for_each(|name| assert!(scene.store.bytes(name).is_some()));
    run(&repository, Depth::ReadData);
    scene.assert_heals(&repository);
}

#[test]
fn a_repair_that_is_interrupted_anywhere_loses_nothing_and_is_repeated() {
    let scene = scene();
    let repository = scene.fixture.open();
    let (pack, chunks) = data_pack(&repository);
    flip(&scene.store, pack.id, chunks[1].offset);
    let damaged = scene.store.deep_clone();
    let calm = damaged.deep_clone();
    let before = calm.steps();
    let through = |store: &MemoryStore| scene.fixture.through(std::sync::Arc::new(store.clone()));
    run(&through(&calm).open_anew(), Depth::ReadData);
    assert!(calm.steps() - before > 6, "a lease, a pack, a segment, and a deletion");
    for step in before + 1..=calm.steps() {
        for loss in PowerLoss::ALL {
            let store = damaged.deep_clone();
            store.crash_at(step);
            let options = RepairOptions { depth: Depth::ReadData, ..RepairOptions::default() };
            // Only the very last step, its lease's end, can be lost without its noticing.
            let _ = repair(&through(&store).open_anew(), &options, &NullMonitor);
            let store = store.restart(loss);
            let fixture = through(&store);
            let repository = fixture.open_anew();
            let (_, restored) = fixture.restore(&repository, scene.snapshot, "root");
            assert_eq!(restored.problem_count, 1, "step {step}, {loss:?}: {:?}", restored.problems);
            let outcome = run(&repository, Depth::ReadData);
            assert_eq!(outcome.lost_chunks, 1, "step {step}, {loss:?}: {outcome:?}");
            let (second, _) = backup(&repository, &scene.root);
            fixture.assert_restores(&fixture.open_anew(), second, &scene.tree);
        }
    }
}

#[test]
fn a_snapshot_that_cannot_be_read_is_a_loss_of_its_own() {
    let scene = scene();
    let repository = scene.fixture.open();
    let (second, _) = backup(&repository, &scene.root);
    scene.store.put_raw(&ObjectName::Snapshot(second), b"no manifest".to_vec());
    let outcome = run(&scene.fixture.open_anew(), Depth::Structure);
    assert!(outcome.has_losses());
    assert_eq!((outcome.unreadable_snapshots[0].0, outcome.lost_chunks), (second, 0));
    assert!(by_id(&repository, scene.snapshot).manifest.statistics.files > 0);
}

#[test]
fn a_list_of_condemned_packs_that_is_damaged_is_begun_anew_only_on_request() {
    for damaged in [None, Some(b"no list".to_vec())] {
        let scene = scene();
        let repository = scene.fixture.open();
        match damaged {
            None => drop(scene.store.remove_raw(&ObjectName::Condemned)),
            Some(bytes) => scene.store.put_raw(&ObjectName::Condemned, bytes),
        }
        let error = repair(&repository, &RepairOptions::default(), &NullMonitor).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        let options = RepairOptions { condemned: CondemnedPolicy::BeginAnew, ..RepairOptions::default() };
        let before = everything(&scene.store);
        let planned = RepairOptions { dry_run: true, ..options.clone() };
        assert!(repair(&repository, &planned, &NullMonitor).is_err(), "what cannot be known is not said");
        assert!(everything(&scene.store) == before);
        assert!(repair(&repository, &options, &NullMonitor).unwrap().condemned_anew);
        assert_eq!(repository.condemned().unwrap().0.next, 2, "a number that no list had");
        scene.assert_heals(&repository);
        assert!(!repair(&repository, &options, &NullMonitor).unwrap().condemned_anew);
    }
}

#[test]
fn repairs_beside_running_backups_harm_nobody() {
    let scene = scene();
    let folders: Vec<PathBuf> = (0..2)
        .map(|number| {
            let folder = scene.fixture.folder("own");
            fs::write(folder.join("own"), noise(10 + number, 700_000)).unwrap();
            folder
        })
        .collect();
    let (pack, chunks) = data_pack(&scene.fixture.open());
    flip(&scene.store, pack.id, chunks[1].offset);
    let saved = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for folder in &folders {
            scope.spawn(|| {
                let repository = scene.fixture.open_anew();
                for round in 0..6 {
                    fs::write(folder.join(format!("round {round}")), noise(100 + round, 100_000)).unwrap();
                    let paths = [folder.as_path(), &scene.root];
                    let outcome = backup_paths(&repository, &paths, &backup_options(), &NullMonitor).unwrap();
                    saved.lock().unwrap().push((outcome.snapshot.unwrap(), look(folder)));
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                let repository = scene.fixture.open_anew();
                (0..3).for_each(|_| drop(run(&repository, Depth::ReadData)));
            });
        }
    });
    // Backups that were begun before the first repair count on the damaged pack; the next backup heals all.
    let repository = scene.fixture.open_anew();
    backup_paths(&repository, &[&scene.root], &options_without_parent(), &NullMonitor).unwrap();
    verify_all(&repository);
    for (snapshot, tree) in saved.into_inner().unwrap() {
        let (target, outcome) = scene.fixture.restore(&repository, snapshot, "own");
        assert_eq!(outcome.problem_count, 0);
        assert_same(&tree, &look(&target));
    }
}

//! A target that was made on its own: everything gets new ids there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine::copy::{CopyOutcome, What, copy};
use engine::error::chain;
use engine::monitor::NullMonitor;
use engine::repository::{InitOptions, Repository, init_like};
use engine::store::{MemoryStore, ObjectName, Result, Store, StoreError, StoreErrorKind, forward};
use proptest::prelude::*;
use repo_format::manifest::ManifestKind;
use repo_format::node::NodeKind;

use super::scene::{Scene, options, top};
use crate::hostile::forge::{Attack, entry, node, subfolder};
use crate::prune::scene::{options as prune_options, prune};
use crate::support::{Fixture, Hook, Interposed, backup, look, noise, prose, verify_all};

/// Counts the bytes of packs that are read.
struct Counting {
    store: Arc<dyn Store>,
    bytes: AtomicU64,
}

impl Counting {
    fn take(&self) -> u64 {
        self.bytes.swap(0, Ordering::SeqCst)
    }
}

impl Store for Counting {
    forward!([store] location place medium put_new get list ensure_durable delete set_aside stat replace_if);

    fn get_range(&self, name: &ObjectName, range: std::ops::Range<u64>) -> Result<Vec<u8>> {
        self.bytes.fetch_add(range.end - range.start, Ordering::SeqCst);
        self.store.get_range(name, range)
    }
}

/// Takes no manifest while it is told so.
struct NoManifests {
    store: Arc<dyn Store>,
    refuses: AtomicBool,
}

impl Store for NoManifests {
    forward!([store] location place medium get get_range list ensure_durable delete set_aside stat replace_if);

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        if matches!(name, ObjectName::Snapshot(_)) && self.refuses.load(Ordering::SeqCst) {
            return Err(StoreError::new(StoreErrorKind::NoSpace, "put", name));
        }
        self.store.put_new(name, parts)
    }
}

fn copy_all(source: &Repository, target: &Repository) -> CopyOutcome {
    let outcome = copy(source, target, &What::All, &options(), &NullMonitor).unwrap();
    assert!(outcome.failed.is_empty() && outcome.unreadable.is_empty(), "{outcome:?}");
    assert!(outcome.check.findings.is_empty(), "{outcome:?}");
    outcome
}

#[test]
fn a_copy_has_other_ids_and_is_restored_from_there_alone() {
    let scene = Scene::unrelated();
    let (first, before) = scene.save(1);
    let (second, after) = scene.save(2);
    let copies = scene.copy_whole(&What::All);
    fs::remove_dir_all(&scene.root).unwrap();
    let (source, target) = (scene.source.open(), scene.target.open_anew());
    verify_all(&target);
    for (original, copied, tree) in [(first, copies[0], before), (second, copies[1], after)] {
        assert_ne!(top(&source, original), top(&target, copied));
        scene.target.assert_restores(&target, copied, &tree);
    }
}

#[test]
fn the_first_copy_says_that_it_reads_everything_and_later_ones_read_what_is_new() {
    let scene = Scene::unrelated();
    let counting = Arc::new(Counting { store: scene.source.store.clone(), bytes: AtomicU64::new(0) });
    let source = scene.source.through(counting.clone());
    let target = scene.target.open();
    let copied = |is_first: bool| {
        let hook = Hook::quiet();
        let outcome = copy(&source.open(), &target, &What::New, &options(), &hook).unwrap();
        let says_so = hook.notes().iter().any(|note| note.contains("new ids"));
        assert_eq!(says_so, is_first, "{:?}", hook.notes());
        outcome
    };
    scene.save(1);
    let first = copied(true).copied;
    assert!(first[0].new_bytes > 6_000_000 && counting.take() > 6_000_000, "{first:?}");
    scene.save(2);
    let second = copied(false).copied;
    let read = counting.take();
    assert!(second[0].new_bytes < 100_000 && read < 300_000, "{second:?}, {read} were read");
}

#[test]
fn what_an_interrupted_copy_has_carried_is_not_read_again() {
    let scene = Scene::unrelated();
    let counting = Arc::new(Counting { store: scene.source.store.clone(), bytes: AtomicU64::new(0) });
    let source = scene.source.through(counting.clone());
    let (_, tree) = scene.save(1);
    let full = Arc::new(NoManifests { store: scene.target.store.clone(), refuses: AtomicBool::new(true) });
    let through = scene.target.through(full.clone());
    copy(&source.open(), &through.open_anew(), &What::All, &options(), &NullMonitor).unwrap_err();
    full.refuses.store(false, Ordering::SeqCst);
    counting.take();
    let target = through.open_anew();
    let outcome = copy_all(&source.open(), &target);
    assert!(counting.take() < 500_000, "the data has arrived");
    through.assert_restores(&target, outcome.copied[0].id.unwrap(), &tree);
}

#[test]
fn a_cache_that_is_gone_or_changed_costs_a_full_read_and_no_truth() {
    let scene = Scene::unrelated();
    scene.save(1);
    copy_all(&scene.source.open(), &scene.target.open());
    for round in 2..4 {
        let table = scene.source.scratch_folder().join("cache").join(scene.source.open().id().to_string());
        let table = table.join(format!("copies-to-{}", scene.target.open().id())).join("addresses.sqlite");
        if round == 2 {
            fs::remove_file(&table).unwrap();
        } else {
            let mut bytes = fs::read(&table).unwrap();
            let len = bytes.len();
            bytes[len / 2..].iter_mut().step_by(7).for_each(|byte| *byte ^= 0x5a);
            fs::write(&table, bytes).unwrap();
        }
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{suffix}", table.display()));
        }
        scene.save(round);
        let mut outcome = copy(&scene.source.open(), &scene.target.open(), &What::New, &options(), &NullMonitor);
        if outcome.is_err() {
            // A query met the damage. The next run makes the table again.
            outcome = copy(&scene.source.open(), &scene.target.open(), &What::New, &options(), &NullMonitor);
        }
        let outcome = outcome.unwrap();
        assert!(outcome.failed.is_empty() && outcome.copied[0].new_bytes < 100_000, "{outcome:?}");
        let target = scene.target.open_anew();
        verify_all(&target);
        let origin = crate::support::by_id(&target, outcome.copied[0].id.unwrap()).manifest.origin.unwrap();
        scene.target.assert_restores(&target, outcome.copied[0].id.unwrap(), &scene.tree_of(origin.id));
    }
}

#[test]
fn a_snapshot_that_is_pruned_away_before_its_data_was_read_is_named() {
    let memory = MemoryStore::new();
    let scene = Scene::of(Fixture::in_store(Arc::new(memory.clone())), Fixture::new());
    let (first, _) = scene.save(1);
    let interposed = Arc::new(Interposed::new(memory));
    let source = scene.source.through(interposed.clone()).open();
    let fixture = scene.source.through(scene.source.store.clone());
    interposed.after_reads_of(
        |name| matches!(name, ObjectName::Snapshot(_)),
        1,
        move || {
            fixture.forget(&[first]);
            prune(&fixture.open_anew(), &prune_options()).unwrap();
        },
    );
    let target = scene.target.open();
    let outcome = copy(&source, &target, &What::All, &options(), &NullMonitor).unwrap();
    assert!(outcome.copied.is_empty(), "{outcome:?}");
    for failed in &outcome.failed {
        assert!(chain(&failed.error).contains("forgotten while it was copied"), "{}", chain(&failed.error));
    }
    verify_all(&target);
    assert!(target.snapshot_names().unwrap().is_empty());
}

#[test]
fn nodes_of_a_later_version_are_rewritten_like_others() {
    let attack = Attack::new();
    attack.snapshot(|forge| {
        let leaf = forge.folder(&[], &[entry("x", repo_format::entry::EntryKind::Directory)]);
        // Its ids name nodes, whatever its body says.
        let later = forge.node(&node(200, 0, &[leaf], b"a body that nobody knows"));
        forge.folder(&[leaf, later], &[subfolder("a", Some(0))])
    });
    assert_eq!(NodeKind::from_byte(200), None);
    let source = attack.repository();
    let (target, back) = (Fixture::new(), Fixture::without_repository(Arc::new(MemoryStore::new())));
    init_like(&*back.store, &back.credential(), &InitOptions::default(), &source).unwrap();
    copy_all(&source, &target.open());
    let outcome = copy_all(&target.open(), &back.open());
    let original = source.snapshot_names().unwrap()[0];
    assert_eq!(top(&back.open(), outcome.copied[0].id.unwrap()), top(&source, original));
}

/// A file somewhere in a tree.
#[derive(Debug, Clone)]
struct Planted {
    folders: Vec<u8>,
    name: u8,
    seed: u64,
    size: usize,
}

fn planted() -> impl Strategy<Value = Planted> {
    let size = prop_oneof![4 => 0usize..300, 4 => 300usize..200_000, 1 => 1_000_000usize..4_000_000];
    (prop::collection::vec(0u8..3, 0..4), 0u8..20, 0u64..6, size).prop_map(|(folders, name, seed, size)| Planted {
        folders,
        name,
        seed,
        size,
    })
}

fn plant(root: &Path, files: &[Planted]) {
    for Planted { folders, name, seed, size } in files {
        let folder = folders.iter().fold(root.to_owned(), |path, folder| path.join(format!("folder {folder}")));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("file {name}"));
        if *size == 7 {
            let _ = symlink("elsewhere", folder.join(format!("link {name}")));
        }
        let mut bytes = prose(*seed, size / 2);
        bytes.extend(noise(*seed, size - size / 2));
        fs::write(path, bytes).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, max_shrink_iters: 20, ..ProptestConfig::default() })]

    /// There in new ids, and back in a repository with the old ones.
    #[test]
    fn any_tree_that_goes_there_and_comes_back_has_its_ids_again(
        first in prop::collection::vec(planted(), 0..30),
        second in prop::collection::vec(planted(), 0..10),
    ) {
        let source = Fixture::with_small_packs(&MemoryStore::new());
        let root = source.folder("root");
        let target = Fixture::with_small_packs(&MemoryStore::new());
        let back = Fixture::without_repository(Arc::new(MemoryStore::new()));
        init_like(&*back.store, &back.credential(), &InitOptions::default(), &source.open()).unwrap();
        for files in [first, second] {
            plant(&root, &files);
            let (id, _) = backup(&source.open(), &root);
            let there = copy_all(&source.open(), &target.open()).copied;
            let returned = copy_all(&target.open(), &back.open()).copied;
            prop_assert_eq!((there.len(), returned.len()), (1, 1));
            prop_assert_eq!(there[0].source.kind, ManifestKind::Snapshot);
            let (there, returned) = (there[0].id.unwrap(), returned[0].id.unwrap());
            prop_assert_eq!(top(&source.open(), id), top(&back.open(), returned));
            target.assert_restores(&target.open_anew(), there, &look(&root));
        }
        verify_all(&target.open_anew());
        verify_all(&back.open_anew());
    }
}

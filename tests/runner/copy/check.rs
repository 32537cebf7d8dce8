//! Reading back what was copied, and the record of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::copy::{Checked, Recorded, What, copy, record};
use engine::monitor::NullMonitor;
use engine::repository::{Author, Repository};
use engine::snapshots::status::{StatusOptions, status};
use engine::store::{MemoryStore, ObjectName, Result, Store, forward};
use engine::upkeep::verify::{Depth, Part, VerifyOptions, verify};
use repo_format::manifest::SecondCopy;

use super::scene::{Scene, options};
use crate::support::{by_id, verify_all};

/// A disk that changes a bit of each pack that it stores, when it is told to.
struct Flips {
    store: MemoryStore,
    from_pack: AtomicU64,
}

impl Store for Flips {
    forward!([store] location place medium get get_range list ensure_durable delete set_aside stat replace_if);

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        let mut bytes = parts.concat();
        if matches!(name, ObjectName::Pack(_)) && self.from_pack.load(Ordering::SeqCst) > 0 {
            let middle = bytes.len() / 3;
            bytes[middle] ^= 1;
        }
        self.store.put_new(name, &[&bytes])
    }
}

#[test]
fn a_disk_that_stores_other_bytes_is_found_at_once() {
    for make in [Scene::with_target, Scene::with_unrelated_target] {
        let disk = Arc::new(Flips { store: MemoryStore::new(), from_pack: AtomicU64::new(0) });
        let scene = make(disk.clone());
        scene.save(1);
        disk.from_pack.store(1, Ordering::SeqCst);
        let outcome = scene.copy(&What::All);
        assert!(!outcome.check.findings.is_empty(), "{outcome:?}");
        assert!(outcome.check.findings.iter().any(|finding| finding.contains("just stored")), "{outcome:?}");
    }
}

#[test]
fn a_copy_is_read_back() {
    for scene in Scene::both() {
        scene.save(1);
        let check = scene.copy(&What::All).check;
        assert!(check.findings.is_empty() && check.manifests == 1 && check.nodes > 2, "{check:?}");
        let packs = scene.target.open().list_packs().unwrap();
        assert_eq!((check.packs, check.read_bytes), (packs.len() as u64, packs.values().sum()));
        scene.save(2);
        let second = scene.copy(&What::New).check;
        assert!(second.read_bytes < 200_000 && second.nodes < check.nodes, "only what is new: {second:?}");
    }
}

#[test]
fn damage_of_a_hundredth_of_the_copy_is_found_before_everything_was_read_twice() {
    let store = MemoryStore::new();
    let scene = Scene::with_target(Arc::new(store.clone()));
    scene.save(1);
    scene.copy_whole(&What::All);
    let packs: Vec<_> = scene.target.open().list_packs().unwrap().into_keys().collect();
    let name = ObjectName::Pack(packs[0]);
    let mut bytes = store.bytes(&name).unwrap();
    let (at, part) = (bytes.len() / 2, bytes.len() / 100);
    bytes[at..at + part].iter_mut().for_each(|byte| *byte ^= 0x55);
    store.put_raw(&name, bytes);
    let target = scene.target.open();
    let part = VerifyOptions { depth: Depth::ReadPart(Part::Percent(25)) };
    let runs = (1..=8).find(|_| !verify(&target, &part, &NullMonitor).unwrap().findings.is_empty());
    assert!(runs.is_some_and(|runs| runs <= 4), "{runs:?}");
}

fn author() -> Author {
    Author { host: "host".into(), user: "user".into(), program: "test".into() }
}

fn second_copies(repository: &Repository) -> Vec<SecondCopy> {
    let copies = status(repository, &StatusOptions::default()).unwrap().second_copies;
    copies.into_iter().map(|known| known.copy).collect()
}

#[test]
fn the_source_says_where_its_second_copy_is_and_forgets_older_records() {
    let scene = Scene::new();
    let recorded = Recorded { only: Vec::new(), checked: Checked::ReadBack };
    let other_machine = scene.source.open_anew();
    for round in 1..=3 {
        let (id, _) = scene.save(round);
        scene.copy_whole(&What::New);
        let (source, target) = (scene.source.open(), scene.target.open());
        for _ in 0..2 {
            assert!(record(&source, &target, &recorded, &author()).unwrap());
        }
        other_machine.manifests().unwrap();
        let copies = second_copies(&source);
        let [copy] = copies.as_slice() else { panic!("{copies:?}") };
        assert_eq!((copy.repository, copy.newest.id, copy.level, &copy.only), (target.id(), id, 2, &None));
        let known = status(&source, &StatusOptions::default()).unwrap().second_copies.remove(0);
        assert_eq!(known.newest_time, Some(by_id(&source, id).manifest.time()));
    }
    // Two records of this kind were replaced, and each replacement is explained.
    assert!(verify_all(&other_machine).findings.is_empty());
    assert!(other_machine.manifests().unwrap().missing.is_empty());
    let (target, checked) = (scene.target.open(), Checked::Data(Some(5)));
    record(&other_machine, &target, &Recorded { only: vec!["database".into()], checked }, &author()).unwrap();
    let copy = second_copies(&other_machine).remove(0);
    assert_eq!((copy.level, copy.read_percent, copy.only), (3, Some(5), Some(vec!["database".to_owned()])));
}

#[test]
fn forgetting_snapshots_leaves_the_record_of_a_second_copy() {
    let scene = Scene::new();
    let recorded = Recorded { only: Vec::new(), checked: Checked::ReadBack };
    let mut ids = Vec::new();
    for round in 0..40 {
        ids.push(scene.save(round).0);
        let outcome = copy(&scene.source.open(), &scene.target.open(), &What::New, &options(), &NullMonitor).unwrap();
        assert_eq!(outcome.copied.len(), 1);
        record(&scene.source.open(), &scene.target.open(), &recorded, &author()).unwrap();
    }
    // Merges the records of what was forgotten.
    scene.source.forget(&ids[..30]);
    let copies = second_copies(&scene.source.open_anew());
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0].newest.id, ids[39]);
    verify_all(&scene.source.open_anew());
}

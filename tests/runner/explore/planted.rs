//! Each mistake that could be made in the order of steps is found. (Mistakes that need many processes begin in the
//! middle, in a state that the others have left behind.)

use engine::repository::Repository;
use engine::store::{Folder, MemoryStore, ObjectInfo, ObjectName};
use repo_format::condemned::{CondemnedList, Phase};
use repo_format::id::PackId;

use super::mistakes as lies;
use super::people::{Writers, forgetter, forgetter_of_the_first, late_pruner, pruner, writer};
use super::scene::{Cache, Scene, back_up};
use super::spoiler::{Deed, spoiler};
use super::{ALL, assert_found, assert_safe};

fn packs(store: &MemoryStore) -> Vec<ObjectInfo> {
    let size = |name: &ObjectName| store.bytes(name).unwrap().len() as u64;
    let names = store.names().into_iter().filter(|name| name.folder() == Folder::Packs);
    names.map(|name| ObjectInfo { name, size: size(&name) }).collect()
}

fn pack_ids(store: &MemoryStore) -> Vec<PackId> {
    packs(store).iter().filter_map(|info| if let ObjectName::Pack(id) = info.name { Some(id) } else { None }).collect()
}

fn remove(store: &MemoryStore, folder: Folder) {
    remove_if(store, |name| name.folder() == folder);
}

fn remove_if(store: &MemoryStore, which: impl Fn(&ObjectName) -> bool) {
    for name in store.names().iter().filter(|name| which(name)) {
        store.remove_raw(name);
    }
}

/// Replaces all lists of condemned packs.
fn condemn(repository: &Repository, lists: Vec<(Phase, PackId)>) {
    let (mut condemned, tag) = repository.condemned().unwrap();
    condemned.lists.clear();
    for (phase, pack) in lists {
        condemned.lists.push(CondemnedList { number: condemned.next, phase, packs: vec![pack] });
        condemned.next += 1;
    }
    assert!(repository.replace_condemned(&condemned, tag).unwrap());
}

/// A second pack that holds what the first snapshot needs: its writer began while the first pack was condemned, which
/// was then rescued. Gives the packs, the first one first.
fn make_second_copy(store: &MemoryStore, repository: &Repository) -> [PackId; 2] {
    let first = pack_ids(store)[0];
    condemn(repository, vec![(Phase::Condemned, first)]);
    back_up(repository).unwrap();
    condemn(repository, vec![]);
    let second = pack_ids(store).into_iter().find(|id| *id != first).unwrap();
    [first, second]
}

#[test]
fn a_writer_that_does_not_read_the_lists_again_is_found() {
    let scene = Scene::new();
    let writer = writer(&scene, "writer").with_cache(Cache::Filled).told(lies::no_relist);
    let prune = pruner(&scene, "prune", Writers::Alive);
    assert_found(&scene, vec![writer.process(), prune.process(), forgetter_of_the_first(&scene)]);
}

#[test]
fn a_writer_that_does_not_list_the_packs_is_found() {
    // A prune that was late has put a segment again that names a pack which is gone.
    let mut known = Vec::new();
    let scene = Scene::prepared(|store, _| {
        known = packs(store);
        remove(store, Folder::Packs);
        remove(store, Folder::Snapshots);
    });
    let writer = writer(&scene, "writer").told(move || lies::no_pack_list(known.clone()));
    assert_found(&scene, vec![writer.process()]);
}

#[test]
fn a_writer_that_does_not_compare_generations_of_its_cache_is_found() {
    let scene = Scene::with_forged_caches();
    let writer = writer(&scene, "writer").with_cache(Cache::Filled).exposed();
    let prune = pruner(&scene, "prune", Writers::Alive);
    let replace = spoiler(Deed::ReplaceUnnoticed);
    assert_found(&scene, vec![writer.process(), prune.process(), forgetter_of_the_first(&scene), replace]);
}

#[test]
fn a_prune_that_lists_snapshots_before_leases_is_found() {
    let scene = Scene::new();
    let writer = writer(&scene, "writer").with_cache(Cache::Filled);
    let prune = pruner(&scene, "prune", Writers::Alive).told(lies::snapshots_first);
    assert_found(&scene, vec![writer.process(), prune.process(), forgetter_of_the_first(&scene)]);
}

#[test]
fn a_prune_that_does_not_care_for_leases_is_found() {
    let scene = Scene::new();
    let writer = writer(&scene, "writer").with_cache(Cache::Filled);
    let prune = pruner(&scene, "prune", Writers::Alive).told(lies::forget_lease);
    assert_found(&scene, vec![writer.process(), prune.process(), forgetter_of_the_first(&scene)]);
}

#[test]
fn a_prune_that_does_not_care_for_snapshots_of_leases_is_found() {
    let scene = Scene::prepared(|store, _| remove(store, Folder::Snapshots));
    let writer = writer(&scene, "writer").with_cache(Cache::Filled).told(lies::asks_again);
    let prune = pruner(&scene, "prune", Writers::Alive).told(lies::no_lease_root).failing();
    let processes = vec![writer.process().losing_answers(1), prune.process(), forgetter(&scene).process()];
    assert_found(&scene, processes);
}

#[test]
fn a_writer_that_deletes_its_lease_when_its_manifest_had_no_answer_is_found() {
    let scene = Scene::new();
    let writer = writer(&scene, "writer").with_cache(Cache::Filled).told(lies::no_lease_for_late_puts);
    let prune = pruner(&scene, "prune", Writers::Alive);
    let processes = vec![writer.process().putting_late(1), prune.process(), forgetter_of_the_first(&scene)];
    assert_found(&scene, processes);
}

#[test]
fn a_writer_that_deletes_its_lease_when_a_second_put_was_answered_is_found() {
    let scene = Scene::prepared(|store, _| remove(store, Folder::Snapshots));
    let writer = writer(&scene, "writer").with_cache(Cache::Filled).told(lies::no_lease_after_a_second_put);
    let prune = pruner(&scene, "prune", Writers::Alive);
    let processes = vec![writer.process().putting_late(1), prune.failing().process(), forgetter(&scene).process()];
    assert_found(&scene, processes);
}

#[test]
fn a_prune_that_uses_a_number_again_is_found() {
    // A list came, and went.
    let scene = Scene::prepared(|store, repository| {
        condemn(repository, vec![(Phase::Condemned, pack_ids(store)[0])]);
        condemn(repository, vec![]);
        remove(store, Folder::Snapshots);
    });
    let lying = scene.clone();
    let prune = pruner(&scene, "prune", Writers::Alive).told(move || lies::reuse_number(&lying));
    let writer = writer(&scene, "writer").with_cache(Cache::Filled);
    assert_found(&scene, vec![writer.process(), prune.process()]);
}

#[test]
fn a_prune_that_trusts_packs_of_another_list_is_found() {
    let scene = Scene::prepared(|store, repository| {
        let [first, second] = make_second_copy(store, repository);
        condemn(repository, vec![(Phase::Condemned, first), (Phase::Doomed, second)]);
    });
    assert_safe(&scene, vec![pruner(&scene, "prune", Writers::Alive).process()], ALL);
    let lying = scene.clone();
    let prune = pruner(&scene, "prune", Writers::Alive).told(move || lies::trust_condemned(&lying));
    assert_found(&scene, vec![prune.process()]);
}

#[test]
fn a_prune_that_counts_packs_that_no_segment_names_is_found() {
    let scene = Scene::prepared(|store, repository| {
        let segments = repository.sync_catalog(&engine::monitor::NullMonitor).unwrap().segments;
        make_second_copy(store, repository);
        let is_new = |name: &ObjectName| matches!(name, ObjectName::Segment(id) if !segments.contains_key(id));
        remove_if(store, is_new);
    });
    assert_safe(&scene, vec![pruner(&scene, "prune", Writers::Alive).process()], ALL);
    let lying = scene.clone();
    let prune = pruner(&scene, "prune", Writers::Alive).told(move || lies::count_unnamed(&lying));
    assert_found(&scene, vec![prune.with_cache(Cache::Filled).process()]);
}

#[test]
fn a_prune_that_does_not_say_that_a_list_is_final_is_found() {
    let mut second = None;
    let scene = Scene::prepared(|store, repository| {
        let [one, two] = make_second_copy(store, repository);
        condemn(repository, vec![(Phase::Condemned, one)]);
        second = Some(two);
    });
    let late = late_pruner(&scene, second.into_iter().collect()).failing();
    let lying = scene.clone();
    let prune = pruner(&scene, "prune", Writers::Alive).told(move || lies::no_doom(&lying)).failing();
    assert_found(&scene, vec![late.process(), prune.process()]);
}

/// The index entry of a pack that stays is written again whenever a pack beside it goes. Only segments that name a pack
/// that goes are replaced, and the new ones name none: so a name that comes twice does no harm.
#[test]
fn prunes_whose_segments_get_the_same_names_lose_nothing() {
    let scene = Scene::prepared(|store, repository| {
        let [first, second] = make_second_copy(store, repository);
        let segments = repository.sync_catalog(&engine::monitor::NullMonitor).unwrap().segments;
        let packs: Vec<_> = segments.keys().flat_map(|id| repository.read_segment(*id).unwrap()).collect();
        remove(store, Folder::Index);
        repository.put_segment(&packs).unwrap();
        assert!(packs.iter().any(|pack| pack.id == second));
        condemn(repository, vec![(Phase::Doomed, first)]);
    });
    let prune = |name| pruner(&scene, name, Writers::Alive).with_seed("same").told(lies::same_name).process();
    assert_safe(&scene, vec![prune("prune 1"), prune("prune 2")], ALL);
}

//! Copies that fail half-way.

use std::sync::Arc;

use engine::copy::{What, copy};
use engine::monitor::NullMonitor;
use engine::store::faulty::{Fault, FaultyStore, Op, When};
use engine::store::{MemoryStore, StoreErrorKind};

use super::scene::{Scene, options};
use crate::support::verify_all;

/// Fails each put in turn, before and after its effect, and copies again.
#[test]
fn an_interruption_at_any_put_leaves_nothing_half_done_and_the_next_run_finds_what_arrived() {
    for make in [Scene::with_target, Scene::with_unrelated_target] {
        let disk = MemoryStore::new();
        interrupt_each_put(&disk, &make(Arc::new(disk.clone())));
    }
}

fn interrupt_each_put(disk: &MemoryStore, scene: &Scene) {
    let (_, tree) = scene.save(1);
    let source = scene.source.open();
    for when in [When::Before, When::After] {
        for at in 1.. {
            let copy_of_disk = disk.deep_clone();
            let faulty = Arc::new(FaultyStore::new(Arc::new(copy_of_disk.clone())));
            let through = scene.target.through(faulty.clone());
            let target = through.open_anew();
            faulty.fail(Fault { ops: vec![Op::PutNew], at, lasting: true, kind: StoreErrorKind::Io, when });
            let failed = copy(&source, &target, &What::All, &options(), &NullMonitor);
            faulty.heal();
            let is_whole = failed.is_ok();
            drop(target);
            let target = through.open_anew();
            let arrived: u64 = target.list_packs().unwrap().values().sum();
            let outcome = copy(&source, &target, &What::All, &options(), &NullMonitor).unwrap();
            let copies = outcome.copied.iter().filter_map(|copied| copied.id);
            let copies: Vec<_> = copies.chain(outcome.present.iter().map(|present| present.copy)).collect();
            assert_eq!(copies.len(), 1, "put {at} {when:?}: {failed:?}, {outcome:?}");
            let stored: u64 = outcome.copied.iter().map(|copied| copied.stored_bytes).sum();
            assert!(stored + arrived < 8_000_000, "put {at} {when:?}: {arrived} had arrived, {stored} were stored");
            through.assert_restores(&target, copies[0], &tree);
            verify_all(&target);
            if is_whole {
                break;
            }
        }
    }
}

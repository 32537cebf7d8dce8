//! A key that is removed, which begins a new epoch and closes the old one, beside writers.

use engine::crypto::{Credential, KeyFile};
use engine::repository::members;

use super::mistakes as lies;
use super::people::{remover, writer};
use super::scene::{Cache, Scene};
use super::{ALL, Bounds, assert_found_as, assert_safe};

/// A scene with a second key.
fn scene() -> (std::sync::Arc<Scene>, repo_format::id::MemberId) {
    let mut second = None;
    let scene = Scene::prepared(|_, repository| {
        let credential = Credential::KeyFile(KeyFile::generate().unwrap());
        second = Some(members::add_member(repository, &credential, "second").unwrap());
    });
    (scene, second.unwrap())
}

fn interrupted(times: u8) -> Bounds {
    Bounds { interruptions_max: Some(times), ..ALL }
}

fn assert_writer_is_safe(bounds: Bounds) {
    let (scene, second) = scene();
    let writer = writer(&scene, "writer").beside_changes_of_keys().with_cache(Cache::Filled).process();
    assert_safe(&scene, vec![writer, remover(&scene, second).process()], bounds);
}

#[test]
fn a_writer_beside_whom_a_key_is_removed_has_a_snapshot_that_is_believed() {
    assert_writer_is_safe(interrupted(1));
}

#[test]
#[ignore = "takes long"]
fn a_writer_beside_whom_a_key_is_removed_in_any_order_has_a_snapshot_that_is_believed() {
    assert_writer_is_safe(ALL);
}

#[test]
fn a_writer_that_does_not_look_for_new_keys_after_its_commit_is_found() {
    let (scene, second) = scene();
    let writer = writer(&scene, "writer").beside_changes_of_keys().with_cache(Cache::Filled).told(lies::no_new_keys);
    let processes = vec![writer.process(), remover(&scene, second).process()];
    assert_found_as(&scene, processes, interrupted(1), "believed");
}

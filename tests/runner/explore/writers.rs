//! Writers, forgetting and fencing.

use super::people::{fencer, forgetter, reckless_deleter, writer};
use super::scene::{Cache, Scene};
use super::{ALL, assert_found, assert_safe};

#[test]
fn a_writer_alone_does_the_same_each_time() {
    let scene = Scene::new();
    assert_safe(&scene, vec![writer(&scene, "writer").with_cache(Cache::Filled).process()], ALL);
}

#[test]
fn writers_that_lose_answers_beside_forgetting_do_not_harm_each_other() {
    let scene = Scene::new();
    let processes = vec![
        writer(&scene, "writer 1").with_cache(Cache::Filled).process().losing_answers(1),
        writer(&scene, "writer 2").process().losing_answers(1),
        forgetter(&scene).process(),
    ];
    assert_safe(&scene, processes, ALL);
}

#[test]
fn a_writer_that_is_fenced_at_any_moment_has_a_snapshot_or_none() {
    let scene = Scene::new();
    let processes = vec![
        writer(&scene, "writer").with_cache(Cache::Filled).process().losing_answers(2),
        fencer(&scene).process(),
        forgetter(&scene).process(),
    ];
    assert_safe(&scene, processes, ALL);
}

#[test]
fn who_deletes_as_if_nobody_else_were_there_is_found() {
    let scene = Scene::new();
    let processes = vec![
        writer(&scene, "writer").with_cache(Cache::Filled).process(),
        reckless_deleter(),
        forgetter(&scene).process(),
    ];
    assert_found(&scene, processes);
}

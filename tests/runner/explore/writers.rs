//! Writers, forgetting and fencing.

use std::sync::Arc;

use scenario_tests::explore::{Process, Report, Scenario, Violation, explore};

use super::judge::Needs;
use super::people::{fencer, forgetter, reckless_deleter, writer};
use super::scene::{Cache, Scene};

fn run(scene: &Arc<Scene>, processes: Vec<Process>) -> Result<Report, Box<Violation>> {
    let started = std::time::Instant::now();
    let result = explore(&Scenario {
        store: scene.store.deep_clone(),
        processes,
        judge: &Needs::of(scene),
        states_max: 1_000_000,
    });
    match &result {
        Ok(report) => println!("{report:?} in {:?}", started.elapsed()),
        Err(violation) => println!("{violation}, in {:?}", started.elapsed()),
    }
    result
}

#[test]
fn a_writer_alone_does_the_same_each_time() {
    let scene = Scene::new();
    let report = run(&scene, vec![writer(&scene, "writer", Cache::Filled)]).unwrap();
    assert!(report.is_all);
}

#[test]
fn writers_that_lose_answers_beside_forgetting_do_not_harm_each_other() {
    let scene = Scene::new();
    let processes = vec![
        writer(&scene, "writer 1", Cache::Filled).losing_answers(1),
        writer(&scene, "writer 2", Cache::Empty).losing_answers(1),
        forgetter(),
    ];
    assert!(run(&scene, processes).unwrap().is_all);
}

#[test]
fn a_writer_that_is_fenced_at_any_moment_has_a_snapshot_or_none() {
    let scene = Scene::new();
    let processes = vec![writer(&scene, "writer", Cache::Filled).losing_answers(2), fencer(&scene), forgetter()];
    assert!(run(&scene, processes).unwrap().is_all);
}

#[test]
fn who_deletes_as_if_nobody_else_were_there_is_found() {
    let scene = Scene::new();
    let processes = vec![writer(&scene, "writer", Cache::Filled), reckless_deleter(), forgetter()];
    let violation = run(&scene, processes).unwrap_err();
    assert!(violation.what.contains("needs a chunk"), "{violation}");
}

//! Everything that writers, deleters and forgetting can do to each other: every order of their store operations, on the
//! real code.
//!
//! [`scene`] is the repository that they work on and [`judge`] says what must hold; [`people`] are the processes.
//! [`toys`] shows that the explorer finds what is wrong, and counts right; [`planted`] that each mistake of the
//! protocol would be found. [`caches`] has somebody who spoils the cache of another, and [`keys`] somebody who removes
//! a key. [`copies`] has a second repository beside it. [`exclusive`] is everything of a store without conditions.
//! [`deep`] is for hours of leisure.

mod beside;
mod caches;
mod copies;
mod deep;
mod exclusive;
mod forged;
mod judge;
mod keys;
mod mistakes;
mod people;
mod planted;
mod prunes;
mod scene;
mod spoiler;
mod toys;
mod writers;

use std::sync::Arc;

use scenario_tests::explore::{Order, Process, Report, Scenario, Violation, explore};

use judge::Needs;
use scene::Scene;

/// How much is explored.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    interruptions_max: Option<u8>,
    states_max: usize,
}

/// Everything.
const ALL: Bounds = Bounds { interruptions_max: None, states_max: 1_000_000 };

/// Explores what `processes` can do to a scene.
fn run(scene: &Arc<Scene>, processes: Vec<Process>, bounds: Bounds) -> Result<Report, Box<Violation>> {
    let Bounds { interruptions_max, states_max } = bounds;
    let (store, judge, order) = (scene.store.deep_clone(), &Needs::of(scene), Order::Depth);
    explore(&Scenario { store, processes, judge, order, interruptions_max, states_max })
}

/// All that can happen within `bounds` is as it must be.
#[track_caller]
fn assert_safe(scene: &Arc<Scene>, processes: Vec<Process>, bounds: Bounds) {
    let started = std::time::Instant::now();
    let report = run(scene, processes, bounds).unwrap_or_else(|violation| panic!("{violation}"));
    println!("{report:?} in {:?}", started.elapsed());
    assert!(report.is_all, "there are more states than {}", bounds.states_max);
}

/// A snapshot can lose what it needs.
#[track_caller]
fn assert_found(scene: &Arc<Scene>, processes: Vec<Process>) {
    assert_found_as(scene, processes, ALL, "needs a chunk");
}

/// Each planted mistake is found, and named correctly.
#[track_caller]
fn assert_found_as(scene: &Arc<Scene>, processes: Vec<Process>, bounds: Bounds, what: &str) {
    let started = std::time::Instant::now();
    let Err(violation) = run(scene, processes, bounds) else { panic!("nothing was found") };
    println!("{} steps, after {} states in {:?}", violation.steps.len(), violation.states, started.elapsed());
    assert!(violation.what.contains(what), "{violation}");
}

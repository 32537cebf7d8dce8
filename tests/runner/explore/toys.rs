//! The explorer itself, on protocols whose states can be counted by hand.

use std::sync::Arc;

use engine::store::{Folder, MemoryStore, ObjectName, Store, StoreError, StoreErrorKind, Tag};
use repo_format::id::LeaseId;
use scenario_tests::explore::{Change, Changes, Judge, Order, Process, Report, Scenario, Violation, explore};

const SHARED: ObjectName = ObjectName::Condemned;

fn door(number: u8) -> ObjectName {
    ObjectName::Lease(LeaseId([number; 16]))
}

/// An invariant, as a function.
struct Must<F>(F);

impl<F: Fn(&MemoryStore) -> bool> Judge for Must<F> {
    fn always(&self, _: &MemoryStore) -> Result<(), String> {
        Ok(())
    }

    fn at_end(&self, store: &MemoryStore) -> Result<(), String> {
        if self.0(store) { Ok(()) } else { Err("the end is wrong".to_owned()) }
    }
}

/// Nobody is in the room with somebody else: who is there has an object.
struct OneInTheRoom;

impl Judge for OneInTheRoom {
    fn always(&self, store: &MemoryStore) -> Result<(), String> {
        let inside = store.names().into_iter().filter(|name| name.folder() == Folder::Leases).count();
        if inside < 2 { Ok(()) } else { Err(format!("{inside} are in the room")) }
    }
}

fn run(store: MemoryStore, processes: Vec<Process>, judge: &dyn Judge) -> Result<Report, Box<Violation>> {
    run_interrupted(store, processes, judge, None)
}

fn run_interrupted(
    store: MemoryStore,
    processes: Vec<Process>,
    judge: &dyn Judge,
    interruptions_max: Option<u8>,
) -> Result<Report, Box<Violation>> {
    explore(&Scenario { store, processes, judge, order: Order::Breadth, interruptions_max, states_max: 100_000 })
}

fn process(name: &str, program: impl Fn(&dyn Store) -> Result<(), String> + Send + Sync + 'static) -> Process {
    Process::new(name, Changes::ANY, move |store: Arc<dyn Store>| program(&*store))
}

/// An error as its process gives it. (A search that is given up meets many.)
fn said(error: StoreError) -> String {
    error.to_string()
}

/// Enters if the shared object is not there: first it looks, then it puts.
fn looks_then_enters(number: u8) -> Process {
    process(&format!("visitor {number}"), move |store| {
        if store.stat(&SHARED).map_err(said)?.is_none() {
            let _ = store.put_new(&SHARED, &[&[number]]);
            store.put_new(&door(number), &[]).map_err(said)?;
        }
        Ok(())
    })
}

/// Enters if it could put the shared object.
fn takes_then_enters(number: u8) -> Process {
    process(&format!("visitor {number}"), move |store| {
        if store.put_new(&SHARED, &[&[number]]).is_ok() {
            store.put_new(&door(number), &[]).map_err(said)?;
        }
        Ok(())
    })
}

#[test]
fn a_lock_that_is_looked_at_first_is_found_wrong_on_a_shortest_way() {
    let violation =
        run(MemoryStore::new(), vec![looks_then_enters(1), looks_then_enters(2)], &OneInTheRoom).unwrap_err();
    assert_eq!(violation.what, "2 are in the room");
    let verbs: Vec<_> = violation.steps.iter().map(|step| step.request.split(' ').next().unwrap()).collect();
    assert_eq!(verbs, ["stat", "stat", "put", "put", "put", "put"], "{violation}");
}

#[test]
fn what_needs_one_interruption_is_found_with_one() {
    let visitors = || vec![looks_then_enters(1), looks_then_enters(2)];
    assert!(run_interrupted(MemoryStore::new(), visitors(), &OneInTheRoom, Some(0)).unwrap().is_all);
    assert!(run_interrupted(MemoryStore::new(), visitors(), &OneInTheRoom, Some(1)).is_err());
}

#[test]
fn a_lock_that_is_taken_at_once_is_right_in_every_state() {
    let report = run(MemoryStore::new(), vec![takes_then_enters(1), takes_then_enters(2)], &OneInTheRoom).unwrap();
    // Nobody has it; one of two has it and is before or in the room, and the other is before or behind its try.
    assert_eq!((report.states, report.stores, report.is_all), (1 + 2 * 2 * 2, 1 + 2 * 2, true));
    // Each process has two histories that ask; how it ends does not matter.
    assert_eq!((report.histories, report.runs), (4, 4));
}

/// Adds one to the shared number.
fn adds_one(number: u8, is_careful: bool) -> Process {
    process(&format!("adder {number}"), move |store| {
        loop {
            let old = store.get(&SHARED, 10).map_err(said)?.to_vec();
            let new = [old[0] + 1];
            let expected = if is_careful { Tag::of(&old) } else { Tag::of(&store.get(&SHARED, 10).map_err(said)?) };
            match store.replace_if(&SHARED, Some(expected), &new) {
                Err(error) if error.kind == StoreErrorKind::Conflict => {}
                result => return result.map_err(said),
            }
        }
    })
}

fn zero() -> MemoryStore {
    let store = MemoryStore::new();
    store.put_raw(&SHARED, [0]);
    store
}

#[test]
fn numbers_that_are_added_with_care_are_all_there_at_the_end() {
    let sum_is = |sum: u8| Must(move |store: &MemoryStore| store.bytes(&SHARED) == Some(vec![sum]));
    let three = |is_careful| (1..=3).map(|number| adds_one(number, is_careful)).collect();
    assert!(run(zero(), three(true), &sum_is(3)).unwrap().is_all);
    let violation = run(zero(), three(false), &sum_is(3)).unwrap_err();
    assert_eq!(violation.what, "the end is wrong");
}

#[test]
fn an_answer_that_is_lost_is_explored_too() {
    let failing = process("putter", |store| store.put_new(&SHARED, &[]).map_err(said));
    let violation = run(MemoryStore::new(), vec![failing.losing_answers(1)], &OneInTheRoom).unwrap_err();
    assert!(violation.what.contains("putter fails"), "{violation}");
    assert!(violation.steps[0].answer.contains("lost"), "{violation}");

    let trying_again = process("putter", |store| {
        while let Err(error) = store.put_new(&SHARED, &[]) {
            match error.kind {
                StoreErrorKind::AlreadyExists => break,
                _ => continue,
            }
        }
        Ok(())
    });
    let report = run(MemoryStore::new(), vec![trying_again.losing_answers(3)], &OneInTheRoom).unwrap();
    // Before the first try; then it is there, and up to three times nobody was told so; the end.
    assert_eq!((report.states, report.histories), (1 + 3 + 1, 4));
}

#[test]
fn who_does_otherwise_when_told_the_same_is_reported() {
    let tries = std::sync::atomic::AtomicU8::new(0);
    let moody = process("moody", move |store| {
        let _ = store.stat(&door(tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst)));
        let _ = store.list(Folder::Leases, &mut |_| Ok(()), &mut |_| {});
        Ok(())
    });
    let putter = process("putter", |store| store.put_new(&door(9), &[]).map_err(said));
    let violation = run(MemoryStore::new(), vec![moody, putter], &OneInTheRoom).unwrap_err();
    assert!(violation.what.contains("not deterministic"), "{violation}");
}

#[test]
fn a_change_that_was_not_declared_is_reported() {
    let only = Changes::only(&[Change::Put(Folder::Packs)]);
    let sly = Process::new("sly", only, |store: Arc<dyn Store>| store.delete(&SHARED).map_err(said));
    let violation = run(MemoryStore::new(), vec![sly], &OneInTheRoom).unwrap_err();
    assert!(violation.what.contains("Delete(Top)"), "{violation}");
}

#[test]
fn reads_that_nobody_disturbs_are_not_put_in_every_order() {
    let reader = |number: u8| {
        Process::new(format!("reader {number}"), Changes::only(&[]), move |store: Arc<dyn Store>| {
            (0..4).try_for_each(|n| store.stat(&door(n)).map(drop)).map_err(said)
        })
    };
    let report = run(MemoryStore::new(), vec![reader(1), reader(2)], &OneInTheRoom).unwrap();
    // One order of eight reads, instead of 5 times 5 states.
    assert_eq!(report.states, 9);
}

#[test]
fn a_process_that_is_given_up_changes_nothing() {
    // More histories than runs are kept: the others are ended by errors, and run again.
    let asks_often = process("asks often", |store| {
        for _ in 0..40 {
            store.stat(&SHARED).map_err(said)?;
        }
        store.put_new(&door(1), &[]).map_err(said)
    });
    let putter = process("putter", |store| store.put_new(&SHARED, &[]).map_err(said));
    let report =
        run(MemoryStore::new(), vec![asks_often, putter], &Must(|store: &MemoryStore| store.names().len() == 2));
    let report = report.unwrap();
    assert!(report.is_all);
    assert!(report.runs > 41, "{report:?}");
}

use super::*;

const LOST: PowerLoss = PowerLoss { leases: Leases::Lost, keeps_change: false };
const KEPT: PowerLoss = PowerLoss { leases: Leases::Kept, keeps_change: true };

#[test]
fn conforms() {
    conformance::check(&MemoryStore::new()).unwrap();
}

/// A little of everything, in an order that matters.
fn work(store: &MemoryStore) -> Result<()> {
    store.put_new(&lease(1), &[b"me"])?;
    store.put_new(&pack(1), &[b"pack"])?;
    store.put_new(&segment(1), &[b"segment"])?;
    store.put_new(&ObjectName::Config, &[b"old"])?;
    store.replace_if(&ObjectName::Config, Some(Tag::of(b"old")), b"new")?;
    store.delete(&pack(1))?;
    store.delete(&pack(1))?;
    store.delete(&lease(1))
}

#[test]
fn every_step_is_a_crash_point_after_which_the_past_is_durable_and_the_future_is_not() {
    let calm = MemoryStore::new();
    work(&calm).unwrap();
    assert_eq!(calm.steps(), 13, "two for each change, one for the lease, none for what changes nothing");
    for step in 1..=calm.steps() {
        for loss in PowerLoss::ALL {
            let store = MemoryStore::new();
            store.crash_at(step);
            let error = work(&store).unwrap_err();
            assert_eq!((error.kind, store.steps()), (StoreErrorKind::Io, step - 1));
            assert!(error.to_string().ends_with("the machine is off"), "{error}");
            assert_eq!(kind(store.stat(&pack(1))), StoreErrorKind::Io);

            // Leases aside, changes are durable in order: step 1 is the lease, 2 and 3 the pack, and so on.
            let done = if loss.keeps_change { step.saturating_sub(1) / 2 } else { step.saturating_sub(2) / 2 };
            let disk = store.restart(loss);
            assert_eq!(disk.bytes(&segment(1)).is_some(), done >= 2, "step {step}, {loss:?}");
            let config = [None, Some(b"old".to_vec()), Some(b"new".to_vec())];
            assert_eq!(disk.bytes(&ObjectName::Config), config[done.clamp(2, 4) as usize - 2], "step {step}, {loss:?}");
            assert_eq!(disk.bytes(&pack(1)).is_some(), (1..5).contains(&done), "step {step}, {loss:?}");
        }
    }
}

#[test]
fn a_lease_may_be_lost_kept_or_emptied() {
    let store = MemoryStore::new();
    store.put_new(&lease(1), &[b"me"]).unwrap();
    store.power_loss();
    let outcome = |leases| store.restart(PowerLoss { leases, keeps_change: false });
    assert_eq!(outcome(Leases::Lost).bytes(&lease(1)), None);
    assert_eq!(outcome(Leases::Emptied).bytes(&lease(1)), Some(vec![]));
    let kept = outcome(Leases::Kept);
    assert_eq!(kept.bytes(&lease(1)), Some(b"me".to_vec()));
    // It has been on the disk since.
    assert_eq!(kept.restart(LOST).names(), [lease(1)]);
}

#[test]
fn what_is_made_durable_survives_and_costs_a_step_only_once() {
    let store = MemoryStore::new();
    store.put_new(&lease(1), &[b"me"]).unwrap();
    store.ensure_durable(&lease(1)).unwrap();
    store.ensure_durable(&lease(1)).unwrap();
    assert_eq!(store.steps(), 2);
    assert_eq!(store.restart(LOST).bytes(&lease(1)), Some(b"me".to_vec()));
}

#[test]
fn a_deleted_lease_does_not_come_back() {
    let store = MemoryStore::new();
    store.put_new(&lease(1), &[b"me"]).unwrap();
    store.delete(&lease(1)).unwrap();
    assert_eq!(store.restart(KEPT).names(), []);
}

#[test]
fn the_old_machine_stays_off_when_the_new_one_runs() {
    let store = MemoryStore::new();
    store.put_new(&pack(1), &[b"1"]).unwrap();
    let new = store.restart(LOST);
    assert_eq!(kind(store.clone().put_new(&pack(2), &[b"2"])), StoreErrorKind::Io);
    new.put_new(&pack(3), &[b"3"]).unwrap();
    assert_eq!((new.names(), new.steps()), (vec![pack(1), pack(3)], 2));
}

#[test]
fn raw_access_and_copies() {
    let store = MemoryStore::new();
    store.put_raw(&lease(1), b"raw");
    store.put_raw(&lease(1), b"overwritten");
    assert_eq!(store.restart(LOST).bytes(&lease(1)), Some(b"overwritten".to_vec()));
    let copy = store.deep_clone();
    assert!(copy.remove_raw(&lease(1)));
    assert!(!copy.remove_raw(&lease(1)));
    assert_eq!((copy.names(), store.names()), (vec![], vec![lease(1)]));
    assert_eq!(store.steps(), 0);
}

//! A policy, carried out on a repository.

use engine::machine;
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::store::ObjectName;
use engine::upkeep::forget::{Plan, forget, plan};
use engine::upkeep::retention::{Conditions, GroupBy, Period, Policy, Rule};
use repo_format::manifest::ManifestKind;

use super::{Scene, author, copy, listed, read, records};
use crate::support::verify_all;

/// Judges by `rules`, now, in UTC.
pub fn planned(repository: &Repository, rules: &[Rule]) -> engine::Result<Plan> {
    let policy = Policy { rules: rules.to_vec(), group_by: vec![GroupBy::Host, GroupBy::Roots] };
    let conditions = Conditions { now: machine::now(), zone: utc(), host: None, tag: None };
    plan(repository, &policy, &conditions, &NullMonitor)
}

fn utc() -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::UTC
}

#[test]
fn what_no_rule_keeps_goes() {
    let scene = Scene::new(30);
    let repository = scene.fixture.open();
    let plan = planned(&repository, &[Rule::Last(3), Rule::Each(Period::Hour, 10)]).unwrap();
    assert_eq!((plan.going().len(), plan.kept_count()), (20, 10), "the newest three are among ten hours");
    assert_eq!(listed(&repository), scene.ids, "a plan changes nothing");
    forget(&repository, &plan.going(), &author(), &NullMonitor).unwrap();
    assert_eq!(listed(&repository), scene.ids[20..]);
    verify_all(&repository);
    assert_eq!(planned(&repository, &[Rule::Each(Period::Hour, 10)]).unwrap().going(), []);
}

#[test]
fn only_snapshots_go() {
    let scene = Scene::new(4);
    let repository = scene.fixture.open();
    let manifest = read(&repository, scene.ids[0]);
    let others = [ManifestKind::Receipt, ManifestKind::Log, ManifestKind::Other(99)]
        .map(|kind| copy(&repository, &manifest, |copy| copy.kind = kind));
    for rules in [[Rule::Last(2)], [Rule::Last(1)]] {
        let plan = planned(&repository, &rules).unwrap();
        forget(&repository, &plan.going(), &author(), &NullMonitor).unwrap();
    }
    assert_eq!(listed(&repository), scene.ids[3..]);
    assert_eq!(records(&repository).len(), 2);
    for id in others {
        assert!(scene.store.bytes(&ObjectName::Snapshot(id)).is_some());
    }
    verify_all(&repository);
}

#[test]
fn a_snapshot_from_the_future_stays_and_the_others_are_judged_as_if_it_were_not_there() {
    let scene = Scene::new(4);
    let repository = scene.fixture.open();
    let manifest = read(&repository, scene.ids[3]);
    let future = copy(&repository, &manifest, |copy| copy.seconds += 365 * 86_400);
    let plan = planned(&repository, &[Rule::Last(1)]).unwrap();
    let going: Vec<_> = plan.going().iter().map(|manifest| manifest.id).collect();
    assert_eq!(going, scene.ids[..3]);
    // Named, it goes.
    super::forget_named(&repository, &[future]).unwrap();
    assert_eq!(planned(&repository, &[Rule::Last(1)]).unwrap().going().len(), 3);
    verify_all(&repository);
}

#[test]
fn a_snapshot_that_cannot_be_read_stays() {
    let scene = Scene::new(4);
    let repository = scene.fixture.open();
    let name = ObjectName::Snapshot(scene.ids[1]);
    let mut bytes = scene.store.bytes(&name).unwrap();
    bytes[150] ^= 1;
    scene.store.put_raw(&name, bytes);
    let plan = planned(&repository, &[Rule::Last(1)]).unwrap();
    let unreadable: Vec<_> = plan.unreadable.iter().map(|(id, _)| *id).collect();
    assert_eq!(unreadable, [scene.ids[1]]);
    forget(&repository, &plan.going(), &author(), &NullMonitor).unwrap();
    assert!(scene.store.bytes(&name).is_some());
    assert_eq!(listed(&repository), scene.ids[3..]);
}

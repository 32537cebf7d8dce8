//! A real cluster, Ceph: `./test --cluster` runs these.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use engine::ErrorKind;
use engine::monitor::NullMonitor;
use engine::repository::{Exclusive, InitOptions, init};
use engine::store::Store;
use engine::store::conformance::{check, check_conditions, check_without_conditions};
use engine::store::s3::{Keeps, Patience, S3Options, S3Store};
use scenario_tests::object_storage::Ceph;

use super::losing::Losing;
use super::repository::prune_all;
use crate::support::{Fixture, backup, backup_options, backup_paths, look, noise, verify_all};

#[test]
#[ignore = "./test --cluster"]
fn ceph_keeps_every_promise_in_a_plain_bucket() {
    for version in ["ceph-20", "ceph-16"] {
        let ceph = Ceph::start(version);
        ceph.make_bucket("plain", Keeps::Newest);
        check_conditions(&ceph.store("plain", "conditions")).unwrap_or_else(|e| panic!("{version}: {e}"));
        check(&ceph.store("plain", "promises")).unwrap_or_else(|e| panic!("{version}: {e}"));
    }
}

#[test]
#[ignore = "./test --cluster"]
fn ceph_does_not_keep_conditions_in_buckets_with_versions_and_is_refused() {
    for version in ["ceph-20", "ceph-16"] {
        let ceph = Ceph::start(version);
        for (bucket, keeps) in [("versioned", Keeps::Versions), ("locked", Keeps::Locks)] {
            ceph.make_bucket(bucket, keeps);
            let refused = check_conditions(&ceph.store(bucket, "conditions")).err();
            let refused = refused.unwrap_or_else(|| panic!("{version} is safe with a {bucket} bucket by now"));
            assert!(refused.to_string().contains("does not keep a promise"), "{version} {bucket}: {refused}");
        }
    }
}

#[test]
#[ignore = "./test --cluster"]
fn a_repository_that_relies_on_no_conditions_lives_in_a_locked_bucket_of_ceph() {
    let ceph = Ceph::start("ceph-20");
    ceph.make_bucket("locked", Keeps::Locks);
    let store: Arc<dyn Store> = Arc::new(ceph.store("locked", "office"));
    check_without_conditions(&*store).unwrap();
    let fixture = Fixture::without_repository(store.clone());
    let options = InitOptions { exclusive: Exclusive::Always, ..InitOptions::default() };
    init(&*store, &fixture.credential(), &options).unwrap();
    let root = fixture.folder("root");
    let mut snapshots = Vec::new();
    for seed in 1..3 {
        fs::write(root.join("changes"), noise(seed, 200_000)).unwrap();
        snapshots.push(backup(&fixture.open(), &root).0);
    }
    fixture.forget(&snapshots[..1]);
    let report = prune_all(&fixture).unwrap();
    assert!(report.deleted_packs > 0, "{report:?}");
    fixture.assert_restores(&fixture.open_anew(), snapshots[1], &look(&root));
    verify_all(&fixture.open_anew());
}

/// A cluster that loses something in the middle of work.
struct Outage {
    ceph: Arc<Mutex<Ceph>>,
}

impl Outage {
    fn new() -> Self {
        let ceph = Ceph::start("ceph-20");
        ceph.make_bucket("plain", Keeps::Newest);
        Outage { ceph: Arc::new(Mutex::new(ceph)) }
    }

    fn ceph(&self) -> MutexGuard<'_, Ceph> {
        self.ceph.lock().unwrap()
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.ceph().store("plain", "office"))
    }

    fn losing(&self, patience: Patience, lose: fn(&mut Ceph)) -> Arc<dyn Store> {
        let options = S3Options { patience, ..self.ceph().options("plain", "office") };
        let ceph = self.ceph.clone();
        Arc::new(Losing::new(S3Store::new(&options).unwrap(), move || lose(&mut ceph.lock().unwrap())))
    }
}

/// A repository there, and a folder with 60 MB.
fn office(outage: &Outage) -> (Fixture, PathBuf) {
    let fixture = Fixture::in_store(outage.store());
    let root = fixture.folder("root");
    for n in 0..20 {
        fs::write(root.join(n.to_string()), noise(n, 3_000_000)).unwrap();
    }
    (fixture, root)
}

#[test]
#[ignore = "./test --cluster"]
fn a_daemon_that_dies_in_the_middle_of_work_costs_time_and_nothing_else() {
    let outage = Outage::new();
    let (fixture, root) = office(&outage);
    let during = |outage: &Outage| outage.losing(Patience::default(), |ceph| ceph.kill_daemon(1));
    // A backup.
    let far = fixture.through(during(&outage));
    let (first, _) = backup(&far.open_anew(), &root);
    outage.ceph().start_daemon(1);
    let whole = look(&root);
    // A restore.
    let far = fixture.through(during(&outage));
    far.assert_restores(&far.open_anew(), first, &whole);
    outage.ceph().start_daemon(1);
    // A prune.
    for n in 0..19 {
        fs::remove_file(root.join(format!("{n}"))).unwrap();
    }
    let (second, _) = backup(&fixture.through(outage.store()).open_anew(), &root);
    fixture.through(outage.store()).forget(&[first]);
    let far = fixture.through(during(&outage));
    let report = prune_all(&far).unwrap();
    assert!(report.deleted_packs > 0 && report.waiting.is_empty(), "{report:?}");
    outage.ceph().start_daemon(1);
    let far = fixture.through(outage.store());
    far.assert_restores(&far.open_anew(), second, &look(&root));
    verify_all(&far.open_anew());
}

#[test]
#[ignore = "./test --cluster"]
fn a_gateway_that_dies_is_no_damage_and_the_next_run_goes_on() {
    let outage = Outage::new();
    let (fixture, root) = office(&outage);
    let patience = Patience { outage: Duration::from_secs(2), answer: Duration::from_secs(5), ..Patience::default() };
    let far = fixture.through(outage.losing(patience, Ceph::kill_gateway));
    let failed = backup_paths(&far.open_anew(), &[&root], &backup_options(), &NullMonitor);
    assert_eq!(failed.err().unwrap().kind(), ErrorKind::Unavailable);
    outage.ceph().start_gateway();
    let far = fixture.through(outage.store());
    let (snapshot, _) = backup(&far.open_anew(), &root);
    far.assert_restores(&far.open_anew(), snapshot, &look(&root));
    verify_all(&far.open_anew());
}

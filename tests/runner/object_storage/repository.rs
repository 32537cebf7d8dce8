//! A repository in object storage: its whole life, and outages in the middle of it.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use engine::ErrorKind;
use engine::files::restore::{RestoreOptions, restore};
use engine::monitor::NullMonitor;
use engine::store::{Medium, MemoryStore, ObjectName, Store, forward};
use engine::upkeep::prune::PruneOptions;
use engine::upkeep::{prune, repair, verify};
use repo_format::config::Access;
use scenario_tests::object_storage::{Fault, Manner, ObjectStorage, Trouble};

use super::{another, server};
use crate::support::{Fixture, Tree, backup, backup_options, backup_paths, by_id, look, noise, verify_all};

pub struct Office {
    pub server: ObjectStorage,
    pub fixture: Fixture,
    pub root: PathBuf,
}

impl Office {
    pub fn new(manner: Manner) -> Self {
        let (server, store) = server(manner);
        let fixture = Fixture::in_store(store);
        let root = fixture.folder("root");
        fs::write(root.join("stays"), noise(1, 300_000)).unwrap();
        fs::write(root.join("changes"), noise(2, 200_000)).unwrap();
        Office { server, fixture, root }
    }

    /// The same repository as another program sees it, which has seen nothing.
    pub fn through(&self, store: Arc<dyn Store>) -> Fixture {
        self.fixture.through(store)
    }

    pub fn change(&self, seed: u64) -> Tree {
        fs::write(self.root.join("changes"), noise(seed, 200_000)).unwrap();
        look(&self.root)
    }
}

pub fn prune_all(fixture: &Fixture) -> engine::Result<prune::PruneReport> {
    let process = engine::machine::process;
    let options = PruneOptions { this_host: "host", process: &process, max_unused: 0, max_rewrite: u64::MAX };
    prune::plan(&fixture.open_anew(), &options, &NullMonitor)?.run(&NullMonitor)
}

#[test]
fn a_repository_lives_in_object_storage() {
    let office = Office::new(Manner { page: 50, ..Manner::default() });
    let fixture = &office.fixture;
    let before = look(&office.root);
    let (first, _) = backup(&fixture.open(), &office.root);
    let now = office.change(3);
    let (second, _) = backup(&fixture.open(), &office.root);
    let far = office.through(another(&office.server));
    far.assert_restores(&far.open_anew(), first, &before);
    far.assert_restores(&far.open_anew(), second, &now);
    verify_all(&far.open_anew());
    fixture.forget(&[first]);
    let report = prune_all(&far).unwrap();
    assert!(report.deleted_packs > 0, "{report:?}");
    assert_eq!(report.waiting.len(), 0, "{report:?}");
    far.assert_restores(&far.open_anew(), second, &now);
    verify_all(&far.open_anew());
    assert!(!office.server.keys().iter().any(|key| key.contains("/leases/")), "{:?}", office.server.keys());
}

#[test]
fn a_commit_without_an_answer_is_a_snapshot_and_its_lease_stays() {
    for trouble in [Trouble::LostAnswer, Trouble::NoAnswer, Trouble::StatusAfter(500, "InternalError")] {
        let office = Office::new(Manner { page: 50, ..Manner::default() });
        let now = look(&office.root);
        office.server.fail(Fault::once("PUT", "/snapshots/", trouble));
        let (snapshot, _) = backup(&office.fixture.open(), &office.root);
        office.server.heal();
        let leases = office.server.keys().iter().filter(|key| key.contains("/leases/")).count();
        assert_eq!(leases, 1, "{trouble:?}");
        office.fixture.assert_restores(&office.fixture.open_anew(), snapshot, &now);
        verify_all(&office.fixture.open_anew());
    }
}

#[test]
fn a_manifest_that_arrives_after_its_run_has_failed_has_its_data() {
    let office = Office::new(Manner { page: 50, ..Manner::default() });
    let now = look(&office.root);
    office.server.fail(Fault::always("PUT", "/snapshots/", Trouble::Late));
    let failed = backup_paths(&office.fixture.open(), &[&office.root], &backup_options(), &NullMonitor);
    assert_eq!(failed.err().unwrap().kind(), ErrorKind::Unavailable);
    office.server.heal();
    // The writer may be alive, so the prune waits for it and deletes nothing of it.
    let report = prune_all(&office.through(another(&office.server))).unwrap();
    assert_eq!(report.deleted_packs, 0, "{report:?}");
    office.server.let_arrive();
    let repository = office.fixture.open_anew();
    let list = engine::snapshots::list(&repository).unwrap();
    assert_eq!(list.snapshots.len(), 1);
    office.fixture.assert_restores(&repository, list.snapshots[0].manifest.id, &now);
    verify_all(&repository);
}

#[test]
fn an_outage_ends_every_operation_and_damages_nothing() {
    let office = Office::new(Manner { page: 50, ..Manner::default() });
    let fixture = &office.fixture;
    let now = look(&office.root);
    let (snapshot, _) = backup(&fixture.open(), &office.root);
    let repository = fixture.open_anew();
    let chosen = by_id(&repository, snapshot);
    // Its nodes are kept then, so that the outage comes in the middle.
    fixture.assert_restores(&repository, snapshot, &now);
    for trouble in [Trouble::NoAnswer, Trouble::Page(503), Trouble::Page(404)] {
        for verb in ["GET", "LIST"] {
            office.server.fail(Fault::always(verb, "", trouble));
            let report = verify::verify(&repository, &Default::default(), &NullMonitor);
            assert_eq!(report.err().unwrap().kind(), ErrorKind::Unavailable, "{verb} {trouble:?}");
            let report = repair::repair(&repository, &Default::default(), &NullMonitor);
            assert_eq!(report.err().unwrap().kind(), ErrorKind::Unavailable, "{verb} {trouble:?}");
            office.server.heal();
        }
        office.server.fail(Fault::always("GET", "/packs/", trouble));
        let target = fixture.free_path("restored");
        let restored = restore(&repository, &chosen, &target, &RestoreOptions::default(), &|_, _| {}, &NullMonitor);
        assert_eq!(restored.err().unwrap().kind(), ErrorKind::Unavailable, "{trouble:?}");
        office.server.heal();
    }
    verify_all(&fixture.open_anew());
    fixture.assert_restores(&fixture.open_anew(), snapshot, &now);
}

#[test]
fn a_repair_names_no_pack_in_place_that_a_late_deletion_may_follow() {
    let office = Office::new(Manner { page: 50, ..Manner::default() });
    let now = look(&office.root);
    let (snapshot, _) = backup(&office.fixture.open(), &office.root);
    let of = |folder: &str| office.server.keys().into_iter().filter(|key| key.contains(folder)).collect::<Vec<_>>();
    let packs = of("/packs/");
    for segment in of("/index/") {
        office.server.put(&segment, b"damaged");
    }
    // On a machine that never saw the segments nothing tells these packs from packs that have come back.
    let repository = office.fixture.open_anew();
    repair::repair(&repository, &Default::default(), &NullMonitor).unwrap();
    for pack in packs {
        office.server.remove(&pack);
    }
    verify_all(&office.fixture.open_anew());
    office.fixture.assert_restores(&office.fixture.open_anew(), snapshot, &now);
}

#[test]
fn an_outage_is_waited_for_once_however_many_snapshots_there_are() {
    let office = Office::new(Manner { page: 50, ..Manner::default() });
    for seed in 0..20 {
        office.change(seed);
        backup(&office.fixture.open(), &office.root);
    }
    office.server.take_asked();
    office.server.fail(Fault::always("GET", "/snapshots/", Trouble::NoAnswer));
    let far = office.through(another(&office.server));
    let listed = far.try_open("far", &far.credential(), Access::Read).and_then(|repo| engine::snapshots::list(&repo));
    assert_eq!(listed.err().unwrap().kind(), ErrorKind::Unavailable);
    let asked: HashSet<_> = office
        .server
        .take_asked()
        .into_iter()
        .filter(|a| a.verb == "GET" && a.key.contains("/snapshots/"))
        .map(|a| a.key)
        .collect();
    assert!((1..=Medium::NETWORK.gets_at_once).contains(&asked.len()), "{asked:?}");
}

#[test]
fn what_arrived_of_a_run_that_failed_is_used_by_the_next() {
    let office = Office::new(Manner { page: 50, ..Manner::default() });
    let now = look(&office.root);
    office.server.fail(Fault::always("PUT", "/index/", Trouble::NoAnswer));
    let failed = backup_paths(&office.fixture.open(), &[&office.root], &backup_options(), &NullMonitor);
    assert_eq!(failed.err().unwrap().kind(), ErrorKind::Unavailable);
    office.server.heal();
    let packs = || office.server.keys().into_iter().filter(|key| key.contains("/packs/")).collect::<Vec<_>>();
    let arrived = packs();
    assert!(!arrived.is_empty());
    let (snapshot, outcome) = backup(&office.fixture.open_anew(), &office.root);
    assert_eq!(outcome.statistics.new_bytes, 0, "all data had arrived");
    office.fixture.assert_restores(&office.fixture.open_anew(), snapshot, &now);
    // The packs themselves may still be deleted by a request that is late, so their chunks were copied, once.
    let copied = packs();
    assert_eq!(copied.len(), arrived.len() * 2);
    let (second, _) = backup(&office.fixture.open_anew(), &office.root);
    // A file that was just written is noted as such, and later no longer: then a folder's node is another.
    assert!(copied.iter().all(|pack| packs().contains(pack)) && packs().len() <= copied.len() + 1);
    prune_all(&office.fixture).unwrap();
    assert!(!arrived.iter().any(|key| packs().contains(key)), "a prune deletes what no segment names");
    office.fixture.assert_restores(&office.fixture.open_anew(), snapshot, &now);
    office.fixture.assert_restores(&office.fixture.open_anew(), second, &now);
    verify_all(&office.fixture.open_anew());
}

/// A server behind a network that notes how many packs were on their way at once.
struct Crowd {
    store: MemoryStore,
    crowd: Mutex<(usize, usize)>,
    changed: Condvar,
}

impl Store for Crowd {
    forward!([store] location place get get_range list ensure_durable delete set_aside stat replace_if);

    fn medium(&self) -> Medium {
        Medium::NETWORK
    }

    /// A pack waits for company, which comes, or for a while.
    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> engine::store::Result<()> {
        if matches!(name, ObjectName::Pack(_)) {
            let mut crowd = self.crowd.lock().unwrap();
            crowd.0 += 1;
            crowd.1 = crowd.1.max(crowd.0);
            self.changed.notify_all();
            let is_alone = |crowd: &mut (usize, usize)| crowd.1 < Medium::NETWORK.puts_at_once;
            let mut crowd = self.changed.wait_timeout_while(crowd, Duration::from_secs(60), is_alone).unwrap().0;
            crowd.0 -= 1;
        }
        self.store.put_new(name, parts)
    }
}

#[test]
fn several_packs_are_put_at_once_over_a_network() {
    let store = Arc::new(Crowd { store: MemoryStore::new(), crowd: Mutex::default(), changed: Condvar::new() });
    let fixture = Fixture::in_store(store.clone());
    assert_eq!(fixture.open().config().pack_bytes, 16 << 20);
    let root = fixture.folder("root");
    for n in 0..90 {
        fs::write(root.join(n.to_string()), noise(n, 1 << 20)).unwrap();
    }
    let now = look(&root);
    let (snapshot, _) = backup(&fixture.open(), &root);
    assert_eq!(store.crowd.lock().unwrap().1, Medium::NETWORK.puts_at_once);
    fixture.assert_restores(&fixture.open_anew(), snapshot, &now);
    verify_all(&fixture.open_anew());
}

//! Power fails between any two steps: what was there stays, and the next run finishes.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use engine::crypto::{Credential, KeyFile};
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::repository::members::{Change, add_member, change_member, members, remove_member};
use engine::store::{MemoryStore, ObjectName, PowerLoss};
use engine::{ErrorKind, Result};
use repo_format::config::Access;
use repo_format::id::{LeaseId, MemberId};

use crate::support::{Fixture, Tree, backup, backup_options, backup_paths, look, noise, verify_all};

/// A repository with two snapshots, and a folder that has changed since.
struct Scene {
    fixture: Fixture,
    store: MemoryStore,
    root: PathBuf,
    earlier: Vec<(LeaseId, Tree)>,
    now: Tree,
    /// Bytes that the next backup finds new.
    new_bytes: u64,
}

impl Scene {
    fn new() -> Self {
        let store = MemoryStore::new();
        let fixture = Fixture::with_small_packs(&store);
        let root = fixture.folder("root");
        let mut earlier = Vec::new();
        for round in 0..2 {
            fs::create_dir_all(root.join(format!("folder {round}"))).unwrap();
            fs::write(root.join(format!("folder {round}/noise")), noise(round, 300_000)).unwrap();
            fs::write(root.join("changes"), noise(100 + round, 50_000)).unwrap();
            let before = look(&root);
            earlier.push((backup(&fixture.open(), &root).0, before));
        }
        fs::write(root.join("changes"), noise(200, 2_500_000)).unwrap();
        fs::write(root.join("new"), noise(201, 1_500_000)).unwrap();
        fs::remove_file(root.join("folder 0/noise")).unwrap();
        let now = look(&root);
        let new_bytes = 4_000_000;
        Scene { fixture, store, root, earlier, now, new_bytes }
    }

    /// The repository with this store below, and a key to its folders.
    fn through(&self, store: &MemoryStore) -> Fixture {
        self.fixture.through(Arc::new(store.clone()))
    }

    /// Everything that must hold after a crash, for the machine that crashed (`cache`) or a new one.
    fn assert_recovers(&self, disk: &MemoryStore, cache: Option<&str>, what: &str) {
        let fixture = self.through(disk);
        let repository = match cache {
            Some(cache) => fixture.try_open(cache, &fixture.credential(), Access::Write).unwrap(),
            None => fixture.open_anew(),
        };
        let count = verify_all(&repository).snapshots;
        assert!(count >= 2, "{what}");
        for (snapshot, tree) in &self.earlier {
            fixture.assert_restores(&repository, *snapshot, tree);
        }
        let durable: u64 = repository.list_packs().unwrap().values().sum();
        let before: u64 = self.fixture.open_anew().list_packs().unwrap().values().sum();
        let (snapshot, outcome) = backup(&repository, &self.root);
        // Data that had arrived is reused; padding and nodes take a little.
        let arrived = durable - before;
        let new = outcome.statistics.new_bytes;
        assert!(new + arrived < self.new_bytes + 700_000, "{what}: {arrived} had arrived, and {new} were new");
        fixture.assert_restores(&repository, snapshot, &self.now);
        fixture.assert_restores(&fixture.open_anew(), snapshot, &self.now);
        let report = verify_all(&repository);
        assert_eq!(report.snapshots, count + 1, "{what}");
        assert!(!report.notes.iter().any(|note| note.contains("in no index segment")), "{what}: {:?}", report.notes);
    }
}

#[test]
fn a_backup_may_lose_power_at_any_step() {
    let scene = Scene::new();
    let trial = scene.store.deep_clone();
    let before = trial.steps();
    backup(&scene.through(&trial).open_anew(), &scene.root);
    let steps = trial.steps() - before;
    assert!(steps > 10, "{steps}");
    for step in 1..=steps + 1 {
        let store = scene.store.deep_clone();
        let fixture = scene.through(&store);
        let cache = fixture.copy_cache();
        let repository = fixture.try_open(&cache, &fixture.credential(), Access::Write).unwrap();
        store.crash_at(before + step);
        let result = backup_paths(&repository, &[&scene.root], &backup_options(), &NullMonitor);
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::Io, "step {step}: {error}");
        }
        drop(repository);
        // Every outcome in turn, each with the old cache and without.
        let loss = PowerLoss::ALL[usize::try_from(step).unwrap() % PowerLoss::ALL.len()];
        let opposite = PowerLoss { keeps_change: !loss.keeps_change, ..loss };
        scene.assert_recovers(&store.restart(loss), None, &format!("step {step}, {loss:?}, new cache"));
        scene.assert_recovers(&store.restart(opposite), Some(&cache), &format!("step {step}, {opposite:?}, old cache"));
    }
}

#[test]
fn making_a_repository_may_lose_power_at_any_step() {
    let trial = MemoryStore::new();
    Fixture::in_store(Arc::new(trial.clone()));
    for step in 1..=trial.steps() {
        for loss in PowerLoss::ALL {
            let store = MemoryStore::new();
            let fixture = Fixture::without_repository(Arc::new(store.clone()));
            store.crash_at(step);
            assert_eq!(fixture.init().unwrap_err().kind(), ErrorKind::Io);
            let disk = store.restart(loss);
            let fixture = fixture.through(Arc::new(disk));
            match fixture.init() {
                Ok(()) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::RepositoryExists, "step {step}, {loss:?}: {error}"),
            }
            let repository = fixture.open_anew();
            let root = fixture.folder("root");
            backup(&repository, &root);
            assert!(verify_all(&repository).notes.is_empty(), "step {step}, {loss:?}");
            assert_eq!(members(&repository).unwrap().len(), 1, "step {step}, {loss:?}");
        }
    }
}

/// A key file that is not the fixture's.
struct Key(String);

impl Key {
    fn new() -> Self {
        Key(KeyFile::generate().unwrap().to_text().to_string())
    }

    fn credential(&self) -> Credential {
        Credential::KeyFile(KeyFile::parse(&self.0).unwrap())
    }

    fn opens(&self, fixture: &Fixture) -> bool {
        let cache = fixture.free_path("cache");
        fixture.try_open(cache.to_str().unwrap(), &self.credential(), Access::Write).is_ok()
    }
}

fn fixture_key_opens(fixture: &Fixture) -> bool {
    let cache = fixture.free_path("cache");
    fixture.try_open(cache.to_str().unwrap(), &fixture.credential(), Access::Write).is_ok()
}

/// Crashes `change` at every step with every outcome, and gives what is left to `check`. Before, `prepare` has its way.
fn crash_everywhere(
    prepare: impl Fn(&Repository, &Key),
    change: impl Fn(&Repository, &Key) -> Result<()>,
    check: impl Fn(&Fixture, &Key, &str),
) {
    let (store, key) = (MemoryStore::new(), Key::new());
    let fixture = Fixture::in_store(Arc::new(store.clone()));
    prepare(&fixture.open_anew(), &key);
    let (before, trial) = (store.steps(), store.deep_clone());
    change(&fixture.through(Arc::new(trial.clone())).open_anew(), &key).unwrap();
    let steps = trial.steps() - before;
    assert!(steps >= 4, "{steps}");
    for step in 1..=steps {
        for loss in PowerLoss::ALL {
            let store = store.deep_clone();
            let repository = fixture.through(Arc::new(store.clone())).open_anew();
            store.crash_at(before + step);
            // The change is made when only a second copy is left to put: the next writer puts it.
            if let Err(error) = change(&repository, &key) {
                assert_eq!(error.kind(), ErrorKind::Io);
            }
            let fixture = fixture.through(Arc::new(store.restart(loss)));
            check(&fixture, &key, &format!("step {step}, {loss:?}"));
        }
    }
}

#[test]
fn adding_a_key_may_lose_power_at_any_step() {
    crash_everywhere(
        |_, _| {},
        |repository, key| add_member(repository, &key.credential(), "new").map(drop),
        |fixture, key, what| {
            assert!(fixture_key_opens(fixture), "{what}");
            // Again, with the same key, whatever was left of the first attempt.
            add_member(&fixture.open_anew(), &key.credential(), "new").unwrap();
            assert!(key.opens(fixture) && fixture_key_opens(fixture), "{what}");
            verify_all(&fixture.open_anew());
        },
    );
}

#[test]
fn changing_a_key_may_lose_power_at_any_step() {
    for kind in [Change::Routine, Change::Compromised] {
        crash_everywhere(
            |_, _| {},
            |repository, key| change_member(repository, &key.credential(), kind).map(drop),
            |fixture, key, what| {
                let old = fixture_key_opens(fixture);
                assert!(old || key.opens(fixture), "{what}: neither key opens it");
                if old {
                    change_member(&fixture.open_anew(), &key.credential(), kind).unwrap();
                }
                assert!(key.opens(fixture) && !fixture_key_opens(fixture), "{what}: the second attempt");
            },
        );
    }
}

#[test]
fn removing_a_key_may_lose_power_at_any_step() {
    crash_everywhere(
        |repository, key| assert!(add_member(repository, &key.credential(), "leaver").is_ok()),
        |repository, _| match leaver_of(repository)? {
            Some(id) => remove_member(repository, id),
            None => Ok(()),
        },
        |fixture, key, what| {
            assert!(fixture_key_opens(fixture), "{what}");
            if let Some(id) = leaver_of(&fixture.open_anew()).unwrap() {
                remove_member(&fixture.open_anew(), id).unwrap();
            }
            assert!(!key.opens(fixture) && fixture_key_opens(fixture), "{what}");
            assert_eq!(members(&fixture.open_anew()).unwrap().len(), 1, "{what}");
        },
    );
}

fn leaver_of(repository: &Repository) -> Result<Option<MemberId>> {
    Ok(members(repository)?.into_iter().find(|member| member.label == "leaver").map(|member| member.id))
}

#[test]
fn merging_index_segments_may_lose_power_at_any_step() {
    let store = MemoryStore::new();
    let fixture = Fixture::in_store(Arc::new(store.clone()));
    let root = fixture.folder("root");
    let repository = fixture.open();
    let mut last = None;
    while repository.sync_catalog(&NullMonitor).unwrap().segments.len() < 63 {
        let number = repository.sync_catalog(&NullMonitor).unwrap().segments.len();
        fs::write(root.join("file"), noise(number as u64, 1000)).unwrap();
        last = Some((backup(&repository, &root).0, look(&root)));
    }
    let (snapshot, tree) = last.unwrap();
    fs::write(root.join("file"), noise(1000, 1000)).unwrap();
    backup(&repository, &root);
    drop(repository);
    let (before, trial) = (store.steps(), store.deep_clone());
    fs::write(root.join("file"), noise(1001, 1000)).unwrap();
    let now = look(&root);
    backup(&fixture.through(Arc::new(trial.clone())).open_anew(), &root);
    let segments =
        |store: &MemoryStore| store.names().into_iter().filter(|name| matches!(name, ObjectName::Segment(_))).count();
    assert!(segments(&store) >= 64 && segments(&trial) < 5, "{} {}", segments(&store), segments(&trial));
    let steps = trial.steps() - before;
    // The first steps are those of a backup, the last ones deletions that are all alike.
    for step in (8..=24).chain(steps - 4..=steps) {
        let loss = PowerLoss::ALL[usize::try_from(step).unwrap() % PowerLoss::ALL.len()];
        let store = store.deep_clone();
        let fixture = fixture.through(Arc::new(store.clone()));
        let cache = fixture.copy_cache();
        let repository = fixture.try_open(&cache, &fixture.credential(), Access::Write).unwrap();
        store.crash_at(before + step);
        let _ = backup_paths(&repository, &[&root], &backup_options(), &NullMonitor);
        drop(repository);
        let fixture = fixture.through(Arc::new(store.restart(loss)));
        for repository in [fixture.try_open(&cache, &fixture.credential(), Access::Write).unwrap(), fixture.open_anew()]
        {
            verify_all(&repository);
            fixture.assert_restores(&repository, snapshot, &tree);
            let (snapshot, _) = backup(&repository, &root);
            fixture.assert_restores(&repository, snapshot, &now);
        }
    }
}

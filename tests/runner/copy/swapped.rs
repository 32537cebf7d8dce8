//! A target whose storage was changed by somebody who may write there: another repository's keyring, or an older state.

use std::sync::Arc;

use engine::ErrorKind;
use engine::copy::{What, copy};
use engine::monitor::NullMonitor;
use engine::repository::{Acceptance, Author};
use engine::store::{Folder, MemoryStore, ObjectName, Original};
use engine::upkeep::forget::{forget, plan_named};
use engine::upkeep::prune::{self, PruneOptions};
use repo_format::config::Access;

use super::scene::{Scene, options};
use crate::support::{Fixture, verify_all};

/// A scene with a copy, and the store of its target.
fn scene() -> (Scene, MemoryStore) {
    let store = MemoryStore::new();
    let scene = Scene::with_target(Arc::new(store.clone()));
    scene.save(1);
    scene.copy_whole(&What::All);
    (scene, store)
}

fn all(store: &MemoryStore) -> Vec<(ObjectName, Vec<u8>)> {
    store.names().into_iter().map(|name| (name, store.bytes(&name).unwrap())).collect()
}

/// Makes `store` hold exactly these objects.
fn put_back(store: &MemoryStore, objects: &[(ObjectName, Vec<u8>)]) {
    store.names().iter().for_each(|name| assert!(store.remove_raw(name)));
    objects.iter().for_each(|(name, bytes)| store.put_raw(name, bytes.clone()));
}

/// The objects of another repository that say who opens it.
fn keys_of(other: &Fixture, with_members: bool) -> Vec<(ObjectName, Vec<u8>)> {
    let is_wanted = |name: &ObjectName| match name {
        ObjectName::Keyring(_) | ObjectName::Copy(Original::Keyring(_)) => true,
        ObjectName::Member(_) | ObjectName::Copy(Original::Member(_)) => with_members,
        _ => false,
    };
    let mut found = Vec::new();
    for folder in [Folder::Keyring, Folder::Keys, Folder::Copies] {
        let mut take = |info: engine::store::ObjectInfo| {
            if is_wanted(&info.name) {
                found.push((info.name, other.store.get(&info.name, 1 << 20).unwrap()));
            }
            Ok(())
        };
        other.store.list(folder, &mut take, &mut |_| {}).unwrap();
    }
    found
}

#[test]
fn the_keyring_of_another_repository_opens_no_target_and_nothing_is_sealed_with_it() {
    let (scene, store) = scene();
    let good = all(&store);
    scene.save(2);
    // Its own source, another one, and a stranger with the same key file.
    let stranger = scene.target.through(Arc::new(MemoryStore::new()));
    stranger.init().unwrap();
    for (n, other) in [&scene.source, &Fixture::new(), &stranger].into_iter().enumerate() {
        for with_members in [false, true] {
            put_back(&store, &good);
            keys_of(other, with_members).into_iter().for_each(|(name, bytes)| store.put_raw(&name, bytes));
            let before = all(&store);
            // A machine that knows the target has kept the keyring, and uses that or nothing.
            for cache in ["cache", "new"] {
                let opened = scene.target.try_open(cache, &scene.target.credential(), Access::Write);
                let made =
                    opened.and_then(|target| copy(&scene.source.open(), &target, &What::New, &options(), &NullMonitor));
                let case = format!("keyring {n}, with members: {with_members}, {cache}");
                match made {
                    Err(error) => {
                        let kinds = [ErrorKind::Damaged, ErrorKind::WrongPassword, ErrorKind::Refused];
                        assert!(kinds.contains(&error.kind()), "{case}: {error}");
                        assert_eq!(all(&store), before, "{case}");
                    }
                    // It went on with the keyring that it knows.
                    Ok(outcome) => assert_eq!((cache, outcome.failed.len()), ("cache", 0), "{case}"),
                }
            }
        }
    }
    put_back(&store, &good);
    scene.copy_whole(&What::New);
    verify_all(&scene.target.open_anew());
}

#[test]
fn an_older_state_of_the_target_is_said_and_what_it_lacks_is_copied_again() {
    for make in [Scene::with_target, Scene::with_unrelated_target] {
        let store = MemoryStore::new();
        let scene = make(Arc::new(store.clone()));
        scene.save(1);
        let first = scene.copy_whole(&What::All);
        let older = all(&store);
        let (second, tree) = scene.save(2);
        let lost = scene.copy_whole(&What::New);
        put_back(&store, &older);
        let target = scene.target.open();
        let unanswered = target.unanswered().unwrap();
        assert_eq!(unanswered.missing.iter().map(|missing| missing.id).collect::<Vec<_>>(), lost);
        assert!(unanswered.is_urgent());
        let copied = scene.copy_whole(&What::New);
        assert_eq!(copied.len(), 1, "the copy that has gone is made again");
        scene.target.assert_restores(&scene.target.open_anew(), copied[0], &tree);
        // Nothing is deleted until somebody has answered.
        let target = scene.target.open();
        let author = Author { host: "host".into(), user: "user".into(), program: "test".into() };
        let going = plan_named(&target, &first, &NullMonitor).unwrap().going();
        let kind = forget(&target, &going, &author, &NullMonitor).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::Disappeared);
        let process = engine::machine::process;
        let options = PruneOptions { this_host: "host", process: &process, max_unused: 0, max_rewrite: u64::MAX };
        let pruned = prune::plan(&target, &options, &NullMonitor).unwrap().run(&NullMonitor);
        assert_eq!(pruned.unwrap_err().kind(), ErrorKind::Disappeared);
        target.accept(&Acceptance::Losses, "the host restored a backup", &author, &NullMonitor).unwrap();
        assert!(scene.target.open().unanswered().unwrap().is_empty());
        scene.target.forget(&first);
        verify_all(&scene.target.open());
        assert!(scene.source.open().snapshot_names().unwrap().contains(&second));
    }
}

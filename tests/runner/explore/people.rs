//! The processes of an exploration.

use std::sync::Arc;

use engine::ErrorKind;
use engine::error::chain;
use engine::repository::Repository;
use engine::store::{Folder, ObjectName, Store};
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::LeaseId;
use repo_format::lease::Void;
use scenario_tests::explore::{Change, Changes, Process};

use super::scene::{Cache, Scene, back_up};

/// What a writer ever changes. Its lease is all that it deletes.
fn changes_of_a_writer() -> Changes {
    Changes::only(&[
        Change::Put(Folder::Leases),
        Change::Delete(Folder::Leases),
        Change::Put(Folder::Packs),
        Change::Put(Folder::Index),
        Change::Put(Folder::Snapshots),
    ])
}

/// What may come of a run beside others: it ends well, is shut out, or does not get an answer.
pub fn may_end<T>(result: engine::Result<T>) -> Result<(), String> {
    match result {
        Err(error) if !matches!(error.kind(), ErrorKind::Fenced | ErrorKind::Io) => Err(chain(&error)),
        _ => Ok(()),
    }
}

/// A process that opens the repository and does `work`.
pub fn visitor(
    scene: &Arc<Scene>,
    name: &str,
    cache: Cache,
    changes: Changes,
    work: impl Fn(&Repository) -> engine::Result<()> + Send + Sync + 'static,
) -> Process {
    let (scene, seed) = (scene.clone(), name.to_owned());
    Process::new(name, changes, move |store| may_end(scene.visit(store, cache, &seed, &work)))
}

/// A process that backs up the file that the first snapshot has, too.
pub fn writer(scene: &Arc<Scene>, name: &str, cache: Cache) -> Process {
    visitor(scene, name, cache, changes_of_a_writer(), back_up)
}

/// A process that forgets every snapshot that it sees.
pub fn forgetter() -> Process {
    Process::new("forget", Changes::only(&[Change::Delete(Folder::Snapshots)]), |store: Arc<dyn Store>| {
        names(&*store, Folder::Snapshots).iter().try_for_each(|name| store.delete(name)).map_err(|e| e.to_string())
    })
}

/// A process that declares every writer dead that it sees, right or wrong.
pub fn fencer(scene: &Arc<Scene>) -> Process {
    visitor(scene, "fence", Cache::Empty, Changes::only(&[Change::Put(Folder::Snapshots)]), |repository| {
        repository.lease_names()?.into_iter().try_for_each(|id| fence(repository, id))
    })
}

fn fence(repository: &Repository, id: LeaseId) -> engine::Result<()> {
    let void = Void { id, time: 1, host: "another host".to_owned(), reason: "no sign of life".to_owned() };
    let name = ObjectName::Snapshot(id);
    let plain = void.encode().unwrap();
    let object = repository.keys().seal(ObjectKind::Void, KeyClass::Meta, &name.to_string(), &plain)?;
    match repository.store().put_new(&name, &[&object]) {
        Err(error) if error.kind == engine::store::StoreErrorKind::AlreadyExists => Ok(()),
        result => Ok(result?),
    }
}

/// What must not be: a process that looks whether there are snapshots and then deletes all packs, as if nobody else were there.
pub fn reckless_deleter() -> Process {
    Process::new("deleter", Changes::only(&[Change::Delete(Folder::Packs)]), |store: Arc<dyn Store>| {
        if !names(&*store, Folder::Snapshots).is_empty() {
            return Ok(());
        }
        names(&*store, Folder::Packs).iter().try_for_each(|name| store.delete(name)).map_err(|e| e.to_string())
    })
}

fn names(store: &dyn Store, folder: Folder) -> Vec<ObjectName> {
    let mut names = Vec::new();
    let mut found = |info: engine::store::ObjectInfo| {
        names.push(info.name);
        Ok(())
    };
    store.list(folder, &mut found, &mut |_| {}).unwrap_or_default();
    names
}

//! The processes of an exploration.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::ErrorKind;
use engine::error::chain;
use engine::machine;
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::repository::{Author, Repository, SnapshotObject, members};
use engine::session;
use engine::store::{Folder, ObjectName, Store, StoreErrorKind};
use engine::upkeep::forget::{forget, plan_named};
use engine::upkeep::prune::{self, PruneOptions};
use repo_format::condemned::{CondemnedList, Phase};
use repo_format::id::{MemberId, PackId};
use repo_format::pack::ChunkKind;
use scenario_tests::explore::{Answer, Change, Changes, Process, pass};

use super::beside::Beside;
use super::mistakes::{Keyrings, Lie, lying, same_keyrings, truth};
use super::scene::{Cache, HOST, Safety, Scene, Start, back_up};

/// Objects that a writer ever changes. Its lease is all that it deletes.
fn changes_of_a_writer() -> Changes {
    Changes::only(&[
        Change::Put(Folder::Leases),
        Change::Delete(Folder::Leases),
        Change::Put(Folder::Packs),
        Change::Put(Folder::Index),
        Change::Put(Folder::Snapshots),
    ])
}

/// Objects that a prune ever changes. It puts void records, but no manifest; of leases it deletes those of writers that
/// it shut out.
fn changes_of_a_prune() -> Changes {
    Changes::only(&[
        Change::Put(Folder::Top),
        Change::Delete(Folder::Leases),
        Change::Put(Folder::Packs),
        Change::Delete(Folder::Packs),
        Change::Put(Folder::Index),
        Change::Delete(Folder::Index),
        Change::Put(Folder::Snapshots),
    ])
}

/// Objects that a prune ever changes where the store has no conditions: it puts a lone lease, and no void record.
fn changes_of_a_lone_prune() -> Changes {
    Changes::only(&[
        Change::Put(Folder::Top),
        Change::Put(Folder::Leases),
        Change::Delete(Folder::Leases),
        Change::Put(Folder::Packs),
        Change::Delete(Folder::Packs),
        Change::Put(Folder::Index),
        Change::Delete(Folder::Index),
    ])
}

/// Objects that a removal of a key ever changes: keyrings, notes and the list of condemned packs, with their second
/// copies; the key itself.
fn changes_of_a_remover() -> Changes {
    Changes::only(&[
        Change::Put(Folder::Top),
        Change::Delete(Folder::Keys),
        Change::Put(Folder::Keyring),
        Change::Put(Folder::Notes),
        Change::Delete(Folder::Notes),
        Change::Put(Folder::Copies),
        Change::Delete(Folder::Copies),
    ])
}

/// Objects that a writer ever changes while keys change: it completes second copies, and vouches for its snapshot in a note.
fn changes_of_a_writer_beside_changes_of_keys() -> Changes {
    Changes::only(&[
        Change::Put(Folder::Leases),
        Change::Delete(Folder::Leases),
        Change::Put(Folder::Packs),
        Change::Put(Folder::Index),
        Change::Put(Folder::Snapshots),
        Change::Put(Folder::Notes),
        Change::Put(Folder::Copies),
    ])
}

/// Possible ends of a run beside others: it ends well, is shut out, or gets no answer.
fn in_order<T>(result: engine::Result<T>) -> Result<(), String> {
    match result {
        // A prune that misses a snapshot does nothing: the ones who forget here put no record.
        Err(error) => match error.kind() {
            ErrorKind::Fenced | ErrorKind::Io | ErrorKind::Unavailable | ErrorKind::Disappeared => Ok(()),
            _ => Err(chain(&error)),
        },
        Ok(_) => Ok(()),
    }
}

type Work = Arc<dyn Fn(&Repository) -> engine::Result<()> + Send + Sync>;

/// A program that opens the repository and works on it; a process when it is done.
pub struct Visitor {
    scene: Arc<Scene>,
    name: String,
    seed: String,
    cache: Cache,
    safety: Safety,
    changes: Changes,
    lie: Arc<dyn Fn() -> Lie + Send + Sync>,
    work: Work,
    ends: Ends,
}

/// How a visitor may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// Well, shut out, or without an answer.
    InOrder,
    /// With any error.
    Anyhow,
}

impl Visitor {
    fn new(
        scene: &Arc<Scene>,
        name: &str,
        changes: Changes,
        work: impl Fn(&Repository) -> engine::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let (scene, name, seed) = (scene.clone(), name.to_owned(), name.to_owned());
        let lie = Arc::new(truth);
        let (cache, ends) = (Cache::Empty, Ends::InOrder);
        Visitor { scene, name, seed, cache, safety: Safety::Safe, changes, lie, work: Arc::new(work), ends }
    }

    /// It begins with what `cache` holds; otherwise with nothing.
    pub fn with_cache(self, cache: Cache) -> Self {
        Visitor { cache, ..self }
    }

    /// Others may spoil its cache while it runs.
    pub fn exposed(self) -> Self {
        Visitor { safety: Safety::Exposed, ..self }
    }

    /// It shares the randomness of every process with this seed; without a seed it has its own.
    pub fn with_seed(self, seed: &str) -> Self {
        Visitor { seed: seed.to_owned(), ..self }
    }

    /// It is a writer, and others change keys meanwhile.
    pub fn beside_changes_of_keys(self) -> Self {
        Visitor { changes: changes_of_a_writer_beside_changes_of_keys(), ..self }
    }

    /// It puts a lone lease: the store has no conditions.
    pub fn alone(self) -> Self {
        Visitor { changes: changes_of_a_lone_prune(), ..self }
    }

    /// It may fail: what matters is what it leaves behind.
    pub fn failing(self) -> Self {
        Visitor { ends: Ends::Anyhow, ..self }
    }

    /// It is told what a lie makes of the truth.
    pub fn told(self, lie: impl Fn() -> Lie + Send + Sync + 'static) -> Self {
        Visitor { lie: Arc::new(lie), ..self }
    }

    /// The process.
    pub fn process(self) -> Process {
        let Visitor { scene, name, seed, cache, safety, changes, lie, work, ends } = self;
        Process::new(name, changes, move |store| {
            let store = lying(store, lie());
            let start = Start { cache, seed: &seed, safety };
            let result = scene.visit(store, start, |repository| work(repository));
            if ends == Ends::Anyhow { Ok(()) } else { in_order(result) }
        })
    }
}

/// Backs up the file that the first snapshot has, too.
pub fn writer(scene: &Arc<Scene>, name: &str) -> Visitor {
    Visitor::new(scene, name, changes_of_a_writer(), back_up)
}

/// Copies a snapshot of another repository into this one.
pub fn copier(scene: &Arc<Scene>, name: &str, source: &Arc<Beside>) -> Visitor {
    let source = source.clone();
    Visitor::new(scene, name, changes_of_a_writer(), move |repository| source.copy_to(repository))
}

/// Copies everything into a new repository of its own. It only reads this one.
pub fn copier_out(scene: &Arc<Scene>, name: &str, target: &Arc<Beside>) -> Visitor {
    let target = target.clone();
    Visitor::new(scene, name, Changes::only(&[]), move |repository| target.copy_from(repository))
}

/// Removes a key.
pub fn remover(scene: &Arc<Scene>, member: MemberId) -> Visitor {
    let keyrings = Keyrings::default();
    Visitor::new(scene, "key remove", changes_of_a_remover(), move |repository| {
        members::remove_member(repository, member)
    })
    .told(move || same_keyrings(&keyrings))
}

/// The state that a prune assumes of writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writers {
    /// They live, and are waited for.
    Alive,
    /// They are dead, right or wrong, and are shut out.
    Dead,
    /// Their process is gone, and another has its number.
    Replaced,
}

/// Prunes whatever is not needed.
pub fn pruner(scene: &Arc<Scene>, name: &str, writers: Writers) -> Visitor {
    Visitor::new(scene, name, changes_of_a_prune(), move |repository| prune_all(repository, writers))
}

/// Prunes on the store of the scene itself, and dies after so many changes; whether it did.
pub fn prune_until_death(scene: &Scene, changes: usize) -> bool {
    let (store, left) = (scene.store.clone(), AtomicUsize::new(changes));
    let mortal = pass(move |request| {
        let is_dead = left.load(Ordering::SeqCst) == 0;
        if request.is_change() && (is_dead || left.fetch_sub(1, Ordering::SeqCst) == 0) {
            return Answer::Failed(StoreErrorKind::Io);
        }
        request.perform(&store)
    });
    let start = Start { cache: Cache::Filled, seed: "mortal", safety: Safety::Safe };
    scene.visit(Arc::new(mortal), start, |repository| prune_all(repository, Writers::Alive)).is_err()
}

fn prune_all(repository: &Repository, writers: Writers) -> engine::Result<()> {
    let process = move |id| match (writers, machine::process(id)) {
        (Writers::Alive, process) => process,
        (Writers::Dead, _) => machine::Process::Gone,
        (Writers::Replaced, machine::Process::There(start)) => machine::Process::There(start.map(|start| start + 1)),
        (Writers::Replaced, machine::Process::Gone) => machine::Process::Gone,
    };
    let options = PruneOptions { this_host: HOST, process: &process, max_unused: 0, max_rewrite: u64::MAX };
    prune::plan(repository, &options, &NullMonitor)?.run(&NullMonitor).map(drop)
}

/// Reads what every snapshot needs that it sees; only of one that is there no more may something be lost.
pub fn reader(scene: &Arc<Scene>) -> Visitor {
    Visitor::new(scene, "reader", Changes::only(&[]), |repository| {
        let reader = ChunkReader::new(repository);
        for id in repository.snapshot_names()? {
            let needs = match repository.read_snapshot_object(id) {
                Ok(SnapshotObject::Manifest(object)) => object.manifest.ids,
                _ => Vec::new(),
            };
            let read = needs.iter().try_for_each(|chunk| reader.read(ChunkKind::Node, chunk).map(drop));
            if read.is_err() && repository.store().stat(&ObjectName::Snapshot(id))?.is_some() {
                return read;
            }
        }
        Ok(())
    })
}

/// Forgets every snapshot that it sees.
pub fn forgetter(scene: &Arc<Scene>) -> Visitor {
    Visitor::new(scene, "forget", Changes::only(&[Change::Delete(Folder::Snapshots)]), |repository| {
        for id in repository.snapshot_names()? {
            if let SnapshotObject::Manifest(_) = repository.read_snapshot_object(id)? {
                repository.store().delete(&ObjectName::Snapshot(id))?;
            }
        }
        Ok(())
    })
}

/// Forgets the first snapshot as users do: by a record, and then by deleting it.
pub fn forgetter_by_record(scene: &Arc<Scene>) -> Visitor {
    let first = scene.first;
    let changes = Changes::only(&[Change::Put(Folder::Snapshots), Change::Delete(Folder::Snapshots)]);
    Visitor::new(scene, "forget", changes, move |repository| {
        let plan = plan_named(repository, &[first], &NullMonitor)?;
        let author = Author { host: HOST.to_owned(), user: "user".to_owned(), program: "test".to_owned() };
        forget(repository, &plan.going(), &author, &NullMonitor).map(drop)
    })
}

/// Forgets the first snapshot, which it knows.
pub fn forgetter_of_the_first(scene: &Arc<Scene>) -> Process {
    let first = scene.first;
    Process::new("forget", Changes::only(&[Change::Delete(Folder::Snapshots)]), move |store: Arc<dyn Store>| {
        store.delete(&ObjectName::Snapshot(first)).map_err(|error| error.to_string())
    })
}

/// Puts `packs` on a list, as a prune that made its plan before anything else happened. It crashes then, and another begins.
pub fn late_pruner(scene: &Arc<Scene>, packs: Vec<PackId>) -> Visitor {
    Visitor::new(scene, "late prune", changes_of_a_prune(), move |repository| {
        loop {
            let (mut condemned, tag) = repository.condemned()?;
            let number = condemned.next;
            condemned.next += 1;
            condemned.lists.push(CondemnedList { number, phase: Phase::Condemned, packs: packs.clone() });
            if repository.replace_condemned(&condemned, tag)? {
                break;
            }
        }
        prune_all(repository, Writers::Alive)
    })
}

/// Declares every writer dead that it sees, right or wrong.
pub fn fencer(scene: &Arc<Scene>) -> Visitor {
    Visitor::new(scene, "fence", Changes::only(&[Change::Put(Folder::Snapshots)]), |repository| {
        let fence = |id| session::fence(repository, id, HOST, "no sign of life").map(drop);
        session::lease_names(repository)?.into_iter().try_for_each(fence)
    })
}

/// A planted mistake: a process that looks whether there are snapshots and then deletes all packs, as if nobody else were
/// there.
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

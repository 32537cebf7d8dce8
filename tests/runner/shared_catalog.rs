//! Readers of one shared catalog that says what is not so, and one that somebody deletes, replaces or rolls back while
//! they read.
//!
//! Two readers take turns at their operations of the store: one begins, the other interrupts it, and the first
//! interrupts that one for a moment. All moments for that are tried.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

use engine::ErrorKind;
use engine::catalog::{Catalog, sealed_chunks};
use engine::error::chain;
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::repository::Repository;
use engine::store::{ObjectName, Store};
use engine::upkeep::prune::{PruneOptions, plan};
use repo_format::config::Access;
use repo_format::id::{Bytes32, ChunkId, PackId, SegmentId};
use repo_format::pack::ChunkKind;
use repo_format::segment::SegmentPack;
use scenario_tests::explore::{Request, pass};

use crate::damage::lab::{self, Lab};

/// After so many operations each reader has either found its first chunk or asked the store for all that it holds.
const STEPS: usize = 8;

/// A repository with one snapshot, and what its index says.
struct Scene {
    lab: Lab,
    segments: Vec<(SegmentId, Vec<SegmentPack>)>,
    chunks: Vec<(ChunkKind, ChunkId)>,
}

/// False statements of a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// Nothing.
    Nothing,
    /// It does not name the chunks, though it knows their packs.
    Missing,
    /// It names them in other places of their packs.
    Place,
    /// It opens them with another salt.
    Salt,
    /// It names them in packs that are not there.
    Pack,
}

const ALL_WRONG: [Wrong; 4] = [Wrong::Missing, Wrong::Place, Wrong::Salt, Wrong::Pack];

impl Scene {
    fn new(seed: u64) -> Self {
        let (lab, folder) = (Lab::new(), lab::temp());
        let source = folder.path().join("source");
        fs::create_dir(&source).unwrap();
        for n in 0..3 {
            fs::write(source.join(format!("file{n}")), lab::noise(100 * seed + n, 20_000)).unwrap();
        }
        let repository = lab.opened(&folder.path().join("cache"));
        lab::save(&repository, &[source]).unwrap();
        let segments = repository.sync_catalog(&NullMonitor).unwrap().segments.into_keys();
        let segments: Vec<_> = segments.map(|id| (id, repository.read_segment(id).unwrap())).collect();
        let packs = segments.iter().flat_map(|(_, packs)| packs);
        let chunks = packs.flat_map(|pack| sealed_chunks(pack).map(|(id, at)| (at.kind, id)).collect::<Vec<_>>());
        let chunks = chunks.filter(|(kind, _)| *kind != ChunkKind::Padding).collect();
        Scene { lab, segments, chunks }
    }

    /// Where a cache in `folder` has its files.
    fn inner(&self, folder: &Path) -> PathBuf {
        folder.join(self.repository_id().to_string())
    }

    fn repository_id(&self) -> repo_format::id::RepositoryId {
        engine::repository::config_flags(&self.lab.store).unwrap().repository
    }

    /// A cache that has taken in the whole index, and says of it what is wrong.
    fn cache(&self, wrong: Wrong) -> tempfile::TempDir {
        let folder = lab::temp();
        self.fill(&Catalog::open(&self.inner(folder.path()), self.repository_id()).unwrap(), wrong);
        folder
    }

    fn fill(&self, catalog: &Catalog, wrong: Wrong) {
        for (segment, packs) in &self.segments {
            let packs: Vec<_> = packs.iter().map(|pack| spoilt(pack.clone(), wrong)).collect();
            catalog.import_segment(*segment, &packs).unwrap();
        }
    }

    /// The results of a reader, chunk by chunk.
    fn read(&self, repository: &Repository) -> Vec<Result<(), ErrorKind>> {
        let reader = ChunkReader::new(repository);
        self.chunks.iter().map(|(kind, id)| read(&reader, *kind, id)).collect()
    }

    /// Takes away the pack that the first chunk is in; gives which chunks are lost.
    fn lose_a_pack(&self) -> Vec<bool> {
        let packs = || self.segments.iter().flat_map(|(_, packs)| packs);
        let has = |pack: &&SegmentPack, id: &ChunkId| sealed_chunks(pack).any(|(there, _)| there == *id);
        let lost = packs().find(|pack| has(pack, &self.chunks[0].1)).unwrap();
        self.lab.store.remove_raw(&ObjectName::Pack(lost.id));
        self.chunks.iter().map(|(_, id)| has(&lost, id)).collect()
    }
}

fn spoilt(mut pack: SegmentPack, wrong: Wrong) -> SegmentPack {
    match wrong {
        Wrong::Nothing => {}
        Wrong::Missing => pack.table.entries.iter_mut().for_each(|entry| entry.id.0[0] ^= 1),
        Wrong::Place => pack.table.entries.iter_mut().for_each(|entry| entry.sealed_len -= 1),
        Wrong::Salt => pack.salt = Bytes32([7; 32]),
        Wrong::Pack => pack.id = PackId([7; 32]),
    }
    pack
}

fn read(reader: &ChunkReader<'_>, kind: ChunkKind, id: &ChunkId) -> Result<(), ErrorKind> {
    match reader.read(kind, id) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::Damaged => Err(ErrorKind::Damaged),
        Err(error) => panic!("{}", chain(&error)),
    }
}

/// The order of steps: the first runs for so many operations, the second for so many, the first for some more, then the
/// second to its end.
struct Turns {
    plan: [usize; 3],
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    done: [usize; 2],
    /// Waits before an operation, or has ended: only then another may act.
    stands: [bool; 2],
    has_ended: [bool; 2],
}

impl State {
    fn whose(&self, [one, two, more]: [usize; 3]) -> usize {
        match self {
            State { has_ended: [true, _], .. } => 1,
            State { has_ended: [_, true], .. } => 0,
            State { done: [first, _], .. } if *first < one => 0,
            State { done: [_, second], .. } if *second < two => 1,
            State { done: [first, _], .. } => usize::from(*first >= one + more),
        }
    }
}

impl Turns {
    fn new(plan: [usize; 3]) -> Arc<Self> {
        Arc::new(Turns { plan, state: Mutex::default(), changed: Condvar::new() })
    }

    /// Waits for the turn of `who`, and takes one.
    fn take(&self, who: usize) {
        let mut state = self.state.lock().unwrap();
        state.stands[who] = true;
        self.changed.notify_all();
        while state.stands != [true; 2] || state.whose(self.plan) != who {
            state = self.changed.wait(state).unwrap();
        }
        state.done[who] += 1;
        state.stands[who] = false;
    }

    fn end(&self, who: usize) {
        let mut state = self.state.lock().unwrap();
        (state.has_ended[who], state.stands[who]) = (true, true);
        self.changed.notify_all();
    }
}

/// All plans that matter: the second is interrupted for a moment only.
fn plans() -> impl Iterator<Item = [usize; 3]> {
    (0..STEPS).flat_map(|one| (0..STEPS).flat_map(move |two| [1, 2].map(|more| [one, two, more])))
}

/// The results of two readers of the cache in `folder` that take turns.
fn two_readers(scene: &Scene, folder: &Path, plan: [usize; 3]) -> [Vec<Result<(), ErrorKind>>; 2] {
    let turns = Turns::new(plan);
    // They open it one after the other: what matters is what they do when both have it.
    let open = |who: usize| {
        let (turns, store) = (turns.clone(), scene.lab.store.clone());
        let is_reading = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let waits = is_reading.clone();
        let taking = pass(move |request: Request| {
            if waits.load(std::sync::atomic::Ordering::Relaxed) {
                turns.take(who);
            }
            request.perform(&store)
        });
        (lab::open(Arc::new(taking) as Arc<dyn Store>, &scene.lab.key, folder, Access::Read).unwrap(), is_reading)
    };
    let readers = [open(0), open(1)];
    std::thread::scope(|scope| {
        let run = |who: usize| {
            let ((repository, is_reading), turns) = (&readers[who], turns.clone());
            scope.spawn(move || {
                is_reading.store(true, std::sync::atomic::Ordering::Relaxed);
                let found = scene.read(repository);
                turns.end(who);
                found
            })
        };
        let threads = [run(0), run(1)];
        threads.map(|thread| thread.join().unwrap())
    })
}

#[test]
fn two_readers_of_one_spoilt_catalog_find_everything_in_every_order() {
    let scene = Scene::new(1);
    for wrong in ALL_WRONG {
        // The actions are the same whatever is wrong: all moments are tried for one, and some for the others.
        let every = if wrong == Wrong::Missing { 1 } else { 5 };
        for plan in plans().step_by(every) {
            let folder = scene.cache(wrong);
            let found = two_readers(&scene, folder.path(), plan);
            assert!(found.iter().flatten().all(Result::is_ok), "{wrong:?}, {plan:?}: {found:?}");
        }
    }
}

#[test]
fn what_is_lost_is_lost_for_both_readers_and_they_leave_the_catalog_alone() {
    for wrong in [Wrong::Nothing, Wrong::Missing] {
        let scene = Scene::new(2);
        let is_lost = scene.lose_a_pack();
        let expected: Vec<_> =
            is_lost.iter().map(|lost| if *lost { Err(ErrorKind::Damaged) } else { Ok(()) }).collect();
        for plan in plans().step_by(7) {
            let folder = scene.cache(wrong);
            let shared = Catalog::open(&scene.inner(folder.path()), scene.repository_id()).unwrap();
            let before = (shared.packs().unwrap(), shared.segments().unwrap(), shared.chunk_totals().unwrap());
            let found = two_readers(&scene, folder.path(), plan);
            assert_eq!(found, [expected.clone(), expected.clone()], "{wrong:?}, {plan:?}");
            let after = (shared.packs().unwrap(), shared.segments().unwrap(), shared.chunk_totals().unwrap());
            assert!(before == after, "{wrong:?}, {plan:?}");
        }
    }
}

#[test]
fn a_spoilt_catalog_is_made_anew_by_who_has_it_alone_and_by_nobody_else() {
    let scene = Scene::new(3);
    for wrong in [Wrong::Missing, Wrong::Place, Wrong::Salt] {
        let folder = scene.cache(wrong);
        let other = Catalog::open(&scene.inner(folder.path()), scene.repository_id()).unwrap();
        let reader = scene.lab.open(folder.path(), Access::Read).unwrap();
        assert!(scene.read(&reader).iter().all(Result::is_ok), "{wrong:?}");
        drop(reader);
        let beside = scene.lab.open(folder.path(), Access::Read).unwrap();
        assert!(beside.catalog().note().is_some_and(|note| note.contains("another process")), "{wrong:?}");
        drop((beside, other));
        let after = scene.lab.open(folder.path(), Access::Read).unwrap();
        assert!(after.catalog().note().is_none() && after.catalog().is_empty().unwrap(), "{wrong:?}");
        after.sync_catalog(&NullMonitor).unwrap();
        scene.read(&after).iter().for_each(|found| assert!(found.is_ok()));
        assert!(after.private_catalog().is_none(), "{wrong:?}: it is right again");
    }
}

#[test]
fn a_chunk_that_a_prune_has_moved_is_no_reason_to_doubt_the_catalog() {
    let scene = Scene::new(4);
    let folder = scene.cache(Wrong::Nothing);
    let reader = scene.lab.open(folder.path(), Access::Read).unwrap();
    // The same chunks in other packs, under another index.
    let elsewhere = lab::temp();
    let mover = scene.lab.opened(elsewhere.path());
    for (segment, packs) in &scene.segments {
        mover.name_all_packs(packs.iter().map(|pack| moved(&mover, pack))).unwrap();
        scene.lab.store.remove_raw(&ObjectName::Segment(*segment));
        packs.iter().for_each(|pack| assert!(scene.lab.store.remove_raw(&ObjectName::Pack(pack.id))));
    }
    assert!(scene.read(&reader).iter().all(Result::is_ok));
    assert!(reader.private_catalog().is_none());
    drop(reader);
    assert!(scene.lab.open(folder.path(), Access::Read).unwrap().catalog().note().is_none());
}

/// Puts what a pack holds into a new one.
fn moved(repository: &Repository, pack: &SegmentPack) -> SegmentPack {
    let mut new = engine::pack::PackRewriter::new(repository.keys(), pack.sealing.class).unwrap();
    for (id, at) in sealed_chunks(pack).filter(|(_, at)| at.kind != ChunkKind::Padding) {
        let end = at.offset + u64::from(at.sealed_len);
        let sealed = repository.store().get_range(&ObjectName::Pack(pack.id), at.offset..end).unwrap();
        new.push(id, &at, sealed).unwrap();
    }
    let finished = new.finish().unwrap().unwrap();
    repository.store().put_new(&ObjectName::Pack(finished.description.id), &finished.parts()).unwrap();
    finished.description
}

/// Damage to the files of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Delete,
    RollBack,
    /// The files of another repository's cache are put in their place.
    Replace,
    /// They are written over the files, which processes have open.
    WriteOver,
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let all = fs::read_dir(folder).unwrap().map(|item| item.unwrap().path());
    let is_catalog = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("catalog.");
    all.filter(is_catalog).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn put(folder: &Path, files: &[(PathBuf, Vec<u8>)]) {
    for (path, bytes) in files {
        let (target, beside) = (folder.join(path.file_name().unwrap()), folder.join("beside"));
        fs::write(&beside, bytes).unwrap();
        fs::rename(beside, target).unwrap();
    }
}

fn do_to(folder: &Path, deed: Deed, before: &[(PathBuf, Vec<u8>)], foreign: &[(PathBuf, Vec<u8>)]) {
    match deed {
        Deed::Delete => files(folder).iter().for_each(|(path, _)| fs::remove_file(path).unwrap()),
        Deed::RollBack => put(folder, before),
        Deed::Replace => put(folder, foreign),
        Deed::WriteOver => {
            for (path, bytes) in foreign {
                fs::write(folder.join(path.file_name().unwrap()), bytes).unwrap();
            }
        }
    }
}

#[test]
fn a_reader_whose_catalog_is_deleted_replaced_or_rolled_back_between_two_reads_finds_everything() {
    let (scene, other) = (Scene::new(5), Scene::new(6));
    let theirs = other.cache(Wrong::Nothing);
    let foreign = files(&other.inner(theirs.path()));
    for deed in [Deed::Delete, Deed::RollBack, Deed::Replace, Deed::WriteOver] {
        for at in 0..=scene.chunks.len() {
            let folder = lab::temp();
            let inner = scene.inner(folder.path());
            let repository = scene.lab.open(folder.path(), Access::Read).unwrap();
            let before = files(&inner);
            repository.sync_catalog(&NullMonitor).unwrap();
            let reader = ChunkReader::new(&repository);
            for (number, (kind, id)) in scene.chunks.iter().enumerate() {
                if number == at {
                    do_to(&inner, deed, &before, &foreign);
                }
                assert_eq!(read(&reader, *kind, id), Ok(()), "{deed:?} before {at}, at {number}");
            }
            drop(repository);
            // The next one has the right contents, or starts over.
            let next = scene.lab.open(folder.path(), Access::Read).unwrap();
            next.sync_catalog(&NullMonitor).unwrap();
            assert!(scene.read(&next).iter().all(Result::is_ok), "{deed:?} before {at}");
        }
    }
}

#[test]
fn a_prune_does_not_call_lost_what_only_a_spoilt_catalog_does_not_know() {
    let scene = Scene::new(7);
    for wrong in ALL_WRONG {
        let folder = scene.cache(wrong);
        let repository = scene.lab.open(folder.path(), Access::Prune).unwrap();
        let process = |_| engine::machine::Process::Gone;
        let options = PruneOptions { this_host: "machine", process: &process, max_unused: 0, max_rewrite: u64::MAX };
        let plan = plan(&repository, &options, &NullMonitor).unwrap();
        let forecast = plan.forecast();
        assert_eq!((forecast.lost_chunks, forecast.unneeded_packs), (0, 0), "{wrong:?}");
        let packs = || scene.lab.store.names().into_iter().filter(|name| matches!(name, ObjectName::Pack(_))).count();
        let before = packs();
        plan.run(&NullMonitor).unwrap();
        assert_eq!(packs(), before, "{wrong:?}");
    }
}

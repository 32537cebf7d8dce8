//! Every object of a repository, damaged in every way, with and without a cache that remembers the whole one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use engine::crypto::Keys;
use engine::error::chain;
use engine::repository::members::Unlock;
use engine::repository::{Repository, members};
use engine::store::{Folder, MemoryStore, ObjectName, Original};
use engine::upkeep::verify::Depth;
use engine::{Error, ErrorKind};
use repo_format::clear;
use repo_format::condemned::Condemned;
use repo_format::config::Access;
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::LeaseId;
use repo_format::lease::Lease;
use tempfile::TempDir;

use super::lab::{self, Key, Lab, Tree};

/// A repository with three snapshots of two folders, changed keys, a changed config, a changed list of condemned packs, a
/// lease.
pub(super) struct Scene {
    pub lab: Lab,
    /// Keeps the folders below.
    _folder: TempDir,
    pub sources: Vec<PathBuf>,
    /// A cache that has seen everything.
    pub warm: PathBuf,
    pub snapshots: Vec<(LeaseId, Tree)>,
    /// Older copies of objects that are replaced.
    pub older: Vec<(ObjectName, Vec<u8>)>,
    newest_keyring: ObjectName,
    /// Not what opens the repository.
    other_member: ObjectName,
}

pub(super) fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(build)
}

fn build() -> Scene {
    let folder = lab::temp();
    let lab = Lab::new();
    let warm = folder.path().join("warm");
    let sources: Vec<PathBuf> =
        ["photos", "texts"].iter().map(|name| folder.path().join("source").join(name)).collect();
    fill(&sources);
    let mut snapshots = Vec::new();
    let mut older = Vec::new();
    let save = |snapshots: &mut Vec<(LeaseId, Tree)>| {
        let outcome = lab::save(&lab.opened(&warm), &sources).unwrap();
        assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
        snapshots.push((outcome.snapshot.unwrap(), lab::expected(&sources)));
    };
    save(&mut snapshots);

    let repository = lab.opened(&warm);
    let other = members::add_member(&repository, &Key::generate().credential(), "other").unwrap();
    older.push((ObjectName::Config, lab.store.bytes(&ObjectName::Config).unwrap()));
    older.push((ObjectName::Condemned, lab.store.bytes(&ObjectName::Condemned).unwrap()));
    let mut config = repository.config().clone();
    config.version += 1;
    put_config(&lab.store, repository.keys(), &config);
    let condemned = Condemned { next: 5, lists: Vec::new() }.encode().unwrap();
    let condemned = repository.keys().seal(ObjectKind::Condemned, KeyClass::Index, "condemned", &condemned).unwrap();
    lab.store.put_raw(&ObjectName::Condemned, condemned);
    drop(repository);

    fs::write(sources[0].join("b.raw"), lab::noise(12, 50_000)).unwrap();
    fs::remove_file(sources[1].join("old.txt")).unwrap();
    save(&mut snapshots);
    // A run reads files again that changed shortly before they were read. Later runs rely on the parent for all others.
    std::thread::sleep(std::time::Duration::from_millis(3100));
    fs::write(sources[1].join("new.txt"), b"new ".repeat(6_000)).unwrap();
    let mut grown = fs::read(sources[0].join("a.raw")).unwrap();
    grown.extend(lab::noise(13, 30_000));
    fs::write(sources[0].join("a.raw"), grown).unwrap();
    save(&mut snapshots);

    let id = LeaseId([7; 16]);
    let lease = |started| seal_lease(lab.opened(&warm).keys(), id, started);
    older.push((ObjectName::Lease(id), lease(1)));
    lab.store.put_raw(&ObjectName::Lease(id), lease(2));
    // Nothing is left in a journal.
    assert_eq!(lab::check(&lab.opened(&warm), Depth::ReadData).unwrap().findings.len(), 0);
    Scene {
        newest_keyring: ObjectName::Keyring(2),
        other_member: ObjectName::Member(other),
        lab,
        _folder: folder,
        sources,
        warm,
        snapshots,
        older,
    }
}

fn fill(sources: &[PathBuf]) {
    let [photos, texts] = sources else { panic!() };
    fs::create_dir_all(photos.join("deep/er")).unwrap();
    fs::create_dir_all(texts.join("empty")).unwrap();
    fs::write(photos.join("a.raw"), lab::noise(1, 120_000)).unwrap();
    fs::write(photos.join("b.raw"), lab::noise(2, 50_000)).unwrap();
    fs::write(photos.join("deep/er/c.raw"), lab::noise(3, 20_000)).unwrap();
    fs::hard_link(photos.join("b.raw"), photos.join("deep/same.raw")).unwrap();
    fs::write(texts.join("inline"), b"a few bytes").unwrap();
    fs::write(texts.join("old.txt"), b"old ".repeat(5_000)).unwrap();
    fs::write(texts.join("nothing"), b"").unwrap();
    std::os::unix::fs::symlink("old.txt", texts.join("link")).unwrap();
}

fn put_config(store: &MemoryStore, keys: &Keys, config: &repo_format::config::Config) {
    let body = config.encode().unwrap();
    let object = clear::encode(ObjectKind::Config, &body, |t| keys.config_tag(t)).unwrap();
    store.put_raw(&ObjectName::Config, object.clone());
    store.put_raw(&ObjectName::Copy(Original::Config), object);
}

fn seal_lease(keys: &Keys, id: LeaseId, started: i64) -> Vec<u8> {
    let lease = Lease {
        id,
        host: "machine".to_owned(),
        boot_id: "boot".to_owned(),
        process: 1,
        started,
        seen: 0,
        program: "test".to_owned(),
        machine: None,
        process_start: None,
        process_space: None,
        purpose: None,
    };
    let name = ObjectName::Lease(id).to_string();
    keys.seal(ObjectKind::Lease, KeyClass::Index, &name, &lease.encode().unwrap()).unwrap()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    Flip(usize),
    Truncate(usize),
    Append(usize),
    Delete,
    Swap(ObjectName),
    Older,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cache {
    Fresh,
    Warm,
}

/// Damage that `verify` does not call a finding.
struct Exception {
    what: &'static str,
    applies: fn(&Scene, &ObjectName, Damage, Cache) -> bool,
    why: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        what: "leases",
        applies: |_, name, _, _| name.folder() == Folder::Leases,
        why: "they are notes of running writers and need not even survive a power loss: `verify` gives a note",
    },
    Exception {
        what: "a deleted index segment",
        applies: |_, name, damage, _| name.folder() == Folder::Index && damage == Damage::Delete,
        why: "segments repeat what packs say: nothing is lost, and `verify` notes each pack that none names",
    },
    Exception {
        what: "a deleted second copy",
        applies: |_, name, damage, _| name.folder() == Folder::Copies && damage == Damage::Delete,
        why: "the original is whole, and the next backup puts the copy again",
    },
    Exception {
        what: "the newest snapshot deleted, seen by nobody",
        applies: |scene, name, damage, cache| {
            let newest = ObjectName::Snapshot(scene.snapshots[2].0);
            *name == newest && damage == Damage::Delete && cache == Cache::Fresh
        },
        why: "the threat model says so: without a memory nobody can know that it ever was",
    },
];

fn exception(scene: &Scene, name: &ObjectName, damage: Damage, cache: Cache) -> Option<&'static Exception> {
    EXCEPTIONS.iter().find(|exception| (exception.applies)(scene, name, damage, cache))
}

pub(super) fn apply(store: &MemoryStore, scene: &Scene, name: &ObjectName, damage: Damage) {
    let mut bytes = store.bytes(name).unwrap();
    match damage {
        Damage::Flip(at) => bytes[at] ^= 1 << (at % 8),
        Damage::Truncate(len) => bytes.truncate(len),
        Damage::Append(len) => bytes.extend(lab::noise(99, len)),
        Damage::Swap(other) => {
            let there = store.bytes(&other).unwrap();
            store.put_raw(&other, std::mem::replace(&mut bytes, there));
        }
        Damage::Older => bytes.clone_from(&scene.older.iter().find(|(older, _)| older == name).unwrap().1),
        Damage::Delete => {
            store.remove_raw(name);
            return;
        }
    }
    store.put_raw(name, bytes);
}

/// Runs `work` for all items on all cores, and panics with all complaints.
pub(super) fn for_all<T: Sync>(items: &[T], work: impl Fn(&T) -> Vec<String> + Sync) {
    let (next, complaints) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let more = work(item);
                    complaints.lock().unwrap().extend(more);
                }
            });
        }
    });
    let complaints = complaints.into_inner().unwrap();
    let shown = complaints.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(complaints.is_empty(), "{} complaints:\n{shown}", complaints.len());
}

pub(super) type Cell = (ObjectName, Damage, Cache);

/// Everything that is asked of a damaged repository.
fn try_cell(scene: &Scene, cell: &Cell, thoroughly: bool) -> Vec<String> {
    let (name, damage, cache) = *cell;
    let lab = scene.lab.copy();
    apply(&lab.store, scene, &name, damage);
    let folder = lab::temp();
    let cache_dir = folder.path().join("cache");
    if cache == Cache::Warm {
        lab::copy_folder(&scene.warm, &cache_dir);
    }
    let mut complaints = Vec::new();
    let repository = match lab.open(&cache_dir, Access::Read) {
        Ok(repository) => repository,
        Err(error) => {
            // Where a cache remembers nothing, nothing else than an error can be expected either.
            let kinds = match (name, damage) {
                (ObjectName::Config, Damage::Delete) => &[ErrorKind::NoRepository][..],
                // No key file is known to have had an object there.
                (ObjectName::Member(_), Damage::Delete) => &[ErrorKind::WrongPassword],
                // Which bytes say that something is new cannot be known before the checksum is.
                (_, Damage::Flip(4..=16)) => &[ErrorKind::Damaged, ErrorKind::TooNew],
                _ => &[ErrorKind::Damaged],
            };
            if !kinds.contains(&error.kind()) {
                complaints.push(format!("{cell:?}: opening gives {:?}: {}", error.kind(), chain(&error)));
            }
            return complaints;
        }
    };
    match lab::check(&repository, Depth::ReadData) {
        Ok(report) => {
            let excused = exception(scene, &name, damage, cache);
            if report.findings.is_empty() && excused.is_none() {
                complaints.push(format!("{cell:?}: `verify` finds nothing; notes: {:?}", report.notes));
            }
            if let (false, Some(exception)) = (report.findings.is_empty(), excused) {
                let (what, why) = (exception.what, exception.why);
                complaints.push(format!("{cell:?}: is no exception ({what}: {why}): {:?}", report.findings));
            }
        }
        Err(error) => complaints.push(format!("{cell:?}: `verify` fails: {}", chain(&error))),
    }
    if thoroughly {
        for (number, (id, tree)) in scene.snapshots.iter().enumerate() {
            let target = folder.path().join(format!("target{number}"));
            complaints.extend(try_restore(&repository, *id, tree, &target).map(|why| format!("{cell:?}: {why}")));
        }
        drop(repository);
        complaints.extend(try_backup(scene, &lab, cell, &cache_dir, &folder.path().join("last")));
    }
    complaints
}

fn try_restore(repository: &Repository, id: LeaseId, tree: &Tree, target: &Path) -> Option<String> {
    // An error names what is wrong; a snapshot that is not there cannot be asked for.
    let snapshot = lab::snapshot(repository, id).ok()??;
    let outcome = lab::bring_back(repository, &snapshot, target).ok()?;
    let unnamed = lab::unnamed_differences(tree, &lab::tree(target), &outcome);
    (!unnamed.is_empty()).then(|| format!("snapshot {id}: wrong and not named: {unnamed:?}"))
}

/// A backup from the source, which is whole: its snapshot restores exactly, or it fails clearly.
fn try_backup(scene: &Scene, lab: &Lab, cell: &Cell, cache: &Path, target: &Path) -> Option<String> {
    let repository = lab.open(cache, Access::Write).ok()?;
    let outcome = lab::save(&repository, &scene.sources).ok()?;
    let id = outcome.snapshot?;
    let snapshot = lab::snapshot(&repository, id).ok()??;
    let tree = &scene.snapshots[2].1;
    let restored = match lab::bring_back(&repository, &snapshot, target) {
        Ok(restored) => restored,
        Err(error) => return Some(format!("{cell:?}: the new snapshot does not restore: {}", chain(&error))),
    };
    let same = lab::tree(target) == *tree && restored.problem_count == 0;
    if !same && hides_from_backups(cell) {
        let unnamed = lab::unnamed_differences(tree, &lab::tree(target), &restored);
        return (!unnamed.is_empty()).then(|| format!("{cell:?}: the new snapshot: not named: {unnamed:?}"));
    }
    (!same).then(|| format!("{cell:?}: the new snapshot differs: {:?}", restored.problems))
}

/// Damage that a backup cannot see: a pack that has its name and its size. It does not read what it counts on; that is what
/// `verify` is for.
fn hides_from_backups((name, damage, _): &Cell) -> bool {
    name.folder() == Folder::Packs && matches!(damage, Damage::Flip(_) | Damage::Swap(_))
}

fn objects(scene: &Scene, folders: &[Folder]) -> Vec<ObjectName> {
    scene.lab.store.names().into_iter().filter(|name| folders.contains(&name.folder())).collect()
}

pub(super) fn len(scene: &Scene, name: &ObjectName) -> usize {
    scene.lab.store.bytes(name).unwrap().len()
}

const SMALL: [Folder; 6] =
    [Folder::Top, Folder::Keys, Folder::Keyring, Folder::Index, Folder::Snapshots, Folder::Leases];

/// `cells` with each cache.
fn with_caches(cells: impl IntoIterator<Item = (ObjectName, Damage)>) -> Vec<Cell> {
    let both = |(name, damage)| [(name, damage, Cache::Fresh), (name, damage, Cache::Warm)];
    cells.into_iter().flat_map(both).collect()
}

#[test]
fn objects_that_are_cut_short_or_grow_are_noticed() {
    let scene = scene();
    let mut cells = Vec::new();
    for name in scene.lab.store.names() {
        let len = len(scene, &name);
        let cuts = [0, 1, 8, 15, 16, 20, 79, 80, 96, 112, len / 2, len - 40, len - 33, len - 32, len - 8, len - 1];
        cells.extend(cuts.iter().filter(|cut| **cut < len).map(|cut| (name, Damage::Truncate(*cut))));
        cells.extend([1, 32, 1000].map(|more| (name, Damage::Append(more))));
    }
    let cells: Vec<_> = with_caches(cells).into_iter().enumerate().collect();
    for_all(&cells, |(number, cell)| try_cell(scene, cell, number % 5 == 0));
}

#[test]
fn objects_that_are_gone_swapped_or_rolled_back_are_noticed() {
    let scene = scene();
    let names = scene.lab.store.names();
    let mut cells: Vec<_> = names.iter().map(|name| (*name, Damage::Delete)).collect();
    for (at, name) in names.iter().enumerate() {
        let others = names[at + 1..].iter().filter(|other| other.folder() == name.folder());
        cells.extend(others.map(|other| (*name, Damage::Swap(*other))));
    }
    cells.extend(scene.older.iter().map(|(name, _)| (*name, Damage::Older)));
    for_all(&with_caches(cells), |cell| try_cell(scene, cell, true));
}

#[test]
fn the_newest_keyring_and_members_are_missed() {
    let scene = scene();
    for name in [scene.newest_keyring, scene.other_member] {
        for cache in [Cache::Fresh, Cache::Warm] {
            assert_eq!(try_cell(scene, &(name, Damage::Delete, cache), true), Vec::<String>::new());
        }
    }
}

#[test]
fn a_flipped_bit_of_a_small_object_is_noticed_by_all_of_verify() {
    let scene = scene();
    let mut cells = Vec::new();
    for name in objects(scene, &SMALL) {
        let len = len(scene, &name);
        cells.extend((0..len).filter(|at| at % 61 == 5 || *at < 16).map(|at| (name, Damage::Flip(at))));
    }
    let cells: Vec<_> = with_caches(cells).into_iter().enumerate().collect();
    for_all(&cells, |(number, cell)| try_cell(scene, cell, number % 9 == 0));
}

#[test]
fn a_flipped_bit_of_a_pack_is_noticed() {
    let scene = scene();
    let mut cells = Vec::new();
    for name in objects(scene, &[Folder::Packs]) {
        let len = len(scene, &name);
        let table = scene.lab.store.bytes(&name).unwrap()[len - 8..len - 4].try_into().map(u32::from_le_bytes).unwrap();
        let table = len - 8 - table as usize;
        let structural = [0, 4, 5, 6, 7, 8, 9, 12, 16, 47, 48, 79, 80, 81, 96, 97];
        let around = [table - 1, table, table + 4, table + 7, table + 16, table + 48, table + 80, table + 83, len - 25];
        let spread = (0..50).map(|part| part * (len / 50) + part % 7);
        let last = [len - 9, len - 8, len - 7, len - 5, len - 4, len - 1];
        let all = structural.into_iter().chain(around).chain(spread).chain(last);
        cells.extend(all.map(|at| (name, Damage::Flip(at))));
    }
    let caches = [Cache::Fresh, Cache::Warm];
    let cells: Vec<_> =
        cells.into_iter().enumerate().map(|(n, (name, damage))| (n, (name, damage, caches[n % 2]))).collect();
    for_all(&cells, |(number, cell)| try_cell(scene, cell, number % 3 == 0));
}

/// Reads a small object as everything that uses it does.
fn read(repository: &Repository, name: &ObjectName) -> engine::Result<()> {
    match name {
        ObjectName::Condemned => repository.condemned().map(|_| ()),
        ObjectName::Segment(id) => repository.read_segment(*id).map(|_| ()),
        ObjectName::Snapshot(id) => repository.read_snapshot_object(*id).map(|_| ()),
        _ => {
            if members::members(repository)?.iter().any(|member| member.unlock == Unlock::Unreadable) {
                Err(Error::new(ErrorKind::Damaged, "a member cannot be read"))
            } else {
                Ok(())
            }
        }
    }
}

/// Opens the repository. The version before the newest, or this machine's copy, may still open it: then the warning is the error.
fn open(lab: &Lab, folder: &Path) -> engine::Result<()> {
    let opened = lab.open(folder, Access::Read)?;
    let told = [opened.warnings(), &opened.lost_here()].concat();
    if told.is_empty() { Ok(()) } else { Err(Error::new(ErrorKind::Damaged, told.concat())) }
}

#[test]
fn every_flipped_byte_of_every_small_object_is_refused() {
    let scene = scene();
    let lab = scene.lab.copy();
    let folder = lab::temp();
    let repository = lab.opened(folder.path());
    for copy in lab.store.names().into_iter().filter(|name| name.folder() == Folder::Copies) {
        lab.store.remove_raw(&copy);
    }
    let opens =
        [ObjectName::Config, ObjectName::Keyring(1), ObjectName::Keyring(2), ObjectName::Member(repository.member())];
    for name in objects(scene, &SMALL).into_iter().filter(|name| name.folder() != Folder::Leases) {
        let whole = lab.store.bytes(&name).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            lab.store.put_raw(&name, bytes);
            let is_opened_with = opens.contains(&name);
            let result = if is_opened_with { open(&lab, folder.path()) } else { read(&repository, &name) };
            let kind = result.map_err(|error| error.kind());
            let refused = matches!(kind, Err(ErrorKind::Damaged | ErrorKind::TooNew));
            assert!(refused, "byte {at} of {name}: {kind:?}");
        }
        lab.store.put_raw(&name, whole);
    }
}

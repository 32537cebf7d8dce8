//! Random histories of change, backup and restore, against copies that are kept as maps.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use engine::files::backup::{BackupOptions, ParentChoice};
use engine::files::restore::RestoreOptions;
use engine::monitor::NullMonitor;
use engine::store::MemoryStore;
use proptest::prelude::*;
use proptest::sample::Index;
use repo_format::id::LeaseId;

use crate::support::{
    Fixture, Tree, assert_same, backup_options, backup_paths, look, noise, prose, restore_over, verify_all,
};

/// Folders that files are in; the first is the root.
const FOLDERS: [&str; 4] = ["", "a", "a/b", "c"];
const NAMES: [&str; 6] = ["0", "file", "file.sql", "scan.jpg", "x", "~"];

/// A place where something may be.
#[derive(Debug, Clone, Copy)]
struct Place {
    folder: usize,
    name: usize,
}

impl Place {
    fn in_root(self, root: &Path) -> PathBuf {
        root.join(FOLDERS[self.folder]).join(NAMES[self.name])
    }
}

#[derive(Debug, Clone)]
enum Step {
    Create(Place, u64, usize),
    Modify(Place, Index, u64, usize),
    Append(Place, u64, usize),
    SetLength(Place, usize),
    Delete(Place),
    Rename(Place, Place),
    MakeFolder(usize),
    RemoveFolder(usize),
    Mode(Place, u32),
    Touch(Place, u64, u32),
    Symlink(Place, String),
    HardLink(Place, Place),
    Backup { parent: bool, anew: bool },
    Restore(Index, bool),
    RestoreOver(Index),
    Verify,
}

fn place() -> impl Strategy<Value = Place> {
    (0..FOLDERS.len(), 0..NAMES.len()).prop_map(|(folder, name)| Place { folder, name })
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        4 => 0usize..400,
        2 => 400usize..300_000,
        2 => 900_000usize..5_000_000,
        1 => Just(4 << 20),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (place(), 0u64..8, size()).prop_map(|(place, seed, size)| Step::Create(place, seed, size)),
        3 => (place(), any::<Index>(), 0u64..8, 1usize..2000).prop_map(|(p, at, seed, len)| Step::Modify(p, at, seed, len)),
        2 => (place(), 0u64..8, 1usize..100_000).prop_map(|(place, seed, len)| Step::Append(place, seed, len)),
        2 => (place(), size()).prop_map(|(place, len)| Step::SetLength(place, len)),
        2 => place().prop_map(Step::Delete),
        2 => (place(), place()).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => (1..FOLDERS.len()).prop_map(Step::MakeFolder),
        1 => (1..FOLDERS.len()).prop_map(Step::RemoveFolder),
        1 => (place(), 0u32..0o1000).prop_map(|(place, mode)| Step::Mode(place, mode | 0o400)),
        1 => (place(), 0u64..2_000_000_000, 0u32..1_000_000_000).prop_map(|(p, s, n)| Step::Touch(p, s, n)),
        1 => (place(), "[a-z/.]{1,20}").prop_map(|(place, target)| Step::Symlink(place, target)),
        2 => (place(), place()).prop_map(|(from, to)| Step::HardLink(from, to)),
        5 => (any::<bool>(), prop::bool::weighted(0.2)).prop_map(|(parent, anew)| Step::Backup { parent, anew }),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(which, anew)| Step::Restore(which, anew)),
        3 => any::<Index>().prop_map(Step::RestoreOver),
        1 => Just(Step::Verify),
    ]
}

/// Half of it compresses.
fn content(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = prose(seed, len / 2);
    bytes.extend(noise(seed, len - len / 2));
    bytes
}

struct World {
    fixture: Fixture,
    root: PathBuf,
    target: PathBuf,
    snapshots: Vec<(LeaseId, Tree)>,
}

impl World {
    fn new() -> Self {
        let fixture = Fixture::with_small_packs(&MemoryStore::new());
        let (root, target) = (fixture.folder("root"), fixture.folder("target"));
        World { fixture, root, target, snapshots: Vec::new() }
    }

    /// Does one step. An operation that makes no sense here, such as a change of a missing file, changes nothing.
    fn step(&mut self, step: &Step) {
        match step {
            Step::Backup { parent, anew } => self.back_up(*parent, *anew),
            Step::Restore(which, anew) if !self.snapshots.is_empty() => {
                let (snapshot, tree) = which.get(&self.snapshots);
                let repository = if *anew { self.fixture.open_anew() } else { self.fixture.open() };
                self.fixture.assert_restores(&repository, *snapshot, tree);
            }
            Step::RestoreOver(which) if !self.snapshots.is_empty() => {
                let (snapshot, tree) = which.get(&self.snapshots);
                let options = RestoreOptions {
                    path: b"root".to_vec(),
                    delete: true,
                    target_attributes: true,
                    ..RestoreOptions::default()
                };
                let repository = self.fixture.open();
                let outcome = restore_over(&repository, *snapshot, &self.target, &options);
                assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
                assert_same(tree, &look(&self.target));
                let again = restore_over(&repository, *snapshot, &self.target, &options);
                assert_eq!((again.deleted_entries, again.written_bytes), (0, 0), "there is nothing left to do");
            }
            Step::Restore(..) | Step::RestoreOver(_) => {}
            Step::Verify => drop(verify_all(&self.fixture.open())),
            change => drop(self.change(change)),
        }
    }

    fn back_up(&mut self, parent: bool, anew: bool) {
        let repository = if anew { self.fixture.open_anew() } else { self.fixture.open() };
        let parent = if parent { ParentChoice::Newest } else { ParentChoice::None };
        // A step may empty the folder on purpose.
        let options = BackupOptions { parent, allow_less: true, ..backup_options() };
        let tree = look(&self.root);
        let outcome = backup_paths(&repository, &[&self.root], &options, &NullMonitor).unwrap();
        assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
        let count = |kind| tree.values().filter(|thing| thing.kind == kind).count() as u64;
        assert_eq!(outcome.statistics.files, count("file"));
        assert_eq!(outcome.statistics.directories, count("folder"));
        assert_eq!(outcome.statistics.others, count("link"));
        self.snapshots.push((outcome.snapshot.unwrap(), tree));
    }

    fn change(&self, step: &Step) -> std::io::Result<()> {
        let at = |place: &Place| place.in_root(&self.root);
        let is_file = |place: &Place| fs::symlink_metadata(at(place)).is_ok_and(|metadata| metadata.is_file());
        match step {
            Step::Create(place, seed, size) if !at(place).is_symlink() => fs::write(at(place), content(*seed, *size)),
            Step::Modify(place, position, seed, len) if is_file(place) => {
                let size = usize::try_from(fs::metadata(at(place))?.len()).unwrap();
                let position = position.index(size + 1) as u64;
                OpenOptions::new().write(true).open(at(place))?.write_all_at(&noise(*seed, *len), position)
            }
            Step::Append(place, seed, len) if is_file(place) => {
                let file = OpenOptions::new().write(true).open(at(place))?;
                file.write_all_at(&content(*seed, *len), file.metadata()?.len())
            }
            Step::SetLength(place, len) if is_file(place) => {
                OpenOptions::new().write(true).open(at(place))?.set_len(*len as u64)
            }
            Step::Delete(place) => fs::remove_file(at(place)),
            Step::Rename(from, to) => fs::rename(at(from), at(to)),
            Step::MakeFolder(folder) => fs::create_dir_all(self.root.join(FOLDERS[*folder])),
            Step::RemoveFolder(folder) => fs::remove_dir_all(self.root.join(FOLDERS[*folder])),
            Step::Mode(place, mode) if is_file(place) => {
                fs::set_permissions(at(place), fs::Permissions::from_mode(*mode))
            }
            Step::Touch(place, seconds, nanoseconds) if is_file(place) => {
                let file = OpenOptions::new().write(true).open(at(place))?;
                file.set_modified(UNIX_EPOCH + Duration::new(*seconds, *nanoseconds))
            }
            Step::Symlink(place, target) => symlink(target, at(place)),
            Step::HardLink(from, to) if is_file(from) => fs::hard_link(at(from), at(to)),
            _ => Ok(()),
        }
    }

    /// At the end everything must be there still, for this machine and for another.
    fn finish(mut self) {
        self.back_up(true, false);
        verify_all(&self.fixture.open());
        let repository = self.fixture.open_anew();
        for (snapshot, tree) in &self.snapshots {
            self.fixture.assert_restores(&repository, *snapshot, tree);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        max_shrink_iters: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_snapshot_of_a_random_history_can_be_restored(steps in prop::collection::vec(step(), 10..50)) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.step(step));
        world.finish();
    }
}

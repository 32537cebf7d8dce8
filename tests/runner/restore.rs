//! Restoring over what is there already.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use engine::ErrorKind;
use engine::files::restore::{Action, RestoreOptions, RestoreOutcome, restore};
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use repo_format::id::LeaseId;

use crate::support::{
    Fixture, Hook, Tree, assert_same, backup, by_id, is_root, look, noise, restore_over, skip, verify_all,
};

const MIB: usize = 1 << 20;

/// A snapshot of a folder with a bit of everything, and a copy of that folder, restored.
struct Scene {
    fixture: Fixture,
    repository: Repository,
    snapshot: LeaseId,
    tree: Tree,
    target: PathBuf,
}

fn options() -> RestoreOptions {
    RestoreOptions { path: b"root".to_vec(), target_attributes: true, ..RestoreOptions::default() }
}

impl Scene {
    fn new() -> Self {
        let fixture = Fixture::new();
        let root = fixture.folder("root");
        fs::create_dir_all(root.join("folder/deep")).unwrap();
        fs::create_dir(root.join("empty")).unwrap();
        fs::write(root.join("large"), noise(1, 20 * MIB)).unwrap();
        fs::write(root.join("middle"), noise(2, 500_000)).unwrap();
        fs::write(root.join("small"), b"small").unwrap();
        fs::write(root.join("nothing"), b"").unwrap();
        fs::write(root.join("folder/deep/file"), noise(3, 10_000)).unwrap();
        symlink("small", root.join("link")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, root.join("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        Self::of(fixture, &root)
    }

    fn of(fixture: Fixture, root: &Path) -> Self {
        let tree = look(root);
        let repository = fixture.open();
        let (snapshot, _) = backup(&repository, root);
        let (target, outcome) = fixture.restore(&repository, snapshot, "root");
        assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
        Scene { fixture, repository, snapshot, tree, target }
    }

    fn restore(&self, options: &RestoreOptions) -> RestoreOutcome {
        restore_over(&self.repository, self.snapshot, &self.target, options)
    }

    /// Restores once more, and wants all to be as in the snapshot.
    #[track_caller]
    fn assert_repairs(&self) -> RestoreOutcome {
        let outcome = self.restore(&options());
        assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
        assert_same(&self.tree, &look(&self.target));
        outcome
    }

    /// The planned and the real changes, by path.
    fn plan(&self, options: &RestoreOptions) -> (BTreeMap<String, Action>, RestoreOutcome) {
        let planned = Mutex::new(BTreeMap::new());
        let tell = |path: &[u8], action| {
            planned.lock().unwrap().insert(String::from_utf8_lossy(path).into_owned(), action);
        };
        let snapshot = by_id(&self.repository, self.snapshot);
        let outcome = restore(&self.repository, &snapshot, &self.target, options, &tell, &NullMonitor).unwrap();
        (planned.into_inner().unwrap(), outcome)
    }
}

/// Inode and change time of everything: every change to a file changes them.
fn touched(root: &Path) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let mut all = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        all.insert(path, (metadata.ino(), metadata.ctime(), metadata.ctime_nsec()));
    }
    all
}

#[test]
fn what_is_as_it_should_be_is_not_touched() {
    let scene = Scene::new();
    let before = touched(&scene.target);
    let outcome = scene.assert_repairs();
    assert_eq!(outcome.written_bytes, 0);
    assert_eq!((outcome.files, outcome.unchanged_files), (5, 5));
    assert_eq!(touched(&scene.target), before);
}

#[test]
fn files_with_holes_and_further_names_are_not_touched_either() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let file = fs::File::create(root.join("sparse")).unwrap();
    file.write_all_at(&noise(1, MIB), 5 << 20).unwrap();
    file.set_len(20 << 20).unwrap();
    fs::write(root.join("a"), noise(2, MIB)).unwrap();
    fs::hard_link(root.join("a"), root.join("b")).unwrap();
    let scene = Scene::of(fixture, &root);
    let before = touched(&scene.target);
    let outcome = scene.assert_repairs();
    assert_eq!((outcome.written_bytes, outcome.unchanged_files), (0, 3), "{outcome:?}");
    assert_eq!(touched(&scene.target), before);
}

#[test]
fn only_the_chunks_that_differ_are_written() {
    let scene = Scene::new();
    let before = touched(&scene.target);
    let large = scene.target.join("large");
    OpenOptions::new().write(true).open(&large).unwrap().write_all_at(b"changed", 10 << 20).unwrap();
    let outcome = scene.assert_repairs();
    assert!(outcome.written_bytes > 0 && outcome.written_bytes <= 2 << 20, "{outcome:?}");
    assert_eq!((outcome.files, outcome.unchanged_files), (5, 4));
    let mut after = touched(&scene.target);
    assert_eq!(after[&large].0, before[&large].0, "it is the same file");
    after.insert(large.clone(), before[&large]);
    assert_eq!(after, before);
}

#[test]
fn files_that_are_longer_shorter_gone_or_empty_are_repaired() {
    let scene = Scene::new();
    let at = |name: &str| scene.target.join(name);
    OpenOptions::new().write(true).open(at("large")).unwrap().set_len(3 << 20).unwrap();
    OpenOptions::new().write(true).open(at("middle")).unwrap().set_len(600_000).unwrap();
    fs::remove_file(at("small")).unwrap();
    fs::write(at("nothing"), b"something").unwrap();
    fs::write(at("folder/deep/file"), b"").unwrap();
    let outcome = scene.assert_repairs();
    assert_eq!((outcome.files, outcome.unchanged_files), (5, 0), "{outcome:?}");
}

#[test]
fn wrong_attributes_are_repaired_without_writing() {
    let scene = Scene::new();
    for name in ["large", "small", "folder", "folder/deep/file"] {
        fs::set_permissions(scene.target.join(name), fs::Permissions::from_mode(0o711)).unwrap();
    }
    let file = OpenOptions::new().write(true).open(scene.target.join("middle")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    let (planned, outcome) = scene.plan(&options());
    assert_eq!((outcome.written_bytes, outcome.unchanged_files), (0, 5));
    assert_eq!(planned["root/large"], Action::Attributes);
    assert_eq!(planned["root/middle"], Action::Attributes);
    assert_eq!(planned["root/nothing"], Action::Keep);
    assert_same(&scene.tree, &look(&scene.target));
}

/// Puts things of other kinds where a restore puts its own.
fn put_other_kinds(at: impl Fn(&str) -> PathBuf) {
    fs::remove_dir_all(at("folder")).unwrap();
    fs::write(at("folder"), b"file").unwrap();
    fs::remove_file(at("link")).unwrap();
    fs::write(at("link"), b"file").unwrap();
    fs::remove_file(at("middle")).unwrap();
    symlink("large", at("middle")).unwrap();
    fs::remove_file(at("fifo")).unwrap();
    fs::create_dir(at("fifo")).unwrap();
    fs::remove_file(at("nothing")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, at("nothing"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
}

#[test]
fn things_of_another_kind_are_replaced() {
    let scene = Scene::new();
    put_other_kinds(|name| scene.target.join(name));
    scene.assert_repairs();
}

#[test]
fn a_folder_with_contents_gives_way_only_when_it_is_agreed() {
    let scene = Scene::new();
    let at = |name: &str| scene.target.join(name);
    let names = ["small", "link", "fifo"];
    let put = || {
        for name in names {
            fs::remove_file(at(name)).unwrap();
            fs::create_dir_all(at(name).join("with")).unwrap();
            fs::write(at(name).join("with/something"), b"precious").unwrap();
        }
    };
    put();
    for dry_run in [true, false] {
        let outcome = scene.restore(&RestoreOptions { dry_run, ..options() });
        let named: Vec<_> = outcome.problems.iter().map(|problem| problem.path.0.clone()).collect();
        assert_eq!(named, ["root/fifo", "root/link", "root/small"].map(|path| path.as_bytes().to_vec()));
        assert_eq!(outcome.deleted_entries, 0);
        assert!(names.iter().all(|name| at(name).join("with/something").exists()));
    }
    for agreed in [RestoreOptions { overwrite: true, ..options() }, RestoreOptions { delete: true, ..options() }] {
        let dry = scene.restore(&RestoreOptions { dry_run: true, ..agreed.clone() });
        assert_eq!((dry.deleted_entries, dry.deleted_bytes, dry.problem_count), (9, 24, 0), "{:?}", dry.problems);
        assert!(names.iter().all(|name| at(name).join("with/something").exists()));
        let outcome = scene.restore(&agreed);
        assert_eq!((outcome.deleted_entries, outcome.deleted_bytes, outcome.problem_count), (9, 24, 0));
        assert_same(&scene.tree, &look(&scene.target));
        put();
    }
}

#[test]
fn a_link_that_leads_elsewhere_is_replaced() {
    let scene = Scene::new();
    fs::remove_file(scene.target.join("link")).unwrap();
    symlink("elsewhere", scene.target.join("link")).unwrap();
    scene.assert_repairs();
}

#[test]
fn a_symbolic_link_in_the_place_of_a_folder_is_never_followed() {
    let scene = Scene::new();
    let outside = scene.fixture.folder("outside");
    fs::create_dir(outside.join("deep")).unwrap();
    fs::write(outside.join("deep/file"), b"precious").unwrap();
    fs::write(outside.join("precious"), b"precious").unwrap();
    let before = (look(&outside), touched(&outside));
    for options in
        [options(), RestoreOptions { overwrite: true, ..options() }, RestoreOptions { delete: true, ..options() }]
    {
        let may_replace = options.overwrite || options.delete;
        fs::remove_dir_all(scene.target.join("folder")).unwrap();
        symlink(&outside, scene.target.join("folder")).unwrap();
        fs::remove_file(scene.target.join("large")).unwrap();
        symlink(outside.join("precious"), scene.target.join("large")).unwrap();
        let dry = RestoreOptions { dry_run: true, ..options.clone() };
        assert_eq!(scene.restore(&dry).problem_count, u64::from(!may_replace));
        assert_eq!((look(&outside), touched(&outside)), before);
        assert_eq!(scene.restore(&options).problem_count, u64::from(!may_replace));
        assert_eq!((look(&outside), touched(&outside)), before);
        if !may_replace {
            assert!(scene.target.join("folder").is_symlink(), "it may be the folder, moved to another disk");
            fs::remove_file(scene.target.join("folder")).unwrap();
            scene.restore(&options);
        }
        assert_same(&scene.tree, &look(&scene.target));
    }
}

#[test]
fn a_hard_link_to_a_file_outside_is_not_written_through() {
    let scene = Scene::new();
    let outside = scene.fixture.folder("outside");
    for name in ["small", "large"] {
        fs::write(outside.join(name), b"precious").unwrap();
        fs::remove_file(scene.target.join(name)).unwrap();
        fs::hard_link(outside.join(name), scene.target.join(name)).unwrap();
    }
    scene.assert_repairs();
    for name in ["small", "large"] {
        assert_eq!(fs::read(outside.join(name)).unwrap(), b"precious");
        assert_eq!(fs::metadata(outside.join(name)).unwrap().nlink(), 1);
    }
}

#[test]
fn names_that_belong_together_are_joined_and_others_are_parted() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    fs::create_dir(root.join("folder")).unwrap();
    fs::write(root.join("a"), b"one file").unwrap();
    fs::hard_link(root.join("a"), root.join("folder/b")).unwrap();
    fs::write(root.join("c"), b"another").unwrap();
    fs::write(root.join("d"), b"another").unwrap();
    let scene = Scene::of(fixture, &root);
    fs::remove_file(scene.target.join("folder/b")).unwrap();
    fs::write(scene.target.join("folder/b"), b"one file").unwrap();
    fs::remove_file(scene.target.join("d")).unwrap();
    fs::hard_link(scene.target.join("c"), scene.target.join("d")).unwrap();
    scene.assert_repairs();
}

#[test]
fn extras_stay_unless_they_are_to_be_deleted() {
    let scene = Scene::new();
    let at = |name: &str| scene.target.join(name);
    for name in ["0 first", "folder/extra", "folder/deep/zzz", "zzz last"] {
        fs::write(at(name), b"extra").unwrap();
    }
    fs::create_dir_all(at("middle extra/with/folders")).unwrap();
    symlink("/", at("empty/link")).unwrap();
    let outcome = scene.restore(&options());
    assert_eq!(outcome.deleted_entries, 0);
    assert!(at("0 first").exists() && at("middle extra/with/folders").exists());

    let delete = RestoreOptions { delete: true, ..options() };
    let dry = RestoreOptions { dry_run: true, ..delete.clone() };
    let before = (look(&scene.target), touched(&scene.target));
    let (planned, _) = scene.plan(&dry);
    assert_eq!((look(&scene.target), touched(&scene.target)), before, "a dry run changes nothing");
    let deleted: Vec<_> =
        planned.iter().filter(|(_, action)| **action == Action::Delete).map(|(path, _)| path).collect();
    let expected = ["0 first", "empty/link", "folder/deep/zzz", "folder/extra", "middle extra", "zzz last"]
        .map(|n| format!("root/{n}"));
    assert_eq!(deleted, expected.iter().collect::<Vec<_>>());
    let outcome = scene.restore(&delete);
    assert_eq!((outcome.deleted_entries, outcome.problem_count), (8, 0), "{:?}", outcome.problems);
    assert_same(&scene.tree, &look(&scene.target));
    assert_eq!(scene.restore(&delete).deleted_entries, 0);
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    fs::create_dir_all(root.join("gone/deep")).unwrap();
    for name in ["changed", "same", "touched", "missing", "gone/deep/file"] {
        fs::write(root.join(name), noise(1, 300_000)).unwrap();
    }
    fs::hard_link(root.join("missing"), root.join("missing too")).unwrap();
    symlink("same", root.join("link")).unwrap();
    symlink("same", root.join("other link")).unwrap();
    let scene = Scene::of(fixture, &root);
    let at = |name: &str| scene.target.join(name);
    OpenOptions::new().write(true).open(at("changed")).unwrap().write_all_at(b"changed", 5).unwrap();
    fs::set_permissions(at("touched"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(at("missing")).unwrap();
    fs::remove_file(at("missing too")).unwrap();
    fs::remove_dir_all(at("gone")).unwrap();
    fs::remove_file(at("other link")).unwrap();
    symlink("elsewhere", at("other link")).unwrap();
    let before = (look(&scene.target), touched(&scene.target));
    let (dry, foreseen) = scene.plan(&RestoreOptions { dry_run: true, ..options() });
    assert_eq!((look(&scene.target), touched(&scene.target)), before);
    assert_eq!(foreseen.problem_count, 0, "{:?}", foreseen.problems);
    let (real, outcome) = scene.plan(&options());
    assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
    assert_eq!(dry, real);
    let counts = |outcome: &RestoreOutcome| {
        (outcome.files, outcome.directories, outcome.others, outcome.unchanged_files, outcome.deleted_entries)
    };
    assert_eq!(counts(&foreseen), counts(&outcome));
    assert_same(&scene.tree, &look(&scene.target));
}

#[test]
fn a_dry_run_does_not_make_the_target() {
    let scene = Scene::new();
    let target = scene.fixture.free_path("nowhere");
    let dry = RestoreOptions { dry_run: true, ..options() };
    let outcome = restore_over(&scene.repository, scene.snapshot, &target, &dry);
    assert_eq!((outcome.files, outcome.problem_count), (5, 0));
    assert_eq!(outcome.written_bytes, (20 * MIB + 500_000 + 5 + 10_000) as u64);
    assert!(!target.exists());
}

#[test]
fn a_single_path_can_be_restored() {
    let scene = Scene::new();
    let restore_path = |path: &str| {
        let (target, outcome) = scene.fixture.restore(&scene.repository, scene.snapshot, path);
        assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
        look(&target).into_keys().map(|path| String::from_utf8(path).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(restore_path("root/folder"), ["", "deep", "deep/file"]);
    assert_eq!(restore_path("root/folder/deep/file"), ["", "file"]);
    assert_eq!(restore_path("root/link"), ["", "link"]);
    assert_eq!(restore_path("/root/./folder//deep/"), ["", "file"]);
    assert_eq!(restore_path("root/empty"), [""]);
    let snapshot = by_id(&scene.repository, scene.snapshot);
    for path in ["root/nosuch", "nosuch", "root/small/below", "root/../root"] {
        let options = RestoreOptions { path: path.into(), ..RestoreOptions::default() };
        let target = scene.fixture.free_path("restored");
        let error = restore(&scene.repository, &snapshot, &target, &options, &|_, _| {}, &NullMonitor).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{path}: {error}");
        assert!(!target.exists(), "{path}");
    }
}

#[test]
fn a_single_file_leaves_its_neighbours_alone() {
    let scene = Scene::new();
    fs::write(scene.target.join("extra"), b"extra").unwrap();
    fs::write(scene.target.join("small"), b"changed").unwrap();
    fs::write(scene.target.join("middle"), b"changed, too").unwrap();
    let options = RestoreOptions { path: b"root/small".to_vec(), delete: true, ..RestoreOptions::default() };
    let outcome = scene.restore(&options);
    assert_eq!((outcome.files, outcome.deleted_entries), (1, 0));
    assert_eq!(fs::read(scene.target.join("small")).unwrap(), b"small");
    assert_eq!(fs::read(scene.target.join("middle")).unwrap(), b"changed, too");
    assert!(scene.target.join("extra").exists());
}

#[test]
fn a_whole_snapshot_is_restored_as_one_folder_for_each_root() {
    let scene = Scene::new();
    let target = scene.fixture.folder("target");
    fs::write(target.join("extra"), b"extra").unwrap();
    let options = RestoreOptions { delete: true, ..RestoreOptions::default() };
    let outcome = restore_over(&scene.repository, scene.snapshot, &target, &options);
    assert_eq!((outcome.deleted_entries, outcome.problem_count), (0, 0));
    assert_same(&scene.tree, &look(&target.join("root")));
    assert!(target.join("extra").exists(), "the target itself is no folder of the snapshot");
}

#[test]
fn a_restore_may_be_stopped_and_finished_by_the_next() {
    let scene = Scene::new();
    let counting = Hook::quiet();
    let snapshot = by_id(&scene.repository, scene.snapshot);
    let run = |target: &Path, hook: &Hook| restore(&scene.repository, &snapshot, target, &options(), &|_, _| {}, hook);
    run(&scene.fixture.free_path("target"), &counting).unwrap();
    let target = scene.fixture.free_path("target");
    for at in 1..=counting.polls() {
        let error = run(&target, &Hook::cancel_at_poll(at)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
    assert_eq!(run(&target, &Hook::quiet()).unwrap().problem_count, 0);
    assert_same(&scene.tree, &look(&target));
    verify_all(&scene.repository);
}

#[test]
fn read_only_files_and_folders_are_restored_by_those_who_are_not_root() {
    if is_root() {
        return skip("read-only files and folders: root may write to them");
    }
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    fs::create_dir_all(root.join("closed/deep")).unwrap();
    for name in ["closed/file", "closed/deep/file", "closed/z"] {
        fs::write(root.join(name), noise(1, 10_000)).unwrap();
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o400)).unwrap();
    }
    fs::hard_link(root.join("closed/z"), root.join("closed/deep/z too")).unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let close = |root: &Path| ["closed/deep", "closed"].map(|name| mode(&root.join(name), 0o500));
    let open = |root: &Path| ["closed", "closed/deep"].map(|name| mode(&root.join(name), 0o700));
    close(&root);
    let scene = Scene::of(fixture, &root);
    assert_same(&scene.tree, &look(&scene.target));
    let outcome = scene.assert_repairs();
    assert_eq!((outcome.written_bytes, outcome.unchanged_files), (0, 4), "what is right is not written");
    open(&scene.target);
    mode(&scene.target.join("closed/file"), 0o600);
    fs::write(scene.target.join("closed/file"), b"changed").unwrap();
    mode(&scene.target.join("closed/file"), 0o400);
    fs::remove_file(scene.target.join("closed/deep/file")).unwrap();
    fs::write(scene.target.join("closed/deep/extra"), b"extra").unwrap();
    close(&scene.target);
    let (dry, _) = scene.plan(&RestoreOptions { delete: true, dry_run: true, ..options() });
    let (real, outcome) = scene.plan(&RestoreOptions { delete: true, ..options() });
    assert_eq!((outcome.problem_count, outcome.deleted_entries), (0, 1), "{:?}", outcome.problems);
    assert_eq!(dry, real);
    assert_same(&scene.tree, &look(&scene.target));
    open(&scene.target);
    open(&root);
}

#[test]
fn a_target_that_is_a_file_is_an_error() {
    let scene = Scene::new();
    let target = scene.target.join("small");
    let snapshot = by_id(&scene.repository, scene.snapshot);
    let result = restore(&scene.repository, &snapshot, &target, &options(), &|_, _| {}, &NullMonitor);
    assert!(result.is_err());
    assert_eq!(fs::read(&target).unwrap(), b"small");
}

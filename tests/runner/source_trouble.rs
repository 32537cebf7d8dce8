//! Files that change, shrink, vanish or become unreadable while they are read: named, recorded, and the rest is saved.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

use engine::ErrorKind;
use engine::files::backup::{BackupOptions, BackupOutcome, Source};
use engine::monitor::Monitor;
use engine::store::{Folder, MemoryStore};
use repo_format::id::LeaseId;
use repo_format::node::ProblemKind;
use rustix::fs::{CWD, FileType, Mode};

use crate::support::{
    Fixture, Hook, backup, backup_options, backup_paths, by_id, is_root, look, noise, prose, skip, verify_all,
};

const MIB: usize = 1 << 20;

/// A folder with a file of several MiB, and others.
fn scene() -> (Fixture, PathBuf, PathBuf) {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let file = root.join("file");
    fs::write(&file, noise(1, 9 * MIB)).unwrap();
    fs::write(root.join("another"), b"another").unwrap();
    fs::create_dir(root.join("folder")).unwrap();
    fs::write(root.join("folder/third"), b"third").unwrap();
    (fixture, root, file)
}

/// Accepts the progress that follows the first piece of a large file.
fn first_piece(work: engine::monitor::Work) -> bool {
    work.items == 0 && work.bytes == 4 << 20
}

fn run(fixture: &Fixture, root: &Path, monitor: &dyn Monitor) -> BackupOutcome {
    backup_paths(&fixture.open(), &[root], &backup_options(), monitor).unwrap()
}

/// The problems, from the outcome, and the same from the snapshot: paths beneath the root, and kinds.
#[track_caller]
fn problems(fixture: &Fixture, root: &Path, outcome: &BackupOutcome) -> Vec<(String, ProblemKind)> {
    let repository = fixture.open_anew();
    let manifest = by_id(&repository, outcome.snapshot.unwrap()).manifest;
    assert_eq!(manifest.problems.count, outcome.problem_count);
    let recorded = engine::snapshots::problems(&repository, &manifest).unwrap();
    let mut found: Vec<_> = outcome.problems.iter().collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(recorded.iter().collect::<Vec<_>>(), found);
    let prefix = format!("{}/", root.display());
    let short = |path: &[u8]| String::from_utf8_lossy(path).trim_start_matches(&prefix).to_owned();
    recorded.iter().map(|problem| (short(&problem.path.0), problem.kind)).collect()
}

/// Restores, and checks that everything but `file` is there.
fn restored(fixture: &Fixture, snapshot: LeaseId) -> PathBuf {
    let repository = fixture.open_anew();
    let (target, outcome) = fixture.restore(&repository, snapshot, "root");
    assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
    assert_eq!(fs::read(target.join("another")).unwrap(), b"another");
    assert_eq!(fs::read(target.join("folder/third")).unwrap(), b"third");
    verify_all(&repository);
    target
}

#[test]
fn a_file_that_changes_once_while_it_is_read_is_read_again() {
    let (fixture, root, file) = scene();
    let changed = file.clone();
    let hook = Hook::once(first_piece, move || {
        OpenOptions::new().write(true).open(&changed).unwrap().write_all_at(b"changed", 100).unwrap();
    });
    let outcome = run(&fixture, &root, &hook);
    assert!(hook.is_done());
    assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
    fixture.assert_restores(&fixture.open(), outcome.snapshot.unwrap(), &look(&root));
}

#[test]
fn a_file_that_keeps_changing_is_saved_and_named() {
    let (fixture, root, file) = scene();
    let changed = file.clone();
    let hook = Hook::on_progress(move |_, work| {
        if first_piece(work) {
            OpenOptions::new().write(true).open(&changed).unwrap().write_all_at(b"changed", 100).unwrap();
        }
    });
    let outcome = run(&fixture, &root, &hook);
    assert_eq!(problems(&fixture, &root, &outcome), [("file".to_owned(), ProblemKind::Changed)]);
    assert!(outcome.problems[0].message.contains("changed while it was read"), "{:?}", outcome.problems);
    assert_eq!(hook.problems()[0].0, file.as_os_str().as_encoded_bytes());
    assert_eq!(fs::metadata(restored(&fixture, outcome.snapshot.unwrap()).join("file")).unwrap().len(), 9 << 20);
    // The next run reads it again, and all is well.
    let (snapshot, outcome) = backup(&fixture.open(), &root);
    assert_eq!(outcome.statistics.files, 3);
    fixture.assert_restores(&fixture.open(), snapshot, &look(&root));
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_saved_as_far_as_it_goes() {
    let (fixture, root, file) = scene();
    let shrunk = Mutex::new(9 * MIB);
    let hook = Hook::on_progress(move |_, work| {
        if first_piece(work) {
            let mut len = shrunk.lock().unwrap();
            *len -= MIB;
            OpenOptions::new().write(true).open(&file).unwrap().set_len(*len as u64).unwrap();
        }
    });
    let outcome = run(&fixture, &root, &hook);
    assert_eq!(problems(&fixture, &root, &outcome), [("file".to_owned(), ProblemKind::Changed)]);
    assert!(outcome.problems[0].message.contains("shrank"), "{:?}", outcome.problems);
    let bytes = fs::read(restored(&fixture, outcome.snapshot.unwrap()).join("file")).unwrap();
    assert!(bytes == noise(1, bytes.len()) && bytes.len() < 9 * MIB && bytes.len() >= 4 * MIB, "{}", bytes.len());
}

#[test]
fn a_file_that_grows_while_it_is_read_is_saved_as_far_as_it_went() {
    let (fixture, root, file) = scene();
    let hook = Hook::on_progress(move |_, work| {
        if first_piece(work) {
            let file = OpenOptions::new().append(true).open(&file).unwrap();
            io::Write::write_all(&mut { file }, b"more").unwrap();
        }
    });
    let outcome = run(&fixture, &root, &hook);
    assert_eq!(problems(&fixture, &root, &outcome), [("file".to_owned(), ProblemKind::Changed)]);
    assert!(outcome.problems[0].message.contains("grew"), "{:?}", outcome.problems);
    let bytes = fs::read(restored(&fixture, outcome.snapshot.unwrap()).join("file")).unwrap();
    assert!(bytes.len() >= 9 * MIB && bytes[..9 * MIB] == noise(1, 9 * MIB)[..], "{}", bytes.len());
}

#[test]
fn a_sparse_file_that_shrinks_while_it_is_read_keeps_every_byte_in_its_place() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let path = root.join("sparse");
    let file = fs::File::create(&path).unwrap();
    // A hole, and data behind it.
    file.write_all_at(&noise(1, 9 * MIB), 5 << 20).unwrap();
    let shrunk = Mutex::new(14 * MIB);
    let hook = Hook::on_progress(move |_, work| {
        if first_piece(work) {
            let mut len = shrunk.lock().unwrap();
            *len -= MIB;
            OpenOptions::new().write(true).open(&path).unwrap().set_len(*len as u64).unwrap();
        }
    });
    let outcome = run(&fixture, &root, &hook);
    assert_eq!(problems(&fixture, &root, &outcome), [("sparse".to_owned(), ProblemKind::Changed)]);
    let (target, outcome) = fixture.restore(&fixture.open(), outcome.snapshot.unwrap(), "root");
    assert_eq!(outcome.problem_count, 0);
    let bytes = fs::read(target.join("sparse")).unwrap();
    assert!(bytes.len() > 9 * MIB && bytes.len() < 14 * MIB, "{}", bytes.len());
    let hole = bytes.iter().take_while(|byte| **byte == 0).count();
    assert_eq!(hole, 5 * MIB, "the data begins where it began");
    assert!(bytes[5 * MIB..] == noise(1, bytes.len() - 5 * MIB)[..]);
}

#[test]
fn a_file_larger_than_64_mib_that_changes_is_read_only_once() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let file = root.join("large");
    fs::write(&file, prose(1, 65 * MIB)).unwrap();
    let hook = Hook::once(first_piece, move || {
        OpenOptions::new().write(true).open(&file).unwrap().write_all_at(b"changed", 100).unwrap();
    });
    let outcome = run(&fixture, &root, &hook);
    assert_eq!(problems(&fixture, &root, &outcome), [("large".to_owned(), ProblemKind::Changed)]);
    assert_eq!(outcome.statistics.read_bytes, 65 << 20);
}

#[test]
fn a_file_that_is_deleted_while_it_is_read_is_saved_whole() {
    let (fixture, root, file) = scene();
    let before = look(&root);
    let deleted = file.clone();
    let hook = Hook::once(first_piece, move || fs::remove_file(&deleted).unwrap());
    let outcome = run(&fixture, &root, &hook);
    assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
    let target = restored(&fixture, outcome.snapshot.unwrap());
    assert_eq!(look(&target)[&b"file"[..]], before[&b"file"[..]]);
}

/// Opens when it is told to.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opens: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opens.notify_all();
    }

    fn wait(&self) {
        drop(self.opens.wait_while(self.open.lock().unwrap(), |open| !*open).unwrap());
    }
}

/// A stream that ends when the gate opens.
struct Waiting(Arc<Gate>);

impl Read for Waiting {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.wait();
        Ok(0)
    }
}

/// Backs up `root`, calling `change` after the walk has looked at everything in it and before anything is read.
///
/// Streams keep all workers busy until then; the walk's last step, a second name of a file, is the sign.
fn change_before_reading(fixture: &Fixture, root: &Path, change: impl Fn() + Send + Sync + 'static) -> BackupOutcome {
    const SIGN: &[u8] = b"two names";
    fs::write(root.join("zz 1"), SIGN).unwrap();
    fs::hard_link(root.join("zz 1"), root.join("zz 2")).unwrap();
    let gate = Arc::new(Gate::default());
    // No more workers than this are ever started.
    let mut sources: Vec<Source> = (0..16)
        .map(|n| Source::Stream {
            name: format!("0 stream {n:02}").into_bytes(),
            reader: Box::new(Waiting(gate.clone())),
        })
        .collect();
    sources.push(Source::Path(root.to_owned()));
    let hook = Hook::once(
        |work| work.items == 1 && work.bytes == SIGN.len() as u64,
        move || {
            change();
            gate.open();
        },
    );
    let mut outcome = engine::files::backup::backup(&fixture.open(), sources, &backup_options(), &hook).unwrap();
    assert!(hook.is_done());
    // That the streams are empty is named, too.
    let recorded = problems(fixture, root, &outcome).into_iter().filter(|(path, _)| path.starts_with("0 stream"));
    assert_eq!(recorded.count(), 16);
    outcome.problems.retain(|problem| !problem.path.0.starts_with(b"0 stream"));
    outcome
}

#[track_caller]
fn assert_one_problem(outcome: &BackupOutcome, file: &Path, kind: ProblemKind, says: &str) {
    let [problem] = &outcome.problems[..] else { panic!("{:?}", outcome.problems) };
    assert_eq!(problem.path.0, file.as_os_str().as_encoded_bytes());
    assert_eq!(problem.kind, kind, "{problem:?}");
    assert!(problem.message.contains(says), "{problem:?}");
}

#[test]
fn a_file_that_vanishes_before_it_is_read_is_named() {
    let (fixture, root, file) = scene();
    let vanishing = file.clone();
    let outcome = change_before_reading(&fixture, &root, move || fs::remove_file(&vanishing).unwrap());
    assert_one_problem(&outcome, &file, ProblemKind::Vanished, "cannot read it");
    assert!(!restored(&fixture, outcome.snapshot.unwrap()).join("file").exists());
}

#[test]
fn a_file_that_becomes_a_fifo_is_named_and_not_waited_for() {
    let (fixture, root, file) = scene();
    let becoming = file.clone();
    let outcome = change_before_reading(&fixture, &root, move || {
        fs::remove_file(&becoming).unwrap();
        rustix::fs::mknodat(CWD, &becoming, FileType::Fifo, Mode::RUSR, 0).unwrap();
    });
    assert_one_problem(&outcome, &file, ProblemKind::Unreadable, "no longer a file");
    assert!(!restored(&fixture, outcome.snapshot.unwrap()).join("file").exists());
}

#[test]
fn a_file_that_becomes_a_folder_is_named() {
    let (fixture, root, file) = scene();
    let becoming = file.clone();
    let outcome = change_before_reading(&fixture, &root, move || {
        fs::remove_file(&becoming).unwrap();
        fs::create_dir(&becoming).unwrap();
    });
    assert_one_problem(&outcome, &file, ProblemKind::Unreadable, "no longer a file");
    restored(&fixture, outcome.snapshot.unwrap());
}

#[test]
fn a_file_that_becomes_a_link_is_not_followed() {
    let (fixture, root, file) = scene();
    let secret = fixture.folder("secret").join("secret");
    fs::write(&secret, b"secret").unwrap();
    let becoming = file.clone();
    let outcome = change_before_reading(&fixture, &root, move || {
        fs::remove_file(&becoming).unwrap();
        std::os::unix::fs::symlink(&secret, &becoming).unwrap();
    });
    assert_one_problem(&outcome, &file, ProblemKind::Unreadable, "no longer a file");
    assert!(!restored(&fixture, outcome.snapshot.unwrap()).join("file").exists());
}

#[test]
fn a_file_that_changes_before_it_is_read_is_saved_as_it_is_then() {
    let (fixture, root, file) = scene();
    let changing = file.clone();
    let outcome = change_before_reading(&fixture, &root, move || fs::write(&changing, b"short now").unwrap());
    assert_eq!(outcome.problems, []);
    assert_eq!(fs::read(restored(&fixture, outcome.snapshot.unwrap()).join("file")).unwrap(), b"short now");
}

#[test]
fn a_file_whose_first_name_vanishes_is_saved_under_the_other() {
    let (fixture, root, file) = scene();
    fs::hard_link(&file, root.join("folder/second name")).unwrap();
    let vanishing = file.clone();
    let outcome = change_before_reading(&fixture, &root, move || fs::remove_file(&vanishing).unwrap());
    assert_one_problem(&outcome, &file, ProblemKind::Vanished, "cannot read it");
    let target = restored(&fixture, outcome.snapshot.unwrap());
    assert!(fs::read(target.join("folder/second name")).unwrap() == noise(1, 9 * MIB));
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_rest_is_saved() {
    if is_root() {
        return skip("unreadable files: root may read all of them");
    }
    let (fixture, root, file) = scene();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o0)).unwrap();
    let closed = root.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    let outcome = run(&fixture, &root, &Hook::quiet());
    let unreadable = ProblemKind::Unreadable;
    let expected = [("closed".to_owned(), unreadable), ("file".to_owned(), unreadable)];
    assert_eq!(problems(&fixture, &root, &outcome), expected);
    let target = restored(&fixture, outcome.snapshot.unwrap());
    assert!(!target.join("file").exists() && target.join("closed").is_dir());
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_name_that_vanishes_after_its_folder_was_listed_is_named() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    fs::write(root.join("a"), b"two names").unwrap();
    fs::hard_link(root.join("a"), root.join("b")).unwrap();
    fs::write(root.join("c"), b"vanishes").unwrap();
    let mut before = look(&root);
    before.remove(&b"c"[..]);
    let vanishing = root.join("c");
    let hook = Hook::once(|work| work.items == 1 && work.bytes == 9, move || fs::remove_file(&vanishing).unwrap());
    let outcome = run(&fixture, &root, &hook);
    assert_eq!(problems(&fixture, &root, &outcome), [("c".to_owned(), ProblemKind::Vanished)]);
    fixture.assert_restores(&fixture.open(), outcome.snapshot.unwrap(), &before);
}

/// Gives some bytes, then fails.
struct Failing(usize);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::other("the program died"));
        }
        let len = buffer.len().min(self.0);
        buffer[..len].fill(7);
        self.0 -= len;
        Ok(len)
    }
}

fn objects(store: &MemoryStore, folder: Folder) -> usize {
    store.names().into_iter().filter(|name| name.folder() == folder).count()
}

#[test]
fn a_stream_that_fails_leaves_no_snapshot() {
    for bytes in [0, 100, 5 * MIB] {
        let store = MemoryStore::new();
        let fixture = Fixture::in_store(Arc::new(store.clone()));
        let root = fixture.folder("root");
        fs::write(root.join("file"), noise(1, MIB)).unwrap();
        let stream = Source::Stream { name: b"dump.sql".to_vec(), reader: Box::new(Failing(bytes)) };
        let sources = vec![Source::Path(root.clone()), stream];
        let repository = fixture.open();
        let error = engine::files::backup::backup(&repository, sources, &backup_options(), &Hook::quiet()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        let why = engine::error::chain(&error);
        assert!(why.contains("dump.sql") && why.contains("the program died"), "{why}");
        assert_eq!((objects(&store, Folder::Snapshots), objects(&store, Folder::Leases)), (0, 0));
        let (snapshot, _) = backup(&repository, &root);
        fixture.assert_restores(&repository, snapshot, &look(&root));
        verify_all(&repository);
    }
}

#[test]
fn an_empty_stream_is_named() {
    let fixture = Fixture::new();
    let stream = Source::Stream { name: b"dump.sql".to_vec(), reader: Box::new(io::empty()) };
    let outcome =
        engine::files::backup::backup(&fixture.open(), vec![stream], &backup_options(), &Hook::quiet()).unwrap();
    assert_eq!(outcome.problem_count, 1);
    assert!(outcome.problems[0].message.contains("empty"), "{:?}", outcome.problems);
}

#[test]
fn a_backup_may_be_stopped_at_any_time() {
    let store = MemoryStore::new();
    let fixture = Fixture::with_small_packs(&store);
    let root = fixture.folder("root");
    for number in 0..20 {
        fs::write(root.join(format!("{number}")), noise(number, 200_000)).unwrap();
    }
    fs::write(root.join("large"), noise(100, 9 * MIB)).unwrap();
    let counting = Hook::quiet();
    let dry = BackupOptions { dry_run: true, ..backup_options() };
    backup_paths(&fixture.open(), &[&root], &dry, &counting).unwrap();
    let polls = counting.polls();
    assert!(polls > 40, "{polls}");
    for at in (1..polls).step_by(usize::try_from(polls / 15).unwrap()) {
        let error = backup_paths(&fixture.open(), &[&root], &backup_options(), &Hook::cancel_at_poll(at)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert_eq!((objects(&store, Folder::Snapshots), objects(&store, Folder::Leases)), (0, 0));
    }
    let (snapshot, outcome) = backup(&fixture.open(), &root);
    assert!(outcome.statistics.new_bytes < 13_500_000, "{:?}", outcome.statistics);
    fixture.assert_restores(&fixture.open(), snapshot, &look(&root));
    verify_all(&fixture.open());
}

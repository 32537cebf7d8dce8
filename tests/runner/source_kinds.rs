//! Sources that are not what they seem: sizes that are not true, times that stay the same, problems without number.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use engine::files::backup::{BackupOptions, BackupOutcome, Source, Trust};
use engine::monitor::NullMonitor;
use repo_format::node::ProblemKind;
use rustix::fs::{Mode, OFlags, Timespec, Timestamps, XattrFlags, lsetxattr};

use crate::support::{Fixture, backup, backup_options, backup_paths, by_id, look, skip, verify_all};

fn save(fixture: &Fixture, path: &Path, options: &BackupOptions) -> BackupOutcome {
    backup_paths(&fixture.open(), &[path], options, &NullMonitor).unwrap()
}

#[test]
fn a_generated_file_without_a_size_is_read_to_its_end() {
    let source = Path::new("/proc/version");
    let Ok(expected) = fs::read(source) else { return skip("a file without a size: there is no /proc") };
    assert_eq!(source.metadata().unwrap().len(), 0);
    let fixture = Fixture::new();
    let outcome = save(&fixture, source, &backup_options());
    assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
    assert_eq!(outcome.statistics.total_bytes, expected.len() as u64);
    let (target, _) = fixture.restore(&fixture.open(), outcome.snapshot.unwrap(), "version");
    assert_eq!(fs::read(target.join("version")).or_else(|_| fs::read(&target)).unwrap(), expected);
    verify_all(&fixture.open_anew());
    let again = save(&fixture, source, &backup_options());
    assert_eq!((again.statistics.unchanged_files, again.problem_count), (0, 0), "no size says that it is the same");
}

#[test]
fn a_generated_file_without_an_end_is_named() {
    let source = Path::new("/proc/self/pagemap");
    if fs::File::open(source).is_err() {
        return skip("a file without an end: there is no /proc");
    }
    let fixture = Fixture::new();
    let outcome = save(&fixture, source, &backup_options());
    assert_eq!(outcome.problems[0].kind, ProblemKind::Changed, "{:?}", outcome.problems);
    assert!(outcome.problems[0].message.contains("only its beginning"), "{:?}", outcome.problems);
    verify_all(&fixture.open_anew());
}

#[test]
fn a_link_with_its_old_time_and_a_new_target_is_saved_with_the_new_one() {
    for trust in [Trust::Inode, Trust::SizeAndTime] {
        let fixture = Fixture::new();
        let root = fixture.folder("root");
        let options = BackupOptions { trust, ..backup_options() };
        let time = Timespec { tv_sec: 1_000_000_000, tv_nsec: 0 };
        let times = Timestamps { last_access: time, last_modification: time };
        let link = |target: &str| {
            let _ = fs::remove_file(root.join("link"));
            symlink(target, root.join("link")).unwrap();
            let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::utimensat(rustix::fs::CWD, root.join("link"), &times, flags).unwrap();
        };
        link("target-1");
        save(&fixture, &root, &options);
        link("target-2");
        let snapshot = save(&fixture, &root, &options).snapshot.unwrap();
        fixture.assert_restores(&fixture.open(), snapshot, &look(&root));
    }
}

#[test]
fn attributes_that_changed_without_size_and_time_are_saved() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let file = root.join("file");
    fs::write(&file, vec![1; 100_000]).unwrap();
    fs::File::open(&file).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let set = |value: &[u8]| lsetxattr(&file, "user.test", value, XattrFlags::empty());
    if set(b"one").is_err() {
        return skip("extended attributes: this file system has none");
    }
    let options = BackupOptions { trust: Trust::SizeAndTime, ..backup_options() };
    save(&fixture, &root, &options);
    // A file that was read within two seconds of its last change is read again; after that run it is settled for this trust.
    set(b"two").unwrap();
    let outcome = save(&fixture, &root, &options);
    fixture.assert_restores(&fixture.open(), outcome.snapshot.unwrap(), &look(&root));
}

#[test]
fn any_number_of_long_paths_in_the_problems_fails_no_backup() {
    const LEVELS: usize = 1029;
    const LEAVES: usize = 60;
    let open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let name = "n".repeat(250);
    let mut at = rustix::fs::open(&root, open, Mode::empty()).unwrap();
    for level in 0..LEVELS {
        for leaf in 0..if level == LEVELS - 1 { LEAVES } else { 0 } {
            rustix::fs::mkdirat(&at, format!("{leaf}{name}"), Mode::RWXU).unwrap();
        }
        rustix::fs::mkdirat(&at, &name, Mode::RWXU).unwrap();
        at = rustix::fs::openat(&at, &name, open, Mode::empty()).unwrap();
    }
    let outcome = save(&fixture, &root, &backup_options());
    assert_eq!(outcome.problem_count, LEAVES as u64 + 1);
    let repository = fixture.open_anew();
    let manifest = by_id(&repository, outcome.snapshot.unwrap()).manifest;
    let recorded = engine::snapshots::problems(&repository, &manifest).unwrap();
    assert_eq!(recorded.len(), LEAVES + 1);
    assert!(recorded.iter().all(|problem| problem.path.0.len() < 4096 && problem.path.0.ends_with(name.as_bytes())));
    verify_all(&repository);
}

#[test]
fn two_streams_of_one_name_are_refused() {
    let fixture = Fixture::new();
    let stream = || Source::Stream { name: b"dump".to_vec(), reader: Box::new(std::io::empty()) };
    let sources = vec![stream(), stream()];
    let error = engine::files::backup::backup(&fixture.open(), sources, &backup_options(), &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), engine::ErrorKind::Usage, "{error}");
    backup(&fixture.open(), &fixture.folder("root"));
}

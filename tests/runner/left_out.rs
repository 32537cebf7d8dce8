//! A snapshot's notes about its own gaps.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use engine::files::backup::BackupOptions;
use engine::files::source::exclude::{ExcludeOptions, IGNORE_FILE};
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::tree::lookup;
use repo_format::cbor::ByteString;
use repo_format::entry::{GAP_OTHER, GAP_RULE, GAP_UNREADABLE, Gaps};
use repo_format::id::LeaseId;
use repo_format::limits;
use repo_format::manifest::{LEFT_OUT_CACHES, LEFT_OUT_FILE_SYSTEMS, LeftOut};

use crate::support::{Fixture, backup, backup_options, backup_paths, by_id, is_root, skip};

fn gaps_of(fixture: &Fixture, snapshot: LeaseId, path: &str) -> Option<Gaps> {
    let repository = fixture.open_anew();
    let reader = ChunkReader::new(&repository);
    let manifest = by_id(&repository, snapshot).manifest;
    lookup(&reader, &manifest, path.as_bytes()).unwrap().1.unwrap().meta.gaps
}

fn left_out_of(fixture: &Fixture, snapshot: LeaseId) -> LeftOut {
    by_id(&fixture.open_anew(), snapshot).manifest.left_out.unwrap()
}

fn named(why: u8, names: &[&str]) -> Option<Gaps> {
    let name = |name: &&str| ByteString(name.as_bytes().to_vec());
    Some(Gaps { why, names: Some(names.iter().map(name).collect()) })
}

fn run(fixture: &Fixture, root: &Path, options: &BackupOptions) -> LeaseId {
    backup_paths(&fixture.open(), &[root], options, &NullMonitor).unwrap().snapshot.unwrap()
}

#[test]
fn what_rules_leave_out_is_named_in_the_folder_that_lacks_it() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    for folder in ["secret", "kept/cache", "whole"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for file in ["a.tmp", "private", "kept/b.tmp", "kept/cache/data", "secret/x", "whole/file"] {
        fs::write(root.join(file), b"x").unwrap();
    }
    fs::write(root.join("kept/cache/CACHEDIR.TAG"), b"Signature: 8a477f597d28d172789f06886806bc55").unwrap();
    fs::write(root.join(IGNORE_FILE), b"private\n").unwrap();
    let file = fixture.folder("patterns").join("file");
    fs::write(&file, b"# a comment\n\n*.tmp\n").unwrap();
    let exclude = ExcludeOptions {
        patterns: vec!["secret".to_owned()],
        pattern_files: vec![file],
        ignore_file_name: Some(IGNORE_FILE.to_owned()),
        caches: true,
        ..ExcludeOptions::default()
    };
    let snapshot = run(&fixture, &root, &BackupOptions { exclude, one_file_system: true, ..backup_options() });
    assert_eq!(gaps_of(&fixture, snapshot, "root"), named(GAP_RULE, &["a.tmp", "private", "secret"]));
    assert_eq!(gaps_of(&fixture, snapshot, "root/kept"), named(GAP_RULE, &["b.tmp"]));
    assert_eq!(gaps_of(&fixture, snapshot, "root/kept/cache"), named(GAP_RULE, &["data"]));
    assert_eq!(gaps_of(&fixture, snapshot, "root/whole"), None);
    let expected = LeftOut {
        patterns: Some(vec!["*.tmp".to_owned(), "secret".to_owned()]),
        ignore_file_name: Some(IGNORE_FILE.to_owned()),
        options: Some(LEFT_OUT_CACHES | LEFT_OUT_FILE_SYSTEMS),
    };
    assert_eq!(left_out_of(&fixture, snapshot), expected);
}

#[test]
fn a_whole_folder_has_no_gaps_and_the_snapshot_says_that_it_notes_them() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    fs::write(root.join("file"), b"x").unwrap();
    let (snapshot, _) = backup(&fixture.open(), &root);
    assert_eq!(gaps_of(&fixture, snapshot, "root"), None);
    let expected = LeftOut { patterns: Some(Vec::new()), ignore_file_name: None, options: Some(0) };
    assert_eq!(left_out_of(&fixture, snapshot), expected);
}

#[test]
fn more_than_can_be_named_leaves_a_folder_unknown() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    for n in 0..=limits::GAP_NAMES_COUNT {
        fs::write(root.join(format!("{n}.tmp")), b"x").unwrap();
    }
    let patterns = vec!["*.tmp".to_owned(), "x".repeat(usize::try_from(limits::PATTERNS).unwrap())];
    let exclude = ExcludeOptions { patterns, ..ExcludeOptions::default() };
    let snapshot = run(&fixture, &root, &BackupOptions { exclude, ..backup_options() });
    assert_eq!(gaps_of(&fixture, snapshot, "root"), Some(Gaps { why: GAP_RULE, names: None }));
    assert_eq!(left_out_of(&fixture, snapshot).patterns, None);
}

#[test]
fn what_cannot_be_read_is_a_gap() {
    if is_root() {
        return skip("unreadable files and folders: root can read them");
    }
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    fs::create_dir_all(root.join("closed")).unwrap();
    fs::create_dir_all(root.join("no entry")).unwrap();
    for file in ["file", "closed/hidden", "no entry/a", "no entry/b"] {
        fs::write(root.join(file), b"x").unwrap();
    }
    let mode = |name: &str, mode| fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    mode("file", 0o000);
    mode("closed", 0o000);
    mode("no entry", 0o600);
    let snapshot = run(&fixture, &root, &backup_options());
    mode("closed", 0o700);
    mode("no entry", 0o700);
    assert_eq!(gaps_of(&fixture, snapshot, "root"), named(GAP_UNREADABLE, &["file"]));
    assert_eq!(gaps_of(&fixture, snapshot, "root/closed"), Some(Gaps { why: GAP_UNREADABLE, names: None }));
    assert_eq!(gaps_of(&fixture, snapshot, "root/no entry"), Some(Gaps { why: GAP_UNREADABLE, names: None }));
}

#[test]
fn what_is_nested_too_deep_is_a_gap() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let mut dir = engine::filesystem::Dir::open(&root).unwrap();
    // Names of 250 letters, until their path is longer than a directory's may be.
    let name = vec![b'x'; 250];
    let levels = limits::FOLDER_PATH / (name.len() + 1);
    for _ in 0..levels {
        dir = dir.create_dir(&name).unwrap();
    }
    let outcome = backup_paths(&fixture.open(), &[&root], &backup_options(), &NullMonitor).unwrap();
    assert_eq!(outcome.problem_count, 1);
    let longest = (limits::FOLDER_PATH - 4096) / (name.len() + 1);
    let path = |levels: usize| [&b"root"[..], &[&b"/"[..], &name].concat().repeat(levels)].concat();
    let path = String::from_utf8(path(longest + 1)).unwrap();
    assert_eq!(gaps_of(&fixture, outcome.snapshot.unwrap(), &path), Some(Gaps { why: GAP_OTHER, names: None }));
}

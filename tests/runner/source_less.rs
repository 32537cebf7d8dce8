//! Sources that hold much less than before, what must never be saved, and folders that go deeper than a process may have open files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use engine::files::backup::{BackupOptions, BackupOutcome, ParentChoice};
use engine::files::source::exclude::{ExcludeOptions, IGNORE_FILE};
use engine::files::source::protected::Protected;
use engine::monitor::NullMonitor;
use repo_format::entry::{EntryKind, STATE_MOUNT};
use repo_format::node::ProblemKind;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::{Fixture, Hook, backup_options, backup_paths, by_id, is_root, skip, verify_all};

fn save(fixture: &Fixture, path: &Path, options: &BackupOptions) -> BackupOutcome {
    backup_paths(&fixture.open(), &[path], options, &NullMonitor).unwrap()
}

fn folder(fixture: &Fixture, name: &str, files: usize) -> PathBuf {
    let folder = fixture.folder(name);
    fs::create_dir(folder.join("below")).unwrap();
    for number in 0..files {
        fs::write(folder.join("below").join(number.to_string()), name).unwrap();
    }
    folder
}

fn empty(folder: &Path) {
    fs::remove_dir_all(folder.join("below")).unwrap();
}

#[track_caller]
fn assert_less(outcome: &BackupOutcome, path: &Path) {
    let [problem] = &outcome.problems[..] else { panic!("{:?}", outcome.problems) };
    assert_eq!((problem.kind, &problem.path.0[..]), (ProblemKind::Less, path.as_os_str().as_encoded_bytes()));
}

#[test]
fn a_source_that_is_empty_now_is_named_until_it_is_whole_again_or_meant_to_be_so() {
    let fixture = Fixture::new();
    let root = folder(&fixture, "root", 3);
    let whole = save(&fixture, &root, &backup_options());
    let hidden = fixture.free_path("hidden");
    fs::rename(root.join("below"), &hidden).unwrap();
    for _ in 0..3 {
        let outcome = save(&fixture, &root, &backup_options());
        assert_less(&outcome, &root);
        assert_eq!(outcome.parent, whole.snapshot, "the last one that is whole");
        assert_eq!(by_id(&fixture.open(), outcome.snapshot.unwrap()).manifest.problems.count, 1);
    }
    fs::rename(&hidden, root.join("below")).unwrap();
    let outcome = save(&fixture, &root, &backup_options());
    assert_eq!((outcome.problem_count, outcome.statistics.new_files, outcome.parent), (0, 0, whole.snapshot));

    empty(&root);
    let meant = BackupOptions { allow_less: true, ..backup_options() };
    assert_eq!(save(&fixture, &root, &meant).problem_count, 0);
    assert_eq!(save(&fixture, &root, &backup_options()).problem_count, 0, "it was empty before");
    verify_all(&fixture.open_anew());
}

#[test]
fn a_source_of_which_a_tenth_is_left_is_named() {
    let fixture = Fixture::new();
    for (before, after, is_named) in
        [(200, 19, true), (200, 20, true), (200, 21, false), (100, 1, false), (101, 1, true)]
    {
        let root = folder(&fixture, "root", before);
        save(&fixture, &root, &backup_options());
        for number in after..before {
            fs::remove_file(root.join("below").join(number.to_string())).unwrap();
        }
        let outcome = save(&fixture, &root, &backup_options());
        assert_eq!(outcome.problem_count > 0, is_named, "{after} of {before}: {:?}", outcome.problems);
    }
}

#[test]
fn one_of_several_sources_that_is_empty_is_named_and_the_others_have_their_newest_parent() {
    let fixture = Fixture::new();
    let (one, two) = (folder(&fixture, "one", 2), folder(&fixture, "two", 500));
    let both = |options: &BackupOptions| backup_paths(&fixture.open(), &[&one, &two], options, &NullMonitor).unwrap();
    both(&backup_options());
    empty(&one);
    assert_less(&both(&backup_options()), &one);
    fs::write(two.join("new"), "new").unwrap();
    assert_eq!(both(&backup_options()).statistics.new_files, 1);
    let outcome = both(&backup_options());
    assert_less(&outcome, &one);
    assert_eq!(outcome.statistics.new_files, 0, "the other has the newest parent");
    let apart = BackupOptions { parent: ParentChoice::None, ..backup_options() };
    assert_eq!(both(&apart).problem_count, 0, "there is nothing to compare with");
}

#[test]
fn a_folder_in_which_nothing_is_mounted_any_more_is_named() {
    // A file system that is mounted anywhere will do, as something beneath the root.
    let below = Path::new("/dev/shm");
    let elsewhere = |path: &Path| path.metadata().map(|m| std::os::unix::fs::MetadataExt::dev(&m)).ok();
    if elsewhere(below).is_none() || elsewhere(below) == elsewhere(Path::new("/dev")) || !is_root() {
        return skip("mount points: nothing is mounted in /dev/shm, or this is not root");
    }
    let fixture = Fixture::new();
    let options = BackupOptions { one_file_system: true, ..backup_options() };
    let hook = Hook::on_progress(|_, _| {});
    let outcome = backup_paths(&fixture.open(), &[Path::new("/dev")], &options, &hook).unwrap();
    let snapshot = by_id(&fixture.open(), outcome.snapshot.unwrap());
    let mut mounted = None;
    engine::snapshots::ls::ls(&fixture.open(), &snapshot, b"dev", false, &mut |path, entry| {
        if path.ends_with(b"shm") {
            mounted = Some((entry.kind, entry.has_state(STATE_MOUNT)));
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(mounted, Some((EntryKind::Directory, true)));
    assert!(outcome.specials > 0);
}

#[test]
fn a_device_or_pipe_that_is_named_is_not_taken_for_its_contents() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let fifo = root.join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
    let outcome = save(&fixture, &fifo, &backup_options());
    assert_eq!(outcome.problems[0].kind, ProblemKind::LeftOut, "{:?}", outcome.problems);
    assert!(outcome.problems[0].message.contains("FIFO"), "{:?}", outcome.problems);
    let outcome = save(&fixture, &root, &backup_options());
    assert_eq!((outcome.problem_count, outcome.specials), (0, 1), "in a folder it is one thing among others");
}

#[test]
fn protected_folders_are_not_saved_whatever_patterns_and_links_say() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let repo = root.join("a/repo");
    fs::create_dir_all(repo.join("packs")).unwrap();
    fs::write(repo.join("packs/x"), "x").unwrap();
    fs::write(root.join("kept"), "kept").unwrap();
    for folder in [&root, &root.join("a")] {
        fs::write(folder.join(IGNORE_FILE), "!*\n!repo\n!/a/repo/**\n").unwrap();
    }
    symlink(&root, root.with_file_name("link")).unwrap();
    let protected = |path: &Path| vec![Protected { path: path.to_owned(), what: "the repository".to_owned() }];
    let options = |path: &Path| BackupOptions {
        exclude: ExcludeOptions {
            patterns: vec!["!repo".into()],
            ignore_file_name: Some(IGNORE_FILE.into()),
            protected: protected(path),
            ..ExcludeOptions::default()
        },
        ..backup_options()
    };
    let through_link = root.with_file_name("link").join("a/../a/repo");
    for (source, protected) in [(&root, &repo), (&root.with_file_name("link"), &repo), (&root, &through_link)] {
        let outcome = save(&fixture, source, &options(protected));
        assert_eq!((outcome.statistics.files, outcome.statistics.directories), (3, 2), "{}", source.display());
    }
    for inside in [repo.clone(), repo.join("packs"), repo.join("packs/x"), root.with_file_name("link").join("a/repo")] {
        let error = backup_paths(&fixture.open(), &[&inside], &options(&repo), &NullMonitor).unwrap_err();
        assert_eq!(error.kind(), engine::ErrorKind::Usage, "{}", inside.display());
    }
}

#[test]
fn a_pattern_that_left_nothing_out_of_any_root_is_told() {
    let fixture = Fixture::new();
    let (one, two) = (folder(&fixture, "one", 2), folder(&fixture, "two", 2));
    let patterns = ["below/1", "two/below/0", "nothing", "!x"].map(String::from).to_vec();
    let exclude = ExcludeOptions { patterns, ..ExcludeOptions::default() };
    let options = BackupOptions { exclude, ..backup_options() };
    let outcome = backup_paths(&fixture.open(), &[&one, &two], &options, &NullMonitor).unwrap();
    assert_eq!(outcome.unused_patterns, ["nothing"]);
    assert_eq!(outcome.statistics.files, 1);
}

#[test]
fn a_file_that_was_only_read_again_has_not_changed() {
    let fixture = Fixture::new();
    let root = folder(&fixture, "root", 3);
    fs::write(root.join("large"), vec![7; 1 << 20]).unwrap();
    save(&fixture, &root, &backup_options());
    fs::write(root.join("large"), vec![8; 1 << 20]).unwrap();
    let figures = save(&fixture, &root, &backup_options()).statistics;
    // All were written a moment ago, so that nothing but reading them tells.
    assert_eq!((figures.new_files, figures.changed_files, figures.read_again_files), (0, 1, Some(3)));
    assert_eq!(figures.files, 4);
}

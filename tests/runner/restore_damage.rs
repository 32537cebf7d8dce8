//! Restores over what is there while a part of the snapshot is lost, or the disk is full: nothing is deleted that the
//! snapshot does not prove to have been absent, and no file passes for whole that is not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::ErrorKind;
use engine::catalog::sealed_chunks;
use engine::files::backup::BackupOptions;
use engine::files::restore::{RestoreOptions, restore};
use engine::files::source::exclude::{ExcludeOptions, IGNORE_FILE};
use engine::monitor::NullMonitor;
use engine::store::{MemoryStore, ObjectName};
use repo_format::id::LeaseId;
use repo_format::pack::ChunkKind;

use crate::support::{Fixture, backup_options, backup_paths, by_id, look, noise};

fn options() -> RestoreOptions {
    RestoreOptions { path: b"root".to_vec(), delete: true, ..RestoreOptions::default() }
}

fn back_up(fixture: &Fixture, root: &Path, exclude: ExcludeOptions) -> LeaseId {
    let options = BackupOptions { exclude, ..backup_options() };
    backup_paths(&fixture.open(), &[root], &options, &NullMonitor).unwrap().snapshot.unwrap()
}

fn write(root: &Path, files: &[(&str, Vec<u8>)]) {
    for (path, content) in files {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), content).unwrap();
    }
}

/// The files of the snapshot. Rules stand in two of them.
fn saved() -> Vec<(&'static str, Vec<u8>)> {
    assert_eq!(IGNORE_FILE, ".enamelignore");
    vec![
        (".enamelignore", b"*.tmp\n".to_vec()),
        ("large", noise(1, 4_000_000)),
        ("small", b"as it was".to_vec()),
        ("sub/.enamelignore", b"*.bak\n".to_vec()),
        ("sub/inner", noise(2, 50_000)),
    ]
}

/// The target, in which people have worked since: the large file has other bytes throughout.
fn changed(fixture: &Fixture) -> PathBuf {
    let target = fixture.folder("target");
    write(
        &target,
        &[
            ("large", noise(9, 4_000_000)),
            ("small", b"another".to_vec()),
            ("later", b"a later file".to_vec()),
            ("old.tmp", b"left out by the first rule".to_vec()),
            ("sub/later", b"a later file".to_vec()),
            ("sub/old.bak", b"left out by the second rule".to_vec()),
        ],
    );
    target
}

fn paths(target: &Path) -> BTreeSet<String> {
    look(target).into_keys().map(|path| String::from_utf8(path).unwrap()).collect()
}

/// A place inside each chunk of a repository.
fn chunks(fixture: &Fixture) -> Vec<(ObjectName, usize)> {
    let repository = fixture.open_anew();
    let mut places = Vec::new();
    for (id, size) in repository.list_packs().unwrap() {
        let table = repository.read_pack_table(id, size).unwrap();
        let chunks = sealed_chunks(&table).filter(|(_, location)| location.kind != ChunkKind::Padding);
        places.extend(chunks.map(|(_, at)| (ObjectName::Pack(id), usize::try_from(at.offset).unwrap() + 3)));
    }
    places
}

/// Every byte is the saved one or zero, or the file was not touched.
fn is_honest(now: &[u8], saved: &[u8], before: Option<&Vec<u8>>) -> bool {
    before.is_some_and(|before| before == now)
        || now.len() == saved.len() && now.iter().zip(saved).all(|(now, saved)| now == saved || *now == 0)
}

#[test]
fn whatever_chunk_is_lost_nothing_is_deleted_wrongly_and_every_file_that_is_not_whole_is_named() {
    let store = MemoryStore::new();
    let fixture = Fixture::with_small_packs(&store);
    let root = fixture.folder("root");
    write(&root, &saved());
    let exclude = ExcludeOptions { ignore_file_name: Some(IGNORE_FILE.to_owned()), ..ExcludeOptions::default() };
    let snapshot = back_up(&fixture, &root, exclude);
    let restore_from = |store: &MemoryStore, target: &Path| {
        let repository = fixture.through(Arc::new(store.clone())).open_anew();
        restore(&repository, &by_id(&repository, snapshot), target, &options(), &|_, _| {}, &NullMonitor)
    };

    let target = changed(&fixture);
    let before = paths(&target);
    assert_eq!(restore_from(&store, &target).unwrap().problem_count, 0);
    let may_go: BTreeSet<_> = before.difference(&paths(&target)).cloned().collect();
    assert_eq!(may_go.iter().map(String::as_str).collect::<Vec<_>>(), ["later", "sub/later"]);

    let (mut kept_later, mut zeros) = (0, 0);
    for (pack, at) in chunks(&fixture) {
        let damaged = store.deep_clone();
        let mut bytes = damaged.bytes(&pack).unwrap();
        bytes[at] ^= 1;
        damaged.put_raw(&pack, bytes);
        let target = changed(&fixture);
        let old: Vec<_> = saved().iter().map(|(path, _)| fs::read(target.join(path)).ok()).collect();
        let result = restore_from(&damaged, &target);
        let gone: BTreeSet<_> = before.difference(&paths(&target)).cloned().collect();
        assert!(gone.is_subset(&may_go), "{pack} {at}: {gone:?} went");
        kept_later += u32::from(gone.len() < may_go.len());
        let outcome = match result {
            Ok(outcome) => outcome,
            // The path to the folder itself is lost.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Damaged, "{}", engine::error::chain(&error));
                assert!(gone.is_empty(), "{pack} {at}: {gone:?} went");
                continue;
            }
        };
        let problems = outcome.problems;
        for ((path, content), old) in saved().iter().zip(&old) {
            let now = fs::read(target.join(path)).ok();
            if now.as_ref() == Some(content) {
                continue;
            }
            let full = format!("root/{path}/");
            let names = |named: &[u8]| full.starts_with(&format!("{}/", String::from_utf8_lossy(named)));
            assert!(problems.iter().any(|problem| names(&problem.path.0)), "{pack} {at}: {path}: {problems:?}");
            let now = now.unwrap_or_default();
            assert!(
                now.is_empty() || is_honest(&now, content, old.as_ref()),
                "{path} has bytes of its earlier content"
            );
            zeros += u32::from(*path == "large" && old.as_ref() != Some(&now));
        }
        fs::remove_dir_all(target).unwrap();
    }
    assert!(kept_later >= 3, "nodes and both files of rules");
    assert!(zeros > 0, "some chunk of the large file was lost");
}

#[test]
fn a_cache_that_the_backup_left_out_is_not_deleted() {
    const TAG: &str = "CACHEDIR.TAG";
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let tag = b"Signature: 8a477f597d28d172789f06886806bc55\n".to_vec();
    write(&root, &[("file", b"1".to_vec()), ("cache/CACHEDIR.TAG", tag.clone()), ("cache/old", b"2".to_vec())]);
    let snapshot = back_up(&fixture, &root, ExcludeOptions { caches: true, ..ExcludeOptions::default() });
    let later = [("cache/new", b"3".to_vec()), ("other/CACHEDIR.TAG", tag), ("other/new", b"4".to_vec())];
    write(&root, &later);
    write(&root, &[("later", b"5".to_vec())]);
    let before = paths(&root);
    let repository = fixture.open();
    let snapshot = by_id(&repository, snapshot);
    let outcome = restore(&repository, &snapshot, &root, &options(), &|_, _| {}, &NullMonitor).unwrap();
    assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
    let after = paths(&root);
    assert_eq!(before.difference(&after).map(String::as_str).collect::<Vec<_>>(), ["later"]);
    assert!(root.join("cache").join(TAG).exists());
}

/// A disk of two megabytes; none where this user may not mount one.
#[cfg(target_os = "linux")]
struct Disk(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl Disk {
    fn new() -> Option<Self> {
        let disk = Disk(tempfile::tempdir().unwrap());
        disk.mount("size=2m").then_some(disk)
    }

    fn mount(&self, options: &str) -> bool {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "none"]).arg(self.0.path()).stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|status| status.success())
    }
}

#[cfg(target_os = "linux")]
impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).stderr(std::process::Stdio::null()).status();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_a_restore_and_the_next_one_finishes_it() {
    let Some(disk) = Disk::new() else { return crate::support::skip("a full disk: this user may not mount one") };
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    write(&root, &[("a", b"1".to_vec()), ("large", noise(1, 4_000_000)), ("z", b"2".to_vec())]);
    let snapshot = back_up(&fixture, &root, ExcludeOptions::default());
    let (repository, target) = (fixture.open(), disk.0.path().join("target"));
    let snapshot = by_id(&repository, snapshot);
    let options = RestoreOptions { target_attributes: true, ..options() };
    let run = || restore(&repository, &snapshot, &target, &options, &|_, _| {}, &NullMonitor);
    let error = run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace, "{}", engine::error::chain(&error));
    assert!(disk.mount("remount,size=16m"));
    assert_eq!(run().unwrap().problem_count, 0);
    crate::support::assert_same(&look(&root), &look(&target));
}

#[test]
fn a_folder_whose_list_is_lost_in_part_keeps_everything() {
    let store = MemoryStore::new();
    let fixture = Fixture::with_small_packs(&store);
    let root = fixture.folder("root");
    let names: Vec<String> = (0..400).map(|number| format!("{number:04} {}", "a long name ".repeat(15))).collect();
    names.iter().for_each(|name| fs::write(root.join(name), name).unwrap());
    let snapshot = back_up(&fixture, &root, ExcludeOptions::default());
    let mut lost_in_part = 0;
    for (pack, at) in chunks(&fixture) {
        let damaged = store.deep_clone();
        let mut bytes = damaged.bytes(&pack).unwrap();
        bytes[at] ^= 1;
        damaged.put_raw(&pack, bytes);
        let target = fixture.folder("target");
        names.iter().for_each(|name| fs::write(target.join(name), "another").unwrap());
        fs::write(target.join("later"), "a later file").unwrap();
        let before = paths(&target);
        let repository = fixture.through(Arc::new(damaged)).open_anew();
        let restored =
            restore(&repository, &by_id(&repository, snapshot), &target, &options(), &|_, _| {}, &NullMonitor);
        assert_eq!(paths(&target), before, "{pack} {at}");
        let as_saved = names.iter().filter(|name| fs::read(target.join(name)).unwrap() == name.as_bytes()).count();
        lost_in_part += u32::from(restored.is_ok() && as_saved > 0 && as_saved < names.len());
        fs::remove_dir_all(target).unwrap();
    }
    assert!(lost_in_part > 0, "some node has a part of the names");
}

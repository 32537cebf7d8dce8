//! Which snapshots a backup is compared with, and what its roots are called: not a matter of order or spelling.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::catalog::sealed_chunks;
use engine::files::backup::{BackupOptions, BackupOutcome, ParentChoice, Source};
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::store::{MemoryStore, ObjectName};
use engine::tree::lookup;
use repo_format::id::LeaseId;

use crate::support::{Fixture, Hook, backup_options, by_id, look};

fn save(fixture: &Fixture, sources: Vec<Source>, options: &BackupOptions) -> BackupOutcome {
    engine::files::backup::backup(&fixture.open(), sources, options, &NullMonitor).unwrap()
}

fn paths(paths: &[&Path]) -> Vec<Source> {
    paths.iter().map(|path| Source::Path(path.to_path_buf())).collect()
}

/// A folder of this name, beside others, with so many files.
fn folder(fixture: &Fixture, name: &str, files: usize) -> PathBuf {
    let folder = fixture.folder(name);
    for number in 0..files {
        fs::write(folder.join(number.to_string()), format!("{name} {number}")).unwrap();
    }
    folder
}

/// Names of the roots of a snapshot by their paths.
fn names(fixture: &Fixture, snapshot: Option<LeaseId>) -> BTreeMap<Vec<u8>, String> {
    let roots = by_id(&fixture.open(), snapshot.unwrap()).manifest.roots;
    roots.into_iter().map(|root| (root.path.0, String::from_utf8(root.name.0).unwrap())).collect()
}

#[test]
fn a_source_is_the_same_however_it_is_typed() {
    let fixture = Fixture::new();
    let root = folder(&fixture, "root", 2);
    std::os::unix::fs::symlink(&root, root.with_file_name("link")).unwrap();
    for (first, ways) in [("root", ["root/", "root//", "root/./"]), ("link", ["link/", "link/.", "../0/link"])] {
        let mut before = save(&fixture, paths(&[&root.with_file_name(first)]), &backup_options());
        for way in ways {
            let path = PathBuf::from(format!("{}/{way}", root.parent().unwrap().display()));
            let outcome = save(&fixture, paths(&[&path]), &backup_options());
            assert_eq!((outcome.parent, outcome.statistics.new_files), (before.snapshot, 0), "{way}");
            assert_eq!(names(&fixture, outcome.snapshot), names(&fixture, before.snapshot));
            before = outcome;
        }
    }
    let groups =
        engine::snapshots::status::status(&fixture.open(), &engine::snapshots::status::StatusOptions::default())
            .unwrap();
    assert_eq!(groups.sources.len(), 2);
    let file = root.join("0/");
    let sources = paths(&[&file]);
    engine::files::backup::backup(&fixture.open(), sources, &backup_options(), &NullMonitor).unwrap_err();
}

#[test]
fn a_parent_is_found_root_by_root_in_any_order() {
    let fixture = Fixture::new();
    let (one, two, three) = (folder(&fixture, "one", 1), folder(&fixture, "two", 10), folder(&fixture, "three", 100));
    let save = |roots: &[&Path]| save(&fixture, paths(roots), &backup_options());
    save(&[&one, &two]);
    let swapped = save(&[&two, &one]);
    assert_eq!(swapped.statistics.new_files, 0, "another order");
    assert_eq!(save(&[&three, &two, &one]).statistics.new_files, 100, "a root more");
    let alone = save(&[&two]);
    assert_eq!(alone.statistics.new_files, 0, "fewer roots");
    fs::write(two.join("new"), "new").unwrap();
    assert_eq!(save(&[&two]).statistics.new_files, 1);
    let outcome = save(&[&one, &three, &two]);
    assert_eq!(outcome.statistics.new_files, 0, "the newest that has the root, not the newest with all roots");
    let other = BackupOptions { host: "other".to_owned(), ..backup_options() };
    let elsewhere = self::save(&fixture, paths(&[&one]), &other);
    assert_eq!((elsewhere.parent, elsewhere.statistics.new_files), (None, 1), "of another machine");
}

#[test]
fn a_copy_of_a_source_is_compared_with_the_snapshot_that_is_named() {
    let fixture = Fixture::new();
    let root = folder(&fixture, "root", 3);
    let first = save(&fixture, paths(&[&root]), &backup_options()).snapshot.unwrap();
    let moved = fixture.free_path("moved");
    fs::rename(&root, &moved).unwrap();
    let by_name = BackupOptions { parent: ParentChoice::Snapshot(first), ..backup_options() };
    assert_eq!(save(&fixture, paths(&[&moved]), &by_name).statistics.new_files, 0);
    let more = folder(&fixture, "more", 1);
    assert_eq!(save(&fixture, paths(&[&moved, &more]), &by_name).statistics.new_files, 4, "which one is meant?");
    let as_before = || vec![Source::Moved { path: moved.clone(), from: root.clone() }];
    let outcome = save(&fixture, as_before(), &backup_options());
    assert_eq!((outcome.parent, outcome.statistics.new_files), (Some(first), 0));
    let recorded = names(&fixture, outcome.snapshot);
    assert_eq!(recorded.into_iter().next().unwrap(), (root.as_os_str().as_encoded_bytes().to_vec(), "root".to_owned()));
    let twice = vec![Source::Path(more.clone()), Source::Moved { path: moved, from: more }];
    let error = engine::files::backup::backup(&fixture.open(), twice, &backup_options(), &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), engine::ErrorKind::Usage, "{error}");
}

#[test]
fn names_of_equal_roots_go_by_their_paths_and_stay() {
    let fixture = Fixture::new();
    let [one, two, three] = [1, 2, 3].map(|files| folder(&fixture, "images", files));
    let first = save(&fixture, paths(&[&three, &two]), &backup_options());
    let expected = names(&fixture, first.snapshot);
    assert_eq!(expected.values().collect::<Vec<_>>(), ["images", "images~2"]);
    let swapped = save(&fixture, paths(&[&two, &three]), &backup_options());
    assert_eq!(names(&fixture, swapped.snapshot), expected);
    let joined = names(&fixture, save(&fixture, paths(&[&one, &two, &three]), &backup_options()).snapshot);
    assert!(expected.iter().all(|(path, name)| joined[path] == *name), "{joined:?}");
    assert_eq!(joined[one.as_os_str().as_encoded_bytes()], "images~3");
}

#[test]
fn an_earlier_folder_that_does_not_open_is_stored_again() {
    let store = MemoryStore::new();
    let fixture = Fixture::in_store(Arc::new(store.clone()));
    let root = folder(&fixture, "root", 3);
    fs::create_dir(root.join("sub")).unwrap();
    fs::write(root.join("sub/file"), "contents").unwrap();
    let first = save(&fixture, paths(&[&root]), &backup_options()).snapshot.unwrap();

    let repository = fixture.open();
    let manifest = by_id(&repository, first).manifest;
    let (_, sub) = lookup(&ChunkReader::new(&repository), &manifest, b"root/sub").unwrap();
    let node = sub.unwrap().tree.unwrap();
    for (id, size) in repository.list_packs().unwrap() {
        let mut bytes = store.bytes(&ObjectName::Pack(id)).unwrap();
        let pack = repository.read_pack_table(id, size).unwrap();
        let at = sealed_chunks(&pack).filter(|(chunk, _)| *chunk == node).map(|(_, at)| at.offset);
        at.for_each(|at| bytes[usize::try_from(at).unwrap() + 3] ^= 1);
        store.put_raw(&ObjectName::Pack(id), bytes);
    }
    drop(repository);

    let expected = look(&root);
    let hook = Hook::quiet();
    let again = engine::files::backup::backup(&fixture.open(), paths(&[&root]), &backup_options(), &hook).unwrap();
    assert_eq!(again.statistics.new_files, 1);
    assert!(hook.notes().iter().any(|note| note.contains("does not open")), "{:?}", hook.notes());
    fixture.assert_restores(&fixture.open_anew(), again.snapshot.unwrap(), &expected);
}

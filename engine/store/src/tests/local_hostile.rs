//! Storage whose host puts other things where files and folders belong.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::*;

/// A way to spoil a path: what stands there afterwards is no file and no folder of the store.
type Spoil = fn(&Path, &Path);

const LINK: Spoil = |path, elsewhere| symlink(elsewhere, path).unwrap();
const DANGLING: Spoil = |path, _| symlink("nowhere", path).unwrap();
const PIPE: Spoil = |path, _| {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
};
const SOCKET: Spoil = |path, _| drop(std::os::unix::net::UnixListener::bind(path).unwrap());

fn store() -> (tempfile::TempDir, PathBuf, LocalStore) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("repository");
    let store = LocalStore::create(&root).unwrap();
    (folder, root, store)
}

fn list(store: &LocalStore, folder: Folder) -> Result<(Vec<ObjectName>, Vec<String>)> {
    let (mut objects, mut strange) = (Vec::new(), Vec::new());
    let mut found = |info: ObjectInfo| {
        objects.push(info.name);
        Ok(())
    };
    store.list(folder, &mut found, &mut |path| strange.push(path))?;
    Ok((objects, strange))
}

#[test]
fn what_is_no_file_is_not_opened_in_place_of_an_object() {
    let secret: &[u8] = b"what a link leads to";
    for name in [ObjectName::Config, ObjectName::Condemned, pack(1), segment(1), lease(1)] {
        for spoil in [LINK, DANGLING, PIPE, SOCKET, |path, _| fs::create_dir(path).unwrap()] {
            let (folder, root, store) = store();
            store.put_new(&name, &[b"object"]).unwrap();
            let (path, elsewhere) = (root.join(name.to_string()), folder.path().join("elsewhere"));
            fs::write(&elsewhere, secret).unwrap();
            fs::remove_file(&path).unwrap();
            spoil(&path, &elsewhere);
            let wrong = StoreErrorKind::NotAFile;
            assert_eq!(kind(store.get(&name, 99)), wrong);
            assert_eq!(kind(store.get_range(&name, 0..1)), wrong);
            assert_eq!(kind(store.stat(&name)), wrong);
            assert_eq!(kind(store.ensure_durable(&name)), wrong);
            assert_eq!(kind(store.replace_if(&name, Some(Tag::of(secret)), b"new")), wrong);
            assert_eq!(kind(store.put_new(&name, &[b"new"])), StoreErrorKind::AlreadyExists);
            assert_eq!(list(&store, name.folder()).unwrap(), (vec![], vec![name.to_string()]));
            assert_eq!(fs::read(&elsewhere).unwrap(), secret);
        }
    }
}

#[test]
fn deleting_an_object_that_a_link_stands_for_deletes_the_link() {
    let (folder, root, store) = store();
    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, "?").unwrap();
    store.put_new(&pack(1), &[b"1"]).unwrap();
    let path = root.join(pack(1).to_string());
    fs::remove_file(&path).unwrap();
    symlink(&elsewhere, &path).unwrap();
    store.delete(&pack(1)).unwrap();
    assert!(elsewhere.exists() && path.symlink_metadata().is_err());
}

#[test]
fn folders_of_the_store_are_folders_or_an_error_that_names_them() {
    for (spoiled, name) in
        [("packs", pack(1)), ("packs/01", pack(1)), ("index", segment(1)), ("leases", lease(1)), ("tmp", pack(1))]
    {
        for spoil in [LINK, DANGLING, PIPE, SOCKET, |path, _| fs::write(path, "a file").unwrap()] {
            let (folder, root, _store) = store();
            let elsewhere = folder.path().join("elsewhere");
            fs::create_dir_all(elsewhere.join("01")).unwrap();
            let _ = fs::remove_dir(root.join(spoiled));
            spoil(&root.join(spoiled), &elsewhere);
            let store = LocalStore::open(&root).unwrap();
            let error = store.put_new(&name, &[b"1"]).unwrap_err();
            assert_eq!(error.kind, StoreErrorKind::NotAFolder, "{error}");
            assert!(error.to_string().contains(&format!("{spoiled} is a")), "{error}");
            if spoiled != "tmp" {
                let wrong = StoreErrorKind::NotAFolder;
                assert_eq!(kind(store.get(&name, 9)), wrong);
                assert_eq!(kind(store.stat(&name)), wrong, "it is not known to be gone");
                assert_eq!(kind(store.delete(&name)), wrong);
                assert_eq!(kind(list(&store, name.folder())), wrong);
            }
            let inside: Vec<_> = fs::read_dir(elsewhere.join("01")).unwrap().collect();
            assert!(inside.is_empty() && fs::read_dir(&elsewhere).unwrap().count() == 1, "nothing was written there");
        }
    }
}

#[test]
fn the_folder_of_the_repository_may_be_a_link() {
    let (folder, root, store) = store();
    let link = folder.path().join("link");
    symlink(&root, &link).unwrap();
    LocalStore::open(&link).unwrap().put_new(&pack(1), &[b"1"]).unwrap();
    assert_eq!(store.get(&pack(1), 9).unwrap(), b"1");
}

#[test]
fn an_object_that_is_larger_than_it_may_be_costs_no_memory() {
    let (_folder, root, store) = store();
    for name in [ObjectName::Config, ObjectName::Condemned, pack(1)] {
        store.put_new(&name, &[b"1"]).unwrap();
        let file = fs::File::options().write(true).open(root.join(name.to_string())).unwrap();
        file.set_len(1 << 42).unwrap();
        assert_eq!(kind(store.get(&name, 1 << 20)), StoreErrorKind::TooLarge);
        assert_eq!(kind(store.replace_if(&name, Some(Tag::of(b"1")), b"2")), StoreErrorKind::TooLarge);
    }
}

#[test]
fn an_object_that_is_cut_short_while_it_is_read_is_an_error() {
    let (_folder, root, store) = store();
    store.put_new(&pack(1), &[&[1; 1000]]).unwrap();
    store.get_range(&pack(1), 0..1).unwrap();
    fs::File::options().write(true).open(root.join(pack(1).to_string())).unwrap().set_len(10).unwrap();
    let error = store.get_range(&pack(1), 0..1000).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Truncated);
    assert!(error.to_string().ends_with("it is shorter than it should be"), "{error}");
}

/// Two days ago, for files and folders.
fn age(path: &Path) {
    let before = std::time::Duration::from_secs(48 * 60 * 60);
    let file = fs::File::open(path).unwrap();
    file.set_modified(fs::metadata(path).unwrap().modified().unwrap() - before).unwrap();
}

#[test]
fn nothing_is_removed_through_a_link_in_place_of_the_temporary_files() {
    let (folder, root, store) = store();
    let victim = folder.path().join("victim");
    fs::create_dir_all(victim.join("0123456789abcdef/years")).unwrap();
    fs::write(victim.join("0123456789abcdef/years/file"), "precious").unwrap();
    age(&victim.join("0123456789abcdef"));
    symlink(&victim, root.join("tmp")).unwrap();
    assert_eq!(kind(store.put_new(&pack(1), &[b"1"])), StoreErrorKind::NotAFolder);
    assert!(victim.join("0123456789abcdef/years/file").exists());
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 1);
}

#[test]
fn of_leftovers_only_what_is_surely_ours_is_removed() {
    let (folder, root, store) = store();
    let tmp = root.join("tmp");
    let outside = folder.path().join("outside");
    fs::create_dir_all(outside.join("deep")).unwrap();
    fs::write(outside.join("alive"), "enamel scratch ").unwrap();
    let leftover = |number: u8, alive: Option<&str>, file: Option<&str>| {
        let path = tmp.join(format!("{number:016x}"));
        fs::create_dir_all(&path).unwrap();
        alive.iter().for_each(|alive| fs::write(path.join("alive"), alive).unwrap());
        file.iter().for_each(|file| fs::write(path.join(file), "?").unwrap());
        path
    };
    let ended = "enamel scratch nobody\n";
    let ours = [leftover(1, Some(ended), Some("0")), leftover(2, Some(""), None), leftover(3, None, None)];
    let foreign = [
        leftover(4, Some("somebody's"), Some("0")),
        leftover(5, None, Some("0")),
        leftover(6, Some(ended), Some("notes.txt")),
        leftover(7, Some(ended), None),
        leftover(8, None, None),
        tmp.join("0123456789abcdeF"),
        tmp.join("0000000000000009"),
    ];
    fs::create_dir(foreign[3].join("5")).unwrap();
    symlink(outside.join("alive"), foreign[4].join("alive")).unwrap();
    fs::create_dir(&foreign[5]).unwrap();
    symlink(&outside, &foreign[6]).unwrap();
    let young = leftover(10, Some(ended), Some("0"));
    for path in ours.iter().chain(&foreign[..6]) {
        fs::read_dir(path).unwrap().for_each(|entry| age(&entry.unwrap().path()));
        age(path);
    }
    store.put_new(&pack(1), &[b"1"]).unwrap();
    ours.iter().for_each(|path| assert!(!path.exists(), "{}", path.display()));
    foreign.iter().for_each(|path| assert!(path.symlink_metadata().is_ok(), "{}", path.display()));
    assert!(young.join("0").exists(), "its owner may live on another machine");
    assert!(outside.join("deep").exists() && outside.join("alive").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn the_files_of_a_process_that_runs_stay_even_if_its_lock_can_be_had() {
    let (_folder, root, store) = store();
    store.put_new(&pack(1), &[b"1"]).unwrap();
    let own = fs::read_dir(root.join("tmp")).unwrap().map(|entry| entry.unwrap().path());
    let own = own.into_iter().find(|path| path.join("alive").exists()).unwrap();
    let identity = fs::read_to_string(own.join("alive")).unwrap();
    let (place, started) = identity.trim_end().rsplit_once(' ').unwrap();
    let ended = format!("{place} {}\n", started.parse::<u64>().unwrap() + 1);
    // On some shares every process gets every lock: nobody holds the lock of these files.
    let folder_of = |number: u8, alive: &str| {
        let path = root.join(format!("tmp/{number:016x}"));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("alive"), alive).unwrap();
        fs::write(path.join("0"), "half an object").unwrap();
        for old in [path.join("alive"), path.join("0"), path.clone()] {
            age(&old);
        }
        path
    };
    let (running, dead) = (folder_of(1, &identity), folder_of(2, &ended));
    LocalStore::open(&root).unwrap().put_new(&pack(2), &[b"2"]).unwrap();
    assert_eq!(fs::read(running.join("0")).unwrap(), b"half an object");
    assert!(!dead.exists(), "another process has its id now");
}

#[test]
fn what_is_moved_aside_keeps_its_contents_and_its_name_is_free() {
    let (_folder, root, store) = store();
    for name in [ObjectName::Condemned, pack(1), segment(1)] {
        let path = root.join(name.to_string());
        for contents in ["first", "second"] {
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("file"), contents).unwrap();
            assert_eq!(kind(store.put_new(&name, &[b"object"])), StoreErrorKind::AlreadyExists);
            store.set_aside(&name).unwrap();
            assert_eq!(store.stat(&name).unwrap(), None);
        }
        store.put_new(&name, &[b"object"]).unwrap();
        assert_eq!(store.get(&name, 9).unwrap(), b"object");
        let kept = fs::read_dir(root.join("aside")).unwrap().map(|entry| entry.unwrap().path());
        let beginning = name.to_string().replace('/', "-");
        let kept = kept.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&beginning));
        let mut contents: Vec<_> = kept.map(|path| fs::read_to_string(path.join("file")).unwrap()).collect();
        contents.sort();
        assert_eq!(contents, ["first", "second"], "{name}");
    }
    assert_eq!(kind(store.set_aside(&pack(9))), StoreErrorKind::NotFound);
}

/// The mode, without its kind, of what is at `path`.
fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_is_made_in_a_folder_of_a_group_is_the_groups() {
    let (_folder, root, store) = store();
    fs::remove_dir(root.join("packs")).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o2770)).unwrap();
    let shared = LocalStore::open(&root).unwrap();
    shared.put_new(&pack(1), &[b"1"]).unwrap();
    shared.put_new(&ObjectName::Condemned, &[b"1"]).unwrap();
    shared.replace_if(&ObjectName::Condemned, Some(Tag::of(b"1")), b"2").unwrap();
    for made in ["packs", "packs/01", "tmp"] {
        assert_eq!(mode(&root.join(made)), 0o2770, "{made}");
    }
    for made in [&pack(1).to_string(), "condemned", "tmp/lock"] {
        assert_eq!(mode(&root.join(made)), 0o660, "{made}");
    }
    drop(store);
}

#[test]
fn what_root_makes_in_somebodys_repository_is_theirs() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (_folder, root, _store) = store();
    fs::remove_dir(root.join("packs")).unwrap();
    std::os::unix::fs::chown(&root, Some(65534), Some(65533)).unwrap();
    let store = LocalStore::open(&root).unwrap();
    store.put_new(&pack(1), &[b"1"]).unwrap();
    for made in ["packs", "packs/01", &pack(1).to_string(), "tmp", "tmp/lock"] {
        let metadata = fs::metadata(root.join(made)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (65534, 65533), "{made}");
    }
}

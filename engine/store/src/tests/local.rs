use std::fs;
use std::path::Path;

use super::super::local::place::{place_linked, place_locked};
use super::super::local::scratch::Scratch;
use super::super::local::unix::{Dir, Place};
use super::*;

fn new_store() -> (tempfile::TempDir, LocalStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::create(&folder.path().join("a/repository")).unwrap();
    (folder, store)
}

fn reopen(store: &LocalStore) -> LocalStore {
    LocalStore::open(Path::new(&store.location())).unwrap()
}

/// The names in a folder, in order.
fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn conforms_and_leaves_nothing_behind() {
    let (folder, store) = new_store();
    conformance::check(&store).unwrap();
    // A second time with what the first has made and cached.
    conformance::check(&store).unwrap();
    drop(store);
    let root = folder.path().join("a/repository");
    assert_eq!(names_in(&root.join("tmp")), ["lock", "reserve"]);
    assert_eq!(names_in(&root.join("packs/fe")), [""; 0]);
}

#[test]
fn conforms_through_another_handle() {
    /// Writes through one handle, reads through another.
    struct Two(LocalStore, LocalStore);
    impl Store for Two {
        forward!([0] location place put_new get_range delete set_aside);

        fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>> {
            self.1.get(name, limit)
        }

        fn list(
            &self,
            folder: Folder,
            found: &mut dyn FnMut(ObjectInfo) -> Result<()>,
            strange: &mut dyn FnMut(String),
        ) -> Result<()> {
            self.1.list(folder, found, strange)
        }

        fn ensure_durable(&self, name: &ObjectName) -> Result<()> {
            self.1.ensure_durable(name)
        }

        fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>> {
            self.1.stat(name)
        }

        fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> Result<()> {
            // Half through each, so that what excludes the threads must exclude the handles.
            if bytes.first().is_some_and(|byte| byte % 2 == 0) { &self.0 } else { &self.1 }
                .replace_if(name, expected, bytes)
        }
    }
    let (_folder, store) = new_store();
    let other = reopen(&store);
    conformance::check(&Two(store, other)).unwrap();
}

#[test]
fn opens_only_folders_and_makes_private_ones() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, store) = new_store();
    let missing = folder.path().join("missing");
    assert_eq!(kind(LocalStore::open(&missing)), StoreErrorKind::NotFound);
    assert!(!missing.exists());
    let file = folder.path().join("file");
    fs::write(&file, "a file").unwrap();
    assert_eq!(kind(LocalStore::open(&file)), StoreErrorKind::NotAFolder);
    assert_eq!(kind(LocalStore::create(&file)), StoreErrorKind::NotAFolder);
    assert_eq!(kind(LocalStore::create(&file.join("below"))), StoreErrorKind::NotAFolder);
    let dangling = folder.path().join("dangling");
    std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
    let error = LocalStore::create(&dangling).err().unwrap();
    assert!(error.to_string().contains("a link that leads nowhere"), "{error}");

    store.put_new(&pack(1), &[b"1"]).unwrap();
    LocalStore::create(Path::new(&store.location())).unwrap();
    let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    for made in ["a", "a/repository", "a/repository/tmp", "a/repository/packs", "a/repository/packs/01"] {
        assert_eq!(mode(made), 0o700, "{made}");
    }
    assert_eq!(mode(&format!("a/repository/{}", pack(1))), 0o600);
}

#[test]
fn what_only_reads_writes_nothing() {
    let (folder, store) = new_store();
    assert_eq!(store.stat(&pack(1)).unwrap(), None);
    assert_eq!(kind(store.get(&pack(1), 1)), StoreErrorKind::NotFound);
    store.delete(&pack(1)).unwrap();
    for folder in Folder::ALL {
        store.list(folder, &mut |_| panic!("nothing is there"), &mut |_| {}).unwrap();
    }
    assert_eq!(names_in(&folder.path().join("a/repository")), ["index", "packs", "snapshots"], "as it was made");
}

#[test]
fn an_open_pack_does_not_hide_that_it_is_deleted() {
    let (_folder, store) = new_store();
    store.put_new(&pack(1), &[b"12345"]).unwrap();
    assert_eq!(store.get_range(&pack(1), 1..3).unwrap(), b"23");
    reopen(&store).delete(&pack(1)).unwrap();
    assert_eq!(store.stat(&pack(1)).unwrap(), None);
    assert_eq!(kind(store.get(&pack(1), 9)), StoreErrorKind::NotFound);
    store.list(Folder::Packs, &mut |_| panic!("it is deleted"), &mut |_| {}).unwrap();
    store.delete(&pack(1)).unwrap();
    assert_eq!(kind(store.get_range(&pack(1), 1..3)), StoreErrorKind::NotFound);
}

#[test]
fn what_can_be_replaced_is_never_read_from_an_old_file() {
    let (_folder, store) = new_store();
    store.put_new(&ObjectName::Condemned, &[b"one"]).unwrap();
    assert_eq!(store.get_range(&ObjectName::Condemned, 0..3).unwrap(), b"one");
    reopen(&store).replace_if(&ObjectName::Condemned, Some(Tag::of(b"one")), b"two").unwrap();
    assert_eq!(store.get_range(&ObjectName::Condemned, 0..3).unwrap(), b"two");
}

#[test]
fn strange_names_are_told_apart() {
    use std::os::unix::ffi::OsStrExt;
    let (folder, store) = new_store();
    let root = folder.path().join("a/repository");
    for name in [ObjectName::Config, pack(0xab), lease(1)] {
        store.put_new(&name, &[b"object"]).unwrap();
    }
    let id = pack(0xab).to_string().rsplit('/').next().unwrap().to_owned();
    let mut planted = vec![
        "notes.txt".to_owned(),
        "lost+found/".to_owned(),
        "condemned/".to_owned(),
        "keyring/07".to_owned(),
        "leases/sub/".to_owned(),
        "packs/file".to_owned(),
        "packs/AB/".to_owned(),
        "packs/abc/".to_owned(),
        format!("packs/cd/{id}"),
        format!("packs/ab/{id}.part"),
    ];
    for path in &planted {
        let full = root.join(path);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        if path.ends_with('/') { fs::create_dir(full) } else { fs::write(full, "?") }.unwrap();
    }
    fs::write(root.join("leases").join(std::ffi::OsStr::from_bytes(b"\xff")), "?").unwrap();
    planted.push("leases/\u{fffd}".to_owned());

    let (mut objects, mut strange) = (Vec::new(), Vec::new());
    for folder in Folder::ALL {
        let mut found = |info: ObjectInfo| {
            objects.push(info.name);
            Ok(())
        };
        store.list(folder, &mut found, &mut |path| strange.push(path)).unwrap();
    }
    assert_eq!(objects, [ObjectName::Config, pack(0xab), lease(1)]);
    let mut planted: Vec<_> = planted.iter().map(|path| path.trim_end_matches('/').to_owned()).collect();
    planted.sort();
    strange.sort();
    assert_eq!(strange, planted);
    assert_eq!(kind(store.stat(&ObjectName::Condemned)), StoreErrorKind::NotAFile);
}

#[test]
fn the_other_ways_to_place_an_object_do_not_overwrite_either() {
    for place in [place_linked, place_locked] {
        let folder = tempfile::tempdir().unwrap();
        let root = Dir::open_root(folder.path()).unwrap();
        let scratch = Scratch::new(&root).unwrap();
        let target = Place { dir: &root, name: "target" };
        let first = scratch.write(&[b"first"], true).unwrap();
        place(&scratch, &first, target).unwrap();
        drop(first);
        let second = scratch.write(&[b"second"], true).unwrap();
        let error = place(&scratch, &second, target).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
        drop(second);
        assert_eq!(fs::read(folder.path().join("target")).unwrap(), b"first");
        assert_eq!(names_in(&folder.path().join("tmp").join(scratch.name())), ["alive"]);
    }
}

#[test]
fn of_many_who_place_an_object_one_succeeds_in_every_way() {
    for place in [place_linked, place_locked] {
        let folder = tempfile::tempdir().unwrap();
        let start = std::sync::Barrier::new(8);
        // How many of a hundred names this thread won.
        let attempts = || {
            let root = Dir::open_root(folder.path()).unwrap();
            let scratch = Scratch::new(&root).unwrap();
            let wins = |name: &u32| {
                let temp = scratch.write(&[b"bytes"], false).unwrap();
                start.wait();
                place(&scratch, &temp, Place { dir: &root, name: &name.to_string() }).is_ok()
            };
            (0..100).filter(wins).count()
        };
        let wins: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(attempts)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(wins, 100);
    }
}

#[test]
fn what_another_process_is_refused_is_worth_something_and_else_it_is_told() {
    let (_folder, store) = new_store();
    let other = reopen(&store);
    let tried = store.try_with(&|attempt| other.attempt(attempt).map_err(std::io::Error::other));
    assert_eq!(tried.unwrap(), Locks::Hold);
    let lock = |got: bool| move |attempt: &Attempt| Ok(got && *attempt == Attempt::Lock);
    assert_eq!(store.try_with(&lock(true)).unwrap(), Locks::Nothing);
    assert_eq!(store.try_with(&lock(false)).unwrap(), Locks::Hold);
    assert!(matches!(store.try_with(&|_| Ok(true)), Err(conformance::Failure::Broken(_))));
    assert!(matches!(store.try_with(&|_| Err(std::io::ErrorKind::Other.into())), Err(conformance::Failure::Store(_))));
    store.list(Folder::Leases, &mut |_| panic!("nothing is left"), &mut |_| {}).unwrap();
    for attempt in [Attempt::Lock, Attempt::Put(lease(1))] {
        assert_eq!(attempt.to_string().parse(), Ok(attempt));
    }
}

#[test]
fn large_objects_and_ranges_pass_around_the_cache_with_exactly_their_bytes() {
    const PAGE: usize = 4096;
    const DIRECT: usize = 1 << 20;
    let (_folder, store) = new_store();
    let byte = |at: usize| u8::try_from(at.wrapping_mul(2_654_435_761) >> 13 & 0xff).unwrap();
    // Sizes on both sides of a page, and of the piece that is written at once; the parts end anywhere.
    for (n, size) in (1..).zip([DIRECT, DIRECT + 1, DIRECT + PAGE, 2 * DIRECT - 1, 2 * DIRECT + PAGE + 17]) {
        let bytes: Vec<u8> = (0..size).map(byte).collect();
        let parts: Vec<&[u8]> = bytes.chunks(300_007).collect();
        store.put_new(&pack(n), &parts).unwrap();
        assert!(store.get(&pack(n), u64::MAX).unwrap() == bytes, "{size}");
        for start in [0, 1, PAGE - 1, PAGE, PAGE + 1, size / 2] {
            for end in [start + 256 * 1024 - 1, start + 256 * 1024, size - PAGE, size - 1, size] {
                let read = store.get_range(&pack(n), start as u64..end as u64).unwrap();
                assert!(read == bytes[start..end], "{size}: {start}..{end}");
            }
        }
        assert_eq!(kind(store.get_range(&pack(n), 0..size as u64 + 1)), StoreErrorKind::Truncated);
    }
}

#[test]
fn a_user_who_says_that_nobody_else_writes_replaces_objects_as_usual() {
    let (_folder, store) = new_store();
    store.put_new(&ObjectName::Condemned, &[b"one"]).unwrap();
    let alone = reopen(&store).exclusively();
    assert_eq!(kind(alone.replace_if(&ObjectName::Condemned, Some(Tag::of(b"?")), b"two")), StoreErrorKind::Conflict);
    alone.replace_if(&ObjectName::Condemned, Some(Tag::of(b"one")), b"two").unwrap();
    assert_eq!(store.get(&ObjectName::Condemned, 9).unwrap(), b"two");
}

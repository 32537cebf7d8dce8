//! Dead processes, full disks, closed doors.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;

/// The folder that a helper is to work in.
const FOLDER: &str = "STORE_TEST_FOLDER";

/// Makes the last change of a file or folder two days old.
fn age(path: &Path) {
    let before = std::time::Duration::from_secs(48 * 60 * 60);
    let file = fs::File::open(path).unwrap();
    file.set_modified(fs::metadata(path).unwrap().modified().unwrap() - before).unwrap();
}

fn scratch_folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root.join("tmp")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

/// Runs a helper below in a process of its own, started by the shell command `shell`.
fn helper(name: &str, folder: &Path, shell: &str) -> Child {
    Command::new("sh")
        .args(["-c", shell])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("tests::local_trouble::{name}"), "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "a helper: puts an object, then waits to be killed"]
fn helper_that_stays() {
    let store = LocalStore::open(Path::new(&std::env::var_os(FOLDER).unwrap())).unwrap();
    store.put_new(&pack(1), &[b"1"]).unwrap();
    println!("\nready");
    std::thread::sleep(std::time::Duration::from_secs(600));
}

#[test]
fn leftovers_of_the_dead_are_removed_and_of_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |n| {
        let store = LocalStore::open(root).unwrap();
        store.put_new(&pack(n), &[b"bytes"]).unwrap();
        store
    };
    fs::create_dir_all(root.join("tmp/somebody's")).unwrap();
    fs::write(root.join("tmp/somebody's/file"), "?").unwrap();
    let empty = root.join("tmp/0123456789abcdef");
    fs::create_dir(&empty).unwrap();
    age(&empty);

    let mut process = helper("helper_that_stays", root, r#"exec "$0" "$@""#);
    let output = BufReader::new(process.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap() == "ready"));
    let its_folder = scratch_folders(root).into_iter().find(|path| path.join("alive").exists()).unwrap();
    assert!(!empty.exists(), "it had no owner");
    fs::write(its_folder.join("0"), "half an object").unwrap();

    let first = write(2);
    assert!(its_folder.join("0").exists(), "its owner lives");
    process.kill().unwrap();
    process.wait().unwrap();
    drop(write(3));
    assert!(!its_folder.exists(), "its owner is dead");
    assert_eq!(scratch_folders(root).len(), 2, "of the first handle, and somebody's");
    drop(first);
    assert_eq!(scratch_folders(root), [root.join("tmp/somebody's")]);
}

#[test]
#[ignore = "a helper: to be run where files cannot grow beyond 64 KiB"]
fn helper_without_space() {
    let root = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let store = LocalStore::open(&root).unwrap();
    store.put_new(&ObjectName::Config, &[b"old"]).unwrap();
    let big = vec![0; 1 << 20];
    assert_eq!(kind(store.put_new(&pack(1), &[b"head", &big])), StoreErrorKind::NoSpace);
    let replaced = store.replace_if(&ObjectName::Config, Some(Tag::of(b"old")), &big);
    assert_eq!(kind(replaced), StoreErrorKind::NoSpace);
    assert_eq!(&store.get(&ObjectName::Config, 9).unwrap()[..], b"old");
    assert_eq!(store.stat(&pack(1)).unwrap(), None);
    let scratch = &scratch_folders(&root)[0];
    assert_eq!(fs::read_dir(scratch).unwrap().count(), 1, "only the file that is locked");
    store.put_new(&pack(1), &[b"small"]).unwrap();
}

#[test]
fn a_full_disk_is_told_and_nothing_half_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    // 128 blocks of 512 bytes. A signal that is ignored stays so in the program that is started.
    let limited = r#"trap "" XFSZ; ulimit -f 128 && exec "$0" "$@""#;
    let output = helper("helper_without_space", folder.path(), limited).wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn the_ways_to_be_out_of_space() {
    use rustix::io::Errno;
    for errno in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG] {
        assert_eq!(StoreError::io("write", "it", errno.into()).kind, StoreErrorKind::NoSpace);
    }
}

/// Runs as somebody who is not allowed everything, as root is. On Linux, users belong to threads.
#[cfg(target_os = "linux")]
fn as_nobody(run: impl FnOnce() + Send) {
    let nobody = rustix::fs::Uid::from_raw(65534);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            run();
        });
        thread.join().unwrap();
    });
}

#[test]
#[cfg(target_os = "linux")]
fn closed_doors_are_told_from_missing_objects() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let store = LocalStore::open(root).unwrap();
    store.put_new(&pack(1), &[b"1"]).unwrap();
    store.put_new(&ObjectName::Config, &[b"1"]).unwrap();
    let set_mode = |mode| fs::set_permissions(root, fs::Permissions::from_mode(mode)).unwrap();
    set_mode(0o000);
    as_nobody(|| {
        let denied = StoreErrorKind::PermissionDenied;
        let open =
            |name: &ObjectName| (kind(store.get(name, 9)), kind(store.get_range(name, 0..1)), kind(store.stat(name)));
        assert_eq!(open(&pack(1)), (denied, denied, denied));
        assert_eq!(open(&pack(2)), (denied, denied, denied));
        assert_eq!(kind(store.put_new(&pack(2), &[b"2"])), denied);
        assert_eq!(kind(store.delete(&pack(1))), denied);
        assert_eq!(kind(store.replace_if(&ObjectName::Config, Some(Tag::of(b"1")), b"2")), denied);
        assert_eq!(kind(store.list(Folder::Packs, &mut |_| Ok(()), &mut |_| {})), denied);
    });
    set_mode(0o755);
    store.get(&pack(1), 9).unwrap();
}

#[test]
fn a_store_that_went_away_is_not_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("repository");
    let store = LocalStore::create(&root).unwrap();
    fs::remove_dir_all(&root).unwrap();
    let gone = StoreErrorKind::Io;
    assert_eq!(kind(store.get(&pack(1), 9)), gone);
    assert_eq!(kind(store.stat(&pack(1))), gone);
    assert_eq!(kind(store.delete(&pack(1))), gone);
    assert_eq!(kind(store.list(Folder::Packs, &mut |_| Ok(()), &mut |_| {})), gone);
    assert_eq!(kind(store.put_new(&pack(1), &[b"1"])), gone);
    assert!(!root.exists(), "it must not be made again, on whatever disk is there now");
}

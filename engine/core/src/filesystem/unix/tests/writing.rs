use std::io::ErrorKind;
use std::os::unix::fs::symlink;

use super::*;

#[test]
fn files_are_new_and_private() {
    let (folder, dir) = temporary();
    let file = dir.create_file(b"file").unwrap();
    file.write_at(b"world", 6).unwrap();
    file.write_at(b"hello ", 0).unwrap();
    assert_eq!(std::fs::read(folder.path().join("file")).unwrap(), b"hello world");
    assert_eq!(file.stat().unwrap().entry.mode, 0o600);
    file.set_len(5).unwrap();
    let mut buffer = [0; 20];
    assert_eq!(file.read_at(&mut buffer, 0).unwrap(), 5);
    assert_eq!(dir.create_file(b"file").unwrap_err().kind(), ErrorKind::AlreadyExists);

    symlink("elsewhere", folder.path().join("link")).unwrap();
    assert_eq!(dir.create_file(b"link").unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert!(!folder.path().join("elsewhere").exists(), "a dangling link is not written through");

    dir.open_existing(b"file").unwrap().write_at(b"J", 0).unwrap();
    assert_eq!(std::fs::read(folder.path().join("file")).unwrap(), b"Jello");
}

#[test]
fn folders_are_made_or_found() {
    let (folder, dir) = temporary();
    dir.create_dir(b"a").unwrap().create_file(b"file").unwrap();
    assert_eq!(dir.stat(b"a").unwrap().entry.mode, 0o700);
    assert_eq!(dir.create_dir(b"a").unwrap().names().unwrap(), [b"file"]);
    std::fs::write(folder.path().join("file"), b"").unwrap();
    assert_eq!(dir.create_dir(b"file").unwrap_err().kind(), ErrorKind::NotADirectory);

    set_mode(&folder.path().join("a"), 0o555);
    dir.open_dir(b"a").unwrap().make_writable().unwrap();
    assert_eq!(dir.stat(b"a").unwrap().entry.mode, 0o755);
}

#[test]
fn links_are_made_as_they_are() {
    let (folder, dir) = temporary();
    dir.create_symlink(b"link", b"/etc/\xff").unwrap();
    assert_eq!(path_to_bytes(&std::fs::read_link(folder.path().join("link")).unwrap()), b"/etc/\xff");
    assert_eq!(dir.create_symlink(b"link", b"x").unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert!(dir.create_symlink(b"nul", b"a\0b").is_err());

    let inner = dir.create_dir(b"inner").unwrap();
    dir.create_file(b"file").unwrap();
    inner.create_hard_link(b"name", &dir, b"file").unwrap();
    inner.create_hard_link(b"same link", &dir, b"link").unwrap();
    assert_eq!(inner.stat(b"name").unwrap().links, 2);
    assert_eq!(inner.stat(b"same link").unwrap().entry.kind, EntryKind::Symlink);
}

#[test]
fn devices_are_for_root() {
    let (_folder, dir) = temporary();
    let device = Some(Device { major: 1, minor: 3 });
    let entry = Entry { device, ..Entry::new(b"null".to_vec(), EntryKind::CharDevice) };
    match dir.create_device(b"null", &entry) {
        Ok(()) => assert_eq!(dir.stat(b"null").unwrap().entry.device, device),
        Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied),
    }
    let file = Entry::new(b"file".to_vec(), EntryKind::File);
    assert_eq!(dir.create_device(b"file", &file).unwrap_err().kind(), ErrorKind::InvalidInput);
    let bare = Entry { device: None, ..entry };
    assert_eq!(dir.create_device(b"bare", &bare).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn rename_replaces() {
    let (folder, dir) = temporary();
    std::fs::write(folder.path().join("old"), b"old").unwrap();
    std::fs::write(folder.path().join("new"), b"new").unwrap();
    dir.rename(b"new", b"old").unwrap();
    assert_eq!(std::fs::read(folder.path().join("old")).unwrap(), b"new");
    assert_eq!(dir.names().unwrap(), [b"old"]);
}

#[test]
fn remove_counts_and_follows_nothing() {
    let (folder, dir) = temporary();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("precious"), b"").unwrap();
    let tree = dir.create_dir(b"tree").unwrap();
    symlink(outside.path(), folder.path().join("tree/link")).unwrap();
    tree.create_fifo(b"fifo").unwrap();
    tree.create_dir(b"empty").unwrap();
    let locked = tree.create_dir(b"locked").unwrap();
    locked.create_file(b"file").unwrap();
    set_mode(&folder.path().join("tree/locked"), 0o555);
    dir.create_symlink(b"link", b"tree").unwrap();

    assert_eq!(dir.remove(b"missing").unwrap(), 0);
    assert_eq!(dir.remove(b"link").unwrap(), 1);
    assert!(folder.path().join("tree/fifo").exists());
    assert_eq!(dir.remove(b"tree").unwrap(), 6);
    assert!(dir.names().unwrap().is_empty());
    assert!(outside.path().join("precious").exists());
}

#[test]
fn a_tree_three_thousand_deep_is_made_and_removed() {
    const DEPTH: u64 = 3000;
    let (_folder, dir) = temporary();
    let mut below = dir.create_dir(b"first").unwrap();
    for level in 1..DEPTH {
        // Files that sort before and after the folder: some work is left when the way back begins.
        if level % 100 == 0 {
            below.create_file(b"a").unwrap();
            below.create_file(b"z").unwrap();
        }
        below = below.create_dir(b"folder with a rather long name").unwrap();
    }
    drop(below);
    assert_eq!(dir.remove(b"first").unwrap(), DEPTH + 2 * (DEPTH / 100 - 1));
    assert!(dir.names().unwrap().is_empty());
}

#[test]
fn remove_says_where_it_failed() {
    if is_root() || cfg!(not(target_os = "linux")) {
        return; // Nothing is forbidden to root.
    }
    let (folder, dir) = temporary();
    dir.create_dir(b"tree").unwrap().create_dir(b"closed").unwrap();
    set_mode(&folder.path().join("tree/closed"), 0o000);
    let error = dir.remove(b"tree").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().starts_with("tree/closed: "), "{error}");
}

use std::os::unix::fs::MetadataExt;

use repo_format::cbor::ByteString;
use repo_format::entry::Xattr;
use repo_format::limits;

use super::*;
use crate::filesystem::Attributes;

const ALL: Attributes = Attributes { owner: true, by_name: false, contents_only: false };

fn xattr(name: &[u8], value: &[u8]) -> Xattr {
    Xattr { name: ByteString(name.to_vec()), value: ByteString(value.to_vec()) }
}

/// An entry as a backup would make it.
fn read(dir: &Dir, name: &[u8]) -> Entry {
    let mut stat = dir.stat(name).unwrap();
    assert_eq!(dir.complete(name, &mut stat, &Owners::new()).unwrap(), [""; 0]);
    stat.entry
}

fn has_xattrs(dir: &Dir) -> bool {
    dir.create_file(b"probe").unwrap();
    let object = Object::Name(dir.fd.as_fd(), b"probe");
    let supported = xattr::Xattrs::of(object).unwrap().set(b"user.probe", b"") != Err(Errno::NOTSUP);
    dir.remove(b"probe").unwrap();
    supported
}

/// `entry` with a time before 1970, to the nanosecond.
fn dated(entry: Entry) -> Entry {
    Entry { mtime_seconds: -1_234_567, mtime_nanoseconds: 123_456_789, ..entry }
}

#[test]
fn mode_and_time_of_every_kind() {
    let (folder, dir) = temporary();
    let owners = Owners::new();
    dir.create_file(b"file").unwrap();
    dir.create_dir(b"folder").unwrap();
    dir.create_symlink(b"link", b"file").unwrap();
    dir.create_fifo(b"fifo").unwrap();
    for name in dir.names().unwrap() {
        let wanted = dated(Entry { mode: 0o0741, ..read(&dir, &name) });
        let current = dir.stat(&name).unwrap();
        assert_eq!(dir.apply(&name, &wanted, Some(&current), &owners, ALL), [""; 0]);
        let got = read(&dir, &name);
        assert_eq!(got.mtime(), wanted.mtime(), "{name:?}");
        let mode = if got.kind == EntryKind::Symlink { current.entry.mode } else { 0o0741 };
        assert_eq!(got.mode, mode, "{name:?}");
    }
    let before = dir.stat(b"file").unwrap();
    let link = Entry { mode: 0o000, ..read(&dir, b"link") };
    dir.apply(b"link", &link, None, &owners, ALL);
    assert_eq!(dir.stat(b"file").unwrap(), before, "not through the link");

    let wanted = dated(Entry { mode: 0o1750, ..dir.stat_self().unwrap().entry });
    assert_eq!(dir.apply_self(&wanted, None, &owners, ALL), [""; 0]);
    assert_eq!(std::fs::metadata(folder.path()).unwrap().mode() & 0o7777, 0o1750);
    assert_eq!(dir.stat_self().unwrap().entry.mtime(), wanted.mtime());
}

#[test]
fn mode_is_not_set_through_a_link_that_took_the_place() {
    let (_folder, dir) = temporary();
    dir.create_file(b"file").unwrap();
    let before = dir.stat(b"file").unwrap();
    dir.create_symlink(b"link", b"file").unwrap();
    let lie = Entry { mode: 0o777, ..read(&dir, b"file") };
    dir.apply(b"link", &dated(lie), None, &Owners::new(), ALL);
    assert_eq!(dir.stat(b"file").unwrap(), before);
}

#[test]
fn an_open_file_gets_its_attributes_once() {
    let (_folder, dir) = temporary();
    let owners = Owners::new();
    let file = dir.create_file(b"file").unwrap();
    file.write_at(b"content", 0).unwrap();
    let wanted = dated(Entry { mode: 0o444, ..read(&dir, b"file") });
    assert_eq!(file.apply(&wanted, None, &owners, ALL), [""; 0]);
    let done = file.stat().unwrap();
    assert_eq!((done.entry.mode, done.entry.mtime()), (0o444, wanted.mtime()));
    assert_eq!(file.apply(&wanted, Some(&done), &owners, ALL), [""; 0]);
    assert_eq!(dir.apply(b"file", &wanted, None, &owners, ALL), [""; 0]);
    assert_eq!(file.stat().unwrap(), done, "not even the change time differs: nothing was set");
}

#[test]
fn access_time_stays() {
    let (folder, dir) = temporary();
    dir.create_file(b"file").unwrap();
    let accessed = || std::fs::metadata(folder.path().join("file")).unwrap().accessed().unwrap();
    let before = accessed();
    dir.apply(b"file", &dated(read(&dir, b"file")), None, &Owners::new(), ALL);
    assert_eq!(accessed(), before);
}

#[test]
fn owners_are_given_by_root_only() {
    let (_folder, dir) = temporary();
    let owners = Owners::new();
    let file = dir.create_file(b"file").unwrap();
    let ours = file.stat().unwrap().entry;
    let wanted = Entry { uid: 54_321, gid: 54_322, mode: 0o6755, ..ours.clone() };
    assert_eq!(file.apply(&wanted, None, &owners, ALL), [""; 0], "what is not permitted is no problem");
    let got = file.stat().unwrap().entry;
    if is_root() {
        assert_eq!((got.uid, got.gid, got.mode), (54_321, 54_322, 0o6755));
        let wanted = Entry { uid: 54_323, ..wanted.clone() };
        assert_eq!(dir.apply(b"file", &wanted, None, &owners, ALL), [""; 0]);
        assert_eq!(file.stat().unwrap().entry.mode, 0o6755, "set again, for the system takes it away");
    } else {
        assert_eq!((got.uid, got.gid, got.mode), (ours.uid, ours.gid, 0o755), "not set-user-id to somebody else");
    }

    let file = dir.create_file(b"kept").unwrap();
    let kept = Attributes { owner: false, by_name: false, contents_only: false };
    assert_eq!(file.apply(&wanted, None, &owners, kept), [""; 0]);
    let got = file.stat().unwrap().entry;
    assert_eq!((got.uid, got.mode), (ours.uid, 0o755));
    if is_root() {
        let nobody = Entry { uid: u32::MAX, ..ours };
        assert_eq!(file.apply(&nobody, None, &owners, ALL).len(), 1);
    }
}

#[test]
fn owners_are_found_by_name() {
    let owners = Owners::new();
    let root = Entry { user: Some("root".into()), uid: 54_321, gid: 7, ..Entry::new(b"x".to_vec(), EntryKind::File) };
    assert_eq!(owners.wanted(&root, true), (0, 7));
    assert_eq!(owners.wanted(&root, false), (54_321, 7));
    let unknown = Entry { user: Some("no such user, surely".into()), ..root };
    assert_eq!(owners.wanted(&unknown, true), (54_321, 7));
}

#[test]
fn extended_attributes_round_trip() {
    let (_folder, dir) = temporary();
    let owners = Owners::new();
    if !has_xattrs(&dir) {
        return;
    }
    let file = dir.create_file(b"file").unwrap();
    let folder = dir.create_dir(b"folder").unwrap();
    let large = [7; 2000];
    let wanted = vec![xattr(b"user.a", b"\0\xff"), xattr(b"user.empty", b""), xattr(b"user.large", &large)];
    let entry = Entry { xattrs: Some(wanted.clone()), ..read(&dir, b"file") };
    assert_eq!(file.apply(&entry, None, &owners, ALL), [""; 0]);
    assert_eq!(folder.apply_self(&Entry { mode: 0o700, ..entry.clone() }, None, &owners, ALL), [""; 0]);
    assert_eq!(read(&dir, b"file").xattrs, Some(wanted.clone()));
    assert_eq!(read(&dir, b"folder").xattrs, Some(wanted));

    let done = file.stat().unwrap();
    assert_eq!(dir.apply(b"file", &entry, None, &owners, ALL), [""; 0]);
    assert_eq!(file.stat().unwrap(), done, "nothing was set again");

    let fewer = vec![xattr(b"user.a", b"other")];
    let entry = Entry { xattrs: Some(fewer.clone()), ..entry };
    assert_eq!(dir.apply(b"file", &entry, None, &owners, ALL), [""; 0]);
    assert_eq!(read(&dir, b"file").xattrs, Some(fewer));
    let none = Entry { xattrs: None, ..entry };
    assert_eq!(file.apply(&none, None, &owners, ALL), [""; 0]);
    assert_eq!(read(&dir, b"file").xattrs, None);
    let bad = Entry { xattrs: Some(vec![xattr(b"user.a\0b", b""), xattr(b"nonsense", b"")]), ..none };
    assert_eq!(file.apply(&bad, None, &owners, ALL).len(), 2);
}

#[test]
fn capabilities_are_for_the_recorded_owner() {
    let (_folder, dir) = temporary();
    let file = dir.create_file(b"file").unwrap();
    // Version 2, effective: net_bind_service.
    let value = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let capability = vec![xattr(b"security.capability", &value)];
    let entry = Entry { xattrs: Some(capability.clone()), uid: 54_321, mode: 0o755, ..read(&dir, b"file") };
    let kept = Attributes { owner: false, by_name: false, contents_only: false };
    file.apply(&entry, None, &Owners::new(), kept);
    assert_eq!(read(&dir, b"file").xattrs, None);
    if file.apply(&entry, None, &Owners::new(), ALL).is_empty() && is_root() {
        assert_eq!(read(&dir, b"file").xattrs, Some(capability), "set after the owner, which would take it away");
    }
}

#[test]
fn access_control_lists_are_extended_attributes() {
    let (_folder, dir) = temporary();
    // Version 2: owner rw-, user 54321 r--, group ---, mask r--, others ---.
    let mut list = vec![2, 0, 0, 0];
    for (tag, rights, id) in
        [(1u16, 6u16, u32::MAX), (2, 4, 54_321), (4, 0, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)]
    {
        list.extend(tag.to_le_bytes());
        list.extend(rights.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    let file = dir.create_file(b"file").unwrap();
    let wanted = vec![xattr(b"system.posix_acl_access", &list)];
    let entry = Entry { xattrs: Some(wanted.clone()), mode: 0o640, ..read(&dir, b"file") };
    match &file.apply(&entry, None, &Owners::new(), ALL)[..] {
        [] => {}
        problems => {
            assert!(problems[0].contains("system.posix_acl_access"), "{problems:?}");
            return; // This file system has no access control lists.
        }
    }
    let got = read(&dir, b"file");
    assert_eq!((got.xattrs, got.mode), (Some(wanted), 0o640));
    let without = Entry { xattrs: None, ..entry };
    assert_eq!(file.apply(&without, None, &Owners::new(), ALL), [""; 0]);
    let got = read(&dir, b"file");
    assert_eq!((got.xattrs, got.mode), (None, 0o640));
}

#[test]
fn a_new_file_does_not_keep_what_it_inherited() {
    let (_folder, dir) = temporary();
    let parent = dir.create_dir(b"parent").unwrap();
    let mut list = vec![2, 0, 0, 0];
    for (tag, rights, id) in
        [(1u16, 7u16, u32::MAX), (2, 7, 54_321), (4, 5, u32::MAX), (16, 7, u32::MAX), (32, 5, u32::MAX)]
    {
        list.extend(tag.to_le_bytes());
        list.extend(rights.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    let default = Entry { xattrs: Some(vec![xattr(b"system.posix_acl_default", &list)]), ..read(&dir, b"parent") };
    if !parent.apply_self(&default, None, &Owners::new(), ALL).is_empty() {
        return; // This file system has no access control lists.
    }
    let file = parent.create_file(b"file").unwrap();
    let wanted = Entry { mode: 0o644, xattrs: None, ..read(&parent, b"file") };
    assert_eq!(file.apply(&wanted, None, &Owners::new(), ALL), [""; 0]);
    let got = read(&parent, b"file");
    assert_eq!((got.xattrs, got.mode), (None, 0o644));
}

#[test]
fn too_many_attributes_are_left_out() {
    let (_folder, dir) = temporary();
    if !has_xattrs(&dir) {
        return;
    }
    dir.create_file(b"file").unwrap();
    let object = Object::Name(dir.fd.as_fd(), b"file");
    let xattrs = xattr::Xattrs::of(object).unwrap();
    let mut set = 0;
    while set <= limits::XATTRS {
        if xattrs.set(format!("user.{set}").as_bytes(), &[1; 60_000]).is_err() {
            return; // This file system has less room than that.
        }
        set += 60_000;
    }
    let mut stat = dir.stat(b"file").unwrap();
    let problems = dir.complete(b"file", &mut stat, &Owners::new()).unwrap();
    assert_eq!(problems.len(), 1);
    assert!(stat.entry.xattrs.unwrap().len() > 10);
}

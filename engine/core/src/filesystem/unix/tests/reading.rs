use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use repo_format::entry::{HardLink, Hole};

use super::*;

#[test]
fn stat_tells_every_kind() {
    let (folder, dir) = temporary();
    let path = folder.path();
    std::fs::write(path.join("file"), b"seven b").unwrap();
    set_mode(&path.join("file"), 0o4640);
    std::fs::create_dir(path.join("folder")).unwrap();
    symlink("nowhere", path.join("link")).unwrap();
    dir.create_fifo(b"fifo").unwrap();
    let _socket = UnixListener::bind(path.join("socket")).unwrap();

    let kinds: Vec<(Vec<u8>, EntryKind)> =
        dir.names().unwrap().into_iter().map(|name| (name.clone(), dir.stat(&name).unwrap().entry.kind)).collect();
    let expected = [
        (&b"fifo"[..], EntryKind::Fifo),
        (b"file", EntryKind::File),
        (b"folder", EntryKind::Directory),
        (b"link", EntryKind::Symlink),
        (b"socket", EntryKind::Socket),
    ];
    assert_eq!(kinds, expected.map(|(name, kind)| (name.to_vec(), kind)));

    let stat = dir.stat(b"file").unwrap();
    let truth = std::fs::metadata(path.join("file")).unwrap();
    assert_eq!(stat.entry.name.0, b"file");
    assert_eq!((stat.entry.mode, stat.entry.size, stat.links), (0o4640, 7, 1));
    assert_eq!((stat.entry.uid, stat.entry.gid), (truth.uid(), truth.gid()));
    assert_eq!(
        (stat.entry.mtime_seconds, i64::from(stat.entry.mtime_nanoseconds)),
        (truth.mtime(), truth.mtime_nsec())
    );
    assert_eq!(
        (stat.entry.ctime_seconds, i64::from(stat.entry.ctime_nanoseconds)),
        (truth.ctime(), truth.ctime_nsec())
    );
    assert_eq!((stat.entry.inode, stat.device, stat.blocks), (truth.ino(), truth.dev(), truth.blocks()));
    assert_eq!((dir.stat(b"folder").unwrap().entry.size, dir.stat(b"link").unwrap().entry.size), (0, 0));
    assert_eq!(dir.stat_self().unwrap().entry.inode, std::fs::metadata(path).unwrap().ino());
    assert_eq!(dir.stat(b"missing").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn stat_tells_the_number_of_a_device() {
    let dev = Dir::open(Path::new("/dev")).unwrap();
    let entry = dev.stat(b"null").unwrap().entry;
    assert_eq!(entry.kind, EntryKind::CharDevice);
    #[cfg(target_os = "linux")]
    assert_eq!(entry.device, Some(Device { major: 1, minor: 3 }));
}

#[test]
fn names_must_be_single_names() {
    let (_folder, dir) = temporary();
    for name in [&b""[..], b".", b"..", b"a/b", b"/", b"../x", b"/etc/passwd", b"a\0b", b"a/"] {
        let failed = [
            dir.stat(name).err(),
            dir.open_dir(name).err(),
            dir.open_file(name).err(),
            dir.open_existing(name).err(),
            dir.create_dir(name).err(),
            dir.create_file(name).err(),
            dir.create_symlink(name, b"target").err(),
            dir.create_hard_link(name, &dir, b"x").err(),
            dir.create_hard_link(b"x", &dir, name).err(),
            dir.create_fifo(name).err(),
            dir.rename(name, b"x").err(),
            dir.rename(b"x", name).err(),
            dir.remove(name).err(),
        ];
        for error in failed {
            assert_eq!(error.expect("refused").kind(), ErrorKind::InvalidInput, "{name:?}");
        }
    }
    assert!(dir.names().unwrap().is_empty());
}

#[test]
fn odd_and_long_names_work() {
    let (_folder, dir) = temporary();
    let names = [vec![0xff, 0xfe, b'\n'], vec![b'n'; 255], b" -rf *".to_vec(), b"\x01\x7f".to_vec(), b"...".to_vec()];
    for name in &names {
        dir.create_file(name).unwrap().write_at(name, 0).unwrap();
        let mut buffer = [0; 300];
        let len = dir.open_file(name).unwrap().read_at(&mut buffer, 0).unwrap();
        assert_eq!(&buffer[..len], name);
    }
    let mut sorted = names.to_vec();
    sorted.sort();
    assert_eq!(dir.names().unwrap(), sorted);
    assert_eq!(dir.create_file(&[b'n'; 256]).unwrap_err().raw_os_error(), Some(Errno::NAMETOOLONG.raw_os_error()));
}

#[test]
fn names_lists_a_hundred_thousand_and_again() {
    let (_folder, dir) = temporary();
    // Further names of a file are faster to make than files, but file systems allow it only some.
    let mut expected = Vec::new();
    for file in 0..100 {
        let first = format!("{file}");
        dir.create_file(first.as_bytes()).unwrap();
        for link in 1..1000 {
            let name = format!("{file} {link}");
            dir.create_hard_link(name.as_bytes(), &dir, first.as_bytes()).unwrap();
            expected.push(name.into_bytes());
        }
        expected.push(first.into_bytes());
    }
    expected.sort();
    let started = Instant::now();
    assert_eq!(dir.names().unwrap(), expected);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(dir.names().unwrap().len(), expected.len(), "a second listing begins anew");
}

#[test]
fn links_to_folders_are_not_entered() {
    let (folder, dir) = temporary();
    std::fs::create_dir(folder.path().join("real")).unwrap();
    symlink("real", folder.path().join("link")).unwrap();
    assert_eq!(dir.open_dir(b"link").unwrap_err().kind(), ErrorKind::NotADirectory);
    assert_eq!(dir.create_dir(b"link").unwrap_err().kind(), ErrorKind::NotADirectory);
    dir.open_dir(b"real").unwrap();
    Dir::open(&folder.path().join("link")).expect("what the user names is followed");
}

#[test]
fn only_files_are_opened_and_nothing_blocks() {
    let (folder, dir) = temporary();
    std::fs::write(folder.path().join("file"), b"").unwrap();
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    symlink("file", folder.path().join("link")).unwrap();
    let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
    dir.create_fifo(b"fifo").unwrap();
    dir.open_file(b"file").unwrap();
    dir.open_existing(b"file").unwrap();
    for name in [&b"folder"[..], b"link", b"socket", b"fifo"] {
        assert_eq!(dir.open_file(name).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(dir.open_existing(name).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(dir.open_file(b"missing").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn reading_leaves_the_access_time() {
    let (folder, dir) = temporary();
    let path = folder.path().join("file");
    std::fs::write(&path, b"content").unwrap();
    let old = std::time::UNIX_EPOCH + Duration::from_secs(1);
    let times = std::fs::FileTimes::new().set_accessed(old);
    std::fs::File::options().write(true).open(&path).unwrap().set_times(times).unwrap();
    let file = dir.open_file(b"file").unwrap();
    assert_eq!(file.read_at(&mut [0; 7], 0).unwrap(), 7);
    assert_eq!(file.read_at(&mut [0; 7], 5).unwrap(), 2);
    assert_eq!(file.read_at(&mut [0; 7], 7).unwrap(), 0);
    assert_eq!(file.stat().unwrap().entry.size, 7);
    if cfg!(target_os = "linux") {
        assert_eq!(std::fs::metadata(&path).unwrap().accessed().unwrap(), old);
    }
}

#[test]
fn holes_are_found() {
    const MIB: u64 = 1 << 20;
    let (_folder, dir) = temporary();
    let target = dir.create_file(b"sparse").unwrap();
    for offset in [MIB, 3 * MIB, 7 * MIB] {
        target.write_at(&[1; 65_536], offset).unwrap();
    }
    target.set_len(8 * MIB).unwrap();
    let file = dir.open_file(b"sparse").unwrap();
    let stat = file.stat().unwrap();
    let all = file.holes(8 * MIB, 100).unwrap();
    if !stat.may_have_holes() || all.is_empty() {
        return; // This file system has none.
    }
    let hole = |offset, end| Hole { offset, len: end - offset };
    let expected =
        [hole(0, MIB), hole(MIB + 65_536, 3 * MIB), hole(3 * MIB + 65_536, 7 * MIB), hole(7 * MIB + 65_536, 8 * MIB)];
    assert_eq!(all, expected);
    assert_eq!(file.holes(8 * MIB, 2).unwrap(), expected[1..3], "the largest, in order");
    assert_eq!(file.holes(4 * MIB, 100).unwrap()[2], hole(3 * MIB + 65_536, 4 * MIB), "not beyond the size");
    assert!(file.holes(8 * MIB, 0).unwrap().is_empty());
    assert!(file.holes(0, 100).unwrap().is_empty());

    target.set_len(MIB / 2).unwrap();
    assert_eq!(file.holes(8 * MIB, 100).unwrap().len(), 1, "it was cut off meanwhile");
    dir.create_file(b"empty").unwrap();
    assert!(dir.open_file(b"empty").unwrap().holes(100, 100).unwrap().is_empty());
    let full = dir.create_file(b"full").unwrap();
    full.write_at(&[1; 10_000], 0).unwrap();
    assert!(dir.open_file(b"full").unwrap().holes(10_000, 100).unwrap().is_empty());
}

#[test]
fn complete_fills_in_the_rest() {
    let (folder, dir) = temporary();
    let owners = Owners::new();
    dir.create_file(b"file").unwrap();
    dir.create_hard_link(b"name", &dir, b"file").unwrap();
    dir.create_symlink(b"link", b"../\xff elsewhere").unwrap();

    let mut stat = dir.stat(b"name").unwrap();
    assert!(dir.complete(b"name", &mut stat, &owners).unwrap().is_empty());
    assert_eq!(stat.entry.hard_link, Some(HardLink { device: stat.device, inode: stat.entry.inode }));
    assert_eq!(stat.entry.inode, dir.stat(b"file").unwrap().entry.inode);
    if is_root() {
        assert_eq!((stat.entry.user.as_deref(), stat.entry.uid), (Some("root"), 0));
        assert_eq!((owners.uid("root"), owners.user(0).as_deref()), (Some(0), Some("root")));
    }
    assert_eq!(owners.gid("no such group, surely"), None);
    assert_eq!(owners.user(3_999_999_999), None);

    let mut stat = dir.stat(b"link").unwrap();
    assert!(dir.complete(b"link", &mut stat, &owners).unwrap().is_empty());
    assert_eq!(stat.entry.link_target.clone().unwrap().0, b"../\xff elsewhere");
    std::fs::remove_file(folder.path().join("link")).unwrap();
    assert_eq!(dir.complete(b"link", &mut stat, &owners).unwrap_err().kind(), ErrorKind::NotFound);

    let mut stat = dir.stat_self().unwrap();
    assert!(dir.complete_self(&mut stat, &owners).is_empty());
    assert_eq!(stat.entry.hard_link, None, "folders have none, whatever their link count");
}

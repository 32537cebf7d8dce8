//! Saved files come back as they were.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use engine::files::backup::{BackupOptions, Source, Trust, backup as run_backup};
use engine::files::restore::RestoreOptions;
use engine::monitor::NullMonitor;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Timespec, Timestamps, XattrFlags};

use crate::support::{
    Fixture, assert_same, backup, backup_options, backup_paths, by_id, is_root, look, noise, options_without_parent,
    prose, restore_over, skip, verify_all,
};

/// Backs up `folder`, restores it elsewhere, compares, and verifies.
#[track_caller]
fn assert_round_trip(fixture: &Fixture, folder: &Path) {
    let repository = fixture.open();
    let before = look(folder);
    let (snapshot, _) = backup(&repository, folder);
    fixture.assert_restores(&fixture.open_anew(), snapshot, &before);
    verify_all(&repository);
}

fn set_mtime(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds as _ };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_empty_folder_comes_back() {
    let fixture = Fixture::new();
    assert_round_trip(&fixture, &fixture.folder("empty"));
}

#[test]
fn folders_in_folders_come_back_empty_or_not() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    fs::create_dir_all(root.join("a/b/c")).unwrap();
    fs::create_dir_all(root.join("a/empty")).unwrap();
    fs::write(root.join("a/b/file"), b"x").unwrap();
    assert_round_trip(&fixture, &root);
}

#[test]
fn files_around_every_boundary_come_back() {
    const KIB: usize = 1024;
    const MIB: usize = 1024 * KIB;
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let edges = [200, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB];
    let mut sizes: Vec<usize> = edges.iter().flat_map(|edge| [edge - 1, *edge, edge + 1]).collect();
    sizes.extend([0, 1, 30 * MIB]);
    for (seed, size) in (0..).zip(sizes) {
        let bytes = if size > 5 * MIB { prose(seed, size) } else { noise(seed, size) };
        fs::write(root.join(format!("{size}")), bytes).unwrap();
    }
    assert_round_trip(&fixture, &root);
}

#[test]
fn the_same_sizes_come_back_with_every_profile() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    for (seed, name) in (0..).zip(["dump.sql", "scan.jpg", "text.txt"]) {
        fs::write(root.join(name), noise(seed, 5 << 20)).unwrap();
        fs::write(root.join(format!("0 {name}")), vec![0; 5 << 20]).unwrap();
    }
    assert_round_trip(&fixture, &root);
}

#[test]
fn modes_come_back() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    for mode in [0o400, 0o444, 0o600, 0o644, 0o755, 0o777, 0o4755, 0o2755, 0o1777, 0o700] {
        let path = root.join(format!("file {mode:o}"));
        fs::write(&path, b"x").unwrap();
        chmod(&path, mode);
        let path = root.join(format!("folder {mode:o}"));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("in it"), b"y").unwrap();
        // A folder that its owner may not enter or change could not be looked at or removed by the test.
        chmod(&path, mode | 0o700);
    }
    assert_round_trip(&fixture, &root);
}

#[test]
fn modification_times_come_back_to_the_nanosecond() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let times = [(0, 0), (1, 1), (1_234_567_890, 123_456_789), (1_600_000_000, 999_999_999), (-1, 500_000_000)];
    for (number, (seconds, nanoseconds)) in times.into_iter().enumerate() {
        let file = root.join(format!("file {number}"));
        fs::write(&file, b"x").unwrap();
        let folder = root.join(format!("folder {number}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("in it"), b"x").unwrap();
        let link = root.join(format!("link {number}"));
        symlink("nowhere", &link).unwrap();
        for path in [&file, &folder, &link] {
            set_mtime(path, seconds, nanoseconds);
        }
    }
    set_mtime(&root, 1_000_000_000, 7);
    assert_round_trip(&fixture, &root);
}

#[test]
fn owners_come_back_where_that_is_permitted() {
    if !is_root() {
        return skip("owners: only root can give files away");
    }
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    for name in ["file", "folder", "link"] {
        let path = root.join(name);
        match name {
            "file" => fs::write(&path, b"x").unwrap(),
            "folder" => fs::create_dir(&path).unwrap(),
            _ => symlink("nowhere", &path).unwrap(),
        }
        std::os::unix::fs::lchown(&path, Some(54_321), Some(12_345)).unwrap();
    }
    chmod(&root.join("file"), 0o6755);
    assert_round_trip(&fixture, &root);
}

#[test]
fn extended_attributes_come_back() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    fs::write(root.join("file"), b"x").unwrap();
    fs::create_dir(root.join("folder")).unwrap();
    for path in [root.join("file"), root.join("folder"), root.clone()] {
        for (name, value) in [("user.short", &b"v"[..]), ("user.empty", b""), ("user.bytes", b"\0\xff\n")] {
            match rustix::fs::lsetxattr(&path, name, value, XattrFlags::empty()) {
                Err(rustix::io::Errno::NOTSUP) => return skip("extended attributes: this file system has none"),
                set => set.unwrap(),
            }
        }
    }
    assert_round_trip(&fixture, &root);
}

#[test]
fn symbolic_links_come_back_and_are_not_followed() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let outside = fixture.folder("outside");
    fs::write(outside.join("secret"), b"x").unwrap();
    symlink(&outside, root.join("out")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink(OsStr::from_bytes(b"\xff\xfe not UTF-8"), root.join("bytes")).unwrap();
    symlink("x".repeat(3000), root.join("long")).unwrap();
    assert_round_trip(&fixture, &root);
}

#[test]
fn hard_links_come_back_as_one_file() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    fs::create_dir_all(root.join("z/deep")).unwrap();
    for (name, size) in [("empty", 0), ("small", 10), ("middle", 300_000), ("large", 20 << 20)] {
        fs::write(root.join(name), noise(1, size)).unwrap();
        fs::hard_link(root.join(name), root.join(format!("z/deep/{name}"))).unwrap();
        fs::hard_link(root.join(name), root.join(format!("another {name}"))).unwrap();
    }
    // Its other name is not in the backup.
    let outside = fixture.folder("outside");
    fs::write(outside.join("f"), b"f").unwrap();
    fs::hard_link(outside.join("f"), root.join("one of two")).unwrap();
    let before = look(&root);
    assert_eq!(before[&b"z/deep/small".to_vec()].group, before[&b"small".to_vec()].group);
    assert_round_trip(&fixture, &root);
}

#[test]
fn sparse_files_come_back_with_their_holes() {
    type Data = &'static [(u64, usize)];
    const MIB: u64 = 1 << 20;
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    // Name, size, and where there is data: pairs of offset and length.
    let layouts: [(&str, u64, Data); 5] = [
        ("only a hole", 10 * MIB, &[]),
        ("hole first", 10 * MIB, &[(9 * MIB, 1 << 20)]),
        ("hole last", 10 * MIB, &[(0, 1 << 20)]),
        ("hole inside", 20 * MIB, &[(0, 100_000), (19 * MIB, 1 << 20)]),
        ("many", 40 * MIB, &[(4096, 4096), (MIB, 4096), (5 * MIB, 3 << 20), (30 * MIB, 1 << 19)]),
    ];
    for (name, size, data) in layouts {
        let file = File::create(root.join(name)).unwrap();
        file.set_len(size).unwrap();
        for (offset, len) in data {
            file.write_all_at(&noise(*offset, *len), *offset).unwrap();
        }
    }
    if fs::metadata(root.join("only a hole")).unwrap().blocks() > 1000 {
        return skip("sparse files: this file system has none");
    }
    assert_round_trip(&fixture, &root);
}

#[test]
fn a_file_that_is_almost_only_a_hole_is_quick() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let file = File::create(root.join("huge")).unwrap();
    file.set_len(1 << 40).unwrap();
    file.write_all_at(b"here", 1 << 39).unwrap();
    if file.metadata().unwrap().blocks() > 1 << 20 {
        return skip("sparse files: this file system has none");
    }
    let repository = fixture.open();
    let (snapshot, outcome) = backup(&repository, &root);
    assert!(outcome.statistics.read_bytes < 1 << 20, "{:?}", outcome.statistics);
    let (target, outcome) = fixture.restore(&repository, snapshot, "root");
    assert_eq!(outcome.problem_count, 0);
    let restored = File::open(target.join("huge")).unwrap();
    assert_eq!(restored.metadata().unwrap().len(), 1 << 40);
    assert!(restored.metadata().unwrap().blocks() < 1000);
    let mut bytes = [0; 6];
    restored.read_exact_at(&mut bytes, (1 << 39) - 1).unwrap();
    assert_eq!(&bytes, b"\0here\0");
}

#[test]
fn fifos_and_sockets_are_looked_at_but_not_opened() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    rustix::fs::mknodat(CWD, root.join("fifo"), FileType::Fifo, Mode::from_raw_mode(0o640), 0).unwrap();
    let before = look(&root);
    let (snapshot, outcome) = backup(&fixture.open(), &root);
    assert_eq!(outcome.statistics.others, 1);
    fixture.assert_restores(&fixture.open(), snapshot, &before);

    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let (snapshot, _) = backup(&fixture.open(), &root);
    let (target, outcome) = fixture.restore(&fixture.open(), snapshot, "root");
    assert_eq!(outcome.problem_count, 1, "{:?}", outcome.problems);
    assert!(outcome.problems[0].message.contains("socket"), "{:?}", outcome.problems);
    assert!(target.join("fifo").exists() && !target.join("socket").exists());
}

#[test]
fn devices_come_back_for_root() {
    if !is_root() {
        return skip("devices: only root can make them");
    }
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let mode = Mode::from_raw_mode(0o600);
    for (name, kind, number) in [("null", FileType::CharacterDevice, (1, 3)), ("disk", FileType::BlockDevice, (7, 99))]
    {
        let device = rustix::fs::makedev(number.0, number.1);
        if let Err(error) = rustix::fs::mknodat(CWD, root.join(name), kind, mode, device) {
            return skip(&format!("devices: root may not make them here: {error}"));
        }
    }
    assert_round_trip(&fixture, &root);
}

#[test]
fn names_of_any_bytes_and_length_come_back() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let mut names: Vec<Vec<u8>> = vec![b"\xff\xfe".to_vec(), vec![b'n'; 255], b" ".to_vec(), b"...".to_vec()];
    names.extend([b"line\nbreak".to_vec(), b"-rf".to_vec(), b"*".to_vec(), "\u{e4}".as_bytes().to_vec()]);
    names.push("a\u{308}".as_bytes().to_vec());
    names.extend((1..=255u8).filter(|b| !matches!(b, b'/' | b'.')).map(|b| vec![b]));
    names.push(vec![0x80; 255]);
    names.sort();
    names.dedup();
    for name in names {
        let name = OsStr::from_bytes(&name);
        fs::write(root.join(name), name.as_bytes()).unwrap();
    }
    let folder = root.join(OsStr::from_bytes(&[vec![0xf0], vec![b'd'; 254]].concat()));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("x"), b"x").unwrap();
    assert_round_trip(&fixture, &root);
}

#[test]
fn a_tree_1500_folders_deep_comes_back() {
    const DEPTH: usize = 1500;
    const NAME: &str = "a folder whose path is longer than the system takes";
    let open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let mut at = rustix::fs::open(&root, open, Mode::empty()).unwrap();
    for _ in 0..DEPTH {
        rustix::fs::mkdirat(&at, NAME, Mode::RWXU).unwrap();
        at = rustix::fs::openat(&at, NAME, open, Mode::empty()).unwrap();
    }
    let create = OFlags::WRONLY | OFlags::CREATE;
    rustix::io::write(rustix::fs::openat(&at, "file", create, Mode::RUSR).unwrap(), b"deep").unwrap();

    let repository = fixture.open();
    let (snapshot, outcome) = backup(&repository, &root);
    assert_eq!(outcome.statistics.directories, DEPTH as u64 + 1);
    let (target, outcome) = fixture.restore(&repository, snapshot, "root");
    assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
    let mut at = rustix::fs::open(&target, open, Mode::empty()).unwrap();
    for _ in 0..DEPTH {
        at = rustix::fs::openat(&at, NAME, open, Mode::empty()).unwrap();
    }
    let mut bytes = Vec::new();
    File::from(rustix::fs::openat(&at, "file", OFlags::RDONLY, Mode::empty()).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    assert_eq!(bytes, b"deep");
    verify_all(&repository);

    // Removing it all again, by restoring an empty folder over it.
    let (empty, _) = backup(&repository, &fixture.folder("root"));
    let options = RestoreOptions { path: b"root".to_vec(), delete: true, ..RestoreOptions::default() };
    let outcome = restore_over(&repository, empty, &target, &options);
    assert_eq!((outcome.deleted_entries, outcome.problem_count), (DEPTH as u64 + 1, 0));
}

#[test]
fn a_folder_with_100_000_entries_comes_back() {
    const COUNT: usize = 100_000;
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    for number in 0..COUNT {
        File::create(root.join(format!("{number}"))).unwrap();
    }
    let repository = fixture.open();
    let (snapshot, outcome) = backup(&repository, &root);
    assert_eq!(outcome.statistics.files, COUNT as u64);
    let (target, outcome) = fixture.restore(&repository, snapshot, "root");
    assert_eq!((outcome.files, outcome.problem_count), (COUNT as u64, 0));
    assert_eq!(fs::read_dir(&target).unwrap().count(), COUNT);
    assert!(target.join("99999").exists());

    // One more file changes few nodes.
    File::create(root.join("50000a")).unwrap();
    let (_, outcome) = backup(&repository, &root);
    assert_eq!(outcome.statistics.new_files, 1);
}

#[test]
fn roots_of_the_same_name_are_numbered() {
    let fixture = Fixture::new();
    let (first, second, third) = (fixture.folder("A"), fixture.folder("A"), fixture.folder("A"));
    for (number, root) in [&first, &second, &third].into_iter().enumerate() {
        fs::write(root.join("which"), format!("{number}")).unwrap();
    }
    let repository = fixture.open();
    let outcome =
        backup_paths(&repository, &[&first, &second, &third, &second], &backup_options(), &NullMonitor).unwrap();
    let snapshot = outcome.snapshot.unwrap();
    let names: Vec<_> = by_id(&repository, snapshot).manifest.roots.into_iter().map(|root| root.name.0).collect();
    assert_eq!(names, [b"A".to_vec(), b"A~2".to_vec(), b"A~3".to_vec()], "a root that is named twice is saved once");
    let (target, _) = fixture.restore(&repository, snapshot, "");
    for (name, number) in [("A", "0"), ("A~2", "1"), ("A~3", "2")] {
        assert_eq!(fs::read_to_string(target.join(name).join("which")).unwrap(), number);
    }
    // By the path where it was, too.
    let (target, _) = fixture.restore(&repository, snapshot, second.to_str().unwrap());
    assert_eq!(fs::read_to_string(target.join("which")).unwrap(), "1");
}

#[test]
fn a_single_file_is_a_root() {
    let fixture = Fixture::new();
    let folder = fixture.folder("folder");
    let file = folder.join("file");
    fs::write(&file, prose(1, 100_000)).unwrap();
    set_mtime(&file, 1_000_000_000, 5);
    fs::write(folder.join("another"), b"not saved").unwrap();
    let repository = fixture.open();
    let (snapshot, outcome) = backup(&repository, &file);
    assert_eq!((outcome.statistics.files, outcome.statistics.directories), (1, 0));
    let (target, outcome) = fixture.restore(&repository, snapshot, "file");
    assert_eq!((outcome.files, outcome.problem_count), (1, 0));
    let (mut expected, mut found) = (look(&folder), look(&target));
    expected.remove(&b"another"[..]);
    expected.remove(&b""[..]);
    found.remove(&b""[..]);
    assert_same(&expected, &found);
}

#[test]
fn a_link_to_a_folder_is_followed_when_it_is_a_root() {
    let fixture = Fixture::new();
    let folder = fixture.folder("folder");
    fs::write(folder.join("x"), b"x").unwrap();
    let link = fixture.free_path("link");
    symlink(&folder, &link).unwrap();
    let repository = fixture.open();
    let (snapshot, _) = backup(&repository, &link);
    fixture.assert_restores(&repository, snapshot, &look(&folder));
}

#[test]
fn streams_come_back_as_files() {
    let fixture = Fixture::new();
    let folder = fixture.folder("folder");
    fs::write(folder.join("x"), b"x").unwrap();
    let repository = fixture.open();
    let sizes = [("short", 100), ("edge", 4 << 20), ("long", (9 << 20) + 1)];
    let mut sources: Vec<_> = sizes
        .iter()
        .map(|(name, size)| Source::Stream {
            name: name.as_bytes().to_vec(),
            reader: Box::new(std::io::Cursor::new(noise(3, *size))),
        })
        .collect();
    sources.push(Source::Path(folder));
    let outcome = run_backup(&repository, sources, &backup_options(), &NullMonitor).unwrap();
    assert_eq!(outcome.problem_count, 0);
    let (target, _) = fixture.restore(&repository, outcome.snapshot.unwrap(), "");
    for (name, size) in sizes {
        assert!(fs::read(target.join(name)).unwrap() == noise(3, size), "{name}");
    }
    assert_eq!(fs::read(target.join("folder/x")).unwrap(), b"x");
    verify_all(&repository);
}

#[test]
fn a_source_that_is_not_there_is_an_error_and_leaves_no_snapshot() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let error =
        backup_paths(&repository, &[Path::new("/no/such/folder")], &backup_options(), &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), engine::ErrorKind::NotFound);
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
    assert!(repository.snapshot_names().unwrap().is_empty());
}

/// A folder whose files are old enough to be taken as unchanged: those that this package is made from.
fn old_folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../repo-format/tests/golden"))
}

#[test]
fn a_second_backup_of_unchanged_data_reads_nothing_and_adds_no_pack() {
    for trust in [Trust::Inode, Trust::SizeAndTime] {
        let fixture = Fixture::new();
        let options = BackupOptions { trust, ..backup_options() };
        let repository = fixture.open();
        let first = backup_paths(&repository, &[old_folder()], &options, &NullMonitor).unwrap();
        let packs = repository.list_packs().unwrap();
        // Also on a machine that knows nothing.
        for repository in [fixture.open(), fixture.open_anew()] {
            let again = backup_paths(&repository, &[old_folder()], &options, &NullMonitor).unwrap();
            assert!(again.parent.is_some());
            assert_eq!(again.statistics.unchanged_files, first.statistics.files);
            assert_eq!((again.statistics.read_bytes, again.statistics.new_chunks), (0, 0));
            assert_eq!(repository.list_packs().unwrap(), packs);
            fixture.assert_restores(&repository, again.snapshot.unwrap(), &look(old_folder()));
        }
        let without = BackupOptions { trust, ..options_without_parent() };
        let again = backup_paths(&repository, &[old_folder()], &without, &NullMonitor).unwrap();
        assert_eq!((again.parent, again.statistics.unchanged_files), (None, 0));
        assert_eq!(again.statistics.read_bytes, first.statistics.read_bytes, "without a parent all is read");
        assert_eq!(again.statistics.new_chunks, 0, "and nothing is stored twice");
        assert_eq!(repository.list_packs().unwrap(), packs);
        verify_all(&repository);
    }
}

#[test]
fn another_host_has_no_parent() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    backup(&repository, old_folder());
    let options = BackupOptions { host: "another".to_owned(), ..backup_options() };
    let outcome = backup_paths(&repository, &[old_folder()], &options, &NullMonitor).unwrap();
    assert_eq!(outcome.parent, None);
    assert_eq!(outcome.statistics.new_bytes, 0);
}

#[test]
fn one_changed_byte_of_a_large_file_adds_little() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    fs::write(root.join("large"), noise(1, 20 << 20)).unwrap();
    let repository = fixture.open();
    backup(&repository, &root);
    OpenOptions::new().write(true).open(root.join("large")).unwrap().write_all_at(b"!", 10 << 20).unwrap();
    let before = look(&root);
    let (snapshot, outcome) = backup(&repository, &root);
    assert!(outcome.statistics.new_bytes < 3 << 20, "{:?}", outcome.statistics);
    fixture.assert_restores(&repository, snapshot, &before);
}

#[test]
fn an_inserted_byte_adds_little() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    let mut bytes = noise(1, 20 << 20);
    fs::write(root.join("large"), &bytes).unwrap();
    let repository = fixture.open();
    backup(&repository, &root);
    bytes.insert(1000, b'!');
    fs::write(root.join("large"), &bytes).unwrap();
    let (_, outcome) = backup(&repository, &root);
    assert!(outcome.statistics.new_bytes < 3 << 20, "{:?}", outcome.statistics);
}

#[test]
fn the_same_content_under_many_names_is_stored_once() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    for number in 0..20 {
        fs::write(root.join(format!("{number}")), noise(1, 1 << 20)).unwrap();
    }
    let (_, outcome) = backup(&fixture.open(), &root);
    assert_eq!(outcome.statistics.total_bytes, 20 << 20);
    assert!(outcome.statistics.new_bytes < (1 << 20) + 100_000, "{:?}", outcome.statistics);
}

#[test]
fn a_dry_run_writes_nothing_and_says_how_much_it_would() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    fs::write(root.join("file"), noise(1, 3 << 20)).unwrap();
    let repository = fixture.open();
    let names = |fixture: &Fixture| {
        let mut names = Vec::new();
        for folder in engine::store::Folder::ALL {
            let mut found = |info: engine::store::ObjectInfo| {
                names.push(info.name);
                Ok(())
            };
            fixture.store.list(folder, &mut found, &mut |_| {}).unwrap();
        }
        names
    };
    let before = names(&fixture);
    let options = BackupOptions { dry_run: true, ..backup_options() };
    let outcome = backup_paths(&repository, &[&root], &options, &NullMonitor).unwrap();
    assert_eq!(outcome.snapshot, None);
    assert!(outcome.statistics.stored_bytes > 3 << 20);
    assert_eq!(names(&fixture), before);
}

#[test]
fn what_is_excluded_is_left_out() {
    let fixture = Fixture::new();
    let root = fixture.folder("root");
    fs::create_dir_all(root.join("keep/cache")).unwrap();
    fs::create_dir_all(root.join("node_modules/x")).unwrap();
    for name in ["a.tmp", "b.txt", "keep/c.tmp", "keep/d", "keep/cache/e", "node_modules/x/f"] {
        fs::write(root.join(name), name).unwrap();
    }
    fs::write(root.join("keep/cache/CACHEDIR.TAG"), b"Signature: 8a477f597d28d172789f06886806bc55").unwrap();
    let mut options = backup_options();
    options.exclude.patterns = vec!["*.tmp".to_owned(), "node_modules/".to_owned(), "!keep/c.tmp".to_owned()];
    options.exclude.caches = true;
    let repository = fixture.open();
    let outcome = backup_paths(&repository, &[&root], &options, &NullMonitor).unwrap();
    let (target, _) = fixture.restore(&repository, outcome.snapshot.unwrap(), "root");
    let found: Vec<_> = look(&target).into_keys().map(|path| String::from_utf8(path).unwrap()).collect();
    assert_eq!(found, ["", "b.txt", "keep", "keep/c.tmp", "keep/cache", "keep/cache/CACHEDIR.TAG", "keep/d"]);
}

#[test]
fn one_file_system_keeps_mount_points_as_empty_folders() {
    // `/proc` is a mount point nearly everywhere; nothing of it may be read.
    let proc = Path::new("/proc");
    let (Ok(inside), Ok(outside)) = (fs::metadata(proc), fs::metadata("/")) else {
        return skip("one file system: there is no /proc");
    };
    if inside.dev() == outside.dev() {
        return skip("one file system: /proc is none of its own");
    }
    let fixture = Fixture::new();
    let mut options = BackupOptions { one_file_system: true, dry_run: true, ..backup_options() };
    // Only the mount point itself is left of the root of the file system.
    options.exclude.patterns = vec!["/*".to_owned(), "!/proc".to_owned()];
    let outcome = backup_paths(&fixture.open(), &[Path::new("/")], &options, &NullMonitor).unwrap();
    assert_eq!((outcome.statistics.directories, outcome.statistics.files), (2, 0), "{outcome:?}");
}

#[test]
fn a_repository_in_a_folder_can_be_moved_and_read_elsewhere() {
    let scratch = tempfile::tempdir().unwrap();
    let first = scratch.path().join("first");
    let fixture = Fixture::in_store(std::sync::Arc::new(engine::store::LocalStore::create(&first).unwrap()));
    let root = fixture.folder("root");
    fs::write(root.join("file"), prose(1, 3 << 20)).unwrap();
    fs::write(root.join("small"), b"small").unwrap();
    let before = look(&root);
    let (snapshot, _) = backup(&fixture.open(), &root);
    let second = scratch.path().join("second");
    fs::rename(&first, &second).unwrap();
    let fixture = fixture.through(std::sync::Arc::new(engine::store::LocalStore::open(&second).unwrap()));
    fixture.assert_restores(&fixture.open_anew(), snapshot, &before);
    fixture.assert_restores(&fixture.open(), snapshot, &before);
    verify_all(&fixture.open());
}

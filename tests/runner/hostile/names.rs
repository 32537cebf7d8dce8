//! Names, links and special files that try to lead out of the target.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink as make_symlink};

use engine::ErrorKind;
use repo_format::entry::{Device, EntryKind, HardLink};

use super::forge::{Attack, entry, inline, subfolder, symlink};

#[test]
fn names_that_are_no_names_are_refused() {
    let long = vec![b'x'; 5000];
    let names: [&[u8]; 12] = [
        b"..",
        b".",
        b"",
        b"/",
        b"/etc/passwd",
        b"a/b",
        b"../canary",
        b"../outside/canary",
        b"a\0b",
        b"\0",
        b"outside/",
        &long,
    ];
    for name in names {
        let attack = Attack::new();
        for kind in ["file", "folder", "link"] {
            let snapshot = attack.snapshot(|forge| {
                let inner = forge.folder(&[], &[inline("canary", b"dead")]);
                let evil = match kind {
                    "file" => inline(name, b"dead"),
                    "folder" => subfolder(name, Some(0)),
                    _ => symlink(name, &attack.outside()),
                };
                forge.folder(&[inner], &[evil])
            });
            attack.try_everything(&snapshot);
            let outcome = attack.restore(&snapshot).unwrap();
            assert_eq!((outcome.files, outcome.directories), (0, 0), "{name:?}");
            assert!(outcome.problem_count > 0, "{name:?}: a lost folder is named");
        }
    }
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    let attack = Attack::new();
    let orders: [[u8; 2]; 2] = [[0, 1], [1, 0]];
    for order in orders {
        let snapshot = attack.snapshot(|forge| {
            let inner = forge.folder(&[], &[inline("canary", b"dead")]);
            let both = [symlink("evil", &attack.outside()), subfolder("evil", Some(0))];
            let entries: Vec<_> = order.iter().map(|n| both[usize::from(*n)].clone()).collect();
            forge.folder(&[inner], &entries)
        });
        attack.try_everything(&snapshot);
        assert!(attack.restore(&snapshot).unwrap().problem_count > 0);
    }
}

#[test]
fn entries_out_of_order_are_refused_also_across_nodes() {
    let attack = Attack::new();
    let snapshot = attack.snapshot(|forge| {
        let inner = forge.folder(&[], &[inline("canary", b"dead")]);
        let first = forge.folder(&[], &[symlink("evil", &attack.outside()), inline("good", b"good")]);
        let second = forge.folder(&[inner], &[subfolder("evil", Some(0)), inline("z", b"z")]);
        // The second node says that it begins behind what it holds.
        let parts = minimal_parts(&[b"evil", b"good2"]);
        forge.node(&super::forge::node(2, 1, &[first, second], &parts))
    });
    attack.try_everything(&snapshot);
    let outcome = attack.restore(&snapshot).unwrap();
    assert!(outcome.problem_count > 0);
    assert_eq!(fs::read(attack.target().join("good")).unwrap(), b"good", "what is in order is there");
}

/// `[{0: name, 1: 1}, …]` in CBOR, for names below 24 bytes.
pub fn minimal_parts(names: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0x80 | u8::try_from(names.len()).unwrap()];
    for name in names {
        bytes.extend([0xa2, 0x00, 0x40 | u8::try_from(name.len()).unwrap()]);
        bytes.extend(*name);
        bytes.extend([0x01, 0x01]);
    }
    bytes
}

#[test]
fn a_link_of_one_restore_is_not_followed_by_the_next() {
    let attack = Attack::new();
    let link = attack.snapshot(|forge| forge.folder(&[], &[symlink("a", &attack.outside())]));
    let below = attack.snapshot(|forge| {
        let inner = forge.folder(&[], &[inline("canary", b"dead"), inline("new", b"dead")]);
        forge.folder(&[inner], &[subfolder("a", Some(0))])
    });
    let file = attack.snapshot(|forge| forge.folder(&[], &[inline("a", b"dead")]));
    assert_eq!(attack.restore(&link).unwrap().problem_count, 0);
    assert!(attack.target().join("a").is_symlink());
    assert_eq!(attack.restore(&below).unwrap().problem_count, 0);
    assert_eq!(fs::read(attack.target().join("a/canary")).unwrap(), b"dead");
    attack.restore(&link).unwrap();
    attack.restore(&file).unwrap();
    assert_eq!(fs::read(attack.target().join("a")).unwrap(), b"dead");
    assert!(!attack.target().join("a").is_symlink());
}

#[test]
fn attributes_of_a_link_stay_its_own() {
    let attack = Attack::new();
    let snapshot = attack.snapshot(|forge| {
        let mut link = symlink("a", &attack.outside().join("canary"));
        (link.mode, link.mtime_seconds) = (0o4777, 1);
        forge.folder(&[], &[link])
    });
    attack.try_everything(&snapshot);
}

#[test]
fn files_of_the_target_with_names_outside_are_not_written_into() {
    let attack = Attack::new();
    fs::create_dir(attack.target()).unwrap();
    make_symlink(attack.outside().join("canary"), attack.target().join("link")).unwrap();
    make_symlink(attack.outside(), attack.target().join("folder")).unwrap();
    // A second name changes what `assert_untouched` sees of the canary, so it has a file of its own.
    let own = attack.folder.path().join("source");
    fs::write(&own, b"alive").unwrap();
    fs::hard_link(&own, attack.target().join("hard")).unwrap();
    let snapshot = attack.snapshot(|forge| {
        let inner = forge.folder(&[], &[inline("canary", b"dead")]);
        forge.folder(&[inner], &[subfolder("folder", Some(0)), inline("hard", b"dead!"), inline("link", b"dead!")])
    });
    assert_eq!(attack.restore(&snapshot).unwrap().problem_count, 0);
    assert_eq!(fs::read(own).unwrap(), b"alive");
    assert_eq!(fs::read(attack.target().join("hard")).unwrap(), b"dead!");
}

#[test]
fn identities_of_links_and_devices_do_not_make_hard_links_to_them() {
    let attack = Attack::new();
    let identity = Some(HardLink { device: 1, inode: 1 });
    let snapshot = attack.snapshot(|forge| {
        let mut link = symlink("a", &attack.outside().join("canary"));
        link.hard_link = identity;
        let mut device = entry("b", EntryKind::CharDevice);
        (device.hard_link, device.device) = (identity, Some(Device { major: 1, minor: 3 }));
        let mut file = inline("c", b"one");
        file.hard_link = identity;
        let mut other = inline("d", b"two");
        other.hard_link = identity;
        let mut same = inline("e", b"one");
        same.hard_link = identity;
        forge.folder(&[], &[link, device, file, other, same])
    });
    attack.try_everything(&snapshot);
    let read = |name| fs::read(attack.target().join(name)).unwrap();
    assert_eq!((read("c"), read("d"), read("e")), (b"one".to_vec(), b"two".to_vec(), b"one".to_vec()));
    let inode = |name| fs::symlink_metadata(attack.target().join(name)).unwrap().ino();
    assert_eq!(inode("c"), inode("e"));
    assert_ne!(inode("c"), inode("a"));
}

#[test]
fn an_entry_cannot_be_what_its_kind_is_not() {
    for spoil in 0..7 {
        let attack = Attack::new();
        let snapshot = attack.snapshot(|forge| {
            let mut evil = inline("a", b"dead");
            match spoil {
                0 => evil.link_target = Some(repo_format::cbor::ByteString(b"/etc".to_vec())),
                1 => evil.tree = Some(0),
                2 => evil.device = Some(Device { major: 8, minor: 0 }),
                3 => evil = entry("a", EntryKind::Symlink),
                4 => evil = entry("a", EntryKind::BlockDevice),
                5 => evil.tree = Some(7),
                _ => evil.mtime_nanoseconds = u32::MAX,
            }
            forge.folder(&[], &[evil])
        });
        attack.try_everything(&snapshot);
    }
}

#[test]
fn places_outside_the_ids_are_refused() {
    let attack = Attack::new();
    for place in [1, u32::MAX] {
        let snapshot =
            attack.commit(|forge| forge.folder(&[], &[inline("a", b"a")]), |manifest| manifest.tree = Some(place));
        let error = attack.repository().read_snapshot_object(snapshot.id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
    }
    assert_eq!(attack.verify().findings.len(), 2);
}

//! Contents that are not what their entries say.

use std::fs;

use engine::ErrorKind;
use repo_format::entry::{EntryKind, Hole};

use super::forge::{Attack, direct, entry, inline, listed, subfolder};
use crate::damage::lab;

#[test]
fn contents_of_another_length_than_their_size_are_named_and_never_mixed_with_what_was_there() {
    let attack = Attack::new();
    let bytes = lab::noise(1, 1000);
    let snapshot = attack.snapshot(|forge| {
        let chunk = forge.data(&bytes);
        let list = forge.list(&[(chunk, 1000), (chunk, 1000)]);
        let lying = forge.list(&[(chunk, 999), (chunk, 1000)]);
        let mut nothing = entry("nothing", EntryKind::File);
        nothing.size = 2000;
        let mut short_inline = inline("short-inline", b"abc");
        short_inline.size = 2000;
        let mut files = vec![
            direct("direct-long", 10, &[(0, 1000)]),
            direct("direct-short", 2000, &[(0, 1000)]),
            direct("direct-lying", 2000, &[(0, 1000), (0, 1000), (0, 999)]),
            listed("list-long", 10, 1),
            listed("list-lying", 1999, 2),
            listed("list-short", 5000, 1),
            nothing,
            short_inline,
            inline("z-good", b"good"),
        ];
        files.sort_by(|a, b| a.name.cmp(&b.name));
        forge.folder(&[chunk, list, lying], &files)
    });
    let names = [
        "direct-long",
        "direct-short",
        "direct-lying",
        "list-long",
        "list-lying",
        "list-short",
        "nothing",
        "short-inline",
    ];
    for round in 0..2 {
        if round == 1 {
            for name in names {
                fs::write(attack.target().join(name), vec![b'o'; 2000]).unwrap();
            }
        }
        let outcome = attack.restore(&snapshot).unwrap();
        for name in names {
            let named = outcome.problems.iter().any(|problem| problem.path.0 == name.as_bytes());
            assert!(named, "{name} in round {round}: {:?}", outcome.problems);
            let there = fs::read(attack.target().join(name)).unwrap();
            assert!(
                !there.contains(&b'o') || there.iter().any(|b| *b != b'o' && *b != 0),
                "{name}: what was there stays"
            );
            assert!(!there.windows(8).any(|window| window == b"oooooooo"), "{name} holds what was there before");
        }
        assert_eq!(fs::read(attack.target().join("z-good")).unwrap(), b"good");
    }
    attack.try_everything(&snapshot);
}

#[test]
fn absurd_sizes_and_holes_end_in_problems() {
    let hole = |offset, len| Hole { offset, len };
    let cases: Vec<(u64, Vec<Hole>)> = vec![
        (u64::MAX, vec![]),
        (u64::MAX, vec![hole(0, u64::MAX)]),
        (1 << 62, vec![hole(0, 1 << 62)]),
        (1 << 62, vec![hole(0, 1 << 61), hole(1 << 61, (1 << 61) - 4)]),
        (100, vec![hole(0, 60), hole(50, 50)]),
        (100, vec![hole(50, 51)]),
        (100, vec![hole(50, u64::MAX)]),
        (100, vec![hole(50, 10), hole(0, 10)]),
        (100, vec![hole(50, 0)]),
        (1 << 40, (0..5000).map(|n| hole(n * 2, 1)).collect()),
    ];
    for (size, holes) in cases {
        let attack = Attack::new();
        let snapshot = attack.snapshot(|forge| {
            let mut file = inline("a", b"data");
            (file.size, file.holes) = (size, (!holes.is_empty()).then_some(holes));
            forge.folder(&[], &[file, inline("b", b"good")])
        });
        attack.try_everything(&snapshot);
    }
}

#[test]
fn lists_that_name_lists_without_end_are_refused_by_their_length() {
    for (size, item) in [(1000u64, 1u64), (u64::MAX / 4, 0)] {
        let attack = Attack::new();
        let snapshot = attack.snapshot(|forge| {
            let chunk = forge.data(b"x");
            let mut list = forge.list(&[(chunk, 1); 1000]);
            let mut len = 1000u64;
            // As many levels as the truth fits a number, or all of them with lies.
            for level in 1..=if item == 0 { 8 } else { 15 } {
                let says = if item == 0 { len } else { item };
                list = forge.list_of_lists(level, &[(list, says); 64]);
                len = len.saturating_mul(64);
            }
            let mut deep = listed("a", size, 0);
            deep.mode = 0o644;
            forge.folder(&[list], &[deep, inline("b", b"good")])
        });
        attack.try_everything(&snapshot);
        let outcome = attack.restore(&snapshot).unwrap();
        assert!(outcome.problems.iter().any(|problem| problem.path.0 == b"a"));
        assert_eq!(fs::read(attack.target().join("b")).unwrap(), b"good");
    }
}

#[test]
fn a_file_that_is_as_absurd_as_it_says_can_be_given_up() {
    use std::sync::atomic::{AtomicU64, Ordering};
    struct Impatient(AtomicU64);
    impl engine::monitor::Monitor for Impatient {
        fn is_cancelled(&self) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed) > 2000
        }
    }
    let attack = Attack::new();
    let snapshot = attack.snapshot(|forge| {
        let chunk = forge.data(b"x");
        let mut list = forge.list(&[(chunk, 1); 64]);
        for level in 1..=8 {
            list = forge.list_of_lists(level, &[(list, 1 << (6 * level)); 64]);
        }
        forge.folder(&[list], &[listed("a", 1 << 54, 0)])
    });
    let (repository, options) = (attack.repository(), engine::files::restore::RestoreOptions::default());
    let impatient = Impatient(AtomicU64::new(0));
    let result =
        engine::files::restore::restore(&repository, &snapshot, &attack.target(), &options, &|_, _| {}, &impatient);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn a_backup_beside_a_parent_with_endless_lists_comes_to_an_end() {
    use engine::files::backup::{BackupOptions, ParentChoice, Source, backup};
    let attack = Attack::new();
    let source = attack.folder.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("a"), lab::noise(5, 5000)).unwrap();
    let (options, patience) = (BackupOptions::default(), super::forge::Patience::default());
    let sources = || vec![Source::Path(source.clone())];
    let first = backup(&attack.repository(), sources(), &options, &patience).unwrap().snapshot.unwrap();
    let honest = lab::snapshot(&attack.repository(), first).unwrap().unwrap();
    let mut known = Vec::new();
    let mut found = |_: &[u8], entry: &repo_format::entry::Entry| {
        known.push(entry.clone());
        Ok(())
    };
    engine::snapshots::ls::ls(&attack.repository(), &honest, b"", true, &mut found).unwrap();
    let evil = attack.commit(
        |forge| {
            let chunk = forge.data(b"x");
            let mut list = forge.list(&[(chunk, 1); 8]);
            for level in 1..=15 {
                list = forge.list_of_lists(level, &[(list, 8u64 << (3 * (level - 1))); 8]);
            }
            let mut file = known[1].clone();
            let like = listed("a", file.size, 0);
            (file.content, file.state) = (like.content, None);
            let inner = forge.folder(&[list], &[file]);
            forge.folder(&[inner], &[subfolder("source", Some(0))])
        },
        |manifest| manifest.roots.clone_from(&honest.manifest.roots),
    );
    let options = BackupOptions { parent: ParentChoice::Snapshot(evil.id), ..BackupOptions::default() };
    let second = backup(&attack.repository(), sources(), &options, &patience).unwrap();
    assert_eq!(second.parent, Some(evil.id));
    let snapshot = lab::snapshot(&attack.repository(), second.snapshot.unwrap()).unwrap().unwrap();
    attack.restore(&snapshot).unwrap();
    assert_eq!(fs::read(attack.target().join("source/a")).unwrap(), lab::noise(5, 5000));
}

#[test]
fn nodes_and_chunks_cannot_take_each_others_places() {
    let attack = Attack::new();
    let bytes = lab::noise(1, 500);
    let snapshot = attack.snapshot(|forge| {
        let chunk = forge.data(&bytes);
        let folder = forge.folder(&[], &[inline("in", b"in")]);
        let list = forge.list(&[(chunk, 500)]);
        let of_folders = forge.list_of_lists(1, &[(folder, 500)]);
        let of_chunks = forge.list_of_lists(1, &[(chunk, 500)]);
        let too_high = forge.list_of_lists(3, &[(list, 500)]);
        let of_nodes = forge.list(&[(list, 500)]);
        let unknown = forge.node(&super::forge::node(9, 0, &[], b""));
        let newer = forge.node(&[2, 1, 0, 0, 0, 0, 0, 0]);
        let empty_list = forge.list(&[]);
        let ids = [chunk, folder, list, of_folders, of_chunks, too_high, of_nodes, empty_list];
        let strange = forge.folder(&[unknown, newer], &[listed("s1", 500, 0), listed("s2", 500, 1)]);
        let ids = [&ids[..], &[strange]].concat();
        let entries = [
            subfolder("a-chunk-as-folder", Some(0)),
            subfolder("b-list-as-folder", Some(2)),
            listed("c-chunk-as-list", 500, 0),
            listed("d-folder-as-list", 500, 1),
            listed("e-list-of-folders", 500, 3),
            listed("f-list-of-chunks", 500, 4),
            listed("g-levels-apart", 500, 5),
            direct("h-node-as-chunk", 500, &[(2, 500)]),
            listed("i-list-of-nodes", 500, 6),
            listed("j-empty-list", 500, 7),
            listed("k-good", 500, 2),
        ];
        forge.folder(&ids, &entries)
    });
    attack.try_everything(&snapshot);
    let outcome = attack.restore(&snapshot).unwrap();
    assert_eq!(fs::read(attack.target().join("k-good")).unwrap(), bytes);
    for name in "abcdefghij".chars() {
        let named = outcome.problems.iter().any(|problem| problem.path.0.first() == Some(&(name as u8)));
        assert!(named, "{name}: {:?}", outcome.problems);
    }
    assert!(attack.verify().findings.iter().any(|f| f.kind == engine::upkeep::verify::FindingKind::LostData));
}

#[test]
fn a_node_of_an_unknown_kind_is_an_error_that_says_so() {
    let attack = Attack::new();
    let snapshot = attack.snapshot(|forge| forge.node(&super::forge::node(9, 0, &[], b"")));
    assert_eq!(attack.restore(&snapshot).unwrap_err().kind(), ErrorKind::TooNew);
}

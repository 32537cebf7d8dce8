//! Folders in folders: few nodes that name each other many times, and very deep ones.

use engine::ErrorKind;
use engine::store::ObjectName;
use repo_format::id::ChunkId;

use super::forge::{Attack, Forge, inline, node, subfolder};
use super::names::minimal_parts;

/// 60 folders, each with two names for the one below: 2^60 paths.
fn many_paths(forge: &Forge<'_, '_>, mut below: ChunkId, more: &[ChunkId]) -> ChunkId {
    for _ in 0..60 {
        let ids = [&[below], more].concat();
        below = forge.folder(&ids, &[subfolder("e", Some(0)), subfolder("f", Some(0))]);
    }
    below
}

#[test]
fn folders_with_endless_paths_end_where_the_snapshot_says() {
    let attack = Attack::new();
    let snapshot = attack.snapshot(|forge| {
        let leaf = forge.folder(&[], &[inline("e", b"e")]);
        many_paths(forge, leaf, &[])
    });
    attack.try_everything(&snapshot);
    assert_eq!(attack.restore(&snapshot).unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(attack.verify().findings.len(), 0);
}

#[test]
fn verify_names_what_suffers_in_folders_with_endless_paths() {
    let attack = Attack::new();
    let lost = ChunkId([66; 32]);
    attack.snapshot(|forge| {
        let leaf = forge.folder(&[lost], &[subfolder("e", Some(0))]);
        many_paths(forge, leaf, &[])
    });
    let findings = attack.verify().findings;
    assert_eq!((findings.len(), findings[0].affected.len()), (1, 100));
}

#[test]
fn verify_ends_where_what_is_lost_belongs_to_no_path() {
    let attack = Attack::new();
    let lost = ChunkId([66; 32]);
    attack.snapshot(|forge| {
        // Nodes name it, and their entries do not.
        let leaf = forge.folder(&[lost], &[inline("e", b"e")]);
        many_paths(forge, leaf, &[lost])
    });
    let findings = attack.verify().findings;
    assert_eq!((findings.len(), findings[0].affected.len()), (1, 0));
}

#[test]
fn parts_that_name_a_node_many_times_are_refused() {
    for truthful in [false, true] {
        let attack = Attack::new();
        let snapshot = attack.snapshot(|forge| {
            let mut below = forge.folder(&[], &[inline("a", b"a"), inline("m", b"m")]);
            for level in 1..=15 {
                let names: [&[u8]; 4] = if truthful { [b"a", b"b", b"c", b"d"] } else { [b"a", b"aa", b"ab", b"m"] };
                below = forge.node(&node(2, level, &[below; 4], &minimal_parts(&names)));
            }
            below
        });
        attack.try_everything(&snapshot);
        assert!(attack.restore(&snapshot).unwrap().problem_count > 0);
    }
}

#[test]
fn parts_that_overlap_are_refused() {
    let attack = Attack::new();
    let snapshot = attack.snapshot(|forge| {
        // Pairs that begin with `a` and with `b`. Each holds the pair below that begins with `b`.
        let leaf = |name: &str| forge.folder(&[], &[inline(name, b"x"), inline("z", b"x")]);
        let (mut a, mut b) = (leaf("a"), leaf("b"));
        let c = leaf("c");
        let mut cs = c;
        for level in 1..=15 {
            let next_a = forge.node(&node(2, level, &[a, b], &minimal_parts(&[b"a", b"b"])));
            let next_b = forge.node(&node(2, level, &[b, cs], &minimal_parts(&[b"b", b"c"])));
            cs = forge.node(&node(2, level, &[cs], &minimal_parts(&[b"c"])));
            (a, b) = (next_a, next_b);
        }
        a
    });
    attack.try_everything(&snapshot);
    let outcome = attack.restore(&snapshot).unwrap();
    assert!((1..100).contains(&outcome.problem_count), "{}", outcome.problem_count);
}

#[test]
fn folders_nested_too_deeply_are_refused() {
    let attack = Attack::new();
    let snapshot = attack.commit(
        |forge| {
            let mut below = forge.folder(&[], &[inline("e", b"e")]);
            for _ in 0..4200 {
                below = forge.folder(&[below], &[subfolder("e", Some(0))]);
            }
            below
        },
        |manifest| manifest.statistics.files = 10_000,
    );
    attack.try_everything(&snapshot);
    assert_eq!(attack.restore(&snapshot).unwrap_err().kind(), ErrorKind::Damaged);
}

#[test]
fn a_snapshot_that_says_less_than_it_holds_is_not_restored_further() {
    let attack = Attack::new();
    let snapshot = attack.commit(
        |forge| {
            let files: Vec<_> = (100..200).map(|n| inline(format!("e{n}"), b"e")).collect();
            forge.folder(&[], &files)
        },
        |manifest| manifest.statistics.files = 50,
    );
    attack.try_everything(&snapshot);
    assert_eq!(attack.restore(&snapshot).unwrap_err().kind(), ErrorKind::Damaged);
}

#[test]
fn manifests_that_say_absurd_things_are_read_or_refused() {
    let attack = Attack::new();
    let top = |forge: &Forge<'_, '_>| forge.folder(&[], &[inline("e", b"e")]);
    let absurd = attack.commit(top, |m| {
        let s = &mut m.statistics;
        (s.files, s.directories, s.others, s.total_bytes) = (u64::MAX, u64::MAX, u64::MAX, u64::MAX);
        (m.problems.count, m.seconds, m.condemned_seen) = (u64::MAX, i64::MAX, u64::MAX);
    });
    attack.try_everything(&absurd);
    assert_eq!(attack.restore(&absurd).unwrap().problem_count, 0);

    let unknown = attack.commit(top, |m| m.kind = 200.into());
    assert!(attack.repository().read_snapshot_object(unknown.id).is_ok(), "it is a root, if not a snapshot");
    let wrong_id = attack.commit(top, |m| m.id.0[0] ^= 1);
    let old = attack.lab.store.names().into_iter().filter(|name| matches!(name, ObjectName::Snapshot(_))).count();
    assert_eq!(old, 3);
    assert!(attack.repository().read_snapshot_object(wrong_id.id).is_err());
    let too_late = attack.commit(top, |m| m.nanoseconds = u32::MAX);
    let list = engine::snapshots::list(&attack.repository()).unwrap();
    assert_eq!((list.snapshots.len(), list.unreadable.len()), (1, 2));
    assert!(list.unreadable.iter().any(|(id, _)| *id == too_late.id));
    engine::snapshots::stats::stats(&attack.repository()).unwrap();
}

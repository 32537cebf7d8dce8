//! Segment lists that are not what they say.

use std::fs;

use engine::error::ErrorKind;
use engine::pack::ChunkReader;
use engine::tree::{ContentRef, SegmentIter};
use repo_format::entry::{Content, EntryKind};

use super::forge::{Attack, Forge, entry, inline, listed, listed_segment, node, segment, segmented, subfolder};
use crate::damage::lab;

#[test]
fn lengths_and_rows_that_differ_from_what_is_beneath_are_refused() {
    let attack = Attack::new();
    let bytes = lab::noise(1, 1000);
    let names = [
        "a-longer",
        "b-shorter",
        "c-part-longer",
        "d-part-shorter",
        "e-rows-more",
        "f-rows-fewer",
        "g-list-longer",
        "h-list-shorter",
        "i-chunk-longer",
        "j-chunks-longer",
    ];
    let snapshot = attack.snapshot(|forge| {
        let chunk = forge.data(&bytes);
        let leaf = forge.segments(&[chunk], &[segment(1000, 10, &[(0, 1000)])]);
        let parts = |len, rows| forge.segment_parts(1, &[(leaf, 1000, 10), (leaf, len, rows)]);
        let list = forge.list(&[(chunk, 1000)]);
        let through_list = |len| forge.segments(&[list], &[listed_segment(len, 10, 0)]);
        let ids = [
            leaf,
            parts(1001, 10),
            parts(999, 10),
            parts(1000, 11),
            parts(1000, 9),
            through_list(1001),
            through_list(999),
            // The chunk is longer than the segment says, and both say the same.
            forge.segments(&[chunk], &[segment(999, 10, &[(0, 999)])]),
            // The segment is longer than its chunks.
            forge.segments(&[chunk], &[segment(1001, 10, &[(0, 1000)])]),
            parts(1000, 10),
        ];
        let sizes = [1001, 999, 2001, 1999, 2000, 2000, 1001, 999, 999, 1001];
        let places = [0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        let mut files: Vec<_> =
            names.iter().zip(sizes).zip(places).map(|((name, size), place)| segmented(name, size, place)).collect();
        files.push(segmented("z-good", 2000, 9));
        forge.folder(&ids, &files)
    });
    for round in 0..2 {
        if round == 1 {
            names.iter().for_each(|name| fs::write(attack.target().join(name), vec![b'o'; 2000]).unwrap());
        }
        let outcome = attack.restore(&snapshot).unwrap();
        for name in names {
            let named = outcome.problems.iter().any(|problem| problem.path.0 == name.as_bytes());
            assert!(named, "{name} in round {round}: {:?}", outcome.problems);
            let there = fs::read(attack.target().join(name)).unwrap();
            assert!(!there.windows(8).any(|window| window == b"oooooooo"), "{name} holds what was there before");
        }
        assert_eq!(fs::read(attack.target().join("z-good")).unwrap(), [&bytes[..], &bytes].concat());
    }
    attack.try_everything(&snapshot);
}

#[test]
fn what_is_beneath_a_part_that_lies_is_passed_over() {
    let attack = Attack::new();
    let bytes = lab::noise(1, 100);
    let mut root = None;
    let snapshot = attack.snapshot(|forge| {
        let chunk = forge.data(&bytes);
        let leaf = forge.segments(&[chunk], &[segment(100, 1, &[(0, 100)])]);
        let parts = forge.segment_parts(1, &[(leaf, 100, 1), (leaf, 7, 1), (leaf, 100, 1)]);
        root = Some(parts);
        forge.folder(&[parts], &[segmented("rows", 207, 0)])
    });
    let repository = attack.repository();
    let reader = ChunkReader::new(&repository);
    let mut iter = SegmentIter::new(&reader, root.unwrap(), 207);
    assert_eq!(iter.next().unwrap().unwrap().len, 100);
    assert_eq!(iter.next().unwrap().unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(iter.plain_end(), 107);
    assert_eq!(iter.next().unwrap().unwrap().len, 100);
    assert!(iter.next().is_none());
    attack.restore(&snapshot).unwrap();
    let there = fs::read(attack.target().join("rows")).unwrap();
    assert_eq!((&there[..100], &there[100..107], &there[107..]), (&bytes[..], &[0; 7][..], &bytes[..]));
}

#[test]
fn levels_that_do_not_descend_by_one_and_nodes_of_other_kinds_are_refused() {
    let attack = Attack::new();
    let bytes = lab::noise(1, 500);
    let snapshot = attack.snapshot(|forge| {
        let chunk = forge.data(&bytes);
        let leaf = forge.segments(&[chunk], &[segment(500, 1, &[(0, 500)])]);
        let one = forge.segment_parts(1, &[(leaf, 500, 1)]);
        let list = forge.list(&[(chunk, 500)]);
        let folder = forge.folder(&[], &[inline("in", b"in")]);
        let above = |level, below| forge.segment_parts(level, &[(below, 500, 1)]);
        let ids = [
            above(3, leaf),
            above(1, one),
            above(1, list),
            above(1, folder),
            above(1, chunk),
            above(0, leaf),
            forge.segments(&[leaf], &[listed_segment(500, 1, 0)]),
            forge.segments(&[leaf], &[segment(500, 1, &[(0, 500)])]),
            forge.segments(&[chunk], &[listed_segment(500, 1, 0)]),
            forge.list_of_lists(1, &[(leaf, 500)]),
            list,
            leaf,
        ];
        let mut files: Vec<_> =
            ('a'..='i').zip(0..).map(|(name, place)| segmented(name.to_string(), 500, place)).collect();
        files.push(listed("j", 500, 9));
        files.push(segmented("k", 500, 10));
        files.push(listed("l", 500, 11));
        files.push(subfolder("m", Some(11)));
        files.push(segmented("z-good", 500, 11));
        forge.folder(&ids, &files)
    });
    attack.try_everything(&snapshot);
    let outcome = attack.restore(&snapshot).unwrap();
    for name in 'a'..='m' {
        let named = outcome.problems.iter().any(|problem| problem.path.0 == [name as u8]);
        assert!(named, "{name}: {:?}", outcome.problems);
    }
    assert_eq!(fs::read(attack.target().join("z-good")).unwrap(), bytes);
    assert!(attack.verify().findings.iter().any(|f| f.kind == engine::upkeep::verify::FindingKind::LostData));
}

/// Lists of lists, 64 of the same in each: `says` gives what one says of the list below that holds so much.
fn endless(forge: &Forge<'_, '_>, levels: u8, says: impl Fn(u64) -> u64) -> repo_format::id::ChunkId {
    let chunk = forge.data(b"x");
    let mut list = forge.segments(&[chunk], &vec![segment(1, 1, &[(0, 1)]); 64]);
    let mut len = 64u64;
    for level in 1..=levels {
        list = forge.segment_parts(level, &[(list, says(len), says(len)); 64]);
        len = len.saturating_mul(64);
    }
    list
}

#[test]
fn lists_that_name_lists_without_end_are_refused_by_their_length() {
    type Says = fn(u64) -> u64;
    let truth: Says = |len| len;
    let lie: Says = |_| 1;
    for (size, levels, says) in [(64u64, 8, truth), (64, 15, lie), (u64::MAX / 4, 8, truth), (1 << 60, 15, lie)] {
        let attack = Attack::new();
        let snapshot = attack.snapshot(|forge| {
            let list = endless(forge, levels, says);
            forge.folder(&[list], &[segmented("a", size, 0), inline("b", b"good")])
        });
        attack.try_everything(&snapshot);
        let outcome = attack.restore(&snapshot).unwrap();
        assert!(outcome.problems.iter().any(|problem| problem.path.0 == b"a"));
        assert_eq!(fs::read(attack.target().join("b")).unwrap(), b"good");
    }
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
            let list = endless(forge, 8, |len| len);
            let mut file = known[1].clone();
            (file.content, file.state) = (segmented("a", file.size, 0).content, None);
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
fn rows_in_two_forms_or_with_holes_are_refused() {
    type Spoil = fn(&mut repo_format::entry::Entry);
    let spoils: [Spoil; 4] = [
        |e| e.content.as_mut().unwrap().list = Some(0),
        |e| e.content.as_mut().unwrap().segments = Some(1),
        |e| e.holes = Some(vec![repo_format::entry::Hole { offset: 0, len: 1 }]),
        |e| e.kind = EntryKind::Fifo,
    ];
    for spoil in spoils {
        let attack = Attack::new();
        let snapshot = attack.snapshot(|forge| {
            let chunk = forge.data(b"row\n");
            let leaf = forge.segments(&[chunk], &[segment(4, 1, &[(0, 4)])]);
            let mut rows = segmented("rows", 4, 0);
            spoil(&mut rows);
            forge.folder(&[leaf], &[rows])
        });
        attack.try_everything(&snapshot);
        assert!(!attack.verify().findings.is_empty());
    }
}

#[test]
fn segment_lists_of_absurd_cbor_are_refused() {
    let bodies: [&[u8]; 6] = [
        &[],
        &[0x80],
        &[0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0],
        &[0x81; 1000],
        &[0x81, 0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0],
        &[0x9f, 0xff],
    ];
    for body in bodies {
        for level in [0, 1, 15, 16, 255] {
            let attack = Attack::new();
            let snapshot = attack.snapshot(|forge| {
                let list = forge.node(&node(4, level, &[], body));
                forge.folder(&[list], &[segmented("a", 1, 0), inline("good", b"good")])
            });
            attack.try_everything(&snapshot);
            assert_eq!(attack.verify().findings[0].affected, [(snapshot.id, b"a".to_vec())], "{body:?} at {level}");
        }
    }
}

#[test]
fn a_segment_that_is_not_what_its_digest_or_length_says_is_not_read() {
    let attack = Attack::new();
    let bytes = b"1\tone\n";
    let digest = repo_format::id::Bytes32(*blake3::hash(bytes).as_bytes());
    let mut id = None;
    attack.snapshot(|forge| {
        let chunk = forge.data(bytes);
        id = Some(chunk);
        forge.folder(&[chunk], &[inline("e", b"e")])
    });
    let repository = attack.repository();
    let reader = ChunkReader::new(&repository);
    let chunk = |len| repo_format::node::ContentItem { id: id.unwrap(), len };
    let item = |len, digest, lens: &[u64]| engine::tree::SegmentItem {
        len,
        rows: 1,
        low: None,
        high: None,
        digest,
        content: ContentRef::Direct(lens.iter().copied().map(chunk).collect()),
    };
    let read = |item| engine::snapshots::saved::read_segment(&reader, &item);
    assert_eq!(read(item(6, digest, &[6])).unwrap(), bytes);
    for lying in [
        item(6, repo_format::id::Bytes32([7; 32]), &[6]),
        item(5, digest, &[5]),
        item(7, digest, &[7]),
        item(6, digest, &[6, 6]),
        item(u64::MAX, digest, &[6]),
        item(6, digest, &[]),
    ] {
        assert_eq!(read(lying).unwrap_err().kind(), ErrorKind::Damaged);
    }
}

#[test]
fn a_form_of_content_that_nobody_knows_is_refused() {
    let attack = Attack::new();
    let snapshot = attack.snapshot(|forge| {
        let mut file = entry("a", EntryKind::File);
        (file.size, file.content) = (4, Some(Content::default()));
        forge.folder(&[], &[file])
    });
    attack.try_everything(&snapshot);
    assert_eq!(attack.verify().findings.len(), 1);
}

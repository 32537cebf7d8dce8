//! Packs, index segments and manifests that lie.

use std::fs;

use engine::ErrorKind;
use engine::repository::Repository;
use engine::store::ObjectName;
use repo_format::cbor;
use repo_format::entry::EntryKind;
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{ChunkId, LeaseId, PackId};
use repo_format::limits;
use repo_format::pack::{ChunkKind, PackTable, TableEntry, encode_trailer};
use repo_format::segment::SegmentPack;

use super::forge::{Attack, direct, entry, inline, manifest};
use crate::damage::lab;

/// A chunk as a pack holds it: what its table says, and codec and coded bytes.
struct Chunk {
    entry: TableEntry,
    coded: Vec<u8>,
}

fn chunk(repository: &Repository, plain: &[u8], codec: u8, coded: &[u8], says: u32) -> Chunk {
    let entry = TableEntry {
        id: repository.keys().id(ChunkKind::Data, plain),
        kind: ChunkKind::Data,
        salt: 0,
        position: 0,
        sealed_len: u32::try_from(coded.len()).unwrap() + 17,
        plain_len: says,
    };
    Chunk { entry, coded: [&[codec], coded].concat() }
}

/// Puts a pack whose table is spoiled by `change`, and a segment that names it, if one can be made.
fn put_pack(attack: &Attack, chunks: Vec<Chunk>, change: impl FnOnce(&mut Vec<u8>)) -> PackId {
    let repository = attack.repository();
    let keys = repository.keys();
    let key = keys.new_object(ObjectKind::Pack, KeyClass::Data).unwrap();
    let head = key.envelope().encode();
    let mut bytes = head.to_vec();
    let mut table = PackTable::default();
    for (position, chunk) in (0..).zip(chunks) {
        let mut sealed = chunk.coded;
        key.seal(position, &position.to_le_bytes(), &mut sealed, 0).unwrap();
        bytes.extend(sealed);
        table.entries.push(TableEntry { position, ..chunk.entry });
    }
    let mut plain = table.encode().unwrap();
    change(&mut plain);
    let sealed = keys.seal_named_by_hash(ObjectKind::PackTable, KeyClass::Index, &head, &plain).unwrap();
    bytes.extend(&sealed);
    bytes.extend(encode_trailer(u32::try_from(sealed.len()).unwrap()));
    let id = PackId(*blake3::hash(&bytes).as_bytes());
    let (size, envelope) = (bytes.len() as u64, key.envelope());
    attack.lab.store.put_raw(&ObjectName::Pack(id), bytes);
    if let Ok(table) = PackTable::decode(&plain) {
        let pack = SegmentPack { id, size, sealing: envelope.sealing, salt: envelope.salt, table };
        let _: engine::Result<_> = repository.put_segment(&[pack]);
    }
    id
}

/// A snapshot with a file of this chunk, and one that is good.
fn file_of(attack: &Attack, id: ChunkId, len: u32) -> engine::snapshots::Snapshot {
    attack.snapshot(|forge| forge.folder(&[id], &[direct("a", len.into(), &[(0, len)]), inline("good", b"good")]))
}

fn assert_only_good(attack: &Attack, snapshot: &engine::snapshots::Snapshot) {
    attack.try_everything(snapshot);
    let outcome = attack.restore(snapshot).unwrap();
    assert!(outcome.problems.iter().any(|problem| problem.path.0 == b"a"), "{:?}", outcome.problems);
    assert_eq!(fs::read(attack.target().join("good")).unwrap(), b"good");
    assert!(!attack.verify().findings.is_empty());
}

#[test]
fn a_frame_that_unpacks_to_more_than_it_says_is_not_unpacked() {
    let attack = Attack::new();
    let repository = attack.repository();
    // A gigabyte of zeros in a streamed frame, which does not say how long it is.
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), 1 << 30), &mut encoder).unwrap();
    let bomb = encoder.finish().unwrap();
    let eight = u32::try_from(limits::CHUNK_PLAIN).unwrap();
    for says in [100, eight] {
        let evil = chunk(&repository, b"anything", 1, &bomb, says);
        let id = evil.entry.id;
        put_pack(&attack, vec![evil], |_| {});
        assert_only_good(&attack, &file_of(&attack, id, says));
    }
}

#[test]
fn chunks_that_are_not_what_they_say_are_refused() {
    let attack = Attack::new();
    let repository = attack.repository();
    let plain = lab::noise(3, 1000);
    let packed = zstd::bulk::compress(&[7; 1000], 3).unwrap();
    let cases = [
        chunk(&repository, &plain, 0, &plain, 999),
        chunk(&repository, &plain, 0, &plain, 1001),
        chunk(&repository, &lab::noise(4, 1000), 0, &plain, 1000),
        chunk(&repository, &[7; 1000], 1, &packed[..packed.len() - 1], 1000),
        chunk(&repository, &[7; 1000], 1, &[packed.clone(), packed.clone()].concat(), 2000),
        chunk(&repository, &[7; 1000], 1, b"", 1000),
        chunk(&repository, &[7; 1000], 1, &lab::noise(5, 100), 1000),
    ];
    for evil in cases {
        let attack = Attack { lab: attack.lab.copy(), ..Attack::new() };
        let (id, len) = (evil.entry.id, evil.entry.plain_len);
        put_pack(&attack, vec![evil], |_| {});
        assert_only_good(&attack, &file_of(&attack, id, len));
    }
}

#[test]
fn tables_that_lie_are_refused() {
    // Offsets in the table: version 1, salts 2, count 4, then the entry.
    type Spoil = fn(&mut Vec<u8>);
    let spoils: [Spoil; 9] = [
        |t| t[0] = 9,
        |t| t[1..3].copy_from_slice(&u16::MAX.to_le_bytes()),
        |t| t[3..7].copy_from_slice(&u32::MAX.to_le_bytes()),
        |t| t[7 + 32] = 7,
        |t| t[7 + 33..7 + 35].copy_from_slice(&9u16.to_le_bytes()),
        |t| t[7 + 39..7 + 43].copy_from_slice(&u32::MAX.to_le_bytes()),
        |t| t[7 + 39..7 + 43].copy_from_slice(&0u32.to_le_bytes()),
        |t| t[7 + 43..7 + 47].copy_from_slice(&u32::MAX.to_le_bytes()),
        |t| t[7 + 39..7 + 43].copy_from_slice(&500u32.to_le_bytes()),
    ];
    for spoil in spoils {
        let attack = Attack::new();
        let plain = lab::noise(3, 1000);
        let good = chunk(&attack.repository(), &plain, 0, &plain, 1000);
        let id = good.entry.id;
        put_pack(&attack, vec![good], spoil);
        assert_only_good(&attack, &file_of(&attack, id, 1000));
    }
}

#[test]
fn positions_that_stand_twice_do_not_mix_chunks() {
    let attack = Attack::new();
    let (one, two) = (lab::noise(1, 1000), lab::noise(2, 1000));
    let repository = attack.repository();
    let chunks = vec![chunk(&repository, &one, 0, &one, 1000), chunk(&repository, &two, 0, &two, 1000)];
    let id = chunks[1].entry.id;
    // The second says that it was sealed at the first one's position.
    put_pack(&attack, chunks, |t| t[7 + 47 + 35..7 + 47 + 39].copy_from_slice(&0u32.to_le_bytes()));
    assert_only_good(&attack, &file_of(&attack, id, 1000));
}

#[test]
fn a_segment_that_lies_about_a_whole_pack_cannot_make_wrong_bytes() {
    type Lie = fn(&mut SegmentPack);
    let lies: [Lie; 5] = [
        |pack| pack.table.entries.swap(0, 1),
        |pack| pack.table.entries[0].position = 1,
        |pack| pack.salt.0[0] ^= 1,
        |pack| {
            pack.table.entries[0].sealed_len += 100;
            pack.table.entries[1].sealed_len -= 100;
        },
        |pack| pack.sealing.epoch = 9,
    ];
    for lie in lies {
        let attack = Attack::new();
        let (one, two) = (lab::noise(1, 1000), lab::noise(2, 500));
        let repository = attack.repository();
        let chunks = vec![chunk(&repository, &one, 0, &one, 1000), chunk(&repository, &two, 0, &two, 500)];
        let (first, second) = (chunks[0].entry.id, chunks[1].entry.id);
        let pack = put_pack(&attack, chunks, |_| {});
        let truth: Vec<_> =
            attack.lab.store.names().into_iter().filter(|name| matches!(name, ObjectName::Segment(_))).collect();
        let [ObjectName::Segment(segment)] = truth[..] else { panic!() };
        let mut described = repository.read_segment(segment).unwrap();
        lie(&mut described[0]);
        repository.put_segment(&described).unwrap();
        attack.lab.store.remove_raw(&truth[0]);
        let snapshot = attack.snapshot(|forge| {
            forge.folder(&[first, second], &[direct("a", 1000, &[(0, 1000)]), direct("b", 500, &[(1, 500)])])
        });
        attack.try_everything(&snapshot);
        assert!(attack.verify().findings.iter().any(|f| f.message.contains(&pack.to_string())));
        let outcome = attack.restore(&snapshot).unwrap();
        for (name, plain) in [("a", one), ("b", two)] {
            let named = outcome.problems.iter().any(|problem| problem.path.0 == name.as_bytes());
            assert!(named || fs::read(attack.target().join(name)).unwrap() == plain, "{name}");
        }
    }
}

#[test]
fn segments_that_name_what_is_not_there_are_hints() {
    let attack = Attack::new();
    let plain = lab::noise(1, 1000);
    let good = chunk(&attack.repository(), &plain, 0, &plain, 1000);
    let id = good.entry.id;
    let pack = put_pack(&attack, vec![good], |_| {});
    attack.lab.store.remove_raw(&ObjectName::Pack(pack));
    assert_only_good(&attack, &file_of(&attack, id, 1000));
}

#[test]
fn manifests_of_absurd_cbor_are_refused() {
    let attack = Attack::new();
    let repository = attack.repository();
    let honest = cbor::encode(&manifest(LeaseId([1; 16]), ChunkId([2; 32])));
    let bodies: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0xff],
        // Arrays and maps that say they have 2^63 items, and arrays in arrays.
        vec![0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0],
        vec![0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0],
        vec![0xa1, 0x02, 0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0],
        vec![0x81; 60_000],
        vec![0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        honest[..honest.len() - 1].to_vec(),
        [&honest[..], b"\0"].concat(),
        // The kind as a number beyond a byte.
        [&[honest[0], 0x00, 0x19, 0x01, 0x00], &honest[3..]].concat(),
    ];
    for body in bodies {
        let id = LeaseId([1; 16]);
        let name = ObjectName::Snapshot(id);
        let object = repository.keys().seal(ObjectKind::Manifest, KeyClass::Meta, &name.to_string(), &body).unwrap();
        attack.lab.store.put_raw(&name, object);
        assert_eq!(repository.read_snapshot_object(id).unwrap_err().kind(), ErrorKind::Damaged, "{body:?}");
        assert_eq!(attack.verify().findings.len(), 1);
    }
}

#[test]
fn folders_of_absurd_cbor_are_refused() {
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
            let snapshot = attack.snapshot(|forge| forge.node(&super::forge::node(2, level, &[], body)));
            attack.try_everything(&snapshot);
            assert_eq!(attack.verify().findings.len(), 1, "{body:?} at level {level}");
        }
    }
}

#[test]
fn a_node_that_says_it_has_more_ids_than_bytes_is_refused() {
    for count in [2u32, 65_536, 65_537, u32::MAX] {
        let attack = Attack::new();
        let snapshot = attack.snapshot(|forge| {
            let mut bytes = super::forge::node(1, 0, &[ChunkId([1; 32])], &[1, 0, 0, 0]);
            bytes[4..8].copy_from_slice(&count.to_le_bytes());
            let list = forge.node(&bytes);
            let mut file = entry("a", EntryKind::File);
            file.size = 1;
            file.content = super::forge::listed("a", 1, 0).content;
            forge.folder(&[list], &[file, inline("good", b"good")])
        });
        assert_only_good(&attack, &snapshot);
    }
}

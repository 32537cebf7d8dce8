//! The decoders give back everything that the encoders accept.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use repo_format::card::*;
use repo_format::cbor::ByteString;
use repo_format::clear;
use repo_format::condemned::*;
use repo_format::config::*;
use repo_format::entry::*;
use repo_format::evidence::*;
use repo_format::head::*;
use repo_format::id::*;
use repo_format::keyring::*;
use repo_format::lease::*;
use repo_format::manifest::*;
use repo_format::member::*;
use repo_format::node::*;
use repo_format::pack::*;
use repo_format::sealed::{self, Envelope};
use repo_format::segment;

use crate::samples;

fn bytes32() -> impl Strategy<Value = Bytes32> {
    any::<[u8; 32]>().prop_map(Bytes32)
}

fn chunk_id() -> impl Strategy<Value = ChunkId> {
    any::<[u8; 32]>().prop_map(ChunkId)
}

fn lease_id() -> impl Strategy<Value = LeaseId> {
    any::<[u8; 16]>().prop_map(LeaseId)
}

fn byte_string(len: std::ops::Range<usize>) -> impl Strategy<Value = ByteString> {
    vec(any::<u8>(), len).prop_map(ByteString)
}

fn name() -> impl Strategy<Value = ByteString> {
    let byte = any::<u8>().prop_map(|b| if b == 0 || b == b'/' { b'x' } else { b });
    vec(byte, 1..20).prop_filter("not a relative folder", |n| n != b"." && n != b"..").prop_map(ByteString)
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..12).prop_map(String::from_iter)
}

fn config() -> impl Strategy<Value = Config> {
    let flags = || vec(text(), 0..3);
    let versions = (any::<[u8; 16]>(), any::<u64>(), any::<i64>());
    (versions, flags(), flags(), flags(), (1u64 << 20)..(1 << 27), -7..=22).prop_map(
        |((repository, version, created), flags_read, flags_write, flags_prune, pack_bytes, zstd_level)| {
            let config = Config::new(RepositoryId(repository), created);
            Config { version, flags_read, flags_write, flags_prune, pack_bytes, zstd_level, ..config }
        },
    )
}

fn member() -> impl Strategy<Value = Member> {
    let cost = (128u32..=1 << 20, 1u32..=64, 1u32..=16);
    let cost = cost.prop_map(|(memory_kib, passes, lanes)| Argon2Cost { memory_kib, passes, lanes });
    let keys = (bytes32(), bytes32(), bytes32(), byte_string(0..100));
    (any::<[u8; 16]>(), text(), any::<i64>(), option::of(cost), keys).prop_map(|(id, label, created, cost, keys)| {
        let (public_key, salt, commitment, wrapped) = keys;
        Member { id: MemberId(id), label, created, public_key, salt, commitment, wrapped, ..samples::member(cost) }
    })
}

fn keyring() -> impl Strategy<Value = Keyring> {
    let recipient = (bytes32(), byte_string(48..49), bytes32());
    let member = any::<[u8; 16]>().prop_map(|mut id| {
        id[0] |= 1;
        id
    });
    let recipients = btree_map(member, recipient, 1..5).prop_map(|recipients| {
        let recipient = |(member, (encapsulated, sealed, public_key))| Recipient {
            member: MemberId(member),
            encapsulated,
            sealed,
            public_key,
        };
        recipients.into_iter().map(recipient).rev().collect()
    });
    // Their first byte keeps them apart from the recipients.
    let retired = option::of(btree_set(any::<[u8; 15]>(), 0..4)).prop_map(|ids| {
        let id = |rest: [u8; 15]| MemberId(std::array::from_fn(|i| i.checked_sub(1).map_or(0, |i| rest[i])));
        ids.map(|ids: std::collections::BTreeSet<_>| ids.into_iter().map(id).collect())
    });
    (1..=u64::MAX, any::<i64>(), recipients, byte_string(0..300), retired).prop_map(
        |(version, created, recipients, sealed, retired)| Keyring { version, created, recipients, sealed, retired },
    )
}

fn card() -> impl Strategy<Value = Card> {
    let newest =
        option::of((any::<i64>(), any::<[u8; 16]>()).prop_map(|(time, id)| NewestCopy { time, id: LeaseId(id) }));
    let verified = option::of((any::<i64>(), option::of(any::<u8>())));
    let mode = prop_oneof![Just(CardMode::On), Just(CardMode::Off), Just(CardMode::Local)];
    let number = option::of(any::<u64>());
    let fields = ("[a-z0-9]{0,64}", newest, verified, any::<u64>(), option::of(any::<[u8; 16]>()), mode, number);
    fields.prop_map(|(practice, newest, verified, interval, administrator, mode, number)| Card {
        practice,
        newest,
        verified: verified.map(|(time, _)| time),
        level: verified.and_then(|(_, level)| level),
        interval,
        administrator: administrator.map(MemberId),
        mode,
        number,
        ..samples::card()
    })
}

fn secrets() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn all_secrets() -> impl Strategy<Value = Vec<(u32, [u8; 32])>> {
    btree_map(any::<u32>(), secrets(), 1..10).prop_map(|epochs| epochs.into_iter().collect())
}

fn table(class: KeyClass) -> impl Strategy<Value = PackTable> {
    let salt = (any::<u32>(), bytes32()).prop_map(|(epoch, salt)| ForeignSalt { epoch, salt });
    let lens = (17u32..=(8 << 20) + 17, 0u32..=8 << 20);
    let entry = (chunk_id(), any::<bool>(), any::<u16>(), any::<u32>(), lens);
    (vec(salt, 0..4), vec(entry, 0..8)).prop_map(move |(salts, entries)| {
        let count = u16::try_from(salts.len()).unwrap();
        let kind = if class == KeyClass::Data { ChunkKind::Data } else { ChunkKind::Node };
        let entry = |(id, padding, salt, position, (sealed_len, plain_len)): (ChunkId, bool, u16, u32, (u32, u32))| {
            let (id, kind) = if padding { (ChunkId([0; 32]), ChunkKind::Padding) } else { (id, kind) };
            TableEntry { id, kind, salt: salt % (count + 1), position, sealed_len, plain_len }
        };
        PackTable { entries: entries.into_iter().map(entry).collect(), salts }
    })
}

fn content_node() -> impl Strategy<Value = ContentNode> {
    (0u8..=15, vec((chunk_id(), 1u64..=8 << 20), 1..70)).prop_map(|(level, items)| {
        let item = |(id, len)| ContentItem { id, len: if level == 0 { len } else { len << 30 } };
        ContentNode { level, items: items.into_iter().map(item).collect() }
    })
}

fn holes(size: u64) -> impl Strategy<Value = Option<Vec<Hole>>> {
    let edges = btree_set(0..=size, 0..8);
    option::of(edges.prop_map(|edges| {
        let edges: Vec<_> = edges.into_iter().collect();
        edges.chunks_exact(2).map(|pair| Hole { offset: pair[0], len: pair[1] - pair[0] }).collect()
    }))
}

fn content() -> impl Strategy<Value = Content> {
    let direct = vec((0u32..4, 1u32..=8 << 20).prop_map(|(place, len)| DirectChunk { place, len }), 0..=4);
    prop_oneof![
        byte_string(0..200).prop_map(|bytes| Content { inline: Some(bytes), ..Content::default() }),
        direct.prop_map(|direct| Content { direct: Some(direct), ..Content::default() }),
        (0u32..4).prop_map(|place| Content { list: Some(place), ..Content::default() }),
        (0u32..4).prop_map(|place| Content { segments: Some(place), ..Content::default() }),
    ]
}

/// Fields that any kind of entry can have.
fn common() -> impl Strategy<Value = Entry> {
    let xattrs = btree_map(name(), byte_string(0..30), 0..4).prop_map(|xattrs| {
        let xattrs = xattrs.into_iter().map(|(name, value)| Xattr { name, value });
        xattrs.collect::<Vec<_>>()
    });
    let ids = (0u32..=0o7777, any::<u32>(), any::<u32>(), option::of(text()), option::of(text()));
    let times = (any::<i64>(), 0u32..1_000_000_000, any::<i64>(), 0u32..1_000_000_000);
    (ids, times, any::<u64>(), any::<u64>(), option::of(xattrs), option::of(any::<u8>())).prop_map(
        |((mode, uid, gid, user, group), times, inode, size, xattrs, state)| {
            let (mtime_seconds, mtime_nanoseconds, ctime_seconds, ctime_nanoseconds) = times;
            Entry {
                mode,
                uid,
                gid,
                user,
                group,
                mtime_seconds,
                mtime_nanoseconds,
                ctime_seconds,
                ctime_nanoseconds,
                inode,
                size,
                xattrs,
                state,
                ..Entry::new(vec![b'x'], EntryKind::File)
            }
        },
    )
}

fn gaps() -> impl Strategy<Value = Gaps> {
    let names = btree_map(name(), Just(()), 0..4).prop_map(|names| names.into_keys().collect::<Vec<_>>());
    (1u8..=255, option::of(names)).prop_map(|(why, names)| Gaps { why, names })
}

/// An entry of any kind, with fields that its kind can have.
fn entry() -> impl Strategy<Value = Entry> {
    use EntryKind::*;
    let kinds = prop::sample::select(vec![File, Directory, Symlink, Fifo, Socket, CharDevice, BlockDevice]);
    let parts = (option::of(content()), option::of(0u32..4), byte_string(1..50), any::<[u64; 2]>(), any::<[u32; 2]>());
    let entry = (kinds, common(), parts, option::of(gaps()));
    entry.prop_flat_map(|(kind, common, parts, gaps)| {
        let common = Entry { gaps: gaps.filter(|_| kind == Directory), ..common };
        let size = common.size;
        (Just((kind, common, parts)), holes(size)).prop_map(|((kind, common, parts), holes)| {
            let (content, tree, mut target, [device, inode], [major, minor]) = parts;
            let has_segments = content.as_ref().is_some_and(|content| content.segments.is_some());
            target.0.iter_mut().for_each(|byte| *byte = (*byte).max(1));
            Entry {
                kind,
                content: content.filter(|_| kind == File),
                holes: holes.filter(|_| kind == File && !has_segments),
                tree: tree.filter(|_| kind == Directory),
                link_target: Some(target).filter(|_| kind == Symlink),
                hard_link: Some(HardLink { device, inode }).filter(|_| kind != Directory),
                device: Some(Device { major, minor }).filter(|_| matches!(kind, CharDevice | BlockDevice)),
                ..common
            }
        })
    })
}

fn directory_leaf() -> impl Strategy<Value = DirectoryNode> {
    (vec(chunk_id(), 4), btree_map(name(), entry(), 1..12)).prop_map(|(ids, entries)| {
        let entries = entries.into_iter().map(|(name, entry)| Entry { name, ..entry }).collect();
        DirectoryNode::Leaf(DirectoryLeaf { ids, entries })
    })
}

fn directory_parts() -> impl Strategy<Value = DirectoryNode> {
    (1u8..=15, btree_map(name(), (chunk_id(), 1u64..1 << 50), 1..12)).prop_map(|(level, parts)| {
        let part = |(name, (id, entries)): (ByteString, _)| DirectoryPart { id, first_name: name.0, entries };
        DirectoryNode::Parts(level, parts.into_iter().map(part).collect())
    })
}

fn manifest() -> impl Strategy<Value = Manifest> {
    let root =
        (name(), any::<u8>(), byte_string(0..40)).prop_map(|(name, kind, path)| Root { name, kind: kind.into(), path });
    let seen = (lease_id(), bytes32()).prop_map(|(id, digest)| SeenManifest { id, digest });
    let what = (any::<u8>(), lease_id(), vec(chunk_id(), 3..9), option::of(lease_id()), vec(seen, 0..=16));
    let words = (text(), text(), vec(text(), 0..4), text());
    let numbers = (any::<i64>(), 0u32..1_000_000_000, any::<[u64; 3]>(), any::<[u64; 12]>());
    (what, words, numbers, vec(root, 0..4), option::of(0u32..3), vec(0u32..3, 0..3)).prop_map(
        |((kind, id, ids, parent, seen), (host, user, tags, program), numbers, roots, tree, lists)| {
            let (seconds, nanoseconds, [config_version, keyring_version, condemned_seen], n) = numbers;
            let suffering = n[3].is_multiple_of(2).then(|| seen.clone());
            let forgotten = n[1].is_multiple_of(2).then(|| seen.clone());
            let left_out = n[2].is_multiple_of(2).then(|| LeftOut {
                patterns: n[3].is_multiple_of(2).then(|| tags.clone()),
                ignore_file_name: n[4].is_multiple_of(2).then(|| host.clone()),
                options: n[5].is_multiple_of(2).then_some(u8::try_from(n[6] % 256).unwrap()),
            });
            let origin = n[6].is_multiple_of(2).then(|| Origin {
                repository: RepositoryId(id.0),
                id,
                digest: Bytes32([7; 32]),
                left_out: n[7].is_multiple_of(2).then(|| roots.iter().take(1).map(|root| root.name.clone()).collect()),
            });
            let second_copy = seen.first().filter(|_| n[8].is_multiple_of(2)).map(|newest| SecondCopy {
                repository: RepositoryId(id.0),
                place: host.clone(),
                newest: *newest,
                checked: seconds,
                level: u8::try_from(1 + n[9] % 3).unwrap(),
                only: n[9].is_multiple_of(2).then(|| tags.clone()),
                read_percent: n[10].is_multiple_of(2).then_some(u8::try_from(1 + n[11] % 100).unwrap()),
            });
            let held_folders = roots.iter().take(3).map(|root| HeldFolder { rule: kind, folder: root.path.clone() });
            let held_folders: Vec<_> = held_folders.collect();
            let evidence = n[9].is_multiple_of(2).then(|| evidence(kind, [&host, &user], &n, &seen));
            Manifest {
                kind: kind.into(),
                id,
                ids,
                seconds,
                nanoseconds,
                host,
                user,
                tags,
                program,
                parent,
                seen,
                config_version,
                keyring_version,
                condemned_seen,
                roots,
                tree,
                problems: Problems { count: n[0], lists },
                statistics: statistics(&n),
                forgotten,
                origin,
                left_out,
                suffering,
                second_copy,
                evidence,
                held: n[10].is_multiple_of(2).then_some(kind),
                held_folders: n[11].is_multiple_of(2).then_some(held_folders),
            }
        },
    )
}

fn action(kind: u8, words: [&String; 2], n: &[u64; 12]) -> Action {
    let [person, what] = words.map(String::clone);
    let about = n[7].is_multiple_of(2).then(|| what.clone());
    Action { number: n[8], seconds: n[9].cast_signed(), role: person.clone(), person, what, end: kind.into(), about }
}

fn evidence(kind: u8, words: [&String; 2], n: &[u64; 12], seen: &[SeenManifest]) -> Evidence {
    let [host, user] = words.map(String::clone);
    let packs = || n.iter().map(|number| number.to_le_bytes()).collect();
    Evidence {
        place: host.clone(),
        milliseconds: n[10],
        steps: vec![EvidenceStep {
            name: user.clone(),
            result: kind.into(),
            milliseconds: n[11],
            figures: vec![Figure { name: host.clone(), value: n[0] }],
            text: n[1].is_multiple_of(2).then_some(host),
        }],
        notes: vec![EvidenceNote { kind: kind.into(), step: 0, text: user }],
        readings: n[2].is_multiple_of(2).then(|| vec![Reading { seconds: n[4].cast_signed(), packs: packs() }]),
        damaged: n[5].is_multiple_of(2).then(packs),
        reviewed: n[3].is_multiple_of(2).then(|| seen.to_vec()),
        actions: n[6].is_multiple_of(2).then(|| vec![action(kind, words, n)]),
        snapshot: seen.last().copied(),
        ..Evidence::new(kind.into(), kind.into())
    }
}

fn statistics(n: &[u64; 12]) -> Statistics {
    Statistics {
        files: n[0],
        directories: n[1],
        others: n[2],
        total_bytes: n[3],
        new_files: n[4],
        changed_files: n[5],
        unchanged_files: n[6],
        read_bytes: n[7],
        new_chunks: n[8],
        new_bytes: n[9],
        stored_bytes: n[10],
        milliseconds: n[11],
        read_again_files: n[8].is_multiple_of(2).then_some(n[9]),
        signals: n[8].is_multiple_of(3).then_some(signals(n)),
        named_files: n[8].is_multiple_of(3).then_some(n[10]),
        named_files_missing: n[8].is_multiple_of(5).then_some(n[11]),
    }
}

fn signals(n: &[u64; 12]) -> Signals {
    Signals {
        judged_files: n[0],
        disagreeing_files: n[1],
        different_files: n[2],
        old_different_files: n[3],
        same_growth_files: n[4],
        same_growth_bytes: n[5].cast_signed(),
        gone_files: n[6],
        note_folders: n[7],
        shrunken_tables: n[8].is_multiple_of(2).then_some(n[9]),
    }
}

fn condemned() -> impl Strategy<Value = Condemned> {
    let packs = vec(any::<[u8; 32]>().prop_map(PackId), 0..5);
    btree_map(1u64..1 << 60, (any::<bool>(), packs), 0..5).prop_map(|lists| {
        let next = lists.last_key_value().map_or(1, |(number, _)| number + 1);
        let list = |(number, (doomed, packs))| {
            let phase = if doomed { Phase::Doomed } else { Phase::Condemned };
            CondemnedList { number, phase, packs }
        };
        Condemned { next, lists: lists.into_iter().map(list).collect() }
    })
}

proptest! {
    #[test]
    fn a_config_comes_back(x in config()) {
        prop_assert_eq!(Config::decode(&x.encode().unwrap()), Ok(x));
    }

    #[test]
    fn a_member_comes_back(x in member()) {
        prop_assert_eq!(Member::decode(&x.encode().unwrap()), Ok(x));
    }

    #[test]
    fn a_card_comes_back(x in card()) {
        prop_assert_eq!(Card::decode(&x.encode().unwrap()), Ok(x));
    }

    #[test]
    fn a_keyring_comes_back(x in keyring()) {
        prop_assert_eq!(Keyring::decode(&x.encode().unwrap()), Ok(x));
    }

    #[test]
    fn secrets_come_back_and_were_written_without_growing(keys in any::<[[u8; 32]; 3]>(), epochs in all_secrets()) {
        let [id, gear, link] = keys.map(Bytes32);
        let key = Bytes32;
        let epoch = |(number, n)| Epoch { number, data: key(n), meta: id, index: gear };
        let x = Secrets { id, gear, link, epochs: epochs.into_iter().map(epoch).collect(), closed: None };
        let bytes = x.encode().unwrap();
        prop_assert_eq!(bytes.capacity(), 192 * (1 + x.epochs.len()));
        prop_assert!(Secrets::decode(&bytes).unwrap() == x);
    }

    #[test]
    fn a_members_secret_comes_back_and_was_written_without_growing(joined in 1..=u64::MAX, k in secrets(), l in secrets()) {
        let x = MemberSecret { private_key: Bytes32(k), joined, link: Bytes32(l) };
        let bytes = x.encode().unwrap();
        prop_assert_eq!(bytes.capacity(), 128);
        prop_assert!(MemberSecret::decode(&bytes).unwrap() == x);
    }

    #[test]
    fn a_pack_table_comes_back(x in table(KeyClass::Data)) {
        prop_assert_eq!(PackTable::decode(&x.encode().unwrap()), Ok(x));
    }

    #[test]
    fn an_index_segment_comes_back(data in vec(table(KeyClass::Data), 0..3), meta in vec(table(KeyClass::Meta), 0..3)) {
        let data = data.into_iter().map(|t| samples::segment_pack(t, KeyClass::Data));
        let meta = meta.into_iter().map(|t| samples::segment_pack(t, KeyClass::Meta));
        let x: Vec<_> = data.chain(meta).collect();
        prop_assert_eq!(segment::decode(&samples::encode_segment(&x).unwrap()), Ok(x));
    }

    #[test]
    fn a_content_list_comes_back(x in content_node()) {
        prop_assert_eq!(ContentNode::decode(&x.encode().unwrap()), Ok(x));
    }

    #[test]
    fn a_directory_comes_back(x in prop_oneof![directory_leaf(), directory_parts()]) {
        prop_assert_eq!(DirectoryNode::decode(&x.encode().unwrap()), Ok(x));
    }

    #[test]
    fn any_program_can_take_any_node_apart(x in directory_leaf()) {
        let bytes = x.encode().unwrap();
        let raw = RawNode::decode(&bytes).unwrap();
        let DirectoryNode::Leaf(leaf) = x else { unreachable!() };
        prop_assert_eq!((raw.kind, raw.level, raw.ids), (2, 0, leaf.ids));
    }

    #[test]
    fn a_problem_list_comes_back(x in vec((byte_string(0..40), any::<u8>(), text()), 0..6)) {
        let x: Vec<_> = x.into_iter().map(|(path, kind, message)| Problem { path, kind: kind.into(), message }).collect();
        prop_assert_eq!(decode_problems(&encode_problems(&x).unwrap()), Ok(x));
    }

    #[test]
    fn a_manifest_comes_back(x in manifest()) {
        prop_assert_eq!(Manifest::decode(&x.encode().unwrap()), Ok(x));
    }

    #[test]
    fn a_lease_comes_back(
        id in lease_id(),
        w in any::<[u64; 2]>(),
        started in any::<i64>(),
        t in vec(text(), 3),
        machine in option::of(bytes32()),
        process_start in any::<Option<u64>>(),
        process_space in option::of(text()),
        purpose in any::<Option<u64>>(),
    ) {
        let [host, boot_id, program] = t.try_into().unwrap();
        let x = Lease {
            id, host, boot_id, process: w[0], started, seen: w[1], program, machine, process_start, process_space,
            purpose,
        };
        prop_assert_eq!(Lease::decode(&x.encode().unwrap()), Ok(x));
    }

    #[test]
    fn a_void_record_comes_back(id in lease_id(), time in any::<i64>(), host in text(), reason in text()) {
        let x = Void { id, time, host, reason };
        prop_assert_eq!(Void::decode(&x.encode().unwrap()), Ok(x));
    }

    #[test]
    fn condemned_packs_come_back(x in condemned()) {
        prop_assert_eq!(Condemned::decode(&x.encode().unwrap()), Ok(x));
    }

    #[test]
    fn a_clear_framing_comes_back(body in vec(any::<u8>(), 0..300), tag in any::<[u8; 32]>()) {
        let bytes = clear::encode(ObjectKind::Keyring, &body, |_| tag).unwrap();
        let object = clear::decode(ObjectKind::Keyring, &bytes, 300).unwrap();
        prop_assert_eq!((object.body, object.tag), (&*body, tag));
        prop_assert_eq!(object.tagged, &bytes[..20 + body.len()]);
    }

    #[test]
    fn an_envelope_comes_back(epoch: u32, salt in bytes32(), commitment in bytes32(), kind in 3usize..10, nth: usize) {
        let kind = ObjectKind::ALL[kind];
        let class = kind.classes()[nth % kind.classes().len()];
        let x = Envelope { kind, sealing: Sealing { class, epoch }, salt, commitment };
        prop_assert_eq!(Envelope::decode(&x.encode(), kind), Ok(x));
        let mut object = x.encode().to_vec();
        object.extend([7; 16]);
        prop_assert_eq!(sealed::decode(kind, &object, 0).unwrap().sealed, [7; 16]);
    }

    #[test]
    fn a_trailer_comes_back(table in 96u32..=16 << 20, chunks in 0u64..1 << 26) {
        let size = 80 + chunks + u64::from(table) + 8;
        prop_assert_eq!(decode_trailer(&encode_trailer(table), size), Ok(80 + chunks..size - 8));
    }

    #[test]
    fn an_id_comes_back_from_its_hex_digits(x in chunk_id()) {
        prop_assert_eq!(x.to_string().parse(), Ok(x));
        prop_assert!(x.to_string().to_uppercase().parse::<ChunkId>().is_err() || x.to_string().bytes().all(|b| b.is_ascii_digit()));
    }

    #[test]
    fn padme_grows_sizes_by_less_than_an_eighth_and_hides_the_low_bits(size in 2u64..1 << 62) {
        let padded = padme(size);
        let exponent = u64::from(size.ilog2());
        let significant = u64::from(exponent.ilog2()) + 1;
        prop_assert!(padded >= size && u128::from(padded) * 100 <= u128::from(size) * 112);
        prop_assert_eq!(padded % (1 << (exponent - significant.min(exponent))), 0);
        prop_assert!(padded - size < 1 << (exponent - significant.min(exponent)));
        prop_assert_eq!(padme(padded), padded);
    }
}

#[test]
fn padme_of_small_and_of_huge_sizes_is_as_the_paper_says() {
    assert_eq!([0, 1, 2, 3, 4, 5, 7, 8].map(padme), [0, 1, 2, 3, 4, 5, 7, 8]);
    assert_eq!([9, 11, 12, 17, 129, 257, 1000, 1_000_000].map(padme), [10, 12, 12, 18, 144, 272, 1024, 1_015_808]);
    assert_eq!([u64::MAX - 1, u64::MAX].map(padme), [u64::MAX; 2]);
}

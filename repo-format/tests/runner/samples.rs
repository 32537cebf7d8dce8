//! One fixed value of every kind of object and structure, and how each is decoded.

use repo_format::FormatError;
use repo_format::card::{Card, CardMode, NewestCopy};
use repo_format::cbor::ByteString;
use repo_format::clear;
use repo_format::condemned::{Condemned, CondemnedList, Phase};
use repo_format::config::{Conditions, ConditionsCheck, Config};
use repo_format::entry::*;
use repo_format::evidence::{
    self, Action, ActionEnd, Evidence, EvidenceKind, EvidenceNote, EvidenceNoteKind, EvidenceResult, EvidenceStep,
    Figure, Reading, Runs, ShortPacks,
};
use repo_format::head::{KeyClass, ObjectKind, Sealing};
use repo_format::id::*;
use repo_format::keyring::{ClosedEpochs, Epoch, Keyring, Recipient, Secrets};
use repo_format::lease::{Lease, Purpose, Void};
use repo_format::limits;
use repo_format::manifest::*;
use repo_format::member::*;
use repo_format::node::*;
use repo_format::note::{EpochNote, NotedLease};
use repo_format::pack::*;
use repo_format::sealed::{self, ENVELOPE_LEN, Envelope};
use repo_format::segment::{self, SegmentPack};

use crate::{database, log};

/// A value with its bytes.
#[derive(Clone)]
pub(crate) struct Sample {
    /// Name of its file in `tests/golden/v1`, without `.bin`.
    pub(crate) name: &'static str,
    /// The encoder's output.
    pub(crate) encoded: Vec<u8>,
    /// Decodes bytes and says whether they are this value.
    pub(crate) decode: fn(&[u8]) -> Result<bool, FormatError>,
}

impl Sample {
    /// Whether it ends with the checksum of everything before.
    pub(crate) fn has_checksum(&self) -> bool {
        let kinds = [1, 2, 3, 7, 8, 9, 10, 11, 12];
        self.encoded.starts_with(b"ENML") && kinds.contains(&self.encoded[5])
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Sample> {
    [objects(), plain_objects(), database::samples(), log::samples()].concat()
}

fn objects() -> Vec<Sample> {
    let sample = |name, encoded, decode| Sample { name, encoded, decode };
    vec![
        sample("config", framed(ObjectKind::Config, config().encode()), |b| {
            unframed(ObjectKind::Config, limits::SMALL_OBJECT, b, |body| Ok(Config::decode(body)? == config()))
        }),
        sample("config-exclusive", framed(ObjectKind::Config, exclusive_config().encode()), |b| {
            unframed(
                ObjectKind::Config,
                limits::SMALL_OBJECT,
                b,
                |body| Ok(Config::decode(body)? == exclusive_config()),
            )
        }),
        sample("member-password", framed(ObjectKind::Member, member(Some(Argon2Cost::DEFAULT)).encode()), |b| {
            let expected = member(Some(Argon2Cost::DEFAULT));
            unframed(ObjectKind::Member, limits::SMALL_OBJECT, b, |body| Ok(Member::decode(body)? == expected))
        }),
        sample("member-key-file", framed(ObjectKind::Member, member(None).encode()), |b| {
            unframed(ObjectKind::Member, limits::SMALL_OBJECT, b, |body| Ok(Member::decode(body)? == member(None)))
        }),
        sample("keyring", framed(ObjectKind::Keyring, keyring().encode()), |b| {
            unframed(ObjectKind::Keyring, limits::KEYRING, b, |body| Ok(Keyring::decode(body)? == keyring()))
        }),
        sample("keyring-retired", framed(ObjectKind::Keyring, keyring_that_retires().encode()), |b| {
            let expected = keyring_that_retires();
            unframed(ObjectKind::Keyring, limits::KEYRING, b, |body| Ok(Keyring::decode(body)? == expected))
        }),
        sample("card", framed(ObjectKind::Card, card().encode()), |b| {
            unframed(ObjectKind::Card, limits::CARD, b, |body| Ok(Card::decode(body)? == card()))
        }),
        sample("pack", pack(), decode_pack),
        sample("pack-table", sealed_object(ObjectKind::PackTable, KeyClass::Index), |b| {
            is_sealed(ObjectKind::PackTable, KeyClass::Index, sealed::decode(ObjectKind::PackTable, b, 1000)?)
        }),
        sample("index-segment", sealed_object(ObjectKind::Segment, KeyClass::Index), |b| {
            is_sealed(ObjectKind::Segment, KeyClass::Index, sealed::decode(ObjectKind::Segment, b, 1000)?)
        }),
        sample("manifest", checked_object(ObjectKind::Manifest, KeyClass::Meta), |b| {
            is_sealed(ObjectKind::Manifest, KeyClass::Meta, sealed::decode_checked(ObjectKind::Manifest, b, 1000)?)
        }),
        sample("void-record", checked_object(ObjectKind::Void, KeyClass::Meta), |b| {
            is_sealed(ObjectKind::Void, KeyClass::Meta, sealed::decode_checked(ObjectKind::Void, b, 1000)?)
        }),
        sample("lease", checked_object(ObjectKind::Lease, KeyClass::Index), |b| {
            is_sealed(ObjectKind::Lease, KeyClass::Index, sealed::decode_checked(ObjectKind::Lease, b, 1000)?)
        }),
        sample("list-of-condemned-packs", checked_object(ObjectKind::Condemned, KeyClass::Index), |b| {
            is_sealed(ObjectKind::Condemned, KeyClass::Index, sealed::decode_checked(ObjectKind::Condemned, b, 1000)?)
        }),
        sample("epoch-note", checked_object(ObjectKind::EpochNote, KeyClass::Meta), |b| {
            is_sealed(ObjectKind::EpochNote, KeyClass::Meta, sealed::decode_checked(ObjectKind::EpochNote, b, 1000)?)
        }),
    ]
}

/// Plain contents of sealed objects.
fn plain_objects() -> Vec<Sample> {
    let sample = |name, encoded, decode| Sample { name, encoded, decode };
    vec![
        sample("plain-epoch-note", note().encode().unwrap(), |b| Ok(EpochNote::decode(b)? == note())),
        sample("plain-member-secret", member_secret().encode().unwrap(), |b| {
            Ok(MemberSecret::decode(b)? == member_secret())
        }),
        sample("plain-secrets", secrets().encode().unwrap(), |b| Ok(Secrets::decode(b)? == secrets())),
        sample("plain-secrets-closed", secrets_closed().encode().unwrap(), |b| {
            Ok(Secrets::decode(b)? == secrets_closed())
        }),
        sample("plain-pack-table", table().encode().unwrap(), |b| Ok(PackTable::decode(b)? == table())),
        sample("plain-index-segment", segment_bytes(), |b| Ok(segment::decode(b)? == segment_packs())),
        sample("plain-node-content-0", content_leaf().encode().unwrap(), |b| {
            Ok(ContentNode::decode(b)? == content_leaf())
        }),
        sample("plain-node-content-1", content_list().encode().unwrap(), |b| {
            Ok(ContentNode::decode(b)? == content_list())
        }),
        sample("plain-node-directory-0", directory_leaf().encode().unwrap(), |b| {
            Ok(DirectoryNode::decode(b)? == directory_leaf())
        }),
        sample("plain-node-directory-gaps", directory_with_gaps().encode().unwrap(), |b| {
            Ok(DirectoryNode::decode(b)? == directory_with_gaps())
        }),
        sample("plain-node-directory-1", directory_parts().encode().unwrap(), |b| {
            Ok(DirectoryNode::decode(b)? == directory_parts())
        }),
        sample("plain-node-problems", encode_problems(&problems()).unwrap(), |b| Ok(decode_problems(b)? == problems())),
        sample("plain-manifest", manifest().encode().unwrap(), |b| Ok(Manifest::decode(b)? == manifest())),
        sample("plain-manifest-left-out", manifest_with_left_out().encode().unwrap(), |b| {
            Ok(Manifest::decode(b)? == manifest_with_left_out())
        }),
        sample("plain-manifest-forget", forget_record().encode().unwrap(), |b| {
            Ok(Manifest::decode(b)? == forget_record())
        }),
        sample("plain-manifest-suffering", suffering_record().encode().unwrap(), |b| {
            Ok(Manifest::decode(b)? == suffering_record())
        }),
        sample("plain-manifest-copied", copied_manifest().encode().unwrap(), |b| {
            Ok(Manifest::decode(b)? == copied_manifest())
        }),
        sample("plain-manifest-second-copy", second_copy_record().encode().unwrap(), |b| {
            Ok(Manifest::decode(b)? == second_copy_record())
        }),
        sample("plain-manifest-evidence", evidence_manifest().encode().unwrap(), |b| {
            Ok(Manifest::decode(b)? == evidence_manifest())
        }),
        sample("plain-manifest-actions", actions_manifest().encode().unwrap(), |b| {
            Ok(Manifest::decode(b)? == actions_manifest())
        }),
        sample("plain-lease", lease().encode().unwrap(), |b| Ok(Lease::decode(b)? == lease())),
        sample("plain-lease-lone", lone_lease().encode().unwrap(), |b| Ok(Lease::decode(b)? == lone_lease())),
        sample("plain-lease-whole", whole_lease().encode().unwrap(), |b| Ok(Lease::decode(b)? == whole_lease())),
        sample("plain-void-record", void().encode().unwrap(), |b| Ok(Void::decode(b)? == void())),
        sample("plain-condemned", condemned().encode().unwrap(), |b| Ok(Condemned::decode(b)? == condemned())),
    ]
}

/// The sample of this name.
pub(crate) fn named(name: &str) -> Sample {
    all().into_iter().find(|sample| sample.name == name).unwrap()
}

/// 32 bytes that differ from those of any other `n`.
pub(crate) fn bytes32(n: u8) -> [u8; 32] {
    std::array::from_fn(|i| n.wrapping_mul(16).wrapping_add(u8::try_from(i).unwrap()))
}

fn bytes16(n: u8) -> [u8; 16] {
    *bytes32(n).first_chunk().unwrap()
}

/// Frames a clear object; its tag is the hash of what it authenticates, and a member's is zero.
pub(crate) fn framed(kind: ObjectKind, body: Result<Vec<u8>, FormatError>) -> Vec<u8> {
    let tag = |tagged: &[u8]| match kind {
        ObjectKind::Member => [0; 32],
        _ => blake3::keyed_hash(&bytes32(1), tagged).into(),
    };
    clear::encode(kind, &body.unwrap(), tag).unwrap()
}

fn unframed(
    kind: ObjectKind,
    limit: u64,
    bytes: &[u8],
    decode: impl FnOnce(&[u8]) -> Result<bool, FormatError>,
) -> Result<bool, FormatError> {
    let object = clear::decode(kind, bytes, limit)?;
    let tag_fits =
        kind == ObjectKind::Member || object.tag == *blake3::keyed_hash(&bytes32(1), object.tagged).as_bytes();
    Ok(decode(object.body)? && tag_fits)
}

pub(crate) fn envelope(kind: ObjectKind, class: KeyClass) -> Envelope {
    let sealing = Sealing { class, epoch: 0x0102_0304 };
    Envelope { kind, sealing, salt: Bytes32(bytes32(2)), commitment: Bytes32(bytes32(3)) }
}

/// A sealed object without contents: an envelope, and bytes in place of a GCM tag.
fn sealed_object(kind: ObjectKind, class: KeyClass) -> Vec<u8> {
    let mut out = envelope(kind, class).encode().to_vec();
    out.extend([0xee; 16]);
    out
}

fn checked_object(kind: ObjectKind, class: KeyClass) -> Vec<u8> {
    let mut out = sealed_object(kind, class);
    let checksum = blake3::hash(&out);
    out.extend(checksum.as_bytes());
    out
}

fn is_sealed(kind: ObjectKind, class: KeyClass, object: sealed::SealedObject<'_>) -> Result<bool, FormatError> {
    Ok(object.envelope == envelope(kind, class) && object.sealed == [0xee; 16])
}

/// Two sealed chunks and a sealed table, all without encryption.
fn pack() -> Vec<u8> {
    let mut out = envelope(ObjectKind::Pack, KeyClass::Data).encode().to_vec();
    out.extend([0xc0; 40]);
    let table = sealed_object(ObjectKind::PackTable, KeyClass::Index);
    let trailer = encode_trailer(u32::try_from(table.len()).unwrap());
    out.extend(table);
    out.extend(trailer);
    out
}

fn decode_pack(bytes: &[u8]) -> Result<bool, FormatError> {
    let trailer = &bytes[bytes.len().saturating_sub(TRAILER_LEN)..];
    let range = decode_trailer(trailer, bytes.len() as u64)?;
    let [start, end] = [range.start, range.end].map(|n| usize::try_from(n).unwrap());
    let table = sealed::decode(ObjectKind::PackTable, &bytes[start..end], limits::PACK_TABLE)?;
    let own = Envelope::decode(bytes, ObjectKind::Pack)?;
    let own_ok = own == envelope(ObjectKind::Pack, KeyClass::Data) && bytes[ENVELOPE_LEN..start] == [0xc0; 40];
    Ok(own_ok && is_sealed(ObjectKind::PackTable, KeyClass::Index, table)?)
}

/// The config of a repository whose store has no conditions.
pub(crate) fn exclusive_config() -> Config {
    let checked = ConditionsCheck::new(1_800_000_000, Conditions::Missing);
    let mut config = Config { conditions: Some(checked), ..Config::new(RepositoryId(bytes16(4)), 1_800_000_000) };
    config.make_exclusive();
    config
}

pub(crate) fn config() -> Config {
    Config {
        flags_read: vec!["future-read".to_owned()],
        flags_write: vec!["future-write".to_owned()],
        flags_prune: vec!["future-prune".to_owned()],
        version: 7,
        zstd_level: -3,
        ..Config::new(RepositoryId(bytes16(4)), 1_800_000_000)
    }
}

pub(crate) fn member(cost: Option<Argon2Cost>) -> Member {
    Member {
        id: MemberId(bytes16(5)),
        label: "Ada’s laptop".to_owned(),
        created: 1_800_000_001,
        public_key: Bytes32(bytes32(6)),
        wrap: if cost.is_some() { WrapKind::Argon2id } else { WrapKind::KeyFile },
        memory_kib: cost.map(|c| c.memory_kib),
        passes: cost.map(|c| c.passes),
        lanes: cost.map(|c| c.lanes),
        salt: Bytes32(bytes32(7)),
        commitment: Bytes32(bytes32(8)),
        wrapped: ByteString(vec![0x77; 97]),
    }
}

pub(crate) fn member_secret() -> MemberSecret {
    MemberSecret { private_key: Bytes32(bytes32(9)), joined: 3, link: Bytes32(bytes32(10)) }
}

pub(crate) fn keyring() -> Keyring {
    let recipient = |n| Recipient {
        member: MemberId(bytes16(n)),
        encapsulated: Bytes32(bytes32(n + 1)),
        sealed: ByteString(vec![n; 48]),
        public_key: Bytes32(bytes32(n + 2)),
    };
    let recipients = vec![recipient(5), recipient(1)];
    Keyring { version: 3, created: 1_800_000_002, recipients, sealed: ByteString(vec![0x5e; 300]), retired: None }
}

/// A version that retires two members.
pub(crate) fn keyring_that_retires() -> Keyring {
    Keyring { version: 4, retired: Some(vec![MemberId(bytes16(3)), MemberId(bytes16(7))]), ..keyring() }
}

pub(crate) fn card() -> Card {
    Card {
        repository: config().repository,
        practice: "4711".to_owned(),
        newest: Some(NewestCopy { time: 1_800_000_100, id: LeaseId(bytes16(6)) }),
        verified: Some(1_800_000_200),
        level: Some(3),
        interval: 86_400,
        administrator: Some(MemberId(bytes16(5))),
        mode: CardMode::On,
        program: "enamel 0.1.0".to_owned(),
        number: Some(12),
    }
}

pub(crate) fn secrets() -> Secrets {
    let epoch = |number, n| Epoch {
        number,
        data: Bytes32(bytes32(n)),
        meta: Bytes32(bytes32(n + 1)),
        index: Bytes32(bytes32(n + 2)),
    };
    Secrets {
        id: Bytes32(bytes32(11)),
        gear: Bytes32(bytes32(12)),
        link: Bytes32(bytes32(13)),
        epochs: vec![epoch(1, 1), epoch(300, 4)],
        closed: None,
    }
}

/// Secrets of a repository whose first epoch is closed.
pub(crate) fn secrets_closed() -> Secrets {
    let closed = ClosedEpochs { epoch: 1, note: note().id, digest: Bytes32(bytes32(14)) };
    Secrets { closed: Some(closed), ..secrets() }
}

pub(crate) fn note() -> EpochNote {
    let seen = |n| SeenManifest { id: LeaseId(bytes16(n)), digest: Bytes32(bytes32(n + 1)) };
    EpochNote {
        id: NoteId(bytes16(3)),
        epoch: 1,
        manifests: vec![seen(1), seen(2)],
        segments: Some(vec![SegmentId(bytes32(4)), SegmentId(bytes32(5))]),
        leases: Some(vec![NotedLease { id: LeaseId(bytes16(6)), digest: Bytes32(bytes32(7)) }]),
        condemned: Some(Bytes32(bytes32(8))),
    }
}

pub(crate) fn table() -> PackTable {
    let salt = |epoch, n| ForeignSalt { epoch, salt: Bytes32(bytes32(n)) };
    let entry = |id, kind, salt, position, sealed_len, plain_len| TableEntry {
        id: ChunkId(id),
        kind,
        salt,
        position,
        sealed_len,
        plain_len,
    };
    PackTable {
        salts: vec![salt(1, 1), salt(0xffff_fffe, 2)],
        entries: vec![
            entry(bytes32(3), ChunkKind::Data, 0, 0, 1017, 4096),
            entry(bytes32(4), ChunkKind::Data, 2, 0x0102_0304, 8 * 1024 * 1024 + 17, 8 * 1024 * 1024),
            entry([0; 32], ChunkKind::Padding, 0, 1, 17, 0),
        ],
    }
}

pub(crate) fn segment_packs() -> Vec<SegmentPack> {
    let node = |kind| TableEntry {
        id: ChunkId(if kind == ChunkKind::Node { bytes32(9) } else { [0; 32] }),
        kind,
        salt: 0,
        position: 5,
        sealed_len: 100,
        plain_len: 200,
    };
    let tables = [table(), PackTable { salts: vec![], entries: vec![node(ChunkKind::Node), node(ChunkKind::Padding)] }];
    let classes = [KeyClass::Data, KeyClass::Meta];
    let pack = |(table, class)| segment_pack(table, class);
    std::iter::zip(tables, classes).map(pack).collect()
}

/// A pack with this table, and so of the only size that it can have.
pub(crate) fn segment_pack(table: PackTable, class: KeyClass) -> SegmentPack {
    let table_len = 7 + table.salts.len() * SALT_LEN + table.entries.len() * TABLE_ENTRY_LEN + TABLE_OVERHEAD;
    let size = (ENVELOPE_LEN + table_len + TRAILER_LEN) as u64 + table.chunks_len();
    let sealing = Sealing { class, epoch: 300 };
    SegmentPack { id: PackId(bytes32(14)), size, sealing, salt: Bytes32(bytes32(15)), table }
}

fn segment_bytes() -> Vec<u8> {
    encode_segment(&segment_packs()).unwrap()
}

pub(crate) fn encode_segment(packs: &[SegmentPack]) -> Result<Vec<u8>, FormatError> {
    let mut bytes = Vec::new();
    packs.iter().try_for_each(|pack| pack.encode_into(&mut bytes))?;
    segment::encode(u32::try_from(packs.len()).unwrap(), &bytes)
}

pub(crate) fn content_leaf() -> ContentNode {
    let item = |n, len| ContentItem { id: ChunkId(bytes32(n)), len };
    ContentNode { level: 0, items: vec![item(1, 1), item(2, 8 * 1024 * 1024), item(1, 1)] }
}

pub(crate) fn content_list() -> ContentNode {
    let item = |n, len| ContentItem { id: ChunkId(bytes32(n)), len };
    ContentNode { level: 1, items: vec![item(3, 1 << 40), item(4, 0x0102_0304_0506_0708)] }
}

/// A file with every field that a file can have.
pub(crate) fn full_file() -> Entry {
    let xattr = |name: &[u8], value: &[u8]| Xattr { name: ByteString(name.into()), value: ByteString(value.into()) };
    let direct = vec![DirectChunk { place: 1, len: 5000 }, DirectChunk { place: 0, len: 8 * 1024 * 1024 }];
    Entry {
        mode: 0o4755,
        uid: 1000,
        gid: 70_000,
        user: Some("ada".to_owned()),
        group: Some("staff".to_owned()),
        mtime_seconds: 1_800_000_003,
        mtime_nanoseconds: 999_999_999,
        ctime_seconds: -5,
        ctime_nanoseconds: 1,
        inode: 1 << 40,
        size: 5000 + 8 * 1024 * 1024 + 4096 + 1,
        content: Some(Content { direct: Some(direct), ..Content::default() }),
        xattrs: Some(vec![xattr(b"user.a", b""), xattr(b"user.b", b"\x00\xff")]),
        hard_link: Some(HardLink { device: 2049, inode: 1 << 40 }),
        holes: Some(vec![Hole { offset: 0, len: 4096 }, Hole { offset: 10_000, len: 1 }]),
        state: Some(STATE_RACY | STATE_CHANGED),
        ..Entry::new(b"every field\xff".to_vec(), EntryKind::File)
    }
}

/// One entry of each kind and each form of content: together they use every field.
pub(crate) fn entries() -> Vec<Entry> {
    let entry = |name: &str, kind| Entry::new(name.into(), kind);
    let content = |inline: Option<&[u8]>, list| {
        Some(Content { inline: inline.map(|b| ByteString(b.to_vec())), direct: None, list, segments: None })
    };
    let device = Some(Device { major: 8, minor: 1 << 19 });
    vec![
        Entry { device, ..entry("block", EntryKind::BlockDevice) },
        Entry { device, ..entry("char", EntryKind::CharDevice) },
        full_file(),
        entry("fifo", EntryKind::Fifo),
        Entry { tree: Some(2), ..entry("folder", EntryKind::Directory) },
        entry("folder, empty", EntryKind::Directory),
        Entry { size: 3, content: content(Some(b"abc"), None), ..entry("inline", EntryKind::File) },
        Entry { link_target: Some(ByteString(b"../x".to_vec())), ..entry("link", EntryKind::Symlink) },
        Entry { size: 1 << 50, content: content(None, Some(3)), ..entry("list", EntryKind::File) },
        entry("minimal", EntryKind::File),
        entry("socket", EntryKind::Socket),
    ]
}

/// Folders with gaps.
pub(crate) fn directory_with_gaps() -> DirectoryNode {
    let folder = |name: &str, why, names: Option<&[&str]>| {
        let names = names.map(|names| names.iter().map(|name| ByteString(name.as_bytes().to_vec())).collect());
        Entry { gaps: Some(Gaps { why, names }), ..Entry::new(name.into(), EntryKind::Directory) }
    };
    let entries = vec![
        folder("elsewhere", GAP_ELSEWHERE, None),
        folder("named", GAP_RULE | GAP_UNREADABLE | GAP_OTHER, Some(&["a", "b\u{1f4a9}"])),
    ];
    DirectoryNode::Leaf(DirectoryLeaf { ids: Vec::new(), entries })
}

pub(crate) fn directory_leaf() -> DirectoryNode {
    DirectoryNode::Leaf(DirectoryLeaf { ids: [1, 2, 3, 4].map(|n| ChunkId(bytes32(n))).to_vec(), entries: entries() })
}

pub(crate) fn directory_parts() -> DirectoryNode {
    let part = |n, name: &[u8], entries| DirectoryPart { id: ChunkId(bytes32(n)), first_name: name.to_vec(), entries };
    DirectoryNode::Parts(1, vec![part(5, b"a", 1), part(6, b"b\xff", 1 << 33)])
}

pub(crate) fn problems() -> Vec<Problem> {
    let problem = |path: &[u8], kind, message: &str| Problem {
        path: ByteString(path.to_vec()),
        kind,
        message: message.to_owned(),
    };
    vec![
        problem(b"/etc/shadow", ProblemKind::Unreadable, "permission denied"),
        problem(b"/\xff", ProblemKind::Other(200), ""),
    ]
}

pub(crate) fn manifest() -> Manifest {
    let root = |name: &[u8], kind, path: &[u8]| Root {
        name: ByteString(name.to_vec()),
        kind,
        path: ByteString(path.to_vec()),
    };
    Manifest {
        kind: ManifestKind::Snapshot,
        id: LeaseId(bytes16(1)),
        ids: [2, 3, 4].map(|n| ChunkId(bytes32(n))).to_vec(),
        seconds: 1_800_000_004,
        nanoseconds: 5,
        host: "host".to_owned(),
        user: "ada".to_owned(),
        tags: vec!["nightly".to_owned(), String::new()],
        program: "enamel 0.1.0".to_owned(),
        parent: Some(LeaseId(bytes16(5))),
        seen: vec![SeenManifest { id: LeaseId(bytes16(5)), digest: Bytes32(bytes32(6)) }],
        config_version: 7,
        keyring_version: 3,
        condemned_seen: 4,
        roots: vec![root(b"home", RootKind::Folder, b"/home"), root(b"dump.sql", RootKind::Stream, b"dump.sql")],
        tree: Some(2),
        problems: Problems { count: 2, lists: vec![0, 1] },
        statistics: Statistics {
            files: 1,
            directories: 2,
            others: 3,
            total_bytes: 1 << 50,
            new_files: 5,
            changed_files: 6,
            unchanged_files: 7,
            read_bytes: 8,
            new_chunks: 9,
            new_bytes: 10,
            stored_bytes: 11,
            milliseconds: 12,
            read_again_files: None,
            signals: None,
            named_files: None,
            named_files_missing: None,
        },
        forgotten: None,
        origin: None,
        left_out: None,
        suffering: None,
        second_copy: None,
        evidence: None,
        held: None,
        held_folders: None,
    }
}

/// A copy of a snapshot, without one of its roots.
pub(crate) fn copied_manifest() -> Manifest {
    let mut roots = manifest().roots;
    let left_out = Some(vec![roots.remove(0).name]);
    let (repository, id, digest) = (RepositoryId(bytes16(8)), LeaseId(bytes16(9)), Bytes32(bytes32(10)));
    Manifest { roots, parent: None, origin: Some(Origin { repository, id, digest, left_out }), ..manifest() }
}

/// A record of a second copy.
pub(crate) fn second_copy_record() -> Manifest {
    let second_copy = SecondCopy {
        repository: RepositoryId(bytes16(8)),
        place: "s3://practice/copy".to_owned(),
        newest: SeenManifest { id: LeaseId(bytes16(5)), digest: Bytes32(bytes32(6)) },
        checked: 1_800_000_009,
        level: 3,
        only: Some(vec!["database".to_owned()]),
        read_percent: Some(5),
    };
    Manifest { second_copy: Some(second_copy), forgotten: None, ..forget_record() }
}

/// Evidence with all that it may have.
pub(crate) fn evidence() -> Evidence {
    let packs = |from: u8| ShortPacks::of((from..from + 3).map(|n| PackId(bytes32(n))));
    let reference = |n| SeenManifest { id: LeaseId(bytes16(n)), digest: Bytes32(bytes32(n + 1)) };
    Evidence {
        place: "s3://practice/backup".to_owned(),
        milliseconds: 12_200,
        steps: vec![EvidenceStep {
            name: "restore".to_owned(),
            result: EvidenceResult::Passed,
            milliseconds: 3_700,
            figures: vec![Figure { name: "rows".to_owned(), value: 146_006 }],
            text: Some("MariaDB 10.11.6".to_owned()),
        }],
        notes: vec![EvidenceNote { kind: EvidenceNoteKind::Note, step: 0, text: "a file is missing".to_owned() }],
        notes_left_out: Some(2),
        by: Some("Dr. Dana Doe".to_owned()),
        snapshot: Some(reference(5)),
        copy: Some(RepositoryId(bytes16(8))),
        sample: Some(evidence::Sample {
            seed: Bytes32(bytes32(11)),
            count: 200,
            of: 1_200,
            digest: Bytes32(bytes32(12)),
        }),
        readings: Some(vec![Reading { seconds: 1_800_000_000, packs: packs(1) }]),
        damaged: Some(packs(4)),
        runs: Some(Runs { count: 30, first: 1_797_000_000, last: 1_800_000_000 }),
        reviewed: Some(vec![reference(7)]),
        ..Evidence::new(EvidenceKind::Drill, EvidenceResult::PassedWithNotes)
    }
}

/// A manifest of evidence.
pub(crate) fn evidence_manifest() -> Manifest {
    Manifest { kind: ManifestKind::Evidence, forgotten: None, evidence: Some(evidence()), ..forget_record() }
}

/// Actions of two people.
pub(crate) fn actions_manifest() -> Manifest {
    let action = |number, person: &str, end, about: Option<&str>| Action {
        number,
        seconds: 1_800_000_000,
        person: person.to_owned(),
        role: "staff".to_owned(),
        what: "bring back into a folder".to_owned(),
        end,
        about: about.map(str::to_owned),
    };
    let actions = vec![
        action(u64::MAX, "Dana", ActionEnd::Done, Some("backup 0102030405060708")),
        action(1, "Dr. Bell", ActionEnd::Stopped, None),
    ];
    let evidence = Evidence {
        place: "s3://practice/backup".to_owned(),
        actions: Some(actions),
        ..Evidence::new(EvidenceKind::Actions, EvidenceResult::Passed)
    };
    Manifest { evidence: Some(evidence), ..evidence_manifest() }
}

/// A snapshot that says what was not to be saved.
pub(crate) fn manifest_with_left_out() -> Manifest {
    let left_out = LeftOut {
        patterns: Some(vec!["*.tmp".to_owned(), "!/keep.tmp".to_owned()]),
        ignore_file_name: Some(".enamelignore".to_owned()),
        options: Some(LEFT_OUT_CACHES | LEFT_OUT_FILE_SYSTEMS),
    };
    Manifest { left_out: Some(left_out), ..manifest() }
}

/// A record that says what was forgotten.
pub(crate) fn forget_record() -> Manifest {
    let forgotten = [5, 7, 8].map(|n| SeenManifest { id: LeaseId(bytes16(n)), digest: Bytes32(bytes32(n + 1)) });
    Manifest {
        kind: ManifestKind::Record,
        id: LeaseId(bytes16(9)),
        ids: Vec::new(),
        tags: Vec::new(),
        parent: None,
        roots: Vec::new(),
        tree: None,
        problems: Problems::default(),
        statistics: Statistics::default(),
        forgotten: Some(forgotten.to_vec()),
        ..manifest()
    }
}

/// A record that says which manifests suffer.
pub(crate) fn suffering_record() -> Manifest {
    let record = forget_record();
    Manifest { suffering: record.forgotten, forgotten: None, ..forget_record() }
}

pub(crate) fn lease() -> Lease {
    Lease {
        id: LeaseId(bytes16(1)),
        host: "host".to_owned(),
        boot_id: "0d1e2f".to_owned(),
        process: 4321,
        started: 1_800_000_005,
        seen: 2,
        program: "enamel 0.1.0".to_owned(),
        machine: None,
        process_start: None,
        process_space: None,
        purpose: None,
    }
}

/// A lease of somebody who prunes alone.
pub(crate) fn lone_lease() -> Lease {
    Lease { purpose: Some(Purpose::Prune.number()), ..whole_lease() }
}

/// A lease with all that may be known of the machine and the process.
pub(crate) fn whole_lease() -> Lease {
    Lease {
        machine: Some(Bytes32(bytes32(7))),
        process_start: Some(102_585),
        process_space: Some("pid:[4026531836]".to_owned()),
        ..lease()
    }
}

pub(crate) fn void() -> Void {
    let reason = "its writer is gone".to_owned();
    Void { id: LeaseId(bytes16(1)), time: 1_800_000_006, host: "host".to_owned(), reason }
}

pub(crate) fn condemned() -> Condemned {
    let list = |number, phase, packs: &[u8]| CondemnedList {
        number,
        phase,
        packs: packs.iter().map(|n| PackId(bytes32(*n))).collect(),
    };
    Condemned { next: 9, lists: vec![list(5, Phase::Doomed, &[1, 2]), list(8, Phase::Condemned, &[])] }
}

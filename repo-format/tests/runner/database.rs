//! Databases: one fixed value of every record and of segment lists, what is refused of them, and that the rest comes back.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use repo_format::FormatError;
use repo_format::cbor::{self, ByteString};
use repo_format::database::*;
use repo_format::entry::{Content, DirectChunk, Entry, EntryKind};
use repo_format::id::{Bytes32, ChunkId, LeaseId, PurgeId};
use repo_format::limits;
use repo_format::node::{DirectoryLeaf, DirectoryNode, RawNode};
use repo_format::segments::{Segment, SegmentNode, SegmentPart};

use crate::malformed::refused;
use crate::samples::{Sample, bytes32};

/// All of them, with how each is decoded.
pub(crate) fn samples() -> Vec<Sample> {
    let sample = |name, encoded, decode| Sample { name, encoded, decode };
    vec![
        sample("plain-node-directory-rows", table_directory().encode().unwrap(), |b| {
            Ok(DirectoryNode::decode(b)? == table_directory())
        }),
        sample("plain-node-segments-0", segment_leaf().encode().unwrap(), |b| {
            Ok(SegmentNode::decode(b)? == segment_leaf())
        }),
        sample("plain-node-segments-1", segment_parts().encode().unwrap(), |b| {
            Ok(SegmentNode::decode(b)? == segment_parts())
        }),
        sample("plain-server-record", server().encode().unwrap(), |b| Ok(ServerRecord::decode(b)? == server())),
        sample("plain-accounts-record", accounts().encode().unwrap(), |b| Ok(AccountsRecord::decode(b)? == accounts())),
        sample("plain-receipt-record", receipt().encode().unwrap(), |b| Ok(ReceiptRecord::decode(b)? == receipt())),
        sample("plain-schema-record", schema().encode().unwrap(), |b| Ok(SchemaRecord::decode(b)? == schema())),
        sample("plain-table-record", table().encode().unwrap(), |b| Ok(TableRecord::decode(b)? == table())),
    ]
}

fn owned(text: &str) -> String {
    text.to_owned()
}

fn bytes(text: &str) -> ByteString {
    ByteString(text.into())
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(crate) fn server() -> ServerRecord {
    ServerRecord {
        flavour: Flavour::MariaDb,
        version: owned("10.11.6-MariaDB"),
        identity: owned("identity"),
        hostname: owned("db"),
        started: 1_800_000_000,
        clock_ahead: -250,
        time_zone: owned("SYSTEM/UTC"),
        variables: vec![Variable { name: owned("sql_mode"), value: String::new() }],
        binlog: Some(Binlog {
            file: owned("binlog.000001"),
            position: 1 << 40,
            gtid: owned("0-1-2"),
            format: owned("ROW"),
            row_image: owned("FULL"),
            filters: String::new(),
        }),
        moment: Moment {
            seconds: 1_800_000_100,
            microseconds: 999_999,
            attempts: 2,
            method: owned("backup stages"),
            commits_blocked: 3,
            tables_locked: 1000,
            longest_wait: 4,
        },
        carried: vec![CarriedTable { schema: owned("s"), table: owned("old"), read: 1_799_000_000 }],
        late: vec![LateTable {
            schema: owned("s"),
            table: owned("hot"),
            read: 1_800_000_200,
            why: owned("waited for"),
            before: Some(BinlogPlace { file: owned("binlog.000001"), position: 1 << 41 }),
            after: Some(BinlogPlace { file: owned("binlog.000002"), position: 4 }),
        }],
        left_out: vec![LeftOut { schema: owned("s"), name: owned("v"), what: owned("view"), why: owned("not valid") }],
        profile: Some(ProfileRecord {
            name: owned("opendental"),
            settings: vec![Variable { name: owned("DocPath"), value: owned("/images") }],
        }),
        alterations: Some(Alterations { count: 12, since: 1_799_900_000 }),
        in_part: Some(vec![PartlyReadTable { schema: owned("s"), table: owned("t"), read: 1_799_800_000, rows: 3 }]),
    }
}

pub(crate) fn accounts() -> AccountsRecord {
    AccountsRecord {
        accounts: vec![Account {
            name: owned("'ada'@'%'"),
            create: owned("CREATE USER `ada`@`%`"),
            grants: vec![owned("GRANT SELECT ON `s`.* TO `ada`@`%`")],
        }],
    }
}

fn key_range(first: &str, last: &str) -> KeyRange {
    KeyRange { first: bytes(first), last: bytes(last) }
}

fn purged_file(path: &str, size: u64) -> PurgedFile {
    PurgedFile { path: bytes(path), size }
}

pub(crate) fn receipt() -> ReceiptRecord {
    ReceiptRecord {
        purge: PurgeId([7; 16]),
        phase: PurgePhase::Ended,
        operator: owned("ada"),
        host: owned("office"),
        reason: owned("the log is full"),
        plan: Bytes32(bytes32(8)),
        cutoff: owned("before 2020-01-01 00:00"),
        snapshot: LeaseId([9; 16]),
        server: owned("identity"),
        started: 1_800_000_300,
        ended: Some(1_800_000_400),
        tables: vec![PurgedTable {
            schema: owned("s"),
            table: owned("t"),
            category: owned("log"),
            ranges: vec![key_range("1", "22"), key_range("24", "24")],
            rows: 1 << 33,
            first_date: some("2001-02-03 04:05:06"),
            last_date: some("2019-12-31 23:59:59"),
            left: vec![Left { rows: 2, why: owned("changed since") }],
        }],
        files: Some(PurgedFiles {
            files: vec![purged_file("In/a.pdf", 0), purged_file("In/b.pdf", 1 << 33)],
            left: vec![LeftFiles { files: 2, why: owned("changed since") }],
        }),
    }
}

pub(crate) fn schema() -> SchemaRecord {
    let object = |kind, name: &str, create: &str| SchemaObject {
        kind,
        name: owned(name),
        create: bytes(create),
        sql_mode: None,
        client_character_set: None,
        connection_collation: None,
        database_collation: None,
        definer: None,
        time_zone: None,
        table: None,
        next_value: None,
        cycles: None,
        status: None,
        columns: None,
    };
    SchemaRecord {
        name: owned("s"),
        character_set: owned("utf8mb4"),
        collation: owned("utf8mb4_general_ci"),
        comment: some("the practice's"),
        objects: vec![
            SchemaObject {
                next_value: Some(-5),
                cycles: Some(1),
                ..object(ObjectType::Sequence, "q", "CREATE SEQUENCE `q`")
            },
            SchemaObject { columns: Some(vec![owned("c")]), ..object(ObjectType::View, "v", "CREATE VIEW `v` AS …") },
            SchemaObject {
                sql_mode: some(""),
                client_character_set: some("latin1"),
                connection_collation: some("latin1_swedish_ci"),
                database_collation: some("utf8mb4_general_ci"),
                definer: some("ada@%"),
                table: some("t"),
                ..object(ObjectType::Trigger, "g", "CREATE TRIGGER `g` …")
            },
            SchemaObject {
                time_zone: some("SYSTEM"),
                status: some("ENABLED"),
                ..object(ObjectType::Event, "e", "CREATE EVENT `e` …")
            },
        ],
    }
}

pub(crate) fn column(name: &str, encoding: ValueEncoding) -> Column {
    Column::new(name, "int(11)", encoding)
}

pub(crate) fn table() -> TableRecord {
    TableRecord {
        name: owned("t"),
        create: ByteString(b"CREATE TABLE `t` (\xff)".to_vec()),
        engine: owned("MyISAM"),
        columns: vec![
            Column { auto_increment: Some(true), ..column("id", ValueEncoding::Integer) },
            Column { character_set: some("latin1"), ..column("text", ValueEncoding::Bytes) },
            Column {
                select: some("CAST(`e` AS UNSIGNED)"),
                load: some("CAST(@v AS UNSIGNED)"),
                ..column("e", ValueEncoding::Integer)
            },
            Column { generated: Some(true), kept: Some(true), ..column("g", ValueEncoding::DateTime) },
        ],
        key: vec![0],
        order: RowOrder::Integer,
        encoding: ROW_ENCODING,
        versioned: Some(true),
        changed: Some(1_800_000_001),
        segment_bits: Some(12),
        kept_digests: Some(vec![Bytes32(bytes32(9))]),
    }
}

fn direct(chunks: &[(u32, u32)]) -> Content {
    let direct = chunks.iter().map(|(place, len)| DirectChunk { place: *place, len: *len }).collect();
    Content { direct: Some(direct), ..Content::default() }
}

fn listed(place: u32) -> Content {
    Content { list: Some(place), ..Content::default() }
}

fn segment(len: u64, keys: Option<(&[u8], &[u8])>, content: Content) -> Segment {
    let (low, high) = keys.map(|(low, high)| (ByteString(low.to_vec()), ByteString(high.to_vec()))).unzip();
    Segment { len, rows: 7, low, high, digest: Bytes32(bytes32(9)), content }
}

fn ids(count: u8) -> Vec<ChunkId> {
    (1..=count).map(|n| ChunkId(bytes32(n))).collect()
}

pub(crate) fn segment_leaf() -> SegmentNode {
    let segments = vec![
        segment(300, Some((b"1", b"22")), direct(&[(0, 100), (1, 200)])),
        segment(1 << 30, Some((b"23", b"23\\t\xff")), listed(2)),
        segment(8, None, direct(&[(0, 8)])),
    ];
    SegmentNode::Leaf(ids(3), segments)
}

fn part(n: u8, len: u64, low: Option<&[u8]>) -> SegmentPart {
    SegmentPart { id: ChunkId(bytes32(n)), len, rows: 1 << 33, low: low.map(<[u8]>::to_vec) }
}

pub(crate) fn segment_parts() -> SegmentNode {
    SegmentNode::Parts(1, vec![part(4, 1 << 40, Some(b"1")), part(5, 0x0102_0304_0506_0708, None)])
}

/// The directory of a table.
pub(crate) fn table_directory() -> DirectoryNode {
    let file = |name: &[u8], content| Entry { content: Some(content), ..Entry::new(name.to_vec(), EntryKind::File) };
    let entries = vec![
        Entry { size: 9, ..file(TABLE_FILE, direct(&[(0, 9)])) },
        Entry { size: 1 << 50, ..file(ROWS_FILE, Content { segments: Some(1), ..Content::default() }) },
    ];
    DirectoryNode::Leaf(DirectoryLeaf { ids: ids(2), entries })
}

#[track_caller]
fn table_refused(change: impl FnOnce(&mut TableRecord), why: &str) {
    let mut record = table();
    change(&mut record);
    refused(TableRecord::decode(&cbor::encode(&record)), why);
    refused(record.encode(), why);
}

#[test]
fn a_key_that_is_not_among_the_values_of_a_row_is_refused() {
    let why = "names a column twice, or one without values";
    table_refused(|t| t.key = vec![4], why);
    table_refused(|t| t.key = vec![u32::MAX], why);
    table_refused(|t| t.key = vec![3], why);
    table_refused(|t| (t.key, t.order) = (vec![1, 0, 1], RowOrder::KeyBytes), why);
}

#[test]
fn an_order_that_the_key_cannot_give_is_refused() {
    let why = "its key does not fit the order of its rows";
    table_refused(|t| t.key = vec![], why);
    table_refused(|t| t.key = vec![0, 1], why);
    table_refused(|t| t.key = vec![1], why);
    table_refused(|t| t.key = vec![2], why);
    table_refused(|t| (t.key, t.order) = (vec![], RowOrder::KeyBytes), why);
    table_refused(|t| t.order = RowOrder::RowBytes, why);
    for (key, order) in [(vec![1, 0], RowOrder::KeyBytes), (vec![2], RowOrder::KeyBytes), (vec![], RowOrder::RowBytes)]
    {
        let record = TableRecord { key, order, ..table() };
        assert_eq!(TableRecord::decode(&record.encode().unwrap()), Ok(record));
    }
}

#[test]
fn digests_of_kept_values_that_are_not_one_for_each_such_column_are_refused() {
    let why = "more or fewer digests than columns whose values are kept";
    table_refused(|t| t.kept_digests = Some(vec![]), why);
    table_refused(|t| t.kept_digests = Some(vec![Bytes32(bytes32(9)); 2]), why);
    table_refused(|t| t.columns[3].kept = None, why);
    let without = TableRecord { kept_digests: None, ..table() };
    assert_eq!(TableRecord::decode(&without.encode().unwrap()), Ok(without));
}

#[test]
fn rows_encoded_as_nobody_knows_yet_are_refused_by_their_number() {
    let unknown = TableRecord { encoding: 2, ..table() };
    let expected = FormatError::Unknown { what: "table record", field: "row encoding", value: 2 };
    assert_eq!(TableRecord::decode(&cbor::encode(&unknown)), Err(expected));
    table_refused(|t| t.encoding = 0, "row encoding 0, which");
}

#[track_caller]
fn receipt_refused(change: impl FnOnce(&mut ReceiptRecord), why: &str) {
    let mut record = receipt();
    change(&mut record);
    refused(ReceiptRecord::decode(&cbor::encode(&record)), why);
    refused(record.encode(), why);
}

#[test]
fn a_receipt_whose_end_does_not_fit_its_phase_is_refused() {
    let why = "its end does not fit its phase";
    receipt_refused(|r| r.ended = None, why);
    receipt_refused(|r| r.phase = PurgePhase::Begun, why);
    let begun = ReceiptRecord { phase: PurgePhase::Begun, ended: None, ..receipt() };
    assert_eq!(ReceiptRecord::decode(&begun.encode().unwrap()), Ok(begun));
}

#[test]
fn purged_rows_without_ranges_and_ranges_without_rows_are_refused() {
    let why = "a table has rows without ranges, or ranges without rows";
    receipt_refused(|r| r.tables[0].ranges.clear(), why);
    receipt_refused(|r| r.tables[0].rows = 0, why);
    let mut nothing = receipt();
    (nothing.tables[0].rows, nothing.tables[0].ranges) = (0, Vec::new());
    assert_eq!(ReceiptRecord::decode(&nothing.encode().unwrap()), Ok(nothing));
}

#[test]
fn purged_files_are_in_order_and_lead_nowhere_else() {
    let files = |paths: &[&str]| PurgedFiles {
        files: paths.iter().map(|path| purged_file(path, 1)).collect(),
        ..PurgedFiles::default()
    };
    for paths in [["b", "a"], ["a", "a"]] {
        receipt_refused(|r| r.files = Some(files(&paths)), "its files are not in order");
    }
    for path in ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\0"] {
        receipt_refused(|r| r.files = Some(files(&[path])), "the path of a file is none");
    }
    let none = ReceiptRecord { files: None, ..receipt() };
    assert_eq!(ReceiptRecord::decode(&none.encode().unwrap()), Ok(none));
}

#[test]
fn receipts_beyond_their_limits_are_refused() {
    receipt_refused(|r| r.tables = vec![r.tables[0].clone(); 1025], "tables is 1025, at most 1024");
    receipt_refused(
        |r| r.tables[0].ranges = vec![key_range("1", "1"); (1 << 20) + 1],
        "ranges is 1048577, at most 1048576",
    );
    let half = |r: &mut ReceiptRecord| {
        r.tables[0].ranges = vec![key_range("1", "1"); 1 << 19];
        r.tables = vec![r.tables[0].clone(), r.tables[0].clone(), receipt().tables.remove(0)];
    };
    receipt_refused(half, "ranges is 1048578, at most 1048576");
    let many = |r: &mut ReceiptRecord| {
        r.files = Some(PurgedFiles { files: vec![purged_file("a", 0); (1 << 20) + 1], left: Vec::new() });
    };
    receipt_refused(many, "files is 1048577, at most 1048576");
    let long = "k".repeat((64 << 10) + 1);
    receipt_refused(|r| r.tables[0].ranges[0].first = bytes(&long), "key of a row is 65537, at most 65536");
    receipt_refused(|r| r.tables[0].ranges[0].last = bytes(&long), "key of a row is 65537, at most 65536");
}

#[test]
fn records_beyond_their_limits_are_refused() {
    table_refused(|t| t.columns = vec![t.columns[0].clone(); 4097], "columns is 4097, at most 4096");
    let mut record = server();
    record.moment.microseconds = 1_000_000;
    refused(record.encode(), "too many microseconds");
    refused(ServerRecord::decode(&cbor::encode(&record)), "too many microseconds");
    let large = vec![0; usize::try_from(limits::DATABASE_RECORD).unwrap() + 1];
    refused(ServerRecord::decode(&large), "the server record is beyond the format's limits: size");
    refused(AccountsRecord::decode(&large), "limits: size");
    refused(ReceiptRecord::decode(&large), "limits: size");
    refused(SchemaRecord::decode(&large), "limits: size");
    refused(TableRecord::decode(&large), "limits: size");
}

/// Both coders refuse these segments, and say the same.
#[track_caller]
fn segments_refused(segments: Vec<Segment>, why: &str) {
    let node = encode_unchecked(0, 3, &cbor::encode(&segments));
    refused(SegmentNode::decode(&node), why);
    refused(SegmentNode::Leaf(ids(3), segments).encode(), why);
}

/// A segment list that nobody has checked.
fn encode_unchecked(level: u8, count: u8, body: &[u8]) -> Vec<u8> {
    let mut node = vec![1, 4, level, 0, count, 0, 0, 0];
    ids(count).iter().for_each(|id| node.extend(id.0));
    node.extend(body);
    node
}

#[test]
fn segments_without_bytes_or_rows_are_refused() {
    let good = segment(8, None, direct(&[(0, 8)]));
    segments_refused(vec![], "it is empty");
    segments_refused(vec![Segment { len: 0, ..good.clone() }], "a part without rows");
    segments_refused(vec![good.clone(), Segment { rows: 0, ..good.clone() }], "a part without rows");
    let half = Segment { rows: 1 << 63, ..good.clone() };
    segments_refused(vec![half.clone(), half], "its lengths overflow");
    refused(SegmentNode::Parts(1, vec![]).encode(), "it is empty");
    refused(SegmentNode::Parts(1, vec![part(1, 0, None)]).encode(), "a part without rows");
    refused(SegmentNode::Parts(1, vec![part(1, 1 << 63, None), part(2, 1 << 63, None)]).encode(), "lengths overflow");
}

#[test]
fn segments_beyond_their_limits_are_refused() {
    let large = segment((4 << 30) + 1, None, listed(0));
    segments_refused(vec![large], "plain bytes of a segment is 4294967297, at most 4294967296");
    let long = vec![b'k'; (64 << 10) + 1];
    let why = "key of a row is 65537, at most 65536";
    segments_refused(vec![segment(8, Some((&long, b"k")), direct(&[(0, 8)]))], why);
    segments_refused(vec![segment(8, Some((b"k", &long)), direct(&[(0, 8)]))], why);
    refused(SegmentNode::Parts(1, vec![part(1, 1, Some(&long))]).encode(), why);
    segments_refused(vec![segment(5, None, direct(&[(0, 1); 5]))], "direct chunks is 5, at most 4");
    segments_refused(vec![segment(9 << 20, None, direct(&[(0, 9 << 20)]))], "plain length");
}

#[test]
fn segments_with_one_key_of_two_are_refused() {
    let good = segment(8, Some((b"a", b"b")), direct(&[(0, 8)]));
    segments_refused(vec![Segment { low: None, ..good.clone() }], "one key, not two or none");
    segments_refused(vec![Segment { high: None, ..good }], "one key, not two or none");
}

#[test]
fn segments_whose_content_is_not_what_they_say_are_refused() {
    let why = "a segment is not as long as its chunks";
    segments_refused(vec![segment(8, None, direct(&[(0, 7)]))], why);
    segments_refused(vec![segment(8, None, direct(&[(0, 8), (1, 1)]))], why);
    segments_refused(vec![segment(8, None, direct(&[]))], why);
    segments_refused(vec![segment(8, None, direct(&[(0, 8), (1, 0)]))], "a chunk of no bytes");
    let outside = "names a chunk that its node does not";
    segments_refused(vec![segment(8, None, direct(&[(3, 8)]))], outside);
    segments_refused(vec![segment(8, None, listed(u32::MAX))], outside);
    let forms = [
        Content::default(),
        Content { inline: Some(bytes("12345678")), ..Content::default() },
        Content { segments: Some(0), ..Content::default() },
        Content { list: Some(0), ..direct(&[(0, 8)]) },
        Content { segments: Some(0), ..direct(&[(0, 8)]) },
    ];
    for content in forms {
        segments_refused(vec![segment(8, None, content)], "neither direct nor a list");
    }
}

#[test]
fn segment_lists_of_another_shape_are_refused() {
    refused(SegmentNode::Parts(0, vec![part(1, 1, None)]).encode(), "parts at level 0");
    refused(SegmentNode::Parts(16, vec![part(1, 1, None)]).encode(), "level is 16");
    // Two parts, { 0: 1, 1: 1 } each, for three ids.
    let two = [0x82, 0xa2, 0, 1, 1, 1, 0xa2, 0, 1, 1, 1];
    assert!(SegmentNode::decode(&encode_unchecked(1, 2, &two)).is_ok());
    refused(SegmentNode::decode(&encode_unchecked(1, 3, &two)), "parts and ids differ in number");
    refused(SegmentNode::decode(&encode_unchecked(1, 2, &[&two[..], &[0]].concat())), "bytes too many");
    let directory = table_directory().encode().unwrap();
    refused(SegmentNode::decode(&directory), "Directory where Segments was expected");
    refused(DirectoryNode::decode(&segment_leaf().encode().unwrap()), "Segments where Directory was expected");
}

#[test]
fn rows_in_two_forms_with_holes_or_outside_the_nodes_ids_are_refused() {
    let refuse = |change: fn(&mut Entry), why: &str| {
        let DirectoryNode::Leaf(mut leaf) = table_directory() else { unreachable!() };
        change(&mut leaf.entries[1]);
        refused(DirectoryNode::Leaf(leaf).encode(), why);
    };
    let content = |entry: &mut Entry, content| entry.content = Some(content);
    refuse(|e| e.content.as_mut().unwrap().list = Some(0), "not exactly one of");
    refuse(|e| e.content.as_mut().unwrap().inline = Some(ByteString::default()), "not exactly one of");
    refuse(|e| e.content.as_mut().unwrap().segments = Some(2), "a chunk that its node does not");
    refuse(|e| e.holes = Some(vec![repo_format::entry::Hole { offset: 0, len: 1 }]), "not exactly one of");
    let DirectoryNode::Leaf(mut leaf) = table_directory() else { unreachable!() };
    content(&mut leaf.entries[1], listed(1));
    assert!(DirectoryNode::Leaf(leaf).encode().is_ok());
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..12).prop_map(String::from_iter)
}

fn any_segment() -> impl Strategy<Value = Segment> {
    let key = || vec(any::<u8>(), 0..20).prop_map(ByteString);
    let content = prop_oneof![
        vec((0u32..3, 1u32..=8 << 20), 1..=4).prop_map(|chunks| direct(&chunks)),
        (0u32..3).prop_map(listed)
    ];
    (1u64..=4 << 30, 1u64..1 << 50, option::of((key(), key())), any::<[u8; 32]>(), content).prop_map(
        |(len, rows, keys, digest, content)| {
            let sum = content.direct.as_ref().map(|chunks| chunks.iter().map(|c| u64::from(c.len)).sum());
            let (low, high) = keys.unzip();
            Segment { len: sum.unwrap_or(len), rows, low, high, digest: Bytes32(digest), content }
        },
    )
}

fn any_parts() -> impl Strategy<Value = SegmentNode> {
    let key = option::of(vec(any::<u8>(), 0..20));
    let part = (any::<[u8; 32]>(), 1u64..1 << 50, 1u64..1 << 50, key);
    let part = part.prop_map(|(id, len, rows, low)| SegmentPart { id: ChunkId(id), len, rows, low });
    (1u8..=15, vec(part, 1..70)).prop_map(|(level, parts)| SegmentNode::Parts(level, parts))
}

fn any_column() -> impl Strategy<Value = Column> {
    let words = (text(), text(), option::of(text()), option::of(text()), option::of(text()));
    (words, option::of(any::<bool>()), option::of(any::<bool>()), option::of(any::<bool>())).prop_map(
        |((name, column_type, character_set, select, load), generated, auto_increment, kept)| Column {
            name,
            column_type,
            character_set,
            select,
            load,
            generated,
            auto_increment,
            kept,
            ..column("", ValueEncoding::Bytes)
        },
    )
}

proptest! {
    #[test]
    fn a_segment_list_comes_back(x in prop_oneof![
        vec(any_segment(), 1..20).prop_map(|segments| SegmentNode::Leaf(ids(3), segments)),
        any_parts(),
    ]) {
        let bytes = x.encode().unwrap();
        prop_assert_eq!(SegmentNode::decode(&bytes), Ok(x));
        prop_assert_eq!(RawNode::decode(&bytes).unwrap().kind, 4);
    }

    #[test]
    fn a_table_record_comes_back(
        columns in vec(any_column(), 0..9),
        words in (text(), vec(any::<u8>(), 0..30), text()),
        more in (option::of(any::<bool>()), option::of(any::<i64>()), option::of(any::<u32>())),
        digest in any::<[u8; 32]>(),
    ) {
        let stored = |at: &usize| columns[*at].generated != Some(true);
        let places = (0..columns.len()).rev().filter(stored);
        let key: Vec<_> = places.step_by(2).map(|at| u32::try_from(at).unwrap()).collect();
        let order = if key.is_empty() { RowOrder::RowBytes } else { RowOrder::KeyBytes };
        let ((name, create, engine), (versioned, changed, segment_bits)) = (words, more);
        let create = ByteString(create);
        let x = TableRecord {
            name, create, engine, columns, key, order, versioned, changed, segment_bits, encoding: ROW_ENCODING, kept_digests: None,
        };
        let x = TableRecord { kept_digests: Some(vec![Bytes32(digest); x.kept().count()]), ..x };
        prop_assert_eq!(TableRecord::decode(&x.encode().unwrap()), Ok(x));
    }

    #[test]
    fn names_come_back_and_may_stand_in_a_directory(name in vec(any::<char>(), 1..20).prop_map(String::from_iter)) {
        let escaped = escape_name(&name);
        prop_assert_eq!(repo_format::entry::check_name(&escaped), Ok(()));
        prop_assert!(!escaped.starts_with(b"."), "the names of records are free");
        prop_assert_eq!(unescape_name(&escaped), Some(name));
    }
}

//! Databases in a snapshot: what is built of segments comes back, and what is lost of it is named by table.

use std::collections::BTreeSet;
use std::fs;

use engine::ErrorKind;
use engine::monitor::NullMonitor;
use engine::pack::ChunkReader;
use engine::snapshots::Snapshot;
use engine::snapshots::saved::{Database, databases, read_segment};
use engine::store::ObjectName;
use engine::tree::{
    ContentBuilder, ContentIter, ContentRef, DirectoryBuilder, SegmentItem, SegmentIter, SegmentListBuilder, TreeEntry,
    reach_content,
};
use engine::upkeep::verify::FindingKind;
use repo_format::cbor::ByteString;
use repo_format::database::*;
use repo_format::entry::{Entry, EntryKind};
use repo_format::id::{Bytes32, ChunkId};
use repo_format::manifest::{Manifest, Root, RootKind};
use repo_format::node::ContentItem;
use repo_format::pack::ChunkKind;

use crate::damage::lab;
use crate::hostile::forge::{Attack, Forge};

/// The rows of segment `n` of a table, cut into `chunks`.
fn item(forge: &Forge<'_, '_>, n: u64, chunks: usize) -> SegmentItem {
    let plain: Vec<_> = (0..chunks).map(|at| format!("{n}\tpart {at} of segment {n}\n").into_bytes()).collect();
    let whole = plain.concat();
    let items: Vec<_> =
        plain.iter().map(|plain| ContentItem { id: forge.data(plain), len: plain.len() as u64 }).collect();
    let content = forge.build(|sink| {
        let mut builder = ContentBuilder::default();
        items.into_iter().for_each(|item| builder.push(item, sink).unwrap());
        builder.finish(sink).unwrap().unwrap()
    });
    SegmentItem {
        len: whole.len() as u64,
        rows: chunks as u64,
        low: Some(n.to_string().into_bytes()),
        high: Some(n.to_string().into_bytes()),
        digest: Bytes32(*blake3::hash(&whole).as_bytes()),
        content,
    }
}

fn build(forge: &Forge<'_, '_>, items: &[SegmentItem]) -> Option<ContentRef> {
    forge.build(|sink| {
        let mut builder = SegmentListBuilder::default();
        items.iter().for_each(|item| builder.push(item.clone(), sink).unwrap());
        builder.finish(sink).unwrap()
    })
}

fn total(items: &[SegmentItem]) -> u64 {
    items.iter().map(|item| item.len).sum()
}

fn id_of(content: Option<&ContentRef>) -> ChunkId {
    let Some(ContentRef::Segments(id)) = content else { panic!("{content:?} is no segment list") };
    *id
}

fn nodes(reader: &ChunkReader<'_>, content: &ContentRef) -> BTreeSet<ChunkId> {
    let mut met = BTreeSet::new();
    reach_content(
        reader,
        content,
        &NullMonitor,
        &mut |child| Ok(child.kind == ChunkKind::Data || met.insert(child.id)),
    )
    .unwrap();
    met
}

/// Stores something, and reads it in a run of its own.
fn stored<T>(store: impl FnOnce(&Forge<'_, '_>) -> T) -> (Attack, T) {
    let attack = Attack::new();
    let mut result = None;
    attack.snapshot(|forge| {
        result = Some(store(forge));
        forge.folder(&[], &[])
    });
    let result = result.unwrap();
    (attack, result)
}

#[test]
fn a_list_gives_back_the_segments_and_chunks_it_was_built_of() {
    let counts = [0, 1, 3, 4, 5, 63, 64, 65, 200, 1500];
    let (attack, lists) = stored(|forge| {
        let list = |count: &u64| {
            // Few chunks, a content list of one level, one of two.
            let chunks = |n: u64| match n % 50 {
                7 => 5,
                49 => 70,
                _ => 1 + usize::try_from(n % 3).unwrap(),
            };
            let items: Vec<_> = (0..*count).map(|n| item(forge, n, chunks(n))).collect();
            (build(forge, &items), items)
        };
        counts.iter().map(list).collect::<Vec<_>>()
    });
    let repository = attack.repository();
    let reader = ChunkReader::new(&repository);
    assert_eq!(lists[0], (None, vec![]));
    for (content, items) in &lists[1..] {
        let found = SegmentIter::new(&reader, id_of(content.as_ref()), total(items));
        assert_eq!(found.collect::<Result<Vec<_>, _>>().unwrap(), *items);
        let chunks = |item: &SegmentItem| ContentIter::new(&reader, &item.content, item.len).collect::<Vec<_>>();
        let expected: Vec<_> = items.iter().flat_map(chunks).map(Result::unwrap).collect();
        let mut whole = ContentIter::new(&reader, content.as_ref().unwrap(), total(items));
        assert_eq!(whole.by_ref().map(Result::unwrap).collect::<Vec<_>>(), expected);
        assert_eq!(whole.plain_end(), total(items));
        let lists_within = items.iter().filter(|item| matches!(item.content, ContentRef::List(_))).count();
        assert!(nodes(&reader, content.as_ref().unwrap()).len() > lists_within);
    }
}

#[test]
fn the_same_segments_make_the_same_list_and_a_change_makes_few_new_nodes() {
    let (attack, lists) = stored(|forge| {
        let items: Vec<_> = (0..2000).map(|n| item(forge, n, 1)).collect();
        let changed = |change: &dyn Fn(&mut Vec<SegmentItem>)| {
            let mut items = items.clone();
            change(&mut items);
            build(forge, &items).unwrap()
        };
        let other = item(forge, 5000, 2);
        [
            changed(&|_| {}),
            changed(&|_| {}),
            changed(&|items| items[1000] = other.clone()),
            changed(&|items| drop(items.remove(3))),
            changed(&|items| items.insert(1700, other.clone())),
            changed(&|items| items.push(other.clone())),
        ]
    });
    let repository = attack.repository();
    let reader = ChunkReader::new(&repository);
    assert_eq!(lists[0], lists[1]);
    let before = nodes(&reader, &lists[0]);
    assert!((150..400).contains(&before.len()), "{} nodes for 2,000 segments", before.len());
    for list in &lists[2..] {
        let new = nodes(&reader, list).difference(&before).count();
        // On each of about five levels the node that holds the change, and what a cut more or less moves.
        assert!((1..=16).contains(&new), "{new} new nodes");
    }
}

#[test]
fn very_long_keys_are_left_out_of_a_list_and_long_ones_end_its_nodes() {
    let (attack, (long, items)) = stored(|forge| {
        let with_key = |n: u64, len: usize| {
            let key = Some(vec![b'k'; len]);
            SegmentItem { low: key.clone(), high: key, ..item(forge, n, 1) }
        };
        let mut items: Vec<_> = (0..300).map(|n| with_key(n, 65_536)).collect();
        items.push(SegmentItem { low: Some(b"k".to_vec()), ..with_key(300, 10_000_000) });
        (build(forge, &items), items)
    });
    let repository = attack.repository();
    let reader = ChunkReader::new(&repository);
    let mut found = SegmentIter::new(&reader, id_of(long.as_ref()), total(&items)).map(Result::unwrap);
    assert!(found.by_ref().zip(&items[..300]).all(|(a, b)| a == *b));
}

/// The source of the tests: `a/b` holds `.x%` with rows, `empty`, and `listed`, whose segments have content lists.
struct Saved {
    attack: Attack,
    snapshot: Snapshot,
    rows: Vec<u8>,
}

fn file(forge: &Forge<'_, '_>, name: &[u8], bytes: &[u8]) -> TreeEntry {
    let mut meta = Entry::new(name.to_vec(), EntryKind::File);
    meta.size = bytes.len() as u64;
    let content = ContentRef::Direct(vec![ContentItem { id: forge.data(bytes), len: bytes.len() as u64 }]);
    TreeEntry { content: Some(content), ..TreeEntry::new(meta) }
}

fn folder(forge: &Forge<'_, '_>, name: &[u8], mut entries: Vec<TreeEntry>) -> TreeEntry {
    entries.sort_by(|a, b| a.name().cmp(b.name()));
    let tree = forge.build(|sink| {
        let mut builder = DirectoryBuilder::default();
        entries.into_iter().for_each(|entry| builder.push(entry, sink).unwrap());
        builder.finish(sink).unwrap()
    });
    TreeEntry { tree, ..TreeEntry::new(Entry::new(name.to_vec(), EntryKind::Directory)) }
}

fn table_record(name: &str) -> TableRecord {
    let column = |name: &str, encoding| Column::new(name, "", encoding);
    TableRecord {
        name: name.to_owned(),
        create: ByteString(b"CREATE TABLE".to_vec()),
        engine: "InnoDB".to_owned(),
        columns: vec![column("id", ValueEncoding::Integer), column("text", ValueEncoding::Bytes)],
        key: vec![0],
        order: RowOrder::Integer,
        encoding: ROW_ENCODING,
        versioned: None,
        changed: None,
        segment_bits: None,
        kept_digests: None,
    }
}

fn table(forge: &Forge<'_, '_>, name: &str, items: &[SegmentItem]) -> TreeEntry {
    let mut entries = vec![file(forge, TABLE_FILE, &table_record(name).encode().unwrap())];
    if let Some(content) = build(forge, items) {
        let mut meta = Entry::new(ROWS_FILE.to_vec(), EntryKind::File);
        meta.size = total(items);
        entries.push(TreeEntry { content: Some(content), ..TreeEntry::new(meta) });
    }
    folder(forge, &escape_name(name), entries)
}

fn server_record() -> ServerRecord {
    let moment = Moment {
        seconds: 1_700_000_000,
        microseconds: 5,
        attempts: 1,
        method: "snapshots".to_owned(),
        commits_blocked: 0,
        tables_locked: 0,
        longest_wait: 0,
    };
    ServerRecord {
        flavour: Flavour::MariaDb,
        version: "10.11.6-MariaDB".to_owned(),
        identity: "i".to_owned(),
        hostname: "db".to_owned(),
        started: 1_600_000_000,
        clock_ahead: 0,
        time_zone: "SYSTEM/UTC".to_owned(),
        variables: Vec::new(),
        binlog: None,
        moment,
        carried: Vec::new(),
        late: Vec::new(),
        left_out: Vec::new(),
        profile: None,
        alterations: None,
        in_part: None,
    }
}

fn schema(forge: &Forge<'_, '_>, name: &str, mut tables: Vec<TreeEntry>) -> TreeEntry {
    let record = SchemaRecord {
        name: name.to_owned(),
        character_set: "utf8mb4".to_owned(),
        collation: "utf8mb4_bin".to_owned(),
        objects: Vec::new(),
        comment: None,
    };
    tables.push(file(forge, SCHEMA_FILE, &record.encode().unwrap()));
    folder(forge, &escape_name(name), tables)
}

/// A database named `name`, with these schemas.
fn database(forge: &Forge<'_, '_>, name: &[u8], mut entries: Vec<TreeEntry>) -> TreeEntry {
    entries.push(file(forge, SERVER_FILE, &server_record().encode().unwrap()));
    folder(forge, name, entries)
}

fn with_roots(names: &[&[u8]]) -> impl FnOnce(&mut Manifest) {
    let root = |name: &&[u8]| Root {
        name: ByteString(name.to_vec()),
        kind: RootKind::Database,
        path: ByteString(b"mysql://db:3306".to_vec()),
    };
    let roots: Vec<_> = names.iter().map(root).collect();
    move |manifest| manifest.roots = roots
}

fn save() -> Saved {
    let attack = Attack::new();
    let mut rows = Vec::new();
    let snapshot = attack.commit(
        |forge| {
            let items: Vec<_> = (0..40).map(|n| item(forge, n, 2)).collect();
            rows = (0..40)
                .flat_map(|n| format!("{n}\tpart 0 of segment {n}\n{n}\tpart 1 of segment {n}\n").into_bytes())
                .collect();
            let listed: Vec<_> = (100..103).map(|n| item(forge, n, 20)).collect();
            let tables = vec![table(forge, ".x%", &items), table(forge, "empty", &[]), table(forge, "listed", &listed)];
            let accounts = AccountsRecord::default().encode().unwrap();
            let entries = vec![
                schema(forge, "a/b", tables),
                schema(forge, "z", Vec::new()),
                file(forge, ACCOUNTS_FILE, &accounts),
            ];
            folder(forge, b"", vec![database(forge, b"db", entries)]).tree.unwrap()
        },
        with_roots(&[b"db"]),
    );
    Saved { attack, snapshot, rows }
}

#[test]
fn a_database_is_read_by_its_true_names() {
    let Saved { attack, snapshot, rows } = save();
    let repository = attack.repository();
    let reader = ChunkReader::new(&repository);
    assert_eq!(databases(&snapshot.manifest).count(), 1);
    let database = Database::open(&reader, &snapshot.manifest, None).unwrap();
    assert_eq!(database.server, server_record());
    assert_eq!(database.accounts().unwrap(), Some(AccountsRecord::default()));
    assert_eq!(database.schema_names().unwrap(), ["a/b", "z"]);
    let schema = database.schema("a/b").unwrap();
    assert_eq!(
        (&*schema.record.collation, schema.table_names().unwrap()),
        ("utf8mb4_bin", vec![".x%".to_owned(), "empty".to_owned(), "listed".to_owned()])
    );
    assert!(database.schema("z").unwrap().table_names().unwrap().is_empty());

    let table = schema.table(".x%").unwrap();
    assert_eq!((&table.record, table.row_bytes()), (&table_record(".x%"), rows.len() as u64));
    let segments: Vec<_> = table.segments(&reader).unwrap().map(Result::unwrap).collect();
    let read: Vec<_> = segments.iter().flat_map(|segment| read_segment(&reader, segment).unwrap()).collect();
    assert_eq!(read, rows);
    let empty = schema.table("empty").unwrap();
    assert!(empty.rows.is_none() && empty.row_bytes() == 0 && empty.segments(&reader).unwrap().next().is_none());
}

#[test]
fn what_is_not_in_a_snapshot_is_not_found() {
    let Saved { attack, snapshot, .. } = save();
    let repository = attack.repository();
    let reader = ChunkReader::new(&repository);
    let database = Database::open(&reader, &snapshot.manifest, Some(b"db")).unwrap();
    let kinds = [
        Database::open(&reader, &snapshot.manifest, Some(b"other")).err().unwrap().kind(),
        database.schema("a").err().unwrap().kind(),
        database.schema("").err().unwrap().kind(),
        database.schema("a/b").unwrap().table(".X%").err().unwrap().kind(),
        database.schema("a/b").unwrap().table("rows").err().unwrap().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::NotFound; 5]);
    let mut without = snapshot.manifest.clone();
    without.roots.clear();
    assert_eq!(Database::open(&reader, &without, None).err().unwrap().kind(), ErrorKind::NotFound);
}

#[test]
fn of_several_databases_one_must_be_named() {
    let attack = Attack::new();
    let snapshot = attack.commit(
        |forge| {
            let of = |name: &[u8], schema_name| database(forge, name, vec![schema(forge, schema_name, Vec::new())]);
            folder(forge, b"", vec![of(b"one", "s"), of(b"two", "t")]).tree.unwrap()
        },
        with_roots(&[b"one", b"two"]),
    );
    let repository = attack.repository();
    let reader = ChunkReader::new(&repository);
    let error = Database::open(&reader, &snapshot.manifest, None).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("`one`, `two`"), "{error}");
    let two = Database::open(&reader, &snapshot.manifest, Some(b"two")).unwrap();
    assert_eq!((two.schema_names().unwrap(), two.accounts().unwrap()), (vec!["t".to_owned()], None));
}

#[test]
fn a_table_that_is_damaged_keeps_no_other_from_being_read() {
    let attack = Attack::new();
    let snapshot = attack.commit(
        |forge| {
            let misplaced = |name: &[u8]| {
                folder(forge, name, vec![file(forge, TABLE_FILE, &table_record("other").encode().unwrap())])
            };
            let mut newer = table_record("newer");
            newer.encoding = 2;
            let newer = vec![file(forge, TABLE_FILE, &repo_format::cbor::encode(&newer))];
            let no_list = vec![
                file(forge, TABLE_FILE, &table_record("no-list").encode().unwrap()),
                file(forge, ROWS_FILE, b"1\tone\n"),
            ];
            let tables = vec![
                folder(forge, b"bare", Vec::new()),
                folder(forge, b"cut", vec![file(forge, TABLE_FILE, b"\xa0")]),
                misplaced(b"misplaced"),
                folder(forge, b"newer", newer),
                folder(forge, b"no-list", no_list),
                table(forge, "good", &[item(forge, 1, 1)]),
            ];
            folder(forge, b"", vec![database(forge, b"db", vec![schema(forge, "s", tables)])]).tree.unwrap()
        },
        with_roots(&[b"db"]),
    );
    let repository = attack.repository();
    let reader = ChunkReader::new(&repository);
    let schema = Database::open(&reader, &snapshot.manifest, None).unwrap().schema("s").unwrap();
    assert_eq!(schema.table_names().unwrap().len(), 6);
    for (name, kind, why) in [
        ("bare", ErrorKind::Damaged, "there is no `.table` of table `s`.`bare` of schema `s` of database `db`"),
        ("cut", ErrorKind::Damaged, "cannot use `.table` of table `s`.`cut`"),
        ("misplaced", ErrorKind::Damaged, "calls itself `other`"),
        ("newer", ErrorKind::TooNew, "cannot use `.table` of table `s`.`newer`"),
    ] {
        let error = schema.table(name).err().unwrap();
        assert_eq!(error.kind(), kind, "{name}");
        assert!(error.to_string().contains(why), "{name}: {error}");
    }
    let error = schema.table("no-list").unwrap().segments(&reader).err().unwrap();
    assert!(error.to_string().contains("the rows of table `s`.`no-list`"), "{error}");
    assert_eq!(schema.table("good").unwrap().segments(&reader).unwrap().count(), 1);
}

#[test]
fn a_database_is_a_folder_for_everything_that_reads_trees() {
    let Saved { attack, snapshot, rows } = save();
    attack.try_everything(&snapshot);
    assert_eq!(attack.verify().findings.len(), 0);
    assert_eq!(attack.restore(&snapshot).unwrap().problem_count, 0);
    assert_eq!(fs::read(attack.target().join("db/a%2Fb/%2Ex%25/rows")).unwrap(), rows);
    let mut out = Vec::new();
    engine::snapshots::cat::cat(&attack.repository(), &snapshot, b"db/a%2Fb/%2Ex%25/rows", &mut out).unwrap();
    assert_eq!(out, rows);
    let (before, second) = (attack.target().join("db/a%2Fb/%2Ex%25/rows"), attack.restore(&snapshot).unwrap());
    assert_eq!((fs::read(before).unwrap(), second.unchanged_files), (rows, second.files));
}

/// All that a snapshot needs is lost, one pack after another: what `verify` names, and what a restore cannot bring back,
/// is the same.
#[test]
fn verify_names_the_tables_whose_rows_are_lost() {
    let Saved { attack, snapshot, .. } = save();
    let lost_id = {
        let repository = attack.repository();
        let reader = ChunkReader::new(&repository);
        let database = Database::open(&reader, &snapshot.manifest, None).unwrap();
        let table = database.schema("a/b").unwrap().table("listed").unwrap();
        let segment = table.segments(&reader).unwrap().nth(1).unwrap().unwrap();
        ContentIter::new(&reader, &segment.content, segment.len).nth(7).unwrap().unwrap().id
    };
    let repository = attack.repository();
    let location = repository.catalog().locations(&lost_id).unwrap().remove(0);
    let name = ObjectName::Pack(location.pack);
    let mut pack = attack.lab.store.bytes(&name).unwrap();
    pack[usize::try_from(location.offset).unwrap() + 3] ^= 1;
    attack.lab.store.put_raw(&name, pack);
    let findings = attack.verify().findings;
    let lost: Vec<_> = findings.iter().filter(|finding| finding.kind == FindingKind::LostData).collect();
    assert_eq!(lost.len(), 1, "{findings:?}");
    assert_eq!(lost[0].affected, [(snapshot.id, b"db/a%2Fb/listed/rows".to_vec())]);
    let outcome = attack.restore(&snapshot).unwrap();
    let named: BTreeSet<_> = outcome.problems.iter().map(|problem| problem.path.0.clone()).collect();
    assert_eq!(named, BTreeSet::from([b"db/a%2Fb/listed/rows".to_vec()]));
}

#[test]
fn verify_names_the_table_whose_segments_name_what_is_nowhere() {
    let nowhere = ChunkId([66; 32]);
    for content in [ContentRef::Direct(vec![ContentItem { id: nowhere, len: 10 }]), ContentRef::List(nowhere)] {
        let attack = Attack::new();
        let snapshot = attack.commit(
            |forge| {
                let lost = SegmentItem { content: content.clone(), len: 10, ..item(forge, 30, 1) };
                let good: Vec<_> = (0..30).map(|n| item(forge, n, 1)).collect();
                let items = [&good[..], &[lost], &good].concat();
                let tables = vec![table(forge, "good", &good), table(forge, "lost", &items)];
                folder(forge, b"", vec![database(forge, b"db", vec![schema(forge, "s", tables)])]).tree.unwrap()
            },
            with_roots(&[b"db"]),
        );
        let findings = attack.verify().findings;
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].affected, [(snapshot.id, b"db/s/lost/rows".to_vec())]);
        let repository = attack.repository();
        let reader = ChunkReader::new(&repository);
        let database = Database::open(&reader, &snapshot.manifest, None).unwrap();
        let table = database.schema("s").unwrap().table("lost").unwrap();
        let read = |segment: SegmentItem| read_segment(&reader, &segment).map_err(|error| error.kind());
        let results: Vec<_> = table.segments(&reader).unwrap().map(Result::unwrap).map(read).collect();
        assert_eq!(results.iter().filter(|result| **result == Err(ErrorKind::Damaged)).count(), 1);
        assert_eq!(results.len(), 61);
    }
}

#[test]
fn verify_names_the_table_whose_segment_list_is_lost() {
    let attack = Attack::new();
    let snapshot = attack.commit(
        |forge| {
            let mut meta = Entry::new(ROWS_FILE.to_vec(), EntryKind::File);
            meta.size = 10;
            let lost = TreeEntry { content: Some(ContentRef::Segments(ChunkId([66; 32]))), ..TreeEntry::new(meta) };
            let lost =
                folder(forge, b"lost", vec![file(forge, TABLE_FILE, &table_record("lost").encode().unwrap()), lost]);
            let tables = vec![lost, table(forge, "good", &[item(forge, 1, 1)])];
            folder(forge, b"", vec![database(forge, b"db", vec![schema(forge, "s", tables)])]).tree.unwrap()
        },
        with_roots(&[b"db"]),
    );
    let findings = attack.verify().findings;
    assert_eq!((findings.len(), &findings[0].affected[..]), (1, &[(snapshot.id, b"db/s/lost/rows".to_vec())][..]));
    assert_eq!(lab::tree(&attack.folder.path().join("outside")).len(), 1);
}

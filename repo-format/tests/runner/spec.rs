//! The numbers and names in FORMAT.md are those of the code.

use std::collections::BTreeSet;

use repo_format::cbor;
use repo_format::context;
use repo_format::evidence;
use repo_format::head::{HEAD_LEN, Head, KeyClass, ObjectKind, Sealing};
use repo_format::limits;
use repo_format::node::RawNode;
use repo_format::pack;
use repo_format::sealed::{ENVELOPE_LEN, GCM_TAG_LEN};
use repo_format::{card, config, entry, manifest, member, node};

use crate::{database, log};

const FORMAT: &str = include_str!("../../FORMAT.md");

/// The text between two others, the second after the first.
#[track_caller]
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("FORMAT.md has no `{start}`"));
    rest.split_once(end).unwrap_or_else(|| panic!("FORMAT.md has no `{end}` after `{start}`")).0
}

/// All numbers of a text, in bytes where a unit follows.
fn numbers(text: &str) -> Vec<u64> {
    let mut rest = text;
    let mut numbers = Vec::new();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        // A number that is part of a word, as in `Argon2id`, is none.
        let word = rest[..start].ends_with(char::is_alphabetic);
        rest = &rest[start..];
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(rest.len());
        let digits = rest[..end].trim_end_matches(',');
        rest = &rest[digits.len()..];
        let units = [(" KiB", 1 << 10), (" MiB", 1 << 20), (" GiB", 1 << 30)];
        let unit = units.iter().find(|(unit, _)| rest.starts_with(unit)).map_or(1, |(_, bytes)| *bytes);
        if !word {
            numbers.push(digits.replace(',', "").parse::<u64>().unwrap() * unit);
        }
    }
    numbers
}

/// The numbers of a row of the table of limits.
#[track_caller]
fn limit(name: &str) -> Vec<u64> {
    let table = between(FORMAT, "## 15. Limits", "## 16.");
    numbers(between(table, &format!("\n| {name} |"), "|\n"))
}

/// `1 config, 2 member` as pairs.
fn list(text: &str) -> Vec<(u8, String)> {
    let item = |item: &str| {
        let (number, name) = item.trim().split_once(' ').unwrap();
        (number.parse().unwrap(), name.trim().to_owned())
    };
    text.split(',').map(item).collect()
}

#[test]
fn the_table_of_limits_has_the_limits() {
    assert_eq!(limit("chunk"), [limits::CHUNK_PLAIN, limits::CHUNK_PLAIN, pack::CHUNK_OVERHEAD as u64]);
    assert_eq!(limits::CHUNK_SEALED, limits::CHUNK_PLAIN + pack::CHUNK_OVERHEAD as u64);
    assert_eq!(limit("pack"), [limits::PACK, limits::PACK_TABLE, u16::MAX.into()]);
    assert_eq!(limit("index segment"), [limits::SEGMENT]);
    assert_eq!(limit("manifest, lease, void, member, config"), [limits::SMALL_OBJECT]);
    assert_eq!(limit("keyring"), [limits::KEYRING, limits::MEMBERS_COUNT, limits::EPOCHS_COUNT]);
    assert_eq!(limit("condemned"), [limits::CONDEMNED]);
    assert_eq!(limit("epoch note"), [limits::EPOCH_NOTE]);
    assert_eq!(limit("card"), [limits::CARD, limits::CARD_PRACTICE]);
    assert_eq!(limit("node"), [limits::CHUNK_PLAIN, limits::NODE_IDS_COUNT, limits::NODE_LEVEL.into()]);
    assert_eq!(limit("content of one entry"), [limits::INLINE_CONTENT, limits::DIRECT_CHUNKS_COUNT]);
    assert_eq!(limit("segment of rows"), [limits::ROWS_SEGMENT, limits::ROW_KEY]);
    assert_eq!(limit("record of a database"), [limits::DATABASE_RECORD, limits::COLUMNS_COUNT]);
    let log = [limits::LOG_RECORD, limits::LOG_FILES_COUNT, limits::TRANSACTION_RECORD];
    assert_eq!(limit("log"), [&log[..], &[limits::CHANGED_TABLES_COUNT, limits::STATEMENT_TEXT]].concat());
    let receipt = [limits::PURGED_TABLES_COUNT, limits::KEY_RANGES_COUNT, limits::ROW_KEY, limits::PURGED_FILES_COUNT];
    assert_eq!(limit("receipt"), receipt);
    assert_eq!(limit("manifests seen"), [limits::SEEN_COUNT]);
    assert_eq!(limit("manifests forgotten"), [limits::FORGOTTEN_COUNT]);
    assert_eq!(limit("manifests that suffer"), [limits::SUFFERING_COUNT]);
    assert_eq!(limit("folders of a held snapshot"), [limits::HELD_FOLDERS_COUNT, limits::HELD_FOLDER_PATH]);
    let evidence = [limits::EVIDENCE_STEPS_COUNT, limits::EVIDENCE_FIGURES_COUNT, limits::EVIDENCE_NOTES_COUNT];
    let named = [limits::EVIDENCE_PACKS_COUNT, limits::REVIEWED_COUNT, limits::ACTIONS_COUNT, limits::ACTION_TEXT];
    assert_eq!(limit("evidence"), [&evidence[..], &named].concat());
    assert_eq!(limit("CBOR"), [u64::from(limits::CBOR_DEPTH)]);
    assert_eq!(limit("directory depth"), [limits::DIRECTORY_DEPTH as u64, limits::FOLDER_PATH as u64]);
    assert_eq!(limit("name"), [limits::NAME, limits::LINK_TARGET]);
    assert_eq!(limit("extended attributes of one entry"), [limits::XATTRS]);
    assert_eq!(limit("holes of one file"), [limits::HOLES_COUNT]);
    assert_eq!(limit("gaps of one directory"), [limits::GAP_NAMES_COUNT, limits::GAP_NAMES]);
    assert_eq!(limit("patterns of a manifest"), [limits::PATTERNS]);
    let ranges = [limits::ARGON2_MEMORY_KIB, limits::ARGON2_PASSES, limits::ARGON2_LANES];
    let [memory, passes, lanes] = ranges.map(|(least, most)| [u64::from(least), u64::from(most)]);
    let expected = [memory.map(|kib| kib * limits::KIB), passes, lanes].concat();
    assert_eq!(limit("Argon2id")[..6], expected);
}

#[test]
fn every_row_of_the_table_of_limits_is_compared() {
    let table = between(FORMAT, "## 15. Limits", "## 16.");
    let rows = table.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!(rows, 2 + 27, "a new row needs a line in the test above");
}

#[test]
fn the_limits_in_the_text_are_those_of_the_table() {
    assert_eq!(numbers(between(FORMAT, "tags are nested at most", "deep")), [u64::from(limits::CBOR_DEPTH)]);
    assert_eq!(numbers(between(FORMAT, "} inline, under", "bytes;")), [limits::INLINE_CONTENT]);
    assert_eq!(numbers(between(FORMAT, "direct, at most", "chunks;")), [limits::DIRECT_CHUNKS_COUNT]);
    assert_eq!(numbers(between(FORMAT, "its writer saw, at most", "|")), [limits::SEEN_COUNT]);
    assert_eq!(numbers(between(FORMAT, "says were forgotten, at most", "|")), [limits::FORGOTTEN_COUNT]);
    assert_eq!(numbers(between(FORMAT, "when its writer looked, at most", "|")), [limits::SUFFERING_COUNT]);
    assert_eq!(numbers(between(FORMAT, "may have none, and one of more than", "is left out")), [limits::ROW_KEY]);
    assert_eq!(numbers(between(FORMAT, "those without values included, at most", ":")), [limits::COLUMNS_COUNT]);
    let manifest = between(FORMAT, "Sealed, kind 7, class meta, at most", "plain");
    assert_eq!(numbers(manifest), [limits::SMALL_OBJECT]);
    let (least, most) = limits::PACK_TARGET;
    assert_eq!(numbers(between(FORMAT, "The pack size is", ", the zstd")), [least, most]);
    let zstd = between(FORMAT, "the zstd level ", ".");
    assert_eq!(zstd, format!("{} to {}", limits::ZSTD_LEVEL.0, limits::ZSTD_LEVEL.1));
}

#[test]
fn the_head_has_the_offsets_and_the_length_of_its_table() {
    let table = between(FORMAT, "offset  size  field\n", "```");
    let mut end = 0;
    for row in table.lines().filter(|row| row[..6].trim().parse::<u64>().is_ok()) {
        let numbers = numbers(&row[..14]);
        assert_eq!(numbers[0], end, "{row}");
        end += numbers[1];
    }
    assert_eq!(end, HEAD_LEN as u64);
    assert!(FORMAT.contains(&format!("The {HEAD_LEN} bytes that every object begins with")));
}

#[test]
fn the_kinds_of_objects_have_their_numbers() {
    let kinds = list(between(FORMAT, "  kind: ", "     6     1  suite"));
    assert_eq!(kinds.len(), ObjectKind::ALL.len());
    for ((number, name), kind) in kinds.into_iter().zip(ObjectKind::ALL) {
        assert!(number == kind as u8 && kind.name().contains(&name), "{number} {name}");
    }
}

#[test]
fn the_key_classes_have_their_numbers() {
    let classes = list(between(FORMAT, "key class: ", "\n"));
    for ((number, name), class) in classes.iter().zip([KeyClass::Data, KeyClass::Meta, KeyClass::Index]) {
        assert_eq!((*number, name), (class as u8, &format!("{class:?}").to_lowercase()));
    }
    let clear = Head { kind: ObjectKind::Config, sealing: None }.encode();
    assert_eq!((classes[3].0, &*classes[3].1), (clear[7], "none"));
}

#[test]
fn each_kind_of_object_is_sealed_with_the_class_of_its_row() {
    let table = between(FORMAT, "| object | class | name in the AAD |", "## 6.");
    let row = |name: &str| between(table, &format!("\n| {name} | "), " |");
    let rows = [
        (ObjectKind::Pack, row("chunk in a pack")),
        (ObjectKind::PackTable, row("pack table")),
        (ObjectKind::Segment, row("index segment")),
        (ObjectKind::Manifest, row("manifest, void record")),
        (ObjectKind::Void, row("manifest, void record")),
        (ObjectKind::Lease, row("lease")),
        (ObjectKind::Condemned, row("condemned")),
        (ObjectKind::EpochNote, row("epoch note")),
    ];
    for (kind, classes) in rows {
        let names: Vec<_> = kind.classes().iter().map(|class| format!("{class:?}").to_lowercase()).collect();
        assert_eq!(names.join(" or "), classes, "{}", kind.name());
        let sealing = Some(Sealing { class: kind.classes()[0], epoch: 1 });
        assert_eq!(Head { kind, sealing }.encode()[6], 1);
    }
}

#[test]
fn the_context_strings_are_those_of_the_code() {
    let quoted = |text: &'static str| -> BTreeSet<&str> {
        text.split('"').filter(|quoted| quoted.starts_with("enamel 2026-11 ")).collect()
    };
    assert_eq!(quoted(FORMAT), quoted(include_str!("../../src/context.rs")));
    let after = |label: &str| between(FORMAT, label, "\",").rsplit_once('"').unwrap().1;
    let uses = [
        ("object key = ", context::OBJECT_KEY),
        ("\ncommitment = ", context::OBJECT_COMMITMENT),
        ("The machine is `derive(", context::MACHINE),
        ("wrap key        = ", context::MEMBER_WRAP_KEY),
        ("wrap commitment = ", context::MEMBER_WRAP_COMMITMENT),
        ("tag            = ", context::KEYRING_TAG),
        ("chunk id key         = ", context::CHUNK_ID),
        ("node id key          = ", context::NODE_ID),
        ("manifest digest key  = ", context::MANIFEST_DIGEST),
        ("config tag key       = ", context::CONFIG_TAG),
        ("card tag key         = ", context::CARD_TAG),
        ("gear table           = ", context::GEAR_TABLE),
        ("plan tag key         = ", context::PURGE_PLAN_TAG),
    ];
    uses.iter().for_each(|(label, string)| assert_eq!(after(label), *string, "{label}"));
    assert_eq!(between(FORMAT, "info = \"", "\""), context::KEYRING_INFO);
    assert!(between(FORMAT, "digest = ", "\n").contains(&format!("context \"{}\"", context::PURGE_PLAN_DIGEST)));
}

#[test]
fn the_sizes_of_structures_are_those_of_the_code() {
    assert!(FORMAT.contains(&format!("the envelope, {ENVELOPE_LEN} bytes")));
    assert!(FORMAT.contains(&format!("AAD        = envelope[{ENVELOPE_LEN}] ||")));
    assert!(FORMAT.contains(&format!("ciphertext || GCM tag[{GCM_TAG_LEN}]")));
    assert!(FORMAT.contains(&format!("first sealed chunk begins at offset {ENVELOPE_LEN}")));
    assert!(
        FORMAT.contains(&format!("{ENVELOPE_LEN} + all sealed lengths + the sealed table + {}", pack::TRAILER_LEN))
    );
    assert!(FORMAT.contains(&format!("entry[{}]", pack::TABLE_ENTRY_LEN)));
    assert!(FORMAT.contains("n × (u32 epoch || salt[32])") && pack::SALT_LEN == 4 + 32);
}

#[test]
fn the_numbers_of_kinds_within_structures_are_those_of_the_code() {
    let manifests = list(between(FORMAT, "manifest kind, below 256: ", "; **"));
    use manifest::{ManifestKind, RootKind};
    let kinds = [ManifestKind::Snapshot, ManifestKind::Receipt, ManifestKind::Record, ManifestKind::Log];
    let kinds: Vec<_> = kinds.into_iter().chain([ManifestKind::Evidence]).collect();
    assert_eq!(
        manifests.iter().map(|m| m.0).collect::<Vec<_>>(),
        kinds.iter().map(|kind| kind.number()).collect::<Vec<_>>()
    );
    use evidence::{ActionEnd, EvidenceKind, EvidenceNoteKind, EvidenceResult};
    let what = list(between(FORMAT, "| 0 | what: ", " |\n"));
    let kinds = [EvidenceKind::Drill, EvidenceKind::Verify, EvidenceKind::KeyTried, EvidenceKind::CopyReadBack];
    let kinds = kinds.into_iter().chain([EvidenceKind::Acceptance, EvidenceKind::Review, EvidenceKind::Actions]);
    assert_eq!(what.iter().map(|w| w.0).collect::<Vec<_>>(), kinds.map(EvidenceKind::number).collect::<Vec<_>>());
    let results = list(between(FORMAT, "| 1 | result: ", " |\n"));
    let kinds =
        [EvidenceResult::Passed, EvidenceResult::PassedWithNotes, EvidenceResult::Failed, EvidenceResult::NotDone];
    assert_eq!(results.iter().map(|r| r.0).collect::<Vec<_>>(), kinds.map(EvidenceResult::number));
    let ends = list(between(FORMAT, "| 5 | end: ", " |\n"));
    let kinds = [ActionEnd::Done, ActionEnd::Incomplete, ActionEnd::Failed, ActionEnd::Stopped, ActionEnd::Refused];
    let kinds: Vec<_> = kinds.into_iter().chain([ActionEnd::NotKnown]).map(ActionEnd::number).collect();
    assert_eq!(ends.iter().map(|end| end.0).collect::<Vec<_>>(), kinds);
    let notes = numbers(between(FORMAT, "array of notes: { 0: kind (", ": the source"));
    assert_eq!(notes, [u64::from(EvidenceNoteKind::Note.number())]);
    let roots = list(between(FORMAT, "name in the top directory, 1: kind (", ")"));
    let kinds = [RootKind::Folder, RootKind::File, RootKind::Stream, RootKind::Database];
    assert_eq!(roots.iter().map(|r| r.0).collect::<Vec<_>>(), kinds.map(RootKind::number));
    let modes = list(between(FORMAT, "| 7 | mode: ", " |"));
    let kinds = [card::CardMode::On, card::CardMode::Off, card::CardMode::Local];
    assert_eq!(modes, kinds.map(|mode| (mode.number(), mode.name().to_owned())));
    let wraps = list(between(FORMAT, "wrap: ", " |"));
    let kinds = [member::WrapKind::Argon2id, member::WrapKind::KeyFile];
    assert_eq!(wraps.iter().map(|w| w.0).collect::<Vec<_>>(), kinds.map(member::WrapKind::number));
    assert_eq!(numbers(between(FORMAT, "state, bits: ", " = it changed too near")), [u64::from(entry::STATE_RACY)]);
    let gaps = between(FORMAT, "*Why* are bits, at least one: ", " = anything else");
    let bits = [entry::GAP_UNREADABLE, entry::GAP_ELSEWHERE, entry::GAP_RULE, entry::GAP_OTHER];
    assert_eq!(numbers(gaps), bits.map(u64::from));
    let names = between(FORMAT, "ascending, each once, at most", "together");
    assert_eq!(numbers(names), [limits::GAP_NAMES_COUNT, limits::GAP_NAMES]);
    let options = numbers(between(FORMAT, "*Options*, bits: ", " = other file"));
    assert_eq!(options, [manifest::LEFT_OUT_CACHES, manifest::LEFT_OUT_FILE_SYSTEMS].map(u64::from));
    let nodes =
        ["**Content list**, kind ", "**Directory**, kind ", "**Problem list**, kind ", "**Segment list**, kind "];
    let kinds =
        [node::NodeKind::Content, node::NodeKind::Directory, node::NodeKind::Problems, node::NodeKind::Segments];
    for (start, kind) in nodes.iter().zip(kinds) {
        assert_eq!(numbers(&between(FORMAT, start, ":")[..1]), [kind as u64]);
    }
    let chunks = list(between(FORMAT, "               kind ", " (id zero)"));
    let kinds = [pack::ChunkKind::Data as u8, pack::ChunkKind::Node as u8, pack::ChunkKind::Padding as u8];
    assert_eq!(chunks.iter().map(|c| c.0).collect::<Vec<_>>(), kinds);
}

#[test]
fn the_profiles_and_the_version_are_those_of_the_code() {
    assert_eq!(numbers(between(FORMAT, "| 0 | format version:", "|")), [u64::from(config::FORMAT_VERSION)]);
    for (name, kib) in config::PROFILES {
        let sizes = numbers(between(FORMAT, &format!("`{name}` ("), "KiB)"));
        assert_eq!(sizes, kib.map(u64::from), "{name}");
    }
}

/// The keys of the first table after `start`: `2, 3` and `10, 11` are two, as they are in the code.
fn keys_of_table(start: &str) -> Vec<u8> {
    let table = between(FORMAT, start, "\n\n");
    let cells = table.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |").map(|(key, _)| key));
    cells.flat_map(|cell| cell.split(", ")).filter_map(|key| key.parse().ok()).collect()
}

/// The keys of all maps of an array of maps, or of one map.
fn keys_of(body: &[u8]) -> Vec<u8> {
    let mut decoder = minicbor::Decoder::new(body);
    let maps = if body[0] >> 5 == 4 { decoder.array().unwrap().unwrap() } else { 1 };
    let mut keys = BTreeSet::new();
    for _ in 0..maps {
        for _ in 0..decoder.map().unwrap().unwrap() {
            keys.insert(decoder.u8().unwrap());
            decoder.skip().unwrap();
        }
    }
    keys.into_iter().collect()
}

#[test]
fn the_tables_of_records_have_the_keys_of_the_records() {
    let (server, schema, table) = (database::server(), database::schema(), database::table());
    let receipt = database::receipt();
    let records = [
        ("**Server record**\n\n", server.encode().unwrap()),
        ("**Accounts record**\n\n", database::accounts().encode().unwrap()),
        ("**Receipt record**\n\n", receipt.encode().unwrap()),
        ("| key | field of a purged table |", cbor::encode(&receipt.tables)),
        ("| key | field of purged files |", cbor::encode(&receipt.files)),
        ("**Log record**\n\n", cbor::encode(&vec![log::first(), log::following()])),
        ("| key | field of a file |", cbor::encode(&log::first().files)),
        ("| key | field of a transaction |", cbor::encode(&log::transaction())),
        ("**Schema record**\n\n", schema.encode().unwrap()),
        ("| key | field of an object |", cbor::encode(&schema.objects)),
        ("**Table record**\n\n", table.encode().unwrap()),
        ("| key | field of a column |", cbor::encode(&table.columns)),
        (
            "| key | field of a segment |",
            RawNode::decode(&database::segment_leaf().encode().unwrap()).unwrap().body.to_vec(),
        ),
    ];
    for (start, encoded) in records {
        assert_eq!(keys_of_table(start), keys_of(&encoded), "{start}");
    }
    assert_eq!(keys_of(&cbor::encode(&server.moment)), (0..=6).collect::<Vec<_>>());
    assert_eq!(numbers(between(FORMAT, "Moment: { 0: seconds, 1: microseconds (below", ")")), [1_000_000]);
}

#[test]
fn the_numbers_within_records_are_those_of_the_code() {
    use repo_format::database::{Flavour, ObjectType as O, PurgePhase, ROW_ENCODING, RowOrder, ValueEncoding as V};
    let all = |start, end| list(between(FORMAT, start, end)).into_iter().map(|(number, _)| number).collect::<Vec<_>>();
    fn encoded<T: minicbor::Encode<()>>(values: &[T]) -> Vec<u8> {
        values.iter().flat_map(cbor::encode).collect()
    }
    let flavours = between(FORMAT, "flavour: ", " |");
    assert_eq!(flavours, "1 MySQL (and Percona Server), 2 MariaDB");
    assert_eq!(encoded(&[Flavour::MySql, Flavour::MariaDb]), [1, 2]);
    assert_eq!(all("| 1 | phase: ", " |"), encoded(&[PurgePhase::Begun, PurgePhase::Ended]));
    let objects = [O::Sequence, O::View, O::Function, O::Procedure, O::Package, O::PackageBody, O::Trigger, O::Event];
    assert_eq!(all("| 0 | kind: ", " |"), encoded(&objects));
    assert_eq!(all("order of rows: ", ";"), encoded(&[RowOrder::Integer, RowOrder::KeyBytes, RowOrder::RowBytes]));
    let values = [V::Integer, V::Float, V::Double, V::Decimal, V::Bytes, V::Date, V::DateTime, V::Time, V::Year];
    assert_eq!(all("encoding of its values: ", " |"), encoded(&values));
    assert_eq!(numbers(between(FORMAT, "encoding of rows: ", ",")), [u64::from(ROW_ENCODING)]);
}

#[test]
fn the_numbers_within_logs_are_those_of_the_code() {
    use repo_format::log::{Coverage, StreamStart, TimeSource, TransactionFlags as F};
    let told = |start: &str, kinds: &[(u8, &str)]| {
        let row = between(FORMAT, start, " |\n");
        kinds.iter().for_each(|(number, name)| assert!(row.contains(&format!("{number} {name}")), "{row}: {name}"));
    };
    let starts =
        [StreamStart::First, StreamStart::Gap, StreamStart::Reset, StreamStart::Fork, StreamStart::OtherServer];
    told("| 7 | why a stream begins: ", &starts.map(|start| (start.number(), start.name())));
    let coverages = [(Coverage::Whole, "whole"), (Coverage::Partial, "partial"), (Coverage::Incident, "ends at an")];
    told("| 12 | coverage: ", &coverages.map(|(coverage, words)| (coverage.number(), words)));
    let sources = [
        (TimeSource::Commit, "the server wrote it down"),
        (TimeSource::Arrival, "the event arrived"),
        (TimeSource::Statement, "the server wrote down when its"),
    ];
    told("| 5 | how (4) is known: ", &sources.map(|(source, words)| (source.number(), words)));
    let flags = [F::DEFINITIONS, F::STATEMENTS, F::PREPARED, F::FAILED].map(|flag| flag.0);
    assert_eq!(
        list(between(FORMAT, "| 6 | flags: ", " |\n").split(" (XA)").collect::<String>().as_str())
            .iter()
            .map(|f| u64::from(f.0))
            .collect::<Vec<_>>(),
        flags
    );
    assert_eq!(numbers(between(FORMAT, "are not listed; flag ", " says")), [F::MORE_TABLES.0]);
    assert_eq!(numbers(between(FORMAT, "whose first event is at ", ".")), [repo_format::log::FIRST_OFFSET]);
}

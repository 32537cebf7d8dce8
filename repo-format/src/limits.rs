//! The most that a decoder accepts (FORMAT.md, section 15). All sizes in bytes unless the name says otherwise.

/// One KiB.
pub const KIB: u64 = 1024;
/// One MiB.
pub const MIB: u64 = 1024 * KIB;
/// One GiB.
pub const GIB: u64 = 1024 * MIB;

/// Arrays, maps and tags within one another in CBOR.
pub const CBOR_DEPTH: u8 = 16;
/// Plain bytes of a chunk.
pub const CHUNK_PLAIN: u64 = 8 * MIB;
/// A sealed chunk: its coded bytes are never more than the limit of plain ones.
pub const CHUNK_SEALED: u64 = CHUNK_PLAIN + 17;
/// A whole pack.
pub const PACK: u64 = 256 * MIB;
/// The sealed table of a pack.
pub const PACK_TABLE: u64 = 16 * MIB;
/// Plain bytes of an index segment.
pub const SEGMENT: u64 = 16 * MIB;
/// The plain body of a manifest, lease, void record, member or config.
pub const SMALL_OBJECT: u64 = 64 * KIB;
/// Body of a card.
pub const CARD: u64 = 4 * KIB;
/// The number of a practice on a card.
pub const CARD_PRACTICE: u64 = 64;
/// The body of a keyring.
pub const KEYRING: u64 = MIB;
/// Members of a keyring.
pub const MEMBERS_COUNT: u64 = 1024;
/// Epochs of a keyring.
pub const EPOCHS_COUNT: u64 = 4096;
/// The plain body of the condemned object.
pub const CONDEMNED: u64 = 64 * MIB;
/// The plain body of an epoch note.
pub const EPOCH_NOTE: u64 = 64 * MIB;
/// Ids in a node.
pub const NODE_IDS_COUNT: u64 = 65_536;
/// Highest level of a node.
pub const NODE_LEVEL: u8 = 15;
/// Folders within folders.
pub const DIRECTORY_DEPTH: usize = 4096;
/// The path of a directory from the top one.
pub const FOLDER_PATH: usize = 256 * 1024;
/// A name in a directory.
pub const NAME: u64 = 4096;
/// The target of a symbolic link.
pub const LINK_TARGET: u64 = 65_536;
/// Names and values of the extended attributes of one entry, together.
pub const XATTRS: u64 = MIB;
/// Holes of one sparse file.
pub const HOLES_COUNT: u64 = 4096;
/// Names that a directory says are missing in it.
pub const GAP_NAMES_COUNT: u64 = 1024;
/// All names in such a list together, bytes.
pub const GAP_NAMES: u64 = 64 * KIB;
/// The patterns of a manifest together.
pub const PATTERNS: u64 = 16 * KIB;
/// Content that stands inline in an entry is shorter than this.
pub const INLINE_CONTENT: u64 = 200;
/// Chunks that stand directly in an entry.
pub const DIRECT_CHUNKS_COUNT: u64 = 4;
/// Plain bytes of a segment of rows.
pub const ROWS_SEGMENT: u64 = 4096 * MIB;
/// The encoded key of a row, where a segment list names it.
pub const ROW_KEY: u64 = 64 * KIB;
/// A record of a server, schema, table or of accounts.
pub const DATABASE_RECORD: u64 = 64 * MIB;
/// Columns of a table.
pub const COLUMNS_COUNT: u64 = 4096;
/// The record of a log.
pub const LOG_RECORD: u64 = 16 * MIB;
/// Files of the server in a log.
pub const LOG_FILES_COUNT: u64 = 65_536;
/// The record of a transaction.
pub const TRANSACTION_RECORD: u64 = MIB;
/// Tables in it.
pub const CHANGED_TABLES_COUNT: u64 = 4096;
/// Text in it.
pub const STATEMENT_TEXT: u64 = 200;
/// Tables of a receipt: a table counts once for each category.
pub const PURGED_TABLES_COUNT: u64 = 1024;
/// Ranges of keys of a receipt, of all its tables.
pub const KEY_RANGES_COUNT: u64 = 1024 * 1024;
/// Files of a receipt.
pub const PURGED_FILES_COUNT: u64 = 1024 * 1024;
/// Manifests that a manifest says its writer had seen.
pub const SEEN_COUNT: u64 = 16;
/// Manifests that a record says were forgotten: with their digests they fill most of its 64 KiB.
pub const FORGOTTEN_COUNT: u64 = 1024;
/// Manifests that a record says need lost data.
pub const SUFFERING_COUNT: u64 = 1024;
/// Folders of a held snapshot, one for each rule.
pub const HELD_FOLDERS_COUNT: u64 = 8;
/// Bytes of the path of one of them.
pub const HELD_FOLDER_PATH: u64 = 1024;
/// Steps of evidence.
pub const EVIDENCE_STEPS_COUNT: u64 = 64;
/// Figures of one step.
pub const EVIDENCE_FIGURES_COUNT: u64 = 32;
/// Notes of evidence.
pub const EVIDENCE_NOTES_COUNT: u64 = 256;
/// Packs that evidence names: their 8 bytes each fill most of its 64 KiB.
pub const EVIDENCE_PACKS_COUNT: u64 = 6144;
/// Evidence that a review is about.
pub const REVIEWED_COUNT: u64 = 256;
/// Actions of people in evidence.
pub const ACTIONS_COUNT: u64 = 256;
/// Bytes of a text of an action.
pub const ACTION_TEXT: u64 = 512;
/// Size to aim at when filling a pack: least and most.
pub const PACK_TARGET: (u64, u64) = (MIB, 128 * MIB);
/// zstd level: least and most.
pub const ZSTD_LEVEL: (i32, i32) = (-7, 22);
/// Argon2id memory in KiB: least and most.
pub const ARGON2_MEMORY_KIB: (u32, u32) = (8, 1024 * 1024);
/// Argon2id passes: least and most.
pub const ARGON2_PASSES: (u32, u32) = (1, 64);
/// Argon2id lanes: least and most.
pub const ARGON2_LANES: (u32, u32) = (1, 16);

const _: () = assert!(PACK_TABLE < PACK && CHUNK_PLAIN < PACK);
const _: () = assert!(NODE_IDS_COUNT * 32 < CHUNK_PLAIN);

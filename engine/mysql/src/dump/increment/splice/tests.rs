//! Splicing gives the segments that cutting all rows gives.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use engine_core::crypto::{Credential, KeyFile};
use engine_core::files::backup::{BackupOptions, Companion, FolderSource, Run, Source, backup};
use engine_core::monitor::NullMonitor;
use engine_core::repository::{InitOptions, OpenOptions, Repository, init};
use engine_core::tree::TreeEntry;
use engine_store::MemoryStore;
use proptest::prelude::*;
use repo_format::cbor::ByteString;
use repo_format::config::Access;
use repo_format::database::{Column, ROW_ENCODING, RowOrder, ValueEncoding};
use repo_format::entry::Time;
use repo_format::manifest::Root;

use super::*;
use crate::dump::entries::{file, folder};

/// Rows by their keys.
type Rows = BTreeMap<i64, Vec<u8>>;

fn record() -> TableRecord {
    TableRecord {
        name: "t".to_owned(),
        create: ByteString(Vec::new()),
        engine: "InnoDB".to_owned(),
        columns: vec![Column::new("id", "bigint", ValueEncoding::Integer)],
        key: vec![0],
        order: RowOrder::Integer,
        encoding: ROW_ENCODING,
        versioned: None,
        changed: None,
        segment_bits: None,
        kept_digests: None,
    }
}

fn row(key: i64, length: usize, mark: u32) -> Vec<u8> {
    let mut text = format!("{key}\t{mark}");
    while text.len() < length {
        write!(text, "{key:x}.{mark:x}.").unwrap();
    }
    format!("{text}\n").into_bytes()
}

/// A table as it was spliced: its content, and how many rows it has.
type Spliced = (Option<ContentRef>, u64);

/// The rows that a snapshot holds are spliced with those that have changed, and stored as a whole as well.
struct Step {
    bits: u32,
    parent: Rows,
    now: Rows,
    /// Keys that the log names without need.
    named: BTreeSet<i64>,
    /// The parent's rows as they were stored, then those of this snapshot.
    stored: Arc<Mutex<Option<TreeEntry>>>,
    /// The result of splicing.
    spliced: Arc<Mutex<Option<Spliced>>>,
}

impl Step {
    fn part(&self) -> Part {
        let keys: BTreeSet<i64> = self.parent.keys().chain(self.now.keys()).copied().collect();
        let changed = keys.into_iter().filter(|key| self.parent.get(key) != self.now.get(key));
        let key = IntegerKey::of(&record()).unwrap();
        let rank = |number: i64| key.rank_of_text(number.to_string().as_bytes()).unwrap();
        let mut ranks: Vec<u64> = changed.chain(self.named.iter().copied()).map(rank).collect();
        ranks.sort_unstable();
        ranks.dedup();
        Part { key: Some(key), ranks, is_proof: false }
    }

    fn splice(&self, run: &Run<'_>, sealer: &mut Sealer<'_>, rows: Option<TreeEntry>) -> Result<StoredRows> {
        let (record, part) = (record(), self.part());
        let definition = file(b"table", 0, None, Time::default());
        let table = ParentTable { record, definition, rows, read: 0, is_late: false };
        let ground = Ground { reader: run.parent().reader(), table: &table, part: &part };
        let mut splicer = Splicer::new(ground, sealer, self.bits)?;
        for (key, row) in &self.now {
            let text = key.to_string().into_bytes();
            if part.has(part.key.unwrap().rank_of_text(&text).unwrap()) {
                splicer.row(&text, row)?;
            }
        }
        splicer.finish()
    }
}

impl FolderSource for Step {
    fn address(&self) -> String {
        "model".to_owned()
    }

    fn take_companion(&mut self) -> Option<Companion> {
        None
    }

    fn save(&self, run: &Run<'_>, root: &Root) -> Result<TreeEntry> {
        let mut sealer = Sealer::new(run)?;
        let before = self.stored.lock().unwrap().take();
        let spliced = self.splice(run, &mut sealer, before)?;
        *self.spliced.lock().unwrap() = Some((spliced.content, spliced.rows));
        let mut segmenter = Segmenter::new(&mut sealer, self.bits);
        for (key, row) in &self.now {
            segmenter.push(key.to_string().as_bytes(), row)?;
        }
        let whole = segmenter.finish()?;
        let entry = file(b"rows", whole.bytes, whole.content, Time::default());
        *self.stored.lock().unwrap() = Some(entry.clone());
        folder(run, &mut sealer, &root.name.0, vec![entry], Time::default())
    }
}

/// A repository in memory, in which one snapshot follows another.
struct Chain {
    repository: Repository,
    bits: u32,
    rows: Rows,
    stored: Arc<Mutex<Option<TreeEntry>>>,
    _cache: tempfile::TempDir,
}

impl Chain {
    fn new(bits: u32) -> Self {
        let (store, cache) = (Arc::new(MemoryStore::new()), tempfile::tempdir().unwrap());
        let credential = Credential::KeyFile(KeyFile::generate().unwrap());
        init(&*store, &credential, &InitOptions { label: "test".to_owned(), ..InitOptions::default() }).unwrap();
        let options = OpenOptions::new(cache.path().join("cache"), Access::Write);
        let repository = Repository::open(store, &credential, &options, &NullMonitor).unwrap();
        Chain { repository, bits, rows: Rows::new(), stored: Arc::default(), _cache: cache }
    }

    /// Saves `now`: what was spliced is what was stored as a whole.
    fn save(&mut self, now: Rows, named: BTreeSet<i64>) {
        let spliced = Arc::default();
        let parent = std::mem::replace(&mut self.rows, now.clone());
        let (bits, stored) = (self.bits, self.stored.clone());
        let step = Step { bits, parent, now, named, stored, spliced: Arc::clone(&spliced) };
        let (host, user, program) = ("host".to_owned(), "user".to_owned(), "test".to_owned());
        let options = BackupOptions { host, user, program, allow_less: true, ..BackupOptions::default() };
        backup(&self.repository, vec![Source::Database(Box::new(step))], &options, &NullMonitor).unwrap();
        let (content, rows) = spliced.lock().unwrap().take().unwrap();
        assert_eq!(rows, self.rows.len() as u64);
        assert_eq!(content, self.stored.lock().unwrap().as_ref().unwrap().content);
    }
}

/// One change: of this key to a row of this length, or to none.
type Edit = (i64, Option<usize>);

fn edits(large: bool) -> impl Strategy<Value = Vec<Edit>> {
    let length = if large {
        prop_oneof![3 => 0..90usize, 4 => 300_000..1_600_000usize, 1 => 4_000_000..4_400_000usize]
    } else {
        prop_oneof![1 => 0..1usize, 3 => 0..90usize, 1 => 90..3000usize]
    };
    let keys = if large { -12..12i64 } else { -200..200i64 };
    let change = (keys, prop_oneof![2 => length.prop_map(Some), 1 => Just(None)]);
    prop_oneof![1 => prop::collection::vec(change.clone(), 0..4), 1 => prop::collection::vec(change, 0..if large { 14 } else { 300 })]
}

fn run(bits: u32, steps: Vec<(Vec<Edit>, bool)>) {
    let mut chain = Chain::new(bits);
    for (mark, (edits, clears)) in (1u32..).zip(steps) {
        let (mut now, mut named) = (chain.rows.clone(), BTreeSet::new());
        if clears {
            now.clear();
        }
        for (key, length) in edits {
            match length {
                Some(length) => drop(now.insert(key, row(key, length, mark))),
                None => drop(now.remove(&key)),
            }
            named.insert(key);
        }
        chain.save(now, named);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn small_rows_are_cut_as_a_whole_read_cuts_them(
        bits in 0..6u32, steps in prop::collection::vec((edits(false), prop::bool::weighted(0.1)), 2..6)
    ) {
        run(bits, steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, max_shrink_iters: 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_beyond_the_largest_segment_are_cut_as_a_whole_read_cuts_them(
        bits in 1..5u32, steps in prop::collection::vec((edits(true), prop::bool::weighted(0.05)), 2..5)
    ) {
        run(bits, steps);
    }
}

//! One table during a load: its form on the target, and its progress.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use repo_format::database::TableRecord;

use super::definition::Keys;
use super::filling::Filling;
use super::marker::Step;
use super::rows::Sink;
use super::run::{Run, SchemaRun};
use super::source::SourceTable;
use super::table_definition::Fitting;
use super::tally::count;
use super::warnings::Warnings;
use crate::database::SignedZeros;
use crate::dialect::{Changed, Check, Converted, Values, Versioning};
use engine_core::tree::SegmentsAhead;

/// Bytes of one statement: large enough that its costs do not matter, small enough that progress shows.
pub const BATCH_BYTES: u64 = 16 << 20;

/// A table on its way.
pub struct TableLoad<'r> {
    pub(super) source: &'r SourceTable,
    pub(super) schema: &'r SchemaRun<'r>,
    /// Its form on the target.
    pub(super) fitting: Fitting,
    pub(super) filling: Filling,
    pub(super) sink: Sink,
    /// The number of its current rows, and the number of historical rows that the target does not accept.
    pub(super) current: AtomicU64,
    pub(super) left_history: AtomicU64,
    /// Values that are otherwise than they were, as the target does not hold them.
    pub(super) changed: Mutex<Changed>,
    pub(super) state: Mutex<State<'r>>,
    /// Connections that may still work on it.
    pub(super) helpers: AtomicUsize,
    pub(super) has_failed: AtomicBool,
    /// Rows or values that are not as they were.
    pub(super) problems: AtomicU64,
    /// Rows of it are lost in the repository.
    pub(super) has_lost: AtomicBool,
    pub(super) zeros: SignedZeros,
    /// How many values were -0, and are 0.
    pub(super) signed_zeros: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) stored: AtomicU64,
    pub(super) warnings: Mutex<Warnings>,
}

pub(super) enum State<'r> {
    New,
    Filling(Option<SegmentsAhead<'r>>),
    /// An earlier run has loaded it, or it could not be made.
    Done,
}

impl<'r> TableLoad<'r> {
    /// Prepares the table `source` of `schema`.
    pub fn new(run: &Run<'r>, schema: &'r SchemaRun<'r>, source: &'r SourceTable) -> Self {
        let record = &source.record;
        let filling = Filling::of(record, source.bytes);
        let keys = if filling == Filling::LaterKeys { Keys::Later } else { Keys::AtOnce };
        let fitting = Fitting::of(run, schema.plan, record, keys);
        TableLoad {
            filling,
            zeros: SignedZeros::of(&fitting.record),
            sink: Sink::new(&schema.plan.staging, &fitting.record),
            fitting,
            current: AtomicU64::new(0),
            left_history: AtomicU64::new(0),
            changed: Mutex::default(),
            source,
            schema,
            state: Mutex::new(State::New),
            helpers: AtomicUsize::new(1),
            has_failed: AtomicBool::new(false),
            problems: AtomicU64::new(0),
            has_lost: AtomicBool::new(false),
            signed_zeros: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            warnings: Mutex::default(),
        }
    }

    /// Whether it is left out; then it is named.
    pub fn is_left_out(&self, run: &Run<'_>) -> bool {
        let (schema, name) = self.name();
        self.fitting.refusal.iter().for_each(|reason| run.tally.problem(schema, name, reason));
        self.fitting.refusal.is_some()
    }

    /// Bytes of its rows.
    pub fn bytes(&self) -> u64 {
        self.source.bytes
    }

    /// Its rows, as many as have been sent.
    pub fn rows(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many connections may fill it at once.
    pub fn places(&self, run: &Run<'_>) -> usize {
        let counts = self.source.record.columns.iter().any(|column| column.auto_increment == Some(true));
        let is_shared = self.filling == Filling::LaterKeys && (run.target.shares_counters || !counts);
        let batches = usize::try_from(self.source.bytes / (2 * BATCH_BYTES)).unwrap_or(usize::MAX);
        if is_shared { batches.clamp(1, run.jobs) } else { 1 }
    }

    /// Lets `places` connections work on it.
    pub fn expect(&self, places: usize) {
        self.helpers.store(places, Ordering::Relaxed);
    }

    /// The statement that adds its foreign keys, if they are not there.
    pub fn foreign_keys(&self) -> Option<&[u8]> {
        let is_there = self.schema.marker.noted(Step::ForeignKeys, &self.source.record.name).is_some();
        let keys = self.fitting.definition.as_ref().and_then(|definition| definition.foreign_keys.as_deref());
        keys.filter(|_| !is_there && !self.has_failed.load(Ordering::Relaxed))
    }

    /// Checks that are enforced after its rows are there.
    pub fn checks(&self) -> &[Check] {
        if self.has_failed() { &[] } else { &self.fitting.checks }
    }

    /// Its full quoted name, where it is loaded.
    pub fn quoted_name(&self) -> &str {
        self.sink.table()
    }

    /// The name that is shown: schema and table.
    pub fn name(&self) -> (&str, &str) {
        (&self.schema.plan.name, &self.source.record.name)
    }

    /// The table in the snapshot.
    pub fn source(&self) -> &'r SourceTable {
        self.source
    }

    /// Its form on the target.
    pub fn record(&self) -> &TableRecord {
        &self.fitting.record
    }

    /// Its saved rows as the target has them, with how many these are.
    pub fn converted(&self, run: &Run<'_>, text: Vec<u8>, rows: u64) -> Converted {
        let mut converted = self.fitting.rows.convert(text, rows);
        if !run.target.keeps_signed_zeros {
            let (plain, zeros) = self.zeros.removed(&converted.text);
            count(&self.signed_zeros, zeros);
            if let Cow::Owned(plain) = plain {
                converted.text = plain;
            }
        }
        converted
    }

    /// Whether the target may tell fewer values of it from each other than the source does.
    pub fn may_lose_signs(&self, run: &Run<'_>) -> bool {
        !run.target.keeps_signed_zeros && self.zeros.are_possible()
    }

    /// Whether some of its values may be otherwise on the target.
    pub fn changes_values(&self) -> bool {
        self.fitting.rows.changes_values()
    }

    /// Whether values that are as they were are written otherwise on the target.
    pub fn rewrites_values(&self) -> bool {
        self.fitting.rows.values.as_ref().is_some_and(Values::rewrites)
    }

    /// Whether its rows are all there, also those that are not current.
    pub fn has_all_history(&self) -> bool {
        self.fitting.rows.versioning.as_ref().is_none_or(Versioning::keeps_all)
    }

    /// An encoded row as it was saved, of one that the target has.
    pub fn as_saved<'t>(&self, row: &'t [u8]) -> Cow<'t, [u8]> {
        self.fitting.rows.versioning.as_ref().map_or(Cow::Borrowed(row), |versioning| versioning.as_saved(row))
    }

    /// The schema it belongs to.
    pub fn schema(&self) -> &'r SchemaRun<'r> {
        self.schema
    }

    /// Whether it could not be loaded.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Notes that rows or values of it are not as they were.
    pub fn problem(&self, run: &Run<'_>, message: &str) {
        let (schema, table) = self.name();
        count(&self.problems, 1);
        run.tally.problem(schema, table, message);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<'r>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

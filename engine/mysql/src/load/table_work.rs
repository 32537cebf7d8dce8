//! The work on one table: making it, filling it over one or several connections, building its keys, counting its rows.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::batch::Batch;
use super::filling::{Filling, explained};
use super::kept;
use super::marker::Step;
use super::rows::{Method, is_local_refused};
use super::run::Run;
use super::table::{BATCH_BYTES, State, TableLoad};
use super::tally::count;
use crate::database::{Connection, error_code, is_lost, quote_name};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::monitor::Work;
use engine_core::snapshots::saved::read_segment;
use engine_core::tree::{SegmentAhead, SegmentItem};
use engine_core::words::counted;

/// This part of the work on a table is building its keys and comparing numbers: measured on tables of a practice.
const KEYS_SHARE: u64 = 4;
/// The keys of a table with fewer bytes are there in a moment.
const LARGE: u64 = 8 << 20;

/// Warnings at CREATE TABLE that change the table: another engine, an option without effect.
const NOT_AS_ASKED: [u16; 2] = [1266, 1478];

impl<'r> TableLoad<'r> {
    /// Works on it until nothing is left to do for this connection. Refusals of the server are problems of this table.
    ///
    /// # Errors
    /// If the connection is lost, the repository cannot be read, or the user wishes to stop.
    pub fn help(&self, run: &Run<'r>, connection: &mut Connection) -> Result<()> {
        let mut result = self.fill(run, connection);
        let is_last = self.helpers.fetch_sub(1, Ordering::AcqRel) == 1;
        if result.is_ok() && is_last && !self.has_failed() {
            result = self.finish(run, connection);
        }
        match result {
            Err(error) if self.is_own(&error) => {
                self.schema.has_failures.store(true, Ordering::Relaxed);
                if !self.has_failed.swap(true, Ordering::AcqRel) {
                    run.tally.failure(&self.schema.plan.name, &self.source.record.name, &error);
                }
                Ok(())
            }
            result => result,
        }
    }

    /// Whether an error is about this table alone.
    fn is_own(&self, error: &Error) -> bool {
        /// The disk or the tablespace is full.
        const FULL: [u16; 3] = [1021, 1114, 3];
        let code = error_code(error);
        let is_of_rows = matches!(error.kind(), ErrorKind::Database | ErrorKind::Damaged);
        is_of_rows && code.is_none_or(|code| !FULL.contains(&code)) && !is_lost(error)
    }

    fn fill(&self, run: &Run<'r>, connection: &mut Connection) -> Result<()> {
        while !self.has_failed() {
            run.check()?;
            let segments = self.next_segments(run, connection)?;
            if segments.is_empty() {
                break;
            }
            let batch = self.read(run, &segments)?;
            let bytes = segments.iter().map(|segment| segment.item.len).sum();
            self.store(run, connection, &batch)?;
            run.monitor.advance(Work { items: 0, bytes: Self::counted(bytes) });
        }
        Ok(())
    }

    /// Segments of about one statement. The first to ask makes the table.
    fn next_segments(&self, run: &Run<'r>, connection: &mut Connection) -> Result<Vec<SegmentAhead<'r>>> {
        let mut state = self.lock();
        if matches!(*state, State::New) {
            *state = State::Done;
            if self.make(run, connection)? {
                if self.filling == Filling::NoRows {
                    *state = State::Filling(None);
                } else {
                    *state = State::Filling(Some(run.source.segments_to_read(self.source)?));
                }
            }
        }
        let State::Filling(Some(iter)) = &mut *state else { return Ok(Vec::new()) };
        let (mut segments, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH_BYTES {
            let Some(segment) = iter.next() else { break };
            match segment {
                Ok(segment) => {
                    bytes += segment.item.len;
                    segments.push(segment);
                }
                Err(error) => self.lost(run, &error, None)?,
            }
        }
        Ok(segments)
    }

    /// Makes the table; `false` if an earlier run has loaded it.
    fn make(&self, run: &Run<'r>, connection: &mut Connection) -> Result<bool> {
        let Some(definition) = &self.fitting.definition else {
            let message = "its definition is no CREATE TABLE that this version can read";
            return Err(Error::new(ErrorKind::Database, message));
        };
        let (schema, table) = self.name();
        self.fitting.left_out.iter().for_each(|sentence| run.tally.problem(schema, table, sentence));
        self.fitting.notes.iter().for_each(|note| run.monitor.note(&format!("{schema}.{table}: {note}")));
        if self.is_loaded(connection)? {
            count(&run.tally.resumed_tables, 1);
            run.monitor.advance(Work { items: 1, bytes: self.source.bytes });
            return Ok(false);
        }
        connection.run(&format!("DROP TABLE IF EXISTS {}", self.sink.table()))?;
        connection.run(&format!("USE {}", quote_name(&self.schema.plan.staging)))?;
        connection.run_bytes(&definition.create).map_err(|e| explained(e, &run.target.server))?;
        self.say_what_differs(run, connection)?;
        if self.filling == Filling::DisabledKeys {
            connection.run(&format!("ALTER TABLE {} DISABLE KEYS", self.sink.table()))?;
        }
        Ok(true)
    }

    /// Whether an earlier run has loaded it, and its rows are still as many.
    fn is_loaded(&self, connection: &mut Connection) -> Result<bool> {
        let record = &self.source.record;
        let Some(noted) = self.schema.marker.noted(Step::Loaded, &record.name) else { return Ok(false) };
        let history = if self.fitting.record.versioned == Some(true) { " FOR SYSTEM_TIME ALL" } else { "" };
        let rows = connection.value(&format!("SELECT COUNT(*) FROM {}{history}", self.sink.table()));
        match rows {
            Ok(rows) => Ok(rows.as_deref() == Some(noted)),
            Err(error) if is_lost(&error) => Err(error),
            // It is gone, or damaged: it is loaded again.
            Err(_) => Ok(false),
        }
    }

    /// Reports the server's warnings at CREATE TABLE, if it made something else.
    fn say_what_differs(&self, run: &Run<'_>, connection: &mut Connection) -> Result<()> {
        if connection.warning_count() == 0 {
            return Ok(());
        }
        for row in connection.rows("SHOW WARNINGS")? {
            let mut texts = row.into_iter().map(|v| String::from_utf8_lossy(&v.unwrap_or_default()).into_owned());
            let (_, code, message) = (texts.next(), texts.next(), texts.next().unwrap_or_default());
            if code.and_then(|code| code.parse().ok()).is_some_and(|code| NOT_AS_ASKED.contains(&code)) {
                let (schema, table) = self.name();
                run.monitor.note(&format!("{schema}.{table} is not made as it was: {message}"));
            }
        }
        Ok(())
    }

    /// Reads segments; those that are lost are named and left out.
    fn read(&self, run: &Run<'_>, segments: &[SegmentAhead<'_>]) -> Result<Batch> {
        let mut batch = Batch::default();
        let mut pieces = Vec::with_capacity(segments.len());
        for segment in segments {
            match read_segment(&*segment.chunks, &segment.item) {
                Ok(piece) => {
                    let converted = self.converted(run, piece, segment.item.rows);
                    count(&self.current, converted.current);
                    count(&self.left_history, converted.left_out);
                    self.changed.lock().unwrap_or_else(PoisonError::into_inner).add(&converted.changed);
                    batch.rows += converted.rows;
                    batch.bytes += converted.text.len() as u64;
                    pieces.push(converted.text);
                }
                Err(error) => self.lost(run, &error, Some(&segment.item))?,
            }
        }
        batch.pieces = Arc::new(pieces);
        Ok(batch)
    }

    /// Rows that the repository has lost: a problem, and everything else is loaded.
    fn lost(&self, run: &Run<'_>, error: &Error, segment: Option<&SegmentItem>) -> Result<()> {
        if !matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotFound) {
            return Err(Error::new(
                error.kind(),
                format!("cannot read the rows: {}", engine_core::error::chain(error)),
            ));
        }
        let which = segment.map_or_else(|| "rows".to_owned(), |segment| counted(segment.rows, "row"));
        self.has_lost.store(true, Ordering::Relaxed);
        self.problem(run, &format!("lost in the repository: {which}: {}", engine_core::error::chain(error)));
        Ok(())
    }

    /// The part of `bytes` that counts as done when these are loaded. The rest counts when the keys are there, which takes
    /// long. Rounded down, so that the parts are never more than the whole.
    fn counted(bytes: u64) -> u64 {
        bytes / KEYS_SHARE * (KEYS_SHARE - 1)
    }

    fn store(&self, run: &Run<'_>, connection: &mut Connection, batch: &Batch) -> Result<()> {
        let stored = match self.sink.store(connection, batch, run.target.method()) {
            Err(error) if run.target.method() == Method::Load && is_local_refused(&error) => {
                run.say_inserting();
                self.sink.store(connection, batch, Method::Insert)?
            }
            stored => stored?,
        };
        count(&self.sent, batch.rows);
        count(&self.stored, stored.rows);
        count(&run.tally.rows, stored.rows);
        count(&run.tally.bytes, batch.bytes);
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).merge(stored.warnings);
        Ok(())
    }

    /// Builds the keys, makes the possible comparisons, and notes that the table is complete.
    fn finish(&self, run: &Run<'_>, connection: &mut Connection) -> Result<()> {
        if matches!(*self.lock(), State::Done) {
            return Ok(());
        }
        if self.bytes() < LARGE {
            self.build_keys(run, connection)?;
        } else {
            let what = format!("building the keys of {}", self.name().1);
            run.building.during(what, run.monitor, || self.build_keys(run, connection))?;
        }
        let warnings = std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner));
        warnings.sentences().for_each(|sentence| self.problem(run, &sentence));
        let (sent, stored) = (self.sent.load(Ordering::Relaxed), self.stored.load(Ordering::Relaxed));
        let changed = std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner));
        self.fitting.rows.sentences(&changed).iter().for_each(|sentence| self.problem(run, sentence));
        if sent != stored {
            self.problem(run, &format!("of {sent} rows the server stored {stored}"));
        }
        self.compare_history(run, connection)?;
        let zeros = self.signed_zeros.load(Ordering::Relaxed);
        if zeros > 0 {
            let (schema, table) = self.name();
            run.monitor
                .note(&format!("{schema}.{table}: {zeros} values of -0 are 0, as the server keeps no sign of zero"));
        }
        if sent == stored && !self.has_lost.load(Ordering::Relaxed) {
            kept::differing(run, connection, self)?.iter().for_each(|sentence| self.problem(run, sentence));
        }
        run.monitor.advance(Work { items: 1, bytes: self.bytes() - Self::counted(self.bytes()) });
        if self.problems.load(Ordering::Relaxed) > 0 {
            // The next run would take it for whole, and say nothing of it: so it loads it again.
            return Ok(());
        }
        self.schema.marker.note(connection, Step::Loaded, &self.source.record.name, &stored.to_string())
    }
}

impl TableLoad<'_> {
    fn build_keys(&self, run: &Run<'_>, connection: &mut Connection) -> Result<()> {
        for statement in self.fitting.definition.iter().flat_map(|definition| &definition.keys) {
            run.check()?;
            connection.run_bytes(statement)?;
        }
        if self.filling == Filling::DisabledKeys {
            connection.run(&format!("ALTER TABLE {} ENABLE KEYS", self.sink.table()))?;
        }
        Ok(())
    }

    /// Reports the missing parts of its history, and compares the number of current rows.
    fn compare_history(&self, run: &Run<'_>, connection: &mut Connection) -> Result<()> {
        let Some(versioning) = &self.fitting.rows.versioning else { return Ok(()) };
        let left = self.left_history.load(Ordering::Relaxed);
        if left > 0 {
            self.problem(
                run,
                &format!("its history is not loaded, as the server takes none: {}", counted(left, "row")),
            );
        }
        let current = self.current.load(Ordering::Relaxed);
        if !versioning.counts_current() {
            return Ok(());
        }
        let there = connection.value(&format!("SELECT COUNT(*) FROM {}", self.sink.table()))?.unwrap_or_default();
        if there != current.to_string() {
            self.problem(run, &format!("of {current} rows that were current {there} are"));
        }
        Ok(())
    }
}

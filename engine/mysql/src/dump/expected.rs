//! How much of a database is still to be read: the server's estimate, corrected by every table that has been read.

use std::sync::{Mutex, PoisonError};

use super::plan::PlannedTable;
use super::segments::StoredRows;
use engine_core::monitor::{Monitor, Work};

/// The work of a run. Threads share it.
pub(super) struct Expected<'m> {
    monitor: &'m dyn Monitor,
    total: Mutex<Work>,
}

impl<'m> Expected<'m> {
    /// Tells `monitor` how much reading `tables` is, and how many are `done` already.
    pub fn new(monitor: &'m dyn Monitor, tables: &[&PlannedTable], done: u64) -> Self {
        let bytes = tables.iter().map(|table| estimate(table)).sum();
        let total = Work { items: done + tables.len() as u64, bytes };
        monitor.expect(total);
        monitor.advance(Work { items: done, bytes: 0 });
        Expected { monitor, total: Mutex::new(total) }
    }

    /// A table has been read. Its rows, if they are known, take the place of their estimate.
    pub fn is_done(&self, table: &PlannedTable, rows: Option<&StoredRows>) {
        if let Some(rows) = rows {
            let mut total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
            total.bytes = total.bytes.saturating_sub(estimate(table)).saturating_add(rows.bytes);
            self.monitor.expect(*total);
        }
        self.monitor.advance(Work { items: 1, bytes: 0 });
    }
}

/// The bytes of its rows, as far as the server knows. Nobody knows the size of a part that is read.
fn estimate(table: &PlannedTable) -> u64 {
    if table.part.is_some() { 0 } else { table.info.data_bytes }
}

//! Holding the rows of a job, for a moment only: people wait for them.

use std::collections::BTreeSet;

use crate::database::Connection;
use crate::purge::job::Job;
use crate::purge::pace::hastily;
use engine_core::error::Result;

/// Does `work` while its rows are held; it gets what a SELECT must end with for that. In transactional tables all of it happens, or
/// nothing.
pub(super) fn held<'r, T>(
    job: &mut Job<'r>,
    connection: &mut Connection,
    work: &mut dyn FnMut(&mut Job<'r>, &mut Connection, &str) -> Result<T>,
) -> Result<T> {
    let (begin, hold, end, give_up) = if job.is_transactional() {
        ("START TRANSACTION".to_owned(), " FOR UPDATE", "COMMIT", "ROLLBACK")
    } else {
        let own = job.tables().map(|table| format!("{} WRITE", table.full_name));
        let tables: Vec<_> = own.chain(uses(job)).collect();
        (format!("LOCK TABLES {}", tables.join(", ")), "", "UNLOCK TABLES", "UNLOCK TABLES")
    };
    hastily(connection, &mut |connection| {
        connection.run(&begin)?;
        match work(job, connection, hold) {
            Ok(value) => connection.run(end).map(|()| value),
            Err(error) => {
                // The first failure is the one to report. If this statement fails too, the connection is gone, and with it locks and transaction.
                drop(connection.run(give_up));
                Err(error)
            }
        }
    })
}

/// Tables that are asked whether they need rows, to be read under locks.
fn uses(job: &Job<'_>) -> BTreeSet<String> {
    let uses = job.attached.iter().flat_map(|attached| attached.rows_used_by.iter().chain(&attached.parents_used_by));
    uses.map(|used| format!("{} READ", used.table)).collect()
}

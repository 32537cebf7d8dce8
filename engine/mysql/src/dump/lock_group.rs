//! Tables under one lock.

use crate::database::{Connection, TableName};

/// Tables that one connection locks together. UNLOCK frees all of them.
pub(super) struct LockGroup {
    /// The session that locks them: the only one that can read them once a writer waits.
    pub connection: Connection,
    /// Schema and name of each.
    pub tables: Vec<TableName>,
}

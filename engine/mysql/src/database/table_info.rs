//! A table as servers list it.

use super::TableName;

/// A table as `information_schema.TABLES` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its engine; empty if the server cannot open the table.
    pub engine: String,
    /// The number of rows: exact for MyISAM, otherwise an estimate.
    pub rows: u64,
    /// The size of its data in bytes, without keys.
    pub data_bytes: u64,
    /// The time of the last change, in seconds since 1970; not known for all engines.
    pub changed: Option<i64>,
    /// It keeps history.
    pub versioned: bool,
    /// The server's message about a table that it cannot open.
    pub comment: String,
    /// Whether the engine has transactions: InnoDB, and others that show one moment to a consistent snapshot.
    pub transactional: bool,
}

impl TableInfo {
    /// Its name, with that of its schema.
    pub fn table_name(&self) -> TableName {
        TableName::new(&self.schema, &self.name)
    }

    /// Whether it shows one moment only under a lock of its own.
    pub fn is_locked(&self) -> bool {
        !self.transactional && !self.engine.is_empty() && holds_rows(&self.engine)
    }
}

/// Whether tables of `engine` hold rows of their own. The rows of others (or of an unknown engine) must not be stored
/// again.
pub fn holds_rows(engine: &str) -> bool {
    !["MRG_MyISAM", "MERGE", "BLACKHOLE", "FEDERATED", "CONNECT", "SPIDER"]
        .iter()
        .any(|without| engine.eq_ignore_ascii_case(without))
}

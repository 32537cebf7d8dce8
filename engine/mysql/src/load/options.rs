//! Options and outcome of a load.

use repo_format::node::Problem;

pub use crate::database::Binlog;
use crate::database::TableName;

/// A schema of the snapshot, and the name that it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaChoice {
    /// Its name in the snapshot.
    pub from: String,
    /// Its name on the server.
    pub to: String,
}

/// The reaction to an existing schema with contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// It is left alone, and nothing is loaded.
    #[default]
    Refuse,
    /// It is replaced once all is loaded, and kept under another name.
    Swap,
}

/// The check of loaded rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Check {
    /// By the number of rows and the server's warnings.
    #[default]
    Counts,
    /// Besides, every row is read again, and the digest of each segment compared.
    Digests,
}

/// As whom views, routines, triggers and events run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Definer {
    /// As the original users.
    #[default]
    Keep,
    /// As the account that restores.
    Current,
}

/// The reaction to definitions that name schemas outside the restore, if their own schema gets another name. References
/// within the restore always follow the new names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum References {
    /// They are named, and not made: they would work on a schema that is in use.
    #[default]
    Leave,
    /// They are made as they are.
    Keep,
}

/// How scheduled events come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Events {
    /// All disabled.
    #[default]
    Disabled,
    /// As they were.
    AsSaved,
}

/// The treatment of users, roles and grants of the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accounts {
    /// Nothing.
    #[default]
    Leave,
    /// Makes the missing ones; all get their grants.
    Make,
}

/// Where the application is told that its images are, if it is one that is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Images {
    /// Nowhere, unless the schema comes back under its name to its server.
    #[default]
    Blank,
    /// Here.
    At(String),
    /// Where they were.
    Keep,
}

/// How to load.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Which database of the snapshot, by the name of its root; need not be said if there is only one.
    pub database: Option<Vec<u8>>,
    /// Which schemas; none means all, under their names.
    pub schemas: Vec<SchemaChoice>,
    /// Which tables; none means all of the schemas, and everything else in them.
    pub tables: Vec<TableName>,
    /// Schemas that are not empty.
    pub existing: Existing,
    /// How to check.
    pub check: Check,
    /// The owner of the restored objects.
    pub definer: Definer,
    /// Definitions that name other schemas.
    pub references: References,
    /// Scheduled events.
    pub events: Events,
    /// Users, roles and grants.
    pub accounts: Accounts,
    /// Paths to images.
    pub images: Images,
    /// The server's binary log.
    pub binlog: Binlog,
    /// Connections that load at the same time; as many as there are cores if nothing is said.
    pub jobs: Option<usize>,
    /// The identity of the server whose data these are, where another server stood in for it.
    pub stands_for: Option<String>,
    /// Change nothing, and only report. Obstacles are errors as in a real run.
    pub dry_run: bool,
}

/// A table that is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedTable {
    /// Its schema on the server.
    pub schema: String,
    /// Its name.
    pub table: String,
    /// Its rows in the snapshot.
    pub rows: u64,
    /// Bytes of these as they are encoded.
    pub bytes: u64,
}

/// The result of a load.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LoadOutcome {
    /// The tables, in order of their names: in a dry run those that would be loaded.
    pub tables: Vec<LoadedTable>,
    /// Tables that an interrupted restore had loaded already.
    pub resumed_tables: u64,
    /// Rows that the server stored.
    pub rows: u64,
    /// Bytes of rows that were sent.
    pub bytes: u64,
    /// Views, routines, triggers, events and sequences that were made.
    pub objects: u64,
    /// Segments whose digest was compared.
    pub checked_segments: u64,
    /// Former schemas, and the names under which they are kept.
    pub former: Vec<SchemaChoice>,
    /// The first 1,000 differences from the snapshot. Paths are `schema.object`.
    pub problems: Vec<Problem>,
    /// How many there were.
    pub problem_count: u64,
}

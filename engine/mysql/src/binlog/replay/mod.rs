//! Replay: what a binary log says is done again on a server that has the state from before it.
//!
//! ```text
//! event -> plain       without compression, and as BINLOG takes it
//!       -> scope       which schemas, and which tables are in the base already
//!       -> rows        rows of a statement, cut into pieces                  -> BINLOG
//!       -> sequence    rows of a sequence                                    -> INSERT, SETVAL
//!       -> classify    what a statement's words say, without running it
//!       -> apply       the statement, unchanged, after what surrounds it: settings, variables, files, transactions
//! session, wire        send the settings that differ         loaded, definers    help
//! ```
//!
//! A rehearsal is a replay without a target: it finds what would be refused, left out or not certain.
//!
//! Nothing is approximated: where a row is missing, a statement fails, or an event is not known, the replay ends and says where.

mod apply;
mod classify;
mod definers;
mod group;
mod loaded;
mod outcome;
mod plain;
mod rows;
mod run;
mod scope;
mod sequence;
mod session;
mod wire;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use crate::database::{Address, Binlog, Server, TableName};

pub(super) use classify::{Part, Statement};
pub use definers::Definers;
pub use outcome::{Doubt, LeftOutChange, LeftOutKind, ReplayOutcome};
pub use run::Replay;
pub use scope::LateWindow;

/// A place in a server's log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// The server's file.
    pub file: String,
    /// Bytes from its beginning.
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.offset)
    }
}

/// Statements that may be in the base already though they stand behind its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MixedTransactions {
    /// They end the replay.
    #[default]
    Refuse,
    /// They are taken for done.
    AssumeApplied,
}

/// The server that takes a replay.
#[derive(Debug, Clone)]
pub enum Target {
    /// This one, which nobody else uses.
    Server(Box<Address>),
    /// This one, which others use: only rows are done again there.
    Shared(Box<Address>, Binlog),
    /// None: it is a rehearsal.
    Nobody {
        /// The time zone of the machine that is going to do it, if that is known.
        system_zone: Option<String>,
    },
}

/// A replay: from which server, what, and where.
#[derive(Debug, Clone)]
pub struct ReplayOptions {
    /// Where it is done.
    pub target: Target,
    /// The program and version that wrote the log.
    pub source: Server,
    /// Where the base stands in the log: what begins before it is not applied.
    pub from: Position,
    /// The schemas that the base holds; none: all.
    pub schemas: Option<Vec<String>>,
    /// The tables that the base holds: doubts name them.
    pub tables: BTreeSet<TableName>,
    /// The tables whose rows are replayed; none: all. A statement that may concern them ends such a replay.
    pub only: Option<BTreeSet<TableName>>,
    /// Schemas all of whose tables are among those. A statement that may concern one ends the replay.
    pub whole: BTreeSet<String>,
    /// Tables that stay as the base has them. A statement about them ends the replay.
    pub kept: BTreeSet<TableName>,
    /// Tables that the base holds as of a later time.
    pub late: Vec<LateWindow>,
    /// Tables of the base without transactions.
    pub without_transactions: BTreeSet<TableName>,
    /// The moment of the base: seconds since 1970 by the source's clock.
    pub moment: i64,
    /// Statements of a transaction around the moment that had changed such tables before it.
    pub mixed: MixedTransactions,
    /// The time zone of the source's machine, as its server names it.
    pub system_zone: Option<String>,
    /// Where files wait that statements load.
    pub folder: PathBuf,
}

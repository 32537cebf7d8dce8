//! The outcome of a replay: changes that were applied, left out, or are not certain.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Position;
use crate::database::TableName;

/// Doubts that are kept with their text; all are counted.
const DOUBTS_KEPT: usize = 100;

/// Why something in the log was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOutKind {
    /// It is about accounts and their rights.
    Accounts,
    /// It is about the server: its settings, plugins, places of files.
    Server,
    /// It is of a schema that the base does not hold.
    OtherSchema,
}

/// Something that was left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOutChange {
    /// Why.
    pub kind: LeftOutKind,
    /// The schema, empty if the statement names none, or how the statement begins.
    pub what: String,
}

impl fmt::Display for LeftOutChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            LeftOutKind::Accounts => write!(f, "about accounts: {}", self.what),
            LeftOutKind::Server => write!(f, "about the server: {}", self.what),
            LeftOutKind::OtherSchema if self.what.is_empty() => write!(f, "by statements that name no schema"),
            LeftOutKind::OtherSchema => write!(f, "in schema {}, which the snapshot does not hold", self.what),
        }
    }
}

/// A statement that may have done something else than at the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Where it begins.
    pub at: Position,
    /// Why.
    pub why: &'static str,
    /// How it begins.
    pub text: String,
}

/// The outcome of a replay.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReplayOutcome {
    /// Transactions of which something was applied.
    pub transactions: u64,
    /// Statements that were run.
    pub statements: u64,
    /// XA transactions that were begun.
    pub xa_transactions: u64,
    /// Events with rows that were applied.
    pub row_events: u64,
    /// Bytes of events that were read.
    pub bytes: u64,
    /// Changes that were left out, and how many of each.
    pub left_out: BTreeMap<LeftOutChange, u64>,
    /// Statements that may have done something else: the first 100.
    pub doubts: Vec<Doubt>,
    /// How many there were.
    pub doubt_count: u64,
    /// Tables that such statements name, and the first reason for each.
    pub doubtful: BTreeMap<TableName, &'static str>,
    /// Time zones that statements were given in by name.
    pub zones: BTreeSet<String>,
    /// A statement converts between time zones.
    pub converts_zones: bool,
    /// XA transactions that were prepared and not decided: they were rolled back.
    pub undecided: Vec<String>,
}

impl ReplayOutcome {
    pub(super) fn leave_out(&mut self, kind: LeftOutKind, what: String) {
        *self.left_out.entry(LeftOutChange { kind, what }).or_default() += 1;
    }

    pub(super) fn doubt(&mut self, doubt: Doubt) {
        self.doubt_count += 1;
        if self.doubts.len() < DOUBTS_KEPT {
            self.doubts.push(doubt);
        }
    }
}

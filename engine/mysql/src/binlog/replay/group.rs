//! A group of events: what the log has as one transaction.

use crate::binlog::event::{Counter, Gtid, UserVariable, Xid};

/// How a group begins and ends at the target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Frame {
    /// Each statement for itself.
    #[default]
    Single,
    /// A transaction.
    Transaction,
    /// An XA transaction, by its id as statements name it.
    Xa(String),
}

/// A group that has begun.
#[derive(Default)]
pub(super) struct Group {
    /// Where its first event begins.
    pub begin: u64,
    pub gtid: Option<Gtid>,
    pub frame: Frame,
    /// The target was told that it begins.
    pub is_begun: bool,
    /// Something of it was applied.
    pub is_applied: bool,
    /// A statement of it has changed something, or rows have.
    pub has_changes: bool,
    /// The statements of an XA transaction have ended.
    pub is_xa_ended: bool,
    /// For the next statement.
    pub before: Before,
}

/// Events before a statement that are for it alone.
#[derive(Default)]
pub(super) struct Before {
    pub counters: Vec<Counter>,
    pub seeds: Option<(u64, u64)>,
    pub variables: Vec<UserVariable>,
}

impl Group {
    pub fn new(begin: u64, gtid: Option<Gtid>, xid: Option<Xid>) -> Self {
        let frame = xid.map_or(Frame::Single, |xid| Frame::Xa(xid.to_sql()));
        Group { begin, gtid, frame, ..Group::default() }
    }

    /// As an error names it.
    pub fn name(&self) -> String {
        self.gtid.map(|gtid| format!(" (transaction {gtid})")).unwrap_or_default()
    }
}

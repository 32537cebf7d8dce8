//! A plan: the rows to remove, and the snapshot that proves them.

use repo_format::id::LeaseId;

use crate::purge::terms::{Category, Rule};

/// The rows to remove, and the snapshot that proves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The server, see [`Server::identity`](crate::database::Server::identity).
    pub server: String,
    /// The schema.
    pub schema: String,
    /// The snapshot that holds the rows.
    pub snapshot: LeaseId,
    /// Which rows of each category.
    pub rule: Rule,
    /// The categories.
    pub categories: Vec<Category>,
    /// Says that a member of the repository made all of it.
    pub seal: Seal,
}

/// The tag of a plan that only the repository's keys can make (FORMAT.md, section 6.4). The default fits no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seal {
    /// The epoch whose keys made it.
    pub epoch: u32,
    /// The tag.
    pub tag: [u8; 32],
}

//! Which rows are judged, and what they are compared with.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::purge::job::Member;
use crate::purge::tables::{Digest, Key};
use engine_core::error::Result;

/// Which rows are judged, and what they are compared with.
pub(in crate::purge) enum Asked<'a> {
    /// Old rows that meet a condition on keys; they are compared with the snapshot.
    Old(&'a str),
    /// Rows that a receipt names and that meet the condition `keys`; they are compared with `expected`, which was read from the snapshot before. The statement holds them by
    /// ending with `hold`.
    Named { keys: &'a str, hold: &'a str, expected: &'a Expected },
}

/// Rows of the snapshot that have been named, by their keys.
#[derive(Debug, Default)]
pub(in crate::purge) struct Expected {
    pub parents: HashMap<Key, Digest>,
    /// The rows of each child table.
    pub children: Vec<HashMap<Key, Digest>>,
}

impl Asked<'_> {
    /// The end of a SELECT that holds its rows.
    pub fn hold(&self) -> &str {
        match self {
            Asked::Old(_) => "",
            Asked::Named { hold, .. } => hold,
        }
    }

    /// The saved rows of `member`: the parent table, or the child table `child`.
    pub fn saved(
        &self,
        member: &mut Member<'_>,
        child: Option<usize>,
        keys: Vec<Key>,
    ) -> Result<Cow<'_, HashMap<Key, Digest>>> {
        match self {
            Asked::Old(_) => Ok(Cow::Owned(member.table.saved.digests(keys, u64::MAX)?.0)),
            Asked::Named { expected, .. } => Ok(match child {
                None => Cow::Borrowed(&expected.parents),
                Some(at) => expected.children.get(at).map_or_else(Cow::default, Cow::Borrowed),
            }),
        }
    }
}

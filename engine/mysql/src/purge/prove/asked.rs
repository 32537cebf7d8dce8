//! Which rows are judged, and what they are compared with.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::purge::job::Member;
use crate::purge::tables::{Digest, Key};
use engine_core::error::Result;

/// Which rows are judged, and what they are compared with.
pub(in crate::purge) enum Asked<'a> {
    /// Those that are old and meet a condition on keys, with what the snapshot has.
    Old(&'a str),
    /// Those that have been named, and meet the condition `keys`, with what was read of the snapshot before. The statement holds them by
    /// ending with `hold`.
    Named { keys: &'a str, hold: &'a str, expected: &'a Expected },
}

/// Rows of the snapshot that have been named, by their keys.
#[derive(Debug, Default)]
pub(in crate::purge) struct Expected {
    pub parents: HashMap<Key, Digest>,
    /// Of each child table.
    pub children: Vec<HashMap<Key, Digest>>,
}

impl Asked<'_> {
    /// What a SELECT must end with so that its rows are held.
    pub fn hold(&self) -> &str {
        match self {
            Asked::Old(_) => "",
            Asked::Named { hold, .. } => hold,
        }
    }

    /// What the snapshot has of rows of `member`, a parent or of the child table `child`.
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

//! Tables as they are on the server and in the snapshot: whether rows of one can be removed, its saved rows, and what else needs them.

mod check;
mod keys;
mod named;
mod place;
mod references;
mod saved_rows;
mod source;
mod table;
mod uses;

pub(in crate::purge) use check::{check_rebuilt, check_table, complaint, explain};
pub(in crate::purge) use keys::{KEYS_PER_STATEMENT, KeySet, in_runs, is_one_of};
pub(in crate::purge) use named::refused;
pub(in crate::purge) use place::{Place, SavedSchema};
pub(in crate::purge) use saved_rows::{Digest, Key, digest, parse_key};
pub(in crate::purge) use source::{Source, SourceChoice, find_source};
pub(in crate::purge) use table::Table;
pub(in crate::purge) use uses::{Use, folded, used_keys, used_names, uses};

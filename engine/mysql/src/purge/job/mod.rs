//! A category made ready: its tables and files, and the expressions that say which rows are meant.

mod attached;
mod member;
mod prepared;

pub(in crate::purge) use attached::Attached;
pub(in crate::purge) use member::Member;
pub(in crate::purge) use prepared::Job;

//! The proof: which rows the snapshot holds byte by byte, with all that belongs to them.

mod asked;
mod children;
mod first_pass;
mod judge;
mod left;
mod rows;

pub use left::LeftRows;

pub(in crate::purge) use asked::{Asked, Expected};
pub(in crate::purge) use children::child_keys;
pub(in crate::purge) use first_pass::{Proof, prove};
pub(in crate::purge) use judge::{Verdict, judge};
pub(in crate::purge) use rows::each_row;

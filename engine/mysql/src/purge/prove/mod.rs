//! The proof: which rows the snapshot holds byte by byte, with all that belongs to them.
//!
//! ```text
//! first_pass    goes through the old rows of a table       asked  which rows are judged, and what they are compared with
//! compare_rows  live rows beside the saved ones -> proven, or why they stay      left   rows that stay
//! children      rows of other tables that belong to them   rows   rows as a server gives them
//! ```

mod asked;
mod children;
mod compare_rows;
mod first_pass;
mod left;
mod rows;

pub use left::LeftRows;

pub(in crate::purge) use asked::{Asked, Expected};
pub(in crate::purge) use children::child_keys;
pub(in crate::purge) use compare_rows::{Verdict, judge};
pub(in crate::purge) use first_pass::{Proof, prove};
pub(in crate::purge) use rows::each_row;

//! Removes old rows from a live database, only those that a snapshot is proven to hold.
//!
//! ```text
//! plan     rules, categories   ->  what would go, of which snapshot
//! prove    live rows = saved rows, byte by byte, without locks   ->  keys
//! receipt  names the keys, and holds their segments: before the first deletion
//! delete   a batch of keys: lock, read, compare again, delete, let go; then the files that the rows named
//! receipt  names what really went
//! reclaim  on request, tables are rebuilt, so that their space is free
//! ```

mod delete;
pub mod files;
mod job;
mod pace;
mod plan;
mod prove;
mod reclaim;
mod run;
mod tables;
mod terms;

pub use pace::{PaceOptions, Window};
pub use plan::{Forecast, Plan, PlanOptions, Planned, Seal, plan};
pub use prove::LeftRows;
pub use reclaim::Reclaimed;
pub use run::{Ended, Removed, RunOptions, RunOutcome, run};
pub use terms::{Attachments, Category, Child, Column, Cutoff, Dates, Exception, Rule, Unset};

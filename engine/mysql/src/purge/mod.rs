//! Removes old rows from a live database, only those that a snapshot is proven to hold.
//!
//! ```text
//! plan     rules, categories   ->  what would go, of which snapshot
//! prove    live rows = saved rows, byte by byte, without locks   ->  keys
//! receipt  names the keys, and holds their segments: before the first deletion
//! delete   a batch of keys: lock, read, compare again, delete, let go; then the files that the rows named
//! receipt  what really went
//! reclaim  if that is wished, tables are made anew, so that their space is free
//! ```

mod delete;
pub mod files;
mod job;
mod keep;
mod outcome;
mod pace;
mod plan;
mod progress;
mod prove;
mod reclaim;
mod run;
mod run_options;
mod tables;
mod terms;

pub use outcome::{Ended, RunOutcome};
pub use pace::{PaceOptions, Window};
pub use plan::{Forecast, Plan, PlanOptions, Planned, Seal, plan};
pub use progress::Removed;
pub use prove::LeftRows;
pub use reclaim::Reclaimed;
pub use run::run;
pub use run_options::RunOptions;
pub use terms::{Attachments, Category, Child, Column, Cutoff, Dates, Exception, Rule, Unset};

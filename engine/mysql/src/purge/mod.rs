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

mod attachments;
mod category;
mod check;
mod child;
mod children;
mod condition;
mod cutoff;
mod dates;
mod delete;
mod digest;
pub mod files;
mod first_pass;
mod health;
mod hold;
mod holes;
mod job;
mod keep;
mod keys;
mod known;
mod orphans;
mod pace;
mod plan;
mod progress;
mod prove;
mod reclaim;
mod references;
mod run;
mod saved_rows;
mod seal;
mod source;
mod table;
mod uses;

pub use attachments::{Attachments, Column};
pub use category::{Category, Exception};
pub use child::Child;
pub use cutoff::{Cutoff, Unset};
pub use dates::Dates;
pub use job::Rule;
pub use pace::{PaceOptions, Window};
pub use plan::{Forecast, Plan, PlanOptions, Planned, plan};
pub use progress::Removed;
pub use prove::LeftRows;
pub use reclaim::Reclaimed;
pub use run::{Ended, RunOptions, RunOutcome, run};
pub use seal::Seal;

//! A run: proves, puts a receipt, deletes, and says in the receipt what really went.

mod carry_out;
mod keep;
mod options;
mod outcome;
mod progress;

pub use carry_out::run;
pub use options::RunOptions;
pub use outcome::{Ended, RunOutcome};
pub use progress::Removed;

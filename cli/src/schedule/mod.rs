//! When an agent does what: `[schedule]` of enamel.toml, and what is due at a time.
//!
//! ```text
//! hours    the times of the week in which people work
//! rules    how often each job is done, as the file says
//! history  when each job was done and tried
//! quiet    the hour of the day in which least changes
//! due      rules, time, history -> the next job: a pure function
//! ```

mod due;
mod history;
mod hours;
mod quiet;
mod rules;
mod window;

pub use due::{Due, Jitter, all, backup_after, next, sent_at};
pub use history::{History, Job, Tries};
pub use hours::{OfficeHours, parse_day, time as parse_time};
pub use quiet::{Changes, PAST, next_night, quietest_hour};
pub use rules::{CopyRule, Period, Rules, ScheduleSettings};
pub use window::Window;

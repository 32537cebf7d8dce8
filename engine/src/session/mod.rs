//! Writers: what announces one, whether it is alive, and shutting it out (FORMAT.md, sections 12 and 13).

mod lease;
mod liveness;

pub use lease::{Announcement, Torn, fence, give_up_fenced, lease_names, read_lease};
pub use liveness::{Death, LONGEST_RUN, Life, ProcessLookup, View, Writer, writers};

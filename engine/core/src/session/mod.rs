//! Writers (FORMAT.md, sections 12 and 13): the lease that announces one, whether it is alive, and shutting it out; and
//! a writer's own run, from its lease to its commit.
//!
//! ```text
//!   begin: lease -> condemned -> packs -> catalog, adopting        write: chunks -> packs -> segments        commit: manifest, lease away
//! ```
//! An operation begins a [`WriterSession`], stores chunks in [`write`](WriterSession::write), and commits a [`Draft`].
//! The session owns the upload thread; an operation starts none.

mod adopt;
mod commit;
mod draft;
mod fence;
mod give_way;
mod liveness;
mod remove;
mod write;
mod writer;

pub use crate::repository::{Announcement, Torn, lease_names, read_lease};
pub(crate) use adopt::adoptable;
pub use draft::{Copied, Draft};
pub use fence::{fence, give_up_fenced};
pub use liveness::{Death, LONGEST_RUN, Life, ProcessLookup, View, Writer, writers};
pub use remove::SILENCE;
pub use write::Written;
pub use writer::{WriterOptions, WriterSession};

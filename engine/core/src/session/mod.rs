//! Writers: what announces one, whether it is alive, shutting it out; and a writer's own run, from its lease to its commit (FORMAT.md, sections 12
//! and 13).
//!
//! ```text
//!   begin: lease -> condemned -> packs -> catalog, adopting        write: chunks -> packs -> segments        commit: manifest, lease away
//! ```
//!
//! An operation begins a [`WriterSession`], lets its work [`write`](WriterSession::write), and gives a [`Draft`]. It starts no thread that uploads.

mod adopt;
mod commit;
mod draft;
mod lease;
mod liveness;
mod write;
mod writer;

pub(crate) use adopt::adoptable;
pub use draft::Draft;
pub use lease::{Announcement, Torn, fence, give_up_fenced, lease_names, read_lease};
pub use liveness::{Death, LONGEST_RUN, Life, ProcessLookup, View, Writer, writers};
pub use write::Written;
pub use writer::{WriterOptions, WriterSession};

//! Receipts of purges: what was removed from a live database, and where it is kept (FORMAT.md, section 11.2).
//!
//! ```text
//! put        record + segments and files of the source snapshot   ->  a manifest that keeps them alive
//! history    all receipts, those of one purge together
//! release    what may go, and since when
//! supersede  the receipt of the beginning goes when that of the end says the same
//! ```

mod files;
mod history;
mod put;
mod release;
mod rely;
mod supersede;

pub use history::{History, KeptTable, Purge, Receipt, find, history, kept};
pub use put::{ReceiptSource, put};
pub use release::{Release, is_over, note_release, release_time, superseded};
pub(super) use supersede::forget_superseded;

pub use repo_format::database::{
    KeyRange, Left, LeftFiles, PurgePhase, PurgedFile, PurgedFiles, PurgedTable, ReceiptRecord,
};

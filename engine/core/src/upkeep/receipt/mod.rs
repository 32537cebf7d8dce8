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
mod purge;
mod put;
mod release;
mod rely;
mod source;
mod supersede;
mod writer;

pub use history::{History, KeptTable, find, history, kept};
pub use purge::{Purge, Receipt, is_over, release_time};
pub use put::put;
pub use release::{Release, note_release};
pub use source::ReceiptSource;
pub use supersede::{forget_superseded, superseded};

pub use repo_format::database::{
    KeyRange, Left, LeftFiles, PurgePhase, PurgedFile, PurgedFiles, PurgedTable, ReceiptRecord,
};

//! Definitions as servers write them: read, and brought to another server.

mod collation;
mod expressions;
mod guarded;
mod literals;
mod modes;
mod reading;
mod references;
mod tokens;
mod versioned;

pub use collation::{Collations, Replaced};
pub use expressions::computed_otherwise;
pub use guarded::{Translated, translated, with_times};
pub use literals::with_plain_literals;
pub use modes::{is_common, modes_for, session_modes};
pub use references::{Reference, references};
pub use tokens::{Kind, Quoting, Token, edited, is_keyword, tokens, tokens_by, unquote};
pub use versioned::{Converted, END_2038, Versioning, without_versioning};

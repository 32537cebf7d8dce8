//! Definitions as servers write them: read, and brought to another server.

mod collation;
mod guarded;
mod modes;
mod references;
mod tokens;
mod versioned;

pub use collation::{Collations, Replaced};
pub use guarded::{Translated, computed_otherwise, translated, with_times};
pub use modes::{is_common, modes_for, session_modes};
pub use references::{Reference, references};
pub use tokens::{Kind, Quoting, Token, edited, is_keyword, tokens, tokens_by, unquote};
pub use versioned::{Converted, END_2038, Versioning, without_versioning};

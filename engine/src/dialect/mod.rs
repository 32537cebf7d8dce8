//! Definitions as servers write them: read, and brought to another server.

mod collation;
mod references;
mod tokens;

pub use collation::{Collations, Replaced};
pub use references::{Reference, references};
pub use tokens::{Kind, Quoting, Token, edited, is_keyword, tokens, tokens_by, unquote};

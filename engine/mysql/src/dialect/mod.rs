//! Definitions and values in the words of servers: reads them, and translates them for another server.

mod changed;
mod checks;
mod collation;
mod expressions;
mod families;
mod fit_table;
mod foreign_keys;
mod functions;
mod keys;
mod language;
mod literals;
mod modes;
mod reading;
mod schema_references;
mod tokens;
mod unstorable;
mod versioned;

pub use changed::Changed;
pub use checks::{Check, enforced_later, enforces_more};
pub use collation::{Collations, Replaced, said_of_collation};
pub use fit_table::{FittedTable, RowsFitted, TableTarget, fit_table};
pub use foreign_keys::{ForeignKeyTo, foreign_keys};
pub use functions::lacking_function;
pub use literals::with_plain_literals;
pub use modes::{is_common, modes_for, session_modes};
pub use schema_references::{Reference, references};
pub use tokens::{Kind, Quoting, Token, edited, is_keyword, tokens, tokens_by, unquote};
pub use unstorable::Values;
pub use versioned::{Converted, END_2038, END_2106, Versioning, last_moment};

//! The user's request, as data: categories, the age at which rows are old, conditions, exceptions.

mod attachments;
mod category;
mod child;
mod condition;
mod cutoff;
mod dates;
mod known;
mod rule;

pub use attachments::{Attachments, Column};
pub use category::{Category, Exception};
pub use child::Child;
pub use cutoff::{Cutoff, Unset};
pub use dates::Dates;
pub use rule::Rule;

pub(in crate::purge) use condition::Condition;
pub(in crate::purge) use cutoff::{is_old, server_day};
pub(in crate::purge) use known::check_known;

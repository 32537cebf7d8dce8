//! Shared by all tests: repositories, folders, their comparison, and monitors that act and listen.

mod fixture;
mod hook;
mod interposed;
mod listener;
mod noise;
mod snapshot;

pub use fixture::{
    Fixture, backup, backup_options, backup_paths, by_id, commit_again, is_root, options_without_parent, restore_over,
    skip, verify_all,
};
pub use hook::Hook;
pub use interposed::Interposed;
pub use listener::Listener;
pub use noise::{noise, prose};
pub use snapshot::{Tree, assert_same, look};

//! Maintenance of a repository: which snapshots it keeps, whether they are whole, and freeing the space of the others.

pub mod forget;
pub mod needs;
pub mod protect;
pub mod prune;
pub mod receipt;
pub mod recover;
pub mod repair;
pub mod retention;
pub mod verify;

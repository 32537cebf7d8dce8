//! Care of a repository: which snapshots it keeps, whether they are whole, and the room that the others took.

pub mod forget;
pub mod needs;
pub mod prune;
pub mod receipt;
pub mod repair;
pub mod retention;
pub mod verify;

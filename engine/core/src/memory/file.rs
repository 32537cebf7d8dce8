//! The file of the memory.

/// Its name in the folder of a repository.
pub const FILE: &str = "memory.sqlite";
/// The version of its tables.
pub const SCHEMA_VERSION: i64 = 4;

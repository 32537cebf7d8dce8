//! Numbers of lines: each row belongs to one line of copies of a repository.

/// The number of a line.
pub(super) type LineNumber = i64;

/// Stands for all lines.
pub(super) const ALL: LineNumber = 0;

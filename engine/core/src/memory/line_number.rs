//! Numbers of lines: which of the copies of a repository a row is of.

/// The number of a line.
pub(super) type LineNumber = i64;

/// Stands for all lines.
pub(super) const ALL: LineNumber = 0;

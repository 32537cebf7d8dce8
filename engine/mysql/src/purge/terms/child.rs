//! Tables whose rows go with those of another.

/// A table whose rows belong to rows of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// The table.
    pub table: String,
    /// The column that holds the key of the row it belongs to.
    pub column: String,
}

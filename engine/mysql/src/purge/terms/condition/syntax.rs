//! A condition, taken apart.

/// A condition about a row of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::purge) enum Condition {
    /// All hold; one at least.
    All(Vec<Condition>),
    /// One holds, of one at least.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// Two operands, compared as `sign` says.
    Compare { left: Operand, sign: &'static str, right: Operand },
    /// A test of one column.
    Test { column: String, negated: bool, test: Test },
}

/// The test of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::purge) enum Test {
    Null,
    Among(Vec<Literal>),
    Between(Literal, Literal),
    Like(String),
}

/// A side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::purge) enum Operand {
    Column(String),
    Literal(Literal),
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::purge) enum Literal {
    /// With the digits that the user wrote.
    Number(String),
    Text(String),
}

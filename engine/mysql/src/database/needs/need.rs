//! A needed right, and its importance.

use crate::database::right::{Right, Scope};

/// The importance of a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    /// Without it the work is impossible, or the result is wrong.
    Needed,
    /// Without it the work is done, and something is omitted and named.
    Whole,
    /// Without it the work is complete, and less is known or possible.
    Useful,
}

/// A needed right, and why.
pub(super) struct Need {
    pub right: Right,
    pub on: Scope,
    pub consequence: String,
    pub weight: Weight,
    /// Each of these is an alternative.
    pub instead: Vec<(Right, Scope)>,
}

impl Need {
    /// A right without which the work is impossible.
    pub fn new(right: Right, on: &Scope, consequence: impl Into<String>) -> Self {
        let (on, consequence) = (on.clone(), consequence.into());
        Need { right, on, consequence, weight: Weight::Needed, instead: Vec::new() }
    }

    pub fn weighs(self, weight: Weight) -> Self {
        Need { weight, ..self }
    }

    pub fn or(mut self, right: Right, on: Scope) -> Self {
        self.instead.push((right, on));
        self
    }
}

/// The place of something, as a clause.
pub(super) fn place(on: &Scope) -> String {
    match on {
        Scope::Server => "of the server".to_owned(),
        Scope::Schema(schema) => format!("of `{schema}`"),
        Scope::Beside(schema) => format!("beside `{schema}`"),
        Scope::Table(schema, table) => format!("of `{schema}`.`{table}`"),
    }
}

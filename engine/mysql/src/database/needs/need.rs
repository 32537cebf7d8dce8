//! A right that is needed, and how much it matters.

use crate::database::right::{Right, Scope};

/// How much a right matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    /// Without it the work cannot be done, or would be wrong.
    Needed,
    /// Without it the work is done, and something is left out of it: it is named.
    Whole,
    /// Without it the work is whole, and less is known or possible.
    Useful,
}

/// A right that is needed, and why.
pub(super) struct Need {
    pub right: Right,
    pub on: Scope,
    pub consequence: String,
    pub weight: Weight,
    /// Each of these does as well.
    pub instead: Vec<(Right, Scope)>,
}

impl Need {
    /// Without it the work cannot be done.
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

/// Where something is: a clause.
pub(super) fn place(on: &Scope) -> String {
    match on {
        Scope::Server => "of the server".to_owned(),
        Scope::Schema(schema) => format!("of `{schema}`"),
        Scope::Beside(schema) => format!("beside `{schema}`"),
        Scope::Table(schema, table) => format!("of `{schema}`.`{table}`"),
    }
}

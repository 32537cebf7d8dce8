//! Health: whether backups are made, whole, restorable, and safe from the next mishap. One function stands behind
//! `enamel status`, notices and the console.
//!
//! [`gather()`] looks facts up: numbers and ages. [`judge`] is a pure function of them, with one file for each question.
//! Worse facts never give a better state. No sentence names a file, a table or a person.

mod check;
mod facts;
mod gather;
mod keys;
mod named_files;
mod on_time;
mod read_again;
mod restorable;
mod room;
mod second_copy;
mod usual;
mod whole;

pub use check::{Check, Figure, Question, State};
pub use facts::{
    CopyFact, CopyFacts, DrillFacts, Facts, Faults, Free, KeyFacts, NamedFiles, ReadingFacts, RoomFacts, SourceFacts,
    UnusualFacts,
};
pub use gather::{Expectation, HealthOptions, gather};

use crate::error::Result;
use crate::repository::Repository;
use crate::snapshots::status::Status;

/// The answers to all questions that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// In the order in which people ask.
    pub checks: Vec<Check>,
}

impl Health {
    /// The worst state.
    pub fn state(&self) -> State {
        self.checks.iter().map(|check| check.state).max().unwrap_or(State::Unknown)
    }
}

/// Checks `repository`, whose sources are as `status` says.
///
/// # Errors
/// If the store cannot be listed, or the cache or the keys cannot be read.
pub fn health(repository: &Repository, status: &Status, options: &HealthOptions) -> Result<Health> {
    Ok(judge(&gather(repository, status, options)?))
}

/// Judges facts.
pub fn judge(facts: &Facts) -> Health {
    let checks = [
        Some(on_time::check(&facts.sources, facts.is_schedule_removed)),
        Some(whole::check(&facts.sources, &facts.faults)),
        named_files::check(&facts.sources),
        restorable::check(facts.drill.as_ref()),
        Some(read_again::check(&facts.reading)),
        Some(second_copy::check(&facts.copies)),
        usual::check(facts.unusual.as_ref()),
        Some(keys::check(&facts.keys)),
        Some(room::check(&facts.room)),
    ];
    Health { checks: checks.into_iter().flatten().collect() }
}

#[cfg(test)]
mod tests;

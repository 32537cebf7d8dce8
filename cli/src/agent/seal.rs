//! Seals what people have ordered in the repository.

use std::time::Instant;

use engine::error::chain;
use engine::{Result, evidence};
use repo_format::config::Access;
use repo_format::evidence::Action;

use super::{Agent, Books, Journal, now};
use crate::commands::accept::author;
use crate::ui::format;

/// An action is sealed in the repository within this time after it began, together with others: a manifest for each would be many.
pub(super) const SEAL_AFTER: i64 = 3600;
/// So many actions wait for no other.
const SEAL_COUNT: usize = 100;

impl Agent<'_> {
    /// Seals what people have ordered in the repository, if one of their actions is so many seconds old. An action
    /// that cannot be sealed stays in the journal.
    pub(super) fn seal(&mut self, age: i64) {
        let Some(Books { journal, .. }) = self.books.clone() else { return };
        let is_too_soon = |tried: Instant| tried.elapsed().as_secs().cast_signed() < age;
        if self.unsealed.is_some_and(is_too_soon) {
            return;
        }
        let sealed = journal.waiting().and_then(|waiting| {
            if waiting.unreadable > 0 {
                let lines = format::counted(waiting.unreadable as u64, "line");
                self.context.ui.warn(format_args!("{lines} of the journal of actions cannot be read"));
            }
            if is_due(&waiting.ended, age) { self.seal_all(&journal, waiting.ended) } else { Ok(()) }
        });
        self.unsealed = sealed.is_err().then(Instant::now);
        if let Err(error) = sealed {
            self.context.ui.warn(format_args!("who did what is not in the repository yet: {}", chain(&error)));
        }
    }

    fn seal_all(&self, journal: &Journal, actions: Vec<Action>) -> Result<()> {
        let repository = self.context.open(Access::Write)?;
        let numbers = actions.iter().map(|action| action.number).collect();
        evidence::put_actions(&repository, &author(), actions)?;
        // Only now: an agent that dies before this puts them once more, and they count once.
        journal.remove(&numbers)
    }

    /// Closes the console, and seals what was ordered there.
    pub(super) fn close_console(&mut self) {
        self.console = None;
        if let Some(books) = &self.books
            && let Err(error) = books.journal.close_all()
        {
            self.context.ui.warn(chain(&error));
        }
        self.seal(0);
    }
}

/// Whether actions are to be sealed now.
fn is_due(actions: &[Action], age: i64) -> bool {
    let oldest = actions.iter().map(|action| action.seconds).min();
    let now = now().timestamp().as_second();
    actions.len() >= SEAL_COUNT || oldest.is_some_and(|oldest| now.saturating_sub(oldest).abs() >= age)
}

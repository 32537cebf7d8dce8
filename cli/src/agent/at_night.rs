//! Carries out the removal that somebody has ordered for the night.

use engine::Result;
use engine::error::chain;
use repo_format::evidence::ActionEnd;

use super::journal::Ask;
use super::order::{Order, Task};
use super::outcome::Outcome;
use super::tonight::{Removal, Stage, TELLING, Turn, Why};
use super::{Agent, Books, now};
use crate::commands::purge::plan_digest;
use crate::console;

impl Agent<'_> {
    /// Whether the time of a removal has come.
    pub(super) fn is_removal_due(&self) -> bool {
        let due = |books: &Books| books.tonight.due(&now(), &self.timetable.rules().office_hours);
        self.books.as_ref().is_some_and(|books| due(books).is_some())
    }

    /// Carries out the removal of tonight if its time has come, or says why not. Returns whether there was something to do.
    pub(super) fn remove_tonight(&mut self) -> bool {
        let done = self.try_tonight();
        done.unwrap_or_else(|error| {
            // Other work goes on, and it is tried again until its time is past.
            if let Some(books) = &self.books {
                books.tonight.put_off();
            }
            self.context.ui.warn(format_args!("purge: the removal of tonight: {}", chain(&error)));
            false
        })
    }

    fn try_tonight(&mut self) -> Result<bool> {
        let Some(books) = self.books.clone() else { return Ok(false) };
        let Some((removal, turn)) = books.tonight.due(&now(), &self.timetable.rules().office_hours) else {
            return Ok(false);
        };
        if turn == Turn::Now && self.power.makes_wait(now().timestamp()) {
            return Ok(false);
        }
        match self.reason_against(&books, &removal, turn)? {
            Some(why) => self.leave_out(&books, &removal, why)?,
            None => self.remove(&books, &removal)?,
        }
        Ok(true)
    }

    fn reason_against(&self, books: &Books, removal: &Removal, turn: Turn) -> Result<Option<Why>> {
        if let Turn::Past(why) = turn {
            return Ok(Some(why));
        }
        if !console::is_owner(self.context, self.timetable.repository(), &removal.person)? {
            return Ok(Some(Why::MayNot));
        }
        // The run checks the seal of the plan, and each row.
        let is_same = plan_digest(books.tonight.plan()).is_ok_and(|digest| digest == removal.wish.digest);
        Ok((!is_same).then_some(Why::OtherPlan))
    }

    /// Nothing is removed, and that is told.
    fn leave_out(&self, books: &Books, removal: &Removal, why: Why) -> Result<()> {
        // An agent that dies before the next line is written looks once more, and tells it twice.
        let record = books.journal.begin(removal.orderer(), &removal.ask())?;
        books.journal.end(record, ActionEnd::Refused)?;
        books.tonight.end(removal.number, Stage::NotBegun(why))?;
        self.context.ui.warn(format_args!("purge: the removal of tonight was not begun: {}", words(why)));
        Ok(())
    }

    fn remove(&mut self, books: &Books, removal: &Removal) -> Result<()> {
        let record = books.journal.begin(removal.orderer(), &removal.ask())?;
        match books.tonight.begin(removal.number) {
            Ok(true) => {}
            // Somebody took it back in this moment.
            Ok(false) => return books.journal.end(record, ActionEnd::Stopped),
            Err(error) => return books.journal.end(record, ActionEnd::Failed).and(Err(error)),
        }
        let mut words = vec!["purge".into(), "run".into(), books.tonight.plan().into()];
        words.push(format!("--reason={}", removal.wish.reason).into());
        // It does not go on when people begin to work.
        let free = self.timetable.rules().office_hours.free_from(&now());
        words.push(format!("--for={}s", free.as_secs()).into());
        if removal.wish.is_smaller {
            words.push("--reclaim".into());
        }
        let order = Order { task: Task::Remove, words, by: Some(removal.person.clone()), record: Some(record) };
        self.desk.begin(&order, now().timestamp());
        let obeyed = self.obey(&order);
        let run = self.desk.newest().filter(|_| obeyed.is_ok());
        let stage = run.map_or(Stage::NotKnown, |run| Stage::Ended(Outcome::of(&run, &TELLING)));
        books.tonight.end(removal.number, stage)?;
        obeyed
    }
}

impl Removal {
    /// It as an action.
    fn ask(&self) -> Ask {
        Ask::about("remove old rows, as ordered for the night", super::plan_words(&self.wish.digest))
    }
}

/// The reason, for the agent's own messages.
fn words(why: Why) -> &'static str {
    match why {
        Why::Missed => "its time has passed",
        Why::HoursChanged => "by the office hours of now people work at its time",
        Why::OtherPlan => "its plan is not the one that was read",
        Why::MayNot => "the person who ordered it is no owner any more",
    }
}

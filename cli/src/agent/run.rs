//! Carries out an order: the program that does it, from its start to its end.

use std::time::Instant;

use engine::Result;
use engine::error::chain;
use jiff::Timestamp;
use repo_format::evidence::ActionEnd;

use super::awake::Awake;
use super::job::Running;
use super::memory::RunRecord;
use super::order::{Order, Task};
use super::{Agent, LOOK_EVERY, POLL, lines, now};
use crate::exit::Exit;
use crate::schedule::Job;
use crate::ui::format;

/// The status of a job that ended because it was asked to.
const INTERRUPTED_CODE: i32 = Exit::Interrupted as i32;

/// A run that has ended.
pub(super) struct Run {
    pub began: Timestamp,
    pub seconds: u64,
    pub end: RunEnd,
}

/// How a run ended.
#[derive(Clone, Copy)]
pub(super) struct RunEnd {
    /// None if a signal ended it.
    pub status: Option<i32>,
    was_asked: bool,
    /// A person asked it.
    by_person: bool,
}

impl Agent<'_> {
    /// Runs an order to its end, which is on the desk already.
    pub(super) fn carry_out(&mut self, order: &Order) -> Result<Run> {
        let name = order.task.name();
        self.context.ui.say(format_args!("{name}: begins"));
        if order.task == Task::Backup {
            self.notifier.begins(&now());
        }
        let _awake = Awake::during(name);
        let (began, started) = (now().timestamp(), Instant::now());
        let end = self.attend(order);
        if let Err(error) = &end {
            // The page says why, as of a run that says it itself.
            self.desk.say(serde_json::json!({ "message_type": "exit_error", "message": chain(error) }));
        }
        let seconds = started.elapsed().as_secs();
        self.desk.end(seconds, end.as_ref().ok().and_then(|end| end.status));
        self.keep_look();
        Ok(Run { began, seconds, end: end? })
    }

    /// Keeps what the run that has ended saw of the second copy.
    fn keep_look(&self) {
        if let (Some(books), Some(run)) = (&self.books, self.desk.newest())
            && let Err(error) = books.copy_look.keep(&run)
        {
            self.context.ui.warn(chain(&error));
        }
    }

    /// Starts the program, and waits for its end.
    fn attend(&self, order: &Order) -> Result<RunEnd> {
        let mut running = Running::start(self.global, &order.words)?;
        let mut told = lines::Told::new(order.task, self.context.ui, &self.desk);
        let mut looked = Instant::now();
        let mut gives_way = false;
        let status = loop {
            if let Some(line) = running.line(POLL) {
                told.line(&line);
            }
            if let Some(status) = running.try_wait()? {
                break status;
            }
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                self.service.alive(order.task.name());
                gives_way |= self.is_backup_due(order);
            }
            if gives_way || self.desk.is_stopping() || self.is_pushed_away(order) || self.context.ui.is_interrupted() {
                running.ask_to_end()?;
            }
        };
        running.last_lines().for_each(|line| told.line(&line));
        Ok(RunEnd { status: status.code(), was_asked: running.was_asked(), by_person: self.desk.is_stopping() })
    }

    /// Whether work on schedule gives way to a backup that is due.
    fn is_backup_due(&self, order: &Order) -> bool {
        order.by.is_none() && order.task != Task::Backup && self.timetable.due() == Some(Job::Backup)
    }

    /// Whether work on schedule gives way to what a person wants.
    fn is_pushed_away(&self, order: &Order) -> bool {
        order.by.is_none() && order.task != Task::Backup && (self.desk.has_order() || self.is_removal_due())
    }
}

impl Run {
    /// The same as a run of `job`.
    pub(super) fn record_of(&self, job: Job) -> RunRecord {
        let Run { began, seconds, end: RunEnd { status, was_asked, by_person } } = *self;
        // A job that was asked before it could listen is ended by the signal.
        let is_cut = was_asked && matches!(status, None | Some(INTERRUPTED_CODE));
        let (gave_way, was_stopped) = (is_cut && !by_person, is_cut && by_person);
        RunRecord { job, began, seconds, exit: status, gave_way, was_stopped }
    }
}

/// How an action ended whose run had this status.
pub(super) fn end_of(status: Option<i32>) -> ActionEnd {
    match status {
        Some(0) => ActionEnd::Done,
        Some(3) => ActionEnd::Incomplete,
        Some(INTERRUPTED_CODE) => ActionEnd::Stopped,
        _ => ActionEnd::Failed,
    }
}

/// How a run ended, in words.
pub fn words_of(run: &RunRecord) -> String {
    let took = match run.seconds {
        0 => "less than a second".to_owned(),
        seconds => format::duration(seconds.saturating_mul(1000)),
    };
    match run.exit {
        _ if run.gave_way => format!("stopped after {took}, goes on later"),
        _ if run.was_stopped => format!("stopped by somebody after {took}: it is tried again in an hour"),
        Some(0) => format!("done in {took}"),
        Some(3) => format!("done in {took}, but something was left out, as said above"),
        Some(4) if run.is_done() => format!("done in {took}, and found damage, as said above"),
        Some(code) => format!("failed after {took} with status {code}: it is tried again"),
        None => format!("was killed after {took}: it is tried again"),
    }
}

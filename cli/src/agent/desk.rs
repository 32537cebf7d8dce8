//! The desk: where people leave orders for the agent, and see what it does. The agent writes, pages read; nobody waits for
//! anybody.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::order::{Order, Task};

/// Messages of a run that are kept for people to see; of more, the first ones.
const MESSAGES_KEPT: usize = 200;
/// Runs whose results are kept.
const ENDED_KEPT: usize = 20;

/// How far a run is: the newest `status` line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The phase, as the program names it.
    pub phase: String,
    /// Items done in it.
    pub done_items: u64,
    /// Bytes done in it.
    pub done_bytes: u64,
    /// Items that it will come to, if that is known.
    pub total_items: Option<u64>,
    /// Bytes that it will come to.
    pub total_bytes: Option<u64>,
    /// Its time so far.
    pub elapsed_ms: u64,
}

/// A run that is under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    /// Counts the runs of this agent.
    pub id: u64,
    /// Its kind.
    pub task: Task,
    /// The person who asked for it.
    pub by: Option<String>,
    /// When it began.
    pub began: Timestamp,
    /// How far it is.
    pub progress: Progress,
    /// The other lines that it printed, as JSON.
    pub messages: Vec<Value>,
    /// Somebody asked it to stop.
    pub is_stopping: bool,
}

/// The work of the agent: what it does, or is about to do.
#[derive(Debug, Clone, PartialEq)]
pub enum UnderWay {
    /// An order with its number, which the agent has not taken yet.
    Waits(u64, Task),
    /// A run.
    Runs(Running),
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// As it was at its end.
    pub run: Running,
    /// The time that it took, in seconds.
    pub seconds: u64,
    /// The status that it ended with; none if a signal ended it.
    pub exit: Option<i32>,
}

/// Another run is under way, or waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy(pub Task);

/// Everything that the agent and pages share.
#[derive(Debug, Default)]
pub struct Desk(Mutex<Papers>);

#[derive(Debug, Default)]
struct Papers {
    waiting: Option<(u64, Order)>,
    running: Option<Running>,
    ended: VecDeque<Ended>,
    last_id: u64,
    has_new_settings: bool,
}

impl Desk {
    /// Leaves an order, and returns its number. A backup may be ordered while the agent does something on schedule: that gives
    /// way, as it does for a backup that is due.
    ///
    /// # Errors
    /// Something else is under way.
    pub fn order(&self, order: Order) -> Result<u64, Busy> {
        let mut papers = self.papers();
        if let Some((_, waiting)) = &papers.waiting {
            return Err(Busy(waiting.task));
        }
        if let Some(running) = &papers.running {
            let gives_way = running.by.is_none() && running.task != Task::Backup && order.task == Task::Backup;
            if !gives_way {
                return Err(Busy(running.task));
            }
        }
        papers.last_id += 1;
        let id = papers.last_id;
        papers.waiting = Some((id, order));
        Ok(id)
    }

    /// Asks the run of this number to stop; nothing happens if it has ended. Returns an order that has not begun, and will not.
    pub fn stop(&self, id: u64) -> Option<Order> {
        let mut papers = self.papers();
        let waiting = papers.waiting.take_if(|(waiting, _)| *waiting == id);
        if let Some(running) = papers.running.as_mut().filter(|running| running.id == id) {
            running.is_stopping = true;
        }
        waiting.map(|(_, order)| order)
    }

    /// The work under way. A run keeps the number that its order had.
    pub fn under_way(&self) -> Option<UnderWay> {
        let papers = self.papers();
        let waits = papers.waiting.as_ref().map(|(id, order)| UnderWay::Waits(*id, order.task));
        papers.running.clone().map(UnderWay::Runs).or(waits)
    }

    /// The kind of the run that is under way or waits.
    pub fn busy(&self) -> Option<Task> {
        let papers = self.papers();
        let running = papers.running.as_ref().map(|running| running.task);
        running.or(papers.waiting.as_ref().map(|(_, order)| order.task))
    }

    /// The number of the run that ended last.
    pub fn last_ended(&self) -> Option<u64> {
        self.papers().ended.back().map(|ended| ended.run.id)
    }

    /// The run that ended last.
    pub(super) fn newest(&self) -> Option<Ended> {
        self.papers().ended.back().cloned()
    }

    /// The last runs, the newest last.
    pub fn ended(&self) -> Vec<Ended> {
        self.papers().ended.iter().cloned().collect()
    }

    /// Somebody has changed the settings: the agent begins again with them.
    pub fn settings_have_changed(&self) {
        self.papers().has_new_settings = true;
    }

    /// Whether somebody has changed the settings since this was asked.
    pub(super) fn take_new_settings(&self) -> bool {
        std::mem::take(&mut self.papers().has_new_settings)
    }

    /// Whether the settings have changed.
    pub(super) fn has_new_settings(&self) -> bool {
        self.papers().has_new_settings
    }

    /// Whether somebody waits for the agent.
    pub(super) fn has_order(&self) -> bool {
        self.papers().waiting.is_some()
    }

    /// Takes the order that waits, whose run begins with that.
    pub(super) fn take_order(&self, began: Timestamp) -> Option<Order> {
        let mut papers = self.papers();
        let (id, order) = papers.waiting.take()?;
        papers.running = Some(Running::new(id, &order, began));
        Some(order)
    }

    /// A run begins that nobody asked for.
    pub(super) fn begin(&self, order: &Order, began: Timestamp) {
        let mut papers = self.papers();
        papers.last_id += 1;
        papers.running = Some(Running::new(papers.last_id, order, began));
    }

    /// Whether the run is to stop because a person said so.
    pub(super) fn is_stopping(&self) -> bool {
        self.papers().running.as_ref().is_some_and(|running| running.is_stopping)
    }

    /// The run is so far now.
    pub(super) fn tell(&self, progress: Progress) {
        if let Some(running) = &mut self.papers().running {
            running.progress = progress;
        }
    }

    /// The run printed something else.
    pub(super) fn say(&self, message: Value) {
        if let Some(running) = &mut self.papers().running {
            if running.messages.len() >= MESSAGES_KEPT {
                // The last one says how it went.
                running.messages.pop();
            }
            running.messages.push(message);
        }
    }

    /// The run has ended.
    pub(super) fn end(&self, seconds: u64, exit: Option<i32>) {
        let mut papers = self.papers();
        if let Some(run) = papers.running.take() {
            papers.ended.push_back(Ended { run, seconds, exit });
            while papers.ended.len() > ENDED_KEPT {
                papers.ended.pop_front();
            }
        }
    }

    fn papers(&self) -> MutexGuard<'_, Papers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn new(id: u64, order: &Order, began: Timestamp) -> Self {
        let Order { task, by, .. } = order.clone();
        Running { id, task, by, began, progress: Progress::default(), messages: Vec::new(), is_stopping: false }
    }
}

impl Ended {
    /// The first message of this type.
    pub fn message(&self, message_type: &str) -> Option<&Value> {
        self.run.messages.iter().find(|message| message["message_type"] == message_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(task: Task, by: Option<&str>) -> Order {
        Order { task, words: Vec::new(), by: by.map(str::to_owned), record: None }
    }

    fn taken(desk: &Desk) -> Order {
        desk.take_order(Timestamp::UNIX_EPOCH).unwrap()
    }

    fn begin(desk: &Desk, order: &Order) -> u64 {
        desk.begin(order, Timestamp::UNIX_EPOCH);
        running(desk).id
    }

    #[track_caller]
    fn running(desk: &Desk) -> Running {
        match desk.under_way() {
            Some(UnderWay::Runs(running)) => running,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_backup_that_a_person_asks_for_may_push_away_what_is_on_schedule() {
        let desk = Desk::default();
        begin(&desk, &order(Task::Verify, None));
        assert_eq!(desk.order(order(Task::Restore, Some("Dana"))), Err(Busy(Task::Verify)));
        assert!(desk.order(order(Task::Backup, Some("Dana"))).is_ok());
        assert_eq!(desk.order(order(Task::Backup, Some("Bell"))), Err(Busy(Task::Backup)), "one waits already");
        desk.end(1, Some(130));
        assert_eq!(taken(&desk).by.as_deref(), Some("Dana"));
        assert_eq!(desk.order(order(Task::Backup, Some("Bell"))), Err(Busy(Task::Backup)), "that of Dana has begun");
    }

    #[test]
    fn an_order_is_under_way_with_one_number_from_when_it_is_left_to_its_end() {
        let desk = Desk::default();
        let id = desk.order(order(Task::Restore, Some("Dana"))).unwrap();
        assert_eq!(desk.under_way(), Some(UnderWay::Waits(id, Task::Restore)));
        assert_eq!(taken(&desk).task, Task::Restore);
        assert_eq!((running(&desk).id, desk.busy()), (id, Some(Task::Restore)));
        assert_eq!(desk.last_ended(), None);
        desk.end(0, Some(0));
        assert_eq!((desk.under_way(), desk.busy(), desk.last_ended()), (None, None, Some(id)));
    }

    #[test]
    fn an_order_that_is_stopped_before_it_begins_never_does() {
        let desk = Desk::default();
        let id = desk.order(order(Task::Restore, Some("Dana"))).unwrap();
        assert_eq!(desk.stop(id).map(|order| order.task), Some(Task::Restore));
        assert!(desk.take_order(Timestamp::UNIX_EPOCH).is_none());
        assert_eq!(desk.under_way(), None);
    }

    #[test]
    fn a_stop_reaches_only_the_run_that_it_is_for() {
        let desk = Desk::default();
        let first = begin(&desk, &order(Task::Backup, None));
        desk.stop(first + 1);
        assert!(!desk.is_stopping());
        desk.stop(first);
        assert!(desk.is_stopping());
        desk.end(2, Some(130));
        let second = begin(&desk, &order(Task::Backup, None));
        desk.stop(first);
        assert!(!desk.is_stopping(), "{second} is another run");
        let ended = &desk.ended()[0];
        assert_eq!((ended.exit, ended.run.is_stopping), (Some(130), true));
    }

    #[test]
    fn the_last_message_is_kept_however_many_there_are() {
        let desk = Desk::default();
        begin(&desk, &order(Task::Backup, None));
        (0..1000).for_each(|n| desk.say(serde_json::json!({ "message_type": "note", "n": n })));
        desk.say(serde_json::json!({ "message_type": "summary" }));
        desk.end(0, Some(0));
        let ended = &desk.ended()[0];
        assert_eq!(ended.run.messages.len(), MESSAGES_KEPT);
        assert!(ended.message("summary").is_some());
    }
}

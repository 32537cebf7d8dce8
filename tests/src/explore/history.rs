//! The next step of a process, by the answers so far: a tree that grows on demand.

use engine::store::StoreErrorKind;

use super::process::{Constant, Event, Process, Run, Script};
use super::request::Answer;
use super::state::{AnswerId, RequestId, Values};

/// A history of one process.
pub(super) type HistoryId = u32;

/// All histories at whose ends the process has ended well: they are one.
pub(super) const ENDED: HistoryId = HistoryId::MAX;

/// Runs that stand still, to go on where they stand; further ones are given up, and run again when they are needed.
/// Each has a thread and open files.
const PARKED_MAX: usize = 128;

struct Node {
    before: Option<(HistoryId, AnswerId)>,
    asks: RequestId,
    lost_answers: u8,
    late_puts: u8,
    after: Vec<(AnswerId, HistoryId)>,
}

/// All histories of a process that have been met.
pub(super) struct Histories<'s> {
    pub process: &'s Process,
    constant: Constant,
    nodes: Vec<Node>,
    parked: Vec<(HistoryId, Run)>,
    /// How often the process was started.
    pub runs: u64,
}

impl<'s> Histories<'s> {
    pub fn new(process: &'s Process, constant: Constant) -> Self {
        Histories { process, constant, nodes: Vec::new(), parked: Vec::new(), runs: 0 }
    }

    /// The history of a process that has not been told anything.
    pub fn first(&mut self, values: &mut Values) -> Result<HistoryId, String> {
        let (run, event) = self.start(Script::new());
        self.grow(None, run, event, values)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// The request of the process; `None` if it has ended.
    pub fn asks(&self, history: HistoryId) -> Option<RequestId> {
        (history != ENDED).then(|| self.nodes[history as usize].asks)
    }

    /// Whether an answer may get lost here.
    pub fn may_lose(&self, history: HistoryId) -> bool {
        self.nodes[history as usize].lost_answers < self.process.lost_answers_max
    }

    /// Whether a put of a manifest may be late here.
    pub fn may_be_late(&self, history: HistoryId) -> bool {
        self.nodes[history as usize].late_puts < self.process.late_puts_max
    }

    /// The history that follows with `answer`.
    ///
    /// # Errors
    /// If the process ends as it may not, or does not do again what it did.
    pub fn after(&mut self, history: HistoryId, answer: AnswerId, values: &mut Values) -> Result<HistoryId, String> {
        let known = self.nodes[history as usize].after.iter().find(|(given, _)| *given == answer);
        if let Some((_, next)) = known {
            return Ok(*next);
        }
        let (run, event) = match self.parked.iter().position(|(parked, _)| *parked == history) {
            Some(at) => {
                let (_, mut run) = self.parked.swap_remove(at);
                let event = run.go_on(values.answers.get(answer).clone());
                (run, event)
            }
            None => self.run_again(history, answer, values),
        };
        let next = self.grow(Some((history, answer)), run, event, values)?;
        self.nodes[history as usize].after.push((answer, next));
        Ok(next)
    }

    /// The answer to a change that was made, and whose answer got lost.
    pub fn lost(values: &mut Values) -> AnswerId {
        values.answers.id(Answer::Failed(StoreErrorKind::Io))
    }

    /// The answer to a put that is on its way.
    pub fn none(values: &mut Values) -> AnswerId {
        values.answers.id(Answer::Failed(StoreErrorKind::Unavailable))
    }

    /// Runs the process again, through a history and one answer more.
    fn run_again(&mut self, history: HistoryId, answer: AnswerId, values: &Values) -> (Run, Event) {
        let mut script = Vec::new();
        let mut last = Some((history, answer));
        while let Some((history, answer)) = last {
            let node = &self.nodes[history as usize];
            script.push((values.requests.get(node.asks).clone(), values.answers.get(answer).clone()));
            last = node.before;
        }
        script.reverse();
        self.start(script)
    }

    fn start(&mut self, script: Script) -> (Run, Event) {
        self.runs += 1;
        Run::start(self.process, &self.constant, script)
    }

    fn grow(
        &mut self,
        before: Option<(HistoryId, AnswerId)>,
        run: Run,
        event: Event,
        values: &mut Values,
    ) -> Result<HistoryId, String> {
        let request = match event {
            Event::Ends(result) => return result.map(|()| ENDED),
            Event::Asks(request) => request,
            Event::Strays { before, now } => {
                return Err(format!("it is not deterministic: told the same, it asked {before:?}, and then {now:?}"));
            }
        };
        self.process.changes.check(&request)?;
        let (lost_answers, late_puts) = match before {
            Some((history, answer)) => {
                let parent = &self.nodes[history as usize];
                let was_change = values.requests.get(parent.asks).is_change();
                let failed = |kind| was_change && *values.answers.get(answer) == Answer::Failed(kind);
                let lost_answers = parent.lost_answers + u8::from(failed(StoreErrorKind::Io));
                (lost_answers, parent.late_puts + u8::from(failed(StoreErrorKind::Unavailable)))
            }
            None => (0, 0),
        };
        let id = HistoryId::try_from(self.nodes.len()).expect("fewer than 4 billion histories");
        self.nodes.push(Node { before, asks: values.requests.id(request), lost_answers, late_puts, after: Vec::new() });
        if self.parked.len() < PARKED_MAX {
            self.parked.push((id, run));
        }
        Ok(id)
    }
}

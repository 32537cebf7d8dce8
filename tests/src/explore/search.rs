//! The search: every state once.

use std::collections::{HashSet, VecDeque};

use engine::store::{Folder, MemoryStore, ObjectName};

use super::history::{ENDED, Histories, HistoryId};
use super::process::{Constant, Process};
use super::reduction::{Change, Changes};
use super::state::{RequestId, StoreId, Stores, Values};
use super::trace::{Scribe, Step, Violation};

/// Says what must hold.
pub trait Judge {
    /// An invariant of all contents of the store.
    ///
    /// # Errors
    /// The fault.
    fn always(&self, store: &MemoryStore) -> Result<(), String>;

    /// An invariant of the end, when all processes have ended.
    ///
    /// # Errors
    /// The fault.
    fn at_end(&self, _: &MemoryStore) -> Result<(), String> {
        Ok(())
    }

    /// The meaning of an object's bytes, for the trace.
    fn describe(&self, _: &ObjectName, _: &[u8]) -> Option<String> {
        None
    }
}

/// Which states are looked at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The nearest: the way to what is wrong is a shortest one.
    Breadth,
    /// The farthest, of the last process before the others: quicker, since a process goes on where it stands.
    Depth,
}

/// The thing to explore.
pub struct Scenario<'s> {
    /// The contents of the store at the beginning.
    pub store: MemoryStore,
    /// The processes.
    pub processes: Vec<Process>,
    /// The invariants.
    pub judge: &'s dyn Judge,
    /// In which order.
    pub order: Order,
    /// How often at most a process is interrupted by another; `None` is as often as can be. Most faults need few interruptions.
    pub interruptions_max: Option<u8>,
    /// More states than this are not explored.
    pub states_max: usize,
}

/// The explored states, all good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Different states.
    pub states: usize,
    /// Different contents of the store.
    pub stores: usize,
    /// Different histories of single processes.
    pub histories: usize,
    /// How often real code was started to learn them.
    pub runs: u64,
    /// Whether there is nothing else: [`Scenario::states_max`] was not reached.
    pub is_all: bool,
}

/// Explores everything that can happen.
///
/// # Errors
/// The first violation.
pub fn explore(scenario: &Scenario<'_>) -> Result<Report, Box<Violation>> {
    Search::new(scenario).run()
}

/// Processes of a scenario, at most: there are many states, so each is small.
const PROCESSES_MAX: usize = 6;

/// Puts that are on their way at once, at most.
const LATE_MAX: usize = 2;

/// A content of the store, and a history for each process.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    store: StoreId,
    /// For processes that are not there: [`ENDED`].
    histories: [HistoryId; PROCESSES_MAX],
    /// Puts that are on their way, in ascending order.
    late: [Option<RequestId>; LATE_MAX],
    /// Where interruptions are counted: how many there were.
    interruptions: u8,
    /// And whose turn it is, counted from 1.
    turn: u8,
}

/// How a state was reached first.
#[derive(Clone, Copy)]
struct Arrival {
    from: u32,
    process: u8,
    fate: Fate,
}

/// The fate of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It was answered.
    Answered,
    /// It was done, and the answer was lost.
    Lost,
    /// There was no answer, and it is on its way.
    Late,
    /// It was on its way, and arrives.
    Arrives(RequestId),
}

impl Fate {
    /// Said of it in a trace.
    fn remark(self) -> &'static str {
        match self {
            Fate::Answered | Fate::Arrives(_) => "",
            Fate::Lost => ", but the answer is lost",
            Fate::Late => ", but not now: it is on its way",
        }
    }
}

struct Search<'s> {
    scenario: &'s Scenario<'s>,
    histories: Vec<Histories<'s>>,
    values: Values,
    stores: Stores,
    judged: usize,
    known: HashSet<State>,
    states: Vec<State>,
    arrivals: Vec<Arrival>,
    /// States whose steps have not been taken.
    ahead: VecDeque<u32>,
}

impl<'s> Search<'s> {
    fn new(scenario: &'s Scenario<'s>) -> Self {
        assert!(scenario.processes.len() <= PROCESSES_MAX, "more processes than a state has room for");
        let constant = Constant::of(&scenario.store, &scenario.processes);
        let histories = scenario.processes.iter().map(|process| Histories::new(process, constant.clone())).collect();
        Search {
            scenario,
            histories,
            values: Values::new(),
            stores: Stores::new(),
            judged: 0,
            known: HashSet::new(),
            states: Vec::new(),
            arrivals: Vec::new(),
            ahead: VecDeque::new(),
        }
    }

    fn run(mut self) -> Result<Report, Box<Violation>> {
        let store = self.stores.id(&self.scenario.store);
        let mut first =
            State { store, histories: [ENDED; PROCESSES_MAX], late: [None; LATE_MAX], interruptions: 0, turn: 0 };
        for (histories, history) in self.histories.iter_mut().zip(&mut first.histories) {
            *history = histories.first(&mut self.values).map_err(|what| empty(what, &histories.process.name))?;
        }
        self.arrive(first, None)?;
        while self.states.len() < self.scenario.states_max {
            let next = match self.scenario.order {
                Order::Breadth => self.ahead.pop_front(),
                Order::Depth => self.ahead.pop_back(),
            };
            match next {
                Some(next) => self.leave(next as usize)?,
                None => break,
            }
        }
        Ok(Report {
            states: self.states.len(),
            stores: self.stores.count(),
            histories: self.histories.iter().map(Histories::count).sum(),
            runs: self.histories.iter().map(|histories| histories.runs).sum(),
            is_all: self.ahead.is_empty(),
        })
    }

    /// Takes every step that leads out of a state.
    fn leave(&mut self, at: usize) -> Result<(), Box<Violation>> {
        let state = self.states[at];
        let histories = self.histories.iter().zip(state.histories).enumerate();
        let asking: Vec<(usize, RequestId)> =
            histories.filter_map(|(process, (histories, history))| Some((process, histories.asks(history)?))).collect();
        if let Some((process, request)) = asking.iter().find(|asks| self.is_undisturbed(&state, **asks, &asking)) {
            return self.step(at, &state, *process, *request);
        }
        self.let_arrive(at, &state)?;
        if asking.is_empty() {
            let end = self.scenario.judge.at_end(&self.stores.load(state.store));
            return end.map_err(|what| self.violation(at, None, what));
        }
        for (process, request) in asking {
            if let Some(state) = self.with_turn(state, process) {
                self.step(at, &state, process, request)?;
            }
        }
        Ok(())
    }

    /// Each put that is on its way may arrive now; the store decides as ever.
    fn let_arrive(&mut self, at: usize, state: &State) -> Result<(), Box<Violation>> {
        for slot in 0..LATE_MAX {
            let Some(request) = state.late[slot] else { continue };
            let (_, store) = self.stores.perform(state.store, request, &mut self.values);
            let mut next = State { store, ..*state };
            next.late[slot] = None;
            next.late.sort_unstable();
            let from = u32::try_from(at).expect("fewer than 4 billion states");
            self.arrive(next, Some(Arrival { from, process: 0, fate: Fate::Arrives(request) }))?;
        }
        Ok(())
    }

    /// The state when it is the turn of a process; `None` if that would be one interruption too many.
    fn with_turn(&self, state: State, process: usize) -> Option<State> {
        let Some(most) = self.scenario.interruptions_max else { return Some(state) };
        let turn = u8::try_from(process).expect("few processes") + 1;
        let is_interrupted =
            state.turn != 0 && state.turn != turn && state.histories[usize::from(state.turn) - 1] != ENDED;
        let interruptions = state.interruptions + u8::from(is_interrupted);
        (interruptions <= most).then_some(State { interruptions, turn, ..state })
    }

    /// Whether this is a read that no other process can influence.
    fn is_undisturbed(&self, state: &State, asks: (usize, RequestId), asking: &[(usize, RequestId)]) -> bool {
        let (process, request) = (asks.0, self.values.requests.get(asks.1));
        let has = |name: &ObjectName| self.stores.has(state.store, name);
        let disturbs = |other: usize| self.scenario.processes[other].changes.influence(request, has);
        let is_late = state.late.iter().any(Option::is_some);
        let arrivals = [Change::Put(Folder::Snapshots), Change::Put(Folder::Top)];
        if is_late && Changes::only(&arrivals).influence(request, has) {
            return false;
        }
        !request.is_change() && !asking.iter().any(|(other, _)| *other != process && disturbs(*other))
    }

    fn step(&mut self, at: usize, state: &State, process: usize, request: RequestId) -> Result<(), Box<Violation>> {
        let (answer, store) = self.stores.perform(state.store, request, &mut self.values);
        let history = state.histories[process];
        let mut answers = vec![(answer, Fate::Answered)];
        if self.values.requests.get(request).is_change() && self.histories[process].may_lose(history) {
            answers.push((Histories::lost(&mut self.values), Fate::Lost));
        }
        if self.values.requests.get(request).matters_late() && self.histories[process].may_be_late(history) {
            answers.push((Histories::none(&mut self.values), Fate::Late));
        }
        for (answer, fate) in answers {
            let from = u32::try_from(at).expect("fewer than 4 billion states");
            let arrival = Arrival { from, process: u8::try_from(process).expect("few processes"), fate };
            let after = self.histories[process].after(history, answer, &mut self.values);
            let after = after.map_err(|what| {
                let name = &self.scenario.processes[process].name;
                self.violation(at, Some(arrival), format!("{name} fails: {what}"))
            })?;
            let mut next = *state;
            match fate {
                Fate::Late => {
                    let free = next.late.iter_mut().find(|slot| slot.is_none()).expect("few puts are late at once");
                    *free = Some(request);
                    next.late.sort_unstable();
                }
                _ => next.store = store,
            }
            next.histories[process] = after;
            self.arrive(next, Some(arrival))?;
        }
        Ok(())
    }

    /// Notes a state, unless it is known.
    fn arrive(&mut self, state: State, arrival: Option<Arrival>) -> Result<(), Box<Violation>> {
        if !self.known.insert(state) {
            return Ok(());
        }
        let store = state.store;
        let id = u32::try_from(self.states.len()).expect("fewer than 4 billion states");
        self.states.push(state);
        self.ahead.push_back(id);
        self.arrivals.push(arrival.unwrap_or(Arrival { from: id, process: 0, fate: Fate::Answered }));
        // Contents are numbered as they are met, and each is entered at once.
        if store as usize >= self.judged {
            self.judged = store as usize + 1;
            let judged = self.scenario.judge.always(&self.stores.load(store));
            judged.map_err(|what| self.violation(id as usize, None, what))?;
        }
        Ok(())
    }

    /// The way to a state, and one step further.
    fn violation(&mut self, at: usize, further: Option<Arrival>, what: String) -> Box<Violation> {
        let mut arrivals: Vec<Arrival> = further.into_iter().collect();
        let mut state = at;
        while self.arrivals[state].from as usize != state {
            arrivals.push(self.arrivals[state]);
            state = self.arrivals[state].from as usize;
        }
        let describe = |name: &ObjectName, bytes: &[u8]| self.scenario.judge.describe(name, bytes);
        let mut scribe = Scribe::new(&describe);
        let steps: Vec<Step> = arrivals
            .iter()
            .rev()
            .map(|arrival| {
                let process = usize::from(arrival.process);
                let from = self.states[arrival.from as usize];
                let (name, request) = match arrival.fate {
                    Fate::Arrives(request) => ("the network", Some(request)),
                    _ => {
                        (&*self.scenario.processes[process].name, self.histories[process].asks(from.histories[process]))
                    }
                };
                let request = request.unwrap_or_else(|| unreachable!("it asked"));
                let (answer, _) = self.stores.perform(from.store, request, &mut self.values);
                let (request, answer) = (self.values.requests.get(request), self.values.answers.get(answer));
                scribe.step(name, request, answer, arrival.fate.remark())
            })
            .collect();
        Box::new(Violation { what, steps, states: self.states.len() })
    }
}

fn empty(what: String, name: &str) -> Box<Violation> {
    Box::new(Violation { what: format!("{name} fails before it asks anything: {what}"), steps: Vec::new(), states: 0 })
}

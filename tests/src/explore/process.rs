//! A process: real code on a thread of its own, which stands still at each operation until it is told what came of it.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use engine::store::{Folder, MemoryStore, ObjectName, Store, StoreErrorKind};

use super::reduction::Changes;
use super::request::{Answer, Request, pass};

type Program = dyn Fn(Arc<dyn Store>) -> Result<(), String> + Send + Sync;

/// One process of a scenario.
pub struct Process {
    pub(super) name: String,
    pub(super) lost_answers_max: u8,
    pub(super) late_puts_max: u8,
    pub(super) changes: Changes,
    program: Arc<Program>,
}

impl Process {
    /// A process that runs `program` on the store. Its steps must follow from the answers of the store. An error is a
    /// violation: an end that may be is no error of a program.
    pub fn new(
        name: impl Into<String>,
        changes: Changes,
        program: impl Fn(Arc<dyn Store>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Process { name: name.into(), lost_answers_max: 0, late_puts_max: 0, changes, program: Arc::new(program) }
    }

    /// The same, but up to `count` of its changes are made and answered with an error nevertheless.
    pub fn losing_answers(mut self, count: u8) -> Self {
        self.lost_answers_max = count;
        self
    }

    /// The same, but up to `count` of its puts of a manifest, or over the condemned packs, have no answer: a network
    /// carries each out at any later time, or never.
    pub fn putting_late(mut self, count: u8) -> Self {
        self.late_puts_max = count;
        self
    }
}

/// The next step of a process.
pub(super) enum Event {
    /// It asks.
    Asks(Request),
    /// It asks something else than it did when it was told the same.
    Strays {
        /// Its request then.
        before: Request,
        /// Its request now.
        now: Request,
    },
    /// It has ended.
    Ends(Result<(), String>),
}

/// A request of a process, and the answer.
pub(super) type Script = Vec<(Request, Answer)>;

/// A process on its way.
pub(super) struct Run {
    answers: Option<Sender<Answer>>,
    events: Receiver<Event>,
    thread: Option<JoinHandle<()>>,
}

impl Run {
    /// Starts a process and takes it through `script`, to what it does then. Objects that never change are read from
    /// `constant`, without asking.
    pub fn start(process: &Process, constant: &Constant, script: Script) -> (Self, Event) {
        let (answers, told) = channel();
        let (asks, events) = channel();
        let (program, constant) = (process.program.clone(), constant.clone());
        let exchange = Exchange { script: script.into(), asks: asks.clone(), told };
        let thread = std::thread::spawn(move || {
            let store = Arc::new(asking(constant, exchange));
            let result = std::panic::catch_unwind(AssertUnwindSafe(|| program(store)));
            // Nobody listens any more when this run was given up.
            let _ = asks.send(Event::Ends(result.unwrap_or_else(|_| Err("it panicked".to_owned()))));
        });
        let run = Run { answers: Some(answers), events, thread: Some(thread) };
        let first = run.event();
        (run, first)
    }

    /// Tells it what came of its operation, and waits for what it does next.
    pub fn go_on(&mut self, answer: Answer) -> Event {
        let told = self.answers.as_ref().is_some_and(|answers| answers.send(answer).is_ok());
        assert!(told, "a process that asks waits for the answer");
        self.event()
    }

    fn event(&self) -> Event {
        self.events.recv().expect("a process asks or ends")
    }
}

impl Drop for Run {
    /// The process crashes: whatever it still asks fails, and does nothing.
    fn drop(&mut self) {
        self.answers = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("panics of a process are caught");
        }
    }
}

/// How a process and the explorer talk.
struct Exchange {
    script: VecDeque<(Request, Answer)>,
    asks: Sender<Event>,
    told: Receiver<Answer>,
}

impl Exchange {
    fn ask(&mut self, request: Request) -> Answer {
        let event = match self.script.pop_front() {
            Some((before, answer)) if before == request => return answer,
            Some((before, _)) => Event::Strays { before, now: request },
            None => Event::Asks(request),
        };
        match self.asks.send(event) {
            Ok(()) => self.told.recv().unwrap_or(CRASHED),
            Err(_) => CRASHED,
        }
    }
}

const CRASHED: Answer = Answer::Failed(StoreErrorKind::Io);

/// The store of a process. Its threads take turns.
fn asking(constant: Constant, exchange: Exchange) -> impl Store {
    let exchange = Mutex::new(exchange);
    pass(move |request| {
        if constant.has(&request) {
            request.perform(&constant.store)
        } else {
            exchange.lock().unwrap_or_else(PoisonError::into_inner).ask(request)
        }
    })
}

/// Objects that no process of a scenario changes: reading them is no step.
#[derive(Clone)]
pub(super) struct Constant {
    store: MemoryStore,
    folders: Vec<Folder>,
}

impl Constant {
    /// The config, and the folders for keys in which no process may change anything.
    pub fn of(store: &MemoryStore, processes: &[Process]) -> Self {
        let is_constant = |folder: &Folder| !processes.iter().any(|process| process.changes.touch(*folder));
        let folders = [Folder::Keys, Folder::Keyring, Folder::Copies].into_iter().filter(is_constant).collect();
        Constant { store: store.clone(), folders }
    }

    fn has(&self, request: &Request) -> bool {
        let is_config = request.name() == Some(&ObjectName::Config);
        !request.is_change() && (is_config || self.folders.contains(&request.folder()))
    }
}

//! A monitor that does something at the right moment.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine::monitor::{Monitor, Work};

type Action = Box<dyn Fn(&Hook, Work) + Send + Sync>;

/// Calls its action with every progress, from whichever thread reports it.
pub struct Hook {
    action: Action,
    done: AtomicBool,
    cancelled: AtomicBool,
    polls: AtomicU64,
    cancel_at: Option<u64>,
    problems: Mutex<Vec<(Vec<u8>, String)>>,
    notes: Mutex<Vec<String>>,
}

impl Hook {
    /// Does nothing but remember.
    pub fn quiet() -> Self {
        Self::on_progress(|_, _| {})
    }

    /// Calls `action` with every progress.
    pub fn on_progress(action: impl Fn(&Hook, Work) + Send + Sync + 'static) -> Self {
        Hook {
            action: Box::new(action),
            done: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            polls: AtomicU64::new(0),
            cancel_at: None,
            problems: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    /// Calls `action` once, with the first progress that `when` accepts.
    pub fn once(
        when: impl Fn(Work) -> bool + Send + Sync + 'static,
        action: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self::on_progress(move |hook, work| {
            if when(work) && !hook.done.swap(true, Ordering::SeqCst) {
                action();
            }
        })
    }

    /// Wishes to stop when it is asked for the `n`-th time, counted from 1.
    pub fn cancel_at_poll(n: u64) -> Self {
        Hook { cancel_at: Some(n), ..Self::quiet() }
    }

    /// Wishes to stop from now on.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    /// How often it was asked whether to stop.
    pub fn polls(&self) -> u64 {
        self.polls.load(Ordering::SeqCst)
    }

    /// Whether the action that is done once has been done.
    pub fn is_done(&self) -> bool {
        self.done.load(Ordering::SeqCst)
    }

    /// The problems that it was told.
    pub fn problems(&self) -> Vec<(Vec<u8>, String)> {
        self.problems.lock().unwrap().clone()
    }

    /// The other messages that it was told.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }
}

impl Monitor for Hook {
    fn advance(&self, done: Work) {
        (self.action)(self, done);
    }

    fn problem(&self, path: &[u8], message: &str) {
        self.problems.lock().unwrap().push((path.to_vec(), message.to_owned()));
    }

    fn note(&self, message: &str) {
        self.notes.lock().unwrap().push(message.to_owned());
    }

    fn is_cancelled(&self) -> bool {
        let polls = self.polls.fetch_add(1, Ordering::SeqCst) + 1;
        if self.cancel_at.is_some_and(|at| polls >= at) {
            self.cancelled.store(true, Ordering::SeqCst);
        }
        self.cancelled.load(Ordering::SeqCst)
    }
}

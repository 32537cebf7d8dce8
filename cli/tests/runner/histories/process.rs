//! Processes that are run to their end, held up, or killed on their way.

use std::collections::{BTreeMap, VecDeque};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

use super::random::Random;
use crate::harness::Answer;

/// How many of the last processes are told of.
const TOLD: usize = 60;
/// How long a process of a kind may run.
const FIRST_GUESS: Duration = Duration::from_millis(100);

/// All processes of a history: how long each kind takes, and what came of them.
#[derive(Default)]
pub struct Processes {
    took: Mutex<BTreeMap<String, Duration>>,
    last: Mutex<VecDeque<String>>,
    ended: Mutex<BTreeMap<(String, i32), u64>>,
    held_up: AtomicU64,
    spoilt: AtomicU64,
}

impl Processes {
    /// Runs a process to its end.
    pub fn run(&self, command: &mut Command) -> Answer {
        let began = Instant::now();
        let answer = Answer::of(command.output().unwrap());
        self.has_ended(command, &answer, began.elapsed());
        answer
    }

    /// Runs a process, and kills it at a random point of the time that such a process takes, if it has not ended by
    /// then. Nothing if it was killed.
    pub fn run_for_a_while(&self, mut command: Command, random: &mut Random) -> Option<Answer> {
        let limit = self.some_time(&command, random);
        let began = Instant::now();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if !ends_within(&child, limit) {
            kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
        }
        self.wait(&command, child, began)
    }

    /// Runs a process to its end, and stops it on its way for as long as `meanwhile` takes: it goes on with what it knew
    /// before.
    pub fn run_held_up(&self, mut command: Command, random: &mut Random, meanwhile: impl FnOnce()) -> Option<Answer> {
        let limit = self.some_time(&command, random);
        let began = Instant::now();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let is_held_up = !ends_within(&child, limit);
        if is_held_up {
            kill_process(Pid::from_child(&child), Signal::STOP).unwrap();
            self.held_up.fetch_add(1, Ordering::Relaxed);
        }
        meanwhile();
        if is_held_up {
            kill_process(Pid::from_child(&child), Signal::CONT).unwrap();
        }
        self.wait(&command, child, began)
    }

    /// A random part of the time that such a process takes.
    fn some_time(&self, command: &Command, random: &mut Random) -> Duration {
        let took = self.took.lock().unwrap().get(&kind(command)).copied().unwrap_or(FIRST_GUESS);
        took.mul_f64(random.below(1000) as f64 / 1000.0)
    }

    fn wait(&self, command: &Command, child: Child, began: Instant) -> Option<Answer> {
        let output = child.wait_with_output().unwrap();
        let is_killed = output.status.code().is_none();
        let answer = Answer::of(output);
        self.has_ended(command, &answer, began.elapsed());
        (!is_killed).then_some(answer)
    }

    fn has_ended(&self, command: &Command, answer: &Answer, took: Duration) {
        let kind = kind(command);
        let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
        let summary = answer.out.lines().last().filter(|_| kind == "backup" || kind == "prune").unwrap_or_default();
        self.note(format!("{:4} {} in {took:?} {summary} {}", answer.code, args.join(" "), answer.err.trim_end()));
        *self.ended.lock().unwrap().entry((kind.clone(), answer.code)).or_default() += 1;
        if answer.code == 0 {
            self.took.lock().unwrap().insert(kind, took);
        }
    }

    /// Counts a cache that was deleted or replaced.
    pub fn has_spoilt(&self) {
        self.spoilt.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps a line to be told if the history fails.
    pub fn note(&self, line: String) {
        let mut last = self.last.lock().unwrap();
        last.push_back(line);
        if last.len() > TOLD {
            last.pop_front();
        }
    }

    /// The last lines that were kept.
    pub fn last(&self) -> String {
        self.last.lock().unwrap().make_contiguous().join("\n")
    }

    /// How many processes there were of each kind, by how they ended; -1 are those that were killed.
    pub fn counts(&self) -> String {
        let ended = self.ended.lock().unwrap();
        let counts: Vec<_> = ended.iter().map(|((kind, code), count)| format!("{count} {kind} ({code})")).collect();
        let (held_up, spoilt) = (self.held_up.load(Ordering::Relaxed), self.spoilt.load(Ordering::Relaxed));
        format!("{}; {held_up} held up on their way; {spoilt} caches deleted or replaced", counts.join(", "))
    }
}

/// The command of the program that is run.
fn kind(command: &Command) -> String {
    let mut args = command.get_args().map(|arg| arg.to_string_lossy());
    args.find(|arg| !arg.starts_with('-')).unwrap_or_default().into_owned()
}

/// Waits until nobody can write to the pipe of `child` any more: then it has ended.
fn ends_within(child: &Child, limit: Duration) -> bool {
    let stdout = child.stdout.as_ref().unwrap();
    let limit = Timespec::try_from(limit).unwrap();
    poll(&mut [PollFd::new(stdout, PollFlags::empty())], Some(&limit)).unwrap() > 0
}

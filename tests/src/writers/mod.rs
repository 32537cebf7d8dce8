//! Clients that change a schema without a pause, and what is true of it at every moment all the same.
//!
//! A backup that shows one moment of a server holds to [`check_invariants`]; one that shows each table at a moment of its
//! own does not.

mod invariants;
mod kinds;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine::database::{Address, Connection, error_code, quote_name};
use engine::{Error, Result};

use crate::server::TestServer;

pub use invariants::check_invariants;
pub use kinds::{Kind, prepare};

/// A deadlock, and a wait for a lock that was too long: the server has undone the transaction.
const UNDONE: [u16; 2] = [1213, 1205];

/// Running writers.
pub struct Writers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Outcome>>,
}

/// The work of one writer.
#[derive(Debug)]
pub struct Outcome {
    /// Its kind.
    pub kind: Kind,
    /// Rounds that it finished.
    pub rounds: u64,
    /// The longest that any of its statements took.
    pub longest_wait: Duration,
    /// Why it ended before it was told to.
    pub failure: Option<Error>,
}

struct Shared {
    stop: AtomicBool,
    rounds: Mutex<Vec<u64>>,
    progress: Condvar,
}

/// A writer's connection, and what it remembers.
struct Client {
    connection: Connection,
    number: usize,
    random: u64,
    longest_wait: Duration,
}

impl Writers {
    /// Starts one writer for each of `kinds` in a schema that [`prepare`] made.
    pub fn start(server: &TestServer, schema: &str, kinds: &[Kind]) -> Self {
        let (stop, rounds) = (AtomicBool::new(false), Mutex::new(vec![0; kinds.len()]));
        let shared = Arc::new(Shared { stop, rounds, progress: Condvar::new() });
        let spawn = |(number, kind): (usize, &Kind)| {
            let (shared, address, schema, kind) = (Arc::clone(&shared), server.address(), schema.to_owned(), *kind);
            std::thread::spawn(move || work(&shared, &address, &schema, kind, number))
        };
        let threads = kinds.iter().enumerate().map(spawn).collect();
        Writers { shared, threads }
    }

    /// Waits until each writer has done so many rounds more, or has ended.
    pub fn wait_rounds(&self, more: u64) {
        let rounds = self.shared.rounds.lock().unwrap();
        let goals: Vec<u64> = rounds.iter().map(|done| done.saturating_add(more)).collect();
        let behind = |rounds: &mut Vec<u64>| rounds.iter().zip(&goals).any(|(done, goal)| done < goal);
        drop(self.shared.progress.wait_while(rounds, behind).unwrap());
    }

    /// Ends them after the rounds they are in.
    pub fn stop(mut self) -> Vec<Outcome> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).map(|thread| thread.join().expect("a writer that does not panic")).collect()
    }
}

impl Drop for Writers {
    /// A test that fails leaves none behind.
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn work(shared: &Shared, address: &Address, schema: &str, kind: Kind, number: usize) -> Outcome {
    let mut outcome = Outcome { kind, rounds: 0, longest_wait: Duration::ZERO, failure: None };
    outcome.failure = write(shared, address, schema, &mut outcome, number).err();
    // A session that waits for this one must not wait for ever.
    shared.rounds.lock().unwrap()[number] = u64::MAX;
    shared.progress.notify_all();
    outcome
}

fn write(shared: &Shared, address: &Address, schema: &str, outcome: &mut Outcome, number: usize) -> Result<()> {
    let mut connection = Connection::open(address)?;
    connection.run(&format!("USE {}", quote_name(schema)))?;
    let seed = 0x9E37_79B9_7F4A_7C15 ^ (number as u64 + 1);
    let mut client = Client { connection, number, random: seed, longest_wait: Duration::ZERO };
    while !shared.stop.load(Ordering::Relaxed) {
        let done = outcome.kind.round(&mut client, outcome.rounds);
        outcome.longest_wait = client.longest_wait;
        match done {
            Err(e) if error_code(&e).is_some_and(|code| UNDONE.contains(&code)) => client.connection.run("ROLLBACK")?,
            other => {
                other?;
                outcome.rounds += 1;
                shared.rounds.lock().unwrap()[number] = outcome.rounds;
                shared.progress.notify_all();
            }
        }
    }
    Ok(())
}

impl Client {
    fn run(&mut self, sql: &str) -> Result<()> {
        let began = Instant::now();
        let done = self.connection.run(sql);
        self.longest_wait = self.longest_wait.max(began.elapsed());
        done
    }

    /// A number below `bound`; a xorshift generator does for that.
    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound
    }
}

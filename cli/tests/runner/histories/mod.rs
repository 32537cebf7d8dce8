//! Random histories: backups, forgets and prunes at once, many of them killed. Listed snapshots restore exactly, whatever
//! happens.
//!
//! A history is a number of rounds. In each round, everybody acts at the same time: four writers, each on its folder
//! and machine, two prunes, and one actor each that forgets, that reads, and that deletes caches or rolls them back.
//! Sometimes another shuts a backup out or repairs. Some processes are held up on their way, some are killed. Then
//! everybody has ended, one way or another, and all is looked at. The same seed makes the same plans; when a process is
//! killed, and how they meet, is up to the machine.

mod actors;
mod folder;
mod ledger;
mod process;
mod random;
mod spoil;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::crypto::{Credential, KeyFile};
use engine::monitor::NullMonitor;
use engine::repository::{OpenOptions, Repository};
use engine::store::LocalStore;
use repo_format::config::Access;
use repo_format::head::ObjectKind;

use crate::harness::{Answer, Machine, files, tree};
use actors::{FOLDERS, Round};
use folder::Folder;
use ledger::{Ledger, Listed};
use process::Processes;
use random::Random;

/// Rounds of the ordinary test; `ENAMEL_HISTORY_ROUNDS` asks for more.
const ROUNDS: u64 = 6;
/// `ENAMEL_HISTORY_MINUTES` asks for rounds until so much time has passed.
const MINUTES: u64 = 0;
/// The seed of the ordinary test; `ENAMEL_HISTORY_SEED` asks for another.
const SEED: u64 = 4;
/// In every so many rounds all data is read.
const READ_DATA: u64 = 8;
/// Prunes after which there must be nothing left to do.
const PRUNES_MAX: usize = 5;

/// A repository, and what is known of it.
struct History {
    machine: Machine,
    folders: Vec<Folder>,
    ledger: Ledger,
    random: Random,
    processes: Processes,
    seed: u64,
    round: u64,
}

#[test]
fn whoever_dies_beside_whom_every_snapshot_restores_exactly() {
    let number = |name, otherwise| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let seed = number("ENAMEL_HISTORY_SEED", SEED);
    let (rounds, minutes) = (number("ENAMEL_HISTORY_ROUNDS", ROUNDS), number("ENAMEL_HISTORY_MINUTES", MINUTES));
    let (began, time) = (Instant::now(), Duration::from_secs(60 * minutes));
    let mut history = History::new(seed);
    while history.round < rounds || began.elapsed() < time {
        history.round();
    }
    history.finish();
    println!("seed {seed}, {} rounds: {}", history.round, history.processes.counts());
}

impl History {
    fn new(seed: u64) -> Self {
        let machine = Machine::with_repository();
        make_packs_small(&machine);
        let mut random = Random::new(seed);
        let folders = (0..FOLDERS).map(|number| Folder::new(&machine, number, random.fork())).collect();
        History { machine, folders, ledger: Ledger::default(), random, processes: Processes::default(), seed, round: 0 }
    }

    /// Lets everybody act at once, and looks at everything when they have ended.
    fn round(&mut self) {
        self.round += 1;
        self.processes.note(format!("round {}", self.round));
        let before: Vec<_> = self.ledger.snapshots().collect();
        let round =
            Round { machine: &self.machine, processes: &self.processes, before: &before, events: Mutex::default() };
        round.run(&mut self.folders, &mut self.random);
        let events = round.events.into_inner().unwrap();
        let cache = match self.random.below(2) {
            0 => format!("cache-{}", self.random.below(FOLDERS as u64)),
            _ => format!("new-cache-{}", self.round),
        };
        let listed = self.listed(&cache);
        let trees = self.restore_all(&listed, &cache);
        self.ledger.take_in(&events, &listed, &trees);
        let verify = if self.round.is_multiple_of(READ_DATA) { "verify --read-data" } else { "verify" };
        self.expect(&cache, verify);
        if cache.starts_with("new") {
            fs::remove_dir_all(self.machine.path(cache)).unwrap();
        }
    }

    /// When all dead writers are shut out and pruning has come to its end, nothing is left that is not needed; and
    /// nothing at all when there is no snapshot.
    fn finish(&mut self) {
        self.processes.note("the end".to_owned());
        self.shut_out_all();
        self.prune_to_the_end();
        let listed = self.listed("last-cache");
        let trees = self.restore_all(&listed, "last-cache");
        self.ledger.take_in(&[], &listed, &trees);
        self.expect("last-cache", "verify --read-data");
        for snapshot in &listed {
            self.expect("cache-1", &format!("forget {}", snapshot.id));
        }
        self.shut_out_all();
        self.prune_to_the_end();
        for folder in ["packs", "leases"] {
            assert_eq!(files(&self.machine.path("repo").join(folder)), Vec::<std::path::PathBuf>::new());
        }
        let left = files(&self.machine.path("repo/tmp"));
        // The mark of one that was killed while it made its folder stays for a day.
        let stays = ["lock", "reserve", "alive"];
        let is_ours = |path: &std::path::PathBuf| stays.iter().any(|name| path.ends_with(name));
        assert!(left.iter().all(is_ours), "nothing but the lock and the reserve is left of all that died: {left:?}");
        self.expect("cache-2", "verify");
    }

    fn shut_out_all(&self) {
        for writer in self.expect("cache-0", "--json leases").messages() {
            // The lease of one that died just after it made its snapshot stays as long as that.
            self.run("cache-0", ["leases", "fence", writer["id"].as_str().unwrap()]).expect_one_of(&[0, 2]);
        }
    }

    fn prune_to_the_end(&self) {
        let is_done = || {
            let forecast = self.expect("cache-0", "--json prune --max-unused 0 --dry-run").last("forecast");
            let figure = |name: &str| forecast[name].as_u64().unwrap();
            assert_eq!(figure("lost_chunks"), 0, "{forecast}");
            ["unneeded_packs", "condemned_packs", "left_unused_bytes", "rewritten_packs"].iter().all(|n| figure(n) == 0)
        };
        let mut prunes = 0;
        while !is_done() {
            prunes += 1;
            assert!(prunes <= PRUNES_MAX, "there is always something left to prune");
            self.expect("cache-0", "prune --max-unused 0");
        }
    }

    fn listed(&self, cache: &str) -> Vec<Listed> {
        self.expect(cache, "--json snapshots").messages().iter().map(Listed::of).collect()
    }

    /// Restores the snapshots, two at a time.
    fn restore_all(&self, listed: &[Listed], cache: &str) -> Vec<ledger::Tree> {
        let restore = |snapshot: &Listed| {
            let target = format!("restored {}", snapshot.id);
            self.run(cache, ["restore", &snapshot.id, "--target", &target]).expect(0);
            let found = tree(&self.machine.path(&target).join(Folder::name(snapshot.folder)));
            fs::remove_dir_all(self.machine.path(&target)).unwrap();
            Arc::new(found)
        };
        let (first, second) = listed.split_at(listed.len() / 2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| second.iter().map(restore).collect::<Vec<_>>());
            let mut trees: Vec<_> = first.iter().map(restore).collect();
            trees.extend(other.join().unwrap());
            trees
        })
    }

    /// Runs the program, which must succeed.
    #[track_caller]
    fn expect(&self, cache: &str, args: &str) -> Answer {
        self.run(cache, args.split(' ')).expect(0)
    }

    fn run<'a>(&self, cache: &str, args: impl IntoIterator<Item = &'a str>) -> Answer {
        let mut command = self.machine.command(args);
        command.env("ENAMEL_CACHE_DIR", self.machine.path(cache));
        self.processes.run(&mut command)
    }
}

impl Drop for History {
    #[allow(clippy::print_stderr, reason = "a history that fails says how it can be had again, and what happened")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "seed {}, round {}; the last processes, in the order in which they ended:",
                self.seed, self.round
            );
            eprintln!("{}", self.processes.last());
        }
    }
}

/// Makes the packs of a new repository so small that these histories fill some.
fn make_packs_small(machine: &Machine) {
    let key = fs::read_to_string(machine.path("key")).unwrap();
    let credential = Credential::KeyFile(KeyFile::parse(&key).unwrap());
    let store = Arc::new(LocalStore::open(&machine.path("repo")).unwrap());
    let options = OpenOptions::new(machine.path("first-cache"), Access::Write);
    let repository = Repository::open(store, &credential, &options, &NullMonitor).unwrap();
    let mut config = repository.config().clone();
    (config.version, config.pack_bytes) = (config.version + 1, 1 << 20);
    let tag = |tagged: &[u8]| repository.keys().config_tag(tagged);
    let object = repo_format::clear::encode(ObjectKind::Config, &config.encode().unwrap(), tag).unwrap();
    replace(&machine.path("repo/config"), &object);
    replace(&machine.path("repo/copies/config"), &object);
}

fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

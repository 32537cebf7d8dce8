//! The actions of everybody in one round.

use std::process::Command;
use std::sync::Mutex;

use super::folder::Folder;
use super::ledger::{Event, Listed, Tree};
use super::process::Processes;
use super::random::Random;
use super::spoil;
use crate::harness::{Answer, Machine};

/// Folders, and writers, and machines.
pub const FOLDERS: usize = 4;
/// The writer whose leases seem to be those of another machine, which nobody can know to be dead.
const AWAY: usize = 3;
/// Snapshots beyond which somebody certainly forgets some.
const SNAPSHOTS_MAX: usize = 14;

/// A round.
pub struct Round<'a> {
    pub machine: &'a Machine,
    pub processes: &'a Processes,
    /// Snapshots that were there before.
    pub before: &'a [Listed],
    /// The reports, each folder's backups in their order.
    pub events: Mutex<Vec<Event>>,
}

impl Round<'_> {
    /// Lets everybody act, until all have ended.
    pub fn run(&self, folders: &mut [Folder], random: &mut Random) {
        std::thread::scope(|scope| {
            for (number, folder) in folders.iter_mut().enumerate() {
                let random = random.fork();
                scope.spawn(move || self.write(number, folder, random));
            }
            let others: [fn(&Self, Random); _] = [
                Round::prune,
                Round::prune,
                Round::forget,
                Round::read,
                Round::fence,
                Round::repair,
                Round::spoil_caches,
            ];
            for actor in others {
                let random = random.fork();
                scope.spawn(move || actor(self, random));
            }
        });
    }

    fn write(&self, number: usize, folder: &mut Folder, mut random: Random) {
        for _ in 0..random.below(3) {
            let tree = folder.change();
            let mut command = self.command(number, "--json --no-progress backup --allow-less");
            command.arg(self.machine.path(Folder::name(number)));
            if number == AWAY {
                command.args(["--host", "away"]);
            }
            let answer = self.run_or_kill(command, &mut random);
            self.saved(number, tree, answer);
        }
    }

    fn saved(&self, folder: usize, tree: Tree, answer: Option<Answer>) {
        let event = match answer {
            None => Event::MaybeSaved { folder, tree },
            // It was shut out.
            Some(answer) if answer.code == 11 => return,
            Some(answer) => {
                let summary = answer.expect(0).last("summary");
                let id = summary["snapshot"].as_str().unwrap().to_owned();
                Event::Saved { snapshot: Listed { id, folder }, tree }
            }
        };
        self.tell(event);
    }

    /// Repairs what is whole, beside everybody else.
    fn repair(&self, mut random: Random) {
        if random.one_in(3) {
            let command = self.anybody(&mut random, "--json --no-progress repair --read-data");
            if let Some(answer) = self.run_or_kill(command, &mut random) {
                // A prune may have shut it out, or taken what it was about to read.
                answer.expect_one_of(&[0, 1, 11]);
            }
        }
    }

    /// Deletes caches under processes that use them, or puts older copies in their place.
    fn spoil_caches(&self, mut random: Random) {
        for _ in 0..random.below(4) {
            let cache = self.machine.path(format!("cache-{}", random.below(FOLDERS as u64)));
            let copy = self.machine.path("older-cache");
            match random.below(3) {
                0 => spoil::remove(&cache),
                1 => {
                    spoil::copy(&cache, &copy);
                    continue;
                }
                _ => spoil::copy(&copy, &cache),
            }
            self.processes.has_spoilt();
        }
    }

    fn prune(&self, mut random: Random) {
        for _ in 0..random.below(3) {
            let unused = if random.one_in(4) { "5" } else { "0" };
            let command = self.anybody(&mut random, &format!("--json --no-progress prune --max-unused {unused}"));
            if let Some(answer) = self.run_or_kill(command, &mut random) {
                // It may have to wait for a backup.
                answer.expect_one_of(&[0, 3]);
            }
        }
    }

    fn forget(&self, mut random: Random) {
        let must = u64::from(self.before.len() > SNAPSHOTS_MAX);
        for _ in 0..must.max(random.below(3)) {
            if must > 0 || self.before.is_empty() || random.one_in(2) {
                self.forget_by_rule(&mut random);
            } else {
                self.forget_by_name(&mut random);
            }
        }
    }

    fn forget_by_rule(&self, random: &mut Random) {
        let keep = 1 + random.below(3);
        self.tell(Event::MayForgetAllBut { newest: usize::try_from(keep).unwrap() });
        let command = self.anybody(random, &format!("forget --keep-last {keep} --allow-less"));
        if let Some(answer) = self.run_or_kill(command, random) {
            answer.expect(0);
        }
    }

    fn forget_by_name(&self, random: &mut Random) {
        let ids: Vec<_> = (0..=random.below(2)).map(|_| random.pick(self.before).id.clone()).collect();
        self.tell(Event::MayForget { ids: ids.clone() });
        let mut command = self.anybody(random, "forget");
        command.args(&ids);
        match self.run_or_kill(command, random) {
            // Somebody else was first.
            Some(answer) if answer.code == 1 && answer.err.contains("there is no snapshot") => {}
            Some(answer) => {
                answer.expect(0);
                self.tell(Event::Forgot { ids });
            }
            None => {}
        }
    }

    /// Restores or verifies while others write and delete. A snapshot may be forgotten meanwhile; then this may fail.
    fn read(&self, mut random: Random) {
        match random.below(4) {
            0 => drop(self.run_to_the_end(self.anybody(&mut random, "verify")).expect(0)),
            1 if !self.before.is_empty() => {
                let id = random.pick(self.before).id.clone();
                let mut command = self.anybody(&mut random, "restore");
                command.args([&id, "--target"]).arg(self.machine.path("read").join(&id));
                let answer = self.run_to_the_end(command);
                self.tell(Event::Read { id, answer });
            }
            _ => {}
        }
    }

    fn fence(&self, mut random: Random) {
        if !random.one_in(3) {
            return;
        }
        let leases = self.run_to_the_end(self.anybody(&mut random, "--json leases")).expect(0);
        for lease in leases.messages() {
            let mut command = self.anybody(&mut random, "leases fence");
            command.arg(lease["id"].as_str().unwrap());
            // It may have ended meanwhile.
            self.run_to_the_end(command).expect_one_of(&[0, 1, 2]);
        }
    }

    fn tell(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }

    fn run_or_kill(&self, command: Command, random: &mut Random) -> Option<Answer> {
        let answer = match random.below(6) {
            0 | 1 => self.processes.run_for_a_while(command, random),
            2 => {
                let mut other = random.fork();
                self.processes.run_held_up(command, random, || self.spoil_caches(other.fork()))
            }
            _ => Some(self.run_to_the_end(command)),
        };
        // One whose cache was taken away may say so and end: it counts as one that was killed.
        answer.filter(|answer| !lost_its_cache(answer))
    }

    /// Runs a process to its end; again, as long as its cache is taken away under it.
    fn run_to_the_end(&self, mut command: Command) -> Answer {
        loop {
            let answer = self.processes.run(&mut command);
            if !lost_its_cache(&answer) {
                return answer;
            }
        }
    }

    fn anybody(&self, random: &mut Random, args: &str) -> Command {
        let number = usize::try_from(random.below(FOLDERS as u64)).unwrap();
        self.command(number, args)
    }

    /// The program on machine `number`.
    fn command(&self, number: usize, args: &str) -> Command {
        let mut command = self.machine.command(args.split(' '));
        command.env("ENAMEL_CACHE_DIR", self.machine.path(format!("cache-{number}")));
        command
    }
}

/// Whether a process ended because others spoilt its cache.
fn lost_its_cache(answer: &Answer) -> bool {
    answer.code == 1 && (answer.err.contains(r#""kind":"cache""#) || answer.err.contains("local cache"))
}

//! Snapshots that a computer has seen and does not find again: which commands name them, and how a user answers.

use std::fs;

use crate::harness::Machine;

/// A repository of two snapshots, put back as it was after the first.
fn rolled_back() -> Machine {
    let machine = Machine::with_repository();
    fs::create_dir(machine.path("src")).unwrap();
    fs::write(machine.path("src/a"), "a").unwrap();
    machine.run(["backup", "src"]).expect(0);
    copy(&machine, "repo", "old");
    fs::write(machine.path("src/b"), "b").unwrap();
    machine.run(["backup", "src"]).expect(0);
    fs::remove_dir_all(machine.path("repo")).unwrap();
    fs::rename(machine.path("old"), machine.path("repo")).unwrap();
    machine
}

fn copy(machine: &Machine, from: &str, to: &str) {
    let copied = std::process::Command::new("cp").arg("-a").args([machine.path(from), machine.path(to)]).status();
    assert!(copied.unwrap().success());
}

#[test]
fn what_disappeared_is_told_and_nothing_is_deleted_until_somebody_accepts_it() {
    let machine = rolled_back();
    // The cache may go: it is not what remembers.
    fs::remove_dir_all(machine.path("cache")).unwrap();
    for (command, exit) in [("status", 3), ("snapshots", 3), ("verify", 4), ("prune", 4)] {
        let output = machine.run([command]).expect(exit);
        assert!(format!("{}{}", output.out, output.err).contains("disappeared"), "{command}");
    }
    let told = machine.run(["backup", "src"]).expect(3);
    assert!(told.err.contains("disappeared") && told.err.contains("enamel accept"), "{}", told.err);
    let refused = machine.run(["forget", "--keep-last", "1"]).expect(4);
    assert!(refused.err.contains("until somebody has answered"), "{}", refused.err);
    // Since then a newer snapshot was made here; without it, the older state shows.
    let fresh = rolled_back();
    for command in [&["forget", "--keep-last", "1"][..], &["prune"]] {
        fresh
            .run(command.to_vec())
            .expect(4)
            .says("an older state of the repository in its place")
            .says("enamel accept");
    }
    fresh.run(["verify"]).expect(4).says("enamel accept");
    machine.run(["accept", "--all"]).expect(2);
    machine.run(["accept", "ffffffff", "--reason", "x"]).expect(1);
    machine.run(["accept", "--all", "--reason", "the disk was restored"]).expect(0);
    for command in ["status", "snapshots", "verify", "prune"] {
        machine.run([command]).expect(0);
    }
    machine.run(["forget", "--keep-last", "1"]).expect(0);
}

#[test]
fn a_copy_that_is_used_by_turns_is_accepted_once() {
    let machine = Machine::with_repository();
    fs::create_dir(machine.path("src")).unwrap();
    fs::write(machine.path("src/a"), "a").unwrap();
    machine.run(["backup", "src"]).expect(0);
    copy(&machine, "repo", "second");
    fs::write(machine.path("src/b"), "b").unwrap();
    machine.run(["backup", "src"]).expect(0);
    let second =
        |arguments: &[&str]| machine.run(["--repo", "second"].iter().chain(arguments).copied().collect::<Vec<_>>());
    assert!(second(&["backup", "src"]).expect(0).err.contains("has not seen the repository in this place"));
    second(&["verify"]).expect(0).says("may be a copy of an earlier day");
    second(&["forget", "--keep-last", "1"]).expect(4).says("until somebody has answered");
    second(&["accept", "--all", "--reason", "the other disk"]).expect(0);
    second(&["verify"]).expect(0);
    // Both go on, each for itself.
    fs::write(machine.path("src/c"), "c").unwrap();
    machine.run(["backup", "src"]).expect(0);
    second(&["status"]).expect(0);
    second(&["backup", "src"]).expect(0);
    machine.run(["verify"]).expect(0);
}

/// Two disks, each a copy of the whole other, that are mounted in one folder in turn.
struct Disks(Machine);

impl Disks {
    fn run(&self, arguments: &[&str]) -> crate::harness::Answer {
        self.0.run(arguments.to_vec())
    }

    /// Takes the disk out, and puts another one in.
    fn change(&self, out: &str, into: &str) {
        fs::rename(self.0.path("repo"), self.0.path(out)).unwrap();
        fs::rename(self.0.path(into), self.0.path("repo")).unwrap();
    }

    fn save(&self, name: &str) {
        fs::write(self.0.path(format!("src/{name}")), name).unwrap();
        self.run(&["backup", "src"]).expect(0);
    }
}

#[test]
fn disks_of_the_same_volume_are_recognised_once_somebody_has_said_that_there_are_two() {
    let disks = Disks(Machine::with_repository());
    fs::create_dir(disks.0.path("src")).unwrap();
    disks.save("a");
    copy(&disks.0, "repo", "B");
    disks.save("b");
    disks.run(&["key", "add", "--new-key-file", "second.key"]).expect(0);
    disks.change("A", "B");
    // The other disk is older in its snapshots and in its keys.
    for (command, exit) in [("verify", 4), ("status", 3)] {
        let told = disks.run(&[command]).expect(exit).says("enamel accept");
        assert!(format!("{}{}", told.out, told.err).contains("disappeared"), "{}{}", told.out, told.err);
    }
    disks.run(&["forget", "--keep-last", "1"]).expect(4).says("enamel accept");
    disks.run(&["accept", "--another-disk", "--reason", "disk B"]).expect(2);
    disks.run(&["accept", "--all", "--another-disk", "--reason", "disk B"]).expect(0);
    disks.run(&["verify"]).expect(0).says("this is disk 2 of 2 that take turns");
    disks.save("c");
    for turn in 0..2 {
        disks.change("B", "A");
        disks.run(&["verify"]).expect(0).says("this is disk 1 of 2 that take turns");
        disks.save(&format!("on A {turn}"));
        disks.change("A", "B");
        disks.run(&["status"]).expect(0).says("this is disk 2 of 2 that take turns");
        disks.save(&format!("on B {turn}"));
    }
    // Each may forget what is its own.
    disks.run(&["forget", "--keep-last", "1"]).expect(0);
    disks.change("B", "A");
    disks.run(&["verify", "--read-data"]).expect(0);
    disks.run(&["forget", "--keep-last", "2"]).expect(0);
    disks.run(&["prune"]).expect(0);
    // An older state of one disk is no turn.
    copy(&disks.0, "repo", "older A");
    disks.save("newest");
    disks.change("A", "older A");
    disks.run(&["forget", "--keep-last", "1"]).expect(4).says("older state of the repository");
    disks.change("older A", "A");
    disks.run(&["verify"]).expect(0);
}

#[test]
fn a_lost_memory_is_told_until_somebody_accepts_it() {
    let machine = Machine::with_repository();
    fs::write(machine.path("a"), "a").unwrap();
    machine.run(["backup", "a"]).expect(0);
    fs::remove_dir_all(machine.path("home/.local/state")).unwrap();
    for _ in 0..2 {
        assert!(machine.run(["status"]).expect(3).err.contains("memory of the repository is gone"));
    }
    machine.run(["accept", "--all", "--reason", "a new home folder"]).expect(0);
    machine.run(["status"]).expect(0);
}

#[test]
fn a_cache_folder_that_cannot_be_used_is_done_without() {
    let machine = Machine::with_repository();
    fs::write(machine.path("a"), "a").unwrap();
    fs::write(machine.path("no folder"), "").unwrap();
    let cache = ["--cache-dir", "no folder"];
    for (command, argument) in [("backup", Some("a")), ("snapshots", None), ("ls", Some("latest")), ("verify", None)] {
        let output = machine.run(cache.into_iter().chain([command]).chain(argument)).expect(0);
        assert!(output.err.contains("works without it"), "{command}: {}", output.err);
    }
}

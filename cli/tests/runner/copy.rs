//! `copy`: a second repository with a key of its own, and what the first says of it.

use std::fs;

use crate::harness::Machine;

const TO: [&str; 6] = ["copy", "--new", "--to", "second", "--to-key-file", "second.key"];

/// A machine with a snapshot, whose copy is in a second repository.
fn copied() -> Machine {
    let machine = Machine::with_snapshot();
    machine.run(TO.iter().chain(&["--init"])).expect(0).prints("copied the snapshot").prints("read back");
    machine
}

#[test]
fn a_second_repository_is_restored_with_its_own_key_alone() {
    let machine = copied();
    machine.run(TO).expect(0).prints("everything that was chosen is in the other repository");
    machine.run(["status"]).expect(0).prints("second copy: ").prints("read back");
    let second = ["--repo", "second", "--key-file", "second.key"];
    machine.run(second.iter().chain(&["verify", "--read-data"])).expect(0);
    machine.run(second.iter().chain(&["restore", "latest", "--target", "restored"])).expect(0);
    machine.run(["--repo", "second", "snapshots"]).expect(12);
    machine.run(["--key-file", "second.key", "snapshots"]).expect(12);
}

#[test]
fn a_weekly_check_is_recorded_and_damage_in_the_copy_ends_with_4() {
    let machine = copied();
    machine.run(TO.iter().chain(&["--read-data", "50%"])).expect(0);
    machine.run(["status"]).expect(0).prints("with 50 % of its data");
    let answer = machine.run(["--json", "status"]).expect(0);
    assert!(answer.out.contains("\"second_copy\"") && answer.out.contains("\"read_percent\":50"), "{}", answer.out);
    let mut folders = vec![machine.path("second/packs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    }
    machine.run(TO.iter().chain(&["--read-data", "100%"])).expect(4);
}

#[test]
fn a_place_without_a_repository_is_named_with_what_makes_one() {
    let machine = Machine::with_snapshot();
    machine.run(TO).expect(10).says("--init makes it");
    machine.run(["copy", "--to", "second", "--to-key-file", "second.key"]).expect(2);
    machine.run(TO.iter().chain(&["latest"])).expect(2);
}

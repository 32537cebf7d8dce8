//! Config and keyring that are lost with their second copies: this computer has kept both.

use std::fs;

use crate::harness::Machine;

const CONFIG: [&str; 2] = ["config", "copies/config"];
const KEYRING: [&str; 2] = ["keyring/1", "copies/keyring-1"];

/// How objects are lost.
#[derive(Debug, Clone, Copy)]
enum Loss {
    Deleted,
    Damaged,
}

fn lose(machine: &Machine, names: &[&str], loss: Loss) {
    for name in names {
        let path = machine.path("repo").join(name);
        let mut bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        if let Loss::Damaged = loss {
            bytes[20] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
}

fn is_used_and_put_back(names: &[&str], loss: Loss) {
    let machine = Machine::with_snapshot();
    let source = machine.arg("source");
    let before: Vec<_> = names.iter().map(|name| fs::read(machine.path("repo").join(name)).unwrap()).collect();
    lose(&machine, names, loss);
    machine.run(["snapshots"]).expect(3).says(names[0]).says("this computer");
    machine.run(["restore", "latest", "--target", "out"]).expect(3).says("this computer");
    machine.run(["backup", &source]).expect(3).says("this computer");
    machine.run(["verify"]).expect(4).prints(names[0]);
    machine.run(["repair", "--dry-run"]).says(names[0]);
    machine.run(["snapshots"]).expect(3);
    machine.run(["repair"]).says(names[0]);
    let after: Vec<_> = names.iter().map(|name| fs::read(machine.path("repo").join(name)).unwrap()).collect();
    assert_eq!(after, before);
    machine.run(["verify"]).expect(0);
    machine.run(["snapshots"]).expect(0);
    assert_eq!(machine.snapshots(), 2);
}

#[test]
fn a_deleted_config_is_used_from_this_computers_copy_and_put_back() {
    is_used_and_put_back(&CONFIG, Loss::Deleted);
}

#[test]
fn a_damaged_config_is_used_from_this_computers_copy_and_put_back() {
    is_used_and_put_back(&CONFIG, Loss::Damaged);
}

#[test]
fn a_deleted_keyring_is_used_from_this_computers_copy_and_put_back() {
    is_used_and_put_back(&KEYRING, Loss::Deleted);
}

#[test]
fn a_damaged_keyring_is_used_from_this_computers_copy_and_put_back() {
    is_used_and_put_back(&KEYRING, Loss::Damaged);
}

#[test]
fn both_at_once_are_used_and_put_back() {
    is_used_and_put_back(&[CONFIG, KEYRING].concat(), Loss::Deleted);
}

#[test]
fn another_repository_in_the_same_place_gets_nothing_of_the_first() {
    for names in [&CONFIG[..], &[CONFIG, KEYRING].concat()] {
        let (machine, other) = (Machine::with_snapshot(), Machine::with_snapshot());
        fs::rename(machine.path("repo"), machine.path("first")).unwrap();
        fs::rename(other.path("repo"), machine.path("repo")).unwrap();
        lose(&machine, names, Loss::Deleted);
        machine.run(["snapshots"]).expect_one_of(&[4, 10, 12]);
        machine.run(["repair"]).expect_one_of(&[4, 10, 12]);
        assert!(!machine.path("repo/config").exists());
    }
}

#[test]
fn members_of_the_first_repository_alone_do_not_prove_that_the_rest_is_its() {
    let (machine, other) = (Machine::with_snapshot(), Machine::with_snapshot());
    fs::rename(machine.path("repo"), machine.path("first")).unwrap();
    fs::rename(other.path("repo"), machine.path("repo")).unwrap();
    lose(&machine, &[CONFIG, KEYRING].concat(), Loss::Deleted);
    fs::remove_dir_all(machine.path("repo/keys")).unwrap();
    fs::rename(machine.path("first/keys"), machine.path("repo/keys")).unwrap();
    machine.run(["snapshots"]).expect_one_of(&[4, 10]);
    assert!(!machine.path("repo/config").exists());
}

#[test]
fn an_empty_folder_in_place_of_a_repository_is_none() {
    let machine = Machine::with_snapshot();
    fs::rename(machine.path("repo"), machine.path("first")).unwrap();
    fs::create_dir(machine.path("repo")).unwrap();
    machine.run(["snapshots"]).expect(10);
    let source = machine.arg("source");
    machine.run(["backup", &source]).expect(10);
}

#[test]
fn a_wrong_key_is_told_where_config_is_lost() {
    let (machine, other) = (Machine::with_snapshot(), Machine::with_repository());
    lose(&machine, &CONFIG, Loss::Deleted);
    let (repo, key) = (machine.arg("repo"), other.arg("key"));
    machine.run_bare(&["--repo", &repo, "--key-file", &key, "snapshots"], []).expect(12);
}

#[test]
fn an_older_keyring_is_told_and_nothing_is_put_back() {
    let machine = Machine::with_snapshot();
    machine.run(["key", "add", "--new-key-file", "second", "--label", "second"]).expect(0);
    lose(&machine, &["keyring/2", "copies/keyring-2"], Loss::Deleted);
    machine.run(["snapshots"]).expect_one_of(&[0, 3]).says("this computer has seen version 2");
    let source = machine.arg("source");
    machine.run(["backup", &source]).expect_one_of(&[1, 4]);
    assert!(!machine.path("repo/keyring/2").exists());
}

#[test]
fn a_newest_keyring_that_is_damaged_with_its_copy_is_used_from_here() {
    let machine = Machine::with_snapshot();
    machine.run(["key", "add", "--new-key-file", "second", "--label", "second"]).expect(0);
    lose(&machine, &["keyring/2", "copies/keyring-2"], Loss::Damaged);
    machine.run(["snapshots"]).expect(3).says("keyring/2");
    machine.run(["repair"]).says("keyring/2");
    machine.run(["verify"]).expect(0);
}

#[test]
fn a_computer_that_keeps_no_copy_says_which_one_does() {
    let machine = Machine::with_snapshot();
    lose(&machine, &CONFIG, Loss::Deleted);
    ["cache", "home/.local"].iter().for_each(|folder| fs::remove_dir_all(machine.path(folder)).unwrap());
    for command in ["snapshots", "repair"] {
        machine.run([command]).expect(10).says("keys are there").says("`enamel repair` there");
    }
}

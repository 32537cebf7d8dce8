//! `key`: more keys, fewer keys, other keys; and those that were removed.

use std::fs;
use std::path::Path;

use crate::harness::Machine;

fn ids(machine: &Machine) -> Vec<String> {
    let keys = machine.run(["--json", "key", "list"]).expect(0).messages();
    keys.iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_second_key_unlocks_and_a_removed_one_does_not() {
    let machine = Machine::with_snapshot();
    machine.run(["key", "add", "--new-key-file", "second", "--label", "safe"]).expect(0).prints("added key");
    machine.run(["key", "list"]).expect(0).prints("safe").prints("used by this run");
    let second = ["--key-file", "second"];
    machine.run(["snapshots"].into_iter().chain(second)).expect(0);
    let keys = machine.run(["--json", "key", "list"]).expect(0).messages();
    let id = keys.iter().find(|key| key["label"] == "safe").unwrap()["id"].as_str().unwrap().to_owned();
    machine.run(["key", "remove", &id[..10]]).expect(0);
    machine.run(["snapshots"].into_iter().chain(second)).expect(12);
}

#[test]
fn a_retired_key_opens_what_was_there_and_says_that_there_is_more() {
    let machine = Machine::with_snapshot();
    machine.run(["key", "add", "--new-key-file", "second", "--label", "ada"]).expect(0);
    let keys = machine.run(["--json", "key", "list"]).expect(0).messages();
    let id = keys.iter().find(|key| key["label"] == "ada").unwrap()["id"].as_str().unwrap().to_owned();
    machine.run(["key", "remove", "--retire", &id]).expect(0).prints("retired key");
    machine.run(["key", "list"]).expect(0).prints("retired 20");
    let second = ["--key-file", "second"];
    machine.run(["snapshots"].into_iter().chain(second)).expect(0).says("this key was retired").prints("source");
    machine.run(["backup", "source"]).expect(0);
    machine.run(["snapshots"].into_iter().chain(second)).expect(3).says("not what came later");
    machine.run(["restore", "latest", "--target", "restored"].into_iter().chain(second)).expect(3);
    for refused in [
        &["backup", "source"][..],
        &["forget", "latest"],
        &["prune"],
        &["verify"],
        &["key", "add", "--new-key-file", "new"],
    ] {
        machine.run(refused.iter().copied().chain(second)).expect(1).says("this key was retired");
    }
}

#[test]
fn a_password_from_a_file_can_be_added() {
    let machine = Machine::with_repository();
    machine.write("password", "correct horse\n");
    machine.run(["key", "add", "--new-password-file", "password"]).expect(0);
    let repo = ("ENAMEL_REPO", machine.path("repo").into());
    machine.run_bare(&["snapshots", "--password-file", "password"], [repo]).expect(0);
}

#[test]
fn the_last_key_stays() {
    let machine = Machine::with_repository();
    let id = &ids(&machine)[0];
    assert_ne!(machine.run(["key", "remove", id]).code, 0);
    machine.run(["snapshots"]).expect(0);
    machine.run(["key", "remove", "ffffffffffff"]).expect(1).says("there is no key");
}

#[test]
fn a_change_replaces_the_key_in_use() {
    for more in [&[] as &[&str], &["--compromised"]] {
        let machine = Machine::with_snapshot();
        machine.run(["key", "change", "--new-key-file", "new"].iter().chain(more)).expect(0);
        assert_eq!(machine.run(["snapshots"]).code, 12);
        machine.run(["snapshots", "--key-file", "new"]).expect(0);
        machine.run(["backup", "source", "--key-file", "new"]).expect(0);
    }
}

#[test]
fn the_new_key_cannot_be_the_old_one() {
    let machine = Machine::with_repository();
    machine.run(["key", "change", "--new-key-file", "key"]).expect(2).says("is the one in use");
    machine.run(["key", "add", "--new-key-file", "a", "--new-password-file", "b"]).expect(2);
    machine.run(["key", "add", "--new-key-file", &machine.arg("repo/k")]).expect(2);
}

/// Copies into `to` what it lacks of `from`, as `cp -n` does.
fn plant(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            plant(&entry.path(), &target);
        } else if !target.exists() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A machine whose second key was removed, and the id of a snapshot that its owner made and put there afterwards.
fn with_planted_snapshot() -> (Machine, String) {
    let machine = Machine::with_snapshot();
    machine.run(["key", "add", "--new-key-file", "second", "--label", "second"]).expect(0);
    fs::create_dir(machine.path("kept")).unwrap();
    plant(&machine.path("repo"), &machine.path("kept"));
    let keys = machine.run(["--json", "key", "list"]).expect(0).messages();
    let id = keys.iter().find(|key| key["label"] == "second").unwrap()["id"].as_str().unwrap().to_owned();
    machine.run(["key", "remove", &id]).expect(0);
    machine.write("source/A/letter.txt", "Dear doctor, this was made up");
    let theirs = ["--repo", "kept", "--key-file", "second", "--cache-dir", "cache 2", "--state-dir", "state 2"];
    let planted = machine.run(["--json", "backup", "source"].iter().chain(&theirs)).expect(0).last("summary");
    for folder in ["packs", "index", "snapshots"] {
        plant(&machine.path("kept").join(folder), &machine.path("repo").join(folder));
    }
    (machine, planted["snapshot"].as_str().unwrap().to_owned())
}

#[test]
fn a_snapshot_that_is_not_believed_is_restored_only_by_name_and_with_a_warning() {
    let (machine, planted) = with_planted_snapshot();
    let restore = ["restore", &planted, "--target", "out"];
    machine.run(restore).expect(1).says("is not believed").says("--from-closed-epoch");
    assert!(!machine.path("out").exists());
    let restored = machine.run(restore.iter().chain(&["--from-closed-epoch"])).expect(0);
    restored.says("though it is not believed");
    let letter = fs::read_to_string(machine.path("out/source/A/letter.txt")).unwrap();
    assert_eq!(letter, "Dear doctor, this was made up");
    machine.run(["restore", "latest", "--target", "other", "--from-closed-epoch"]).expect(3);
    assert_eq!(fs::read_to_string(machine.path("other/source/A/letter.txt")).unwrap(), "Dear patient");
}

#[test]
fn what_is_not_believed_can_be_forgotten_by_its_id() {
    let (machine, planted) = with_planted_snapshot();
    machine.run(["snapshots"]).expect(3);
    machine.run(["forget", &planted[..12]]).expect(0);
    machine.run(["snapshots"]).expect(0);
}

#[test]
fn closing_notes_what_is_not_believed_only_if_all_is_to_be() {
    let (machine, planted) = with_planted_snapshot();
    machine.run(["key", "close"]).expect(0).prints("there was nothing to do");
    machine.run(["restore", &planted, "--target", "out"]).expect(1);
    machine.run(["key", "close", "--believe-all"]).expect(0).prints("were noted: 3");
    machine.run(["restore", &planted, "--target", "out"]).expect(0);
}

#[test]
fn closing_notes_what_is_there_once() {
    let machine = Machine::with_snapshot();
    machine.run(["key", "close"]).expect(0).prints("there was nothing to do");
    machine.run(["key", "change", "--compromised", "--new-key-file", "new"]).expect(0);
    let new = ["--key-file", "new"];
    machine.run(["key", "close"].iter().chain(&new)).expect(0).prints("there was nothing to do");
    let summary = machine.run(["--json", "key", "close", "--believe-all"].iter().chain(&new)).expect(0).last("summary");
    assert_eq!(summary["left_out"], 0);
    machine.run(["snapshots"].iter().chain(&new)).expect(0);
}

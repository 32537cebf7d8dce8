//! `key`: more keys, fewer keys, other keys.

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

//! `copy`: a second repository with a key of its own, and what the first says of it.

use std::fs;

use scenario_tests::object_storage::{BUCKET, KEY, Manner, ObjectStorage};

use crate::harness::{Answer, Machine};

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
fn a_second_repository_does_not_lie_inside_the_first_nor_around_it() {
    let machine = Machine::with_snapshot();
    for place in ["repo", "repo/second", "repo/packs/..", "."] {
        let args = ["copy", "--new", "--to", place, "--to-key-file", "second.key", "--init"];
        machine.run(args).expect(2).says("one lies inside the other");
    }
    std::os::unix::fs::symlink(machine.path("repo"), machine.path("link")).unwrap();
    let args = ["copy", "--new", "--to", "link/second", "--to-key-file", "second.key", "--init"];
    machine.run(args).expect(2).says("one lies inside the other");
    machine.run(["verify"]).expect(0);
}

#[test]
fn a_repository_that_was_made_on_its_own_gets_everything_with_new_ids() {
    let machine = Machine::with_snapshot();
    machine.run(["init", "--repo", "second", "--key-file", "second.key"]).expect(0);
    machine.run(TO).expect(0).says("new ids").prints("copied the snapshot").prints("read back");
    let second = ["--repo", "second", "--key-file", "second.key"];
    machine.run(second.iter().chain(&["verify", "--read-data"])).expect(0);
    machine.run(second.iter().chain(&["restore", "latest", "--target", "restored"])).expect(0);
}

#[test]
fn a_repository_that_nobody_may_write_is_copied_without_a_record() {
    let machine = Machine::with_snapshot();
    machine.run(TO.iter().chain(&["--init", "--no-record"])).expect(0).prints("copied the snapshot");
    assert!(!machine.run(["status"]).expect(0).out.contains("second copy"));
}

#[test]
fn a_copy_goes_from_one_account_to_another() {
    let [first, second] = [(); 2].map(|()| ObjectStorage::start(Manner::default()));
    let machine = Machine::new();
    machine.write("credentials", format!("[second]\naws_access_key_id = {KEY}\naws_secret_access_key = other\n"));
    let of_second =
        format!("endpoint = {:?}\nprofile = \"second\"\ncredentials-file = \"credentials\"\n", second.endpoint());
    let region = "region = \"eu-test-1\"\ngive-up-after = \"1s\"\n";
    machine.write("enamel.toml", format!("[s3]\n{region}\n[copy.s3]\n{region}{of_second}"));
    let (repo, key, copy_key) = (format!("s3://{BUCKET}/practice"), machine.arg("key"), machine.arg("copy.key"));
    let run = |args: &[&str]| {
        let mut command = machine.bare();
        command.env("ENAMEL_CONFIG", machine.path("enamel.toml")).env("AWS_ENDPOINT_URL", first.endpoint());
        command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", "secret");
        Answer::of(command.args(["--repo", &repo, "--key-file", &key]).args(args).output().unwrap())
    };
    run(&["init"]).expect(0);
    run(&["backup", &machine.arg("source")]).expect(0);
    // The same name, but on another server.
    run(&["copy", "--new", "--to", &repo, "--to-key-file", &copy_key, "--init"]).expect(0).prints("read back");
    for storage in [&first, &second] {
        assert_eq!(
            storage.keys().iter().filter(|key| key.contains("/snapshots/")).count(),
            1 + usize::from(std::ptr::eq(storage, &first))
        );
    }
    let inside = format!("{repo}/second");
    machine.write("enamel.toml", format!("[s3]\n{region}"));
    run(&["copy", "--new", "--to", &inside, "--to-key-file", &copy_key, "--init"])
        .expect(2)
        .says("one lies inside the other");
}

#[test]
fn a_place_without_a_repository_is_named_with_what_makes_one() {
    let machine = Machine::with_snapshot();
    machine.run(TO).expect(10).says("--init makes it");
    machine.run(["copy", "--to", "second", "--to-key-file", "second.key"]).expect(2);
    machine.run(TO.iter().chain(&["latest"])).expect(2);
}

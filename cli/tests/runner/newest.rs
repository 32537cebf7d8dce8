//! Whether a snapshot is the newest one and a whole one: what is said where it is in doubt, and how the run ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::harness::Machine;

const DAY: i64 = 86_400;

/// The commands that read the newest snapshot.
const READING: [&[&str]; 6] = [
    &["restore", "latest", "--target", "out"],
    &["restore", "latest:source/A", "--target", "out", "--dry-run"],
    &["cat", "latest", "source/A/letter.txt"],
    &["ls", "latest"],
    &["diff", "latest", "latest"],
    &["verify", "--snapshot", "latest"],
];

/// A machine with two snapshots of the source, in which the letter differs, and the ids of both.
fn two() -> (Machine, String, String) {
    let machine = Machine::with_repository();
    let older = machine.backup(&[]);
    machine.write("source/A/letter.txt", "Dear colleague");
    let newer = machine.backup(&[]);
    (machine, older, newer)
}

fn manifest(machine: &Machine, id: &str) -> PathBuf {
    machine.path("repo").join("snapshots").join(id)
}

fn damage(machine: &Machine, id: &str) {
    let path = manifest(machine, id);
    let mut bytes = fs::read(&path).unwrap();
    bytes[200] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_newest_snapshot_that_cannot_be_read_is_named_by_every_command() {
    let (machine, older, newer) = two();
    damage(&machine, &newer);
    for args in READING {
        machine.run(args).expect(3).says(&newer).says("cannot be read").says(&older[..8]);
    }
    assert_eq!(fs::read(machine.path("out/source/A/letter.txt")).unwrap(), b"Dear patient");
    machine.run(["ls", &older]).expect(0);
    machine.run(["forget", "latest"]).expect(2).says(&newer);
    machine.run(["status"]).expect(3).prints(&newer[..8]);
}

#[test]
fn a_newest_snapshot_that_has_disappeared_is_named_by_every_command() {
    let (machine, older, newer) = two();
    fs::remove_file(manifest(&machine, &newer)).unwrap();
    for args in READING {
        machine.run(args).expect(3).says(&newer).says("disappeared").says(&older[..8]);
    }
    machine.run(["status"]).expect(3).prints(&newer[..8]).prints("disappeared");
    machine.run(["snapshots"]).expect(3).says(&newer[..8]);
    let summary = machine.run(["--json", "status"]).expect(3);
    assert_eq!(summary.last("missing_snapshot")["id"], newer.as_str());
    assert_eq!(summary.last("summary")["is_fine"], false);
}

#[test]
fn a_snapshot_from_the_future_is_neither_the_newest_nor_fresh() {
    let machine = Machine::with_repository();
    let future = machine.backup_ahead(2 * DAY);
    machine.run(["status", "--max-age", "26h"]).expect(3).prints("FROM THE FUTURE").prints(&future[..8]);
    machine.run(["ls", "latest"]).expect(1).says(&future).says("a clock was wrong");
    machine.write("source/A/letter.txt", "Dear colleague");
    let newest = machine.backup(&[]);
    let shown = machine.run(["cat", "latest", "source/A/letter.txt"]).expect(3).says(&future).says(&newest[..8]);
    assert_eq!(shown.out, "Dear colleague");
    machine.run(["ls", &future]).expect(0);
    machine.run(["status", "--max-age", "26h"]).expect(3).prints("fine").prints("from the future");
    machine.run(["status", "--max-age", "0s"]).expect(3).prints("TOO OLD");
    machine.run(["snapshots"]).expect(0).prints("from the future");
    machine.run(["forget", "--keep-last", "1"]).expect(0).says("from the future");
    machine.run(["forget", &future]).expect(0);
    machine.run(["status", "--max-age", "26h"]).expect(0);
    machine.run(["ls", "latest"]).expect(0);
}

/// Saves the source while `source/B` cannot be read; nothing if this user reads everything.
fn with_problem(machine: &Machine) -> Option<String> {
    let locked = machine.path("source/B");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&locked).is_ok() {
        return None;
    }
    let saved = machine.run(["--json", "backup", "source"]).expect(3).last("summary");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
    Some(saved["snapshot"].as_str().unwrap().to_owned())
}

#[test]
fn what_was_made_with_problems_is_not_restored_without_a_word() {
    let machine = Machine::with_repository();
    machine.write("source/B/x", "x");
    let whole = machine.backup(&[]);
    let Some(partial) = with_problem(&machine) else { return };
    let told = machine.run(["restore", "latest", "--target", "out"]).expect(3);
    told.says("1 problem").says("source/B").says(&partial[..8]);
    machine.run(["restore", "latest:source/A", "--target", "out/A"]).expect(0);
    machine.run(["restore", &whole, "--target", "other"]).expect(0);
    machine.run(["verify"]).expect(0).prints("1 snapshot made with problems");
    machine.run(["forget", "--keep-last", "1", "--dry-run"]).expect(0).prints("newest whole");
    machine.run(["forget", "--keep-last", "1"]).expect(0).prints("nothing went: all 2 snapshots are kept");
    machine.run(["status"]).expect(3).prints(&whole[..8]);
}

#[test]
fn a_tag_or_a_host_that_no_snapshot_has_is_refused() {
    let machine = Machine::with_repository();
    machine.backup(&["--tag", "hourly"]);
    let tag = ["--tag", "hourl"];
    let host = ["--host", "srevr"];
    for filter in [tag, host] {
        for command in [&["forget", "--keep-last", "1"][..], &["snapshots"], &["status"]] {
            machine.run(command.iter().chain(&filter)).expect(2).says(filter[1]).says("there are: ");
        }
    }
    machine.run(["forget", "--keep-last", "1", "--tag", "hourly"]).expect(0);
    machine.run(["ls", "latest:hourl"]).expect(1).says("there are the tags hourly");
}

#[test]
fn a_snapshot_is_named_by_counting_back_or_by_the_clock() {
    let (machine, older, newer) = two();
    let ls = |snap: &str| machine.run(["--json", "diff", snap, &newer]).expect(0).messages().len();
    // Between the older and the newer the letter differs; a summary comes last.
    assert_eq!((ls("latest~0"), ls("latest"), ls("latest~1"), ls(&older)), (1, 1, 2, 2));
    assert_eq!((ls("@today"), ls("@0 hours ago"), ls("latest@today~1")), (1, 1, 2));
    machine.run(["cat", "latest~1:source/A/letter.txt"]).expect(0).prints("Dear patient");
    machine.run(["cat", "@today:source/A/letter.txt"]).expect(0).prints("Dear colleague");
    machine.run(["ls", "latest~2"]).expect(1).says("nothing is 2 snapshots before the newest: there are 2 snapshots");
    machine.run(["ls", "latest~x"]).expect(2).says("after `~` comes a number");
}

#[test]
fn where_no_snapshot_is_old_enough_the_nearest_is_named() {
    let (machine, older, _) = two();
    let answer = machine.run(["ls", "@yesterday"]).expect(1).says("from that time or before");
    assert!(answer.err.contains(&format!("the nearest, {}, is ", &older[..8])), "{}", answer.err);
    assert!(answer.err.contains(" later"), "{}", answer.err);
    machine.run(["ls", "@2 hours ago"]).expect(1).says(" later");
    machine
        .run(["ls", "latest:weekly@yesterday"])
        .expect(1)
        .says("with the tag `weekly` from that time or before to choose");
}

#[test]
fn a_word_that_is_no_tag_but_a_folder_is_explained() {
    let (machine, ..) = two();
    machine.run(["ls", "latest:source"]).expect(1).says("write `latest:source/`");
    machine.run(["ls", "latest:source/"]).expect(0).prints("source/A");
    machine.backup(&["--tag", "hourly"]);
    machine.run(["ls", "latest:weekly"]).expect(1).says("there are the tags hourly");
}

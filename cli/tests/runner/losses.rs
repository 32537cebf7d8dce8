//! A found loss is known until somebody finds otherwise: no command takes a damaged snapshot for a whole one.

use std::fs;
use std::path::PathBuf;

use crate::harness::{Machine, files};

/// A machine with two snapshots of the source, and their ids. The newer one lacks a pack that only it needs.
fn two_of_which_the_newer_suffers() -> (Machine, String, String) {
    let (machine, older, newer, packs) = two();
    packs.iter().for_each(|pack| fs::remove_file(pack).unwrap());
    (machine, older, newer)
}

/// Bytes that nothing compresses.
fn xray() -> Vec<u8> {
    (0..200_000u32).map(|at| (at.wrapping_mul(at).wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect()
}

/// Two snapshots, and the packs that the second one added.
fn two() -> (Machine, String, String, Vec<PathBuf>) {
    let machine = Machine::with_repository();
    let older = machine.backup(&[]);
    let before = files(&machine.path("repo/packs"));
    machine.write("source/B/xray.jpg", xray());
    let newer = machine.backup(&[]);
    let packs = files(&machine.path("repo/packs")).into_iter().filter(|pack| !before.contains(pack)).collect();
    (machine, older, newer, packs)
}

/// Flips a bit in a chunk of a file: the table of its pack is whole. Done twice it is as before.
pub fn damage(packs: &[PathBuf]) {
    let pack = packs.iter().max_by_key(|pack| fs::metadata(pack).unwrap().len()).unwrap();
    let mut bytes = fs::read(pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(pack).unwrap();
    fs::write(pack, bytes).unwrap();
}

#[test]
fn what_a_verify_found_lost_is_told_by_every_command_that_judges() {
    let (machine, older, newer) = two_of_which_the_newer_suffers();
    machine.run(["status"]).expect(0);
    machine.run(["verify"]).expect(4);
    machine.run(["status"]).expect(4).prints("LOST DATA").prints(&older[..8]);
    let status = machine.run(["--json", "status"]).expect(4);
    assert_eq!(status.last("source")["lost_data"], true);
    assert_eq!(status.last("source")["last_whole"]["id"], older.as_str());
    assert_eq!(status.last("suffering_snapshot")["id"], newer.as_str());
    machine.run(["snapshots"]).expect(3).prints("lost data");
    let listed = machine.run(["--json", "snapshots"]).expect(3).messages();
    let marks: Vec<_> = listed.iter().map(|snapshot| snapshot["lost_data"].as_bool().unwrap()).collect();
    assert_eq!(marks, [false, true]);
    machine.run(["restore", "latest", "--target", "out"]).expect(3).says("needs data that was lost").says(&newer[..8]);
    machine.run(["ls", &older]).expect(0);
}

#[test]
fn rules_never_let_the_last_whole_snapshot_go_for_one_that_suffers() {
    let (machine, older, newer) = two_of_which_the_newer_suffers();
    machine.run(["verify"]).expect(4);
    machine.run(["forget", "--keep-last", "1", "--dry-run"]).expect(0).prints("newest whole");
    machine.run(["forget", "--keep-last", "1"]).expect(0).says("does not count as whole");
    machine.run(["ls", &older]).expect(0);
    machine.run(["ls", &newer[..8], "source"]).expect_one_of(&[0, 1, 3]);
    assert_eq!(machine.run(["--json", "snapshots"]).expect(3).messages().len(), 2);
}

#[test]
fn a_backup_stores_again_what_is_lost_and_a_verify_takes_the_mark_away() {
    let (machine, _, newer) = two_of_which_the_newer_suffers();
    machine.run(["verify"]).expect(4);
    let third = machine.backup(&[]);
    machine.run(["verify", "--snapshot", &third]).expect(0);
    machine.run(["status"]).expect_one_of(&[0, 3]).prints("fine");
    // Only the damaged snapshot needed that pack: without it all is well.
    machine.run(["forget", &newer]).expect(0);
    machine.run(["verify"]).expect(0);
    machine.run(["status"]).expect(0);
    machine.run(["snapshots"]).expect(0);
}

#[test]
fn damage_that_only_reading_shows_is_known_to_the_next_verify_that_does_not_read() {
    let (machine, older, _, packs) = two();
    damage(&packs);
    machine.run(["verify"]).expect(0);
    machine.run(["verify", "--read-data"]).expect(4);
    machine.run(["verify"]).expect(4).prints("when it was last read whole");
    machine.run(["status"]).expect(4).prints("LOST DATA");
    machine.run(["forget", "--keep-last", "1"]).expect(0);
    machine.run(["ls", &older]).expect(0);
    // Put right on the disk, it is whole as soon as somebody has read it.
    damage(&packs);
    machine.run(["verify"]).expect(4);
    machine.run(["verify", "--read-data"]).expect(0);
    machine.run(["verify"]).expect(0);
    machine.run(["status"]).expect(0);
}

#[test]
fn a_backup_counts_on_no_pack_that_was_found_damaged() {
    let (machine, _, newer, packs) = two();
    damage(&packs);
    machine.run(["verify", "--read-data"]).expect(4);
    let third = machine.backup(&[]);
    // The pack is damaged all the same, but what the snapshot needs of it stands elsewhere.
    let found = machine.run(["--json", "verify", "--read-data", "--snapshot", &third]).expect(4);
    assert!(found.messages().iter().all(|message| message["kind"] != "lost-data"), "{}", found.out);
    machine.run(["forget", &newer]).expect(0);
    machine.run(["prune", "--max-unused", "0"]).expect(0);
    machine.run(["verify", "--read-data"]).expect(0);
    machine.run(["restore", &third, "--target", "out"]).expect(0);
    assert_eq!(fs::read(machine.path("out/source/B/xray.jpg")).unwrap(), xray());
}

#[test]
fn a_repair_leaves_word_for_machines_that_have_found_nothing_themselves() {
    let (machine, older, newer) = two_of_which_the_newer_suffers();
    machine.run(["repair"]).expect(4);
    // Another machine: it has seen nothing.
    fs::remove_dir_all(machine.path("home")).unwrap();
    fs::remove_dir_all(machine.path("cache")).unwrap();
    fs::create_dir_all(machine.path("home")).unwrap();
    machine.run(["status"]).expect(4).prints("LOST DATA").prints(&older[..8]);
    machine.run(["forget", "--keep-last", "1", "--dry-run"]).expect(0).prints("newest whole");
    machine.run(["forget", "--keep-last", "1"]).expect(0);
    machine.run(["ls", &older]).expect(0);
    machine.backup(&[]);
    machine.run(["forget", &newer]).expect(0);
    machine.run(["repair"]).expect(0);
    machine.run(["verify"]).expect(0);
    fs::remove_dir_all(machine.path("home")).unwrap();
    fs::create_dir_all(machine.path("home")).unwrap();
    machine.run(["snapshots"]).expect_one_of(&[0, 3]).prints("source");
}

#[test]
fn a_forgotten_snapshot_that_is_put_back_is_named_and_counted_by_nothing() {
    let machine = Machine::with_repository();
    machine.backup(&[]);
    let second = machine.backup(&[]);
    let object = machine.path("repo/snapshots").join(&second);
    let kept = fs::read(&object).unwrap();
    machine.run(["forget", &second]).expect(0);
    machine.run(["status"]).expect(0);
    fs::write(&object, kept).unwrap();
    let name = &second[..8];
    machine.run(["status"]).expect(3).prints(name).prints("is there again");
    machine.run(["snapshots"]).expect(3).prints("put back");
    machine.run(["verify"]).expect(4).prints("is there again");
    machine.run(["ls", "latest"]).expect(3).says(&second).says("is there again");
    machine.run(["ls", &second]).expect(0);
    machine.backup(&[]);
    machine.run(["forget", "--keep-last", "1", "--dry-run"]).expect(0).prints("forgotten, and there again");
    machine.run(["forget", "--keep-last", "1"]).expect(0).says("is there again");
    machine.run(["ls", &second]).expect(0);
    // It may stay if somebody says so, or go for good.
    machine.run(["accept", &second, "--reason", "restored on purpose"]).expect(0);
    machine.run(["status"]).expect(0);
    machine.run(["forget", &second]).expect(0);
    machine.run(["snapshots"]).expect(0);
}

#[test]
fn a_snapshot_from_the_future_is_named_by_verify_and_rules_go_on_without_it() {
    let machine = Machine::with_repository();
    machine.backup(&[]);
    let future = machine.backup_ahead(3 * 86_400);
    machine.backup(&[]);
    machine.run(["verify"]).expect(0).says(&future).says("from the future");
    machine.run(["forget", "--keep-last", "1"]).expect(0).says("no rule counts it");
    machine.run(["ls", &future]).expect(0);
    assert_eq!(machine.snapshots(), 2);
}

#[test]
fn a_computer_that_has_just_come_misses_what_others_have_seen() {
    let machine = Machine::with_repository();
    machine.backup(&[]);
    let second = machine.backup(&[]);
    machine.backup(&[]);
    fs::remove_file(machine.path("repo/snapshots").join(&second)).unwrap();
    for folder in ["home", "cache"] {
        fs::remove_dir_all(machine.path(folder)).unwrap();
    }
    fs::create_dir_all(machine.path("home")).unwrap();
    for _ in 0..2 {
        machine.run(["status"]).expect(3).prints(&second[..8]).prints("disappeared");
    }
    machine.run(["forget", "--keep-last", "1"]).expect(4).says("disappeared");
    machine.run(["prune"]).expect(4).says("disappeared");
    machine.run(["accept", "--all", "--reason", "deleted by hand"]).expect(0);
    machine.run(["forget", "--keep-last", "1"]).expect(0);
}

#[test]
fn newest_keys_that_nobody_can_read_are_given_up_when_somebody_accepts_that() {
    let machine = Machine::with_repository();
    machine.run(["key", "add", "--new-key-file", "second", "--label", "second"]).expect(0);
    let snapshot = machine.backup(&[]);
    for name in ["keyring/2", "copies/keyring-2"] {
        let path = machine.path("repo").join(name);
        let mut bytes = fs::read(&path).unwrap();
        bytes[60] ^= 1;
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    // Another computer, which keeps no copy.
    ["cache", "home/.local"].iter().for_each(|folder| fs::remove_dir_all(machine.path(folder)).unwrap());
    let source = machine.arg("source");
    machine.run(["backup", &source]).expect_one_of(&[1, 4]).says("accept");
    machine.run(["repair"]).expect_one_of(&[1, 4]).says("accept");
    machine.run(["accept", "--all", "--reason", "a bad disk"]).expect(0).says("keyring/2");
    machine.run(["accept", "--all", "--reason", "again"]).expect(0).says("nothing to accept");
    machine.run(["--json", "drill", "list"]).expect(0).prints("\"acceptance\"");
    machine.backup(&[]);
    machine.run(["repair"]).expect(0);
    machine.run(["verify"]).expect(0);
    machine.run(["restore", &snapshot, "--target", "out"]).expect(0);
    machine.run(["status"]).expect(0);
}

#[test]
fn a_folder_or_pipe_in_place_of_keys_or_settings_is_named_moved_aside_and_replaced() {
    for name in ["config", "keyring/1", "copies/config", "copies/keyring-1", "condemned"] {
        let machine = Machine::with_snapshot();
        let path = machine.path("repo").join(name);
        fs::remove_file(&path).unwrap();
        fs::create_dir_all(path.join("something")).unwrap();
        machine.run(["verify"]).expect(4).prints(name);
        machine.run(["repair", "--dry-run"]).expect_one_of(&[0, 1, 4]);
        if name == "condemned" {
            machine.run(["repair", "--reset-condemned"]).expect(0);
        } else {
            machine.run(["repair"]).expect(0).says(name);
        }
        assert!(path.is_file(), "{name}");
        machine.run(["verify"]).expect(0);
        let aside = fs::read_dir(machine.path("repo/aside")).unwrap().next().unwrap().unwrap().path();
        assert!(aside.join("something").is_dir(), "{name}");
    }
}

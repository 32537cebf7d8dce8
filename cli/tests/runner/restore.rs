//! `restore`: what it makes where, and its status.

use crate::harness::{Machine, tree};

#[test]
fn a_whole_snapshot_becomes_a_folder_for_each_root() {
    let machine = Machine::with_snapshot();
    machine.run(["restore", "latest", "--target", "out"]).expect(0).prints("restored to out");
    assert_eq!(tree(&machine.path("out/source")), tree(&machine.path("source")));
}

#[test]
fn a_folder_comes_straight_into_the_target_and_a_file_by_its_name() {
    let machine = Machine::with_snapshot();
    machine.run(["restore", "latest:source/A", "--target", "folder"]).expect(0);
    assert_eq!(tree(&machine.path("folder")), tree(&machine.path("source/A")));
    machine.run(["restore", "latest:source/A/letter.txt", "--target", "file"]).expect(0);
    assert_eq!(std::fs::read(machine.path("file/letter.txt")).unwrap(), b"Dear patient");
    let absolute = format!("latest:{}", machine.arg("source/A"));
    machine.run(["restore", &absolute, "--target", "absolute"]).expect(0);
    assert_eq!(tree(&machine.path("absolute")), tree(&machine.path("source/A")));
}

#[test]
fn a_dry_run_lists_and_writes_nothing() {
    let machine = Machine::with_snapshot();
    machine
        .run(["restore", "latest", "--target", "out", "--dry-run"])
        .expect(0)
        .prints("create ")
        .prints("nothing was written");
    assert!(!machine.path("out").exists());
    let actions = machine.run(["--json", "restore", "latest", "--target", "out", "--dry-run"]).expect(0);
    assert_eq!(actions.last("action")["action"], "create");
}

#[test]
fn a_dry_run_over_what_is_there_lists_nothing() {
    let machine = Machine::with_repository();
    std::os::unix::fs::symlink("A", machine.path("source/link")).unwrap();
    machine.backup(&[]);
    machine.run(["restore", "latest", "--target", "out"]).expect(0);
    let answer = machine.run(["--json", "restore", "latest", "--target", "out", "--dry-run"]).expect(0);
    assert_eq!(answer.messages().len(), 1, "{}", answer.out);
}

#[test]
fn a_second_restore_writes_nothing_and_delete_removes_what_is_too_much() {
    let machine = Machine::with_snapshot();
    machine.run(["restore", "latest", "--target", "out"]).expect(0);
    machine.write("out/source/extra", "x");
    let summary = machine.run(["--json", "restore", "latest", "--target", "out"]).expect(0).last("summary");
    assert_eq!((&summary["written_bytes"], &summary["unchanged_files"]), (&0.into(), &2.into()));
    assert!(machine.path("out/source/extra").exists());
    machine.run(["restore", "latest", "--target", "out", "--delete"]).expect(0);
    assert_eq!(tree(&machine.path("out/source")), tree(&machine.path("source")));
}

#[test]
fn owners_can_be_chosen() {
    let machine = Machine::with_snapshot();
    for owner in ["name", "id", "none"] {
        machine.run(["restore", "latest", "--target", owner, "--owner", owner]).expect(0);
    }
    machine.run(["restore", "latest", "--target", "x", "--owner", "root"]).expect(2);
}

#[test]
fn what_is_not_there_is_not_restored() {
    let machine = Machine::with_snapshot();
    machine.run(["restore", "latest:source/B", "--target", "out"]).expect(1);
    machine.run(["restore", "latest:weekly", "--target", "out"]).expect(1);
}

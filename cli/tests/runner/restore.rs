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

#[test]
fn the_repository_the_cache_and_the_key_survive_a_restore_that_deletes() {
    let machine = Machine::with_repository();
    let folder = machine.path("");
    machine.write("source/A/letter.txt", "Dear patient");
    // The folder that everything of this machine is in, and one that is in the repository.
    machine.run(["backup", folder.to_str().unwrap(), "--exclude", "nothing"]).expect(0);
    machine.write("extra", "x");
    let inside = format!("latest:{}", folder.display());
    machine.run(["restore", &inside, "--target", ".", "--delete", "--yes"]).expect(0).prints("deleted");
    assert!(!machine.path("extra").exists());
    machine.run(["snapshots"]).expect(0);
    let repository = machine.arg("repo");
    for target in [repository.clone(), format!("{repository}/packs"), format!("{repository}/new")] {
        machine.run(["restore", "latest", "--target", &target]).expect(2).says("in use");
    }
    machine
        .run(["restore", &inside, "--target", "/", "--delete", "--dry-run"])
        .expect(2)
        .says("root of the file system");
    machine.run(["verify"]).expect(0);
}

#[test]
fn much_is_deleted_only_when_it_is_agreed_to() {
    let machine = Machine::with_snapshot();
    machine.run(["restore", "latest", "--target", "out"]).expect(0);
    for n in 0..30 {
        machine.write(format!("out/source/extra/{n}"), "x");
    }
    machine.write("out/neighbour", "x");
    let delete = ["restore", "latest", "--target", "out", "--delete"];
    machine.run([&delete[..], &["--dry-run"]].concat()).expect(0).prints("to delete  31, 30 B");
    machine.run(delete).expect(2).says("31 things of the").says("--yes");
    assert!(machine.path("out/source/extra/0").exists());
    machine.run([&delete[..], &["--yes"]].concat()).expect(0).prints("deleted");
    assert_eq!(tree(&machine.path("out/source")), tree(&machine.path("source")));
    assert!(machine.path("out/neighbour").exists(), "only what is inside the folders of the snapshot is deleted");
}

#[test]
fn what_the_backup_left_out_stays_and_is_counted() {
    let machine = Machine::with_repository();
    machine.write("source/kept", "x");
    machine.write("source/secret", "x");
    machine.backup(&["--exclude", "secret", "--exclude", "*.tmp"]);
    machine.write("source/later.tmp", "x");
    machine.write("source/extra", "x");
    let source = machine.arg("source");
    let answer = machine.run(["restore", "latest:source/", "--target", &source, "--delete"]).expect(0);
    answer.prints("kept     2: the backup left it out, or would have").prints("deleted  1");
    assert!(machine.path("source/secret").exists() && machine.path("source/later.tmp").exists());
    assert!(!machine.path("source/extra").exists());
}

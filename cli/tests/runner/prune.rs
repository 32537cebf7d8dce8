//! `prune` and `leases`.

use std::fs;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::Machine;

/// A repository of which the first of two snapshots has been taken away.
fn with_garbage() -> Machine {
    let machine = Machine::with_repository();
    let folder = machine.path("source");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("goes"), noise(1, 3 << 20)).unwrap();
    machine.run(["backup", "source"]).expect(0);
    fs::remove_file(folder.join("goes")).unwrap();
    fs::write(folder.join("stays"), noise(2, 1 << 20)).unwrap();
    machine.run(["backup", "source"]).expect(0);
    forget_first(&machine);
    machine
}

/// Bytes that do not compress.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Deletes the manifest of the oldest snapshot.
fn forget_first(machine: &Machine) {
    let answer = machine.run(["--json", "snapshots"]).expect(0);
    let id = answer.messages()[0]["id"].as_str().unwrap().to_owned();
    fs::remove_file(machine.path("repo/snapshots").join(id)).unwrap();
}

#[test]
fn it_says_what_it_will_free_and_frees_it() {
    let machine = with_garbage();
    let answer = machine.run(["prune", "--dry-run"]).expect(0);
    answer.prints("not needed").prints("will be free").prints("3.0");
    assert!(machine.run(["prune"]).expect(0).prints("freed").out.contains("deleted"));
    machine.run(["prune"]).expect(0).prints("nothing to free");
    machine.run(["restore", "latest", "--target", "back"]).expect(0);
    assert_eq!(fs::read(machine.path("back/source/stays")).unwrap(), noise(2, 1 << 20));
}

#[test]
fn its_figures_come_as_json() {
    let machine = with_garbage();
    let answer = machine.run(["--json", "prune", "-n"]).expect(0);
    assert!(answer.last("forecast")["freed_bytes"].as_u64().unwrap() >= 3 << 20);
    let answer = machine.run(["--json", "prune"]).expect(0);
    assert!(answer.last("summary")["deleted_bytes"].as_u64().unwrap() >= 3 << 20);
    assert_eq!(answer.last("summary")["waiting_for"], 0);
}

#[test]
fn a_running_backup_is_waited_for_by_name_and_a_dead_one_is_shut_out() {
    let machine = with_garbage();
    let mut command = machine.command(["backup", "--stdin", "endless.sql"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // More than a pipe holds: when it is written, the program is reading, and its lease is there.
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), &vec![7; 4 << 20]).unwrap();
    machine.run(["leases"]).expect(0).prints("is writing since");
    machine.run(["prune"]).expect(3).says("waiting for lease").says("is writing since");
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    machine.run(["leases"]).expect(0).prints("ended without tidying up");
    machine.run(["prune"]).expect(0).says("was shut out: its process is gone").prints("freed");
    machine.run(["leases"]).expect(0).prints("no backup is running");
}

#[test]
fn a_backup_that_is_shut_out_by_hand_ends_with_status_11() {
    let machine = Machine::with_repository();
    let mut command = machine.command(["backup", "--stdin", "late.sql"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), &vec![7; 4 << 20]).unwrap();
    let lease = machine.run(["--json", "leases"]).expect(0).last("writer")["id"].as_str().unwrap().to_owned();
    machine.run(["leases", "fence", "zz"]).expect(1).says("no lease");
    machine.run(["leases", "fence", &lease[..8]]).expect(0).prints("is shut out");
    let answer = child.wait_with_output().unwrap();
    assert_eq!(answer.status.code(), Some(11), "{}", String::from_utf8_lossy(&answer.stderr));
    assert!(String::from_utf8_lossy(&answer.stderr).contains("shut out"));
    machine.run(["snapshots"]).expect(0);
}

//! `prune` and `leases`.

use std::fs;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::Machine;

/// A repository whose first of two snapshots has been forgotten.
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

/// Forgets the oldest snapshot.
fn forget_first(machine: &Machine) {
    let answer = machine.run(["--json", "snapshots"]).expect(0);
    let id = answer.messages()[0]["id"].as_str().unwrap().to_owned();
    machine.run(["forget", &id]).expect(0);
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
    machine.run(["leases"]).expect(0).prints("has been writing since");
    machine.run(["prune"]).expect(3).says("waiting for lease").says("has been writing since");
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    machine.run(["leases"]).expect(0).prints("died: its process is gone");
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

/// A lease that no backup has put.
const LEASE: &str = "repo/leases/0123456789abcdef0123456789abcdef";

#[test]
fn a_lease_that_a_power_loss_has_emptied_is_shut_out_by_the_next_prune() {
    let machine = with_garbage();
    machine.write(LEASE, "");
    machine.run(["leases"]).expect(0).prints("lease 01234567 is empty, probably after a power loss");
    let answer = machine.run(["prune"]).expect(0).prints("freed");
    answer.says("lease 01234567 is empty, probably after a power loss; it was shut out");
    machine.run(["leases"]).expect(0).prints("no backup is running");
}

#[test]
fn a_damaged_lease_is_waited_for_until_it_is_shut_out_by_hand_or_by_a_repair() {
    for command in [vec!["leases", "fence", "01234567"], vec!["repair"]] {
        let machine = with_garbage();
        machine.write(LEASE, noise(3, 300));
        machine.run(["leases"]).expect(0).prints("lease 01234567 is damaged");
        let answer = machine.run(["prune"]).expect(3);
        answer.says("waiting for lease 01234567").says("shut it out with `enamel leases fence 01234567`");
        machine.run(command).expect(0).prints("shut out");
        machine.run(["prune"]).expect(0).prints("freed");
        machine.run(["leases"]).expect(0).prints("no backup is running");
    }
}

#[test]
fn a_lease_that_outlived_its_fence_is_given_up_by_the_next_one() {
    let machine = Machine::with_repository();
    let mut running = begin_backup(machine.command(["backup", "--stdin", "late.sql"]));
    let lease = fs::read_dir(machine.path("repo/leases")).unwrap().next().unwrap().unwrap().path();
    let (name, bytes) = (lease.file_name().unwrap().to_str().unwrap(), fs::read(&lease).unwrap());
    machine.run(["leases", "fence", name]).expect(0);
    fs::write(&lease, bytes).unwrap();
    machine.run(["leases", "fence", name]).expect(0).prints("is shut out");
    machine.run(["leases"]).expect(0).prints("no backup is running");
    drop(running.stdin.take());
    assert_eq!(running.wait().unwrap().code(), Some(11));
}

/// A backup that reads, and waits for more.
fn begin_backup(mut command: Command) -> Child {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // More than a pipe holds: when it is written, the program is reading, and its lease is there.
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), &vec![7; 4 << 20]).unwrap();
    child
}

/// `command` in namespaces of its own, after `before`; none where this system does not allow it.
fn apart(command: &Command, flags: &str, before: &str) -> Option<Command> {
    let try_it = Command::new("unshare").args([flags, "sh", "-c", before]).output();
    if !try_it.is_ok_and(|answer| answer.status.success()) {
        return None;
    }
    let mut apart = Command::new("unshare");
    apart.args([flags, "sh", "-c", &format!("{before} && exec \"$0\" \"$@\"")]);
    apart.arg(command.get_program()).args(command.get_args()).current_dir(command.get_current_dir().unwrap());
    apart.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Some(apart)
}

#[test]
fn a_backup_on_another_machine_of_the_same_name_is_not_shut_out() {
    let machine = with_garbage();
    machine.write("other", "9c2b3c40-0000-4000-8000-1234567890ab\n");
    let command = machine.command(["backup", "--stdin", "endless.sql"]);
    let other = format!("mount --bind {} /proc/sys/kernel/random/boot_id", machine.arg("other"));
    let Some(command) = apart(&command, "-rm", &other) else { return };
    let mut running = begin_backup(command);
    machine.run(["prune"]).expect(3).says("waiting for lease").says("on another machine of this name");
    drop(running.stdin.take());
    assert!(running.wait().unwrap().success());
    machine.run(["prune"]).expect(0);
}

#[test]
fn a_backup_in_a_container_of_the_same_name_is_not_shut_out() {
    let machine = with_garbage();
    let command = machine.command(["backup", "--stdin", "endless.sql"]);
    let Some(command) = apart(&command, "-rpfm", "mount -t proc proc /proc") else { return };
    let mut running = begin_backup(command);
    machine.run(["prune"]).expect(3).says("waiting for lease").says("in a container");
    drop(running.stdin.take());
    assert!(running.wait().unwrap().success());
    machine.run(["prune"]).expect(0);
}

//! Ctrl-C: 130, and nothing half-done.

use std::io::Write;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Answer, Machine};

/// A backup of a stream that goes on until it is stopped. It has read what was fed to it when this returns.
fn endless_backup(machine: &Machine) -> Child {
    let mut command = machine.command(["backup", "--stdin", "endless.sql"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // More than a pipe holds: when it is written, the program is reading.
    child.stdin.as_mut().unwrap().write_all(&vec![7; 4 << 20]).unwrap();
    child
}

fn interrupt(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn ctrl_c_ends_a_backup_without_a_snapshot() {
    for signal in [Signal::INT, Signal::TERM] {
        let machine = Machine::with_snapshot();
        let mut child = endless_backup(&machine);
        let input = child.stdin.take();
        interrupt(&child, signal);
        let answer = Answer::of(child.wait_with_output().unwrap()).expect(130);
        drop(input);
        answer.says("interrupted").says("Nothing is half-done");
        assert_eq!(machine.snapshots(), 1);
        machine.run(["verify", "--read-data"]).expect(0);
        machine.run(["backup", "source"]).expect(0);
    }
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_harms_nothing() {
    let machine = Machine::with_snapshot();
    let mut child = endless_backup(&machine);
    interrupt(&child, Signal::INT);
    interrupt(&child, Signal::INT);
    drop(child.stdin.take());
    Answer::of(child.wait_with_output().unwrap()).expect(130);
    assert_eq!(machine.snapshots(), 1);
    machine.run(["verify", "--read-data"]).expect(0);
}

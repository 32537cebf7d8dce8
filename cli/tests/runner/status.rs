//! `status`.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::Machine;

#[test]
fn a_fresh_backup_is_fine() {
    let machine = Machine::with_snapshot();
    let answer = machine.run(["status", "--max-age", "1h"]).expect(0);
    let answer = answer.prints("AGE").prints("source").prints("fine");
    assert!(answer.out.lines().all(|line| line.len() <= 80), "{}", answer.out);
    machine.run(["status", "--quiet"]).expect(0);
    let answer = machine.run(["--json", "status"]).expect(0);
    let (source, summary) = (answer.last("source"), answer.last("summary"));
    assert_eq!((&source["is_fine"], &source["roots"][0]["name"]), (&true.into(), &"source".into()));
    assert_eq!((&summary["is_fine"], &summary["sources"]), (&true.into(), &1.into()));
}

#[test]
fn what_is_fine_is_not_worth_a_word_when_quiet() {
    let answer = Machine::with_snapshot().run(["status", "--quiet", "--max-age", "1h"]).expect(0);
    assert_eq!((answer.out.as_str(), answer.err.as_str()), ("", ""));
}

#[test]
fn an_old_backup_is_status_3() {
    let machine = Machine::with_snapshot();
    machine.run(["status", "--max-age", "0s"]).expect(3).prints("TOO OLD");
    let answer = machine.run(["--json", "status", "--max-age", "0s"]).expect(3);
    assert_eq!(answer.last("source")["is_old"], true);
    machine.run(["status", "--max-age", "0s", "--quiet"]).expect(3).prints("TOO OLD");
    machine.run(["status", "--max-age", "soon"]).expect(2).says("26h");
}

#[test]
fn no_backup_at_all_is_status_3() {
    let machine = Machine::with_repository();
    machine.run(["status"]).expect(3).prints("there are no snapshots");
    assert_eq!(machine.run(["--json", "status"]).expect(3).last("summary")["is_fine"], false);
    machine.run(["status", "--tag", "hourly"]).expect(3);
}

#[test]
fn a_writer_that_was_killed_is_named_and_harms_nothing() {
    let machine = Machine::with_snapshot();
    let mut command = machine.command(["backup", "--stdin", "endless.sql"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // More than a pipe holds: when it is written, the program is reading, and its lease is there.
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), &vec![7; 4 << 20]).unwrap();
    machine.run(["status"]).expect(0).prints("has been writing since");
    assert_eq!(machine.run(["--json", "status"]).last("writer")["state"], "running");
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    machine.run(["status"]).expect(0).prints("died: its process is gone");
    assert_eq!(machine.run(["--json", "status"]).last("writer")["state"], "dead");
}

#[test]
fn what_could_not_be_saved_is_named() {
    let machine = Machine::with_repository();
    machine.write("source/.enamelignore", "a[");
    machine.run(["backup", "source"]).expect(3);
    machine.run(["status"]).expect(3).prints("1 problem").prints(".enamelignore").prints("no whole snapshot");
    assert_eq!(machine.run(["--json", "status"]).expect(3).last("problem")["kind"], "unreadable");
}

//! The agent does what is due, and nothing that was done by hand already.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::Value;

use crate::harness::{Answer, Machine};

const SETTINGS: &str = "repository = \"repo\"\nkey-file = \"key\"\nsources = [\"source\"]\nstate-dir = \"state\"\n";

/// A machine whose settings file says everything.
fn office(more: &str) -> Machine {
    let machine = Machine::with_repository();
    machine.write("enamel.toml", format!("{SETTINGS}{more}"));
    machine
}

fn run(machine: &Machine, args: &[&str]) -> Answer {
    let mut command = machine.bare();
    Answer::of(command.arg("--config").arg(machine.path("enamel.toml")).args(args).output().unwrap())
}

fn snapshots(machine: &Machine) -> usize {
    let listed = run(machine, &["--json", "snapshots"]).expect(0);
    listed.out.lines().filter(|line| line.contains("\"message_type\":\"snapshot\"")).count()
}

fn memory(machine: &Machine) -> Value {
    let mut files = fs::read_dir(machine.path("state")).unwrap().map(|entry| entry.unwrap().path());
    let file = files.find(|path| path.extension().is_some_and(|end| end == "json")).unwrap();
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn the_first_backup_is_made_at_once_and_another_only_in_its_time() {
    let machine = office("");
    let first = run(&machine, &["agent", "--once"]).expect(0);
    assert!(first.err.contains("backup: done in"), "{}", first.err);
    run(&machine, &["agent", "--once"]).expect(0);
    assert_eq!(snapshots(&machine), 1);
}

#[test]
fn a_backup_by_hand_counts() {
    let machine = office("");
    run(&machine, &["backup"]).expect(0);
    run(&machine, &["agent", "--once"]).expect(0);
    assert_eq!(snapshots(&machine), 1);
    // One of something else does not.
    let machine = office("");
    run(&machine, &["backup", &machine.arg("source/A")]).expect(0);
    run(&machine, &["agent", "--once"]).expect(0);
    assert_eq!(snapshots(&machine), 2);
}

#[test]
fn a_backup_that_fails_is_tried_again_later_and_not_at_once() {
    let machine = office("");
    fs::rename(machine.path("source"), machine.path("elsewhere")).unwrap();
    let failed = run(&machine, &["agent", "--once"]).expect(1);
    assert!(failed.err.contains("backup: failed") && failed.err.contains("source"), "{}", failed.err);
    assert!(run(&machine, &["agent", "--once"]).expect(0).err.is_empty());
    let memory = memory(&machine);
    assert_eq!((&memory["jobs"]["backup"]["failures"], memory["runs"].as_array().unwrap().len()), (&Value::from(1), 1));
}

#[test]
fn settings_that_leave_nothing_to_do_alone_are_refused() {
    let machine = Machine::with_repository();
    machine.write("enamel.toml", "repository = \"repo\"\nkey-file = \"key\"\n");
    assert!(run(&machine, &["agent"]).expect(2).err.contains("what to save"));
    machine.write("enamel.toml", "repository = \"repo\"\nsources = [\"source\"]\n");
    assert!(run(&machine, &["agent"]).expect(2).err.contains("cannot ask for the password"));
    machine.write("enamel.toml", format!("{SETTINGS}[schedule]\nbackup = \"often\"\n"));
    let wrong = run(&machine, &["agent"]).expect(2);
    assert!(wrong.err.contains("[schedule]: `backup`"), "{}", wrong.err);
}

#[test]
fn an_agent_that_is_asked_to_end_ends_its_job_first() {
    let machine = office("[hooks]\nafter = \"echo begun >&2; read never < hold\"\n");
    assert!(std::process::Command::new("mkfifo").arg(machine.path("hold")).status().unwrap().success());
    let mut command = machine.bare();
    let mut agent = command.args(["--config", "enamel.toml", "agent"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(agent.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line == "note: backup: begun"));
    rustix::process::kill_process(rustix::process::Pid::from_child(&agent), rustix::process::Signal::TERM).unwrap();
    assert!(lines.any(|line| line.starts_with("backup: ")));
    assert_eq!(agent.wait().unwrap().code(), Some(0));
}

#[test]
fn backups_of_the_same_take_turns() {
    let machine = office("");
    assert!(std::process::Command::new("mkfifo").arg(machine.path("pipe")).status().unwrap().success());
    let start = || {
        let mut command = machine.bare();
        command.args(["--config", "enamel.toml", "backup", "--exec", "x", "--", "cat", "pipe"]);
        command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    };
    let mut first = start();
    // Opening waits until the program of the first one reads.
    let mut pipe = fs::OpenOptions::new().write(true).open(machine.path("pipe")).unwrap();
    let mut second = start();
    let mut lines = BufReader::new(second.stderr.take().unwrap()).lines();
    let said = lines.next().unwrap().unwrap();
    assert!(said.contains(&format!("is under way (process {}): waiting", first.id())), "{said}");
    pipe.write_all(b"contents").unwrap();
    drop(pipe);
    assert!(first.wait().unwrap().success());
    fs::write(machine.path("pipe"), "contents").unwrap();
    assert!(second.wait().unwrap().success());
}

#[test]
fn the_computer_stays_awake_while_a_job_runs() {
    let machine = office("");
    let (log, program) = (machine.path("awake.log"), machine.path("bin/systemd-inhibit"));
    // The program of systemd runs what it is given, and lets go when that ends.
    let script = format!("#!/bin/sh\necho \"$@\" >>{0}\nshift 4\n\"$@\"\necho let go >>{0}\n", log.display());
    machine.write("bin/systemd-inhibit", script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let folders = std::env::join_paths([machine.path("bin"), "/usr/bin".into(), "/bin".into()]).unwrap();
    let mut command = machine.bare();
    command.env("PATH", folders).arg("--config").arg(machine.path("enamel.toml")).args(["agent", "--once"]);
    Answer::of(command.output().unwrap()).expect(0);
    let held = "--what=sleep:shutdown --mode=delay --who=Enamel --why=backup is under way cat\nlet go\n";
    assert_eq!(fs::read_to_string(log).unwrap(), held);
}

//! `backup --exec`: the output of a program is saved, and a program that fails makes no snapshot.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::harness::{Answer, Machine};

/// How long a process may take to begin or end.
const PATIENCE: Duration = Duration::from_secs(30);

fn exec(machine: &Machine, script: &str) -> Answer {
    machine.run(["backup", "--exec", "dump.sql", "--", "sh", "-c", script])
}

#[test]
fn the_output_of_a_program_becomes_a_file() {
    let machine = Machine::with_repository();
    exec(&machine, "echo CREATE; echo 'so far' >&2").expect(0).says("so far").prints("snapshot ");
    assert_eq!(machine.run(["cat", "latest", "dump.sql"]).expect(0).out, "CREATE\n");
    machine.run(["backup", "source", "--exec", "x", "--", "echo", "with a folder", "$HOME"]).expect(0);
    assert_eq!(
        machine.run(["cat", "latest", "x"]).expect(0).out,
        "with a folder $HOME\n",
        "no shell reads the arguments"
    );
    machine.run(["cat", "latest", "source/A/letter.txt"]).expect(0);
}

#[test]
fn a_program_that_fails_makes_no_snapshot() {
    let machine = Machine::with_repository();
    let much = "head -c 3000000 /dev/zero; echo 'the server has gone' >&2; exit 3";
    exec(&machine, much).expect(1).says("`sh` failed with exit status: 3").says("its last output:\n");
    exec(&machine, "echo half; exit 1").expect(1).says("exit status: 1");
    exec(&machine, "echo half; kill -9 $$").expect(1).says("signal: 9");
    machine
        .run(["backup", "--exec", "x", "--", "no-such-program"])
        .expect(1)
        .says("cannot run `no-such-program`")
        .says("Run the program by itself");
    machine.run(["backup", "source", "--exec", "x", "--", "false"]).expect(1).says("Run the program by itself");
    assert_eq!(machine.snapshots(), 0);
}

#[test]
fn a_program_that_says_nothing_is_named() {
    exec(&Machine::with_repository(), "true").expect(3).says("the stream is empty");
}

#[test]
fn a_program_does_not_get_passwords() {
    let machine = Machine::with_repository();
    let mut command = machine.command(["backup", "--exec", "x", "--", "env"]);
    Answer::of(command.env("ENAMEL_DB_PASSWORD", "secret-1").env("OTHER", "there").output().unwrap()).expect(0);
    let seen = machine.run(["cat", "latest", "x"]).expect(0).out;
    assert!(seen.contains("OTHER=there") && !seen.contains("secret-1"), "{seen}");
}

#[test]
fn a_dry_run_reads_a_program_and_saves_nothing() {
    let machine = Machine::with_repository();
    machine.run(["backup", "--dry-run", "--exec", "x", "--", "echo", "1"]).expect(0).prints("nothing was saved");
    machine.run(["backup", "--dry-run", "--exec", "x", "--", "false"]).expect(1);
    assert_eq!(machine.snapshots(), 0);
}

#[test]
fn a_program_needs_a_name_and_a_name_a_program() {
    let machine = Machine::with_repository();
    machine.run(["backup", "--exec", "x"]).expect(2);
    machine.run(["backup", "--exec", "a/b", "--", "true"]).expect(2).says("without a folder");
    machine.run(["backup", "--stdin", "x", "--exec", "x", "--", "true"]).expect(2).says("two streams");
    machine.write("-odd", "1");
    machine.run(["backup", "--", "-odd"]).expect(0);
    assert_eq!(machine.run(["cat", "latest", "./-odd"]).out + &machine.run(["ls", "latest"]).expect(0).out, "1-odd\n");
}

#[test]
fn an_interrupt_ends_the_program_and_what_it_started() {
    let machine = Machine::with_repository();
    let script = "sleep 1000 & echo $! > started; wait";
    let mut command = machine.command(["backup", "--exec", "x", "--", "sh", "-c", script]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = wait_for(|| fs::read_to_string(machine.path("started")).ok()?.trim().parse().ok());
    let process = Pid::from_raw(started).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    Answer::of(child.wait_with_output().unwrap()).expect(130);
    wait_for(|| has_ended(process).then_some(()));
    assert_eq!(machine.snapshots(), 0);
}

/// Whether the process is gone, or waits for somebody to hear that it is.
fn has_ended(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_pid())).unwrap_or_default();
    test_kill_process(process).is_err() || stat.contains(") Z ")
}

/// The result of `look`, sooner or later.
fn wait_for<T>(look: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "it takes too long");
        thread::sleep(Duration::from_millis(5));
    }
}

//! JSON lines: every command prints objects with a `message_type`, and nothing else, on standard output.

use crate::harness::{Machine, parse};

#[test]
fn every_line_of_every_command_is_a_message() {
    let machine = Machine::with_snapshot();
    machine.write("source/new.txt", "new");
    for command in [
        "init --repo second",
        "backup source --tag t",
        "backup source --dry-run",
        "snapshots",
        "ls latest --recursive",
        "find *.txt",
        "diff latest latest",
        "stats",
        "restore latest --target out",
        "restore latest --target out --dry-run",
        "verify",
        "key list",
        "key add --new-key-file k2",
        "config show",
        "config check",
    ] {
        let answer = machine.run(["--json"].into_iter().chain(command.split(' '))).expect(0);
        assert!(!parse(&answer.out).is_empty() || command.starts_with("diff"), "{command}");
        assert!(parse(&answer.err).iter().all(|message| message["message_type"] == "note"), "{}", answer.err);
    }
}

#[test]
fn an_error_is_one_message_on_standard_error() {
    let machine = Machine::with_repository();
    let answer = machine.run(["--json", "ls", "latest"]).expect(1);
    let error = parse(&answer.err).pop().unwrap();
    assert_eq!((&error["message_type"], &error["kind"]), (&"exit_error".into(), &"not-found".into()));
    assert!(error["hint"].is_string() && error["message"].is_string() && error["causes"].is_array());
    assert_eq!(answer.out, "");
}

#[test]
fn no_progress_leaves_statuses_out() {
    let machine = Machine::with_repository();
    let with = machine.run(["--json", "backup", "source"]).expect(0).out;
    let without = machine.run(["--json", "--no-progress", "backup", "source"]).expect(0).out;
    assert!(with.contains("\"status\"") && !without.contains("\"status\""));
}

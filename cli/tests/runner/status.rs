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
fn folders_of_the_same_name_are_told_apart_by_their_paths() {
    let machine = Machine::with_repository();
    for folder in ["old/images", "new/images"] {
        machine.write(format!("{folder}/xray.jpg"), "x");
        machine.run(["backup", folder]).expect(0);
    }
    machine.run(["backup", "source"]).expect(0);
    for command in [&["status"][..], &["forget", "--keep-last", "1", "--dry-run"]] {
        let shown = machine.run(command);
        ["old/images", "new/images"]
            .iter()
            .for_each(|folder| assert!(shown.out.contains(&machine.arg(folder)), "{}", shown.out));
        assert!(!shown.out.contains(&machine.arg("source")), "{}", shown.out);
    }
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

#[test]
fn the_checks_say_what_is_not_safe_and_what_helps() {
    let machine = Machine::with_snapshot();
    let answer = machine.run(["status"]).expect(0);
    let answer = answer.prints("Is everything safe?").prints("Backups are made on time").prints("One key alone opens");
    let answer = answer.prints("`enamel key add`").prints("There is no copy in another place");
    answer.prints("backups and saved data are on one disk");
    let answer = machine.run(["--json", "status"]).expect(0);
    let checks: Vec<_> = answer.messages().into_iter().filter(|m| m["message_type"] == "check").collect();
    let state = |question: &str| {
        let check = checks.iter().find(|check| check["question"] == question);
        check.map(|check| check["state"].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert_eq!((state("on-time"), state("whole")), ("good".into(), "good".into()));
    assert_eq!((state("keys"), state("second-copy")), ("attention".into(), "attention".into()));
    assert_eq!((state("read-again"), state("named-files")), ("unknown".into(), String::new()));
    assert_eq!(answer.last("summary")["health"], "attention");
    assert_eq!(answer.last("summary")["is_fine"], true);
}

#[test]
fn a_strict_status_fails_for_what_needs_attention() {
    let machine = Machine::with_snapshot();
    machine.run(["status", "--strict"]).expect(3);
    let answer = machine.run(["status", "--strict", "--quiet"]).expect(3).prints("One key alone");
    assert!(!answer.out.contains("Backups are made on time"), "{}", answer.out);
    assert_eq!(machine.run(["--json", "status", "--strict"]).expect(3).last("summary")["is_fine"], false);
}

#[test]
fn a_second_key_is_known_to_work_once_somebody_has_tried_it() {
    let machine = Machine::with_snapshot();
    machine.run(["key", "add", "--new-key-file", "second", "--label", "safe"]).expect(0);
    machine.run(["status"]).expect(0).prints("nobody has tried another one yet");
    machine.run(["--key-file", "second", "key", "list"]).expect(0);
    machine.run(["status"]).expect(0).prints("somebody tried another one");
    let trials = || {
        let found = machine.run(["--json", "drill", "list"]).expect(0).messages();
        found.iter().filter(|message| message["kind"] == "key-tried").count()
    };
    assert_eq!(trials(), 1);
    machine.run(["--key-file", "second", "key", "list"]).expect(0);
    assert_eq!(trials(), 1, "once a day");
    // A computer that has seen nothing of it knows.
    machine
        .run(["--cache-dir", "other", "--state-dir", "other", "status"])
        .expect(0)
        .prints("somebody tried another one");
}

#[test]
fn data_that_was_read_again_is_known_to_be_good() {
    let machine = Machine::with_snapshot();
    machine.run(["status"]).expect(0).prints("No saved data was read again yet");
    machine.run(["verify", "--read-data"]).expect(0);
    machine.run(["status"]).expect(0).prints("All saved data was read again within");
}

#[test]
fn what_a_backup_could_not_save_needs_attention() {
    let machine = Machine::with_repository();
    machine.write("source/.enamelignore", "a[");
    machine.run(["backup", "source"]).expect(3);
    machine.run(["status"]).expect(3).prints("Not all is there: 1 problem");
}

//! `snapshots`, `ls`, `find`, `diff`, `cat`, `stats`; the forms of SNAP; readers that go away.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::Stdio;

use crate::harness::Machine;

#[test]
fn snapshots_lists_and_filters() {
    let machine = Machine::with_repository();
    machine.run(["snapshots"]).expect(0).says("there are no snapshots");
    let id = machine.backup(&["--tag", "hourly", "--host", "server"]);
    machine.backup(&[]);
    machine.run(["snapshots"]).expect(0).prints(&id[..8]).prints("hourly").prints("server");
    assert_eq!(machine.run(["--json", "snapshots", "--tag", "hourly"]).expect(0).messages().len(), 1);
    assert_eq!(machine.run(["--json", "snapshots", "--host", "server"]).expect(0).messages().len(), 1);
}

#[test]
fn every_form_of_snap_finds_its_snapshot() {
    let machine = Machine::with_repository();
    let first = machine.backup(&["--tag", "hourly"]);
    machine.write("source/new.txt", "new");
    let second = machine.backup(&[]);
    let has_new = |snap: &str| machine.run(["ls", snap, "--recursive"]).expect(0).out.contains("new.txt");
    assert!(has_new("latest") && has_new(&second) && has_new(&second[..12]) && has_new("latest@2999-01-01"));
    assert!(has_new("latest@2999-01-01T14:00") && has_new("latest@2999-01-01T14:00+02:00"));
    assert!(!has_new("latest:hourly") && !has_new(&first[..12]) && !has_new("latest:hourly@2999-01-01"));
    machine.run(["ls", "latest@1999-01-01"]).expect(1);
    machine.run(["ls", "latest:weekly"]).expect(1);
    machine.run(["ls", "latest@tuesday"]).expect(2);
    machine.run(["diff", "latest:images/", "latest"]).expect(2);
}

#[test]
fn ls_takes_paths_of_both_kinds() {
    let machine = Machine::with_snapshot();
    machine.run(["ls", "latest"]).expect(0).prints("source");
    for args in [vec!["ls", "latest", "source/A"], vec!["ls", "latest:source/A"], vec!["ls", "latest", "source/A/"]] {
        machine.run(args).expect(0).prints("letter.txt");
    }
    machine.run(["ls".into(), "latest".into(), machine.arg("source/A")]).expect(0).prints("letter.txt");
    machine.run(["ls", "latest", "source/A", "--long"]).expect(0).prints("-rw-");
    machine.run(["ls", "latest", "source/B"]).expect(1).says("hint:");
    machine.run(["ls", "latest:source/A", "source/A"]).expect(2);
}

#[test]
fn cat_prints_a_file_byte_for_byte() {
    let machine = Machine::with_snapshot();
    assert_eq!(machine.run(["cat", "latest", "source/A/letter.txt"]).expect(0).out, "Dear patient");
    assert_eq!(machine.run(["cat", "latest:source/A/letter.txt"]).expect(0).out, "Dear patient");
    machine.run(["cat", "latest", "source/A"]).expect(1);
    machine.run(["cat", "latest"]).expect(2);
}

#[test]
fn find_lists_each_version_once() {
    let machine = Machine::with_snapshot();
    machine.backup(&[]);
    machine.write("source/A/letter.txt", "Dear patient, once more");
    machine.backup(&[]);
    let hits = machine.run(["--json", "find", "letter*"]).expect(0).messages();
    let mut snapshots: Vec<_> = hits.iter().map(|hit| hit["snapshots"].as_array().unwrap().len()).collect();
    snapshots.sort_unstable();
    assert_eq!(snapshots, [1, 2]);
    machine.run(["find", "letter*"]).expect(0).prints("source/A/letter.txt").prints("in 2 snapshots");
    machine.run(["restore", "latest"]).expect(2).says("say where to restore to").says("--target DIR");
    machine.run(["ls", "latest@yesterday"]).expect(1).says("the nearest, ");
    machine.run(["ls", "latest@0 minutes ago"]).expect(0).prints("source");
    machine.run(["find", "LETTER"]).expect(0).prints("source/A/letter.txt");
    machine.run(["find", "nothing"]).expect(0).says("no snapshot holds");
}

#[test]
fn diff_shows_what_happened() {
    let machine = Machine::with_snapshot();
    machine.write("source/A/letter.txt", "changed");
    machine.write("source/new.txt", "new");
    std::fs::remove_file(machine.path("source/A/xray.jpg")).unwrap();
    let first = machine.run(["--json", "snapshots"]).expect(0).messages()[0]["id"].as_str().unwrap().to_owned();
    machine.backup(&[]);
    let answer = machine.run(["diff", &first, "latest"]).expect(0);
    answer.prints("M source/A/letter.txt").prints("+ source/new.txt").prints("- source/A/xray.jpg");
    let summary = machine.run(["--json", "diff", &first, "latest"]).expect(0).last("summary");
    assert_eq!((&summary["added"], &summary["removed"], &summary["content"]), (&1.into(), &1.into(), &1.into()));
}

#[test]
fn stats_counts() {
    let machine = Machine::with_snapshot();
    machine.run(["stats"]).expect(0).prints("1 snapshot").prints("packs");
    assert_eq!(machine.run(["--json", "stats"]).expect(0).last("summary")["snapshots"], 1);
}

#[test]
fn names_that_are_not_utf8_are_exact_in_json_and_harmless_in_text() {
    let machine = Machine::with_repository();
    machine.write(OsString::from_vec(b"source/r\xf6ntgen\x1b.jpg".to_vec()), "x");
    machine.backup(&[]);
    machine.run(["ls", "latest", "source"]).expect(0).prints("source/r\\xf6ntgen\\x1b.jpg");
    let entries = machine.run(["--json", "ls", "latest", "source"]).expect(0).messages();
    let bytes = entries.iter().find_map(|entry| entry["path_bytes"].as_str()).unwrap();
    assert!(bytes.ends_with("72f66e7467656e1b2e6a7067"), "{bytes}");
    let path = OsString::from_vec(b"latest:source/r\xf6ntgen\x1b.jpg".to_vec());
    assert_eq!(machine.run(["cat".into(), path]).expect(0).out, "x");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let machine = Machine::with_snapshot();
    for number in 0..2000 {
        machine.write(format!("source/many/{number:0100}.jpg"), "x");
    }
    machine.backup(&[]);
    let mut command = machine.command(["ls", "latest", "--recursive"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

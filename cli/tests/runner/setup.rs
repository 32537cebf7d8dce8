//! From nothing to a backup that is made by itself, and again without a loss.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use scenario_tests::server::TestServer;

use crate::harness::{Answer, Machine};
use crate::practice::PRACTICE;

/// Runs setup with these answers, one a line.
fn answered(machine: &Machine, args: &[&str], answers: &str) -> Answer {
    let mut command = machine.bare();
    command.args(["setup", "--config"]).arg(machine.path("etc/enamel.toml")).arg("--no-schedule").args(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that has seen enough does not read the rest.
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    Answer::of(child.wait_with_output().unwrap())
}

fn silent(machine: &Machine, args: &[&str]) -> Answer {
    let source = machine.arg("source");
    let usual = ["--yes", "--database", "none", "--source", &source, "--recovery-sheet", "sheet.txt"];
    answered(machine, &[&usual[..], args].concat(), "")
}

fn snapshots(machine: &Machine) -> usize {
    let mut command = machine.bare();
    let listed = Answer::of(command.args(["--config", "etc/enamel.toml", "--json", "snapshots"]).output().unwrap());
    listed.expect(0).out.lines().filter(|line| line.contains("\"message_type\":\"snapshot\"")).count()
}

#[test]
fn one_command_makes_everything_and_a_second_one_loses_nothing() {
    let machine = Machine::new();
    silent(&machine, &["--repository", "backup"]).expect(0);
    assert_eq!(snapshots(&machine), 1);
    let settings = fs::read_to_string(machine.path("etc/enamel.toml")).unwrap();
    machine.write("etc/enamel.toml", format!("# The practice.\n{settings}tags = [\"office\"]\n"));
    // Nothing needs to be said again.
    let again = answered(&machine, &["--yes", "--no-backup"], "").expect(0);
    assert!(again.err.contains("is there already, and opens"), "{}", again.err);
    let after = fs::read_to_string(machine.path("etc/enamel.toml")).unwrap();
    assert_eq!(after, format!("# The practice.\n{settings}tags = [\"office\"]\n"));
    assert_eq!(snapshots(&machine), 1);
}

#[test]
fn the_password_on_the_sheet_brings_everything_back_elsewhere() {
    let machine = Machine::new();
    silent(&machine, &["--repository", "backup"]).expect(0);
    let sheet = fs::read_to_string(machine.path("sheet.txt")).unwrap();
    let password = sheet.lines().find_map(|line| line.strip_prefix("password  ")).unwrap().to_owned();
    fs::remove_dir_all(machine.path("etc")).unwrap();
    let variables = [("ENAMEL_PASSWORD", password.into())];
    let repository = machine.arg("backup");
    machine.run_bare(&["--repo", &repository, "restore", "latest", "--target", "back"], variables).expect(0);
    assert_eq!(fs::read(machine.path("back/source/A/letter.txt")).unwrap(), b"Dear patient");
}

#[test]
fn questions_are_asked_again_until_the_answer_makes_sense() {
    let machine = Machine::new();
    let (source, backup) = (machine.arg("source"), machine.arg("backup"));
    let answers = format!("none\n/not/there\n{source}\nb2:bucket\n{backup}\nyes\nyes\n");
    let answer = answered(&machine, &["--no-recovery-sheet"], &answers).expect(0);
    for said in ["cannot save /not/there", "same disk", "Everything is set up"] {
        assert!(answer.err.contains(said), "{}", answer.err);
    }
    assert_eq!(snapshots(&machine), 1);
}

#[test]
fn words_of_the_sheet_are_typed_back_before_its_key_counts() {
    let machine = Machine::new();
    let source = machine.arg("source");
    let args = ["--database", "none", "--source", &source, "--repository", "backup", "--no-backup"];
    // The answers end at the sheet: nobody has read it.
    let stopped = answered(&machine, &args, "\n\n\nyes\nwrong\n").expect(2);
    assert!(stopped.err.contains("is another one") && stopped.out.contains("RECOVERY SHEET"), "{}", stopped.err);
    let keys = |machine: &Machine| {
        let mut command = machine.bare();
        Answer::of(command.args(["--config", "etc/enamel.toml", "key", "list"]).output().unwrap()).expect(0).out
    };
    assert!(!keys(&machine).contains("recovery sheet"));
    // It goes on from there.
    silent(&machine, &["--no-backup"]).expect(0);
    assert!(keys(&machine).contains("recovery sheet"));
}

#[test]
fn a_script_must_say_what_has_no_usual_answer() {
    let machine = Machine::new();
    let source = machine.arg("source");
    let missing = answered(&machine, &["--yes", "--database", "none", "--source", &source], "").expect(2);
    assert!(missing.err.contains("setup needs --repository"), "{}", missing.err);
    assert!(!machine.path("etc/enamel.toml").exists());
    let nothing = answered(&machine, &["--yes", "--database", "none", "--repository", "backup"], "").expect(2);
    assert!(nothing.err.contains("nothing to save"), "{}", nothing.err);
    let sheet = answered(&machine, &["--yes", "--database", "none", "--source", &source, "--repository", "backup"], "")
        .expect(2);
    assert!(sheet.err.contains("--recovery-sheet FILE"), "{}", sheet.err);
}

#[test]
fn a_database_is_looked_into_and_saved() {
    let machine = Machine::new();
    let server = TestServer::start(&[]);
    server
        .script("CREATE DATABASE shop; CREATE TABLE shop.item (id INT PRIMARY KEY); INSERT INTO shop.item VALUES (1);");
    let url = server.url();
    let args = ["--yes", "--database", &url, "--repository", "backup", "--no-recovery-sheet"];
    let answer = answered(&machine, &args, "").expect(0);
    assert!(answer.err.contains("with the schema shop"), "{}", answer.err);
    assert_eq!(snapshots(&machine), 1);
    let nobody = url.replacen("root", "nobody", 1);
    let refused = answered(&machine, &["--yes", "--database", &nobody, "--repository", "backup"], "").expect(1);
    assert!(refused.err.contains("--database-password-file"), "{}", refused.err);
}

/// A server with a practice of Open Dental, and the folder with its images.
fn practice(machine: &Machine) -> (TestServer, String) {
    let server = TestServer::start(&[]);
    server.script(PRACTICE);
    for name in ["S/SmithJohn1/a.jpg", "S/SmithJohn1/b.jpg", "A/keep.txt"] {
        machine.write(format!("images/{name}"), name);
    }
    (server, machine.arg("images"))
}

fn settled(machine: &Machine) -> String {
    fs::read_to_string(machine.path("etc/enamel.toml")).unwrap()
}

#[test]
fn open_dental_is_found_and_asked_only_where_its_images_are() {
    let machine = Machine::new();
    let (server, images) = practice(&machine);
    let url = server.url();
    let args = ["--database", &url, "--repository", "backup", "--no-recovery-sheet"];
    // The database, a folder that is not there, its images, no other folder, the place, its risk, and the first backup.
    let answers = format!("\n/not/there\n{images}\n\n\nyes\nyes\n");
    let answer = answered(&machine, &args, &answers).expect(0);
    for said in ["Open Dental is there", r"\\SERVER\OpenDentImages", "/not/there is no folder"] {
        assert!(answer.err.contains(said), "`{said}` is not in:\n{}", answer.err);
    }
    let settings = settled(&machine);
    assert!(settings.contains("profile = \"opendental\"") && settings.contains(&images), "{settings}");
    let listed =
        machine.run_bare(&["--config", "etc/enamel.toml", "ls", "latest", "images/S/SmithJohn1"], []).expect(0);
    assert!(listed.out.contains("a.jpg") && listed.out.contains("b.jpg"), "{}", listed.out);
    // The second time everything is known.
    answered(&machine, &["--yes", "--no-recovery-sheet"], "").expect(0);
    assert_eq!(settled(&machine), settings);
    assert_eq!(snapshots(&machine), 2);
}

#[test]
fn a_script_says_where_the_images_of_open_dental_are_or_hears_that_they_are_not_saved() {
    let machine = Machine::new();
    let (server, images) = practice(&machine);
    let url = server.url();
    let silent = |more: &[&str]| {
        let usual = ["--yes", "--database", &url, "--repository", "backup", "--recovery-sheet", "sheet.txt"];
        answered(&machine, &[&usual[..], more].concat(), "")
    };
    let without = silent(&[]).expect(0);
    assert!(without.err.contains("the images of Open Dental are not saved"), "{}", without.err);
    assert!(!settled(&machine).contains("profile"));
    silent(&["--map-path", &format!(r"\\SERVER\OpenDentImages={images}")]).expect(0);
    assert!(settled(&machine).contains("profile = \"opendental\""), "{}", settled(&machine));
    machine.run_bare(&["--config", "etc/enamel.toml", "cat", "latest", "images/S/SmithJohn1/a.jpg"], []).expect(0);
}

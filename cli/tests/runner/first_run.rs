//! The first run of a user: no settings, no cache, perhaps no home folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::harness::{Answer, ENAMEL, Machine};

/// Runs the program with this home folder, if any, and nothing else in its environment.
fn run(machine: &Machine, home: Option<&str>, args: &[&str]) -> Answer {
    let mut command = Command::new(ENAMEL);
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(machine.path("")).stdin(Stdio::null());
    home.map(|home| command.env("HOME", home));
    Answer::of(command.args(args).output().unwrap())
}

/// The first things that a user does; with `home` not a line says that anything is wrong.
fn first_things(machine: &Machine, home: Option<&str>, expected: i32) -> String {
    let place = ["--repo", "repo", "--key-file", "key"];
    let run = |args: &[&str]| run(machine, home, &[&place, args].concat());
    let mut said = run(&["init"]).expect(0).err;
    said += &run(&["backup", "source"]).expect(expected).err;
    let snapshots = run(&["snapshots"]).expect(expected);
    assert_eq!(snapshots.out.lines().count(), 2, "{}", snapshots.out);
    said += &snapshots.err;
    said += &run(&["restore", "latest", "--target", "restored"]).expect(0).err;
    assert_eq!(fs::read(machine.path("restored/source/A/letter.txt")).unwrap(), b"Dear patient");
    said
}

fn notes(said: &str) -> Vec<&str> {
    said.lines().filter(|line| line.starts_with("note:")).collect()
}

#[test]
fn an_empty_home_folder_is_enough() {
    let machine = Machine::new();
    let said = first_things(&machine, Some(&machine.arg("home")), 0);
    assert_eq!(notes(&said), Vec::<&str>::new());
    for kept in [".cache/enamel", ".local/state/enamel"] {
        let mode = fs::metadata(machine.path("home").join(kept)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{kept} is its user's alone");
    }
    assert!(!machine.path("home/.config").exists(), "settings are the user's to write");
}

#[test]
fn without_a_home_folder_nothing_is_written_but_what_is_asked_for() {
    for home in [None, Some("")] {
        let machine = Machine::new();
        let said = first_things(&machine, home, 0);
        assert_eq!(notes(&said), Vec::<&str>::new());
        let mut names: Vec<_> =
            fs::read_dir(machine.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["home", "key", "repo", "restored", "source"]);
        assert_eq!(fs::read_dir(machine.path("home")).unwrap().count(), 0);
    }
}

#[test]
fn a_home_folder_that_cannot_be_used_is_named_and_holds_up_no_backup() {
    let machine = Machine::new();
    machine.write("file", "");
    let home = machine.arg("file/home");
    let said = first_things(&machine, Some(&home), 3);
    for words in ["this run works without it", "waits for no other of the same sources"] {
        assert!(notes(&said).iter().any(|note| note.contains(words) && note.contains(&home)), "{words}: {said}");
    }
}

#[test]
fn without_settings_the_way_to_begin_is_named() {
    let machine = Machine::new();
    for home in [Some(machine.arg("home")), None] {
        for args in [&["snapshots"][..], &["backup", "source"], &["status"], &["restore", "latest", "--target", "x"]] {
            let answer = run(&machine, home.as_deref(), args).expect(2);
            assert!(answer.err.contains("no repository is set"), "{}", answer.err);
            assert!(answer.err.contains("hint: `enamel setup` asks for everything"), "{}", answer.err);
        }
        // Without a terminal there is nobody to ask.
        let answer = run(&machine, home.as_deref(), &["setup"]);
        assert!(answer.code != 0 && answer.err.contains("  hint: "), "{}", answer.err);
    }
}

//! Where passwords come from, and what happens when they are wrong.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;

use crate::harness::Machine;

const PASSWORD: &str = "correct horse";

fn machine() -> Machine {
    let machine = Machine::new();
    machine.run_bare(&["init", "--repo", "repo"], [("ENAMEL_PASSWORD", PASSWORD.into())]).expect(0);
    machine.write("password", format!("{PASSWORD}\r\nsecond line\n"));
    machine
}

fn repo(machine: &Machine) -> (&'static str, OsString) {
    ("ENAMEL_REPO", machine.path("repo").into())
}

#[test]
fn every_source_of_a_password_works() {
    let machine = machine();
    let repo = || repo(&machine);
    machine.run_bare(&["snapshots"], [repo(), ("ENAMEL_PASSWORD", PASSWORD.into())]).expect(0);
    machine.run_bare(&["snapshots", "--password-file", "password"], [repo()]).expect(0);
    machine.run_bare(&["snapshots", "--password-command", "cat password"], [repo()]).expect(0);
}

#[test]
fn a_wrong_password_is_12() {
    let machine = machine();
    let wrong = machine.run_bare(&["snapshots"], [repo(&machine), ("ENAMEL_PASSWORD", "wrong".into())]);
    wrong.expect(12).says("hint:");
    machine.run(["init", "--repo", "other", "--key-file", "stranger"]).expect(0);
    machine.run_bare(&["snapshots", "--key-file", "stranger"], [repo(&machine)]).expect(12);
}

#[test]
fn a_password_that_makes_no_sense_is_refused() {
    let machine = machine();
    machine.write("empty", "\n");
    machine.write("no-key", "hello");
    let run = |args: &[&str]| machine.run_bare(args, [repo(&machine)]).expect(2);
    run(&["snapshots", "--password-file", "empty"]).says("empty");
    run(&["snapshots", "--password-file", "missing"]).says("missing");
    run(&["snapshots", "--password-command", "exit 3"]).says("failed");
    run(&["snapshots", "--password-command", "true"]).says("empty");
    run(&["snapshots", "--key-file", "missing"]).says("missing");
    run(&["snapshots", "--key-file", "no-key"]).says("no-key");
    run(&["snapshots", "--key-file", "a", "--password-file", "b"]).says("--key-file and --password-file");
}

#[test]
fn two_secrets_in_the_environment_are_ambiguous_and_a_flag_decides() {
    let machine = machine();
    let both = || [repo(&machine), ("ENAMEL_PASSWORD", "wrong".into()), ("ENAMEL_KEY_FILE", "nowhere".into())];
    machine.run_bare(&["snapshots"], both()).expect(2).says("ENAMEL_KEY_FILE and ENAMEL_PASSWORD");
    machine.run_bare(&["snapshots", "--password-file", "password"], both()).expect(0);
}

#[test]
fn no_secret_is_shown() {
    let machine = machine();
    let run = |args: &[&str]| {
        let answer = machine.run_bare(args, [repo(&machine), ("ENAMEL_PASSWORD", PASSWORD.into())]).expect(0);
        assert!(!answer.out.contains(PASSWORD) && !answer.err.contains(PASSWORD));
    };
    run(&["config", "show"]);
    run(&["config", "show", "--json"]);
    run(&["--verbose", "config", "check"]);
}

#[test]
fn no_repository_is_10() {
    let machine = Machine::new();
    machine.run(["snapshots"]).expect(10).says("repo").says("hint:");
    let error = machine.run(["snapshots", "--json"]).expect(10).err;
    let error = crate::harness::parse(&error).pop().unwrap();
    assert_eq!((&error["message_type"], &error["code"]), (&"exit_error".into(), &10.into()));
    machine.write("key", "x");
    std::fs::create_dir(machine.path("repo")).unwrap();
    machine.run(["init", "--repo", "other", "--key-file", "real"]).expect(0);
    machine.run(["snapshots", "--key-file", "real"]).expect(10);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_password() {
    let machine = machine();
    machine.write("marked", format!("\u{feff}{PASSWORD}\r\n"));
    machine.run_bare(&["snapshots", "--password-file", "marked"], [repo(&machine)]).expect(0);
    machine.run_bare(&["snapshots", "--password-command", "cat marked"], [repo(&machine)]).expect(0);
    machine.run_bare(&["init", "--repo", "other", "--password-file", "marked"], []).expect(0);
    let other = ("ENAMEL_REPO", machine.path("other").into());
    machine.run_bare(&["snapshots", "--password-file", "password"], [other]).expect(0);
    let wide: Vec<u8> = format!("\u{feff}{PASSWORD}\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    machine.write("wide", wide);
    machine.run_bare(&["snapshots", "--password-file", "wide"], [repo(&machine)]).expect(2).says("save it as UTF-8");
}

#[test]
fn a_weak_password_needs_a_word() {
    let machine = machine();
    for (number, weak) in ["a", "1234567", "password", "aaaaaaaaaaaa"].into_iter().enumerate() {
        let name = format!("weak{number}");
        let init = |more: &[&str]| {
            let args = [&["init", "--repo", &name][..], more].concat();
            machine.run_bare(&args, [("ENAMEL_PASSWORD", weak.into())])
        };
        init(&[]).expect(2).says("--weak");
        assert!(!machine.path(&name).exists());
        init(&["--weak"]).expect(0);
        machine.run_bare(&["snapshots", "--repo", &name], [("ENAMEL_PASSWORD", weak.into())]).expect(0);
    }
    machine.write("new", "1234\n");
    let add = |more: &[&str]| {
        let args = [&["key", "add", "--password-file", "password", "--new-password-file", "new"][..], more].concat();
        machine.run_bare(&args, [repo(&machine)])
    };
    add(&[]).expect(2).says("--weak");
    add(&["--weak"]).expect(0);
    machine.write("untyped", "correct\u{1b}horse\n");
    let init = ["init", "--repo", "untyped-repo", "--weak", "--password-file", "untyped"];
    machine.run_bare(&init, []).expect(2).says("nobody can type");
}

#[test]
fn a_password_file_that_others_can_read_is_noted() {
    let machine = machine();
    let set = |mode| std::fs::set_permissions(machine.path("password"), PermissionsExt::from_mode(mode)).unwrap();
    let run = || machine.run_bare(&["snapshots", "--password-file", "password"], [repo(&machine)]).expect(0);
    set(0o644);
    run().says("other users can read the password file").says("chmod 600");
    set(0o600);
    assert!(!run().err.contains("other users"));
}

/// The system's view of a run that waits for its password command.
#[cfg(target_os = "linux")]
#[test]
fn a_core_holds_no_secret() {
    let machine = machine();
    let command = "grep -h 'Max core' /proc/$PPID/limits; cat password";
    let told = machine
        .run_bare(&["snapshots", "--password-command", &format!("({command}) | tee told | tail -2")], [repo(&machine)]);
    told.expect(0);
    let limits = std::fs::read_to_string(machine.path("told")).unwrap();
    let soft = limits.lines().next().unwrap().split_whitespace().nth(4);
    assert_eq!(soft, Some("0"), "{limits}");
}

#[test]
fn a_file_that_is_no_key_gets_no_advice_about_its_rights() {
    let machine = Machine::with_repository();
    machine.write("letter", "Dear patient");
    let answer = machine.run(["--key-file", "letter", "snapshots"]).expect(2).says("letter");
    assert!(!answer.err.contains("chmod"), "{}", answer.err);
    let key = machine.path("key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    machine.run(["snapshots"]).expect(0).says("chmod 600");
}

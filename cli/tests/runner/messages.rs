//! Messages on standard error: hints that fit, nothing that a terminal obeys, nothing endless.

use crate::harness::{Answer, Machine, parse};

/// The hint of a run that failed.
#[track_caller]
fn hint(answer: &Answer) -> String {
    let hint = answer.err.lines().find_map(|line| line.strip_prefix("  hint: "));
    hint.unwrap_or_else(|| panic!("no hint in:\n{}", answer.err)).to_owned()
}

#[test]
fn a_hint_fits_what_was_not_found() {
    let machine = Machine::with_snapshot();
    for (args, says) in [
        (&["backup", "source", "--exclude-file", "nope"][..], "Check the path"),
        (&["backup", "sourse"], "Check the name"),
        (&["restore", "latest", "--target", "/proc/out"], "Check the path"),
        (&["--key-file", "nope", "snapshots"], "`enamel config show`"),
        (&["leases", "fence", "abcd"], "enamel leases"),
        (&["key", "remove", "ffff"], "enamel key list"),
        (&["ls", "latest", "source/B"], "enamel snapshots"),
        (&["ls", "ffffffff"], "enamel snapshots"),
        (&["purge", "release", "ffffffff"], "enamel purge history"),
    ] {
        let answer = machine.run(args);
        assert!(answer.code != 0 && hint(&answer).contains(says), "{args:?}\n{}", answer.err);
    }
    machine.run(["--repo", "source/A/letter.txt", "snapshots"]).expect(10).says("it is no folder");
}

#[test]
fn a_hint_names_what_helps_a_command_that_was_used_wrongly() {
    let machine = Machine::with_snapshot();
    std::fs::write(machine.path("broken.toml"), "keep = 3").unwrap();
    for (args, says) in [
        (&["backup"][..], "`enamel backup /srv/images`"),
        (&["backup", "source", "--exclude", "[z-a]"], ".gitignore"),
        (&["backup", "source", "--schema", "shop"], "--database mysql://"),
        (&["cat", "latest"], "enamel ls"),
        (&["drill", "--tls"], "a server of its own"),
        (&["evidence", "sign", "--by", " "], "--by 'Dr. Dana Example'"),
        (&["forget"], "--keep-daily 7"),
        (&["find", "a[z-a]*"], "`*` and `?`"),
        (&["key", "remove", ""], "enamel key"),
        (&["purge", "run", "nope.plan"], "`enamel purge plan --output FILE`"),
        (&["ls", "latest:source/", "source"], "`enamel ls --help`"),
        (&["restore", "latest", "--target", "out", "--tls"], "--to-database mysql://"),
        (&["restore", "latest:source/", "--to-database", "mysql://root@127.0.0.1:1"], "--schema NAME"),
        (&["check", "--database", "mysql://root@127.0.0.1:port"], "mysql://USER@HOST:3306"),
        (&["--repo", "sftp:host", "snapshots"], "--repo s3://BUCKET/PREFIX"),
        (&["--config", "broken.toml", "snapshots"], "enamel config --help"),
        (&["--config", "nowhere.toml", "snapshots"], "--config"),
    ] {
        let answer = machine.run(args);
        assert!(answer.code == 2 && hint(&answer).contains(says), "{args:?}\n{}", answer.err);
    }
    for (args, says) in
        [(&["--json", "ls", "--nothing"][..], "`enamel ls --help`"), (&["--json", "nothing"], "`enamel --help`")]
    {
        let answer = machine.run(args).expect(2);
        let error: serde_json::Value = serde_json::from_str(answer.err.trim()).unwrap();
        assert!(error["hint"].as_str().unwrap().contains(says), "{error}");
    }
}

#[test]
fn no_damage_is_suspected_where_there_is_no_repository_yet() {
    let machine = Machine::new();
    std::os::unix::fs::symlink("nowhere", machine.path("dangling")).unwrap();
    for place in ["dangling", "/proc/repository"] {
        let answer = machine.run(["init", "--repo", place]);
        assert!(answer.code != 0 && !answer.err.contains("verify"), "{}", answer.err);
    }
}

#[test]
fn what_was_typed_moves_no_cursor() {
    let machine = Machine::with_snapshot();
    for args in [
        &["--repo", "\x1b[31mred", "snapshots"][..],
        &["backup", "\x1b[31mred"],
        &["ls", "latest", "\x1b[31mred"],
        &["\x1b[31mred"],
        &["--\x1b[31mred", "snapshots"],
        &["ls", "\u{202e}red"],
    ] {
        let answer = machine.run(args);
        assert!(answer.code != 0 && answer.err.contains("red"), "{args:?}\n{}", answer.err);
        assert!(!answer.err.contains(['\x1b', '\u{202e}']), "{args:?}\n{:?}", answer.err);
    }
}

#[test]
fn a_long_argument_makes_no_long_message() {
    let machine = Machine::with_snapshot();
    let long = "x".repeat(100_000);
    for args in
        [&["backup", &long][..], &["ls", &long], &["--repo", &long, "snapshots"], &["ls", "latest", &long], &[&long]]
    {
        for json in [&[][..], &["--json"]] {
            let answer = machine.run(json.iter().chain(args));
            assert!(answer.code != 0 && answer.err.len() < 12_000, "{} bytes", answer.err.len());
        }
    }
}

#[test]
fn a_command_line_that_makes_no_sense_is_told_as_json_too() {
    let machine = Machine::new();
    for args in [&["--json", "backup", "--nope"][..], &["snapshots", "--json", "--tag"], &["--json", "nope"]] {
        let answer = machine.run(args).expect(2);
        let error = parse(&answer.err).pop().unwrap();
        assert_eq!((&error["message_type"], &error["code"]), (&"exit_error".into(), &2.into()));
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
        assert_eq!(answer.out, "");
    }
    machine.run(["--json", "--help"]).expect(0).prints("Usage");
}

#[test]
fn marks_of_a_snapshot_are_words_of_reasonable_length() {
    let machine = Machine::with_repository();
    machine.run(["backup", "source", "--tag", "a,b"]).expect(2).says("comma");
    machine.run(["backup", "source", "--tag", &"x".repeat(100)]).expect(2).says("64 bytes");
    machine.run(["backup", "source", "--host", ""]).expect(2);
    machine.run(["forget", "--keep-last", "0"]).expect(2).says("leave it out");
    assert_eq!(machine.snapshots(), 0);
}

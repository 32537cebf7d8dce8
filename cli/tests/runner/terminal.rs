//! The view on a terminal: colours for words that should stand out, each with a sign and a word; and lines that the
//! terminal shows whole.

use std::process::{Command, Stdio};

use scenario_tests::server::TestServer;

use crate::harness::{ENAMEL, Machine};
use crate::practice::PRACTICE;

/// The output of `args` on a terminal of so many columns, with `variables`. The terminal is that of `script`, which every
/// Linux has.
fn on_terminal(machine: &Machine, columns: usize, args: &[&str], variables: &[(&str, &str)]) -> String {
    let quoted: Vec<_> = args.iter().map(|word| format!("'{word}'")).collect();
    let line = format!("stty cols {columns} rows 50; exec '{ENAMEL}' {}", quoted.join(" "));
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).env_clear().stdin(Stdio::null());
    let own = machine.command(args);
    script.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(machine.path(""));
    script.env("TERM", "xterm").env("SHELL", "/bin/sh").envs(variables.iter().copied());
    let output = script.output().unwrap();
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

/// The columns of a line, without colours.
fn columns(line: &str) -> usize {
    let plain = line.split('\x1b').enumerate().map(|(at, part)| match part.split_once('m') {
        Some((_, rest)) if at > 0 => rest,
        _ => part,
    });
    plain.map(|part| part.chars().count()).sum()
}

#[test]
fn words_that_should_stand_out_have_a_colour_a_sign_and_a_word() {
    let machine = Machine::with_snapshot();
    let status = on_terminal(&machine, 80, &["status"], &[]);
    assert!(status.contains("\x1b[33m! attention\x1b[0m") || status.contains("\x1b[33m! attention"), "{status:?}");
    let plain = on_terminal(&machine, 80, &["status"], &[("NO_COLOR", "1")]);
    assert!(plain.contains("! attention") && !plain.contains('\x1b'), "{plain:?}");
    let dumb = on_terminal(&machine, 80, &["status"], &[("TERM", "dumb")]);
    assert!(!dumb.contains('\x1b'), "{dumb:?}");
    let piped = machine.run(["status"]);
    assert!(piped.out.contains("! attention") && !piped.out.contains('\x1b'), "{}", piped.out);

    let error = on_terminal(&machine, 80, &["ls", "latest", "nothing"], &[]);
    assert!(error.contains("\x1b[1;31menamel: \x1b[0m"), "{error:?}");
    let error = on_terminal(&machine, 80, &["ls", "latest", "nothing"], &[("NO_COLOR", "1")]);
    assert!(error.contains("enamel: there is no `nothing`") && !error.contains('\x1b'), "{error:?}");
}

#[test]
fn damage_stands_out() {
    let machine = Machine::with_snapshot();
    let packs = crate::harness::files(&machine.path("repo/packs"));
    std::fs::remove_file(&packs[0]).unwrap();
    let verify = on_terminal(&machine, 100, &["verify"], &[]);
    assert!(verify.contains("\x1b[1;31m✗ DAMAGE"), "{verify:?}");
    let plain = machine.run(["verify"]).expect(4).out;
    assert!(plain.contains("✗ DAMAGE") && !plain.contains('\x1b'), "{plain}");
}

#[test]
fn no_line_is_longer_than_the_terminal_and_nothing_is_cut() {
    let machine = Machine::with_repository();
    let deep = "source/a folder with a long name/and another one below/日本語のとても長いフォルダーの名前/x";
    machine.write(format!("{deep}/letter.txt"), "Dear patient");
    let path = machine.arg(deep);
    machine.run(["backup", &path, &machine.arg("source/A"), "--tag", "hourly", "--tag", "front-desk"]).expect(0);
    for width in [60, 80, 100, 200] {
        let snapshots = on_terminal(&machine, width, &["snapshots", "--verbose"], &[("NO_COLOR", "1")]);
        assert!(!snapshots.contains('…'), "{width}: {snapshots}");
        let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let (shown, wanted) = (squeezed(&snapshots), squeezed("日本語のとても長いフォルダーの名前/x"));
        // The pieces of a path stand below each other, beside other columns.
        assert!(wanted.chars().all(|c| shown.contains(c)), "{width}: {snapshots}");
        // Ids, times and numbers are on one line, however narrow the terminal is.
        let widest = snapshots.lines().map(unicode_columns).max().unwrap();
        assert!(widest <= width.max(90), "{width}: {widest}\n{snapshots}");
        for args in [
            &["status"][..],
            &["stats"],
            &["config", "show"],
            &["forget", "--keep-last", "1", "--dry-run"],
            &["ls", "latest", "no"],
        ] {
            let shown = on_terminal(&machine, width, args, &[("NO_COLOR", "1")]);
            // A single word, such as a path, may be longer.
            let long: Vec<_> =
                shown.lines().filter(|line| columns(line) > width && line.trim().contains(' ')).collect();
            let long: Vec<_> =
                long.into_iter().filter(|line| !line.contains(machine.path("").to_str().unwrap())).collect();
            assert!(long.is_empty(), "{width} {args:?}: {long:#?}");
        }
    }
}

/// Lines that the terminal breaks. A long word, such as a path, may do that, and nothing else.
fn broken(shown: &str, width: usize) -> Vec<&str> {
    let has_long_word = |line: &str| line.split(' ').any(|word| columns(word) > width / 2);
    shown.lines().filter(|line| columns(line) > width && !has_long_word(line)).collect()
}

#[test]
fn no_command_prints_a_sentence_that_the_terminal_breaks() {
    const WIDTH: usize = 80;
    let (machine, server) = (Machine::with_repository(), TestServer::start(&["--log-bin", "--server-id=1"]));
    server.script(PRACTICE);
    for name in ["A/keep.txt", "S/SmithJohn1/a.jpg", "S/SmithJohn1/b.jpg"] {
        machine.write(format!("images/{name}"), name);
    }
    let (url, images, scratch) = (server.url(), machine.arg("images"), machine.arg("scratch"));
    let map = format!(r"\\server\OpenDentImages={images}");
    let backup = ["backup", "--database", &url, "--schema", "practice", "--profile", "opendental", "--map-path", &map];
    std::fs::create_dir(&scratch).unwrap();
    for folder in ["", "scratch"] {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(machine.path(folder), open).unwrap();
    }
    let sweep = |args: &[&str]| {
        let args = [&["--no-progress"], args].concat();
        let shown = on_terminal(&machine, WIDTH, &args, &[("NO_COLOR", "1")]);
        assert!(!shown.is_empty(), "{args:?}");
        let broken = broken(&shown, WIDTH);
        assert!(broken.is_empty(), "{args:?}: {broken:#?}");
    };
    sweep(&backup);
    // A file that disappeared, and rows without a file, are told.
    std::fs::remove_file(machine.path("images/S/SmithJohn1/b.jpg")).unwrap();
    server.run("INSERT INTO practice.document VALUES (3, 1, 'a file that nobody has ever seen there.jpg')");
    server.run("DELETE FROM practice.computerpref");
    sweep(&backup);
    machine.run(["backup", "source"]).expect(0);
    sweep(&["drill", "latest~1", "--scratch-folder", &scratch]);
    let copy = ["copy", "--new", "--to", "second", "--to-key-file", "second.key"];
    sweep(&[&copy[..], &["--init"]].concat());
    sweep(&copy);
    sweep(&["restore", "latest~1", "--to-database", &url, "--schema", "practice=other"]);
    sweep(&["check", "--database", &url]);
    COMMANDS.iter().for_each(|args| sweep(args));
    let packs = crate::harness::files(&machine.path("repo/packs"));
    std::fs::remove_file(&packs[0]).unwrap();
    for args in [&["verify"][..], &["repair", "--dry-run"], &["repair"], &["status"], &["drill", "latest"]] {
        sweep(args);
    }
}

/// Commands that say something about a practice with a backup or two.
const COMMANDS: [&[&str]; 29] = [
    &["status", "--verbose"],
    &["status", "--max-age", "1s"],
    &["snapshots"],
    &["ls", "latest~1", "--long"],
    &["find", "document"],
    &["find", "nothing*"],
    &["diff", "latest~2", "latest~1"],
    &["stats"],
    &["log"],
    &["verify", "--read-data"],
    &["drill", "list"],
    &["drill", "show"],
    &["evidence", "sign", "--by", "Dana"],
    &["hold", "list"],
    &["leases"],
    &["key", "list"],
    &["config", "check"],
    &["repair", "--dry-run"],
    &["forget", "--keep-daily", "7", "--dry-run"],
    &["prune", "--dry-run"],
    &["purge", "history"],
    &["accept", "--all", "--reason", "nothing"],
    &["restore", "latest"],
    &["restore", "latest", "--target", "out", "--dry-run"],
    &["supplemental", "status"],
    &["notify", "test"],
    &["backup", "nowhere"],
    &["--repo", "nowhere", "status"],
    &["--key-file", "/etc/passwd", "status"],
];

fn unicode_columns(line: &str) -> usize {
    // East Asian letters take two columns.
    line.chars().map(|c| if ('\u{1100}'..='\u{ffef}').contains(&c) && !"…✓✗─│".contains(c) { 2 } else { 1 }).sum()
}

#[test]
fn init_says_on_short_lines_what_must_not_be_lost() {
    let machine = Machine::new();
    let init = on_terminal(&machine, 60, &["init"], &[("NO_COLOR", "1")]);
    let key = machine.arg("key");
    let long: Vec<_> = init.lines().filter(|line| columns(line) > 60 && !line.contains(&key)).collect();
    assert!(long.is_empty(), "{long:#?}");
    assert!(init.contains("nobody can ever read this"), "{init}");
}

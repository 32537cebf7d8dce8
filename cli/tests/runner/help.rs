//! The whole reference, as one snapshot: a change of any option shows in review.

use std::process::Command;

use crate::harness::{ENAMEL, Machine};

fn help(path: &[&str]) -> String {
    let output = Command::new(ENAMEL).args(path).arg("--help").env_clear().output().unwrap();
    assert!(output.status.success(), "{path:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn collect(path: &[&str], reference: &mut String) {
    let text = help(path);
    let title = ["enamel"].iter().chain(path).copied().collect::<Vec<_>>().join(" ");
    reference.push_str(&format!("## {title}\n\n{text}\n"));
    let commands = text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for command in commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        collect(&[path, &[command]].concat(), reference);
    }
}

#[test]
fn the_reference_is_as_it_was() {
    let mut reference = String::new();
    collect(&[], &mut reference);
    insta::with_settings!({ snapshot_path => "..", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("reference", reference);
    });
}

#[test]
fn every_command_tells_its_exit_status() {
    let mut reference = String::new();
    collect(&[], &mut reference);
    for section in reference.split("## enamel").skip(2) {
        assert!(section.contains("Exit status"), "{section}");
    }
}

#[test]
fn what_is_no_command_is_a_usage_error() {
    let machine = Machine::new();
    for args in [&[] as &[&str], &["frobnicate"], &["ls"], &["ls", "monday"], &["restore", "latest"]] {
        machine.run(args).expect(2);
    }
    machine.run(["backup", "--tag", "a:b", "source"]).expect(2).says("a tag is a word");
    machine.run(["backup", "--stdin", "a/b"]).expect(2).says("without a folder");
    machine.run(["--quiet", "--verbose", "snapshots"]).expect(2);
}

#[test]
fn completions_need_no_settings() {
    let machine = Machine::new();
    for shell in ["bash", "zsh", "fish"] {
        machine.run_bare(&["completions", shell], []).expect(0).prints("enamel");
    }
    machine.run_bare(&["completions", "none"], []).expect(2);
}

#[test]
fn what_the_readme_names_is_there() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let (main, mut named) = (help(&[]), Vec::new());
    for (at, _) in readme.match_indices("enamel ") {
        let mut words =
            readme[at..].lines().next().unwrap_or_default().split('`').next().unwrap_or_default().split(' ');
        let command = words.nth(1).unwrap_or_default();
        let before = readme[..at].chars().next_back();
        if !matches!(before, Some('`' | ' ')) || !main.contains(&format!("\n  {command} ")) {
            assert!(before != Some('`'), "`enamel {command}` is in the README but is no command");
            continue;
        }
        named.push(command);
        let (text, global) = (help(&[command]), main.as_str());
        for option in words.take_while(|word| *word != "|").filter(|word| word.starts_with("--")) {
            assert!(text.contains(option) || global.contains(option), "enamel {command} {option} is in the README");
        }
    }
    let commands = main.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for command in commands.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next()) {
        assert!(["demo", "help"].contains(&command) || named.contains(&command), "{command} is not in the README");
    }
    let status = |line: &str| line.trim_start_matches(['|', ' ']).split([' ', '|']).next()?.parse::<u8>().ok();
    let statuses = |text: &str, head: &str| -> Vec<u8> {
        text.lines().skip_while(|line| !line.ends_with(head)).filter_map(status).collect()
    };
    assert_eq!(statuses(&readme, "Exit status"), statuses(&main, "Exit status"));
}

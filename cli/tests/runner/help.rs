//! The whole reference, as one snapshot: a change of any option shows in review.

use std::collections::BTreeSet;
use std::process::Command;

use crate::documents::pages;
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
    for command in commands(&text) {
        collect(&[path, &[command]].concat(), reference);
    }
}

/// The commands that a help lists: of the whole program in groups, of a command in one.
fn commands(help: &str) -> impl Iterator<Item = &str> {
    let is_first = |line: &&str| matches!(*line, "Commands:" | "Every day:");
    let is_last = |line: &&str| matches!(*line, "Arguments:" | "Options:" | "Options of all commands:");
    let lines = help.lines().skip_while(move |line| !is_first(line)).take_while(move |line| !is_last(line));
    let named = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help")
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
fn options_of_all_commands_are_said_once() {
    let (main, backup) = (help(&[]), help(&["backup"]));
    for option in ["--repo <REPO>", "--key-file <FILE>", "--json", "--no-progress", "-q, --quiet"] {
        assert_eq!((main.matches(option).count(), backup.matches(&format!("{option}\n")).count()), (1, 0), "{option}");
    }
    assert!(backup.contains("Options of all commands, such as --repo, --json and --quiet: `enamel --help`"));
    assert!(help(&["purge", "run"]).contains("Options of all commands"));
    let groups = ["Every day:", "Bring back:", "Look:", "Keep well:", "Set up:"];
    let places: Vec<_> = groups.iter().map(|title| main.find(&format!("\n{title}\n")).unwrap()).collect();
    assert!(places.is_sorted());
    assert!(!main.contains("\nMore:\n"));
    // It is an option of all commands nevertheless, before and after the name.
    let machine = Machine::with_snapshot();
    machine.run(["--json", "snapshots"]).expect(0).last("snapshot");
    machine.run(["snapshots", "--json"]).expect(0).last("snapshot");
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
fn what_the_documents_name_is_there() {
    let (main, mut named) = (help(&[]), BTreeSet::new());
    for (page, text) in pages() {
        for (at, _) in text.match_indices("enamel ") {
            let mut words =
                text[at..].lines().next().unwrap_or_default().split('`').next().unwrap_or_default().split(' ');
            let command = words.nth(1).unwrap_or_default().to_owned();
            let before = text[..at].chars().next_back();
            if !matches!(before, Some('`' | ' ' | '\n')) || !main.contains(&format!("\n  {command} ")) {
                let is_option = command.starts_with("--");
                assert!(is_option || before != Some('`'), "{page}: `enamel {command}` is no command");
                continue;
            }
            let mut known = help(&[&command]) + &main;
            let mut words = words.peekable();
            if let Some(below) = words.peek().filter(|word| help(&[&command]).contains(&format!("\n  {word} "))) {
                known += &help(&[&command, below]);
            }
            for option in words.take_while(|word| !matches!(*word, "|" | "--")).filter(|word| word.starts_with("--")) {
                let option = option.split('=').next().unwrap_or_default();
                assert!(known.contains(option), "{page}: enamel {command} {option} is no option");
            }
            named.insert(command);
        }
    }
    for command in commands(&main) {
        assert!(named.contains(command), "no page names `enamel {command}`");
    }
}

#[test]
fn the_reference_lists_the_exit_statuses_of_the_help() {
    let status = |line: &str| line.trim_start_matches(['|', ' ']).split([' ', '|']).next()?.parse::<u8>().ok();
    let statuses = |text: &str| -> Vec<u8> {
        text.lines().skip_while(|line| !line.ends_with("Exit status")).filter_map(status).collect()
    };
    let (_, reference) = pages().into_iter().find(|(page, _)| page == "docs/reference.md").unwrap();
    assert_eq!(statuses(&reference), statuses(&help(&[])));
}

//! The help of the whole program: commands in groups, and the options of all commands once.

use std::fmt::Write;

use clap::{Command, CommandFactory};

use crate::args::Args;
use crate::ui::wrap;

/// The commands by what people want of them. A test finds a command that is in none.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Every day", &["backup", "watch", "status", "console", "copy", "supplemental"]),
    ("Bring back", &["restore", "export-sql", "recover"]),
    ("Look", &["snapshots", "ls", "find", "diff", "cat", "log", "stats", "evidence"]),
    ("Keep well", &["verify", "drill", "repair", "forget", "prune", "purge", "protect", "hold", "accept", "leases"]),
    (
        "Set up",
        &["demo", "setup", "init", "check", "grants", "key", "schedule", "agent", "notify", "config", "completions"],
    ),
];
/// Where commands go that are in no group.
const OTHERS: &str = "More";
const OPTIONS: &str = "Options of all commands";
/// At the end of the help of each command.
const SEE_OPTIONS: &str = "Options of all commands, such as --repo, --json and --quiet: `enamel --help`";
/// Columns of the help: as many as a terminal has, but no more.
const WIDTH: usize = 80;
/// Columns before the sentence about a command, and about an option.
const COMMAND_INDENT: usize = 16;
const OPTION_INDENT: usize = 6;
/// Columns before the sentence about an option.
const SENTENCE_INDENT: usize = 36;

/// The command line as it is read from users: as [`Args`], with a help that fits the screen.
pub fn command() -> Command {
    let command = Args::command();
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}{}{{after-help}}",
        groups(&command),
        options(&command)
    );
    let command = command.mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
    command.help_template(template).mut_subcommands(with_hint)
}

/// `command` with a word about the options that its help does not repeat.
fn with_hint(command: Command) -> Command {
    let after = command.get_after_help().map(|text| format!("{text}\n\n")).unwrap_or_default();
    command.after_help(format!("{after}{SEE_OPTIONS}")).mut_subcommands(with_hint)
}

fn groups(command: &Command) -> String {
    let mut text = String::new();
    let is_grouped = |name: &str| GROUPS.iter().any(|(_, names)| names.contains(&name));
    let others: Vec<_> = command
        .get_subcommands()
        .filter(|below| !below.is_hide_set() && !is_grouped(below.get_name()))
        .map(Command::get_name)
        .collect();
    let groups = GROUPS.iter().map(|(title, names)| (*title, *names)).chain([(OTHERS, &others[..])]);
    for (title, names) in groups.filter(|(_, names)| !names.is_empty()) {
        text += &format!("{title}:\n");
        for below in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = below.get_about().map(ToString::to_string).unwrap_or_default();
            let about = wrap(&about, WIDTH, COMMAND_INDENT);
            // Writing to a string in memory does not fail.
            let _ = writeln!(text, "  {:<width$}{about}", below.get_name(), width = COMMAND_INDENT - 2);
        }
        text.push('\n');
    }
    text
}

fn options(command: &Command) -> String {
    let mut text = format!("{OPTIONS}:\n");
    for option in command.get_arguments().filter(|option| option.is_global_set()) {
        let short = option.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
        let name = option.get_long().unwrap_or_default();
        let is_switch = !option.get_action().takes_values();
        let value = option.get_value_names().filter(|_| !is_switch).and_then(|names| names.first());
        let value = value.map(|value| format!(" <{value}>")).unwrap_or_default();
        let names = format!("{short:>OPTION_INDENT$}--{name}{value}");
        let help = option.get_help().map(ToString::to_string).unwrap_or_default();
        let help = wrap(&help, WIDTH, SENTENCE_INDENT);
        let _ = writeln!(text, "{names:<width$}{help}", width = SENTENCE_INDENT);
    }
    for (names, help) in [("  -h, --help", "Print help"), ("  -V, --version", "Print version")] {
        let _ = writeln!(text, "{names:<SENTENCE_INDENT$}{help}");
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group_of_the_help() {
        for below in Args::command().get_subcommands().filter(|below| !below.is_hide_set()) {
            let name = below.get_name();
            let groups = GROUPS.iter().filter(|(_, names)| names.contains(&name)).count();
            assert_eq!(groups, 1, "`{name}` belongs into one of GROUPS in cli/src/help.rs");
        }
        let names = GROUPS.iter().flat_map(|(_, names)| names.iter());
        names.for_each(|name| assert!(Args::command().find_subcommand(name).is_some(), "{name}"));
    }

    #[test]
    fn the_help_of_the_program_fits_a_small_terminal() {
        let help = command().render_long_help().to_string();
        let (mine, _) = help.split_once("SNAP, wherever").unwrap();
        let long: Vec<_> =
            mine.lines().skip_while(|line| *line != "Every day:").filter(|line| line.len() > 80).collect();
        assert!(long.is_empty(), "{long:#?}");
    }

    #[test]
    fn examples_fit_a_small_terminal_so_that_they_can_be_copied() {
        let mut long = Vec::new();
        each(&Args::command(), &mut |command| {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let lines = after.lines().filter(|line| line.starts_with("  ") && line.chars().count() > WIDTH);
            long.extend(lines.map(|line| format!("{}: {line}", command.get_name())));
        });
        assert!(long.is_empty(), "{long:#?}");
    }

    fn each(command: &Command, look: &mut dyn FnMut(&Command)) {
        look(command);
        command.get_subcommands().for_each(|below| each(below, look));
    }
}

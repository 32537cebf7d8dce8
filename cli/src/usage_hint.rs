//! Hints for a command line that makes no sense, where the error has none of its own.

use std::ffi::OsString;

use crate::args::Command;

macro_rules! helps {
    ($($variant:ident: $name:literal),* $(,)?) => {
        const HELPS: &[(&str, &str)] = &[$(($name, helps!(of $name)),)*];

        /// The hint for a mistake in the use of `command`.
        pub fn usage_hint(command: &Command) -> &'static str {
            match command {
                $(Command::$variant(_) => helps!(of $name),)*
            }
        }
    };
    (of $name:literal) => {
        concat!("`enamel ", $name, " --help` explains its options, with examples.")
    };
}

helps! {
    Demo: "demo", Setup: "setup", Init: "init", Backup: "backup", Watch: "watch", Agent: "agent", Console: "console",
    Schedule: "schedule", Notify: "notify", Status: "status", Snapshots: "snapshots", Log: "log", Ls: "ls",
    Find: "find", Diff: "diff", Cat: "cat", Stats: "stats", Restore: "restore", ExportSql: "export-sql",
    Verify: "verify", Drill: "drill", Evidence: "evidence", Forget: "forget", Prune: "prune", Purge: "purge",
    Copy: "copy", Accept: "accept", Leases: "leases", Hold: "hold", Repair: "repair", Protect: "protect",
    Recover: "recover", Check: "check", Grants: "grants", Key: "key", Supplemental: "supplemental",
    Config: "config", Completions: "completions", Man: "man", Preview: "preview",
}

/// The hint for words that no command takes: of the first command that is named.
pub fn hint_for_words(words: &[OsString]) -> &'static str {
    let named = words.iter().find_map(|word| HELPS.iter().find(|(name, _)| word == name));
    named.map_or("`enamel --help` lists the commands.", |(_, hint)| hint)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::args::Args;

    #[test]
    fn every_command_has_the_hint_of_its_own_help() {
        let mut names: Vec<_> = Args::command().get_subcommands().map(|own| own.get_name().to_owned()).collect();
        names.sort();
        let mut hinted: Vec<_> = HELPS.iter().map(|(name, _)| (*name).to_owned()).collect();
        hinted.sort();
        assert_eq!(hinted, names);
        for line in ["ls latest", "export-sql latest", "key list", "config show", "prune", "purge history"] {
            let words: Vec<OsString> = ["enamel"].into_iter().chain(line.split(' ')).map(OsString::from).collect();
            let hint = usage_hint(&Args::try_parse_from(&words).unwrap().command);
            assert_eq!(hint, hint_for_words(&words));
            assert!(hint.starts_with(&format!("`enamel {} --help`", line.split(' ').next().unwrap())), "{hint}");
        }
    }

    #[test]
    fn words_without_a_command_lead_to_the_list() {
        let words = ["enamel", "--quiet", "bakup"].map(OsString::from);
        assert_eq!(hint_for_words(&words), "`enamel --help` lists the commands.");
    }
}

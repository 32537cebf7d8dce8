//! Commands that users write into their settings.

use std::process::Command;

/// The program that understands them, on every Unix.
const SHELL: &str = "/bin/sh";

/// A process that will run `command`, a line of shell.
pub fn shell(command: &str) -> Command {
    let mut process = Command::new(SHELL);
    process.args(["-c", command]);
    process
}

//! Programs of the user that this one starts. They do not inherit passwords from enamel's environment.

use std::ffi::OsStr;
use std::process::Command;

use crate::environment;

/// The program that understands lines of shell, on every Unix.
const SHELL: &str = "/bin/sh";

/// A process that will run `command`, a line of shell.
pub fn shell(command: &str) -> Command {
    let mut process = program(OsStr::new(SHELL));
    process.args(["-c", command]);
    process
}

/// A process that will run the program `name`, which is looked for as a shell would.
pub fn program(name: &OsStr) -> Command {
    let mut process = Command::new(name);
    environment::hide_secrets(&mut process);
    process
}

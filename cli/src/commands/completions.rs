//! `enamel completions`: a script for the user's shell.

use clap_complete::Shell;
use engine::{Error, Result};

use crate::exit::Exit;
use crate::ui::Ui;

/// Print a script that lets a shell complete enamel's commands and options.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel completions bash > ~/.local/share/bash-completion/completions/enamel
  enamel completions fish > ~/.config/fish/completions/enamel.fish

Exit status: 0 done, 2 unknown shell")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the script for `command`, the whole command line.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: &CompletionsArgs, command: &mut clap::Command, ui: &Ui) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "enamel", &mut script);
    ui.with_out(|out| out.write_all(&script)).map_err(|e| Error::io("cannot write to standard output", e))?;
    Ok(Exit::Done)
}

//! `enamel man`: the help of all commands as manual pages, for packages.

use std::path::PathBuf;

use engine::{Error, Result};

use crate::exit::Exit;

/// Write the manual pages into a folder: one for enamel, and one for each command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel man /usr/local/share/man/man1

Exit status: 0 done, 1 failed, 2 usage")]
pub struct ManArgs {
    /// The folder; it is created if it does not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes the pages of `command`, the whole command line.
///
/// # Errors
/// The folder cannot be written.
pub fn run(args: &ManArgs, command: clap::Command) -> Result<Exit> {
    let failed = |error| Error::io(format!("cannot write manual pages into {}", args.folder.display()), error);
    std::fs::create_dir_all(&args.folder).map_err(failed)?;
    clap_mangen::generate_to(command, &args.folder).map_err(failed)?;
    Ok(Exit::Done)
}

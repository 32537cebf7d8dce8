//! `enamel cat`: the bytes of one file.

use std::ffi::OsString;

use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;

use crate::commands::ls::path_of;
use crate::context::Context;
use crate::exit::Exit;
use crate::snap::Snap;

/// Print a file of a snapshot to standard output, byte for byte.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel cat latest letters/S/SmithJohn.txt
  enamel cat latest opendental.sql | mysql opendental_copy

Exit status: 0 done, 1 failed or no such file, 2 usage, 10 no repository, 12 wrong password")]
pub struct CatArgs {
    /// The snapshot, as in `enamel --help`; or SNAP:PATH
    #[arg(value_name = "SNAP", value_parser = OsStringValueParser::new().try_map(Snap::parse))]
    snap: Snap,
    /// The file
    #[arg(value_name = "PATH")]
    path: Option<OsString>,
}

/// Prints the file.
///
/// # Errors
/// There is no such file, or it cannot be read.
pub fn run(args: &CatArgs, context: &Context<'_>) -> Result<Exit> {
    let path = path_of(&args.snap, args.path.as_ref())?;
    if path.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "name the file to print: enamel cat SNAP PATH"));
    }
    let repo = context.open(Access::Read)?;
    let snapshot = context.select(&repo, &args.snap)?;
    context.ui.with_out(|out| engine::snapshots::cat::cat(&repo, &snapshot, &path, out))?;
    Ok(Exit::Done)
}

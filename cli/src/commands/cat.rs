//! `enamel cat`: the bytes of one file.

use std::ffi::OsString;
use std::io::BufWriter;

use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::export::{ExportOptions, export_sql};
use engine::snapshots::part::{Part, part_at};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;

use crate::commands::export_sql::{BUFFER_BYTES, OnlyInterrupted, name_missing};
use crate::commands::ls::{path_of, stored};
use crate::context::Context;
use crate::exit::Exit;
use crate::snap::Snap;

/// Print a file of a snapshot to standard output, byte for byte; a table or schema as SQL.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel cat latest letters/S/SmithJohn.txt
  enamel cat latest opendental.sql | mysql opendental_copy
  enamel cat latest database/opendental/patient | less

Exit status: 0 done, 3 something is missing in the SQL: it is named, 1 failed or no such file, 2 usage, 10 no repository, 12 wrong password")]
pub struct CatArgs {
    /// The snapshot, as in `enamel --help`; or SNAP:PATH
    #[arg(value_name = "SNAP", value_parser = OsStringValueParser::new().try_map(Snap::parse))]
    snap: Snap,
    /// The file or table
    #[arg(value_name = "PATH")]
    path: Option<OsString>,
    /// Print one of the files in which Enamel stores a database, as `ls --raw` lists them
    #[arg(long)]
    raw: bool,
}

/// Prints the file.
///
/// # Errors
/// There is no such file, or it cannot be read.
pub fn run(args: &CatArgs, context: &Context<'_>) -> Result<Exit> {
    let path = path_of(&args.snap, args.path.as_ref())?;
    if path.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "name the file to print: enamel cat SNAP PATH")
            .with_hint("`enamel ls SNAP` lists what is in a snapshot."));
    }
    let repo = context.open(Access::Read)?;
    let snapshot = context.select(&repo, &args.snap)?;
    let (whole, part) = part_at(&repo, &snapshot, &path)?;
    let ui = context.ui;
    match part {
        Part::Server | Part::Schema | Part::Table if !args.raw => {
            let options = ExportOptions::of_path(&whole)?;
            let outcome = ui.with_out(|out| {
                let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
                export_sql(&repo, &snapshot, &options, &mut out, &OnlyInterrupted(ui))
            })?;
            name_missing(&outcome, ui);
            Ok(if outcome.left_out.is_empty() { Exit::Done } else { Exit::Incomplete })
        }
        Part::Stored if !args.raw => Err(stored(&whole)),
        _ => {
            ui.with_out(|out| engine::snapshots::cat::cat(&repo, &snapshot, &path, out))?;
            Ok(Exit::Done)
        }
    }
}

//! `enamel ls`: what a snapshot holds.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use repo_format::entry::Entry;

use crate::context::Context;
use crate::exit::Exit;
use crate::snap::Snap;
use crate::ui::{Ui, format, json};

/// List what a snapshot holds.
///
/// Give paths as in the snapshot, such as `images/A/xray.jpg`, whose first part is the name of the source; or as they
/// were saved, such as `/srv/images/A/xray.jpg`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel ls latest                          what was saved
  enamel ls latest images/S --long          one folder of it
  enamel ls latest@2026-11-20 --recursive   everything, at the end of that day

Exit status: 0 done, 1 failed or no such path, 2 usage, 10 no repository, 12 wrong password")]
pub struct LsArgs {
    /// The snapshot, as in `enamel --help`; or SNAP:PATH
    #[arg(value_name = "SNAP", value_parser = OsStringValueParser::new().try_map(Snap::parse))]
    snap: Snap,
    /// The folder to list, or a file
    #[arg(value_name = "PATH")]
    path: Option<OsString>,
    /// Show kinds, modes, owners, sizes and times too
    #[arg(long, short)]
    long: bool,
    /// List what is in folders too
    #[arg(long, short)]
    recursive: bool,
}

/// Lists a folder of a snapshot.
///
/// # Errors
/// There is no such snapshot or folder.
pub fn run(args: &LsArgs, context: &Context<'_>) -> Result<Exit> {
    let path = path_of(&args.snap, args.path.as_ref())?;
    let repo = context.open(Access::Read)?;
    let snapshot = context.select(&repo, &args.snap)?;
    let ui = context.ui;
    engine::snapshots::ls::ls(&repo, &snapshot, &path, args.recursive, &mut |path, entry| match (
        ui.is_interrupted(),
        ui.is_json(),
    ) {
        (true, _) => Err(Error::cancelled()),
        (_, true) => ui.message("entry", json::Entry::new(path, entry)),
        _ if args.long => print_long(ui, path, entry),
        _ => ui.line(format::path(path)),
    })?;
    Ok(Exit::Done)
}

/// The path, as part of SNAP:PATH or as an argument of its own; empty for the whole snapshot.
///
/// # Errors
/// The path is there twice.
pub fn path_of(snap: &Snap, path: Option<&OsString>) -> Result<Vec<u8>> {
    match (&snap.path, path) {
        (Some(_), Some(_)) => Err(Error::new(ErrorKind::Usage, "give the path once: after SNAP, or as SNAP:PATH")),
        (Some(path), None) => Ok(path.clone()),
        (None, Some(path)) => {
            let mut path = path.clone().into_vec();
            while path.len() > 1 && path.ends_with(b"/") {
                path.pop();
            }
            Ok(path)
        }
        (None, None) => Ok(Vec::new()),
    }
}

fn print_long(ui: &Ui, path: &[u8], entry: &Entry) -> Result<()> {
    let owner = |name: &Option<String>, id: u32| match name {
        Some(name) => format::path(name.as_bytes()),
        None => id.to_string(),
    };
    let target = entry.link_target.as_ref().map(|target| format!(" -> {}", format::path(&target.0)));
    ui.line(format_args!(
        "{} {:<8} {:<8} {:>10} {} {}{}",
        format::mode(entry),
        owner(&entry.user, entry.uid),
        owner(&entry.group, entry.gid),
        format::bytes(entry.size),
        format::time(entry.mtime()),
        format::path(path),
        target.unwrap_or_default(),
    ))
}

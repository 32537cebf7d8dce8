//! `enamel ls`: what a snapshot holds.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clap::builder::{OsStringValueParser, TypedValueParser};
use engine::snapshots::ls::{Listed, list, ls};
use engine::snapshots::part::{Part, part_at};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use repo_format::entry::Entry;
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::snap::Snap;
use crate::ui::{Ui, format, json};

/// List what a snapshot holds.
///
/// Give paths as in the snapshot, such as `images/A/xray.jpg`, whose first part is the name of the source; or as they
/// were saved, such as `/srv/images/A/xray.jpg`. In a database it lists schemas and tables; `database/shop/orders` is a table.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel ls latest                              what was saved
  enamel ls latest images/S --long              one folder of it
  enamel ls @2026-11-20 --recursive             everything, as that day ended
  enamel ls latest database/opendental --long   tables, with their rows

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
    /// List the files in which Enamel stores a database, instead of its tables
    #[arg(long)]
    raw: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    #[serde(flatten)]
    entry: json::Entry<'a>,
    #[serde(flatten)]
    part: json::DatabasePart,
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
    if args.raw {
        ls(&repo, &snapshot, &path, args.recursive, &mut |path, entry| {
            print(args, ui, &Listed { path, entry, part: Part::Plain, size: None })
        })?;
        return Ok(Exit::Done);
    }
    let (whole, part) = part_at(&repo, &snapshot, &path)?;
    if part == Part::Stored {
        return Err(stored(&whole));
    }
    list(&repo, &snapshot, &path, args.recursive, &mut |listed| print(args, ui, listed))?;
    Ok(Exit::Done)
}

/// Said of a path that only this program reads.
pub fn stored(path: &[u8]) -> Error {
    let message = format!("`{}` is one of the files in which a database is stored", format::path(path));
    Error::new(ErrorKind::Usage, message)
        .with_hint("Name the table, as in `database/shop/orders`; --raw shows how Enamel stores it.")
}

fn print(args: &LsArgs, ui: &Ui, listed: &Listed<'_>) -> Result<()> {
    let Listed { path, entry, part, size } = listed;
    if ui.is_interrupted() {
        return Err(Error::cancelled());
    }
    if ui.is_json() {
        let part = json::DatabasePart::new(*part, *size);
        return ui.message("entry", Message { entry: json::Entry::new(path, entry), part });
    }
    match part {
        _ if !args.long => ui.line(format::path(path)),
        Part::Plain | Part::Stored => print_long(ui, path, entry),
        Part::Server | Part::Schema | Part::Table => print_part(ui, listed),
    }
}

/// Prints a part of a database in the columns of files, which have modes and owners.
fn print_part(ui: &Ui, listed: &Listed<'_>) -> Result<()> {
    let (noun, size) = match (listed.part, listed.size) {
        (Part::Table, Some(size)) => ("table", (format::counted(size.rows, "row"), format::bytes(size.bytes))),
        (Part::Table, None) => ("table", ("damaged".to_owned(), String::new())),
        (Part::Schema, _) => ("schema", Default::default()),
        _ => ("server", Default::default()),
    };
    let (rows, bytes) = size;
    let (time, path) = (format::time(listed.entry.mtime()), format::path(listed.path));
    ui.line(format_args!("{noun:<10} {rows:<17} {bytes:>10} {time} {path}"))
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

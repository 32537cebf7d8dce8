//! `enamel supplemental`: a second, encrypted copy of critical data with somebody who cannot read it.

mod list;
mod scrub;

use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;
use engine::store::{LocalStore, Store};
use engine::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::exit::Exit;
use crate::settings::{Place, parse_place};

/// A second, encrypted copy of critical data, with a host who cannot read it.
///
/// These commands are for the host: they need no password and no key, and can read nothing that is saved.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel supplemental list s3://practices/
  enamel supplemental scrub s3://practices/4711

Exit status: 0 done, 1 failed, 2 usage, 3 something needs attention, 4 damage, 10 no repository, 12 wrong password")]
pub struct SupplementalArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(list::ListArgs),
    Scrub(scrub::ScrubArgs),
}

/// Runs the sub-command.
///
/// # Errors
/// See each of them.
pub fn run(args: &SupplementalArgs, context: &Context<'_>) -> Result<Exit> {
    match &args.action {
        Action::List(args) => list::run(args, context),
        Action::Scrub(args) => scrub::run(args, context),
    }
}

/// The store at `place`, whatever is there.
fn store_at(place: &Place, context: &Context<'_>) -> Result<Arc<dyn Store>> {
    match place {
        Place::Folder(path) => local(path),
        Place::ObjectStorage(address) => Ok(Arc::new(context.object_storage(address)?)),
    }
}

fn local(path: &Path) -> Result<Arc<dyn Store>> {
    if !path.is_dir() {
        return Err(Error::new(ErrorKind::NoRepository, format!("there is no folder {}", path.display())));
    }
    Ok(Arc::new(LocalStore::open(path).map_err(Error::from)?))
}

fn parse(location: &Path) -> Result<Place> {
    parse_place(location)
}

//! `enamel supplemental`: a second, encrypted copy of critical data with somebody who cannot read it.

mod admin;
mod deliver;
mod history;
mod list;
mod office;
mod parts;
mod password;
mod run;
mod scrub;
mod status;
mod switch;
mod verify;

use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;
use engine::store::{LocalStore, Store};
use engine::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::exit::Exit;
use crate::settings::{Place, Storage};

pub use office::Office;
pub use run::{after_backup, newest_administrator};
pub use status::{missed_by as missed, tell as tell_status};

/// A second, encrypted copy of critical data, with a host who cannot read it.
///
/// After each backup that saves a database, Enamel copies what is new into a second repository: in object storage of a
/// host, or in a folder of your own. It has its own keys. This computer opens it with a key file, and the administrator
/// with a password. A new administrator takes the place of the one before, who goes on opening what was copied in his or
/// her time. The host has no key. `list` and `scrub` are for the host, and need none.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel supplemental enable s3://host/practice-4711 --admin ada
  enamel supplemental status
  enamel supplemental disable

Exit status: 0 done, 1 failed, 2 usage, 3 something needs attention, 4 damage, 10 no repository, 12 wrong password")]
pub struct SupplementalArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Enable(switch::EnableArgs),
    Local(switch::LocalArgs),
    Disable(switch::DisableArgs),
    Status(status::StatusArgs),
    Run(run::RunArgs),
    Verify(verify::VerifyArgs),
    Admin(admin::AdminArgs),
    CheckPassword(password::CheckArgs),
    RecoverySheet(password::SheetArgs),
    Deliver(Box<deliver::DeliverArgs>),
    List(list::ListArgs),
    Scrub(scrub::ScrubArgs),
}

/// Runs the sub-command.
///
/// # Errors
/// See each of them.
pub fn run(args: &SupplementalArgs, context: &Context<'_>) -> Result<Exit> {
    match &args.action {
        Action::Enable(args) => switch::enable(args, context),
        Action::Local(args) => switch::local(args, context),
        Action::Disable(args) => switch::disable(args, context),
        Action::Status(args) => status::run(args, context),
        Action::Run(args) => run::run(args, context),
        Action::Verify(args) => verify::run(args, context),
        Action::Admin(args) => admin::run(args, context),
        Action::CheckPassword(args) => password::check(args, context),
        Action::RecoverySheet(args) => password::sheet(args, context),
        Action::Deliver(args) => deliver::run(args, context),
        Action::List(args) => list::run(args, context),
        Action::Scrub(args) => scrub::run(args, context),
    }
}

/// The store at `place`, whatever is there.
fn store_at(place: &Place, context: &Context<'_>) -> Result<Arc<dyn Store>> {
    match place {
        Place::Folder(path) => local_store(path),
        Place::ObjectStorage(address) => Ok(Arc::new(context.object_storage(address, Storage::Supplemental)?)),
    }
}

fn local_store(path: &Path) -> Result<Arc<dyn Store>> {
    if !path.is_dir() {
        return Err(Error::new(ErrorKind::NoRepository, format!("there is no folder {}", path.display())));
    }
    Ok(Arc::new(LocalStore::open(path).map_err(Error::from)?))
}

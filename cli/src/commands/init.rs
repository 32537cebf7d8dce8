//! `enamel init`: a new repository.

use std::path::Path;

use engine::repository::InitOptions;
use engine::store::{LocalStore, ObjectName, Store};
use engine::{Error, ErrorKind, Result};
use serde::Serialize;

use crate::context::Context;
use crate::environment::user_name;
use crate::exit::Exit;
use crate::settings::{Place, SecretSource};
use crate::strength::{Strength, WeakArg};

/// Make a new, empty repository.
///
/// A password locks it, which is asked for twice, or a key file, which suits unattended runs. A key file that does not
/// exist is created. Without the password or key file nobody can read the repository: keep a copy of it away from this
/// machine. A password of fewer than 8 characters, or one that is guessed first, needs --weak. You can add more
/// passwords and key files later with `enamel key add`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel init --repo /mnt/backup/practice
  enamel init --repo /mnt/backup/practice --key-file /etc/enamel/practice.key
  enamel init --repo s3://practice-backup/office

Exit status: 0 done, 1 failed or there is a repository already, 2 usage, 130 interrupted")]
pub struct InitArgs {
    /// A name for this password or key, shown by `enamel key list`; `user@host` if none is given
    #[arg(long)]
    label: Option<String>,
    #[command(flatten)]
    weak: WeakArg,
}

#[derive(Serialize)]
struct Summary {
    repository: String,
    id: String,
    unlock: String,
}

/// Makes the repository.
///
/// # Errors
/// There is one already, or the folder cannot be written.
pub fn run(args: &InitArgs, context: &Context<'_>) -> Result<Exit> {
    let ui = context.ui;
    let place = context.repository_place()?;
    refuse_existing(place, context)?;
    let secret = &context.settings.secret.value;
    refuse_key_inside(secret, place.folder())?;
    let credential = secret.new_credential(ui, Strength::of(args.weak))?;
    let store = make(place, context)?;
    let label = args.label.clone().unwrap_or_else(default_label);
    let id = engine::repository::init(&*store, &credential, &InitOptions { label })?;
    if ui.is_json() {
        let repository = place.to_string();
        ui.message("summary", Summary { repository, id: id.to_string(), unlock: secret.describe() })?;
        return Ok(Exit::Done);
    }
    if !ui.is_quiet() {
        ui.line(format_args!("made the repository {} in {}", crate::ui::format::short(id), place))?;
        ui.line(match secret {
            SecretSource::KeyFile(key) => format!(
                "Keep a copy of {} somewhere safe, away from this machine and from the repository.\n\
                 Without it nobody can ever read this repository.",
                key.display()
            ),
            _ => "Remember the password, and keep it written down somewhere safe.\n\
                  Without it nobody can ever read this repository."
                .to_owned(),
        })?;
    }
    Ok(Exit::Done)
}

/// The maker of a key: `user@host`.
pub fn default_label() -> String {
    format!("{}@{}", user_name(), host_name())
}

/// The name of this machine.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Refuses a key file inside the repository: anybody with the repository would have the key, too.
///
/// # Errors
/// The key file lies there.
pub fn refuse_key_inside(secret: &SecretSource, repository: Option<&Path>) -> Result<()> {
    let (SecretSource::KeyFile(key), Some(repository)) = (secret, repository) else { return Ok(()) };
    if std::path::absolute(key).is_ok_and(|key| key.starts_with(repository)) {
        Err(Error::new(
            ErrorKind::Usage,
            format!(
                "the key file {} would lie inside the repository, where everybody with the repository could read it",
                key.display()
            ),
        ))
    } else {
        Ok(())
    }
}

/// Refuses a place that holds a repository, before a password is asked for or a key file made.
fn refuse_existing(place: &Place, context: &Context<'_>) -> Result<()> {
    let config = match place {
        Place::Folder(path) => {
            let store = path.is_dir().then(|| LocalStore::open(path)).and_then(std::result::Result::ok);
            store.and_then(|store| store.stat(&ObjectName::Config).ok().flatten())
        }
        Place::ObjectStorage(address) => context.object_storage(address)?.stat(&ObjectName::Config)?,
    };
    match config {
        Some(_) => Err(Error::new(ErrorKind::RepositoryExists, format!("there is a repository already in {place}"))),
        None => Ok(()),
    }
}

/// A store at the place; a folder is made. A bucket must exist: it may cost money, and has an owner and rules.
///
/// # Errors
/// The folder cannot be made; settings or credentials that cannot be used.
pub fn make(place: &Place, context: &Context<'_>) -> Result<Box<dyn Store>> {
    Ok(match place {
        Place::Folder(path) => Box::new(LocalStore::create(path)?),
        Place::ObjectStorage(address) => Box::new(context.object_storage(address)?),
    })
}

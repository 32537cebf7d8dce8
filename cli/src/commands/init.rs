//! `enamel init`: a new repository.

use std::path::{Path, PathBuf};

use engine::monitor::Monitor;
use engine::repository::{Exclusive, InitOptions, Repository, config_flags, init, init_like};
use engine::store::{LocalStore, ObjectName, Store};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use repo_format::id::RepositoryId;
use serde::Serialize;

use crate::context::Context;
use crate::environment::{LIKE_PASSWORD, user_name};
use crate::exit::Exit;
use crate::settings::{Other, OtherNames, OtherSecret, Place, SecretSource, Storage};
use crate::strength::{Strength, WeakArg};

/// Make a new, empty repository.
///
/// A password locks it, which is asked for twice, or a key file, which suits unattended runs. A key file that does not
/// exist is created. Without the password or key file nobody can read the repository: keep a copy of it away from this
/// machine. A password of fewer than 8 characters, or one that is guessed first, needs --weak. You can add more
/// passwords and key files later with `enamel key add`.
///
/// With --like the new repository is for copies of another one (`enamel copy`): it cuts data alike and gives it the same
/// ids, so a copy need not be computed anew. Its own password or key file opens nothing of the other repository, and the
/// other's nothing of it.
///
/// Enamel tries whether object storage has conditional writes, which keep programs apart that write at once. Without
/// them a prune, a repair and a change of keys must be alone: backups wait for them, and they fail while a backup runs.
/// Storage that accepts conditions and does not keep them is refused, for example buckets with versions or locks on
/// Ceph. With --exclusive-prune it is used as if it had none, which is safe.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel init --repo /mnt/backup/practice
  enamel init --repo /mnt/backup/practice --key-file /etc/enamel/practice.key
  enamel init --repo s3://practice-backup/office
  enamel init --repo s3://locked-bucket/office --exclusive-prune
  enamel init --repo /mnt/usb/copy --key-file copy.key \\
      --like /mnt/backup/practice --like-key-file practice.key

Exit status: 0 done, 1 failed or there is a repository already, 2 usage, 130 interrupted")]
pub struct InitArgs {
    /// A name for this password or key, shown by `enamel key list`; `user@host` if none is given
    #[arg(long)]
    label: Option<String>,
    #[command(flatten)]
    weak: WeakArg,
    #[command(flatten)]
    like: LikeArgs,
    /// Rely on no conditional writes of object storage, even if it seems to have them
    #[arg(long)]
    exclusive_prune: bool,
}

/// The repository that the new one is to be like.
#[derive(Debug, Clone, clap::Args)]
struct LikeArgs {
    /// Make a repository for copies of this one
    #[arg(long, value_name = "REPO")]
    like: Option<PathBuf>,
    /// Unlock that one with this key file [or ENAMEL_LIKE_KEY_FILE]
    #[arg(long, value_name = "FILE", requires = "like")]
    like_key_file: Option<PathBuf>,
    /// Unlock that one with the password in the first line of this file [or ENAMEL_LIKE_PASSWORD: the password itself]
    #[arg(long, value_name = "FILE", requires = "like")]
    like_password_file: Option<PathBuf>,
    /// Unlock that one with the password that this shell command prints
    #[arg(long, value_name = "COMMAND", requires = "like")]
    like_password_command: Option<String>,
}

const LIKE_NAMES: OtherNames = OtherNames {
    place: "--like",
    options: ["--like-key-file", "--like-password-file", "--like-password-command"],
    variables: ["ENAMEL_LIKE_KEY_FILE", LIKE_PASSWORD],
    storage: Storage::Copy,
};

impl LikeArgs {
    fn other(&self) -> Result<Option<Other>> {
        let Some(place) = &self.like else { return Ok(None) };
        let secret = OtherSecret {
            key_file: self.like_key_file.clone(),
            password_file: self.like_password_file.clone(),
            password_command: self.like_password_command.clone(),
        };
        Other::new(place, secret, &LIKE_NAMES).map(Some)
    }
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
    refuse_existing(place, Storage::Repository, context)?;
    let secret = &context.settings.secret.value;
    let like = args.like.other()?;
    let like = like.map(|like| context.open_other(&like, Access::Read)).transpose()?;
    let new = New {
        place,
        secret,
        strength: Strength::of(args.weak),
        label: args.label.clone(),
        like: like.as_ref(),
        storage: Storage::Repository,
        exclusive: if args.exclusive_prune { Exclusive::Always } else { Exclusive::IfNeeded },
    };
    let id = new.make(context)?;
    if ui.is_json() {
        let repository = place.to_string();
        ui.message("summary", Summary { repository, id: id.to_string(), unlock: secret.describe() })?;
        return Ok(Exit::Done);
    }
    if !ui.is_quiet() {
        ui.prose(format_args!("made the repository {} in {}", crate::ui::format::short(id), place))?;
        ui.prose(match secret {
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
        )
        .with_hint("Name a file elsewhere with --key-file, best on another disk."))
    } else {
        Ok(())
    }
}

/// A repository that is to be made.
pub struct New<'n> {
    /// Its place.
    pub place: &'n Place,
    /// The password or key that will unlock it.
    pub secret: &'n SecretSource,
    /// How easily a password may be guessed.
    pub strength: Strength,
    /// The owner of the key.
    pub label: Option<String>,
    /// The repository that it is to hold copies of.
    pub like: Option<&'n Repository>,
    /// The place whose settings of object storage hold for it.
    pub storage: Storage,
    /// When programs are kept apart by leases alone.
    pub exclusive: Exclusive,
}

/// Said of a repository in which programs are kept apart by leases alone.
const NO_CONDITIONS: &str = "nothing relies on conditional writes in this repository: a prune, a repair and a change of keys must be alone, so backups \
                             wait for them, and they fail while a backup runs; of runs that died see `enamel leases remove --help`";

impl New<'_> {
    /// Makes it.
    ///
    /// # Errors
    /// There is one already, or the place cannot be written.
    pub fn make(self, context: &Context<'_>) -> Result<RepositoryId> {
        refuse_existing(self.place, self.storage, context)?;
        refuse_key_inside(self.secret, self.place.folder())?;
        let credential = self.secret.new_credential(context.ui, self.strength)?;
        let store = make(self.place, self.storage, context)?;
        let options = InitOptions { label: self.label.unwrap_or_else(default_label), exclusive: self.exclusive };
        let id = match self.like {
            Some(like) => init_like(&*store, &credential, &options, like),
            None => init(&*store, &credential, &options),
        }?;
        if config_flags(&*store)?.is_exclusive() {
            context.ui.note(NO_CONDITIONS);
        }
        Ok(id)
    }
}

/// Refuses a place that holds a repository, before a password is asked for or a key file made.
fn refuse_existing(place: &Place, storage: Storage, context: &Context<'_>) -> Result<()> {
    let config = match place {
        Place::Folder(path) => {
            let store = path.is_dir().then(|| LocalStore::open(path)).and_then(std::result::Result::ok);
            store.and_then(|store| store.stat(&ObjectName::Config).ok().flatten())
        }
        Place::ObjectStorage(address) => context.object_storage(address, storage)?.stat(&ObjectName::Config)?,
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
pub fn make(place: &Place, storage: Storage, context: &Context<'_>) -> Result<Box<dyn Store>> {
    Ok(match place {
        Place::Folder(path) => Box::new(LocalStore::create(path)?),
        Place::ObjectStorage(address) => Box::new(context.object_storage(address, storage)?),
    })
}

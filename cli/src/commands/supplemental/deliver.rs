//! `enamel supplemental deliver`: the copies, back on another computer.

use std::path::{Path, PathBuf};

use engine::copy::{CopyOptions, What, copy};
use engine::crypto::Credential;
use engine::host::look;
use engine::repository::members::{self, MemberInfo, MemberState, Unlock};
use engine::repository::{Exclusive, Repository};
use engine::snapshots::{self, Selector};
use engine::{Error, ErrorKind, Result, machine};
use repo_format::config::Access;
use serde::Serialize;

use super::office::OFFICE;
use super::store_at;
use crate::commands::copy::tell_troubles;
use crate::commands::init::New;
use crate::commands::load::{self, LoadArgs};
use crate::context::Context;
use crate::effect::Effect;
use crate::exit::Exit;
use crate::settings::edit::{self, Edit};
use crate::settings::{ACCESS_KEY, Other, Place, Reach, SecretSource, Storage, parse_place};
use crate::strength::Strength;
use crate::ui::format;
use crate::writer;

/// Bring the copies back on another computer.
///
/// LOCATION is where the copies are: object storage of the host, or a folder with the same files, as any program for
/// object storage copies them to a disk. The administrator's password, or a recovery sheet, opens them. With
/// --to-database Enamel restores the newest database into a server. With --to it makes a new repository for the
/// practice, and copies everything back; the same command again goes on where a run ended half-way. In object storage
/// LOCATION is reached as `[supplemental.s3]` in enamel.toml says, and REPO as `[s3]` says; without `[supplemental.s3]`
/// `[s3]` is for both. Enamel prints the lines that other computers need to open the new repository. With --new-office-key the new computer gets a key file of its own, and the key of
/// the lost computer opens nothing later.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel supplemental deliver s3://host/practice-4711
  enamel supplemental deliver /mnt/usb/4711 --to-database mysql://root@localhost
  enamel supplemental deliver s3://host/practice-4711 --to /srv/backup \\
      --to-new-key-file /etc/enamel/practice.key
  enamel supplemental deliver /mnt/usb/4711 --to s3://practice/new \\
      --to-new-key-file /etc/enamel/practice.key

Exit status: 0 done, 1 failed, 2 usage, 3 something could not be restored as it was, 10 no repository, 12 wrong password")]
pub struct DeliverArgs {
    /// Where the copies are: s3://BUCKET/PREFIX, or a folder
    #[arg(value_name = "LOCATION")]
    location: PathBuf,
    /// The password is in the first line of this file, instead of being asked for
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<PathBuf>,
    /// Make this repository, and copy everything into it: a folder, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "REPO", conflicts_with = "to_database", requires = "to_new_key_file")]
    to: Option<PathBuf>,
    /// The key file of the repository that --to makes
    #[arg(long, value_name = "FILE", requires = "to")]
    to_new_key_file: Option<PathBuf>,
    /// A key file for this computer, which takes the place of the lost computer's key of the copies
    #[arg(long, value_name = "FILE")]
    new_office_key: Option<PathBuf>,
    #[command(flatten)]
    load: LoadArgs,
}

/// Delivers.
///
/// # Errors
/// The copies cannot be opened or restored.
pub fn run(args: &DeliverArgs, context: &Context<'_>) -> Result<Exit> {
    let place = parse_place(&args.location)?;
    let back = args.back(&place, context)?;
    tell_whose(&place, context)?;
    let secret = match &args.admin_password_file {
        Some(path) => SecretSource::PasswordFile(path.clone()),
        None => SecretSource::Prompt,
    };
    let other = Other { place, secret, storage: Storage::Supplemental };
    let copies =
        context.open_other(&other, if args.new_office_key.is_some() { Access::Write } else { Access::Read })?;
    context.tell_what_is_later(&copies)?;
    list(&copies, context)?;
    let exit = match (&args.load.to_database, &back) {
        (Some(url), _) => {
            let newest = Selector::Latest { tag: None, until: None };
            let chosen = snapshots::select(&copies, &newest)?;
            chosen.remarks.iter().for_each(|remark| context.tell_incomplete(remark));
            load::run(&args.load, url, Effect::Real, &copies, &chosen.snapshot, context)?
        }
        (None, Some((to, key_file))) => copy_back(&copies, &Return { to, key_file }, context)?,
        (None, None) => Exit::Done,
    };
    if let Some(path) = &args.new_office_key {
        change_office_key(&copies, path, context)?;
    }
    Ok(exit)
}

impl DeliverArgs {
    /// The new repository and its key file.
    fn back(&self, copies: &Place, context: &Context<'_>) -> Result<Option<(Place, PathBuf)>> {
        let (Some(to), Some(key_file)) = (&self.to, &self.to_new_key_file) else { return Ok(None) };
        let to = parse_place(to)?.absolute()?;
        context.refuse_same((&to, Storage::Repository), (copies, Storage::Supplemental))?;
        let failed = |error| Error::io("cannot tell where the key file is", error);
        Ok(Some((to, std::path::absolute(key_file).map_err(failed)?)))
    }
}

/// Says whose password opens it, before the password is asked for.
fn tell_whose(place: &Place, context: &Context<'_>) -> Result<()> {
    let store = store_at(place, context)?;
    let practice = look(&*store, machine::now().seconds)?;
    if let Some(label) = &practice.administrator {
        context.ui.say(format_args!("the password is that of {}", format::path(label.as_bytes())));
    }
    Ok(())
}

fn list(copies: &Repository, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    let listed = snapshots::list(copies)?;
    for (id, error) in &listed.unreadable {
        context.tell_incomplete(format_args!("snapshot {} cannot be read: {error}", format::short(id)));
    }
    if listed.snapshots.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "there is no copy that this password opens"));
    }
    if ui.is_json() || ui.is_quiet() {
        return Ok(());
    }
    listed.snapshots.iter().try_for_each(|snapshot| {
        let time = format::time(snapshot.manifest.time());
        ui.line(format_args!("{}  {time}", format::short(snapshot.id)))
    })
}

/// The practice's new repository.
struct Return<'r> {
    to: &'r Place,
    key_file: &'r Path,
}

/// The message of it for programs.
#[derive(Serialize)]
struct Delivered {
    location: String,
    key_file: PathBuf,
    snapshots: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    s3: Option<Reach>,
}

fn copy_back(copies: &Repository, back: &Return<'_>, context: &Context<'_>) -> Result<Exit> {
    let target = open_or_make(copies, back, context)?;
    let options = CopyOptions { only: Vec::new(), writer: writer::own() };
    let outcome = copy(copies, &target, &What::All, &options, context.ui)?;
    let exit = tell_troubles(&outcome, context);
    tell_how_to_open(back, outcome.copied.len(), context)?;
    Ok(exit)
}

/// The new repository, or the one that a run which ended half-way has made: its key opens it.
fn open_or_make(copies: &Repository, back: &Return<'_>, context: &Context<'_>) -> Result<Repository> {
    let storage = Storage::Repository;
    let other = Other { place: back.to.clone(), secret: SecretSource::KeyFile(back.key_file.to_path_buf()), storage };
    if back.key_file.exists() {
        match context.open_other(&other, Access::Write) {
            Err(error) if error.kind() == ErrorKind::NoRepository => {}
            opened => return opened,
        }
    }
    let new = New {
        place: back.to,
        secret: &other.secret,
        strength: Strength::Strong,
        label: None,
        like: Some(copies),
        storage,
        exclusive: Exclusive::IfNeeded,
    };
    new.make(context)?;
    context.open_other(&other, Access::Write)
}

/// Says what the practice's computers need from now on. In object storage the place alone is not enough.
fn tell_how_to_open(back: &Return<'_>, copied: usize, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    let (to, key_file) = (back.to, back.key_file);
    let s3 = context.settings.reach(to, Storage::Repository)?;
    if ui.is_json() {
        let delivered = Delivered { location: to.to_string(), key_file: key_file.to_path_buf(), snapshots: copied, s3 };
        return ui.message("delivered", delivered);
    }
    if ui.is_quiet() {
        return Ok(());
    }
    let copied = format::counted(copied as u64, "snapshot");
    ui.prose(format_args!("the new repository in {to} has {copied}; its key is {}", key_file.display()))?;
    let Some(s3) = s3 else { return Ok(()) };
    ui.prose("To open it on another computer, copy the key file there, and write into its enamel.toml:")?;
    let mut file = Edit::of("")?;
    file.set("repository", Some(to.to_string().into()))?;
    file.set("key-file", Some(edit::path(key_file)?))?;
    file.text().lines().try_for_each(|line| ui.line(format_args!("  {line}")))?;
    s3.lines("s3")?.iter().try_for_each(|line| ui.line(format_args!("  {line}")))?;
    ui.prose(ACCESS_KEY)
}

/// Adds a key file, and retires those that were there: the lost computer's.
fn change_office_key(copies: &Repository, path: &std::path::Path, context: &Context<'_>) -> Result<()> {
    let secret = SecretSource::KeyFile(path.to_path_buf());
    let credential: Credential = secret.new_credential(context.ui, Strength::OffSite)?;
    let is_lost = |member: &MemberInfo| {
        member.state == MemberState::Active && member.unlock == Unlock::KeyFile && !member.is_self
    };
    let lost: Vec<_> = members::members(copies)?.into_iter().filter(is_lost).collect();
    members::add_member(copies, &credential, OFFICE)?;
    for member in lost {
        members::retire_member(copies, member.id)?;
    }
    context
        .ui
        .say(format_args!("{} opens the copies from now on, and no earlier key file opens later ones", path.display()));
    Ok(())
}

//! `enamel supplemental deliver`: the copies, back on another computer.

use std::path::PathBuf;

use engine::copy::{CopyOptions, What, copy};
use engine::crypto::Credential;
use engine::host::look;
use engine::repository::members::{self, MemberInfo, MemberState, Unlock};
use engine::repository::{Exclusive, Repository};
use engine::snapshots::{self, Selector};
use engine::{Error, ErrorKind, Result, machine};
use repo_format::config::Access;

use super::office::OFFICE;
use super::store_at;
use crate::commands::copy::tell_troubles;
use crate::commands::init::New;
use crate::commands::load::{self, LoadArgs};
use crate::context::Context;
use crate::effect::Effect;
use crate::exit::Exit;
use crate::settings::{Other, Place, SecretSource, Storage, parse_place};
use crate::strength::Strength;
use crate::ui::format;
use crate::writer;

/// Bring the copies back on another computer.
///
/// LOCATION is where the copies are: object storage of the host, or a folder with the same files, as any program for
/// object storage copies them to a disk. The administrator's password, or a recovery sheet, opens them. With
/// --to-database Enamel restores the newest database into a server. With --to it makes a new repository for the
/// practice, and copies everything back. With --new-office-key the new computer gets a key file of its own, and the key of
/// the lost computer opens nothing later.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel supplemental deliver s3://host/practice-4711
  enamel supplemental deliver /mnt/usb/4711 --to-database mysql://root@localhost
  enamel supplemental deliver s3://host/practice-4711 --to /srv/backup --to-new-key-file /etc/enamel/practice.key

Exit status: 0 done, 1 failed, 2 usage, 3 something could not be restored as it was, 10 no repository, 12 wrong password")]
pub struct DeliverArgs {
    /// Where the copies are: s3://BUCKET/PREFIX, or a folder
    #[arg(value_name = "LOCATION")]
    location: PathBuf,
    /// The password is in the first line of this file, instead of being asked for
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<PathBuf>,
    /// Make this repository, and copy everything into it
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
    let exit = match (&args.load.to_database, &args.to) {
        (Some(url), _) => {
            let newest = Selector::Latest { tag: None, until: None };
            let chosen = snapshots::select(&copies, &newest)?;
            chosen.remarks.iter().for_each(|remark| context.tell_incomplete(remark));
            load::run(&args.load, url, Effect::Real, &copies, &chosen.snapshot, context)?
        }
        (None, Some(to)) => copy_back(&copies, to, args.to_new_key_file.as_ref(), context)?,
        (None, None) => Exit::Done,
    };
    if let Some(path) = &args.new_office_key {
        change_office_key(&copies, path, context)?;
    }
    Ok(exit)
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

fn copy_back(copies: &Repository, to: &std::path::Path, key: Option<&PathBuf>, context: &Context<'_>) -> Result<Exit> {
    let place = parse_place(to)?;
    let Some(key) = key else { return Err(Error::new(ErrorKind::Usage, "--to-new-key-file is missing")) };
    let secret = SecretSource::KeyFile(key.clone());
    let storage = Storage::Repository;
    let new = New {
        place: &place,
        secret: &secret,
        strength: Strength::Strong,
        label: None,
        like: Some(copies),
        storage,
        exclusive: Exclusive::IfNeeded,
    };
    new.make(context)?;
    let target = context.open_other(&Other { place: place.clone(), secret, storage }, Access::Write)?;
    let options = CopyOptions { only: Vec::new(), writer: writer::own() };
    let outcome = copy(copies, &target, &What::All, &options, context.ui)?;
    let exit = tell_troubles(&outcome, context);
    if !context.ui.is_quiet() && !context.ui.is_json() {
        let copied = format::counted(outcome.copied.len() as u64, "snapshot");
        context.ui.prose(format_args!("the new repository in {place} has {copied}; its key is {}", key.display()))?;
    }
    Ok(exit)
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

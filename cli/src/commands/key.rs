//! `enamel key`: the passwords and key files that unlock a repository.

use std::path::PathBuf;

use clap::Subcommand;
use engine::crypto::NewMember;
use engine::evidence;
use engine::repository::members::{self, Change, MemberInfo, MemberState, Unlock};
use engine::repository::{Closed, Repository, Trust, close_epochs};
use engine::{Error, ErrorKind, Result, machine};
use repo_format::config::Access;
use repo_format::evidence::EvidenceKind;
use repo_format::member::Argon2Cost;
use serde::Serialize;

use crate::commands::evidence::Deed;
use crate::commands::init::{default_label, refuse_key_inside};
use crate::context::Context;
use crate::exit::Exit;
use crate::settings::SecretSource;
use crate::strength::{Strength, WeakArg};
use crate::ui::{Align, Table, format};

/// A trial of a key leaves evidence once in so many seconds.
const TRIED_FOR: i64 = 20 * 3600;

/// Manage passwords and key files.
///
/// Each password or key file alone unlocks the whole repository. Have at least two, for example a key file for the
/// hourly run and a password in the practice's safe.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel key list
  enamel key add --label 'safe'
  enamel key remove 9c41

Exit status: 0 done, 1 failed, 2 usage, 10 no repository, 11 another run took over, 12 wrong password")]
pub struct KeyArgs {
    #[command(subcommand)]
    action: KeyAction,
}

#[derive(Debug, Subcommand)]
enum KeyAction {
    Add(AddArgs),
    /// List passwords and key files; the secrets themselves are stored nowhere
    #[command(after_help = "\
Example
  enamel key list --json

Exit status: 0 done, 1 failed, 10 no repository, 12 wrong password")]
    List,
    Remove(RemoveArgs),
    Change(ChangeArgs),
    Close(CloseArgs),
}

/// The new secret. Without an option a new password is asked for twice.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct NewSecret {
    /// Use this key file, which is created if it does not exist
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
    /// Use the password in the first line of this file
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<PathBuf>,
}

/// Add a password or key file.
///
/// Without an option a new password is asked for twice.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel key add --label safe
  enamel key add --new-key-file /etc/enamel/server2.key --label server2

Exit status: 0 done, 1 failed, 2 usage, 10 no repository, 11 another run took over, 12 wrong password")]
struct AddArgs {
    #[command(flatten)]
    secret: NewSecret,
    #[command(flatten)]
    weak: WeakArg,
    /// A name for it, shown by `enamel key list`; `user@host` if none is given
    #[arg(long)]
    label: Option<String>,
}

/// Remove a password or key file.
///
/// It no longer unlocks data that is saved from now on. A person who kept a copy of the repository and of this key can
/// still read what was saved before. Enamel notes the snapshots that are in the repository now. So nobody can add
/// snapshots with the removed key as if they had been there before: Enamel names them and does not believe them.
///
/// With --retire the password or key file goes on opening what is in the repository now, and nothing later: for the
/// person who was responsible until today. It writes nothing any more. To end that, remove it without --retire.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel key remove 9c41
  enamel key remove --retire 9c41

Exit status: 0 done, 1 failed or no such key, 2 usage, 10 no repository, 11 another run took over, 12 wrong password")]
struct RemoveArgs {
    /// The first digits of its id, from `enamel key list`
    #[arg(value_name = "ID")]
    id: String,
    /// Let it go on opening what is there now, and nothing that is saved later
    #[arg(long)]
    retire: bool,
}

/// Replace the password or key file that this run uses by another.
///
/// Without an option a new password is asked for twice.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel key change
  enamel key change --compromised --new-key-file /etc/enamel/new.key

Exit status: 0 done, 1 failed, 2 usage, 10 no repository, 11 another run took over, 12 wrong password")]
struct ChangeArgs {
    #[command(flatten)]
    secret: NewSecret,
    #[command(flatten)]
    weak: WeakArg,
    /// Somebody else may know the old one: seal data that is saved from now on with new secrets
    #[arg(long)]
    compromised: bool,
}

/// Note what is there, so that a removed key can add nothing
///
/// `enamel key remove` and `enamel key change --compromised` include this. Run it yourself if they were interrupted,
/// and once if an older version of Enamel removed keys: look at `enamel snapshots` before. With --believe-all Enamel
/// also notes snapshots that it has named as not believed: for when the note has been lost.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel key close

Exit status: 0 done, 1 failed, 3 done, but some snapshots are not noted, 10 no repository, 11 another run took over, \
            12 wrong password")]
struct CloseArgs {
    /// Believe all snapshots that are there and can be read
    #[arg(long)]
    believe_all: bool,
}

#[derive(Serialize)]
struct ClosedMessage {
    noted_snapshots: u64,
    left_out: u64,
    had_to_be_done: bool,
}

#[derive(Serialize)]
struct MemberMessage {
    id: String,
    label: String,
    unlock: &'static str,
    created: String,
    is_self: bool,
    active: bool,
    /// When it was retired, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    retired: Option<String>,
}

#[derive(Serialize)]
struct Summary {
    action: &'static str,
    id: String,
}

/// Runs the sub-command.
///
/// # Errors
/// The repository cannot be opened or written, or there is no such key.
pub fn run(args: &KeyArgs, context: &Context<'_>) -> Result<Exit> {
    match &args.action {
        KeyAction::Add(args) => add(args, context),
        KeyAction::List => list(context),
        KeyAction::Remove(args) => remove(args, context),
        KeyAction::Change(args) => change(args, context),
        KeyAction::Close(args) => return close(args, context),
    }?;
    Ok(Exit::Done)
}

fn add(args: &AddArgs, context: &Context<'_>) -> Result<()> {
    let secret = new_secret(&args.secret, context)?;
    let repo = context.open(Access::Write)?;
    let credential = secret.new_credential(context.ui, strength(&repo, args.weak))?;
    let label = args.label.clone().unwrap_or_else(default_label);
    let cost = if is_supplemental(&repo) { Argon2Cost::OFF_SITE } else { Argon2Cost::DEFAULT };
    let id = members::add_new_member(&repo, &NewMember { credential: &credential, label: &label, cost })?;
    done(context, "added", id.to_string(), None)
}

/// Whether somebody else may hold the repository, who can try passwords for years. A card that cannot be read is one.
fn is_supplemental(repo: &Repository) -> bool {
    !matches!(repo.card(), Ok(None))
}

/// The requirements for a new password of the repository.
fn strength(repo: &Repository, weak: WeakArg) -> Strength {
    if is_supplemental(repo) { Strength::OffSite } else { Strength::of(weak) }
}

/// Leaves evidence that a key opens the repository, once a day: other computers know it then. With one key there is none to
/// try.
fn leave_trial(repo: &Repository, members: &[MemberInfo], context: &Context<'_>) -> Result<()> {
    let Some(own) = members.iter().find(|member| member.is_self) else { return Ok(()) };
    if members.len() < 2 || repo.as_of().is_some() {
        return Ok(());
    }
    let pieces = evidence::list(repo)?;
    let now = machine::now().seconds;
    if pieces.newest_trial_of(own.id).is_none_or(|piece| now.saturating_sub(piece.time.seconds) >= TRIED_FOR) {
        Deed::new(EvidenceKind::KeyTried, "key", format!("{} {}", own.id, own.label)).leave(repo, context);
    }
    Ok(())
}

fn list(context: &Context<'_>) -> Result<()> {
    let repo = context.open(Access::Read)?;
    // People try another key with this command, and `status` says when somebody did.
    repo.remember_opened()?;
    let members = members::members(&repo)?;
    leave_trial(&repo, &members, context)?;
    let ui = context.ui;
    let mut table = Table::new(&[
        ("ID", Align::Whole),
        ("KIND", Align::Whole),
        ("CREATED", Align::Whole),
        ("LABEL", Align::Left),
        ("", Align::Whole),
    ]);
    for member in members {
        let MemberInfo { id, label, created, unlock, is_self, state } = member;
        let unlock = match unlock {
            Unlock::Password => "password",
            Unlock::KeyFile => "key-file",
            Unlock::Unreadable => "unreadable",
        };
        let created = format::seconds(created);
        if ui.is_json() {
            let (id, created) = (id.to_string(), format::rfc3339(created));
            let (active, retired) = match state {
                MemberState::Retired(since) => (false, Some(format::rfc3339(format::seconds(since)))),
                MemberState::Active => (true, None),
                MemberState::Leftover => (false, None),
            };
            ui.message("key", MemberMessage { id, label, unlock, created, is_self, active, retired })?;
            continue;
        }
        let remark = match (is_self, state) {
            (_, MemberState::Retired(since)) => format!("retired {}", format::time(format::seconds(since))),
            (true, _) => "used by this run".to_owned(),
            (false, MemberState::Active) => String::new(),
            (false, MemberState::Leftover) => "opens nothing new".to_owned(),
        };
        let label = format::path(label.as_bytes());
        table.row([format::short(id), unlock.into(), format::time(created), label, remark]);
    }
    if ui.is_json() { Ok(()) } else { ui.table(&table) }
}

fn remove(args: &RemoveArgs, context: &Context<'_>) -> Result<()> {
    let repo = context.open(Access::Write)?;
    let member = find(&repo, &args.id)?;
    let action = match args.retire {
        true => members::retire_member(&repo, member.id).map(|()| "retired"),
        false => members::remove_member(&repo, member.id).map(|()| "removed"),
    }?;
    if member.is_self && !context.ui.is_quiet() {
        context.ui.warn("that was the key of this run: name another one from now on");
    }
    done(context, action, member.id.to_string(), None)
}

fn change(args: &ChangeArgs, context: &Context<'_>) -> Result<()> {
    let secret = new_secret(&args.secret, context)?;
    refuse_same_file(&secret, &context.settings.secret.value)?;
    let repo = context.open(Access::Write)?;
    let credential = secret.new_credential(context.ui, strength(&repo, args.weak))?;
    let change = if args.compromised { Change::Compromised } else { Change::Routine };
    let id = members::change_member(&repo, &credential, change)?;
    let (new, old) = (&secret, &context.settings.secret.value);
    let now = format!("the new {} unlocks the repository now, the old {} no longer does", named(new), named(old));
    done(context, "changed", id.to_string(), Some(now))
}

fn close(args: &CloseArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Write)?;
    let trust = if args.believe_all { Trust::All } else { Trust::Noted };
    let Closed { epoch, manifests, left_out } = close_epochs(&repo, trust)?;
    let ui = context.ui;
    let had_to_be_done = epoch.is_some() && manifests + left_out > 0;
    if ui.is_json() {
        ui.message("summary", ClosedMessage { noted_snapshots: manifests, left_out, had_to_be_done })?;
    } else if !ui.is_quiet() {
        if had_to_be_done {
            let noted = format::count(manifests);
            ui.prose(format_args!("believed snapshots and records that were noted: {noted}"))?
        } else {
            ui.prose("there was nothing to do: no key was removed since the last time")?
        }
    }
    if left_out > 0 {
        ui.warn(format_args!(
            "{} cannot be read or are not believed, and are not noted",
            format::counted(left_out, "snapshot")
        ));
    }
    Ok(if left_out > 0 { Exit::Incomplete } else { Exit::Done })
}

fn done(context: &Context<'_>, action: &'static str, id: String, more: Option<String>) -> Result<()> {
    let ui = context.ui;
    match (ui.is_json(), ui.is_quiet()) {
        (true, _) => ui.message("summary", Summary { action, id }),
        (_, true) => Ok(()),
        _ => {
            let more = more.map(|more| format!(": {more}")).unwrap_or_default();
            ui.line(format_args!("{action} key {}{more}", format::short(id)))
        }
    }
}

/// A password or key file in few words.
fn named(secret: &SecretSource) -> String {
    match secret {
        SecretSource::KeyFile(path) => format!("key file {}", path.display()),
        _ => "password".into(),
    }
}

fn new_secret(args: &NewSecret, context: &Context<'_>) -> Result<SecretSource> {
    let secret = match (&args.new_key_file, &args.new_password_file) {
        (Some(path), _) => SecretSource::KeyFile(path.clone()),
        (_, Some(path)) => SecretSource::PasswordFile(path.clone()),
        _ => SecretSource::Prompt,
    };
    refuse_key_inside(&secret, context.repository_folder()?)?;
    Ok(secret)
}

fn refuse_same_file(new: &SecretSource, old: &SecretSource) -> Result<()> {
    let same = match (new, old) {
        (SecretSource::KeyFile(new), SecretSource::KeyFile(old))
        | (SecretSource::PasswordFile(new), SecretSource::PasswordFile(old)) => {
            new.canonicalize().is_ok_and(|new| old.canonicalize().is_ok_and(|old| new == old))
        }
        _ => false,
    };
    if same {
        Err(Error::new(ErrorKind::Usage, format!("the new {} is the one in use", new.describe()))
            .with_hint("Name another one: --new-key-file or --new-password-file."))
    } else {
        Ok(())
    }
}

fn find(repo: &Repository, prefix: &str) -> Result<MemberInfo> {
    let prefix = prefix.to_ascii_lowercase();
    let mut found = members::members(repo)?.into_iter().filter(|member| member.id.to_string().starts_with(&prefix));
    match (found.next(), found.next()) {
        (None, _) => Err(Error::new(ErrorKind::NotFound, format!("there is no key whose id begins with `{prefix}`"))),
        (Some(_), Some(_)) => {
            Err(Error::new(ErrorKind::Usage, format!("several keys have ids that begin with `{prefix}`"))
                .with_hint("`enamel key list` shows the ids: give more digits."))
        }
        (Some(member), None) => Ok(member),
    }
}

//! `enamel supplemental admin`: whose password opens the copies.

use std::path::PathBuf;

use engine::crypto::{Credential, NewMember};
use engine::repository::Repository;
use engine::repository::members::{self, MemberState};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use repo_format::id::MemberId;
use repo_format::member::Argon2Cost;
use serde::Serialize;

use super::history::{self, Event};
use super::office::Office;
use crate::context::Context;
use crate::environment::program;
use crate::exit::Exit;
use crate::settings::SecretSource;
use crate::strength::{self, Strength};
use crate::ui::format;

/// Letters of initials.
const INITIALS_MAX: usize = 4;

/// Name the administrator whose password opens the copies from now on.
///
/// The password is one of its own, for the copies only. The administrator before goes on opening what was copied until
/// now, with the password of then, and nothing later. Everybody at the host can read LABEL, so it is the initials of NAME
/// unless you say otherwise. To change a password, name the same person again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel supplemental admin ada
  enamel supplemental admin 'Ada Lovelace' --generate

Exit status: 0 done, 1 failed, 2 usage, 11 another run changed the keys, 12 wrong password")]
pub struct AdminArgs {
    /// The administrator, as the practice's software names him or her
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    new: NewPassword,
}

#[derive(Debug, clap::Args)]
pub struct NewPassword {
    /// The password is in the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "generate")]
    admin_password_file: Option<PathBuf>,
    /// Make a password of five words, and print it once
    #[arg(long)]
    generate: bool,
    /// The host sees this instead of the name [default: the initials]
    #[arg(long, value_name = "LABEL")]
    admin_label: Option<String>,
}

/// An administrator that another command names.
#[derive(Debug, clap::Args)]
pub struct NewAdmin {
    /// The administrator whose password opens the copies; see `enamel supplemental admin`
    #[arg(long = "admin", value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    new: NewPassword,
}

impl NewAdmin {
    /// Whether there is one.
    pub fn is_named(&self) -> bool {
        self.name.is_some()
    }

    /// Refuses options about an administrator without a name.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`].
    pub fn check(&self) -> Result<()> {
        let is_asked = self.new.generate || self.new.admin_password_file.is_some() || self.new.admin_label.is_some();
        if is_asked && self.name.is_none() {
            return Err(Error::new(ErrorKind::Usage, "--admin NAME is missing: whose password is it?")
                .with_hint("Name the administrator with --admin NAME, or leave the options of a new password out."));
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Summary<'a> {
    administrator: &'a str,
    id: String,
    label: &'a str,
}

/// Names the administrator.
///
/// # Errors
/// The password is weak, or a repository cannot be written.
pub fn run(args: &AdminArgs, context: &Context<'_>) -> Result<Exit> {
    let office = Office::of(context)?;
    let source = context.open(Access::Write)?;
    let target = office.open(context, Access::Write)?;
    add(&args.name, &args.new, &source, &target, context)?;
    Ok(Exit::Done)
}

/// Names the administrator that another command was given.
///
/// # Errors
/// As [`run`].
pub fn set(admin: &NewAdmin, source: &Repository, target: &Repository, context: &Context<'_>) -> Result<()> {
    match &admin.name {
        Some(name) => add(name, &admin.new, source, target, context),
        None => Ok(()),
    }
}

fn add(name: &str, new: &NewPassword, source: &Repository, target: &Repository, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    let label = new.admin_label.clone().unwrap_or_else(|| initials(name));
    let credential = password(new, context)?;
    let new = NewMember { credential: &credential, label: &label, cost: Argon2Cost::OFF_SITE };
    let id = members::add_new_member(target, &new)?;
    // The record says whose key it is, before the others are retired: a run that dies here is simply repeated.
    history::note(source, &Event::Administrator { name: name.to_owned(), member: Some(id) })?;
    target.update_card(&program(), &|card| card.administrator = Some(id))?;
    for before in former(source, target, id)? {
        members::retire_member(target, before)?;
    }
    if ui.is_json() {
        return ui.message("administrator", Summary { administrator: name, id: id.to_string(), label: &label });
    }
    if ui.is_quiet() {
        return Ok(());
    }
    ui.prose(format_args!(
        "{name} opens the copies from now on; the host sees the label {}",
        format::path(label.as_bytes())
    ))
}

/// Administrators that are still active, without the new one.
fn former(source: &Repository, target: &Repository, new: MemberId) -> Result<Vec<MemberId>> {
    let named: Vec<_> = history::administrators(source)?.into_iter().map(|(_, member)| member).collect();
    let members = members::members(target)?.into_iter();
    let is_former = |member: &members::MemberInfo| {
        member.state == MemberState::Active && member.id != new && named.contains(&member.id)
    };
    Ok(members.filter(is_former).map(|member| member.id).collect())
}

fn password(new: &NewPassword, context: &Context<'_>) -> Result<Credential> {
    if new.generate {
        let password = strength::generate()?;
        context.ui.say(format_args!("the password, which is shown only now: {}", *password));
        return Ok(Credential::Password(password));
    }
    let source = match &new.admin_password_file {
        Some(path) => SecretSource::PasswordFile(path.clone()),
        None => SecretSource::Prompt,
    };
    source.new_credential(context.ui, Strength::OffSite)
}

/// The first letters of the words of a name.
fn initials(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter_map(|word| word.chars().next());
    words.take(INITIALS_MAX).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_sees_initials() {
        for (name, label) in [("ada", "A"), ("Ada Lovelace", "AL"), ("übel-ohm", "ÜO"), ("", ""), ("a b c d e", "ABCD")]
        {
            assert_eq!(initials(name), label);
        }
    }
}

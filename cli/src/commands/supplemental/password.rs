//! `enamel supplemental check-password` and `recovery-sheet`: passwords that somebody can still type in years.

use engine::crypto::{Credential, NewMember};
use engine::repository::Reminder;
use engine::repository::members;
use engine::{Error, ErrorKind, Result, machine};
use repo_format::config::Access;
use repo_format::member::Argon2Cost;

use super::office::Office;
use crate::context::Context;
use crate::exit::Exit;
use crate::settings::{ACCESS_KEY, SecretSource, Storage};
use crate::strength;
use crate::ui::format;

/// The owner of the key on paper. It stands in the clear in the repository.
const RECOVERY: &str = "recovery";

/// Try the administrator's password, and change nothing.
///
/// Enamel compares it with the key of the administrator, and remembers when that was. `enamel supplemental status`
/// reminds you until then, and again after 90 days.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel supplemental check-password

Exit status: 0 right, 1 failed, 2 usage, 10 no repository, 12 wrong password")]
pub struct CheckArgs {
    /// The password is in the first line of this file, instead of being asked for
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<std::path::PathBuf>,
}

/// Make a password for paper, and print it with instructions.
///
/// It opens all copies, those that are there and later ones, if the administrator's password is lost. Keep the sheet
/// where nobody reads it, and not only in the practice.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example
  enamel supplemental recovery-sheet | lp

Exit status: 0 done, 1 failed, 2 usage, 11 another run changed the keys, 12 wrong password")]
pub struct SheetArgs {}

/// Tries the password.
///
/// # Errors
/// [`ErrorKind::WrongPassword`]; a repository cannot be opened, or there is no administrator.
pub fn check(args: &CheckArgs, context: &Context<'_>) -> Result<Exit> {
    let office = Office::of(context)?;
    let source = context.open(Access::Read)?;
    let target = office.open(context, Access::Read)?;
    let Some(id) = target.card()?.and_then(|card| card.administrator) else {
        return Err(Error::new(
            ErrorKind::NotFound,
            "the copies have no administrator yet: run `enamel supplemental admin NAME`",
        ));
    };
    let secret = match &args.admin_password_file {
        Some(path) => SecretSource::PasswordFile(path.clone()),
        None => SecretSource::Prompt,
    };
    let credential = secret.credential_of(context.ui, &office.place)?;
    if !members::unlocks(&target, id, &credential, context.ui)? {
        let message = format!("this is not the password of the administrator (key {})", format::short(id));
        return Err(Error::new(ErrorKind::WrongPassword, message).with_hint(
            "Try again. If it is lost, `enamel supplemental admin NAME` makes another one for all that is copied from then on.",
        ));
    }
    source.remember_moment(Reminder::PasswordTried, machine::now())?;
    if !context.ui.is_quiet() && !context.ui.is_json() {
        context.ui.line("the password is right")?;
    }
    Ok(Exit::Done)
}

/// Makes the sheet.
///
/// # Errors
/// The second repository cannot be written.
pub fn sheet(_: &SheetArgs, context: &Context<'_>) -> Result<Exit> {
    let office = Office::of(context)?;
    let target = office.open(context, Access::Write)?;
    let password = strength::generate_for_paper()?;
    let text = password.to_string();
    let reach = context.settings.reach(&office.place, Storage::Supplemental)?;
    let reach = reach.map(|reach| reach.lines("supplemental.s3")).transpose()?;
    let credential = Credential::Password(password);
    let new = NewMember { credential: &credential, label: RECOVERY, cost: Argon2Cost::OFF_SITE };
    let id = members::add_new_member(&target, &new)?;
    let ui = context.ui;
    ui.line("Recovery of supplemental backups")?;
    ui.line(format_args!("  repository  {}", office.place))?;
    ui.line(format_args!("  key         {}", format::short(id)))?;
    ui.line(format_args!("  password    {text}"))?;
    if let Some(lines) = reach {
        ui.prose("Write into the enamel.toml of the new computer, which --config names:")?;
        lines.iter().try_for_each(|line| ui.line(format_args!("  {line}")))?;
        ui.prose(ACCESS_KEY)?;
    }
    ui.prose(format_args!(
        "On any computer with Enamel: enamel supplemental deliver {} --to REPO --to-new-key-file FILE, with this password.",
        office.place
    ))?;
    Ok(Exit::Done)
}

//! The recovery sheet: a password on paper, for the day on which computer and key are gone.

use std::path::Path;

use engine::crypto::{Credential, NewMember};
use engine::repository::{Repository, members};
use engine::{Error, ErrorKind, Result};
use repo_format::member::Argon2Cost;

use super::file::write_private;
use super::interview::{Interview, Question};
use crate::strength;
use crate::ui::format;

/// The owner of the key on paper. It stands in the clear in the repository.
pub const LABEL: &str = "recovery sheet";
/// Words that are typed back, counted from 0: nobody has read the sheet who cannot.
const TYPED_BACK: [usize; 2] = [2, 8];

/// Whether the repository has one.
///
/// # Errors
/// Its keys cannot be read.
pub fn is_there(repository: &Repository) -> Result<bool> {
    Ok(members::members(repository)?.iter().any(|member| member.label == LABEL))
}

/// Makes the password and its sheet, in `file` or at the terminal. The key is added only when words were typed back.
///
/// # Errors
/// The sheet cannot be written, the words do not come back, or the repository cannot be written.
pub fn make(interview: &Interview<'_>, repository: &Repository, place: &str, file: Option<&Path>) -> Result<()> {
    let password = strength::generate_for_paper()?;
    let words = password.to_string();
    let text = text(place, &words);
    match file {
        Some(file) => {
            write_private(file, &text)?;
            interview.say(format_args!("The recovery sheet is in {}. Print it, and delete the file.", file.display()));
        }
        None => {
            interview.ui.line(format_args!("\n{text}"))?;
            type_back(interview, &words)?;
        }
    }
    let credential = Credential::Password(password);
    let new = NewMember { credential: &credential, label: LABEL, cost: Argon2Cost::OFF_SITE };
    let id = members::add_new_member(repository, &new)?;
    interview.say(format_args!("The password on the sheet is key {}.", format::short(id)));
    Ok(())
}

fn text(place: &str, words: &str) -> String {
    format!(
        "RECOVERY SHEET\n\
         Keep it on paper away from this computer, where only people you trust can read it.\n\
         Anybody who has it and the backups can read everything.\n\n\
         backups   {place}\n\
         password  {words}\n\n\
         To bring everything back on any computer with Enamel:\n\
         enamel --repo {place} restore latest --target DIR\n"
    )
}

fn type_back(interview: &Interview<'_>, words: &str) -> Result<()> {
    let words: Vec<&str> = words.split_whitespace().collect();
    interview.say("Write the password down now, or print this. Then type two of its words.");
    for at in TYPED_BACK {
        let text = format!("Word {} of the password", at + 1);
        let question = Question { text: &text, default: None, option: "--recovery-sheet FILE" };
        interview.ask(&question, |answer| {
            if words.get(at).is_some_and(|word| word.eq_ignore_ascii_case(answer)) {
                return Ok(());
            }
            Err(Error::new(ErrorKind::Usage, format!("word {} on the sheet is another one", at + 1)))
        })?;
    }
    Ok(())
}

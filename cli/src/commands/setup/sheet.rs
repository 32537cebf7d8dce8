//! The recovery sheet: a password on paper, for the day on which computer and key are gone.

use std::path::Path;

use engine::crypto::{Credential, NewMember};
use engine::repository::{Repository, members};
use engine::{Error, ErrorKind, Result};
use repo_format::member::Argon2Cost;
use zeroize::Zeroizing;

use super::file::write_private;
use super::interview::{Interview, Question};
use crate::context::Context;
use crate::settings::{ACCESS_KEY, Place, Storage};
use crate::strength;
use crate::ui::format;

/// The owner of the key on paper. It stands in the clear in the repository.
pub const LABEL: &str = "recovery sheet";
/// Words that are typed back, counted from 0: nobody has read the sheet who cannot.
pub const TYPED_BACK: [usize; 2] = [2, 8];

/// Whether the repository has one.
///
/// # Errors
/// Its keys cannot be read.
pub fn is_there(repository: &Repository) -> Result<bool> {
    Ok(members::members(repository)?.iter().any(|member| member.label == LABEL))
}

/// A sheet that nobody has yet: its password opens nothing.
pub struct Sheet {
    password: Zeroizing<String>,
    place: String,
    /// Lines of enamel.toml without which no other computer reaches the place.
    lines: Vec<String>,
    has_database: bool,
}

impl Sheet {
    /// A sheet with a new password, for the backups in `place`.
    ///
    /// # Errors
    /// The system has no randomness; settings of object storage that cannot be used.
    pub fn new(place: &Place, context: &Context<'_>) -> Result<Self> {
        let reach = context.settings.reach(place, Storage::Repository)?;
        let lines = reach.map(|reach| reach.lines("s3")).transpose()?.unwrap_or_default();
        let has_database = context.settings.file.database.is_some();
        Ok(Sheet { password: strength::generate_for_paper()?, place: place.to_string(), lines, has_database })
    }

    /// Whether it names this place.
    pub fn is_for(&self, place: &Place) -> bool {
        self.place == place.to_string()
    }

    /// Lines of enamel.toml without which no other computer reaches the place.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The commands that bring everything back on another computer.
    pub fn commands(&self) -> Vec<String> {
        let restore = |to| format!("enamel --repo {} restore latest {to}", self.place);
        let database = self.has_database.then(|| restore("--to-database mysql://root@localhost"));
        std::iter::once(restore("--target DIR")).chain(database).collect()
    }

    /// The words of the password.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.password.split_whitespace()
    }

    /// The sheet as a text.
    pub fn text(&self) -> Zeroizing<String> {
        let (place, words) = (&self.place, &*self.password);
        let lines: String = self.lines.iter().map(|line| format!("  {line}\n")).collect();
        let lines = if lines.is_empty() {
            lines
        } else {
            format!("Write into the enamel.toml of that computer, which --config names:\n{lines}{ACCESS_KEY}\n")
        };
        Zeroizing::new(format!(
            "RECOVERY SHEET\n\
             Keep it on paper away from this computer, where only people you trust can read it.\n\
             Anybody who has it and the backups can read everything.\n\n\
             backups   {place}\n\
             password  {words}\n\n\
             To bring everything back on any computer with Enamel:\n\
             {lines}{}\n",
            self.commands().join("\n")
        ))
    }

    /// Checks a word that is typed back.
    ///
    /// # Errors
    /// It is another one.
    pub fn check(&self, at: usize, answer: &str) -> Result<()> {
        if self.words().nth(at).is_some_and(|word| word.eq_ignore_ascii_case(answer.trim())) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Usage, format!("word {} on the sheet is another one", at + 1)))
    }

    /// Lets the password open the repository. Returns the short number of this key.
    ///
    /// # Errors
    /// The repository cannot be written.
    pub fn add_to(&self, repository: &Repository) -> Result<String> {
        let credential = Credential::Password(self.password.clone());
        let new = NewMember { credential: &credential, label: LABEL, cost: Argon2Cost::OFF_SITE };
        members::add_new_member(repository, &new).map(format::short)
    }
}

/// Gives the sheet to the user, in `file` or at the terminal. The key is added only when words were typed back.
///
/// # Errors
/// The sheet cannot be written, the words do not come back, or the repository cannot be written.
pub fn make(interview: &Interview<'_>, repository: &Repository, sheet: &Sheet, file: Option<&Path>) -> Result<()> {
    match file {
        Some(file) => {
            write_private(file, &sheet.text())?;
            interview.say(format_args!("The recovery sheet is in {}. Print it, and delete the file.", file.display()));
        }
        None => {
            interview.ui.line(format_args!("\n{}", *sheet.text()))?;
            type_back(interview, sheet)?;
        }
    }
    let key = sheet.add_to(repository)?;
    interview.say(format_args!("The password on the sheet is key {key}."));
    Ok(())
}

fn type_back(interview: &Interview<'_>, sheet: &Sheet) -> Result<()> {
    interview.say("Write the password down now, or print this. Then type two of its words.");
    for at in TYPED_BACK {
        let text = format!("Word {} of the password", at + 1);
        let question = Question { text: &text, default: None, option: "--recovery-sheet FILE" };
        interview.ask(&question, |answer| sheet.check(at, answer))?;
    }
    Ok(())
}

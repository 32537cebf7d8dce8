//! Questions to the user, with what was answered before as the default.

use std::io::{self, BufRead, Write};

use engine::error::chain;
use engine::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use crate::ui::Ui;

/// Answers that are not understood before the interview ends: input that comes from a program could go on for ever.
const TRIES: usize = 5;

/// Asks, or takes what the command line says.
pub struct Interview<'u> {
    /// The user interface.
    pub ui: &'u Ui,
    /// Nobody is asked: defaults hold, and what has none must be an option.
    pub is_silent: bool,
}

/// A question.
pub struct Question<'q> {
    /// The words.
    pub text: &'q str,
    /// The answer of an empty line.
    pub default: Option<String>,
    /// The option that answers it.
    pub option: &'static str,
}

impl Interview<'_> {
    /// Says something that belongs to the next question.
    pub fn say(&self, text: impl std::fmt::Display) {
        self.ui.say(text);
    }

    /// Asks until `accept` takes the answer; it says why it does not.
    ///
    /// # Errors
    /// Nobody is asked and there is no default, or the answers end, or none is taken.
    pub fn ask<T>(&self, question: &Question<'_>, accept: impl Fn(&str) -> Result<T>) -> Result<T> {
        if self.is_silent {
            return accept(&question.default.clone().ok_or_else(|| unanswered(question))?);
        }
        for _ in 0..TRIES {
            let default = question.default.as_ref().map(|text| format!(" [{text}]")).unwrap_or_default();
            let line = self.line(&format!("{}{default}: ", question.text), question)?;
            let given = if line.is_empty() { question.default.clone().unwrap_or_default() } else { line };
            match accept(&given) {
                Ok(answer) => return Ok(answer),
                Err(error) => self.ui.say(format_args!("  {}", chain(&error))),
            }
        }
        Err(unanswered(question))
    }

    /// Asks for yes or no.
    ///
    /// # Errors
    /// The answers end, or are neither.
    pub fn confirm(&self, question: &Question<'_>) -> Result<bool> {
        self.ask(question, |answer| match answer.to_lowercase().as_str() {
            "y" | "yes" => Ok(true),
            "n" | "no" => Ok(false),
            _ => Err(Error::new(ErrorKind::Usage, "answer yes or no")),
        })
    }

    /// Asks for something that is not shown. An empty answer is none.
    ///
    /// # Errors
    /// There is no terminal.
    pub fn secret(&self, text: &str) -> Result<Zeroizing<String>> {
        self.ui.flush()?;
        let answer = self.ui.interrupt().while_hidden(|| rpassword::prompt_password(text));
        answer
            .map(Zeroizing::new)
            .map_err(|error| Error::caused(ErrorKind::Usage, "there is no terminal to ask for a password", error))
    }

    fn line(&self, text: &str, question: &Question<'_>) -> Result<String> {
        let failed = |error| Error::io("cannot ask at the terminal", error);
        self.ui.flush()?;
        write!(io::stderr(), "{text}").map_err(failed)?;
        let mut line = String::new();
        let length = io::stdin().lock().read_line(&mut line).map_err(failed)?;
        if self.ui.is_interrupted() {
            return Err(Error::cancelled());
        }
        if length == 0 {
            let _ = writeln!(io::stderr());
            return Err(unanswered(question));
        }
        Ok(line.trim().to_owned())
    }
}

fn unanswered(question: &Question<'_>) -> Error {
    Error::new(ErrorKind::Usage, format!("there is no answer to: {}", question.text.trim_end_matches('?')))
        .context(format!("setup needs {}", question.option))
        .with_hint("Nothing that was set up before is lost: run the same command again.")
}

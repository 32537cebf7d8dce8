//! Reading the command line, and what is said of one that makes no sense.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::ErrorKind;

use crate::args::Args;
use crate::exit::Exit;
use crate::help;
use crate::ui::{format, json};
use crate::usage_hint::hint_for_words;

/// Longest argument that is repeated as it is, bytes.
const REPEATED_MAX: usize = 200;

/// Reads the arguments of this process.
///
/// # Errors
/// The exit code, when what there is to say has been said: help, the version, or what makes no sense.
pub fn parse() -> Result<Args, ExitCode> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let parsed = help::command().try_get_matches_from(&words).and_then(|matches| Args::from_arg_matches(&matches));
    parsed.map_err(|error| {
        // Nobody may be left to read it.
        let _ = tell(&error, &words);
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()))
    })
}

fn tell(error: &clap::Error, words: &[OsString]) -> io::Result<()> {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if is_help {
        return error.print();
    }
    let text = error.render().to_string();
    if words.iter().any(|word| word == "--json") {
        return writeln!(io::stderr(), "{}", as_json(&text, words)?);
    }
    // With colours, if nothing that was typed could harm a terminal.
    let is_plain =
        |word: &OsString| word.len() <= REPEATED_MAX && format::path(word.as_encoded_bytes()).len() == word.len();
    if words.iter().all(is_plain) {
        error.print()
    } else {
        writeln!(io::stderr(), "{}", format::message(text.trim_end()))
    }
}

/// The sentence at the beginning of `text`, as `exit_error`.
fn as_json(text: &str, words: &[OsString]) -> io::Result<String> {
    let sentence = text.split("\n\nUsage:").next().unwrap_or_default();
    let sentence = sentence.strip_prefix("error: ").unwrap_or(sentence).trim_end();
    let error = json::ExitError {
        code: Exit::Usage.code(),
        kind: "usage".into(),
        message: format::shortened(sentence),
        causes: Vec::new(),
        hint: Some(hint_for_words(words)),
    };
    json::line("exit_error", error).map_err(io::Error::other)
}

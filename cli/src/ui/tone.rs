//! Colour for words that should stand out: on a terminal only, and not where NO_COLOR is set. Each has a sign as well.

use std::io::IsTerminal;

use crate::environment;

/// How urgent a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not known.
    Unknown,
    /// Somebody should look at it.
    Attention,
    /// Data is lost or in danger.
    Bad,
}

impl Tone {
    /// The sign before the word, for people who do not see colours.
    pub fn sign(self) -> char {
        match self {
            Tone::Good => '✓',
            Tone::Unknown => '?',
            Tone::Attention => '!',
            Tone::Bad => '✗',
        }
    }

    fn code(self) -> &'static str {
        match self {
            Tone::Good => "32",
            Tone::Unknown => "36",
            Tone::Attention => "33",
            Tone::Bad => "1;31",
        }
    }
}

/// Whether a stream shows colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colours {
    are_shown: bool,
}

impl Colours {
    /// No colours.
    pub const NONE: Colours = Colours { are_shown: false };

    /// The colours of `stream`.
    pub fn of(stream: &impl IsTerminal) -> Self {
        let is_dumb = environment::variable("TERM").is_none_or(|term| term == "dumb");
        Colours { are_shown: stream.is_terminal() && !is_dumb && environment::variable("NO_COLOR").is_none() }
    }

    /// `text` in the colour of `tone`.
    pub fn paint(self, text: &str, tone: Tone) -> String {
        if self.are_shown && !text.is_empty() { format!("\x1b[{}m{text}\x1b[0m", tone.code()) } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_a_word_stays_as_it_is() {
        assert_eq!(Colours::NONE.paint("TOO OLD", Tone::Bad), "TOO OLD");
        assert_eq!(Colours { are_shown: true }.paint("TOO OLD", Tone::Bad), "\x1b[1;31mTOO OLD\x1b[0m");
    }

    #[test]
    fn a_stream_that_is_no_terminal_has_no_colours() {
        assert_eq!(Colours::of(&std::fs::File::open("/dev/null").unwrap()), Colours::NONE);
    }
}

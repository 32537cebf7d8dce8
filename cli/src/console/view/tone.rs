//! States as signs and colours; never a colour alone.

use engine::health::State;

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tone(pub State);

/// A sign with words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The sign.
    pub tone: Tone,
    /// The words.
    pub words: String,
}

impl Tone {
    /// As it should be.
    pub const GOOD: Tone = Tone(State::Good);
    /// Nobody can tell.
    pub const UNKNOWN: Tone = Tone(State::Unknown);
    /// Somebody should look.
    pub const ATTENTION: Tone = Tone(State::Attention);
    /// In danger.
    pub const BAD: Tone = Tone(State::Bad);

    /// For templates.
    pub fn is_good(self) -> bool {
        self == Tone::GOOD
    }

    /// For templates.
    pub fn is_attention(self) -> bool {
        self == Tone::ATTENTION
    }

    /// For templates.
    pub fn is_bad(self) -> bool {
        self == Tone::BAD
    }

    /// The class of a text of this tone.
    pub fn class(self) -> &'static str {
        match self.0 {
            State::Good => "t-ok",
            State::Unknown => "t-none",
            State::Attention => "t-warn",
            State::Bad => "t-bad",
        }
    }

    /// The class of a pill, a note or a mark of this tone.
    pub fn pill(self) -> &'static str {
        match self.0 {
            State::Good => "ok",
            State::Unknown => "",
            State::Attention => "warn",
            State::Bad => "bad",
        }
    }
}

impl Mark {
    /// A sign with words.
    pub fn new(tone: Tone, words: impl Into<String>) -> Self {
        Mark { tone, words: words.into() }
    }
}

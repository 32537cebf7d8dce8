//! The result of a check.

/// The state of a check. A later one is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// As it should be.
    Good,
    /// Nobody can tell yet.
    Unknown,
    /// Somebody should do something about it soon.
    Attention,
    /// Data is lost, or will be at the next mishap.
    Bad,
}

impl State {
    /// The name, for programs and for people.
    pub fn name(self) -> &'static str {
        match self {
            State::Good => "good",
            State::Unknown => "unknown",
            State::Attention => "attention",
            State::Bad => "bad",
        }
    }
}

/// The question that a check answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// Are backups made on time?
    OnTime,
    /// Is everything in them, and still there?
    Whole,
    /// Is every file there that the application names?
    NamedFiles,
    /// Was it proved that they can be brought back?
    Restorable,
    /// Was all data read again?
    ReadAgain,
    /// Is there a second copy in another place?
    SecondCopy,
    /// Is there a second key?
    Keys,
    /// Is there room for the next backups?
    Room,
    /// Does nothing look like an attack?
    Usual,
}

impl Question {
    /// The name, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Question::OnTime => "on-time",
            Question::Whole => "whole",
            Question::NamedFiles => "named-files",
            Question::Restorable => "restorable",
            Question::ReadAgain => "read-again",
            Question::SecondCopy => "second-copy",
            Question::Keys => "keys",
            Question::Room => "room",
            Question::Usual => "usual",
        }
    }
}

/// A figure behind a check, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Its name, with the unit at its end.
    pub name: &'static str,
    /// Its value.
    pub value: u64,
}

/// One thing that was checked. Its sentence names no file, table or person, so it may leave the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The question.
    pub question: Question,
    /// The answer.
    pub state: State,
    /// The age in seconds of what the answer is about, if it has one.
    pub age_seconds: Option<u64>,
    /// The answer in words.
    pub sentence: String,
    /// A command that helps; `None` if nothing needs help, or no command does.
    pub remedy: Option<&'static str>,
    /// The figures behind it.
    pub figures: Vec<Figure>,
}

impl Check {
    /// An answer without age, remedy and figures.
    pub(super) fn new(question: Question, state: State, sentence: impl Into<String>) -> Self {
        Check { question, state, age_seconds: None, sentence: sentence.into(), remedy: None, figures: Vec::new() }
    }

    /// With this age.
    pub(super) fn aged(self, age_seconds: Option<u64>) -> Self {
        Check { age_seconds, ..self }
    }

    /// With this remedy, unless the answer is good.
    pub(super) fn helped_by(self, remedy: &'static str) -> Self {
        Check { remedy: (self.state != State::Good).then_some(remedy), ..self }
    }

    /// With one figure more, if it is known.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Option<u64>>) -> Self {
        self.figures.extend(value.into().map(|value| Figure { name, value }));
        self
    }
}

/// The state of something that should not be older than `expected` seconds: it is bad at three times that age.
pub(super) fn state_of_age(age: u64, expected: u64) -> State {
    if age < expected {
        State::Good
    } else if age < expected.saturating_mul(3) {
        State::Attention
    } else {
        State::Bad
    }
}

//! Answers of people about held snapshots, and changes that they announce: records with words.

use std::collections::HashMap;
use std::str::FromStr;

use repo_format::id::LeaseId;
use repo_format::manifest::{Manifest, ManifestKind};

use crate::error::Result;
use crate::machine;
use crate::repository::{Author, Record, Repository};

const ANSWERED: &str = "hold-answered";
const EXPECTED: &str = "hold-expected";

/// The answer about a held snapshot in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Somebody of the practice made this change.
    Ours,
    /// It was an attack, and the source is well again.
    Over,
}

impl Verdict {
    const ALL: [(Verdict, &'static str); 2] = [(Verdict::Ours, "ours"), (Verdict::Over, "over")];

    /// The word for it in records.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Ours => "ours",
            Verdict::Over => "over",
        }
    }
}

/// An answer to a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The snapshot that is held.
    pub snapshot: LeaseId,
    /// The answer in one word.
    pub verdict: Verdict,
    /// Why, in the person's words.
    pub reason: String,
    /// When: seconds since 1970.
    pub seconds: i64,
    /// The person, with host and program.
    pub author: Author,
}

impl Answer {
    fn of(record: &Manifest) -> Option<Self> {
        let [first, snapshot, verdict, reason] = &record.tags[..] else { return None };
        let snapshot = LeaseId::from_str(snapshot).ok().filter(|_| first == ANSWERED)?;
        let verdict = Verdict::ALL.into_iter().find(|(_, name)| name == verdict)?.0;
        Some(Answer { snapshot, verdict, reason: reason.clone(), seconds: record.seconds, author: author(record) })
    }

    /// Puts it, durably.
    ///
    /// # Errors
    /// If it cannot be stored, or the reason is too long.
    pub fn put(&self, repository: &Repository) -> Result<()> {
        let tags = [ANSWERED, &self.snapshot.to_string(), self.verdict.name(), &self.reason];
        put(repository, &self.author, tags.map(str::to_owned).to_vec())
    }
}

/// A change of many files that is going to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// Until when: seconds since 1970.
    pub until: i64,
    /// Why, in the person's words.
    pub reason: String,
    /// The person; snapshots of the person's host are not held until then.
    pub author: Author,
}

impl Expectation {
    fn of(record: &Manifest) -> Option<Self> {
        let [first, until, reason] = &record.tags[..] else { return None };
        let until = until.parse().ok().filter(|_| first == EXPECTED)?;
        Some(Expectation { until, reason: reason.clone(), author: author(record) })
    }

    /// Puts it, durably.
    ///
    /// # Errors
    /// If it cannot be stored, or the reason is too long.
    pub fn put(&self, repository: &Repository) -> Result<()> {
        put(repository, &self.author, vec![EXPECTED.to_owned(), self.until.to_string(), self.reason.clone()])
    }
}

fn put(repository: &Repository, author: &Author, tags: Vec<String>) -> Result<()> {
    repository.put_record(author, Record { time: machine::now(), tags, ..Record::default() }).map(drop)
}

fn author(record: &Manifest) -> Author {
    let Manifest { host, user, program, .. } = record;
    Author { host: host.clone(), user: user.clone(), program: program.clone() }
}

/// Everything that people have said.
#[derive(Debug, Default)]
pub(super) struct Said {
    answers: HashMap<LeaseId, Answer>,
    expected: Vec<Expectation>,
}

impl Said {
    /// Everything that the records among `manifests` say.
    pub fn by<'m>(manifests: impl IntoIterator<Item = &'m Manifest>) -> Self {
        let mut said = Said::default();
        for record in manifests.into_iter().filter(|manifest| manifest.kind == ManifestKind::Record) {
            said.answers.extend(Answer::of(record).map(|answer| (answer.snapshot, answer)));
            said.expected.extend(Expectation::of(record));
        }
        said
    }

    /// The answer about a snapshot.
    pub fn answer_to(&self, snapshot: LeaseId) -> Option<&Answer> {
        self.answers.get(&snapshot)
    }

    /// Whether somebody expects changes on this host at this time.
    pub fn is_expected(&self, host: &str, now: i64) -> bool {
        self.expected.iter().any(|expected| expected.author.host == host && now < expected.until)
    }
}

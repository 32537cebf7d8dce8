//! The memory of notices: what was told to whom, in a file that outlives the agent.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::due::Told;
use super::facts::Facts;
use super::week::Week;
use crate::fnv;
use crate::schedule::{Tries, sent_at};
use crate::whole_file::{Unusable, read_json, write_json};

/// All that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeMemory {
    /// The newest facts.
    pub facts: Facts,
    /// The week since the last summary.
    pub week: Week,
    /// The channels by their keys.
    #[serde(default)]
    pub channels: BTreeMap<String, Channel>,
}

/// A channel: everything that went one way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Channel {
    /// The causes that were told.
    pub told: BTreeMap<Cause, Told>,
    /// The attempts to send.
    pub tries: Tries,
    /// For a monitor: what it has yet to hear.
    pub pending: Option<Pending>,
}

/// A message that a monitor has yet to hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The status of what ended; 0 is well.
    pub exit: u8,
    /// In one line.
    pub title: String,
    /// In more.
    pub text: String,
}

impl NoticeMemory {
    /// Nothing: the first week begins now.
    pub fn new(now: Timestamp) -> Self {
        NoticeMemory { facts: Facts::new(now), week: Week::new(now), channels: BTreeMap::new() }
    }
}

impl Channel {
    /// Whether it failed, and is tried again later.
    pub fn waits(&self, now: Timestamp) -> bool {
        sent_at(&self.tries, now).is_some_and(|again| again > now)
    }

    /// Notes that something was sent.
    pub fn sent(&mut self, now: Timestamp) {
        self.tries = Tries { done: Some(now), ..Tries::default() };
    }

    /// Notes that something could not be sent.
    pub fn failed(&mut self, now: Timestamp) {
        self.tries.failures = self.tries.failures.saturating_add(1);
        self.tries.failed = Some(now);
    }
}

/// The file of a memory.
#[derive(Debug, Clone)]
pub struct NoticeFile(PathBuf);

impl NoticeFile {
    /// The file for the repository at this place: it is needed when nothing there can be opened.
    pub fn of(state_dir: &Path, place: &str) -> Self {
        NoticeFile(state_dir.join(format!("notices-{:016x}.json", fnv::hash(place.bytes()))))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads it; `None` if there is none yet.
    ///
    /// # Errors
    /// It cannot be read, or is not one.
    pub fn read(&self) -> Result<Option<NoticeMemory>, Unusable> {
        read_json(&self.0)
    }

    /// Writes it whole, by rename.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, memory: &NoticeMemory) -> io::Result<()> {
        write_json(&self.0, memory)
    }
}

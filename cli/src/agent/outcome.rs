//! The end of a run in a file that outlives the agent: the words that pages show later.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::{Error, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::desk::Ended;
use crate::whole_file::{read_json, write_json};

/// The messages of a look at the second copy.
const LOOK: &str = "supplemental_status";
const CHANGE: &str = "supplemental_change";

/// The end of a run, as the run said it itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// When it began.
    pub began: Timestamp,
    /// The status; none if a signal ended it.
    pub exit: Option<i32>,
    /// Its words.
    pub messages: Vec<Value>,
}

impl Outcome {
    /// The end of this run, with its messages of these types.
    pub(super) fn of(ended: &Ended, types: &[&str]) -> Self {
        let is_told = |message: &&Value| types.iter().any(|kind| message["message_type"] == *kind);
        let messages = ended.run.messages.iter().filter(is_told).cloned().collect();
        Outcome { began: ended.run.began, exit: ended.exit, messages }
    }

    /// The messages of this type.
    pub fn of_type(&self, message_type: &'static str) -> impl Iterator<Item = &Value> {
        self.messages.iter().filter(move |message| message["message_type"] == message_type)
    }
}

/// The last look at the second copy.
#[derive(Debug)]
pub struct CopyLook {
    file: PathBuf,
    last: Mutex<Option<Outcome>>,
}

impl CopyLook {
    /// The look for the repository of this short id, in the folder for what this computer has seen.
    pub fn open(state_dir: &Path, repository: &str) -> Self {
        let file = state_dir.join(format!("copy-look-{repository}.json"));
        // Somebody looks again: a file that is damaged is as good as none.
        let last = read_json(&file).unwrap_or_default();
        CopyLook { file, last: Mutex::new(last) }
    }

    /// The last one.
    pub fn last(&self) -> Option<Outcome> {
        self.held().clone()
    }

    /// Keeps the look, if this run was one.
    ///
    /// # Errors
    /// It cannot be written. Then it counts until the agent ends.
    pub(super) fn keep(&self, ended: &Ended) -> Result<()> {
        if ended.message(LOOK).is_none() {
            return Ok(());
        }
        let look = Outcome::of(ended, &[LOOK, CHANGE]);
        *self.held() = Some(look.clone());
        write_json(&self.file, &look).map_err(|error| Error::io(format!("cannot write {}", self.file.display()), error))
    }

    fn held(&self) -> MutexGuard<'_, Option<Outcome>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

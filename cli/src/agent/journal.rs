//! The journal: what people order, in a file that outlives the agent until it is sealed in the repository.
//!
//! A line is on the disk before an action begins, and another when it has ended. A line that is cut off is one whose action
//! has not begun, or whose end nobody knows.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::crypto::random;
use engine::{Error, Result, machine};
use repo_format::evidence::{Action, ActionEnd};
use serde::{Deserialize, Serialize};

use crate::whole_file::{self, Readers};

/// Letters of a text; of more, the rest is left out.
const LETTERS_MAX: usize = 100;

/// Somebody who orders something.
#[derive(Debug, Clone, Copy)]
pub struct Orderer<'o> {
    /// Their name.
    pub person: &'o str,
    /// Their role.
    pub role: &'o str,
}

/// Something that somebody orders. It names nobody whose data are saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// It in a few words.
    pub what: &'static str,
    /// The thing that it is about.
    pub about: Option<String>,
}

impl From<&'static str> for Ask {
    fn from(what: &'static str) -> Self {
        Ask { what, about: None }
    }
}

impl Ask {
    /// About this.
    pub fn about(what: &'static str, about: impl Into<String>) -> Self {
        Ask { what, about: Some(about.into()) }
    }
}

/// The actions in a journal.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Actions that have ended, in their order.
    pub ended: Vec<Action>,
    /// Actions without an end. It is as if it were not known.
    pub open: Vec<Action>,
    /// Lines that nobody can read.
    pub unreadable: usize,
}

/// A journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    writing: Mutex<()>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Begin { number: u64, seconds: i64, person: String, role: String, what: String, about: Option<String> },
    End { number: u64, end: u8 },
}

impl Journal {
    /// The journal for the repository of this short id, in the folder for what this computer has seen. Actions that an agent has left
    /// open have ended with it.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn open(state_dir: &Path, repository: &str) -> Result<Self> {
        let journal = Journal { path: path(state_dir, repository), writing: Mutex::default() };
        journal.close_all()?;
        Ok(journal)
    }

    /// Says of each action without an end that its end is not known.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn close_all(&self) -> Result<()> {
        for action in read(&self.path)?.open {
            self.end(action.number, ActionEnd::NotKnown)?;
        }
        Ok(())
    }

    /// An action begins: it is on the disk when this returns. Returns its number.
    ///
    /// # Errors
    /// It cannot be written. The action must not begin.
    pub fn begin(&self, by: Orderer<'_>, ask: &Ask) -> Result<u64> {
        let number = u64::from_le_bytes(random()?);
        self.append(&Line::Begin {
            number,
            seconds: machine::now().seconds,
            person: short(by.person),
            role: by.role.to_owned(),
            what: ask.what.to_owned(),
            about: ask.about.as_deref().map(short),
        })?;
        Ok(number)
    }

    /// An action has ended.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn end(&self, number: u64, end: ActionEnd) -> Result<()> {
        self.append(&Line::End { number, end: end.number() })
    }

    /// Does `work` as an action.
    ///
    /// # Errors
    /// Errors of `work`. It cannot be written: then `work` may be done.
    pub fn during<T>(&self, by: Orderer<'_>, ask: &Ask, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let number = self.begin(by, ask)?;
        let done = work();
        self.end(number, if done.is_ok() { ActionEnd::Done } else { ActionEnd::Failed })?;
        done
    }

    /// The actions that are not sealed yet.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn waiting(&self) -> Result<Waiting> {
        read(&self.path)
    }

    /// Removes actions that are sealed.
    ///
    /// # Errors
    /// It cannot be read or written. All are there then.
    pub fn remove(&self, numbers: &HashSet<u64>) -> Result<()> {
        let _writing = self.lock();
        let staying = lines(&self.path)?.into_iter().flatten().filter(|line| !numbers.contains(&line.number()));
        let mut text = String::new();
        for line in staying {
            text.push('\n');
            text.push_str(&json(&line)?);
        }
        let written = whole_file::write(&self.path, text.as_bytes(), Readers::Owner);
        written.map_err(|error| failed("write", &self.path, error))
    }

    fn append(&self, line: &Line) -> Result<()> {
        // The line break comes first: a line that is cut off spoils no other.
        let text = format!("\n{}", json(line)?);
        let _writing = self.lock();
        append(&self.path, text.as_bytes()).map_err(|error| failed("write", &self.path, error))
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn number(&self) -> u64 {
        match self {
            Line::Begin { number, .. } | Line::End { number, .. } => *number,
        }
    }
}

/// The actions in the journal for a repository. Another process may be writing it.
///
/// # Errors
/// It cannot be read.
pub fn waiting(state_dir: &Path, repository: &str) -> Result<Waiting> {
    read(&path(state_dir, repository))
}

fn path(state_dir: &Path, repository: &str) -> PathBuf {
    state_dir.join(format!("actions-{repository}.jsonl"))
}

fn read(path: &Path) -> Result<Waiting> {
    let mut found = Waiting::default();
    let mut begun: Vec<Action> = Vec::new();
    let mut ends: HashMap<u64, ActionEnd> = HashMap::new();
    for line in lines(path)? {
        match line {
            None => found.unreadable += 1,
            Some(Line::End { number, end }) => drop(ends.insert(number, end.into())),
            Some(Line::Begin { number, seconds, person, role, what, about }) => {
                begun.push(Action { number, seconds, person, role, what, end: ActionEnd::NotKnown, about });
            }
        }
    }
    for action in begun {
        match ends.get(&action.number) {
            Some(end) => found.ended.push(Action { end: *end, ..action }),
            None => found.open.push(action),
        }
    }
    Ok(found)
}

/// The lines of the file; none for one that cannot be read.
fn lines(path: &Path) -> Result<Vec<Option<Line>>> {
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|error| failed("read", path, error))?,
    };
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Ok(lines.map(|line| serde_json::from_slice(line).ok()).collect())
}

fn append(path: &Path, text: &[u8]) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_data()?;
    // The name of a new file, too, outlives a machine that dies now.
    match path.parent() {
        Some(folder) if is_new => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

fn json(line: &Line) -> Result<String> {
    serde_json::to_string(line).map_err(|error| Error::io("cannot write down an action", io::Error::other(error)))
}

fn short(text: &str) -> String {
    text.chars().take(LETTERS_MAX).collect()
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot {what} the journal of actions {}", path.display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DANA: Orderer<'_> = Orderer { person: "Dana", role: "staff" };

    #[test]
    fn an_action_is_there_from_its_beginning_and_goes_when_it_is_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), "c17bc452").unwrap();
        let first = journal.begin(DANA, &"make a backup".into()).unwrap();
        let second = journal.begin(DANA, &Ask::about("bring back", "backup 3f9a")).unwrap();
        assert_eq!(journal.waiting().unwrap().open.len(), 2);
        journal.end(first, ActionEnd::Done).unwrap();
        let waiting = waiting(folder.path(), "c17bc452").unwrap();
        let shown = |actions: &[Action]| -> Vec<(u64, ActionEnd)> {
            actions.iter().map(|action| (action.number, action.end)).collect()
        };
        assert_eq!(shown(&waiting.ended), [(first, ActionEnd::Done)]);
        assert_eq!(shown(&waiting.open), [(second, ActionEnd::NotKnown)]);
        journal.remove(&HashSet::from([first])).unwrap();
        let waiting = journal.waiting().unwrap();
        assert_eq!((waiting.ended.len(), shown(&waiting.open)), (0, vec![(second, ActionEnd::NotKnown)]));
    }

    #[test]
    fn an_agent_that_dies_leaves_an_action_whose_end_is_not_known_and_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), "c17bc452").unwrap();
        let number = journal.begin(DANA, &"make a backup".into()).unwrap();
        // The machine dies while the next line is written.
        append(&journal.path, b"\n{\"begin\":{\"number\":7,\"sec").unwrap();
        let journal = Journal::open(folder.path(), "c17bc452").unwrap();
        let waiting = journal.waiting().unwrap();
        assert_eq!((waiting.ended.len(), waiting.open.len(), waiting.unreadable), (1, 0, 1));
        assert_eq!((waiting.ended[0].number, waiting.ended[0].end), (number, ActionEnd::NotKnown));
        assert_eq!((waiting.ended[0].person.as_str(), waiting.ended[0].role.as_str()), ("Dana", "staff"));
    }

    #[test]
    fn the_last_end_of_an_action_counts() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), "c17bc452").unwrap();
        let number = journal.begin(DANA, &"hand over".into()).unwrap();
        journal.end(number, ActionEnd::Done).unwrap();
        journal.end(number, ActionEnd::Failed).unwrap();
        let ended = journal.waiting().unwrap().ended;
        assert_eq!(ended.iter().map(|action| action.end).collect::<Vec<_>>(), [ActionEnd::Failed]);
    }

    #[test]
    fn work_that_fails_is_an_action_that_failed() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), "c17bc452").unwrap();
        let failed: Result<()> = journal.during(DANA, &"change people".into(), || Err(Error::cancelled()));
        assert!(failed.is_err());
        assert_eq!(journal.waiting().unwrap().ended[0].end, ActionEnd::Failed);
    }
}

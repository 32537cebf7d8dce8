//! Makes the additional names of files, after all files exist.

use std::collections::HashMap;
use std::sync::Arc;

use repo_format::entry::{Entry, HardLink};
use repo_format::node::ProblemKind;

use super::attributes::{put_back, report};
use super::outcome::count;
use super::{Action, Run};
use crate::error::Result;
use crate::filesystem::{Dir, FileStat};
use crate::tree::{ContentRef, TreeEntry};

/// A name in a folder of the target, by the parts of its path from there.
#[derive(Clone)]
pub(super) struct NameInTarget {
    /// Parts of the folder's path.
    pub folder: Vec<Vec<u8>>,
    /// The name.
    pub name: Vec<u8>,
    /// The whole path, for messages.
    pub path: Vec<u8>,
}

/// The files with several names that a restore has met.
pub(super) struct Links {
    target: Option<Arc<Dir>>,
    first: HashMap<HardLink, (NameInTarget, Option<ContentRef>)>,
    further: Vec<(HardLink, NameInTarget, Entry)>,
}

impl Links {
    pub fn new(target: Option<Arc<Dir>>) -> Self {
        Links { target, first: HashMap::new(), further: Vec::new() }
    }

    /// Whether this is another name of a file that was met before. If so, notes it for later. An entry that claims so
    /// and has another content is a file of its own.
    pub fn is_further(&mut self, identity: HardLink, name: &NameInTarget, entry: &TreeEntry) -> bool {
        if let Some((_, content)) = self.first.get(&identity) {
            let same = *content == entry.content;
            if same {
                self.further.push((identity, name.clone(), entry.meta.clone()));
            }
            return same;
        }
        self.first.insert(identity, (name.clone(), entry.content.clone()));
        false
    }

    /// Makes all additional names.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn make(self, run: &Run<'_>) -> Result<()> {
        for (identity, name, entry) in &self.further {
            let Some((first, _)) = self.first.get(identity) else { continue };
            if run.tally.is_damaged_link(&first.path) {
                let message = format!("it is another name of {}, which is not as it was", first.path.escape_ascii());
                run.tally.problem(&name.path, ProblemKind::Unreadable, message);
            }
            let linked = match &self.target {
                Some(target) if !run.writes() => Ok(foresee(target, first, name)),
                Some(target) => link(target, first, name, run),
                None => Ok(Action::Create),
            };
            match linked {
                Ok(action) => {
                    count(&run.tally.files, 1);
                    if action == Action::Keep {
                        count(&run.tally.unchanged_files, 1);
                    }
                    (run.planned)(&name.path, action);
                }
                Err(error) => run.tally.io(&name.path, "link", error)?,
            }
            run.monitor.advance(crate::monitor::Work { items: 1, bytes: entry.size });
        }
        Ok(())
    }
}

fn link(target: &Dir, first: &NameInTarget, name: &NameInTarget, run: &Run<'_>) -> std::io::Result<Action> {
    let from = walk_to(target, &first.folder)?;
    let to = walk_to(target, &name.folder)?;
    let (from, to) = (from.as_ref().unwrap_or(target), to.as_ref().unwrap_or(target));
    let there = to.stat(&name.name).ok();
    if is_same_file(&from.stat(&first.name)?, there.as_ref()) {
        return Ok(Action::Keep);
    }
    // The folder already has its attributes, and gets them again.
    let before = to.stat_self()?;
    to.make_writable()?;
    if there.is_some() {
        to.remove_one(&name.name)?;
    }
    let made = to.create_hard_link(&name.name, from, &first.name);
    report(run.tally, &name.path, put_back(to, &before.entry, run));
    made.map(|()| if there.is_some() { Action::Rewrite } else { Action::Create })
}

/// The action in a dry run; folders that do not exist yet are empty.
fn foresee(target: &Dir, first: &NameInTarget, name: &NameInTarget) -> Action {
    let look =
        |at: &NameInTarget| walk_to(target, &at.folder).and_then(|dir| dir.as_ref().unwrap_or(target).stat(&at.name));
    match (look(first), look(name)) {
        (_, Err(_)) => Action::Create,
        (Ok(file), Ok(there)) if is_same_file(&file, Some(&there)) => Action::Keep,
        (_, Ok(_)) => Action::Rewrite,
    }
}

fn is_same_file(file: &FileStat, there: Option<&FileStat>) -> bool {
    there.is_some_and(|there| (there.device, there.entry.inode) == (file.device, file.entry.inode))
}

/// Opens a folder below `dir`, part by part; `None` is `dir` itself.
fn walk_to(dir: &Dir, parts: &[Vec<u8>]) -> std::io::Result<Option<Dir>> {
    let mut at = None;
    for part in parts {
        at = Some(at.as_ref().unwrap_or(dir).open_dir(part)?);
    }
    Ok(at)
}

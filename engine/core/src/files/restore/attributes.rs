//! Sets the attributes of folders after everything in them is done.

use std::io;
use std::sync::Arc;

use repo_format::entry::Entry;
use repo_format::node::ProblemKind;

use super::outcome::Tally;
use super::{Action, Owners, Run};
use crate::filesystem::{Attributes, Branch, Dir, FileStat};

/// A folder of the target while something in it is being restored. It is not open all the time.
pub(super) struct Begun {
    /// The folder; `None` in a dry run if it does not exist.
    pub branch: Option<Arc<Branch>>,
    /// Its path, for messages.
    pub path: Vec<u8>,
    /// The attributes to set; `None` for a folder that is not in the snapshot.
    pub entry: Option<Entry>,
    /// Its attributes before, if they should stay.
    pub before: Option<Entry>,
    /// Its parent folder.
    pub parent: Option<Arc<Begun>>,
}

impl Begun {
    /// The parts of its path from the target.
    pub fn parts(&self) -> Vec<Vec<u8>> {
        let way = std::iter::successors(Some(self), |at| at.parent.as_deref()).filter(|at| at.parent.is_some());
        let mut parts: Vec<Vec<u8>> =
            way.filter_map(|at| at.path.rsplit(|b| *b == b'/').next()).map(<[u8]>::to_vec).collect();
        parts.reverse();
        parts
    }
}

/// A folder that stays open while one thing in it is restored.
pub(super) struct Folder {
    /// The folder; `None` in a dry run if it does not exist.
    pub dir: Option<Arc<Dir>>,
    /// The facts about it.
    pub begun: Arc<Begun>,
}

impl Folder {
    /// Opens a folder.
    pub fn open(begun: &Arc<Begun>) -> io::Result<Self> {
        let dir = begun.branch.as_ref().map(|branch| branch.open()).transpose()?;
        Ok(Folder { dir, begun: begun.clone() })
    }

    /// The same folder, for another thing in it.
    pub fn share(&self) -> Self {
        Folder { dir: self.dir.clone(), begun: self.begun.clone() }
    }

    /// Its path.
    pub fn path(&self) -> &[u8] {
        &self.begun.path
    }
}

/// Releases a folder. Its last user sets its attributes and releases the parent. They come last because making things
/// in a folder changes its time, and its mode may forbid making things.
pub(super) fn release(run: &Run<'_>, folder: Arc<Begun>) {
    let mut next = Some(folder);
    while let Some(folder) = next.and_then(Arc::into_inner) {
        if let (Some(branch), true) = (&folder.branch, run.writes()) {
            let messages = match (branch.open(), &folder.entry, &folder.before) {
                (_, None, None) => Vec::new(),
                (Err(error), ..) => vec![format!("cannot open it again to set its attributes: {error}")],
                (Ok(dir), Some(entry), _) => dir.apply_self(entry, None, run.owners, run.attributes()),
                (Ok(dir), None, Some(before)) => put_back(&dir, before, run),
            };
            report(run.tally, &folder.path, messages);
        }
        next = folder.parent;
    }
}

/// Resets mode and time of a folder to `before`, after something was made in it. Returns a message for each failure.
pub(super) fn put_back(dir: &Dir, before: &Entry, run: &Run<'_>) -> Vec<String> {
    let keep = Attributes { owner: false, by_name: false, contents_only: false };
    let mut now = match dir.stat_self() {
        Ok(now) => now,
        Err(error) => return vec![format!("cannot look at its folder: {error}")],
    };
    let mut wanted = before.clone();
    // Its extended attributes are right already.
    let problems = dir.complete_self(&mut now, run.owners);
    wanted.xattrs = if problems.is_empty() { now.entry.xattrs.clone() } else { None };
    dir.apply_self(&wanted, Some(&now), run.owners, keep)
}

/// Reports failures to set attributes.
pub(super) fn report(tally: &Tally<'_>, path: &[u8], messages: Vec<String>) {
    messages.into_iter().for_each(|message| tally.problem(path, ProblemKind::Metadata, message));
}

impl Run<'_> {
    /// The attributes to restore.
    pub(super) fn attributes(&self) -> Attributes {
        let owner = self.options.owners != Owners::Ignore;
        Attributes { owner, by_name: self.options.owners == Owners::ByName, contents_only: self.options.contents_only }
    }
}

/// The action for a thing whose content is right already.
pub(super) fn judge(run: &Run<'_>, dir: &Dir, entry: &Entry, there: &FileStat) -> Action {
    let changes = dir.would_change(&there.entry.name.0, entry, there, run.owners, run.attributes());
    if changes { Action::Attributes } else { Action::Keep }
}

//! Folders whose attributes are set when everything in them is done.

use std::io;
use std::sync::Arc;

use repo_format::entry::Entry;
use repo_format::node::ProblemKind;

use super::outcome::Tally;
use super::{Action, Owners, Run};
use crate::filesystem::{Attributes, Branch, Dir, FileStat};

/// A folder of the target, as long as something in it is being restored. It is not open all the time.
pub(super) struct Begun {
    /// The folder; none in a dry run where it does not exist.
    pub branch: Option<Arc<Branch>>,
    /// Its path, for messages.
    pub path: Vec<u8>,
    /// The attributes it gets; none for a folder that is not the snapshot's.
    pub entry: Option<Entry>,
    /// What it was, if it is to stay so.
    pub before: Option<Entry>,
    /// The folder it is in.
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

/// A folder that is open, for as long as one thing in it is being restored.
pub(super) struct Folder {
    /// The folder; none in a dry run where it does not exist.
    pub dir: Option<Arc<Dir>>,
    /// What is known of it.
    pub begun: Arc<Begun>,
}

impl Folder {
    /// Opens a folder.
    pub fn open(begun: &Arc<Begun>) -> io::Result<Self> {
        let dir = begun.branch.as_ref().map(|branch| branch.open()).transpose()?;
        Ok(Folder { dir, begun: begun.clone() })
    }

    /// The same folder for something else in it.
    pub fn share(&self) -> Self {
        Folder { dir: self.dir.clone(), begun: self.begun.clone() }
    }

    /// Its path.
    pub fn path(&self) -> &[u8] {
        &self.begun.path
    }
}

/// Lets go of a folder. Its last user sets its attributes, and lets go of the one above: making things in a folder changes its
/// time, and a folder may be one that nothing can be made in.
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

/// Sets mode and time of a folder back to what they were `before` something was made in it. Gives what went wrong.
pub(super) fn put_back(dir: &Dir, before: &Entry, run: &Run<'_>) -> Vec<String> {
    let keep = Attributes { owner: false, by_name: false, contents_only: false };
    let mut now = match dir.stat_self() {
        Ok(now) => now,
        Err(error) => return vec![format!("cannot look at its folder: {error}")],
    };
    let mut wanted = before.clone();
    // Its extended attributes are as they should be.
    let problems = dir.complete_self(&mut now, run.owners);
    wanted.xattrs = if problems.is_empty() { now.entry.xattrs.clone() } else { None };
    dir.apply_self(&wanted, Some(&now), run.owners, keep)
}

/// Reports what went wrong with attributes.
pub(super) fn report(tally: &Tally<'_>, path: &[u8], messages: Vec<String>) {
    messages.into_iter().for_each(|message| tally.problem(path, ProblemKind::Metadata, message));
}

impl Run<'_> {
    /// Which attributes are restored.
    pub(super) fn attributes(&self) -> Attributes {
        let owner = self.options.owners != Owners::Ignore;
        Attributes { owner, by_name: self.options.owners == Owners::ByName, contents_only: self.options.contents_only }
    }
}

/// What becomes of the attributes of something that is there as it should be otherwise.
pub(super) fn judge(run: &Run<'_>, dir: &Dir, entry: &Entry, there: &FileStat) -> Action {
    let changes = dir.would_change(&there.entry.name.0, entry, there, run.owners, run.attributes());
    if changes { Action::Attributes } else { Action::Keep }
}

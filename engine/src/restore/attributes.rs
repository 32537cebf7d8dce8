//! Folders whose attributes are set when everything in them is done.

use std::sync::Arc;

use repo_format::entry::Entry;
use repo_format::node::ProblemKind;

use super::outcome::Tally;
use super::{Owners, Run};
use crate::filesystem::{Attributes, Dir};

/// A folder of the target, as long as something in it is being restored.
pub(super) struct Folder {
    /// The folder; none in a dry run where it does not exist.
    pub dir: Option<Arc<Dir>>,
    /// Its path, for messages.
    pub path: Vec<u8>,
    /// The attributes it gets; none for a folder that is not the snapshot's.
    pub entry: Option<Entry>,
    /// The folder it is in.
    pub parent: Option<Arc<Folder>>,
}

/// Lets go of a folder. Whoever is the last sets its attributes, and lets go of the one above: making things in a folder changes its
/// time, and a folder may be one that nothing can be made in.
pub(super) fn release(run: &Run<'_>, folder: Arc<Folder>) {
    let mut next = Some(folder);
    while let Some(folder) = next.and_then(Arc::into_inner) {
        if let (Some(dir), Some(entry), false) = (&folder.dir, &folder.entry, run.options.dry_run) {
            report(run.tally, &folder.path, dir.apply_self(entry, None, run.owners, run.attributes()));
        }
        next = folder.parent;
    }
}

/// Reports what went wrong with attributes.
pub(super) fn report(tally: &Tally<'_>, path: &[u8], messages: Vec<String>) {
    messages.into_iter().for_each(|message| tally.problem(path, ProblemKind::Metadata, message));
}

impl Run<'_> {
    /// Which attributes are restored.
    pub(super) fn attributes(&self) -> Attributes {
        let owner = self.options.owners != Owners::Ignore;
        Attributes { owner, by_name: self.options.owners == Owners::ByName }
    }
}

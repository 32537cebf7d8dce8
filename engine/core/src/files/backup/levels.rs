//! The folders on the way to the walk's position. Few of them are open at one time, however deep it is.

use std::io;
use std::sync::Arc;

use super::parent::ParentEntries;
use crate::files::source::exclude::Excludes;
use crate::filesystem::Dir;
use crate::tree::TreeEntry;

/// The number of open folders: the root and the last ones. The walk opens the others again by name on its way back.
const OPEN_LEVELS: usize = 32;

/// A folder that is being walked.
pub(super) struct Frame<'r> {
    /// Its name in the parent folder; empty for the root.
    pub real_name: Vec<u8>,
    /// Its own entry, which is sent when the folder ends.
    pub entry: Box<TreeEntry>,
    /// Its path in the source, for messages.
    pub path: Vec<u8>,
    /// Its path from the root, for patterns.
    pub relative: Vec<u8>,
    /// The number of its file system.
    pub device: u64,
    /// The names in it that have not been looked at.
    pub names: std::vec::IntoIter<Vec<u8>>,
    /// The same folder in the parent snapshot.
    pub parent: ParentEntries<'r>,
    /// The patterns that omit things from it.
    pub excludes: Excludes,
}

/// A folder that has just been opened.
pub(super) struct Opened<'r> {
    pub frame: Frame<'r>,
    pub dir: Dir,
}

struct Level<'r> {
    frame: Frame<'r>,
    dir: Option<Arc<Dir>>,
}

impl<'r> From<Opened<'r>> for Level<'r> {
    fn from(Opened { frame, dir }: Opened<'r>) -> Self {
        Level { frame, dir: Some(Arc::new(dir)) }
    }
}

/// The folders that have begun and not ended, the root first.
pub(super) struct Levels<'r> {
    levels: Vec<Level<'r>>,
}

/// A folder that could not be opened again.
pub(super) struct Lost<'l, 'r> {
    /// This folder, and its subfolders on the way.
    pub frames: Vec<&'l mut Frame<'r>>,
    pub error: io::Error,
}

impl<'r> Levels<'r> {
    /// Starts with a root.
    pub fn new(root: Opened<'r>) -> Self {
        Levels { levels: vec![Level::from(root)] }
    }

    /// The number of levels.
    pub fn len(&self) -> usize {
        self.levels.len()
    }

    /// Begins a folder in the last one.
    pub fn push(&mut self, folder: Opened<'r>) {
        self.levels.push(Level::from(folder));
        let far = self.levels.len().checked_sub(OPEN_LEVELS + 1).filter(|far| *far > 0);
        if let Some(level) = far.and_then(|far| self.levels.get_mut(far)) {
            level.dir = None;
        }
    }

    /// Ends the last folder.
    pub fn pop(&mut self) -> Option<Frame<'r>> {
        self.levels.pop().map(|level| level.frame)
    }

    /// The last folder.
    pub fn last(&mut self) -> Option<&mut Frame<'r>> {
        self.levels.last_mut().map(|level| &mut level.frame)
    }

    /// The last folder, open, and its frame. Opens it again by the names that lead there, following no link.
    pub fn open_last(&mut self) -> Result<(&mut Frame<'r>, Arc<Dir>), Lost<'_, 'r>> {
        let count = self.levels.len();
        let first_kept = count.saturating_sub(OPEN_LEVELS);
        let mut open: Option<Arc<Dir>> = None;
        let mut failed = None;
        // Start from the nearest open folder.
        let from = self.levels.iter().rposition(|level| level.dir.is_some()).unwrap_or(0);
        let from = if from + 1 == count { from } else { self.nearest_before(first_kept) };
        for (number, level) in self.levels.iter_mut().enumerate().skip(from) {
            let dir = match (&level.dir, &open) {
                (Some(dir), _) => Ok(dir.clone()),
                (None, Some(above)) => above.open_dir(&level.frame.real_name).map(Arc::new),
                (None, None) => Err(io::Error::other("the folder above it is not open")),
            };
            match dir {
                Ok(dir) => {
                    if number >= first_kept {
                        level.dir = Some(dir.clone());
                    }
                    open = Some(dir);
                }
                Err(error) => {
                    failed = Some((number, error));
                    break;
                }
            }
        }
        if let Some((number, error)) = failed {
            let frames = self.levels.iter_mut().skip(number).map(|level| &mut level.frame).collect();
            return Err(Lost { frames, error });
        }
        match (self.levels.last_mut(), open) {
            (Some(level), Some(dir)) => Ok((&mut level.frame, dir)),
            _ => Err(Lost { frames: Vec::new(), error: io::Error::other("no folder is open") }),
        }
    }

    /// The last open level up to `most`; the root always is open.
    fn nearest_before(&self, most: usize) -> usize {
        self.levels.iter().take(most + 1).rposition(|level| level.dir.is_some()).unwrap_or(0)
    }
}

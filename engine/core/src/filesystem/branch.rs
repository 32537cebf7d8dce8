//! Folders on the way down a tree. They need not stay open, because a tree may be deeper than the number of files that
//! may be open.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Dir;

/// The number of folders that stay open after one is opened again: the last ones on the way to it.
pub(crate) const OPEN_LEVELS: usize = 32;

/// A folder that was opened, and can be opened again by the names that lead to it. It follows no link.
pub struct Branch {
    above: Option<Arc<Branch>>,
    name: Vec<u8>,
    identity: (u64, u64),
    dir: Mutex<Option<Arc<Dir>>>,
}

impl Branch {
    /// The folder in which a walk starts. It stays open.
    ///
    /// # Errors
    /// An error of the operating system.
    pub fn root(dir: Arc<Dir>) -> io::Result<Arc<Self>> {
        Branch::new(None, b"", dir)
    }

    /// The folder `name` in this one, which is open as `dir`.
    ///
    /// # Errors
    /// An error of the operating system.
    pub fn below(self: &Arc<Self>, name: &[u8], dir: Arc<Dir>) -> io::Result<Arc<Self>> {
        Branch::new(Some(self.clone()), name, dir)
    }

    fn new(above: Option<Arc<Self>>, name: &[u8], dir: Arc<Dir>) -> io::Result<Arc<Self>> {
        let identity = dir.stat_self()?.identity();
        Ok(Arc::new(Branch { above, name: name.to_vec(), identity, dir: Mutex::new(Some(dir)) }))
    }

    /// Releases the folder; callers that have it open keep it.
    pub fn close(&self) {
        if self.above.is_some() {
            *self.slot() = None;
        }
    }

    /// The open folder. If it must be opened again, the last [`OPEN_LEVELS`] folders on the way to it stay open, too.
    ///
    /// # Errors
    /// An error of the operating system; or another folder now has the name of one of them.
    pub fn open(&self) -> io::Result<Arc<Dir>> {
        let mut closed = Vec::new();
        let mut open = None;
        for at in self.way() {
            open = at.slot().clone();
            if open.is_some() {
                break;
            }
            closed.push(at);
        }
        let mut dir = open.ok_or_else(|| io::Error::other("the folder that it is in is not open"))?;
        while let Some(at) = closed.pop() {
            let inner = dir.open_dir(&at.name)?;
            if inner.stat_self()?.identity() != at.identity {
                return Err(io::Error::other("another folder has taken its place"));
            }
            dir = Arc::new(inner);
            if closed.len() < OPEN_LEVELS {
                *at.slot() = Some(dir.clone());
            }
        }
        Ok(dir)
    }

    /// This folder, and its parents.
    fn way(&self) -> impl Iterator<Item = &Branch> {
        std::iter::successors(Some(self), |at| at.above.as_deref())
    }

    fn slot(&self) -> MutexGuard<'_, Option<Arc<Dir>>> {
        self.dir.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn deep(dir: &Arc<Dir>, depth: usize) -> Vec<Arc<Branch>> {
        let mut branches = vec![Branch::root(dir.clone()).unwrap()];
        for _ in 0..depth {
            let above = branches.last().unwrap();
            let inner = above.open().unwrap().create_dir(b"d").unwrap();
            branches.push(above.below(b"d", Arc::new(inner)).unwrap());
        }
        branches.iter().for_each(|branch| branch.close());
        branches
    }

    #[test]
    fn a_folder_is_opened_again_and_so_are_the_last_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let branches = deep(&Arc::new(Dir::open(folder.path()).unwrap()), 2 * OPEN_LEVELS);
        let last = branches.last().unwrap();
        assert_eq!(last.open().unwrap().stat_self().unwrap().identity(), last.identity);
        let open = branches.iter().filter(|branch| branch.slot().is_some()).count();
        assert_eq!(open, 1 + OPEN_LEVELS);
    }

    #[test]
    fn another_folder_or_a_link_in_its_place_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let branches = deep(&Arc::new(Dir::open(folder.path()).unwrap()), 2);
        fs::rename(folder.path().join("d"), folder.path().join("moved")).unwrap();
        fs::create_dir_all(folder.path().join("d/d")).unwrap();
        assert!(branches[2].open().is_err());
        fs::remove_dir_all(folder.path().join("d")).unwrap();
        std::os::unix::fs::symlink("moved", folder.path().join("d")).unwrap();
        assert!(branches[2].open().is_err());
    }
}

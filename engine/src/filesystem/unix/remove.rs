//! Removing whole trees.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::vec;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};

use super::create::make_writable;
use super::{Dir, FOLDER, checked, names, open_folder, stat_at};

/// How many folders are open at a time; those above are opened again on the way back.
const OPEN_LEVELS: usize = 32;

impl Dir {
    /// Removes whatever `name` is, a folder with everything in it, and says how many things that were: 0 if there was nothing.
    ///
    /// Links are removed, never followed. A mount point is refused before anything in it is touched: it could not be removed in
    /// the end, and what is mounted there is somebody else's. Takes a fixed number of open files and no stack, however deep the
    /// tree is.
    ///
    /// # Errors
    /// What the system says about the first thing that cannot be removed, with its path beneath this folder. `ResourceBusy`
    /// for a mount point. Things that were removed before stay so.
    pub fn remove(&self, name: &[u8]) -> io::Result<u64> {
        let name = checked(name)?;
        let device = identity(&fs::fstat(&self.fd)?).0;
        let mut removal = Removal { root: self.fd.as_fd(), device, levels: Vec::new(), removed: 0 };
        removal.take(name)?;
        while let Some(level) = removal.levels.last_mut() {
            match level.names.next() {
                Some(name) => removal.take(&name)?,
                None => removal.leave()?,
            }
        }
        Ok(removal.removed)
    }
}

impl Dir {
    /// Removes the file `name`, or a link, and nothing else.
    ///
    /// # Errors
    /// What the system says; also if it is a folder.
    pub fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        Ok(fs::unlinkat(&self.fd, checked(name)?, AtFlags::empty())?)
    }

    /// Makes what was created, renamed and removed in this folder durable.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(&self) -> io::Result<()> {
        Ok(fs::fsync(&self.fd)?)
    }
}

/// Device and inode: what a folder is, wherever it is moved.
type Identity = (u64, u64);

/// A folder whose entries are being removed.
struct Level {
    name: Vec<u8>,
    identity: Identity,
    /// Open in the last [`OPEN_LEVELS`] levels.
    folder: Option<OwnedFd>,
    names: vec::IntoIter<Vec<u8>>,
}

struct Removal<'a> {
    root: BorrowedFd<'a>,
    device: u64,
    levels: Vec<Level>,
    removed: u64,
}

impl Removal<'_> {
    /// The folder in which things are being removed: the last level's, or the root.
    fn folder(&self) -> io::Result<BorrowedFd<'_>> {
        match self.levels.last() {
            None => Ok(self.root),
            Some(Level { folder: Some(folder), .. }) => Ok(folder.as_fd()),
            Some(Level { folder: None, .. }) => Err(io::Error::other("its folder is not open")),
        }
    }

    /// Removes `name`, or begins to if it is a folder.
    fn take(&mut self, name: &[u8]) -> io::Result<()> {
        let stat = self.folder().and_then(|folder| Ok(stat_at(folder, name)?));
        let result = stat.and_then(|stat| match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => self.enter(name),
            _ => self.unlink(name, AtFlags::empty()),
        });
        self.settle(name, result)
    }

    fn enter(&mut self, name: &[u8]) -> io::Result<()> {
        let folder = open_folder(self.folder()?, name)?;
        let identity = identity(&fs::fstat(&folder)?);
        if identity.0 != self.device {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "it is a mount point"));
        }
        make_writable(&folder)?;
        let names = names::read(&folder)?.into_iter();
        self.levels.push(Level { name: name.to_vec(), identity, folder: Some(folder), names });
        if let Some(above) = self.levels.len().checked_sub(OPEN_LEVELS + 1) {
            self.levels[above].folder = None;
        }
        Ok(())
    }

    /// Removes the last level's folder, which is empty now.
    fn leave(&mut self) -> io::Result<()> {
        let Some(mut level) = self.levels.pop() else { return Ok(()) };
        let result = self.reopen_above(level.folder.take()).and_then(|()| self.unlink(&level.name, AtFlags::REMOVEDIR));
        self.settle(&level.name, result)
    }

    /// Opens the last level again, as the parent of the `folder` that was open in it.
    fn reopen_above(&mut self, folder: Option<OwnedFd>) -> io::Result<()> {
        if let (Some(level @ Level { folder: None, .. }), Some(folder)) = (self.levels.last_mut(), folder) {
            let above = fs::openat(&folder, c"..", FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
            // Somebody may have moved the folder meanwhile, even out of the tree.
            if identity(&fs::fstat(&above)?) != level.identity {
                return Err(io::Error::other("it was moved while it was removed"));
            }
            level.folder = Some(above);
        }
        Ok(())
    }

    fn unlink(&mut self, name: &[u8], flags: AtFlags) -> io::Result<()> {
        fs::unlinkat(self.folder()?, name, flags)?;
        self.removed += 1;
        Ok(())
    }

    /// What came of `name`: nothing wrong if somebody else removed it, else the error with its path.
    fn settle(&self, name: &[u8], result: io::Result<()>) -> io::Result<()> {
        let Err(error) = result else { return Ok(()) };
        if error.kind() == io::ErrorKind::NotFound {
            return Ok(());
        }
        let path: Vec<&[u8]> = self.levels.iter().map(|level| &level.name[..]).chain([name]).collect();
        Err(io::Error::new(error.kind(), format!("{}: {error}", String::from_utf8_lossy(&path.join(&b'/')))))
    }
}

// The fields' types differ between systems.
#[allow(clippy::unnecessary_cast)]
fn identity(stat: &Stat) -> Identity {
    (stat.st_dev as u64, stat.st_ino as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_file_systems_are_not_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        dir.create_dir(b"mounted").unwrap().create_file(b"file").unwrap();
        // Instead of mounting something: the folder above claims to be elsewhere.
        let device = identity(&fs::fstat(&dir.fd).unwrap()).0 + 1;
        let mut removal = Removal { root: dir.fd.as_fd(), device, levels: Vec::new(), removed: 0 };
        let error = removal.take(b"mounted").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        assert_eq!(error.to_string(), "mounted: it is a mount point");
        assert!(removal.levels.is_empty() && removal.removed == 0);
        assert!(folder.path().join("mounted/file").exists());
    }

    #[test]
    fn a_folder_that_was_moved_away_is_not_left_upwards() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        let mut below = dir.create_dir(b"tree").unwrap();
        for _ in 0..OPEN_LEVELS + 1 {
            below = below.create_dir(b"x").unwrap();
        }
        let device = identity(&fs::fstat(&dir.fd).unwrap()).0;
        let mut removal = Removal { root: dir.fd.as_fd(), device, levels: Vec::new(), removed: 0 };
        removal.take(b"tree").unwrap();
        for _ in 0..OPEN_LEVELS + 1 {
            removal.take(b"x").unwrap();
        }
        assert_eq!(removal.levels.iter().filter(|level| level.folder.is_some()).count(), OPEN_LEVELS);
        std::fs::rename(folder.path().join("tree/x/x"), folder.path().join("moved")).unwrap();
        let result = (0..OPEN_LEVELS + 2).try_for_each(|_| removal.leave());
        assert!(result.unwrap_err().to_string().contains("moved"));
        assert_eq!(dir.names().unwrap(), [b"moved".to_vec(), b"tree".to_vec()]);
    }
}

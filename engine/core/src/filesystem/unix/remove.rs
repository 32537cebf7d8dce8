//! Removes whole trees.

use std::io;
use std::vec;

use rustix::fs::{self, AtFlags, Mode, OFlags};

use super::super::{Fate, Met, Swept};
use super::create::make_writable;
use super::{Dir, FOLDER, FileStat, checked};

/// The number of folders that are open at one time; the others are opened again on the way back.
const OPEN_LEVELS: usize = 32;

impl Dir {
    /// Removes `name`, whatever it is; a folder goes with everything in it. Returns the number of removed things: 0 if
    /// there was nothing.
    ///
    /// Removes links and never follows them. Refuses a mount point before touching anything in it: the mount point
    /// itself could not be removed, and the mounted contents belong to someone else. Takes a fixed number of open files
    /// and no stack, however deep the tree is.
    ///
    /// # Errors
    /// An error of the operating system for the first thing that cannot be removed, with its path below this folder;
    /// `ResourceBusy` for a mount point. Things that were removed before stay removed.
    pub fn remove(&self, name: &[u8]) -> io::Result<u64> {
        Ok(self.sweep(name, Doing::Remove, &mut |_| Fate::Remove)?.removed)
    }

    /// As [`Dir::remove`], but asks `judge` about each thing, about a folder before its contents, and keeps what it
    /// says.
    ///
    /// # Errors
    /// As [`Dir::remove`].
    pub(crate) fn remove_judged(&self, name: &[u8], judge: &mut dyn FnMut(Met<'_>) -> Fate) -> io::Result<Swept> {
        self.sweep(name, Doing::Remove, judge)
    }

    /// The result that [`Dir::remove_judged`] would have. Changes nothing.
    ///
    /// # Errors
    /// As [`Dir::remove`]; also for a folder whose mode would have to be changed first.
    pub(crate) fn foresee_removal(&self, name: &[u8], judge: &mut dyn FnMut(Met<'_>) -> Fate) -> io::Result<Swept> {
        self.sweep(name, Doing::Look, judge)
    }

    fn sweep(&self, name: &[u8], doing: Doing, judge: &mut dyn FnMut(Met<'_>) -> Fate) -> io::Result<Swept> {
        let mut sweep = Sweep::new(self, doing, judge)?;
        sweep.take(checked(name)?)?;
        while let Some(level) = sweep.levels.last_mut() {
            match level.names.next() {
                Some(name) => sweep.take(&name)?,
                None => sweep.leave()?,
            }
        }
        Ok(sweep.swept)
    }

    /// Removes `name`: anything but a folder with contents.
    ///
    /// # Errors
    /// An error of the operating system; `DirectoryNotEmpty` for a folder with contents.
    pub(crate) fn remove_one(&self, name: &[u8]) -> io::Result<()> {
        let name = checked(name)?;
        match fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            // Systems return different errors for a folder.
            Err(rustix::io::Errno::ISDIR | rustix::io::Errno::PERM) if self.stat(name)?.is_dir() => {
                Ok(fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)?)
            }
            removed => Ok(removed?),
        }
    }

    /// Removes the file or link `name`, and nothing else.
    ///
    /// # Errors
    /// An error of the operating system, also if it is a folder.
    pub fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        Ok(fs::unlinkat(&self.fd, checked(name)?, AtFlags::empty())?)
    }

    /// Makes new, renamed and removed names in this folder durable.
    ///
    /// # Errors
    /// An error of the operating system.
    pub fn sync(&self) -> io::Result<()> {
        Ok(fs::fsync(&self.fd)?)
    }
}

/// Whether a sweep removes or only looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Remove,
    Look,
}

/// A folder whose entries are being removed.
struct Level {
    name: Vec<u8>,
    identity: (u64, u64),
    /// Open only in the last [`OPEN_LEVELS`] levels.
    folder: Option<Dir>,
    names: vec::IntoIter<Vec<u8>>,
    /// Whether something in it stays.
    has_kept: bool,
}

struct Sweep<'a> {
    root: &'a Dir,
    device: u64,
    doing: Doing,
    judge: &'a mut dyn FnMut(Met<'_>) -> Fate,
    levels: Vec<Level>,
    swept: Swept,
}

impl<'a> Sweep<'a> {
    fn new(root: &'a Dir, doing: Doing, judge: &'a mut dyn FnMut(Met<'_>) -> Fate) -> io::Result<Self> {
        let device = root.stat_self()?.device;
        Ok(Sweep { root, device, doing, judge, levels: Vec::new(), swept: Swept::default() })
    }

    /// The folder of the current level, or the root.
    fn folder(&self) -> io::Result<&Dir> {
        match self.levels.last() {
            None => Ok(self.root),
            Some(Level { folder: Some(folder), .. }) => Ok(folder),
            Some(Level { folder: None, .. }) => Err(io::Error::other("its folder is not open")),
        }
    }

    fn path(&self, name: &[u8]) -> Vec<u8> {
        let parts: Vec<&[u8]> = self.levels.iter().map(|level| &level.name[..]).chain([name]).collect();
        parts.join(&b'/')
    }

    /// Removes `name`, or enters it if it is a folder.
    fn take(&mut self, name: &[u8]) -> io::Result<()> {
        let result = self.take_judged(name);
        self.settle(name, result)
    }

    fn take_judged(&mut self, name: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        let folder = match self.levels.last() {
            Some(level) => level.folder.as_ref().ok_or_else(|| io::Error::other("its folder is not open"))?,
            None => self.root,
        };
        let stat = folder.stat(name)?;
        let is_mount = folder.is_mount(name, &stat)?;
        match (self.judge)(Met { folder, path: &path, stat: &stat, is_mount }) {
            Fate::Keep => {
                self.swept.kept += 1;
                self.keep_level();
                Ok(())
            }
            Fate::Remove if is_mount || stat.is_dir() && stat.device != self.device => {
                Err(io::Error::new(io::ErrorKind::ResourceBusy, "it is a mount point"))
            }
            Fate::Remove if stat.is_dir() => self.enter(name),
            Fate::Remove => self.unlink(name, &stat, AtFlags::empty()),
        }
    }

    /// Notes that something in the last level stays.
    fn keep_level(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.has_kept = true;
        }
    }

    fn enter(&mut self, name: &[u8]) -> io::Result<()> {
        let folder = self.folder()?;
        let folder = match self.doing {
            Doing::Remove => folder.open_closed_dir(name)?,
            Doing::Look => folder.open_dir(name)?,
        };
        let stat = folder.stat_self()?;
        // It may be another thing by now.
        if stat.device != self.device {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "it is a mount point"));
        }
        if self.doing == Doing::Remove {
            make_writable(&folder.fd)?;
        }
        let names = folder.names()?.into_iter();
        let identity = stat.identity();
        self.levels.push(Level { name: name.to_vec(), identity, folder: Some(folder), names, has_kept: false });
        if let Some(above) = self.levels.len().checked_sub(OPEN_LEVELS + 1) {
            self.levels[above].folder = None;
        }
        Ok(())
    }

    /// Removes the last level's folder, if it is empty now.
    fn leave(&mut self) -> io::Result<()> {
        let Some(mut level) = self.levels.pop() else { return Ok(()) };
        let result = self.reopen_above(level.folder.take()).and_then(|()| {
            if level.has_kept {
                self.keep_level();
                return Ok(());
            }
            let stat = self.folder()?.stat(&level.name)?;
            match self.unlink(&level.name, &stat, AtFlags::REMOVEDIR) {
                // Another process puts things into it, so it is in use.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    self.swept.kept += 1;
                    self.keep_level();
                    Ok(())
                }
                result => result,
            }
        });
        self.settle(&level.name, result)
    }

    /// Opens the last level again, as the parent of the `folder` that was open in it.
    fn reopen_above(&mut self, folder: Option<Dir>) -> io::Result<()> {
        if let (Some(level @ Level { folder: None, .. }), Some(folder)) = (self.levels.last_mut(), folder) {
            let above = fs::openat(&folder.fd, c"..", FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
            let above = Dir { fd: above };
            // Another process may have moved the folder meanwhile, even out of the tree.
            if above.stat_self()?.identity() != level.identity {
                return Err(io::Error::other("it was moved while it was removed"));
            }
            level.folder = Some(above);
        }
        Ok(())
    }

    fn unlink(&mut self, name: &[u8], stat: &FileStat, flags: AtFlags) -> io::Result<()> {
        if self.doing == Doing::Remove {
            fs::unlinkat(&self.folder()?.fd, name, flags)?;
        }
        self.swept.removed += 1;
        self.swept.bytes += stat.entry.size;
        Ok(())
    }

    /// The result for `name`: no error if another process removed it, otherwise the error with its path.
    fn settle(&self, name: &[u8], result: io::Result<()>) -> io::Result<()> {
        let Err(error) = result else { return Ok(()) };
        if error.kind() == io::ErrorKind::NotFound {
            return Ok(());
        }
        let path = self.path(name);
        Err(io::Error::new(error.kind(), format!("{}: {error}", String::from_utf8_lossy(&path))))
    }
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
        let mut judge = |_: Met<'_>| Fate::Remove;
        let mut sweep = Sweep::new(&dir, Doing::Remove, &mut judge).unwrap();
        sweep.device += 1;
        let error = sweep.take(b"mounted").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        assert_eq!(error.to_string(), "mounted: it is a mount point");
        assert!(sweep.levels.is_empty() && sweep.swept.removed == 0);
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
        let mut judge = |_: Met<'_>| Fate::Remove;
        let mut sweep = Sweep::new(&dir, Doing::Remove, &mut judge).unwrap();
        sweep.take(b"tree").unwrap();
        for _ in 0..OPEN_LEVELS + 1 {
            sweep.take(b"x").unwrap();
        }
        assert_eq!(sweep.levels.iter().filter(|level| level.folder.is_some()).count(), OPEN_LEVELS);
        std::fs::rename(folder.path().join("tree/x/x"), folder.path().join("moved")).unwrap();
        let result = (0..OPEN_LEVELS + 2).try_for_each(|_| sweep.leave());
        assert!(result.unwrap_err().to_string().contains("moved"));
        assert_eq!(dir.names().unwrap(), [b"moved".to_vec(), b"tree".to_vec()]);
    }

    #[test]
    fn what_is_kept_keeps_the_folders_around_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("tree/kept/deep")).unwrap();
        std::fs::create_dir_all(folder.path().join("tree/gone")).unwrap();
        for file in ["tree/a", "tree/kept/deep/file", "tree/kept/b", "tree/gone/c"] {
            std::fs::write(folder.path().join(file), b"abc").unwrap();
        }
        let dir = Dir::open(folder.path()).unwrap();
        let mut judge = |met: Met<'_>| if met.path == b"tree/kept/deep/file" { Fate::Keep } else { Fate::Remove };
        let expected = Swept { removed: 4, bytes: 9, kept: 1 };
        assert_eq!(dir.foresee_removal(b"tree", &mut judge).unwrap(), expected);
        assert!(folder.path().join("tree/gone/c").exists());
        assert_eq!(dir.remove_judged(b"tree", &mut judge).unwrap(), expected);
        assert_eq!(std::fs::read(folder.path().join("tree/kept/deep/file")).unwrap(), b"abc");
        assert_eq!(dir.open_dir(b"tree").unwrap().names().unwrap(), [b"kept".to_vec()]);
    }

    #[test]
    fn one_thing_is_removed_but_no_folder_with_contents() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("full/x")).unwrap();
        std::fs::create_dir(folder.path().join("empty")).unwrap();
        std::fs::write(folder.path().join("file"), b"").unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        dir.remove_one(b"empty").unwrap();
        dir.remove_one(b"file").unwrap();
        assert_eq!(dir.remove_one(b"full").unwrap_err().kind(), io::ErrorKind::DirectoryNotEmpty);
        assert_eq!(dir.names().unwrap(), [b"full".to_vec()]);
    }
}

//! Who uses a database: everybody holds a file beside it locked, shared, and only who has it alone may take the database away.
//!
//! SQLite itself does not care: a database that is deleted lives on for those who have it open, beside the new one of the same name.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

/// So often a lock is tried while somebody else has it alone: that takes a moment.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// A lock on the file `lock` in a folder, until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes it together with others.
    ///
    /// # Errors
    /// If the file cannot be made or locked; [`io::ErrorKind::WouldBlock`] if somebody keeps it alone for seconds.
    pub fn shared(folder: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(folder.join("lock"))?;
        for _ in 0..TRIES {
            match file.try_lock_shared() {
                Ok(()) => return Ok(Lock { file }),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Has it alone from now on, if nobody else has it; whether that is so. If not, it is still shared.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn make_exclusive(&self) -> io::Result<bool> {
        // Given back first: whoever has it shared and wants it alone would wait for the other for ever.
        self.file.unlock()?;
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => self.make_shared().map(|()| false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Has it together with others again.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn make_shared(&self) -> io::Result<()> {
        self.file.unlock()?;
        for _ in 0..TRIES {
            match self.file.try_lock_shared() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }
}

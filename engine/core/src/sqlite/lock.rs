//! Locks on a database. Each user of the database holds a shared lock on a file beside it; only a process with the
//! exclusive lock may delete the database.
//!
//! SQLite itself does not prevent that: a deleted database lives on for the processes that have it open, beside the new
//! one of the same name.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

/// The number of attempts while another process has the exclusive lock, which it holds only briefly.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// A lock on the file `lock` in a folder. Dropping it releases the lock.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock as shared.
    ///
    /// # Errors
    /// If the file cannot be made or locked; [`io::ErrorKind::WouldBlock`] if another process keeps the exclusive lock
    /// for seconds.
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

    /// Makes the lock exclusive if no other process has it; returns whether it did. Otherwise it stays shared.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn make_exclusive(&self) -> io::Result<bool> {
        // Released first: otherwise two processes that both want the exclusive lock would wait for each other for ever.
        self.file.unlock()?;
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => self.make_shared().map(|()| false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Makes the lock shared again.
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

//! One backup of the same sources at a time on this computer: the agent's and those by hand take turns.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::{Error, Result};

use crate::fnv;
use crate::ui::Ui;
use crate::whole_file::make_private_folder;

/// How often it is looked whether the other one has ended.
const POLL: Duration = Duration::from_millis(200);

/// A turn, until it is dropped. The system ends it with the process, however that ends.
pub struct Turn {
    _file: File,
}

impl Turn {
    /// Waits until no other backup of `what` to the repository at `place` is under way, and takes the turn.
    ///
    /// # Errors
    /// The lock cannot be taken; the user wishes to stop.
    pub fn wait(state_dir: &Path, place: &str, what: &[PathBuf], ui: &Ui) -> Result<Self> {
        let path = state_dir.join(format!("backup-{:016x}.lock", hash(place, what)));
        let failed = |error| Error::io(format!("cannot lock {}", path.display()), error);
        make_private_folder(state_dir).map_err(failed)?;
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        let mut has_told = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if ui.is_interrupted() => return Err(Error::cancelled()),
                Err(TryLockError::WouldBlock) => {
                    if !std::mem::replace(&mut has_told, true) {
                        ui.say(format_args!(
                            "another backup of the same is under way{}: waiting for it",
                            holder(&mut file)
                        ));
                    }
                    std::thread::sleep(POLL);
                }
            }
        }
        // The number only tells others who it is: without it they wait just so.
        let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Turn { _file: file })
    }
}

/// The process that has the lock, in words.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(20).read_to_string(&mut text));
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(process)) => format!(" (process {process})"),
        _ => String::new(),
    }
}

/// Tells what the backup is about from others. Two that share a number only take turns.
fn hash(place: &str, what: &[PathBuf]) -> u64 {
    let names = what.iter().flat_map(|path| path.as_os_str().as_encoded_bytes().iter().copied().chain([0]));
    let bytes = place.bytes().chain([0]).chain(names);
    fnv::hash(bytes)
}

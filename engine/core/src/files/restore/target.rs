//! The target folder of a restore. It does not belong to the restore, so its attributes stay as they were.

use std::path::Path;
use std::sync::Arc;

use repo_format::entry::Entry;

use super::Purpose;
use crate::error::{Error, Result};
use crate::filesystem::Dir;

/// The target.
pub(super) struct Target {
    /// The folder; `None` if it does not exist yet and nothing is written.
    pub dir: Option<Arc<Dir>>,
    /// Its attributes before, if it existed.
    pub before: Option<Entry>,
}

impl Target {
    /// Opens the target; makes it if something will be written.
    pub fn open(path: &Path, purpose: Purpose) -> Result<Self> {
        let failed = |e| Error::io(format!("cannot restore to {}", path.display()), e);
        match Dir::open(path) {
            Ok(dir) => {
                let before = dir.stat_self().map_err(failed)?.entry;
                if purpose == Purpose::Restore {
                    dir.make_writable().map_err(failed)?;
                }
                Ok(Target { dir: Some(Arc::new(dir)), before: Some(before) })
            }
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
            Err(_) if purpose != Purpose::Restore => Ok(Target { dir: None, before: None }),
            Err(_) => {
                std::fs::create_dir_all(path).map_err(failed)?;
                let dir = Dir::open(path).map_err(failed)?;
                Ok(Target { dir: Some(Arc::new(dir)), before: None })
            }
        }
    }
}

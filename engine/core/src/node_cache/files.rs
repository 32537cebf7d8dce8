//! The files of the cache: one for each block or manifest, the least recently used are removed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use super::{Key, lock};
use crate::machine;

/// The bytes that all files have together, at most.
const MOST: u64 = 256 * 1024 * 1024;
/// The bytes that are left when files are removed, so that this is not needed for each new one.
const LEFT: u64 = MOST / 8 * 7;
/// A file that is being written by a process that lives is younger.
const FORSAKEN: Duration = Duration::from_secs(24 * 3600);

/// The files of one repository. A failure here costs a request, nothing else.
pub(super) struct Files {
    folder: PathBuf,
    /// The bytes of all files, as far as this process knows; `None` before it has counted.
    bytes: Mutex<Option<u64>>,
}

impl Files {
    pub fn new(folder: PathBuf) -> Self {
        Files { folder, bytes: Mutex::default() }
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(match key {
            Key::Block(pack, 0) => pack.to_string(),
            Key::Block(pack, number) => format!("{pack}-{number}"),
            Key::Manifest(id) => format!("manifest-{id}"),
        })
    }

    /// The file under this key, if it is there and not longer than `most`.
    pub fn read(&self, key: &Key, most: u64) -> Option<Vec<u8>> {
        let path = self.path(key);
        if fs::metadata(&path).ok()?.len() > most {
            return None;
        }
        let bytes = fs::read(&path).ok()?;
        touch(&path);
        Some(bytes)
    }

    /// Writes a file beside its place, and puts it there.
    pub fn write(&self, key: &Key, block: &[u8]) {
        let written = fs::create_dir_all(&self.folder)
            .and_then(|()| tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.folder))
            .and_then(|mut file| file.write_all(block).map(|()| file))
            .is_ok_and(|file| file.persist(self.path(key)).is_ok());
        if written {
            self.make_room(block.len() as u64);
        }
    }

    pub fn remove(&self, key: &Key) {
        // The file may be gone; if it cannot be removed, it is damaged for the next reader, too, who asks the storage.
        let _ = fs::remove_file(self.path(key));
    }

    /// Removes the files that were not used for longest, if all have too many bytes.
    fn make_room(&self, added: u64) {
        let mut bytes = lock(&self.bytes);
        if bytes.is_some_and(|bytes| bytes + added <= MOST) {
            *bytes = bytes.map(|bytes| bytes + added);
            return;
        }
        let mut files = self.all();
        let mut left: u64 = files.iter().map(|file| file.1).sum();
        if left > MOST {
            files.sort_by_key(|file| file.0);
            for (_, size, path) in files {
                if left <= LEFT {
                    break;
                }
                if fs::remove_file(path).is_ok() {
                    left -= size;
                }
            }
        }
        *bytes = Some(left);
    }

    /// All files: when each was used last, its size and its path. Removes what dead processes have begun to write.
    fn all(&self) -> Vec<(SystemTime, u64, PathBuf)> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut files = Vec::new();
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if !entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                files.push((used, metadata.len(), entry.path()));
            } else if now().duration_since(used).is_ok_and(|age| age > FORSAKEN) {
                // Another process may have removed it.
                let _ = fs::remove_file(entry.path());
            }
        }
        files
    }
}

/// The beginning of the names of files that are being written.
const TEMPORARY: &str = ".new-";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(machine::now().seconds).unwrap_or(0))
}

/// Notes that a file was used now.
fn touch(path: &Path) {
    // Without the right to do so it is removed earlier.
    if let Ok(file) = fs::OpenOptions::new().write(true).open(path) {
        let _ = file.set_modified(now());
    }
}

#[cfg(test)]
mod tests {
    use repo_format::id::PackId;

    use super::*;

    #[test]
    fn the_files_that_were_not_used_for_longest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().to_owned());
        let key = |n: u8| Key::Block(PackId([n; 32]), 0);
        for n in 0..5 {
            files.write(&key(n), b"block");
            let file = fs::OpenOptions::new().write(true).open(files.path(&key(n))).unwrap();
            // A file may have a size without taking space.
            file.set_len(60 * 1024 * 1024).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(n) + 1)).unwrap();
        }
        let newcomer = Files::new(folder.path().to_owned());
        newcomer.write(&key(9), b"block");
        let there: Vec<u8> = (0..10).filter(|n| files.path(&key(*n)).exists()).collect();
        assert_eq!(there, [2, 3, 4, 9]);
    }
}

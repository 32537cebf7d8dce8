//! Where a settings file is found, and how it is read.
//!
//! A file beside the repository is never opened: the host of the storage can write there, and would decide what is
//! saved, what is kept and what unlocks. The user is only told that it is not used.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use rustix::fs::OFlags;

/// The name of the settings file.
pub const FILE_NAME: &str = "enamel.toml";
const SYSTEM_FOLDER: &str = "/etc/enamel";
/// Longest settings file, bytes: far more than anybody writes.
const LEN_MAX: u64 = 64 * 1024;

/// The settings file of the user, or of the system if the user has none.
pub fn find() -> Option<PathBuf> {
    let system = Path::new(SYSTEM_FOLDER).join(FILE_NAME);
    // A link that leads nowhere is found, and refused when it is read.
    user_file().into_iter().chain([system]).find(|path| path.symlink_metadata().is_ok())
}

/// Where the settings file of the user belongs.
pub fn user_file() -> Option<PathBuf> {
    etcetera::choose_base_strategy().ok().map(|base| base.config_dir().join("enamel").join(FILE_NAME))
}

/// A settings file beside `repository`, which must be absolute, unless it is `used`: the user has named it, then.
pub fn beside(repository: &Path, used: Option<&Path>) -> Option<PathBuf> {
    let path = repository.parent()?.join(FILE_NAME);
    let found = path.symlink_metadata().ok()?;
    let is_used = used
        .and_then(|used| used.symlink_metadata().ok())
        .is_some_and(|used| (used.dev(), used.ino()) == (found.dev(), found.ino()));
    (!is_used).then_some(path)
}

/// The text of the file `path`. Nothing but a regular file is opened: a FIFO would hold up the run.
///
/// # Errors
/// It is no regular file, is too long, is not text, or cannot be read.
pub fn read(path: &Path) -> io::Result<String> {
    refuse_special(&fs::metadata(path)?)?;
    // It may have been replaced meanwhile, so the open itself does not wait either.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    refuse_special(&file.metadata()?)?;
    read_bounded(file)
}

fn refuse_special(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_file() { Ok(()) } else { Err(io::Error::other("it is not a regular file")) }
}

fn read_bounded(file: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(LEN_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LEN_MAX {
        return Err(io::Error::other(format!("it is longer than {} KiB", LEN_MAX / 1024)));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))
}

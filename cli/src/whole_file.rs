//! Files of this program that are written whole, by rename: a machine that dies leaves the old one or the new one.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A larger file is none of ours.
const BYTES_MAX: u64 = 1 << 20;

/// The people who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner.
    Owner,
    /// Everybody.
    All,
}

/// Why a file of JSON cannot be used.
#[derive(Debug)]
pub enum Unusable {
    /// It cannot be read.
    Io(io::Error),
    /// It is not one.
    Other(String),
}

/// Reads a file of JSON; `None` if there is none yet.
///
/// # Errors
/// It cannot be read, or is not one.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Unusable> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Unusable::Io(error)),
        Ok(found) if found.len() > BYTES_MAX => return Err(Unusable::Other("it is too large".to_owned())),
        Ok(_) => {}
    }
    let text = std::fs::read(path).map_err(Unusable::Io)?;
    serde_json::from_slice(&text).map(Some).map_err(|error| Unusable::Other(error.to_string()))
}

/// Writes a file of JSON, durably; its folder is made if need be.
///
/// # Errors
/// It cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    write(path, &serde_json::to_vec(value)?, Readers::Owner)
}

/// Writes a file, durably; its folder is made if need be.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::All => 0o644,
    };
    let path = std::path::absolute(path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    match readers {
        Readers::Owner => make_private_folder(folder)?,
        Readers::All => std::fs::create_dir_all(folder)?,
    }
    put(&path, bytes, mode, |_| Ok(()))
}

/// Makes a folder that is its owner's alone, and those that it is in, if need be. A file that is there stays as it is.
///
/// # Errors
/// It cannot be made.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Replaces a file, durably. It keeps owner and rights, and a link stays one.
///
/// # Errors
/// It is not there, or cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = std::fs::canonicalize(path)?;
    let before = std::fs::metadata(&path)?;
    put(&path, bytes, before.mode() & 0o777, |new| {
        let now = new.metadata()?;
        if (now.uid(), now.gid()) == (before.uid(), before.gid()) {
            return Ok(());
        }
        std::os::unix::fs::fchown(new, Some(before.uid()), Some(before.gid()))
    })
}

fn put(path: &Path, bytes: &[u8], mode: u32, prepare: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
    prepare(file.as_file())?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The name, too, outlives a machine that dies now.
    File::open(folder)?.sync_all()
}

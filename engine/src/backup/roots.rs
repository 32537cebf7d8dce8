//! The sources of a run as roots: opened, named, described.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use repo_format::cbor::ByteString;
use repo_format::manifest::{ROOT_DATABASE, ROOT_FILE, ROOT_FOLDER, ROOT_STREAM, Root};

use super::{BackupOptions, Companion, DatabaseSource, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::{Dir, path_to_bytes};
use crate::source::exclude::Excludes;
use crate::tree::TreeEntry;

/// The name of the root of a whole file system.
const WHOLE: &str = "root";
/// The name of the root of a database.
const DATABASE: &[u8] = b"database";

/// A root, ready to be walked.
pub(super) struct OpenRoot {
    /// As the manifest has it.
    pub described: Root,
    /// What is there.
    pub what: RootKind,
}

/// What a root is.
pub(super) enum RootKind {
    /// A folder.
    Folder(Dir, Excludes),
    /// Something else in a folder, by its name there.
    Single(Dir, Vec<u8>),
    /// A stream.
    Stream(Box<dyn Read + Send>),
    /// A database.
    Database(Box<DatabaseSource>),
    /// A folder that has been saved already.
    Saved(Box<TreeEntry>),
}

/// Opens all sources. One that is not there is an error: a backup that silently lacks a root is worse than none.
pub(super) fn open(sources: Vec<Source>, options: &BackupOptions) -> Result<Vec<OpenRoot>> {
    let mut taken = HashSet::new();
    let mut opened = Vec::new();
    for source in sources {
        let (name, kind, path, what) = match source {
            Source::Stream { name, reader } => (checked_name(&name)?, ROOT_STREAM, name, RootKind::Stream(reader)),
            Source::Database(source) => {
                let path = source.address.public().into_bytes();
                (DATABASE.to_vec(), ROOT_DATABASE, path, RootKind::Database(source))
            }
            Source::Path(path) => {
                let path = absolute(&path)?;
                let (kind, what) = open_path(&path, options)?;
                let name = path.file_name().unwrap_or(OsStr::new(WHOLE));
                (path_to_bytes(Path::new(name)).to_vec(), kind, path_to_bytes(&path).to_vec(), what)
            }
        };
        if opened.iter().any(|root: &OpenRoot| root.described.path.0 == path && root.described.kind == kind) {
            if kind == ROOT_STREAM {
                let name = String::from_utf8_lossy(&path);
                return Err(Error::new(ErrorKind::Usage, format!("two streams have the name `{name}`")));
            }
            continue;
        }
        let name = unique(name, &mut taken);
        opened.push(OpenRoot { described: Root { name: ByteString(name), kind, path: ByteString(path) }, what });
    }
    Ok(opened)
}

/// `path` from the root of the file system, without `.` and `..`, so that the same folder always has the same path.
fn absolute(path: &Path) -> Result<PathBuf> {
    let failed = |e| Error::io(format!("cannot back up {}", path.display()), e);
    if path.components().any(|part| part == std::path::Component::ParentDir) {
        return path.canonicalize().map_err(failed);
    }
    std::path::absolute(path).map_err(failed)
}

fn open_path(path: &Path, options: &BackupOptions) -> Result<(u8, RootKind)> {
    let failed = |e| Error::io(format!("cannot back up {}", path.display()), e);
    // The user named it, so a link is followed.
    if path.metadata().map_err(failed)?.is_dir() {
        let dir = Dir::open(path).map_err(failed)?;
        let excludes = Excludes::root(&options.exclude, path)?;
        return Ok((ROOT_FOLDER, RootKind::Folder(dir, excludes)));
    }
    let real = path.canonicalize().map_err(failed)?;
    match (real.parent(), real.file_name()) {
        (Some(folder), Some(name)) => {
            let dir = Dir::open(folder).map_err(failed)?;
            Ok((ROOT_FILE, RootKind::Single(dir, path_to_bytes(Path::new(name)).to_vec())))
        }
        _ => Err(Error::new(ErrorKind::Usage, format!("cannot back up {}: it has no name", path.display()))),
    }
}

fn checked_name(name: &[u8]) -> Result<Vec<u8>> {
    let shown = String::from_utf8_lossy(name);
    repo_format::entry::check_name(name)
        .map_err(|e| Error::caused(ErrorKind::Usage, format!("`{shown}` cannot be the name of a stream"), e))?;
    Ok(name.to_vec())
}

fn unique(name: Vec<u8>, taken: &mut HashSet<Vec<u8>>) -> Vec<u8> {
    let numbered = (2u64..).map(|n| [&name, format!("~{n}").as_bytes()].concat());
    let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(free.clone());
    free
}

/// Takes the companion of a database among the roots.
pub(super) fn companion(roots: &mut [OpenRoot]) -> Option<Companion> {
    roots.iter_mut().find_map(|root| match &mut root.what {
        RootKind::Database(source) => source.companion.take(),
        _ => None,
    })
}

/// The folders among the roots, to count what is in them.
pub(super) fn to_scan(roots: &[OpenRoot]) -> Vec<Dir> {
    let folders = roots.iter().filter(|root| matches!(root.what, RootKind::Folder(..)));
    folders.filter_map(|root| Dir::open(crate::filesystem::path_from_bytes(&root.described.path.0)).ok()).collect()
}

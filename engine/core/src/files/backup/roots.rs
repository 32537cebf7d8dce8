//! The sources of a run as roots: opens, names and describes them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;

use repo_format::cbor::ByteString;
use repo_format::manifest::{Root, RootKind};

use super::choice::Choice;
use super::{BackupOptions, Companion, FolderSource, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::files::source::exclude::Excludes;
use crate::files::source::path::{absolute, absolute_text, is_form_of};
use crate::filesystem::{Dir, path_to_bytes};
use crate::tree::TreeEntry;

/// The name of the root of a whole file system.
const WHOLE: &str = "root";
/// The name of the root of a database.
const DATABASE: &[u8] = b"database";

/// A root, ready to be walked.
pub(super) struct OpenRoot {
    /// Its index among the roots in the caller's order.
    pub number: usize,
    /// The root as in the manifest.
    pub described: Root,
    /// The real path, for messages.
    pub real_path: Vec<u8>,
    /// The source of its data.
    pub what: RootSource,
}

/// The source of a root's data.
pub(super) enum RootSource {
    /// A folder.
    Folder(Dir, Excludes),
    /// Something else, by its name in a folder.
    Single(Dir, Vec<u8>),
    /// A stream.
    Stream(Box<dyn Read + Send>),
    /// A database.
    Database(Box<dyn FolderSource>),
    /// A folder that is stored already.
    Saved(Box<TreeEntry>),
}

impl OpenRoot {
    /// Whether nothing of it is left to save.
    pub fn is_stored(&self) -> bool {
        matches!(self.what, RootSource::Saved(_))
    }
}

/// Opens all sources. A missing source is an error: a backup that silently lacks a root is worse than none.
///
/// A root has the last name of its path; [`name`] makes the names differ.
pub(super) fn open(sources: Vec<Source>, options: &BackupOptions) -> Result<Vec<OpenRoot>> {
    let mut opened: Vec<OpenRoot> = Vec::new();
    for source in sources {
        let (name, kind, path, what) = match source {
            Source::Stream { name, reader } => {
                (checked_name(&name)?, RootKind::Stream, name, RootSource::Stream(reader))
            }
            Source::Database(source) => {
                let path = source.address().into_bytes();
                (DATABASE.to_vec(), RootKind::Database, path, RootSource::Database(source))
            }
            Source::Path(path) => {
                add(&mut opened, open_folder_or_file(&path, &path, options)?)?;
                continue;
            }
            Source::Moved { path, from } => {
                add(&mut opened, open_folder_or_file(&path, &from, options)?)?;
                continue;
            }
        };
        let described = Root { name: ByteString(name), kind, path: ByteString(path.clone()) };
        add(&mut opened, OpenRoot { number: 0, described, real_path: path, what })?;
    }
    Ok(opened)
}

/// Adds a root, unless it is present already.
fn add(opened: &mut Vec<OpenRoot>, root: OpenRoot) -> Result<()> {
    let Some(same) = opened.iter().find(|other| other.described.is_same_source(&root.described)) else {
        opened.push(OpenRoot { number: opened.len(), ..root });
        return Ok(());
    };
    let name = String::from_utf8_lossy(&root.described.path.0);
    match root.described.kind {
        RootKind::Stream => Err(Error::new(ErrorKind::Usage, format!("two streams have the name `{name}`"))
            .with_hint("Give one of them another name.")),
        _ if same.real_path != root.real_path => {
            Err(Error::new(ErrorKind::Usage, format!("two sources are to be saved as {name}"))
                .with_hint("Give one of them another --as-path."))
        }
        _ => Ok(()),
    }
}

fn open_folder_or_file(path: &Path, from: &Path, options: &BackupOptions) -> Result<OpenRoot> {
    let failed = |e| Error::io(format!("cannot back up {}", path.display()), e);
    // A slash after something that is not a folder is a mistake, which the plain path would hide.
    path.metadata().map_err(failed)?;
    let real_path = absolute(path).map_err(failed)?;
    let (kind, what) = open_path(&real_path, options)?;
    // The original of a moved source no longer exists.
    let recorded = if path == from { real_path.clone() } else { absolute_text(from).map_err(failed)? };
    let name = path_to_bytes(Path::new(recorded.file_name().unwrap_or(OsStr::new(WHOLE)))).to_vec();
    let path = ByteString(path_to_bytes(&recorded).to_vec());
    let described = Root { name: ByteString(name), kind, path };
    Ok(OpenRoot { number: 0, described, real_path: path_to_bytes(&real_path).to_vec(), what })
}

/// Gives each root a unique name, independent of their order. A root keeps its name from the parent snapshot if it had
/// the same last name there. Otherwise it gets its last name, with a number if needed, in order of the paths.
pub(super) fn name(roots: &mut [OpenRoot], choice: &Choice) {
    let mut order: Vec<usize> = (0..roots.len()).collect();
    let mut taken = HashSet::new();
    let snapshot = |number: usize| choice.roots.get(number).copied().flatten().map(|chosen| chosen.snapshot);
    order.sort_by(|a, b| {
        let key = |at: usize| (snapshot(roots[at].number).unwrap_or(usize::MAX), &roots[at].described);
        let ((a_from, a), (b_from, b)) = (key(*a), key(*b));
        (a_from, &a.path, a.kind).cmp(&(b_from, &b.path, b.kind))
    });
    order.retain(|at| {
        let root = &mut roots[*at];
        let before = choice.of(root.number).map(|(_, before)| before.name.0.clone());
        let Some(before) = before.filter(|before| is_form_of(before, &root.described.name.0)) else { return true };
        let is_free = taken.insert(before.clone());
        if is_free {
            root.described.name.0 = before;
        }
        !is_free
    });
    order.sort_by(|a, b| {
        let (a, b) = (&roots[*a].described, &roots[*b].described);
        (&a.path, a.kind).cmp(&(&b.path, b.kind))
    });
    for at in order {
        let name = &mut roots[at].described.name.0;
        *name = unique(std::mem::take(name), &mut taken);
    }
}

fn open_path(path: &Path, options: &BackupOptions) -> Result<(RootKind, RootSource)> {
    let failed = |e| Error::io(format!("cannot back up {}", path.display()), e);
    // The user named the path, so a link is followed.
    if path.metadata().map_err(failed)?.is_dir() {
        let dir = Dir::open(path).map_err(failed)?;
        let excludes = Excludes::root(&options.exclude, path)?;
        return Ok((RootKind::Folder, RootSource::Folder(dir, excludes)));
    }
    let real = path.canonicalize().map_err(failed)?;
    match (real.parent(), real.file_name()) {
        (Some(folder), Some(name)) => {
            // Refuses a file in the repository like a folder in it.
            Excludes::root(&options.exclude, folder)?;
            let dir = Dir::open(folder).map_err(failed)?;
            Ok((RootKind::File, RootSource::Single(dir, path_to_bytes(Path::new(name)).to_vec())))
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

/// Takes the companion of the database among the roots.
pub(super) fn companion(roots: &mut [OpenRoot]) -> Option<Companion> {
    roots.iter_mut().find_map(|root| match &mut root.what {
        RootSource::Database(source) => source.take_companion(),
        _ => None,
    })
}

/// The exclusion patterns of the folders among the roots.
pub(super) fn excludes(roots: &[OpenRoot]) -> Vec<Excludes> {
    let excludes = |root: &OpenRoot| match &root.what {
        RootSource::Folder(_, excludes) => Some(excludes.clone()),
        _ => None,
    };
    roots.iter().filter_map(excludes).collect()
}

/// The patterns that matched nothing in any root.
pub(super) fn unused_patterns(options: &BackupOptions, roots: &[Excludes]) -> Vec<String> {
    let unused: Vec<Vec<usize>> = roots.iter().map(Excludes::unused).collect();
    let Some((first, others)) = unused.split_first() else { return Vec::new() };
    let nowhere = first.iter().filter(|place| others.iter().all(|unused| unused.contains(place)));
    nowhere.filter_map(|place| options.exclude.patterns.get(*place).cloned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn root(number: usize, path: &str) -> OpenRoot {
        let name = path.rsplit('/').next().unwrap_or_default().as_bytes().to_vec();
        let described =
            Root { name: ByteString(name), kind: RootKind::Folder, path: ByteString(path.as_bytes().to_vec()) };
        OpenRoot { number, described, real_path: Vec::new(), what: RootSource::Stream(Box::new(std::io::empty())) }
    }

    fn names(paths: &[String], choice: &Choice) -> Vec<(String, Vec<u8>)> {
        let mut roots: Vec<_> = paths.iter().enumerate().map(|(number, path)| root(number, path)).collect();
        name(&mut roots, choice);
        let mut named: Vec<_> = paths.iter().cloned().zip(roots.into_iter().map(|r| r.described.name.0)).collect();
        named.sort();
        named
    }

    proptest! {
        #[test]
        fn names_of_roots_do_not_depend_on_their_order_and_differ(
            paths in proptest::collection::hash_set("/[ab]/[xy](~2)?", 1..6),
            seed in any::<u64>(),
        ) {
            let mut one: Vec<String> = paths.into_iter().collect();
            let mut other = one.clone();
            other.rotate_left(usize::try_from(seed % 6).unwrap() % one.len());
            one.sort();
            let named = names(&one, &Choice::default());
            prop_assert_eq!(&named, &names(&other, &Choice::default()));
            let differ: HashSet<_> = named.iter().map(|(_, name)| name).collect();
            prop_assert_eq!(differ.len(), named.len());
        }
    }
}

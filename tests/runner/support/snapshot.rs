//! A folder as a map, in the simplest way that can be thought of; and the comparison of two.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::SeekFrom;

/// The thing at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    pub kind: &'static str,
    pub mode: u32,
    pub owner: (u32, u32),
    pub mtime: (i64, i64),
    pub size: u64,
    /// The hash of a file's content; the target of a symbolic link; the number of a device.
    pub content: Vec<u8>,
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The first name of a file that has several in this tree.
    pub group: Option<Vec<u8>>,
    pub holes: Vec<(u64, u64)>,
}

/// Everything in a folder, by path; the folder itself is the empty path.
pub type Tree = BTreeMap<Vec<u8>, Thing>;

/// Looks at everything in `root`.
pub fn look(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut inodes: HashMap<(u64, u64), Vec<Vec<u8>>> = HashMap::new();
    let mut waiting = vec![(root.to_owned(), Vec::new())];
    while let Some((path, relative)) = waiting.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            for entry in fs::read_dir(&path).unwrap() {
                let name = entry.unwrap().file_name();
                let below = if relative.is_empty() {
                    name.as_bytes().to_vec()
                } else {
                    [&relative, &b"/"[..], name.as_bytes()].concat()
                };
                waiting.push((path.join(name), below));
            }
        } else if metadata.is_file() {
            inodes.entry((metadata.dev(), metadata.ino())).or_default().push(relative.clone());
        }
        let thing = thing(&path, &metadata);
        tree.insert(relative, thing);
    }
    for mut names in inodes.into_values().filter(|names| names.len() > 1) {
        names.sort();
        for name in &names {
            if let Some(thing) = tree.get_mut(name) {
                thing.group = Some(names[0].clone());
            }
        }
    }
    tree
}

fn thing(path: &Path, metadata: &Metadata) -> Thing {
    let file_type = metadata.file_type();
    let (kind, content) = match () {
        () if file_type.is_dir() => ("folder", Vec::new()),
        () if file_type.is_symlink() => ("link", fs::read_link(path).unwrap().as_os_str().as_bytes().to_vec()),
        () if file_type.is_fifo() => ("fifo", Vec::new()),
        () if file_type.is_socket() => ("socket", Vec::new()),
        () if file_type.is_char_device() => ("character device", metadata.rdev().to_le_bytes().to_vec()),
        () if file_type.is_block_device() => ("block device", metadata.rdev().to_le_bytes().to_vec()),
        () => ("file", hash(path)),
    };
    let is_file = kind == "file";
    Thing {
        kind,
        mode: metadata.mode() & 0o7777,
        owner: (metadata.uid(), metadata.gid()),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        size: if is_file { metadata.len() } else { 0 },
        content,
        xattrs: xattrs(path),
        group: None,
        holes: if is_file { holes(path, metadata) } else { Vec::new() },
    }
}

fn hash(path: &Path) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    // Files that may not be read are compared by the rest.
    if let Ok(file) = File::open(path) {
        hasher.update_reader(file).unwrap();
    }
    hasher.finalize().as_bytes().to_vec()
}

/// Shorter ones are saved as the zeros that they are read as: at the end of a file a block that is not there may be
/// shorter than a block.
const SMALLEST_HOLE: u64 = 4096;

fn holes(path: &Path, metadata: &Metadata) -> Vec<(u64, u64)> {
    let mut holes = Vec::new();
    let Ok(file) = File::open(path) else { return holes };
    let (mut at, size) = (0, metadata.len());
    while at < size {
        let start = rustix::fs::seek(&file, SeekFrom::Hole(at)).unwrap_or(size);
        if start >= size {
            break;
        }
        let end = rustix::fs::seek(&file, SeekFrom::Data(start)).unwrap_or(size).min(size);
        holes.extend((end - start >= SMALLEST_HOLE).then_some((start, end - start)));
        at = end;
    }
    holes
}

fn xattrs(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut names = vec![0; 64 * 1024];
    let Ok(len) = rustix::fs::llistxattr(path, &mut names[..]) else { return Vec::new() };
    let mut found = Vec::new();
    for name in names[..len].split(|b| *b == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 64 * 1024];
        let len = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
        value.truncate(len);
        found.push((name.to_vec(), value));
    }
    found.sort();
    found
}

/// Fails with the paths that differ. Owners count for root only, who alone can give things away.
#[track_caller]
pub fn assert_same(expected: &Tree, found: &Tree) {
    let mut differences = Vec::new();
    let paths: std::collections::BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    for path in paths {
        let shown = String::from_utf8_lossy(path).into_owned();
        match (expected.get(path), found.get(path)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) if !super::is_root() && *a == (Thing { owner: a.owner, ..b.clone() }) => {}
            (Some(a), Some(b)) => differences.push(format!("{shown}:\n  {a:?}\n  {b:?}")),
            (Some(_), None) => differences.push(format!("{shown} is missing")),
            (None, _) => differences.push(format!("{shown} is too many")),
        }
    }
    let count = differences.len();
    differences.truncate(10);
    assert!(count == 0, "{count} differences:\n{}", differences.join("\n"));
}

//! Two folders, compared in everything that a backup must keep: names, kinds, bytes, modes, times. And an exact copy.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, FileTimes, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::Path;

const BUFFER_LEN: usize = 64 * 1024;

/// The result of a comparison.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Entries that were compared.
    pub entries: u64,
    /// Bytes that were compared.
    pub bytes: u64,
    /// The differences, in words.
    pub differences: Vec<String>,
}

/// Compares what is in the folders `a` and `b`, all the way down; the two folders themselves are not compared.
///
/// # Errors
/// Something cannot be read.
pub fn compare(a: &Path, b: &Path) -> io::Result<Comparison> {
    let mut comparison = Comparison::default();
    comparison.folders(a, b)?;
    Ok(comparison)
}

/// Copies the file or folder `from` to `to`, with modes and times.
///
/// # Errors
/// Errors of the file system.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = from.symlink_metadata()?;
    if metadata.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if metadata.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            copy(&from.join(&name), &to.join(&name))?;
        }
        fs::set_permissions(to, metadata.permissions())?;
    } else {
        fs::copy(from, to)?;
    }
    File::open(to)?.set_times(FileTimes::new().set_modified(metadata.modified()?))
}

impl Comparison {
    fn folders(&mut self, a: &Path, b: &Path) -> io::Result<()> {
        let (in_a, in_b) = (names(a)?, names(b)?);
        for name in in_a.union(&in_b) {
            let (a, b) = (a.join(name), b.join(name));
            match (in_a.contains(name), in_b.contains(name)) {
                (true, false) => self.differ(&a, "is missing in the other"),
                (false, true) => self.differ(&b, "is missing in the other"),
                _ => self.entries(&a, &b)?,
            }
        }
        Ok(())
    }

    fn entries(&mut self, a: &Path, b: &Path) -> io::Result<()> {
        self.entries += 1;
        let (meta_a, meta_b) = (a.symlink_metadata()?, b.symlink_metadata()?);
        if kind(&meta_a) != kind(&meta_b) {
            self.differ(a, "is of another kind");
            return Ok(());
        }
        if meta_a.mode() != meta_b.mode() && !meta_a.is_symlink() {
            self.differ(a, &format!("has mode {:o}, not {:o}", meta_a.mode(), meta_b.mode()));
        }
        let times = [&meta_a, &meta_b].map(|meta| (meta.mtime(), meta.mtime_nsec()));
        if times[0] != times[1] && !meta_a.is_symlink() {
            self.differ(a, &format!("was modified at {:?}, not {:?}", times[0], times[1]));
        }
        match kind(&meta_a) {
            "folder" => self.folders(a, b)?,
            "file" if meta_a.len() != meta_b.len() => self.differ(a, "has another size"),
            "file" if !self.same_bytes(a, b)? => self.differ(a, "has other bytes"),
            "link" if fs::read_link(a)? != fs::read_link(b)? => self.differ(a, "leads elsewhere"),
            _ => {}
        }
        Ok(())
    }

    fn same_bytes(&mut self, a: &Path, b: &Path) -> io::Result<bool> {
        let (mut a, mut b) = (File::open(a)?, File::open(b)?);
        let mut buffers = [vec![0; BUFFER_LEN], vec![0; BUFFER_LEN]];
        loop {
            let lens = [fill(&mut a, &mut buffers[0])?, fill(&mut b, &mut buffers[1])?];
            if buffers[0][..lens[0]] != buffers[1][..lens[1]] {
                return Ok(false);
            }
            if lens[0] == 0 {
                return Ok(true);
            }
            self.bytes += lens[0] as u64;
        }
    }

    fn differ(&mut self, path: &Path, how: &str) {
        self.differences.push(format!("{} {how}", path.display()));
    }
}

fn names(folder: &Path) -> io::Result<BTreeSet<OsString>> {
    fs::read_dir(folder)?.map(|entry| entry.map(|e| e.file_name())).collect()
}

fn kind(metadata: &Metadata) -> &'static str {
    match metadata.file_type() {
        kind if kind.is_dir() => "folder",
        kind if kind.is_file() => "file",
        kind if kind.is_symlink() => "link",
        kind if kind.is_fifo() => "fifo",
        kind if kind.is_socket() => "socket",
        _ => "device",
    }
}

fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    /// A folder, its exact copy, and what the comparison says after `change` was made to the copy.
    fn check(change: impl FnOnce(&Path), expected: &[&str]) {
        let temp = tempfile::tempdir().unwrap();
        let (a, b) = (temp.path().join("a"), temp.path().join("b"));
        fs::create_dir_all(a.join("sub")).unwrap();
        fs::write(a.join("sub/file"), vec![7; BUFFER_LEN + 1]).unwrap();
        symlink("sub/file", a.join("link")).unwrap();
        copy(&a, &b).unwrap();
        change(&b);
        let found = compare(&a, &b).unwrap();
        assert_eq!(found.differences.len(), expected.len(), "{found:?}");
        for (found, expected) in found.differences.iter().zip(expected) {
            assert!(found.contains(expected), "{found} / {expected}");
        }
    }

    fn touch(path: &Path, nanoseconds: u32) {
        let time = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, nanoseconds);
        File::open(path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    }

    fn keeping_mtimes(b: &Path, change: impl FnOnce(&Path)) {
        let paths = [b.join("sub/file"), b.join("sub"), b.to_owned()];
        let times = paths.each_ref().map(|path| path.metadata().unwrap().modified().unwrap());
        change(b);
        for (path, time) in paths.iter().zip(times) {
            if let Ok(file) = File::open(path) {
                file.set_times(FileTimes::new().set_modified(time)).unwrap();
            }
        }
    }

    #[test]
    fn an_exact_copy_does_not_differ() {
        check(|_| {}, &[]);
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let file = "sub/file";
        let mut bytes = vec![7; BUFFER_LEN + 1];
        bytes[BUFFER_LEN] = 8;
        check(|b| keeping_mtimes(b, |b| fs::write(b.join(file), bytes).unwrap()), &["other bytes"]);
        check(|b| keeping_mtimes(b, |b| fs::write(b.join(file), b"short").unwrap()), &["another size"]);
        check(|b| keeping_mtimes(b, |b| fs::remove_file(b.join(file)).unwrap()), &["missing"]);
        check(|b| keeping_mtimes(b, |b| fs::write(b.join("sub/more"), b"x").unwrap()), &["missing"]);
        check(|b| fs::set_permissions(b.join(file), Permissions::from_mode(0o600)).unwrap(), &["mode"]);
        check(|b| touch(&b.join(file), 1), &["modified"]);
        let relink = |b: &Path| {
            fs::remove_file(b.join("link")).unwrap();
            symlink("elsewhere", b.join("link")).unwrap();
        };
        check(relink, &["leads elsewhere"]);
    }
}

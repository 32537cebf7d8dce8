//! Files to read, and files to write.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::Duration;

use repo_format::entry::Hole;
use rustix::fs::{self, FileType, Mode, OFlags, SeekFrom};
use rustix::io::{Errno, retry_on_intr};

use super::{Dir, FileStat, Object, checked};

/// Shorter holes are read as zeros.
const SMALLEST_HOLE: u64 = 4096;

/// The number of attempts, and the wait between them, while another process holds a lease on a file.
const LEASE_TRIES: usize = 50;
const LEASE_WAIT: Duration = Duration::from_millis(100);

impl Dir {
    /// Opens the file `name` for reading, without changing its access time if that is allowed. Never waits for the
    /// other end of a FIFO.
    ///
    /// # Errors
    /// An error of the operating system; `InvalidInput` if it is not a file.
    pub fn open_file(&self, name: &[u8]) -> io::Result<SourceFile> {
        let name = checked(name)?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        match open_regular(self.fd.as_fd(), name, OFlags::RDONLY | OFlags::NOATIME) {
            // Only the owner may suppress access times.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            opened => return opened.map(|file| SourceFile { file }),
        }
        open_regular(self.fd.as_fd(), name, OFlags::RDONLY).map(|file| SourceFile { file })
    }

    /// Opens the existing file `name` for reading and writing. It may have other names: see `links` of its
    /// [`FileStat`].
    ///
    /// # Errors
    /// As [`Dir::open_file`].
    pub(crate) fn open_existing(&self, name: &[u8]) -> io::Result<TargetFile> {
        open_regular(self.fd.as_fd(), checked(name)?, OFlags::RDWR).map(|file| TargetFile { file })
    }

    /// Creates the file `name`, readable and writable by the current user only.
    ///
    /// # Errors
    /// An error of the operating system; `AlreadyExists` if there is anything of this name.
    pub fn create_file(&self, name: &[u8]) -> io::Result<TargetFile> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let name = checked(name)?;
        let fd = retry_on_intr(|| fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR))?;
        Ok(TargetFile { file: File::from(fd) })
    }
}

/// Opens an expected file. `NONBLOCK` prevents waiting for a FIFO that took its place meanwhile.
fn open_regular(parent: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let not_a_file = || io::Error::new(io::ErrorKind::InvalidInput, "it is no longer a file");
    let fd = match open_patiently(parent, name, flags) {
        // It is a symbolic link, a socket, or a FIFO or folder opened for writing.
        Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => return Err(not_a_file()),
        opened => opened?,
    };
    match FileType::from_raw_mode(fs::fstat(&fd)?.st_mode) {
        FileType::RegularFile => Ok(File::from(fd)),
        _ => Err(not_a_file()),
    }
}

/// File servers hold leases on files that their clients have open. At first a non-blocking open of such a file fails,
/// and makes the system recall the lease.
fn open_patiently(parent: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    for _ in 0..LEASE_TRIES {
        match retry_on_intr(|| fs::openat(parent, name, flags, Mode::empty())) {
            Err(Errno::WOULDBLOCK) => thread::sleep(LEASE_WAIT),
            opened => return opened,
        }
    }
    Err(Errno::WOULDBLOCK)
}

/// A file that is being read.
#[derive(Debug)]
pub struct SourceFile {
    file: File,
}

impl SourceFile {
    /// Looks at the file itself, whatever its name is now. The name in the result is empty.
    ///
    /// # Errors
    /// An error of the operating system.
    pub fn stat(&self) -> io::Result<FileStat> {
        Object::Open(self.file.as_fd()).stat()
    }

    /// Reads at `offset`. Returns 0 bytes at or beyond the end, otherwise possibly fewer than requested.
    ///
    /// # Errors
    /// An error of the operating system.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_at(&self.file, buffer, offset)
    }

    /// The holes in its first `size` bytes, ascending: the `most` largest of at least 4096 bytes. Call it only if
    /// [`FileStat::may_have_holes`]. Empty if the file system does not know.
    ///
    /// # Errors
    /// An error of the operating system.
    pub fn holes(&self, size: u64, most: usize) -> io::Result<Vec<Hole>> {
        // The smallest hole is on top, and of equal holes the last.
        let mut largest = BinaryHeap::new();
        let mut at = 0;
        while at < size {
            let start = match fs::seek(&self.file, SeekFrom::Hole(at)) {
                Ok(start) => start,
                // The file was cut short meanwhile.
                Err(Errno::NXIO) => break,
                Err(error) if is_unsupported(error) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            if start >= size {
                break;
            }
            let end = match fs::seek(&self.file, SeekFrom::Data(start)) {
                Ok(end) => end.min(size),
                Err(Errno::NXIO) => size,
                Err(error) if is_unsupported(error) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            if end.saturating_sub(start) >= SMALLEST_HOLE {
                largest.push((Reverse(end - start), start));
            }
            if largest.len() > most {
                largest.pop();
            }
            // If another process writes the file meanwhile, a hole may be empty; advance in any case.
            at = end.max(start + 1);
        }
        let mut holes: Vec<Hole> = largest.into_iter().map(|(Reverse(len), offset)| Hole { offset, len }).collect();
        holes.sort_unstable_by_key(|hole| hole.offset);
        Ok(holes)
    }
}

/// Whether the file system does not know holes.
fn is_unsupported(error: Errno) -> bool {
    // On some systems these two are the same number.
    error == Errno::NOTSUP || error == Errno::OPNOTSUPP || matches!(error, Errno::INVAL | Errno::NOTTY | Errno::NOSYS)
}

/// A file that is being written.
#[derive(Debug)]
pub struct TargetFile {
    pub(super) file: File,
}

impl TargetFile {
    /// Looks at it. The name in the result is empty.
    ///
    /// # Errors
    /// An error of the operating system.
    pub fn stat(&self) -> io::Result<FileStat> {
        Object::Open(self.file.as_fd()).stat()
    }

    /// As [`SourceFile::read_at`].
    ///
    /// # Errors
    /// An error of the operating system.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_at(&self.file, buffer, offset)
    }

    /// Writes all of `bytes` at `offset`. Threads may write to one file.
    ///
    /// # Errors
    /// An error of the operating system; some of the bytes may be written then.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    /// Sets the length to `size`: cuts the file, or extends it with a hole.
    ///
    /// # Errors
    /// An error of the operating system.
    pub fn set_len(&self, size: u64) -> io::Result<()> {
        self.file.set_len(size)
    }
}

fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

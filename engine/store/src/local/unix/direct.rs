//! Reads and writes around the page cache, which keeps the data of other programs.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The number of bytes that one write around the page cache takes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const DIRECT_PIECE: usize = 1024 * 1024;
/// Memory, offset and length of such a write must be multiples of this.
#[cfg(any(target_os = "linux", target_os = "android"))]
const DIRECT_ALIGNMENT: usize = 4096;

/// Writes `parts` to the empty `file` around the page cache, because they would only displace other programs' data.
/// Writes through the cache if the file system cannot do otherwise. Not durable until synced.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in crate::local) fn write_uncached(file: &File, parts: &[&[u8]]) -> io::Result<()> {
    let mut direct = set_direct(file, true).is_ok();
    let mut memory = vec![0; DIRECT_PIECE + DIRECT_ALIGNMENT];
    let start = memory.as_ptr().align_offset(DIRECT_ALIGNMENT);
    let buffer = &mut memory[start..start + DIRECT_PIECE];
    let (mut filled, mut offset) = (0, 0);
    let mut write = |bytes: &[u8], offset: u64| {
        let aligned = bytes.len().is_multiple_of(DIRECT_ALIGNMENT);
        if direct && aligned {
            match file.write_all_at(bytes, offset) {
                // Some file systems accept the flag and refuse the write.
                Err(e) if e.kind() == io::ErrorKind::InvalidInput => {}
                done => return done,
            }
        }
        if std::mem::take(&mut direct) {
            set_direct(file, false)?;
        }
        file.write_all_at(bytes, offset)
    };
    for part in parts {
        let mut part = *part;
        while !part.is_empty() {
            let taken = part.len().min(DIRECT_PIECE - filled);
            buffer[filled..filled + taken].copy_from_slice(&part[..taken]);
            (filled, part) = (filled + taken, &part[taken..]);
            if filled == DIRECT_PIECE {
                write(buffer, offset)?;
                (filled, offset) = (0, offset + DIRECT_PIECE as u64);
            }
        }
    }
    let whole = filled - filled % DIRECT_ALIGNMENT;
    if whole > 0 {
        write(&buffer[..whole], offset)?;
    }
    if filled > whole {
        write(&buffer[whole..filled], offset + whole as u64)?;
    }
    Ok(())
}

/// Reads `len` bytes from `offset` of `file` around the page cache. Returns `None` if the file system cannot do that or
/// anything is odd; the caller then reads through the cache. The file serves this one read only.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in crate::local) fn read_uncached(file: &File, offset: u64, len: usize) -> Option<Vec<u8>> {
    set_direct(file, true).ok()?;
    let skipped = usize::try_from(offset % DIRECT_ALIGNMENT as u64).ok()?;
    let whole = (skipped + len).next_multiple_of(DIRECT_ALIGNMENT);
    let mut memory = vec![0; whole + DIRECT_ALIGNMENT];
    let start = memory.as_ptr().align_offset(DIRECT_ALIGNMENT);
    let buffer = &mut memory[start..start + whole];
    let mut filled = 0;
    while filled < skipped + len {
        match file.read_at(&mut buffer[filled..], offset - skipped as u64 + filled as u64) {
            Ok(0) | Err(_) => return None,
            Ok(read) => filled += read,
        }
    }
    memory.copy_within(start + skipped..start + skipped + len, 0);
    memory.truncate(len);
    Some(memory)
}

/// This system has no simple way around its cache.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(in crate::local) fn read_uncached(_: &File, _: u64, _: usize) -> Option<Vec<u8>> {
    None
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_direct(file: &File, direct: bool) -> rustix::io::Result<()> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, direct);
    fcntl_setfl(file, flags)
}

/// Writes `parts` to the empty `file`; this system has no simple way around its cache.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(in crate::local) fn write_uncached(mut file: &File, parts: &[&[u8]]) -> io::Result<()> {
    parts.iter().try_for_each(|part| io::Write::write_all(&mut file, part))
}

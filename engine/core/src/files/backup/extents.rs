//! The data of a file without its holes, from beginning to end.

use std::io::{self, Read};
use std::ops::Range;

use repo_format::entry::Hole;

use crate::filesystem::SourceFile;

/// The number of bytes beyond a file's size that are read at most. Generated files and files on some shares have no
/// size, or one that is too small; some generated files never end.
pub(super) const BEYOND_SIZE: u64 = 64 * 1024 * 1024;

/// The data of a file without its holes, as one stream. It ends with the file, but not much beyond the size that the
/// file had when it was opened.
pub(super) struct FileExtents<'f> {
    file: &'f SourceFile,
    /// In reverse order.
    extents: Vec<Range<u64>>,
}

impl<'f> FileExtents<'f> {
    /// The data between `holes` of a file whose stated size is `size` bytes.
    pub fn new(file: &'f SourceFile, holes: &[Hole], size: u64) -> Self {
        let mut extents = Vec::with_capacity(holes.len() + 1);
        let mut at = 0;
        for hole in holes {
            extents.push(at..hole.offset);
            at = hole.offset + hole.len;
        }
        extents.push(at..size.saturating_add(BEYOND_SIZE));
        extents.retain(|extent| !extent.is_empty());
        extents.reverse();
        FileExtents { file, extents }
    }
}

impl Read for FileExtents<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(extent) = self.extents.last_mut() else { return Ok(0) };
        let wanted = usize::try_from(extent.end - extent.start).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..wanted], extent.start)?;
        match read {
            // The file ends here.
            0 => self.extents.clear(),
            _ => extent.start += read as u64,
        }
        if self.extents.last().is_some_and(Range::is_empty) {
            self.extents.pop();
        }
        Ok(read)
    }
}

/// The offset in the file at which its first `data` bytes of data end. Drops the holes behind.
pub(super) fn cut_behind(holes: &mut Vec<Hole>, data: u64) -> u64 {
    let mut end = data;
    let mut before = 0;
    while let Some(hole) = holes.get(before).filter(|hole| hole.offset < end) {
        end += hole.len;
        before += 1;
    }
    holes.truncate(before);
    end
}

//! The data of a file, from its beginning to its end, without its holes.

use std::io::{self, Read};
use std::ops::Range;

use repo_format::entry::Hole;

use crate::filesystem::SourceFile;

/// What a file holds beyond its size is read up to here. Generated files and those of some shares give no size, or one that is too small;
/// some of the former never end.
pub(super) const BEYOND_SIZE: u64 = 64 * 1024 * 1024;

/// The data of a file without its holes, as one stream, to the end of the file but not much farther than it said when it was opened.
pub(super) struct FileExtents<'f> {
    file: &'f SourceFile,
    /// Reversed.
    extents: Vec<Range<u64>>,
}

impl<'f> FileExtents<'f> {
    /// The data between `holes` of a file that says it has `size` bytes.
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
            // The end of the file: what would lie beyond is not there.
            0 => self.extents.clear(),
            _ => extent.start += read as u64,
        }
        if self.extents.last().is_some_and(Range::is_empty) {
            self.extents.pop();
        }
        Ok(read)
    }
}

/// Where the first `data` bytes of a file's data end; drops the holes behind.
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

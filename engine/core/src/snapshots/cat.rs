//! Writes one file of a snapshot to a stream.

use std::io::Write;

use repo_format::entry::EntryKind;

use crate::error::{Error, ErrorKind, Result};
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::snapshots::Snapshot;
use crate::tree::{self, ContentPieces, ContentRef, TreeEntry};

const ZEROS: &[u8] = &[0; 64 * 1024];

/// Writes the file at `path` to `out`; returns the number of bytes.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Io`] of `out`; [`ErrorKind::Damaged`] at the first damaged part, and
/// everything written before it is right.
pub fn cat(repository: &Repository, snapshot: &Snapshot, path: &[u8], out: &mut dyn Write) -> Result<u64> {
    let reader = ChunkReader::new(repository);
    let (path, entry) = tree::lookup(&reader, &snapshot.manifest, path)?;
    let shown = String::from_utf8_lossy(&path).into_owned();
    let Some(entry) = entry.filter(|entry| entry.meta.kind == EntryKind::File) else {
        return Err(Error::new(ErrorKind::NotFound, format!("`{shown}` is not a file")));
    };
    if !entry.content_fits() {
        return Err(Error::new(ErrorKind::Damaged, format!("the content of `{shown}` does not have its size")));
    }
    let mut writer = HoleWriter::new(&entry, out);
    match &entry.content {
        None => {}
        Some(ContentRef::Inline(bytes)) => writer.data(bytes)?,
        Some(content) => {
            for piece in ContentPieces::new(&reader, content, entry.data_len()) {
                writer.data(&piece?)?;
            }
        }
    }
    writer.finish(entry.meta.size)
}

/// Writes data in order, and zeros for holes.
struct HoleWriter<'a> {
    out: &'a mut dyn Write,
    holes: std::iter::Peekable<std::vec::IntoIter<repo_format::entry::Hole>>,
    at: u64,
}

impl<'a> HoleWriter<'a> {
    fn new(entry: &TreeEntry, out: &'a mut dyn Write) -> Self {
        let holes = entry.meta.holes.clone().unwrap_or_default();
        HoleWriter { out, holes: holes.into_iter().peekable(), at: 0 }
    }

    fn data(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            self.holes_here()?;
            let until = self.holes.peek().map_or(u64::MAX, |hole| hole.offset);
            let here = usize::try_from(until - self.at).unwrap_or(usize::MAX).min(bytes.len());
            self.write(&bytes[..here])?;
            bytes = &bytes[here..];
        }
        Ok(())
    }

    fn holes_here(&mut self) -> Result<()> {
        while let Some(hole) = self.holes.next_if(|hole| hole.offset <= self.at) {
            self.zeros(hole.len)?;
        }
        Ok(())
    }

    fn zeros(&mut self, mut len: u64) -> Result<()> {
        while len > 0 {
            let piece = usize::try_from(len).unwrap_or(ZEROS.len()).min(ZEROS.len());
            self.write(&ZEROS[..piece])?;
            len -= piece as u64;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|e| Error::io("cannot write the file out", e))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn finish(mut self, size: u64) -> Result<u64> {
        self.holes_here()?;
        if self.at != size {
            return Err(Error::new(
                ErrorKind::Damaged,
                format!("the file has {} bytes where {size} were recorded", self.at),
            ));
        }
        Ok(self.at)
    }
}

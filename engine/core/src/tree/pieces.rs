//! A file of the repository that is read piece by piece.

use super::{ContentPieces, ContentRef, TreeEntry};
use crate::error::{Error, ErrorKind, Result};
use crate::pack::ChunkReader;

/// The bytes of a file without holes, in order, a chunk at a time. After an error nothing follows.
pub struct FilePieces<'r> {
    inline: Option<Vec<u8>>,
    content: Option<ContentPieces<'r>>,
    /// Bytes to pass over.
    skip: u64,
}

impl<'r> FilePieces<'r> {
    /// The bytes of `entry` behind the first `skip`. Chunks before them are not read.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if the content does not have its size, or has holes.
    pub fn new(reader: &'r ChunkReader<'r>, entry: &TreeEntry, skip: u64) -> Result<Self> {
        if !entry.content_fits() || entry.meta.holes.is_some() || skip > entry.meta.size {
            let shown = String::from_utf8_lossy(entry.name());
            return Err(Error::new(ErrorKind::Damaged, format!("the content of `{shown}` does not have its size")));
        }
        let (mut inline, mut content) = (None, None);
        match &entry.content {
            None => {}
            Some(ContentRef::Inline(bytes)) => inline = Some(bytes.clone()),
            Some(of) => content = Some(ContentPieces::new(reader, of, entry.meta.size)),
        }
        Ok(FilePieces { inline, content, skip })
    }

    fn cut(&mut self, mut piece: Vec<u8>) -> Vec<u8> {
        let skip = usize::try_from(self.skip).unwrap_or(usize::MAX).min(piece.len());
        self.skip -= skip as u64;
        piece.drain(..skip);
        piece
    }
}

impl Iterator for FilePieces<'_> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(inline) = self.inline.take() {
            return Some(Ok(self.cut(inline)));
        }
        let content = self.content.as_mut()?;
        let piece = match content.skip_chunks(self.skip) {
            Ok(skip) => {
                self.skip = skip;
                content.next()?
            }
            Err(error) => Err(error),
        };
        match piece {
            Ok(bytes) => Some(Ok(self.cut(bytes.to_vec()))),
            Err(error) => {
                self.content = None;
                Some(Err(error))
            }
        }
    }
}

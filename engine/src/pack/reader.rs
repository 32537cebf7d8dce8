//! From a chunk's id back to its plain bytes.

use std::ops::{Deref, Range};
use std::sync::{Mutex, PoisonError};

use repo_format::id::ChunkId;
use repo_format::pack::ChunkKind;

use crate::error::{Error, ErrorKind, Result};
use crate::index::{Index, Location};
use crate::monitor::NullMonitor;
use crate::repository::{Opened, Repository, open_chunk};
use crate::store::ObjectName;

/// The plain bytes of a chunk, in the buffer they were opened in.
pub struct Plain {
    buffer: Vec<u8>,
    range: Range<usize>,
}

impl Deref for Plain {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.buffer[self.range.clone()]
    }
}

/// Reads chunks of a repository. Shared by all threads.
pub struct ChunkReader<'r> {
    repository: &'r Repository,
    index: &'r Index,
    /// Whether the index has been read anew because something was not found; none for an index that cannot be.
    reloaded: Option<Mutex<bool>>,
}

impl<'r> ChunkReader<'r> {
    /// A reader; the index should have been brought up to date after the snapshots were listed.
    pub fn new(repository: &'r Repository) -> Self {
        ChunkReader { repository, index: repository.index(), reloaded: Some(Mutex::new(false)) }
    }

    /// A reader that knows only what `index` says.
    pub fn with_index(repository: &'r Repository, index: &'r Index) -> Self {
        ChunkReader { repository, index, reloaded: None }
    }

    /// The repository.
    pub fn repository(&self) -> &'r Repository {
        self.repository
    }

    /// The plain bytes of a chunk, checked against its id. All its copies are tried; when none is whole the index is read anew, once.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if no copy is whole.
    pub fn read(&self, kind: ChunkKind, id: &ChunkId) -> Result<Plain> {
        match (self.read_known(kind, id), &self.reloaded) {
            (Err(error), Some(reloaded)) if error.kind() == ErrorKind::Damaged => {
                self.reload(reloaded)?;
                // The first error is about what the index said; the second try knows better. Also when another thread has read the
                // index anew meanwhile.
                self.read_known(kind, id)
            }
            (result, _) => result,
        }
    }

    fn read_known(&self, kind: ChunkKind, id: &ChunkId) -> Result<Plain> {
        let mut first_error = None;
        for location in self.index.locations(id)? {
            match self.read_at(kind, id, &location) {
                Ok(plain) => return Ok(plain),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error
            .unwrap_or_else(|| Error::new(ErrorKind::Damaged, format!("chunk {id} is in no pack of the repository"))))
    }

    fn read_at(&self, kind: ChunkKind, id: &ChunkId, location: &Location) -> Result<Plain> {
        let name = ObjectName::Pack(location.pack);
        // What the cache says may be damaged, too.
        let end = location.offset.saturating_add(location.sealed_len.into());
        let read = self.repository.store().get_range(&name, location.offset..end).map_err(Error::from);
        // A place of the disk that cannot be read is damage like any other: what else there is can still be restored.
        let lost = |e: Error| if e.kind() == ErrorKind::Io { e.with_kind(ErrorKind::Damaged) } else { e };
        let mut buffer = read.map_err(lost)?;
        let opened = open_chunk(self.repository.keys(), kind, id, location, &mut buffer);
        match opened.map_err(|e| e.context(format!("cannot use {name}")))? {
            Opened::InPlace(range) => Ok(Plain { buffer, range }),
            Opened::Decompressed(plain) => Ok(Plain { range: 0..plain.len(), buffer: plain }),
        }
    }

    /// Reads the index anew, once: all of it, since what it says of packs may be wrong.
    fn reload(&self, reloaded: &Mutex<bool>) -> Result<()> {
        let mut reloaded = reloaded.lock().unwrap_or_else(PoisonError::into_inner);
        if *reloaded {
            return Ok(());
        }
        *reloaded = true;
        self.index.forget_packs()?;
        self.repository.sync_index(&NullMonitor)?;
        // What cannot be used here is reported where a chunk of it is missed, and by `verify`.
        self.repository.index_unnamed_packs()?;
        Ok(())
    }
}

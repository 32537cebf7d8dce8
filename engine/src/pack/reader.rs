//! From a chunk's id back to its plain bytes.

use std::sync::Mutex;
use std::sync::PoisonError;

use repo_format::head::ObjectKind;
use repo_format::id::ChunkId;
use repo_format::limits;
use repo_format::pack::ChunkKind;

use crate::chunk::decode;
use crate::crypto::Keys;
use crate::error::{Error, ErrorKind, Result};
use crate::index::Location;
use crate::monitor::NullMonitor;
use crate::repository::Repository;
use crate::store::ObjectName;

/// Reads chunks of a repository. Shared by all threads.
pub struct ChunkReader<'r> {
    repository: &'r Repository,
    /// Whether the index has been read anew because something was not found.
    reloaded: Mutex<bool>,
}

impl<'r> ChunkReader<'r> {
    /// A reader; the index should have been brought up to date after the snapshots were listed.
    pub fn new(repository: &'r Repository) -> Self {
        ChunkReader { repository, reloaded: Mutex::new(false) }
    }

    /// The repository.
    pub fn repository(&self) -> &'r Repository {
        self.repository
    }

    /// The plain bytes of a chunk, checked against its id. All its copies are tried; when none is found the index is read anew, once.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if no copy is whole.
    pub fn read(&self, kind: ChunkKind, id: &ChunkId) -> Result<Vec<u8>> {
        match self.read_known(kind, id) {
            Err(error) if error.kind() == ErrorKind::Damaged && self.reload()? => {
                // The first error is about what the index said; the second try knows better.
                self.read_known(kind, id)
            }
            result => result,
        }
    }

    fn read_known(&self, kind: ChunkKind, id: &ChunkId) -> Result<Vec<u8>> {
        let mut first_error = None;
        for location in self.repository.index().locations(id)? {
            match self.read_at(kind, id, &location) {
                Ok(plain) => return Ok(plain),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error
            .unwrap_or_else(|| Error::new(ErrorKind::Damaged, format!("chunk {id} is in no pack of the repository"))))
    }

    fn read_at(&self, kind: ChunkKind, id: &ChunkId, location: &Location) -> Result<Vec<u8>> {
        let name = ObjectName::Pack(location.pack);
        let end = location.offset + u64::from(location.sealed_len);
        let sealed = self.repository.store().get_range(&name, location.offset..end)?;
        open_chunk(self.repository.keys(), kind, id, location, sealed)
            .map_err(|e| e.context(format!("cannot use {name}")))
    }

    /// Reads the index anew, once; whether that was done by this call.
    fn reload(&self) -> Result<bool> {
        let mut reloaded = self.reloaded.lock().unwrap_or_else(PoisonError::into_inner);
        if *reloaded {
            return Ok(false);
        }
        *reloaded = true;
        self.repository.sync_index(&NullMonitor)?;
        // What cannot be used here is reported where a chunk of it is missed, and by `verify`.
        self.repository.index_unnamed_packs()?;
        Ok(true)
    }
}

/// Opens a sealed chunk: tag, codec, length, and at last its id.
///
/// # Errors
/// [`ErrorKind::Damaged`].
pub fn open_chunk(
    keys: &Keys,
    kind: ChunkKind,
    id: &ChunkId,
    location: &Location,
    mut sealed: Vec<u8>,
) -> Result<Vec<u8>> {
    let damaged = |why: &str| Error::new(ErrorKind::Damaged, format!("chunk {id} {why}"));
    if location.kind != kind {
        return Err(damaged("is of another kind than what names it says"));
    }
    if u64::from(location.plain_len) > limits::CHUNK_PLAIN {
        return Err(damaged("is larger than the format allows"));
    }
    let key = keys.object_key(ObjectKind::Pack, location.sealing, location.salt)?;
    let position = location.position;
    let opened =
        key.open(position, &position.to_le_bytes(), &mut sealed).ok_or_else(|| damaged("has been changed or moved"))?;
    sealed.truncate(opened.len);
    let (codec, coded) = sealed.split_first().ok_or_else(|| damaged("is empty"))?;
    let plain = decode(*codec, coded, location.plain_len as usize)?;
    match keys.id(kind, &plain) == *id {
        true => Ok(plain),
        false => Err(damaged("holds other bytes than its id says")),
    }
}

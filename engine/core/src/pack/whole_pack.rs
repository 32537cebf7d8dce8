//! Reads a pack whole, to check all of it.

use repo_format::id::{ChunkId, PackId};
use repo_format::limits;
use repo_format::pack::{self, TRAILER_LEN, TableEntry};
use repo_format::sealed::ENVELOPE_LEN;
use repo_format::segment::SegmentPack;

use super::open_chunk;
use crate::catalog::{Location, sealed_chunks};
use crate::error::{Error, ErrorKind, Result};
use crate::repository::Repository;
use engine_store::ObjectName;

/// A pack that has been read whole.
pub struct WholePack {
    id: PackId,
    bytes: Vec<u8>,
}

impl WholePack {
    /// Reads a pack of `size` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if it is larger than a pack may be, or not there; [`ErrorKind::Io`].
    pub fn read(repository: &Repository, id: PackId, size: u64) -> Result<Self> {
        let name = ObjectName::Pack(id);
        if size > limits::PACK {
            return Err(Error::new(ErrorKind::Damaged, format!("{name} is larger than the format allows")));
        }
        // Read, not mapped: if a disk dies under a mapping, the program dies with it.
        let read = || repository.store().get_range(&name, 0..size).map_err(Error::of_object);
        let whole = WholePack { id, bytes: read()? };
        if !repository.is_far() || whole.fits_its_name() {
            return Ok(whole);
        }
        // A network may have changed the bytes on their way.
        Ok(WholePack { id, bytes: read()? })
    }

    /// Whether its bytes match its name.
    pub(crate) fn fits_its_name(&self) -> bool {
        blake3::hash(&self.bytes).as_bytes() == &self.id.0
    }

    /// The pack's own description of itself.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub fn description(&self, repository: &Repository) -> Result<SegmentPack> {
        let damaged = |e| Error::damaged(ObjectName::Pack(self.id), e);
        let size = self.bytes.len() as u64;
        let trailer_at = self.bytes.len().saturating_sub(TRAILER_LEN);
        let table = pack::decode_trailer(&self.bytes[trailer_at..], size).map_err(damaged)?;
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        // The trailer has checked both ranges against the size.
        let sealed = &self.bytes[place(table.start)..place(table.end)];
        repository.open_pack_table(self.id, size, &self.bytes[..ENVELOPE_LEN], sealed)
    }

    /// The pack's description of itself, if all of it is whole: its name, its table, and every chunk.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub fn check(&self, repository: &Repository) -> Result<SegmentPack> {
        if !self.fits_its_name() {
            return Err(Error::new(ErrorKind::Damaged, "its bytes do not fit its name: they have changed"));
        }
        let pack = self.description(repository)?;
        let damaged = self.damaged_chunks(repository, &pack).next();
        damaged.map_or(Ok(pack), |(_, error)| Err(error))
    }

    /// Opens every chunk that `pack` lists, padding included. Returns the damaged chunks, and why.
    pub fn damaged_chunks<'a>(
        &'a self,
        repository: &'a Repository,
        pack: &'a SegmentPack,
    ) -> impl Iterator<Item = (TableEntry, Error)> + 'a {
        let chunks = pack.table.entries.iter().zip(sealed_chunks(pack));
        chunks.filter_map(|(entry, (id, location))| match self.check_chunk(repository, &id, &location) {
            Ok(()) => None,
            Err(error) => Some((*entry, error)),
        })
    }

    fn check_chunk(&self, repository: &Repository, id: &ChunkId, location: &Location) -> Result<()> {
        let sealed = self.sealed(location).ok_or_else(|| {
            let message = format!("chunk {id} is missing: {} has been cut short", ObjectName::Pack(self.id));
            Error::new(ErrorKind::Damaged, message)
        })?;
        open_chunk(repository.keys(), location.kind, id, location, &mut sealed.to_vec()).map(|_| ())
    }

    /// The sealed bytes of a chunk; `None` if the pack ends before them.
    pub(crate) fn sealed(&self, location: &Location) -> Option<&[u8]> {
        let start = usize::try_from(location.offset).ok()?;
        self.bytes.get(start..start.checked_add(location.sealed_len as usize)?)
    }
}

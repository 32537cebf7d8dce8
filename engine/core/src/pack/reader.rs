//! Reads chunks: from an id to the plain bytes.

use std::ops::{Deref, Range};
use std::sync::atomic::AtomicU64;

use repo_format::id::ChunkId;
use repo_format::pack::ChunkKind;

use super::{CodedChunk, open_coded};
use crate::catalog::{Catalog, Location};
use crate::error::{Error, ErrorKind, Result};
use crate::node_cache::Place;
use crate::repository::{Freshness, PrivateCatalog, Repository};
use engine_store::ObjectName;

/// The plain bytes of a chunk, in the buffer that they were opened in.
pub struct Plain {
    buffer: Vec<u8>,
    range: Range<usize>,
}

impl From<CodedChunk> for Plain {
    fn from(chunk: CodedChunk) -> Self {
        let (buffer, range) = chunk.into_plain();
        Plain { buffer, range }
    }
}

impl Deref for Plain {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.buffer[self.range.clone()]
    }
}

/// Reads chunks of a repository. All threads share it.
///
/// The shared catalog may be wrong: other programs may delete, replace or damage the file at any time. If a chunk is
/// missing there, or is not where the catalog says, the reader switches to a private catalog. A chunk is lost only if
/// the private catalog does not have it either.
pub struct ChunkReader<'r> {
    repository: &'r Repository,
    catalog: &'r Catalog,
    /// The state of the catalog; `None` for a catalog that does not change.
    freshness: Option<Freshness>,
    /// The sealed bytes that [`Wanted`](super::Wanted) has fetched ahead of their readers.
    buffered: AtomicU64,
}

/// A source of the plain bytes of chunks: one by one from the repository, or from what was fetched for many.
pub trait PlainChunks {
    /// The reader for everything that is not a chunk of data.
    fn chunks(&self) -> &ChunkReader<'_>;

    /// The plain bytes of a chunk of data, checked against its id.
    ///
    /// # Errors
    /// As [`ChunkReader::read`].
    fn read_data(&self, id: &ChunkId) -> Result<Plain>;
}

impl PlainChunks for ChunkReader<'_> {
    fn chunks(&self) -> &ChunkReader<'_> {
        self
    }

    fn read_data(&self, id: &ChunkId) -> Result<Plain> {
        self.read(ChunkKind::Data, id)
    }
}

/// The number of times that one chunk may renew the catalog, at most: each time another process has changed the
/// repository again.
const RENEWALS_MAX: usize = 16;

/// A chunk and the place where it was found.
struct Found {
    chunk: CodedChunk,
    location: Location,
}

impl<'r> ChunkReader<'r> {
    /// A reader. Bring the catalog up to date after listing the snapshots and before this.
    pub fn new(repository: &'r Repository) -> Self {
        ChunkReader {
            repository,
            catalog: repository.catalog(),
            freshness: Some(Freshness::default()),
            buffered: AtomicU64::new(0),
        }
    }

    /// A reader that knows only `catalog`.
    pub(crate) fn with_catalog(repository: &'r Repository, catalog: &'r Catalog) -> Self {
        ChunkReader { repository, catalog, freshness: None, buffered: AtomicU64::new(0) }
    }

    /// The repository.
    pub fn repository(&self) -> &'r Repository {
        self.repository
    }

    /// Whether each request costs a way over a network.
    pub(crate) fn is_far(&self) -> bool {
        self.repository.store().medium().gets_at_once > 1
    }

    pub(super) fn buffered(&self) -> &AtomicU64 {
        &self.buffered
    }

    /// The places of a chunk, as far as they are known by now.
    pub(crate) fn locations(&self, id: &ChunkId) -> Result<Vec<Location>> {
        let private = self.freshness.as_ref().and_then(|_| self.repository.private_catalog());
        private.map_or(self.catalog, |private| &private.catalog).locations(id)
    }

    /// A place of a chunk, if one is known by now.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`] if the catalog cannot be read.
    pub(crate) fn first_location(&self, id: &ChunkId) -> Result<Option<Location>> {
        Ok(self.locations(id)?.into_iter().next())
    }

    /// The plain bytes of a chunk, checked against its id. Tries all copies. If none is whole, brings the catalog up to
    /// date, again and again while the repository changes: a prune may have moved the chunk, and the next prune again.
    /// Then asks the private catalog, and from then on only that one.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if no copy is whole.
    pub fn read(&self, kind: ChunkKind, id: &ChunkId) -> Result<Plain> {
        self.read_coded(kind, id).map(Plain::from)
    }

    /// As [`ChunkReader::read`], and keeps the chunk as it is coded.
    ///
    /// # Errors
    /// As [`ChunkReader::read`].
    pub fn read_coded(&self, kind: ChunkKind, id: &ChunkId) -> Result<CodedChunk> {
        let Some(freshness) = &self.freshness else {
            return self.find(self.catalog, kind, id).map(|found| found.chunk);
        };
        if let Some(private) = self.repository.private_catalog() {
            return self.read_private(private, kind, id).map(|found| found.chunk);
        }
        match self.find_anew(self.catalog, freshness, kind, id) {
            Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Cache) => {}
            done => return done.map(|found| found.chunk),
        }
        let found = self.read_private(self.repository.begin_private_catalog()?, kind, id)?;
        self.catalog.compare(id, &found.location);
        Ok(found.chunk)
    }

    fn read_private(&self, private: &PrivateCatalog, kind: ChunkKind, id: &ChunkId) -> Result<Found> {
        if private.freshness.renewals() == 0 {
            private.renew(self.repository)?;
        }
        self.find_anew(&private.catalog, &private.freshness, kind, id)
    }

    /// Finds a chunk in a catalog, which it brings up to date as long as the repository changes.
    fn find_anew(&self, catalog: &Catalog, freshness: &Freshness, kind: ChunkKind, id: &ChunkId) -> Result<Found> {
        let mut renewals = freshness.renewals();
        let mut found = self.find(catalog, kind, id);
        for _ in 0..RENEWALS_MAX {
            match &found {
                Err(error) if error.kind() == ErrorKind::Damaged => {}
                _ => break,
            }
            if !freshness.renew(self.repository, catalog, renewals)? {
                break;
            }
            renewals = freshness.renewals();
            // The first error belongs to old data of the catalog; the next attempt knows more.
            found = self.find(catalog, kind, id);
        }
        found
    }

    fn find(&self, catalog: &Catalog, kind: ChunkKind, id: &ChunkId) -> Result<Found> {
        let mut first_error = None;
        for location in catalog.locations(id)? {
            match self.read_at(catalog, kind, id, &location) {
                Ok(chunk) => return Ok(Found { chunk, location }),
                // A disk that does not answer says nothing about the chunk, so the chunk is not known to be lost.
                Err(error) if !error.is_damage() => return Err(error),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error
            .unwrap_or_else(|| Error::new(ErrorKind::Damaged, format!("chunk {id} is in no pack of the repository"))))
    }

    fn read_at(&self, catalog: &Catalog, kind: ChunkKind, id: &ChunkId, location: &Location) -> Result<CodedChunk> {
        if kind == ChunkKind::Node
            && let Some(chunk) = self.read_kept(catalog, id, location)?
        {
            return Ok(chunk);
        }
        match self.read_stored(kind, id, location) {
            // A network may have changed the bytes on their way.
            Err(error) if error.is_damage() && self.is_far() => self.read_stored(kind, id, location),
            done => done,
        }
    }

    fn read_stored(&self, kind: ChunkKind, id: &ChunkId, location: &Location) -> Result<CodedChunk> {
        let name = ObjectName::Pack(location.pack);
        // The cache's record may be damaged, too.
        let end = location.offset.saturating_add(location.sealed_len.into());
        let read = self.repository.store().get_range(&name, location.offset..end);
        self.open(kind, id, location, read.map_err(Error::of_object)?)
    }

    /// A node out of the pack that this machine keeps, or fetches now; `None` if it must be read on its own.
    fn read_kept(&self, catalog: &Catalog, id: &ChunkId, location: &Location) -> Result<Option<CodedChunk>> {
        let Some(cache) = self.repository.node_cache() else { return Ok(None) };
        let Some(size) = catalog.pack_size(location.pack)? else { return Ok(None) };
        let Location { pack, offset, sealed_len, .. } = *location;
        let (name, place) = (ObjectName::Pack(pack), Place { pack, size, offset, len: sealed_len.into() });
        let mut fetch = |range| self.repository.store().get_range(&name, range).map_err(Error::of_object);
        let sealed = match cache.read(&place, &mut fetch) {
            // The pack is gone or shorter than the catalog says; the chunk itself may be there.
            Err(error) if error.is_damage() => return Ok(None),
            read => read?,
        };
        let Some(sealed) = sealed else { return Ok(None) };
        match self.open(ChunkKind::Node, id, location, sealed) {
            Err(error) if error.is_damage() => {
                cache.forget(&place);
                Ok(None)
            }
            opened => opened.map(Some),
        }
    }

    /// Opens a sealed chunk, and checks its id.
    pub(super) fn open(
        &self,
        kind: ChunkKind,
        id: &ChunkId,
        location: &Location,
        sealed: Vec<u8>,
    ) -> Result<CodedChunk> {
        let opened = open_coded(self.repository.keys(), kind, id, location, sealed);
        opened.map_err(|e| e.context(format!("cannot use {}", ObjectName::Pack(location.pack))))
    }
}

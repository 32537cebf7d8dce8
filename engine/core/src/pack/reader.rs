//! Reads chunks: from an id to the plain bytes.

use std::ops::{Deref, Range};

use repo_format::id::ChunkId;
use repo_format::pack::ChunkKind;

use super::{CodedChunk, open_coded};
use crate::catalog::{Catalog, Location};
use crate::error::{Error, ErrorKind, Result};
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
        ChunkReader { repository, catalog: repository.catalog(), freshness: Some(Freshness::default()) }
    }

    /// A reader that knows only `catalog`.
    pub(crate) fn with_catalog(repository: &'r Repository, catalog: &'r Catalog) -> Self {
        ChunkReader { repository, catalog, freshness: None }
    }

    /// The repository.
    pub fn repository(&self) -> &'r Repository {
        self.repository
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
            match self.read_at(kind, id, &location) {
                Ok(chunk) => return Ok(Found { chunk, location }),
                // A disk that does not answer says nothing about the chunk, so the chunk is not known to be lost.
                Err(error) if !error.is_damage() => return Err(error),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error
            .unwrap_or_else(|| Error::new(ErrorKind::Damaged, format!("chunk {id} is in no pack of the repository"))))
    }

    fn read_at(&self, kind: ChunkKind, id: &ChunkId, location: &Location) -> Result<CodedChunk> {
        let name = ObjectName::Pack(location.pack);
        // The cache's record may be damaged, too.
        let end = location.offset.saturating_add(location.sealed_len.into());
        let read = self.repository.store().get_range(&name, location.offset..end);
        let sealed = read.map_err(Error::of_object)?;
        let opened = open_coded(self.repository.keys(), kind, id, location, sealed);
        opened.map_err(|e| e.context(format!("cannot use {name}")))
    }
}

//! From a chunk's id back to its plain bytes.

use std::ops::{Deref, Range};

use repo_format::id::ChunkId;
use repo_format::pack::ChunkKind;

use super::{Opened, open_chunk};
use crate::catalog::{Catalog, Location};
use crate::error::{Error, ErrorKind, Result};
use crate::repository::{Freshness, PrivateCatalog, Repository};
use engine_store::ObjectName;

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
///
/// What the shared catalog says may be wrong: it is a file that anybody may delete, replace or spoil, also while this reads. So where a chunk
/// is missed in it, or is not where it says, this goes on with the catalog of this process alone; only what that one does not know is lost.
pub struct ChunkReader<'r> {
    repository: &'r Repository,
    catalog: &'r Catalog,
    /// How new the catalog is; none for one that stays as it is.
    freshness: Option<Freshness>,
}

/// How often a catalog is brought up to date for one chunk, at most: each time, somebody has changed the repository once more.
const RENEWALS_MAX: usize = 16;

/// A chunk, and where it was found.
struct Found {
    plain: Plain,
    location: Location,
}

impl<'r> ChunkReader<'r> {
    /// A reader; the catalog should have been brought up to date after the snapshots were listed.
    pub fn new(repository: &'r Repository) -> Self {
        ChunkReader { repository, catalog: repository.catalog(), freshness: Some(Freshness::default()) }
    }

    /// A reader that knows only what `catalog` says.
    pub(crate) fn with_catalog(repository: &'r Repository, catalog: &'r Catalog) -> Self {
        ChunkReader { repository, catalog, freshness: None }
    }

    /// The repository.
    pub fn repository(&self) -> &'r Repository {
        self.repository
    }

    /// The plain bytes of a chunk, checked against its id. All its copies are tried; when none is whole the catalog is brought up to date,
    /// again whenever the repository has changed since: a prune may have moved the chunk, and the next prune once more. Then the catalog of
    /// this process alone is asked, and from then on only that one.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if no copy is whole.
    pub fn read(&self, kind: ChunkKind, id: &ChunkId) -> Result<Plain> {
        let Some(freshness) = &self.freshness else {
            return self.find(self.catalog, kind, id).map(|found| found.plain);
        };
        if let Some(private) = self.repository.private_catalog() {
            return self.read_private(private, kind, id).map(|found| found.plain);
        }
        match self.find_anew(self.catalog, freshness, kind, id) {
            Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Cache) => {}
            done => return done.map(|found| found.plain),
        }
        let found = self.read_private(self.repository.begin_private_catalog()?, kind, id)?;
        self.catalog.compare(id, &found.location);
        Ok(found.plain)
    }

    fn read_private(&self, private: &PrivateCatalog, kind: ChunkKind, id: &ChunkId) -> Result<Found> {
        if private.freshness.renewals() == 0 {
            private.renew(self.repository)?;
        }
        self.find_anew(&private.catalog, &private.freshness, kind, id)
    }

    /// Finds a chunk in a catalog that is brought up to date as long as the repository changes.
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
            // The first error is about what the catalog said; the next try knows better.
            found = self.find(catalog, kind, id);
        }
        found
    }

    fn find(&self, catalog: &Catalog, kind: ChunkKind, id: &ChunkId) -> Result<Found> {
        let mut first_error = None;
        for location in catalog.locations(id)? {
            match self.read_at(kind, id, &location) {
                Ok(plain) => return Ok(Found { plain, location }),
                // A disk that does not answer says nothing of the chunk: then it is not known to be lost.
                Err(error) if !error.is_damage() => return Err(error),
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
        let read = self.repository.store().get_range(&name, location.offset..end);
        let mut buffer = read.map_err(Error::of_object)?;
        let opened = open_chunk(self.repository.keys(), kind, id, location, &mut buffer);
        match opened.map_err(|e| e.context(format!("cannot use {name}")))? {
            Opened::InPlace(range) => Ok(Plain { buffer, range }),
            Opened::Decompressed(plain) => Ok(Plain { range: 0..plain.len(), buffer: plain }),
        }
    }
}

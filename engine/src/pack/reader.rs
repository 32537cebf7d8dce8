//! From a chunk's id back to its plain bytes.

use std::collections::HashSet;
use std::ops::{Deref, Range};
use std::sync::{Mutex, MutexGuard, PoisonError};

use repo_format::id::{ChunkId, SegmentId};
use repo_format::pack::ChunkKind;

use super::{Opened, open_chunk};
use crate::catalog::{Catalog, Location};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::NullMonitor;
use crate::repository::Repository;
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
    catalog: &'r Catalog,
    /// How new the catalog is; none for one that stays as it is.
    freshness: Option<Mutex<Freshness>>,
}

/// How often the catalog is brought up to date for one chunk, at most: each time, somebody has changed the repository once more.
const REFRESHES_MAX: usize = 16;

/// For so many chunks a reader drops what may be wrong in the catalog: where more are missing it is the repository that is damaged.
const DROPS_MAX: usize = 16;

/// What a reader knows of its index.
#[derive(Default)]
struct Freshness {
    /// How often it was brought up to date because something was not found.
    count: u64,
    /// The segments that were there then.
    segments: HashSet<SegmentId>,
    /// The chunks for which what may be wrong in it was dropped, to be read again.
    dropped: HashSet<ChunkId>,
    /// The chunks that were looked for once more after that.
    looked_again: HashSet<ChunkId>,
}

impl<'r> ChunkReader<'r> {
    /// A reader; the catalog should have been brought up to date after the snapshots were listed.
    pub fn new(repository: &'r Repository) -> Self {
        ChunkReader { repository, catalog: repository.catalog(), freshness: Some(Mutex::default()) }
    }

    /// A reader that knows only what `index` says.
    pub fn with_catalog(repository: &'r Repository, catalog: &'r Catalog) -> Self {
        ChunkReader { repository, catalog, freshness: None }
    }

    /// The repository.
    pub fn repository(&self) -> &'r Repository {
        self.repository
    }

    /// The plain bytes of a chunk, checked against its id. All its copies are tried; when none is whole the catalog is brought up to date,
    /// again whenever the repository has changed since: a prune may have moved the chunk, and the next prune once more.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if no copy is whole.
    pub fn read(&self, kind: ChunkKind, id: &ChunkId) -> Result<Plain> {
        let Some(freshness) = &self.freshness else { return self.read_known(kind, id) };
        let mut count = lock(freshness).count;
        let mut result = self.read_known(kind, id);
        for _ in 0..REFRESHES_MAX {
            match &result {
                Err(error) if error.kind() == ErrorKind::Damaged => {}
                _ => return result,
            }
            match self.refresh(freshness, id, count)? {
                Some(newer) => count = newer,
                None => return result,
            }
            // The first error is about what the catalog said; the next try knows better.
            result = self.read_known(kind, id);
        }
        result
    }

    fn read_known(&self, kind: ChunkKind, id: &ChunkId) -> Result<Plain> {
        let mut first_error = None;
        for location in self.catalog.locations(id)? {
            match self.read_at(kind, id, &location) {
                Ok(plain) => return Ok(plain),
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

    /// Brings the catalog up to date if it has been so `count` times; gives how often it has been now, or nothing if that was in vain.
    fn refresh(&self, freshness: &Mutex<Freshness>, id: &ChunkId, count: u64) -> Result<Option<u64>> {
        let mut freshness = lock(freshness);
        if freshness.count > count {
            // Another thread was first.
            return Ok(Some(freshness.count));
        }
        let mut segments = self.segments()?;
        if freshness.count > 0 && freshness.segments == segments {
            if freshness.dropped.len() < DROPS_MAX && freshness.dropped.insert(*id) {
                self.drop_stale(id)?;
            } else if freshness.looked_again.len() >= DROPS_MAX || !freshness.looked_again.insert(*id) {
                return Ok(None);
            }
            // Also after a drop in vain: another process may have dropped and read again at the same time.
            segments = self.segments()?;
        }
        // What cannot be used here is reported where a chunk of it is missed, and by `verify`.
        self.repository.index_unnamed_packs()?;
        freshness.segments = segments;
        freshness.count += 1;
        Ok(Some(freshness.count))
    }

    /// Drops what the catalog says of packs that are not there as it says, and of those that do not hold the chunk as it says, to be read
    /// again. The rest stays: others use it, too.
    fn drop_stale(&self, id: &ChunkId) -> Result<()> {
        let listed = self.repository.list_packs()?;
        let packs = self.catalog.packs()?.into_iter();
        let mut stale: Vec<_> = packs.filter(|p| listed.get(&p.id) != Some(&p.size)).map(|p| p.id).collect();
        stale.extend(self.catalog.locations(id)?.iter().map(|location| location.pack));
        self.catalog.forget_segments(&self.catalog.segments_naming(&stale)?)?;
        self.catalog.forget_gone(&stale)?;
        // Where it still says something its tables contradict each other; where it said nothing, a row may be spoilt that nobody finds.
        if stale.is_empty() || !self.catalog.locations(id)?.is_empty() {
            self.catalog.forget_packs()?;
        }
        Ok(())
    }

    /// The segments that are there, after taking in those that are new.
    fn segments(&self) -> Result<HashSet<SegmentId>> {
        Ok(self.repository.sync_catalog(&NullMonitor)?.segments.into_keys().collect())
    }
}

fn lock(freshness: &Mutex<Freshness>) -> MutexGuard<'_, Freshness> {
    freshness.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Chunks that are wanted together: read from a network by pack, in few and large requests.
//!
//! Nothing is fetched before it is wanted. The first reader that wants a chunk fetches its stretch of the pack; a reader
//! that would wait for another's stretch fetches the next one instead. So as many requests run at once as there are
//! readers, without threads of its own.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use repo_format::id::{ChunkId, PackId};
use repo_format::limits::MIB;
use repo_format::pack::ChunkKind;

use super::{ChunkReader, CodedChunk, Plain, PlainChunks};
use crate::catalog::Location;
use crate::error::{Error, Result};
use engine_store::ObjectName;

/// Bytes between two chunks that are fetched to spare a request.
const GAP_MAX: u64 = 256 * 1024;
/// Bytes of one request, at most, unless one chunk is larger.
const STRETCH_MAX: u64 = 8 * MIB;
/// Fetched bytes that wait for their readers, for all that one [`ChunkReader`] reads. Only what a reader waits for is
/// fetched beyond.
const BUFFERED_MAX: u64 = 48 * MIB;

/// The sealed bytes of chunks that callers should want together. The next ones are fetched while the last readers of
/// these are at work, so twice as many may be in memory.
pub const WANTED_BYTES: u64 = 32 * MIB;

/// Chunks of data that are about to be read, each as often as it was named.
///
/// On a disk it fetches nothing, and each read goes its usual way, unless it was made by [`Wanted::by_pack`]. So do chunks that were not named, and those that do
/// not open.
pub struct Wanted<'r> {
    reader: &'r ChunkReader<'r>,
    places: HashMap<ChunkId, Place>,
    stretches: Mutex<Vec<Stretch>>,
    changed: Condvar,
}

struct Place {
    location: Location,
    stretch: usize,
}

/// A part of a pack that one request fetches.
struct Stretch {
    pack: PackId,
    range: Range<u64>,
    /// Reads that are still expected.
    reads: u64,
    state: State,
}

enum State {
    /// Nobody has fetched it.
    Waiting,
    /// A reader fetches it.
    OnItsWay,
    /// It is there.
    Here(Arc<Vec<u8>>),
    /// It was read as often as expected, or could not be fetched.
    Gone,
}

impl<'r> Wanted<'r> {
    /// Prepares to read these chunks.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] if the catalog cannot be read.
    pub fn new(reader: &'r ChunkReader<'r>, ids: impl IntoIterator<Item = ChunkId>) -> Result<Self> {
        let mut reads: HashMap<ChunkId, u64> = HashMap::new();
        if reader.is_far() {
            ids.into_iter().for_each(|id| *reads.entry(id).or_default() += 1);
        }
        let mut located = Vec::with_capacity(reads.len());
        for (id, reads) in reads {
            // A chunk that the catalog does not know is looked for when it is read.
            if let Some(location) = reader.first_location(&id)? {
                located.push((id, location, reads));
            }
        }
        Ok(Self::located(reader, located))
    }

    /// Prepares to read these chunks at these places, each once.
    pub fn at(reader: &'r ChunkReader<'r>, chunks: impl IntoIterator<Item = (ChunkId, Location)>) -> Self {
        let chunks = chunks.into_iter().map(|(id, location)| (id, location, 1));
        Self::located(reader, if reader.is_far() { chunks.collect() } else { Vec::new() })
    }

    /// As [`Wanted::at`], and fetches by pack on a disk, too: for an operation that reads everything once.
    pub fn by_pack(reader: &'r ChunkReader<'r>, chunks: impl IntoIterator<Item = (ChunkId, Location)>) -> Self {
        Self::located(reader, chunks.into_iter().map(|(id, location)| (id, location, 1)).collect())
    }

    fn located(reader: &'r ChunkReader<'r>, mut located: Vec<(ChunkId, Location, u64)>) -> Self {
        located.sort_unstable_by_key(|(_, location, _)| (location.pack, location.offset));
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut places = HashMap::with_capacity(located.len());
        for (id, location, reads) in located {
            let range = location.offset..location.offset.saturating_add(location.sealed_len.into());
            match stretches.last_mut() {
                Some(last) if last.takes(location.pack, &range) => {
                    last.range.end = last.range.end.max(range.end);
                    last.reads += reads;
                }
                _ => stretches.push(Stretch { pack: location.pack, range, reads, state: State::Waiting }),
            }
            places.insert(id, Place { location, stretch: stretches.len() - 1 });
        }
        Wanted { reader, places, stretches: Mutex::new(stretches), changed: Condvar::new() }
    }

    /// Prepares nothing: each chunk is read on its own.
    pub fn nothing(reader: &'r ChunkReader<'r>) -> Self {
        Wanted { reader, places: HashMap::new(), stretches: Mutex::default(), changed: Condvar::new() }
    }

    /// A chunk as it is sealed, and its place; counts as a read. `None` if it is not at hand: then look for it in the
    /// usual way. Nothing is checked.
    ///
    /// # Errors
    /// If the storage does not answer.
    pub fn sealed(&self, id: &ChunkId) -> Result<Option<(Location, Vec<u8>)>> {
        let Some(Place { location, stretch }) = self.places.get(id) else { return Ok(None) };
        let Some((bytes, from)) = self.stretch(*stretch)? else { return Ok(None) };
        let start = usize::try_from(location.offset - from).unwrap_or(usize::MAX);
        let sealed = bytes.get(start..start.saturating_add(location.sealed_len as usize));
        Ok(sealed.map(|sealed| (*location, sealed.to_vec())))
    }

    /// The bytes of a stretch, and their offset in the pack. Fetches them, or another stretch while somebody else does.
    fn stretch(&self, wanted: usize) -> Result<Option<(Arc<Vec<u8>>, u64)>> {
        let mut stretches = self.lock();
        loop {
            let Some(stretch) = stretches.get_mut(wanted) else { return Ok(None) };
            let next = match &stretch.state {
                State::Gone => return Ok(None),
                State::Here(bytes) => {
                    let found = (bytes.clone(), stretch.range.start);
                    stretch.reads = stretch.reads.saturating_sub(1);
                    if stretch.reads == 0 {
                        self.reader.buffered().fetch_sub(stretch.len(), Ordering::Relaxed);
                        stretch.state = State::Gone;
                    }
                    return Ok(Some(found));
                }
                State::Waiting => wanted,
                State::OnItsWay => match self.spare(&stretches) {
                    Some(next) => next,
                    None => {
                        stretches = self.changed.wait(stretches).unwrap_or_else(PoisonError::into_inner);
                        continue;
                    }
                },
            };
            let begun = self.begin(&mut stretches, next);
            drop(stretches);
            begun.map_or(Ok(()), |begun| self.fetch(begun))?;
            stretches = self.lock();
        }
    }

    /// A stretch that nobody fetches yet, if there is room for it.
    fn spare(&self, stretches: &[Stretch]) -> Option<usize> {
        let has_room = self.reader.buffered().load(Ordering::Relaxed) < BUFFERED_MAX;
        let is_waiting = |stretch: &Stretch| matches!(stretch.state, State::Waiting);
        has_room.then(|| stretches.iter().position(is_waiting)).flatten()
    }

    /// Claims a stretch that waits, and the memory for it.
    fn begin<'w>(&'w self, stretches: &mut [Stretch], number: usize) -> Option<Arrival<'w, 'r>> {
        let stretch = stretches.get_mut(number).filter(|stretch| matches!(stretch.state, State::Waiting))?;
        stretch.state = State::OnItsWay;
        self.reader.buffered().fetch_add(stretch.len(), Ordering::Relaxed);
        let (pack, range) = (stretch.pack, stretch.range.clone());
        Some(Arrival { wanted: self, number, pack, range, bytes: None })
    }

    fn fetch(&self, arrival: Arrival<'_, 'r>) -> Result<()> {
        let name = ObjectName::Pack(arrival.pack);
        match self.reader.repository().store().get_range(&name, arrival.range.clone()) {
            Ok(bytes) => arrival.arrive(bytes),
            Err(error) => {
                let error = Error::of_object(error);
                // A pack that is gone or cut short says nothing about other copies of its chunks.
                if !error.is_damage() {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Stretch>> {
        self.stretches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wanted<'_> {
    /// As [`ChunkReader::read_coded`].
    ///
    /// # Errors
    /// As [`ChunkReader::read`].
    pub fn read_coded(&self, id: &ChunkId) -> Result<CodedChunk> {
        if let Some((location, sealed)) = self.sealed(id)? {
            match self.reader.open(ChunkKind::Data, id, &location, sealed) {
                Err(error) if error.is_damage() => {}
                opened => return opened,
            }
        }
        self.reader.read_coded(ChunkKind::Data, id)
    }
}

impl PlainChunks for Wanted<'_> {
    fn chunks(&self) -> &ChunkReader<'_> {
        self.reader
    }

    fn read_data(&self, id: &ChunkId) -> Result<Plain> {
        self.read_coded(id).map(Plain::from)
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        let stretches = self.stretches.get_mut().unwrap_or_else(PoisonError::into_inner);
        let here = stretches.iter().filter(|stretch| matches!(stretch.state, State::Here(_)));
        self.reader.buffered().fetch_sub(here.map(Stretch::len).sum(), Ordering::Relaxed);
    }
}

impl Stretch {
    fn takes(&self, pack: PackId, range: &Range<u64>) -> bool {
        self.pack == pack
            && range.start <= self.range.end.saturating_add(GAP_MAX)
            && range.end.saturating_sub(self.range.start) <= STRETCH_MAX
    }

    fn len(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// A stretch on its way. When this is dropped the others learn of it, also after a panic.
struct Arrival<'w, 'r> {
    wanted: &'w Wanted<'r>,
    number: usize,
    pack: PackId,
    range: Range<u64>,
    bytes: Option<Vec<u8>>,
}

impl Arrival<'_, '_> {
    fn arrive(mut self, bytes: Vec<u8>) {
        self.bytes = Some(bytes);
    }
}

impl Drop for Arrival<'_, '_> {
    fn drop(&mut self) {
        let mut stretches = self.wanted.lock();
        if let Some(stretch) = stretches.get_mut(self.number) {
            stretch.state = match self.bytes.take() {
                Some(bytes) => State::Here(Arc::new(bytes)),
                None => {
                    self.wanted.reader.buffered().fetch_sub(stretch.len(), Ordering::Relaxed);
                    State::Gone
                }
            };
        }
        self.wanted.changed.notify_all();
    }
}

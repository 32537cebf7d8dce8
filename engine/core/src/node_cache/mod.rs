//! Packs of nodes and manifests from behind a network, kept sealed as they are.
//!
//! A pack is fetched whole when one node of it is wanted, or in blocks if it is large. Nothing here is trusted: callers
//! open each chunk and check its id, and ask the storage if that fails. So files may be damaged, deleted or replaced at
//! any time, and several processes share a folder without locks.

mod files;

use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use repo_format::id::{LeaseId, PackId};
use repo_format::limits::{self, MIB};

use files::Files;

/// A larger pack is fetched in blocks. Packs over a network aim at 16 MiB, and padding makes them a little larger.
const WHOLE_MAX: u64 = 18 * MIB;
/// The size of a block.
const BLOCK: u64 = 256 * 1024;
/// A larger chunk of a pack in blocks is not kept.
const CHUNK_MAX: u64 = 4 * BLOCK;
/// The largest manifest in bytes, with its seal.
const MANIFEST_MAX: u64 = limits::SMALL_OBJECT + limits::KIB;
/// The bytes that are kept in memory: a pack and some small ones.
const MEMORY: usize = 32 * 1024 * 1024;
/// Locks by pack, so that threads fetch a pack once, and different packs at the same time.
const LOCKS: usize = 16;

/// A thing that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// A block of a pack: its number, or 0 for a pack that is kept whole.
    Block(PackId, u64),
    /// A manifest.
    Manifest(LeaseId),
}

/// A chunk in a pack of `size` bytes.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The pack.
    pub pack: PackId,
    /// The size of the pack in bytes.
    pub size: u64,
    /// The offset of the sealed chunk.
    pub offset: u64,
    /// Its sealed length.
    pub len: u64,
}

/// The blocks that this machine keeps of one repository.
pub struct NodeCache {
    files: Option<Files>,
    recent: Mutex<Recent>,
    locks: [Mutex<()>; LOCKS],
    /// Set if only blocks that this process has fetched itself count: those that are named here.
    fetched: Mutex<Option<HashSet<Key>>>,
}

/// The blocks that were used last.
#[derive(Default)]
struct Recent {
    blocks: VecDeque<(Key, Arc<Vec<u8>>)>,
    bytes: usize,
}

impl NodeCache {
    /// A cache in this folder, which is made when it is needed; without one it is in memory only.
    pub fn new(folder: Option<PathBuf>) -> Self {
        NodeCache {
            files: folder.map(Files::new),
            recent: Mutex::default(),
            locks: std::array::from_fn(|_| Mutex::default()),
            fetched: Mutex::default(),
        }
    }

    /// From now on blocks of earlier runs do not count: this process is about to say what the storage holds.
    pub fn doubt(&self) {
        *lock(&self.recent) = Recent::default();
        lock(&self.fetched).get_or_insert_default();
    }

    /// The sealed bytes of a chunk. `fetch` reads a range of its pack from the storage. `None` if the pack is not as large
    /// as it should be for this chunk, or the chunk is too large to be kept.
    ///
    /// # Errors
    /// The errors of `fetch`.
    pub fn read<E>(
        &self,
        place: &Place,
        fetch: &mut dyn FnMut(Range<u64>) -> Result<Vec<u8>, E>,
    ) -> Result<Option<Vec<u8>>, E> {
        let end = place.offset.saturating_add(place.len);
        if end > place.size || place.len == 0 {
            return Ok(None);
        }
        if place.size <= WHOLE_MAX {
            let pack = self.block(place.pack, 0, 0..place.size, fetch)?;
            return Ok(part(&pack, place.offset, place.len));
        }
        if place.len > CHUNK_MAX {
            return Ok(None);
        }
        let (first, last) = (place.offset / BLOCK, (end - 1) / BLOCK);
        let mut bytes = Vec::new();
        for number in first..=last {
            let range = number * BLOCK..((number + 1) * BLOCK).min(place.size);
            bytes.extend_from_slice(&self.block(place.pack, number, range, fetch)?);
        }
        Ok(part(&bytes, place.offset - first * BLOCK, place.len))
    }

    /// Keeps a pack that this process has made.
    pub fn keep(&self, pack: PackId, bytes: Vec<u8>) {
        if bytes.len() as u64 > WHOLE_MAX || self.files.is_none() {
            return;
        }
        self.put(Key::Block(pack, 0), &Arc::new(bytes));
    }

    /// Keeps the sealed manifest of this id, which this process has committed or read.
    pub fn keep_manifest(&self, id: LeaseId, object: &[u8]) {
        if let Some(files) = &self.files {
            files.write(&Key::Manifest(id), object);
        }
    }

    /// The sealed manifest of this id, if it is kept, and this process is not about to say what the storage holds.
    pub fn manifest(&self, id: LeaseId) -> Option<Vec<u8>> {
        let doubts = lock(&self.fetched).is_some();
        self.files.as_ref().filter(|_| !doubts)?.read(&Key::Manifest(id), MANIFEST_MAX)
    }

    /// Forgets the blocks of a chunk that did not open.
    pub fn forget(&self, place: &Place) {
        let numbers = match place.size {
            0..=WHOLE_MAX => 0..=0,
            _ => place.offset / BLOCK..=place.offset.saturating_add(place.len) / BLOCK,
        };
        for number in numbers {
            let key = Key::Block(place.pack, number);
            lock(&self.recent).remove(&key);
            if let Some(fetched) = &mut *lock(&self.fetched) {
                fetched.remove(&key);
            }
            if let Some(files) = &self.files {
                files.remove(&key);
            }
        }
    }

    fn block<E>(
        &self,
        pack: PackId,
        number: u64,
        range: Range<u64>,
        fetch: &mut dyn FnMut(Range<u64>) -> Result<Vec<u8>, E>,
    ) -> Result<Arc<Vec<u8>>, E> {
        let (key, len) = (Key::Block(pack, number), range.end - range.start);
        let _alone = lock(&self.locks[usize::from(pack.0[0]) % LOCKS]);
        if let Some(block) = lock(&self.recent).get(&key) {
            return Ok(block);
        }
        let counts = lock(&self.fetched).as_ref().is_none_or(|fetched| fetched.contains(&key));
        let there = self.files.as_ref().filter(|_| counts).and_then(|files| files.read(&key, len));
        if let Some(block) = there.filter(|block| block.len() as u64 == len) {
            let block = Arc::new(block);
            lock(&self.recent).add(key, &block);
            return Ok(block);
        }
        let block = Arc::new(fetch(range)?);
        self.put(key, &block);
        Ok(block)
    }

    fn put(&self, key: Key, block: &Arc<Vec<u8>>) {
        if let Some(files) = &self.files {
            files.write(&key, block);
        }
        if let Some(fetched) = &mut *lock(&self.fetched) {
            fetched.insert(key);
        }
        lock(&self.recent).add(key, block);
    }
}

impl Recent {
    fn get(&mut self, key: &Key) -> Option<Arc<Vec<u8>>> {
        let at = self.blocks.iter().position(|(there, _)| there == key)?;
        let found = self.blocks.remove(at)?;
        let block = found.1.clone();
        self.blocks.push_front(found);
        Some(block)
    }

    fn add(&mut self, key: Key, block: &Arc<Vec<u8>>) {
        self.remove(&key);
        self.bytes += block.len();
        self.blocks.push_front((key, block.clone()));
        while self.bytes > MEMORY {
            let Some((_, last)) = self.blocks.pop_back() else { break };
            self.bytes -= last.len();
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(at) = self.blocks.iter().position(|(there, _)| there == key)
            && let Some((_, block)) = self.blocks.remove(at)
        {
            self.bytes -= block.len();
        }
    }
}

/// A part of a block; `None` if the block ends before.
fn part(block: &[u8], offset: u64, len: u64) -> Option<Vec<u8>> {
    let start = usize::try_from(offset).ok()?;
    block.get(start..start.checked_add(usize::try_from(len).ok()?)?).map(<[u8]>::to_vec)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a pack, and the ranges that were fetched of it.
    struct Storage {
        pack: Vec<u8>,
        asked: Vec<Range<u64>>,
    }

    impl Storage {
        fn new(size: u64) -> Self {
            Storage { pack: (0..size).map(|n| (n % 251) as u8).collect(), asked: Vec::new() }
        }

        fn read(&mut self, cache: &NodeCache, offset: u64, len: u64) -> Option<Vec<u8>> {
            let place = Place { pack: PackId([7; 32]), size: self.pack.len() as u64, offset, len };
            let (pack, asked) = (&self.pack, &mut self.asked);
            let read: Result<_, ()> = cache.read(&place, &mut |range| {
                asked.push(range.clone());
                Ok(part(pack, &range).to_vec())
            });
            read.unwrap()
        }

        fn expect(&mut self, cache: &NodeCache, offset: u64, len: u64) {
            let read = self.read(cache, offset, len).unwrap();
            assert_eq!(read, part(&self.pack, &(offset..offset + len)));
        }
    }

    fn part<'p>(pack: &'p [u8], range: &Range<u64>) -> &'p [u8] {
        &pack[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
    }

    #[test]
    fn a_small_pack_is_fetched_once_and_another_process_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut storage = Storage::new(5000);
        for _ in 0..2 {
            let cache = NodeCache::new(Some(folder.path().join("nodes")));
            storage.expect(&cache, 80, 100);
            storage.expect(&cache, 4000, 1000);
        }
        assert_eq!(storage.asked, vec![0..5000]);
    }

    #[test]
    fn a_large_pack_is_fetched_in_blocks() {
        let cache = NodeCache::new(None);
        let mut storage = Storage::new(WHOLE_MAX + 1000);
        storage.expect(&cache, BLOCK - 10, 20);
        storage.expect(&cache, 5, 7);
        storage.expect(&cache, WHOLE_MAX, 1000);
        assert_eq!(storage.asked, [0..BLOCK, BLOCK..2 * BLOCK, WHOLE_MAX..WHOLE_MAX + 1000]);
        assert_eq!(storage.read(&cache, 0, CHUNK_MAX + 1), None);
    }

    #[test]
    fn a_damaged_file_is_only_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut storage = Storage::new(1000);
        storage.expect(&NodeCache::new(Some(folder.path().to_owned())), 0, 10);
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        std::fs::write(&file, b"short").unwrap();
        let cache = NodeCache::new(Some(folder.path().to_owned()));
        storage.expect(&cache, 0, 10);
        assert_eq!(storage.asked.len(), 2);
        cache.forget(&Place { pack: PackId([7; 32]), size: 1000, offset: 0, len: 10 });
        assert!(!file.exists());
        storage.expect(&cache, 0, 10);
        assert_eq!(storage.asked.len(), 3);
    }

    #[test]
    fn what_doubts_the_cache_fetches_everything_once() {
        let folder = tempfile::tempdir().unwrap();
        let cache = NodeCache::new(Some(folder.path().to_owned()));
        let mut storage = Storage::new(1000);
        storage.expect(&cache, 0, 10);
        cache.doubt();
        storage.expect(&cache, 0, 10);
        storage.expect(&cache, 20, 10);
        assert_eq!(storage.asked.len(), 2);
    }

    #[test]
    fn memory_is_bounded() {
        let (mut recent, key) = (Recent::default(), |n| Key::Block(PackId([n; 32]), 0));
        for n in 0..40 {
            recent.add(key(n), &Arc::new(vec![0; 1024 * 1024]));
        }
        assert_eq!((recent.bytes, recent.blocks.len()), (MEMORY, 32));
        assert!(recent.get(&key(39)).is_some() && recent.get(&key(0)).is_none());
    }
}

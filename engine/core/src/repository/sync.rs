//! Brings the catalog up to date with the repository: new segments, and packs that no segment names.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{Bytes32, PackId, SegmentId};
use repo_format::limits;
use repo_format::pack::{self, PackTable, TRAILER_LEN};
use repo_format::sealed::{self, ENVELOPE_LEN, Envelope};
use repo_format::segment::{self, SegmentPack};

use super::Repository;
use crate::catalog::Catalog;
use crate::crypto::SEALED_OVERHEAD;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::{Monitor, Phase, Work};
use engine_store::{Folder, ObjectInfo, ObjectName};

/// The name that an index segment is bound to.
const SEGMENT_AAD: &[u8] = b"index";
/// The end of a pack that is read for its table over a network: most tables are smaller.
const TAIL: u64 = 64 * 1024;
/// Fewer new segments than this are read without showing progress.
const QUIET_SEGMENTS: usize = 8;
/// Segments that are in memory together when they are read over a network: each has at most 16 MiB.
const SEGMENTS_AT_ONCE: usize = 8;

/// The result of bringing the catalog up to date.
#[derive(Debug, Default)]
pub struct SyncReport {
    /// Segments that could not be used, and why. [`Repository::index_unnamed_packs`] may find their packs.
    pub damaged: Vec<(SegmentId, Error)>,
    /// All segments in the repository, with their sizes.
    pub segments: HashMap<SegmentId, u64>,
}

impl Repository {
    /// Adds all segments that the catalog does not know, and forgets those that are gone.
    ///
    /// # Errors
    /// If the store cannot be listed or the cache cannot be written. A damaged segment is reported, not an error.
    pub fn sync_catalog(&self, monitor: &dyn Monitor) -> Result<SyncReport> {
        self.doubt_known_segments()?;
        self.sync(&self.catalog, monitor)
    }

    /// As [`Repository::sync_catalog`], for any catalog.
    pub(super) fn sync(&self, catalog: &Catalog, monitor: &dyn Monitor) -> Result<SyncReport> {
        let mut report = SyncReport::default();
        let mut found = |info: ObjectInfo| {
            if let ObjectName::Segment(id) = info.name {
                report.segments.insert(id, info.size);
            }
            Ok(())
        };
        self.store.list(Folder::Index, &mut found, &mut |_| {})?;
        let known: HashSet<SegmentId> = catalog.segments()?.into_iter().collect();
        let gone: Vec<_> = known.iter().filter(|id| !report.segments.contains_key(id)).copied().collect();
        if !gone.is_empty() {
            catalog.forget_segments(&gone)?;
        }
        let mut new: Vec<_> = report.segments.iter().filter(|(id, _)| !known.contains(id)).collect();
        new.sort();
        let shown = new.len() >= QUIET_SEGMENTS;
        if shown {
            let bytes = new.iter().map(|(_, size)| **size).sum();
            monitor.begin(Phase::Index, Some(Work { items: new.len() as u64, bytes }));
        }
        let mut damaged = Vec::new();
        // On a disk one segment after the other: each may be large.
        let batch = if self.is_far() { SEGMENTS_AT_ONCE } else { 1 };
        for batch in new.chunks(batch) {
            if monitor.is_cancelled() {
                return Err(Error::cancelled());
            }
            let read = self.at_once(batch, |(id, _)| self.read_segment(**id));
            for ((id, size), read) in batch.iter().zip(read) {
                match read {
                    Ok(packs) => catalog.import_segment(**id, &packs)?,
                    // Gone since it was listed: another run has merged it into one that the next update will see.
                    Err(_) if self.store.stat(&ObjectName::Segment(**id))?.is_none() => {}
                    Err(error) if error.is_damage() => damaged.push((**id, error)),
                    Err(error) => return Err(error),
                }
                if shown {
                    monitor.advance(Work { items: 1, bytes: **size });
                }
            }
        }
        if shown {
            monitor.end();
        }
        report.damaged = damaged;
        Ok(report)
    }

    /// Starts over if the catalog holds a segment that is no longer believed, because its epoch has been closed.
    /// Checked once for each version of the keyring.
    fn doubt_known_segments(&self) -> Result<()> {
        const ASKED: &str = "believed segments";
        let version = self.keyring_version();
        let asked = self.memory.version(ASKED)?.map_or(0, |known| known.number);
        if asked >= version || self.keys.secrets().closed().is_none() {
            return Ok(());
        }
        for id in self.catalog.segments()? {
            if self.is_segment_believed(id)? == Some(false) {
                self.catalog.forget_packs()?;
                break;
            }
        }
        self.memory.remember_version(ASKED, version, Bytes32([0; 32]))
    }

    /// Reads and checks an index segment.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub fn read_segment(&self, id: SegmentId) -> Result<Vec<SegmentPack>> {
        self.twice(|| self.read_segment_once(id))
    }

    fn read_segment_once(&self, id: SegmentId) -> Result<Vec<SegmentPack>> {
        let name = ObjectName::Segment(id);
        let bytes = self.store.get(&name, limits::SEGMENT + SEALED_OVERHEAD).map_err(Error::of_object)?;
        let damaged = |e| Error::damaged(name, e);
        if blake3::hash(&bytes).as_bytes() != &id.0 {
            return Err(Error::new(ErrorKind::Damaged, format!("{name} is damaged: its bytes do not fit its name")));
        }
        let parts = sealed::decode(ObjectKind::Segment, &bytes, limits::SEGMENT).map_err(damaged)?;
        let epoch = parts.envelope.sealing.epoch;
        self.meet(name, epoch)?;
        let plain = self
            .keys
            .open_parts(KeyClass::Index, SEGMENT_AAD, &parts)
            .map_err(|e| e.context(format!("cannot use {name}")))?;
        self.believe_segment(epoch, id)?;
        segment::decode(&plain).map_err(damaged)
    }

    /// Puts a segment that names `packs`, which must be durable. Returns its id and size.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn put_segment(&self, packs: &[SegmentPack]) -> Result<(SegmentId, u64)> {
        let mut encoded = Vec::new();
        let damaged = |e| Error::damaged("a new index segment", e);
        packs.iter().try_for_each(|pack| pack.encode_into(&mut encoded)).map_err(damaged)?;
        let count = u32::try_from(packs.len()).unwrap_or(u32::MAX);
        let plain = segment::encode(count, &encoded).map_err(damaged)?;
        self.ready_to_seal()?;
        let object = self.keys.seal_named_by_hash(ObjectKind::Segment, KeyClass::Index, SEGMENT_AAD, &plain)?;
        let id = SegmentId(*blake3::hash(&object).as_bytes());
        self.store.put_new(&ObjectName::Segment(id), &[&object])?;
        Ok((id, object.len() as u64))
    }

    /// All packs in the store, with their sizes.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub fn list_packs(&self) -> Result<HashMap<PackId, u64>> {
        let mut packs = HashMap::new();
        let mut found = |info: ObjectInfo| {
            if let ObjectName::Pack(id) = info.name {
                packs.insert(id, info.size);
            }
            Ok(())
        };
        self.store.list(Folder::Packs, &mut found, &mut |_| {})?;
        Ok(packs)
    }

    /// Reads the table of a pack of `size` bytes, and checks it against its envelope, trailer and size.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub fn read_pack_table(&self, id: PackId, size: u64) -> Result<SegmentPack> {
        self.twice(|| self.read_pack_table_once(id, size))
    }

    fn read_pack_table_once(&self, id: PackId, size: u64) -> Result<SegmentPack> {
        let name = ObjectName::Pack(id);
        let damaged = |e| Error::damaged(name, e);
        let read = |range| self.store.get_range(&name, range).map_err(Error::of_object);
        // Over a network one request brings trailer and table, and of a small pack everything.
        let tail_len = if self.is_far() { TAIL } else { TRAILER_LEN as u64 };
        let tail_at = size.saturating_sub(tail_len);
        let tail = read(tail_at..size)?;
        let trailer = &tail[tail.len().saturating_sub(TRAILER_LEN)..];
        let range = pack::decode_trailer(trailer, size).map_err(damaged)?;
        let part = |range: Range<u64>| {
            let at = |offset: u64| usize::try_from(offset.checked_sub(tail_at)?).ok();
            tail.get(at(range.start)?..at(range.end)?).map(<[u8]>::to_vec)
        };
        let there = |range: Range<u64>| part(range.clone()).map_or_else(|| read(range), Ok);
        let head = there(0..ENVELOPE_LEN as u64)?;
        let table = there(range)?;
        self.open_pack_table(id, size, &head, &table)
    }

    /// Opens the sealed table of a pack whose envelope is `head`.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub fn open_pack_table(&self, id: PackId, size: u64, head: &[u8], table: &[u8]) -> Result<SegmentPack> {
        let name = ObjectName::Pack(id);
        let damaged = |e| Error::damaged(name, e);
        let envelope = Envelope::decode(head, ObjectKind::Pack).map_err(damaged)?;
        let parts = sealed::decode(ObjectKind::PackTable, table, limits::PACK_TABLE).map_err(damaged)?;
        self.meet(name, parts.envelope.sealing.epoch)?;
        let plain = self
            .keys
            .open_parts(KeyClass::Index, head, &parts)
            .map_err(|e| e.context(format!("cannot use the table of {name}")))?;
        let decoded = PackTable::decode(&plain).map_err(damaged)?;
        decoded.check_size(size, table.len() as u64).map_err(damaged)?;
        Ok(SegmentPack { id, size, sealing: envelope.sealing, salt: envelope.salt, table: decoded })
    }

    /// Reads the tables of packs that the catalog does not know, for reading only: changes nothing in the repository,
    /// and no snapshot may count on them. Returns the errors of unusable packs.
    ///
    /// # Errors
    /// If the store cannot be listed or does not answer, or the cache cannot be written.
    pub(crate) fn index_unnamed_packs(&self) -> Result<Vec<(PackId, Error)>> {
        self.index_unnamed_packs_in(&self.catalog)
    }

    /// As [`Repository::index_unnamed_packs`], for any catalog.
    pub(super) fn index_unnamed_packs_in(&self, catalog: &Catalog) -> Result<Vec<(PackId, Error)>> {
        let known: HashSet<_> = catalog.packs()?.into_iter().map(|pack| pack.id).collect();
        let mut damaged = Vec::new();
        let mut unnamed: Vec<_> = self.list_packs()?.into_iter().filter(|(id, _)| !known.contains(id)).collect();
        unnamed.sort();
        for (id, size) in unnamed {
            match self.read_pack_table(id, size) {
                Ok(pack) => catalog.import_pack(&pack)?,
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err(error) => damaged.push((id, error)),
            }
        }
        Ok(damaged)
    }
}

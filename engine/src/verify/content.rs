//! Packs: their tables, and with all data read every chunk in them.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use repo_format::id::{Bytes32, ChunkId, PackId};
use repo_format::pack::{self, ChunkKind, TRAILER_LEN};
use repo_format::sealed::ENVELOPE_LEN;
use repo_format::segment::SegmentPack;

use super::Depth;
use super::FindingKind::DamagedPack;
use super::report::Report;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::index::{Index, Location, PackNumber};
use crate::monitor::{Monitor, Phase, Work};
use crate::pack::open_chunk;
use crate::repository::Repository;
use crate::store::ObjectName;

/// Bytes that are read for a pack when only its table is.
const TABLE_ONLY: u64 = 64 * 1024;
/// Damaged chunks that a finding names.
const NAMED: usize = 3;

/// What checking the packs has shown.
#[derive(Default)]
pub(super) struct CheckedPacks {
    /// Packs whose table can be used, and the digest of what they say of themselves.
    digests: HashMap<PackId, Bytes32>,
    /// Chunks that do not open, by pack.
    damaged: HashSet<(PackNumber, ChunkId)>,
}

impl CheckedPacks {
    /// The digest of what a pack says of itself.
    pub fn digest(&self, pack: &PackId) -> Option<Bytes32> {
        self.digests.get(pack).copied()
    }

    /// Packs whose table can be used.
    pub fn whole(&self) -> impl Iterator<Item = &PackId> {
        self.digests.keys()
    }

    /// Whether a chunk of a pack is known not to open.
    pub fn is_damaged(&self, pack: PackNumber, chunk: &ChunkId) -> bool {
        self.damaged.contains(&(pack, *chunk))
    }
}

/// Digest of the description of a pack.
pub(super) fn description_digest(pack: &SegmentPack) -> Bytes32 {
    let mut bytes = Vec::new();
    // What was decoded can be encoded.
    pack.encode_into(&mut bytes).unwrap_or_default();
    Bytes32(*blake3::hash(&bytes).as_bytes())
}

struct Check<'r> {
    repository: &'r Repository,
    depth: Depth,
    index: &'r Index,
    report: &'r Report,
    monitor: &'r dyn Monitor,
    checked: Mutex<CheckedPacks>,
}

/// Checks all packs, several at a time, and takes their tables into `index`.
pub(super) fn check_packs(
    repository: &Repository,
    depth: Depth,
    index: &Index,
    report: &Report,
    monitor: &dyn Monitor,
) -> Result<CheckedPacks> {
    let mut packs: Vec<_> = repository.list_packs()?.into_iter().collect();
    packs.sort();
    let bytes =
        packs.iter().map(|(_, size)| if depth == Depth::ReadData { *size } else { TABLE_ONLY.min(*size) }).sum();
    monitor.begin(Phase::Verify, Some(Work { items: packs.len() as u64, bytes }));
    let check = Check { repository, depth, index, report, monitor, checked: Mutex::default() };
    let result = packs.into_par_iter().try_for_each(|(id, size)| check.pack(id, size));
    monitor.end();
    result?;
    Ok(check.checked.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl Check<'_> {
    fn pack(&self, id: PackId, size: u64) -> Result<()> {
        if self.monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        let name = ObjectName::Pack(id);
        let described = match self.depth {
            Depth::Structure => self.repository.read_pack_table(id, size).map(|pack| (pack, None)),
            Depth::ReadData => self.read_whole(id, size),
        };
        let bytes = if self.depth == Depth::ReadData { size } else { TABLE_ONLY.min(size) };
        self.monitor.advance(Work { items: 1, bytes });
        let Some((pack, whole)) = self.report.check(name, DamagedPack, described)? else { return Ok(()) };
        let number = self.index.import_pack(&pack)?;
        self.report.packs.fetch_add(1, Ordering::Relaxed);
        self.report.chunks.fetch_add(pack.table.entries.len() as u64, Ordering::Relaxed);
        let damaged = whole.map(|bytes| self.chunks(&pack, number, bytes)).unwrap_or_default();
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        checked.digests.insert(id, description_digest(&pack));
        checked.damaged.extend(damaged.into_iter().map(|chunk| (number, chunk)));
        Ok(())
    }

    /// Reads a pack, and compares its bytes with its name. If they do not fit, the table may be whole all the same, and then most of
    /// its chunks are.
    fn read_whole(&self, id: PackId, size: u64) -> Result<(SegmentPack, Option<Vec<u8>>)> {
        let name = ObjectName::Pack(id);
        if size > repo_format::limits::PACK {
            return Err(Error::new(ErrorKind::Damaged, format!("{name} is larger than the format allows")));
        }
        // Read, not mapped: a disk that dies under a mapping takes the program with it.
        let bytes = self.repository.store().get_range(&name, 0..size)?;
        self.report.read_bytes.fetch_add(size, Ordering::Relaxed);
        if blake3::hash(&bytes).as_bytes() != &id.0 {
            self.report.find(name, DamagedPack, "its bytes do not fit its name: they have changed");
        }
        let damaged = |e| Error::damaged(name, e);
        let trailer_at = bytes.len().saturating_sub(TRAILER_LEN);
        let table = pack::decode_trailer(&bytes[trailer_at..], size).map_err(damaged)?;
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let sealed = &bytes[place(table.start)..place(table.end)];
        let pack = self.repository.open_pack_table(id, size, &bytes[..ENVELOPE_LEN], sealed)?;
        Ok((pack, Some(bytes)))
    }

    /// Opens every chunk of a pack; gives those that do not open.
    fn chunks(&self, pack: &SegmentPack, number: PackNumber, mut bytes: Vec<u8>) -> Vec<ChunkId> {
        let mut damaged = Vec::new();
        let mut messages = Vec::new();
        let mut offset = ENVELOPE_LEN;
        for entry in &pack.table.entries {
            let end = offset + entry.sealed_len as usize;
            let foreign = usize::from(entry.salt).checked_sub(1).and_then(|place| pack.table.salts.get(place));
            let (epoch, salt) = foreign.map_or((pack.sealing.epoch, pack.salt), |salt| (salt.epoch, salt.salt));
            let location = Location {
                pack: pack.id,
                number,
                offset: offset as u64,
                sealed_len: entry.sealed_len,
                plain_len: entry.plain_len,
                kind: entry.kind,
                sealing: repo_format::head::Sealing { class: pack.sealing.class, epoch },
                salt,
                position: entry.position,
            };
            if let Err(error) =
                open_chunk(self.repository.keys(), entry.kind, &entry.id, &location, &mut bytes[offset..end])
            {
                messages.push(chain(&error));
                if entry.kind != ChunkKind::Padding {
                    damaged.push(entry.id);
                }
            }
            offset = end;
        }
        if !messages.is_empty() {
            let more = messages.len().saturating_sub(NAMED);
            let mut message = messages[..messages.len().min(NAMED)].join("; ");
            if more > 0 {
                message.push_str(&format!("; and {more} more"));
            }
            self.report.find(ObjectName::Pack(pack.id), DamagedPack, message);
        }
        damaged
    }
}

//! Makes finished packs from sealed chunks: joins, shuffles, pads, and adds table, trailer and id.

use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{ChunkId, PackId};
use repo_format::limits;
use repo_format::pack::{
    self, CHUNK_OVERHEAD, CODEC_RAW, ChunkKind, ForeignSalt, PackTable, TABLE_ENTRY_LEN, TABLE_OVERHEAD, TRAILER_LEN,
    TableEntry,
};
use repo_format::sealed::ENVELOPE_LEN;
use repo_format::segment::SegmentPack;

use super::open_pack::{Contents, FullPack, SealedChunk};
use crate::crypto::{Keys, ObjectKey, random};
use crate::error::{Error, ErrorKind, Result};
use engine_store::{ObjectName, Store};

/// A complete pack, in the pieces in which its bytes were made.
pub struct FinishedPack {
    /// The catalog's record of it.
    pub description: SegmentPack,
    head: [u8; ENVELOPE_LEN],
    chunks: Vec<SealedChunk>,
    tail: Vec<u8>,
}

impl FinishedPack {
    /// Its bytes, in order.
    pub fn parts(&self) -> Vec<&[u8]> {
        let chunks = self.chunks.iter().map(|chunk| &chunk.bytes[..]);
        std::iter::once(&self.head[..]).chain(chunks).chain([&self.tail[..]]).collect()
    }

    /// Puts it; returns the catalog's record of it.
    pub(crate) fn put(self, store: &dyn Store) -> Result<SegmentPack> {
        let chunks = self.chunks.into_iter().map(|chunk| chunk.bytes);
        let parts = std::iter::once(self.head.to_vec()).chain(chunks).chain([self.tail]).collect();
        store.put_owned(&ObjectName::Pack(self.description.id), parts)?;
        Ok(self.description)
    }
}

/// The size in bytes of a table without salts and entries.
const EMPTY_TABLE: usize = 7;
/// The size in bytes of one salt in a table.
const SALT: usize = 36;

/// Groups packs so that each group makes a pack of at most `limit` bytes.
pub(super) fn joinable(packs: Vec<FullPack>, limit: u64) -> Vec<Vec<FullPack>> {
    let mut groups: Vec<Vec<FullPack>> = Vec::new();
    let (mut bytes, mut chunks) = (0, 0);
    for pack in packs {
        bytes += pack.1.size;
        chunks += pack.1.chunks.len();
        match groups.last_mut() {
            Some(group) if size_of(bytes, chunks, group.len()) <= limit => group.push(pack),
            _ => {
                (bytes, chunks) = (pack.1.size, pack.1.chunks.len());
                groups.push(vec![pack]);
            }
        }
    }
    groups
}

/// The size in bytes of a finished pack with this many foreign salts.
fn size_of(bytes: u64, chunks: usize, salts: usize) -> u64 {
    pack::padme(bytes + (CHUNK_OVERHEAD + table_bytes(chunks + 1, salts) + TRAILER_LEN) as u64)
}

fn table_bytes(entries: usize, salts: usize) -> usize {
    TABLE_OVERHEAD + EMPTY_TABLE + SALT * salts + TABLE_ENTRY_LEN * entries
}

/// Finishes the contents of one or more open packs as one pack. Chunks from other packs keep their salts; then the
/// order is random.
pub(super) fn assemble(keys: &Keys, mut packs: Vec<FullPack>) -> Result<Option<FinishedPack>> {
    let Some((first, contents)) = packs.pop() else { return Ok(None) };
    let Contents { mut chunks, next_position, .. } = contents;
    let mut salts = Vec::new();
    let joined = !packs.is_empty();
    for ((pack, contents), place) in packs.into_iter().zip(1u16..) {
        let envelope = pack.key.envelope();
        salts.push(ForeignSalt { epoch: envelope.sealing.epoch, salt: envelope.salt });
        chunks.extend(contents.chunks.into_iter().map(|mut chunk| {
            chunk.entry.salt = place;
            chunk
        }));
    }
    if joined {
        shuffle(&mut chunks)?;
    }
    pad(&first.key, &mut chunks, salts.len(), next_position)?;
    finish(keys, &first.key, chunks, salts).map(Some)
}

/// The Fisher-Yates shuffle.
fn shuffle<T>(items: &mut [T]) -> Result<()> {
    let mut numbers = blake3::Hasher::new_keyed(&random()?).finalize_xof();
    for last in (1..items.len()).rev() {
        let mut number = [0; 8];
        numbers.fill(&mut number);
        // A 64-bit number modulo a few thousand has no measurable bias.
        let chosen = u64::from_le_bytes(number) % (last as u64 + 1);
        items.swap(last, usize::try_from(chosen).unwrap_or(last));
    }
    Ok(())
}

/// Adds a chunk of zeros, so that packs have few different sizes.
pub(super) fn pad(key: &ObjectKey, chunks: &mut Vec<SealedChunk>, salts: usize, position: u32) -> Result<()> {
    let sealed: usize = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
    let table = table_bytes(chunks.len() + 1, salts);
    let least = (ENVELOPE_LEN + sealed + CHUNK_OVERHEAD + table + TRAILER_LEN) as u64;
    let zeros = pack::padme(least).saturating_sub(least).min(limits::CHUNK_PLAIN);
    let zeros = usize::try_from(zeros).unwrap_or(0);
    let mut bytes = vec![0; 1 + zeros];
    bytes[0] = CODEC_RAW;
    key.seal(position, &position.to_le_bytes(), &mut bytes, 0)?;
    let entry = TableEntry {
        id: ChunkId([0; 32]),
        kind: ChunkKind::Padding,
        salt: 0,
        position,
        sealed_len: length(bytes.len())?,
        plain_len: length(zeros)?,
    };
    let place = usize::from(u16::from_le_bytes(random()?)) % (chunks.len() + 1);
    chunks.insert(place, SealedChunk { entry, bytes });
    Ok(())
}

/// Writes the table and the trailer of a pack, and computes its id.
pub(super) fn finish(
    keys: &Keys,
    key: &ObjectKey,
    chunks: Vec<SealedChunk>,
    salts: Vec<ForeignSalt>,
) -> Result<FinishedPack> {
    let envelope = key.envelope();
    let head = envelope.encode();
    let table = PackTable { salts, entries: chunks.iter().map(|chunk| chunk.entry).collect() };
    let plain = table.encode().map_err(|e| Error::damaged("a new pack", e))?;
    let mut tail = keys.seal_named_by_hash(ObjectKind::PackTable, KeyClass::Index, &head, &plain)?;
    let table_len = length(tail.len())?;
    tail.extend(pack::encode_trailer(table_len));

    let mut hasher = blake3::Hasher::new();
    let mut size = 0;
    for part in std::iter::once(&head[..]).chain(chunks.iter().map(|c| &c.bytes[..])).chain([&tail[..]]) {
        hasher.update(part);
        size += part.len() as u64;
    }
    table.check_size(size, table_len.into()).map_err(|e| Error::damaged("a new pack", e))?;
    if size > limits::PACK {
        let message = format!("a new pack has {size} bytes, more than the {} that the format allows", limits::PACK);
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let id = PackId(*hasher.finalize().as_bytes());
    let description = SegmentPack { id, size, sealing: envelope.sealing, salt: envelope.salt, table };
    Ok(FinishedPack { description, head, chunks, tail })
}

fn length(bytes: usize) -> Result<u32> {
    u32::try_from(bytes).map_err(|_| Error::new(ErrorKind::Usage, "a pack would hold more than 4 GiB"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::crypto::KeyringSecrets;
    use crate::pack::open_pack::Slot;

    /// A pack of one class, with chunks of so many bytes.
    fn pack_of(keys: &Keys, lens: &[usize]) -> FullPack {
        let slot = Slot::new(KeyClass::Data);
        for len in lens {
            let reservation = slot.reserve(keys, *len as u64, u64::MAX).unwrap();
            let entry = TableEntry {
                id: ChunkId([1; 32]),
                kind: ChunkKind::Data,
                salt: 0,
                position: reservation.position,
                sealed_len: length(*len).unwrap(),
                plain_len: 1,
            };
            assert!(slot.push(reservation, SealedChunk { entry, bytes: vec![0; *len] }, u64::MAX).is_none());
        }
        slot.take().unwrap()
    }

    #[test]
    fn packs_are_joined_as_far_as_the_limit_allows() {
        let keys = Keys::new(KeyringSecrets::generate().unwrap());
        for limit in (2_000..12_000).step_by(500) {
            let packs = vec![pack_of(&keys, &[700, 900]), pack_of(&keys, &[1_000]), pack_of(&keys, &[300; 5])];
            let keys_before: Vec<_> = packs.iter().map(|(pack, _)| Arc::as_ptr(pack)).collect();
            let groups = joinable(packs, limit);
            let keys_after: Vec<_> = groups.iter().flatten().map(|(pack, _)| Arc::as_ptr(pack)).collect();
            assert_eq!(keys_before, keys_after, "none is lost");
            let is_one = groups.len() == 1;
            assert_eq!(is_one, limit >= 5_120, "{limit}");
            for group in groups {
                let is_single = group.len() == 1;
                let size = assemble(&keys, group).unwrap().unwrap().description.size;
                assert!(size <= limit || is_single, "{size} {limit}");
            }
        }
    }
}

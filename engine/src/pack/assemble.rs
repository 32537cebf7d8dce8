//! From sealed chunks to a finished pack: joining, shuffling, padding, table, trailer, id.

use std::sync::Arc;

use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{ChunkId, PackId};
use repo_format::limits;
use repo_format::pack::{
    self, CHUNK_OVERHEAD, CODEC_RAW, ChunkKind, ForeignSalt, PackTable, TABLE_ENTRY_LEN, TABLE_OVERHEAD, TRAILER_LEN,
    TableEntry,
};
use repo_format::sealed::ENVELOPE_LEN;
use repo_format::segment::SegmentPack;

use super::open_pack::{Contents, OpenPack, SealedChunk};
use crate::crypto::{Keys, ObjectKey, random};
use crate::error::{Error, Result};

/// A pack whose bytes are complete, in the pieces in which they were made.
pub struct FinishedPack {
    /// What the catalog is told of it.
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

    /// Ids of its chunks.
    pub fn chunk_ids(&self) -> impl Iterator<Item = ChunkId> {
        self.chunks.iter().filter(|chunk| chunk.entry.kind != ChunkKind::Padding).map(|chunk| chunk.entry.id)
    }
}

/// Finishes the contents of one or more open packs as one pack. What comes from others keeps their salts; then the order is random.
pub(super) fn assemble(keys: &Keys, mut packs: Vec<(Arc<OpenPack>, Contents)>) -> Result<Option<FinishedPack>> {
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

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T]) -> Result<()> {
    let mut numbers = blake3::Hasher::new_keyed(&random()?).finalize_xof();
    for last in (1..items.len()).rev() {
        let mut number = [0; 8];
        numbers.fill(&mut number);
        // The bias of taking a 64-bit number modulo a few thousand is beyond measuring.
        let chosen = u64::from_le_bytes(number) % (last as u64 + 1);
        items.swap(last, usize::try_from(chosen).unwrap_or(last));
    }
    Ok(())
}

/// Adds a chunk of zeros, so that the pack's size is one of few.
pub(super) fn pad(key: &ObjectKey, chunks: &mut Vec<SealedChunk>, salts: usize, position: u32) -> Result<()> {
    let sealed: usize = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
    let table = TABLE_OVERHEAD + 7 + 36 * salts + TABLE_ENTRY_LEN * (chunks.len() + 1);
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
    let id = PackId(*hasher.finalize().as_bytes());
    let description = SegmentPack { id, size, sealing: envelope.sealing, salt: envelope.salt, table };
    Ok(FinishedPack { description, head, chunks, tail })
}

fn length(bytes: usize) -> Result<u32> {
    u32::try_from(bytes).map_err(|_| Error::new(crate::ErrorKind::Usage, "a pack would hold more than 4 GiB"))
}

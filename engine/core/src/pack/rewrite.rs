//! Makes a pack from sealed chunks of other packs, which it copies without opening them (FORMAT.md, section 8).

use std::collections::{HashMap, HashSet};

use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{Bytes32, ChunkId};
use repo_format::limits;
use repo_format::pack::{
    self, CHUNK_OVERHEAD, ChunkKind, ForeignSalt, SALT_LEN, TABLE_ENTRY_LEN, TABLE_OVERHEAD, TRAILER_LEN, TableEntry,
};
use repo_format::sealed::ENVELOPE_LEN;

use super::assemble::{FinishedPack, finish, pad};
use super::open_pack::SealedChunk;
use crate::catalog::Location;
use crate::crypto::{Keys, ObjectKey};
use crate::error::{Error, ErrorKind, Result};

/// The size in bytes of a table without salts and entries.
const EMPTY_TABLE: u64 = 7;
/// The largest sealed table in bytes: half of the format's limit, because an index segment must have space for it, too.
const TABLE_MAX: u64 = limits::PACK_TABLE / 2;
/// The largest number of salts in one table.
const SALTS_MAX: usize = u16::MAX as usize;

/// Assembles a pack of sealed chunks of other packs. Chunks keep their salt, epoch and position, so no chunk is opened;
/// only the padding is sealed with a salt of the new pack. Chunks stand in the order in which they are pushed.
pub struct PackRewriter<'k> {
    keys: &'k Keys,
    key: ObjectKey,
    chunks: Vec<SealedChunk>,
    ids: HashSet<ChunkId>,
    salts: Vec<ForeignSalt>,
    places: HashMap<(u32, Bytes32), u16>,
    sealed_bytes: u64,
}

impl<'k> PackRewriter<'k> {
    /// An empty pack of this class.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub fn new(keys: &'k Keys, class: KeyClass) -> Result<Self> {
        Ok(PackRewriter {
            keys,
            key: keys.new_object(ObjectKind::Pack, class)?,
            chunks: Vec::new(),
            ids: HashSet::new(),
            salts: Vec::new(),
            places: HashMap::new(),
            sealed_bytes: 0,
        })
    }

    /// The size of the pack if it were finished now, without padding.
    pub fn size(&self) -> u64 {
        self.size_with(0, 0, 0)
    }

    /// Whether a chunk that stands at `from` fits: into the pack, its table, and its salts.
    pub(crate) fn has_room_for(&self, from: &Location) -> bool {
        let is_new_salt = !self.places.contains_key(&(from.sealing.epoch, from.salt));
        let salts = usize::from(is_new_salt);
        self.salts.len() + salts <= SALTS_MAX
            && self.table_bytes(1, salts) <= TABLE_MAX
            && pack::padme(self.size_with(1, salts, from.sealed_len.into())) <= limits::PACK
    }

    /// Adds the sealed bytes of a chunk that stands at `from`. Skips a chunk that the pack has already.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if the bytes contradict `from`; [`ErrorKind::Usage`] if the pack is full, see
    /// [`PackRewriter::has_room_for`].
    pub fn push(&mut self, id: ChunkId, from: &Location, sealed: Vec<u8>) -> Result<()> {
        let class = self.key.envelope().sealing.class;
        if from.sealing.class != class || from.kind == ChunkKind::Padding || sealed.len() != from.sealed_len as usize {
            let message = format!("cannot copy chunk {id} out of packs/{}: it is not what is known of it", from.pack);
            return Err(Error::new(ErrorKind::Damaged, message));
        }
        if self.ids.contains(&id) {
            return Ok(());
        }
        if !self.has_room_for(from) {
            return Err(Error::new(ErrorKind::Usage, "cannot copy a chunk into a pack that is full"));
        }
        let entry = TableEntry {
            id,
            kind: from.kind,
            salt: self.place_of(from),
            position: from.position,
            sealed_len: from.sealed_len,
            plain_len: from.plain_len,
        };
        self.ids.insert(id);
        self.sealed_bytes += sealed.len() as u64;
        self.chunks.push(SealedChunk { entry, bytes: sealed });
        Ok(())
    }

    /// The pack, padded like any other; `None` if nothing was pushed.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub fn finish(self) -> Result<Option<FinishedPack>> {
        let PackRewriter { keys, key, mut chunks, salts, .. } = self;
        if chunks.is_empty() {
            return Ok(None);
        }
        // Nothing else uses this salt, so its first position is free.
        pad(&key, &mut chunks, salts.len(), 0)?;
        finish(keys, &key, chunks, salts).map(Some)
    }

    /// The place of a chunk's salt in the table, from 1.
    fn place_of(&mut self, from: &Location) -> u16 {
        let (epoch, salt) = (from.sealing.epoch, from.salt);
        *self.places.entry((epoch, salt)).or_insert_with(|| {
            self.salts.push(ForeignSalt { epoch, salt });
            // The caller has checked that it fits.
            u16::try_from(self.salts.len()).unwrap_or(u16::MAX)
        })
    }

    fn size_with(&self, chunks: usize, salts: usize, sealed_bytes: u64) -> u64 {
        let around = (ENVELOPE_LEN + CHUNK_OVERHEAD + TRAILER_LEN) as u64;
        around + self.sealed_bytes + sealed_bytes + self.table_bytes(chunks, salts)
    }

    /// The size in bytes of the sealed table after adding this many chunks and salts; padding is one of its entries.
    fn table_bytes(&self, chunks: usize, salts: usize) -> u64 {
        let entries = (self.chunks.len() + chunks + 1) * TABLE_ENTRY_LEN;
        let salts = (self.salts.len() + salts) * SALT_LEN;
        EMPTY_TABLE + (TABLE_OVERHEAD + entries + salts) as u64
    }
}

#[cfg(test)]
mod tests {
    use repo_format::head::Sealing;
    use repo_format::id::PackId;
    use repo_format::pack::CODEC_RAW;

    use super::*;
    use crate::catalog::sealed_chunks;
    use crate::crypto::KeyringSecrets;
    use crate::pack::open_chunk;

    fn keys() -> Keys {
        Keys::new(KeyringSecrets::generate().unwrap())
    }

    /// A chunk as it stands sealed in some pack of `key`.
    fn sealed(keys: &Keys, key: &ObjectKey, position: u32, plain: &[u8]) -> (ChunkId, Location, Vec<u8>) {
        let mut bytes = [&[CODEC_RAW], plain].concat();
        key.seal(position, &position.to_le_bytes(), &mut bytes, 0).unwrap();
        let envelope = key.envelope();
        let location = Location {
            pack: PackId([1; 32]),
            offset: 0,
            sealed_len: bytes.len().try_into().unwrap(),
            plain_len: plain.len().try_into().unwrap(),
            kind: ChunkKind::Data,
            sealing: envelope.sealing,
            salt: envelope.salt,
            position,
        };
        (keys.id(ChunkKind::Data, plain), location, bytes)
    }

    fn location(salt: [u8; 32]) -> Location {
        Location {
            pack: PackId([1; 32]),
            offset: 0,
            sealed_len: 17,
            plain_len: 0,
            kind: ChunkKind::Data,
            sealing: Sealing { class: KeyClass::Data, epoch: 1 },
            salt: Bytes32(salt),
            position: 0,
        }
    }

    #[test]
    fn chunks_of_several_packs_open_in_the_new_one_and_it_has_the_size_it_says() {
        let keys = keys();
        let packs = [0, 1].map(|_| keys.new_object(ObjectKind::Pack, KeyClass::Data).unwrap());
        let plains: Vec<Vec<u8>> = (0..9u8).map(|n| vec![n; 1000 * usize::from(n) + 1]).collect();
        let mut rewriter = PackRewriter::new(&keys, KeyClass::Data).unwrap();
        for ((n, position), plain) in (0..9).zip((50u32..59).rev()).zip(&plains) {
            let (id, location, bytes) = sealed(&keys, &packs[n % 2], position, plain);
            rewriter.push(id, &location, bytes.clone()).unwrap();
            rewriter.push(id, &location, bytes).unwrap();
        }
        let (size, count) = (rewriter.size(), rewriter.chunks.len());
        let pack = rewriter.finish().unwrap().unwrap();
        assert_eq!(count, plains.len(), "what is there already is not added again");
        assert_eq!(pack.description.table.salts.len(), 2);
        assert_eq!(pack.description.size, pack::padme(size));

        let bytes = pack.parts().concat();
        assert_eq!(bytes.len() as u64, pack.description.size);
        let mut found = Vec::new();
        for (id, location) in sealed_chunks(&pack.description) {
            let start = usize::try_from(location.offset).unwrap();
            let mut sealed = bytes[start..start + location.sealed_len as usize].to_vec();
            open_chunk(&keys, location.kind, &id, &location, &mut sealed).unwrap();
            found.extend((location.kind != ChunkKind::Padding).then_some(id));
        }
        assert!(found.into_iter().eq(plains.iter().map(|plain| keys.id(ChunkKind::Data, plain))), "in their order");
    }

    #[test]
    fn nothing_makes_no_pack() {
        let keys = keys();
        assert!(PackRewriter::new(&keys, KeyClass::Meta).unwrap().finish().unwrap().is_none());
    }

    #[test]
    fn a_chunk_of_another_class_or_length_is_refused() {
        let keys = keys();
        let id = ChunkId([1; 32]);
        let mut meta = PackRewriter::new(&keys, KeyClass::Meta).unwrap();
        assert_eq!(meta.push(id, &location([1; 32]), vec![0; 17]).unwrap_err().kind(), ErrorKind::Damaged);
        let mut data = PackRewriter::new(&keys, KeyClass::Data).unwrap();
        assert_eq!(data.push(id, &location([1; 32]), vec![0; 18]).unwrap_err().kind(), ErrorKind::Damaged);
        assert_eq!(data.chunks.len(), 0);
    }

    #[test]
    fn a_pack_takes_as_many_salts_as_its_table_can_name() {
        let keys = keys();
        let mut rewriter = PackRewriter::new(&keys, KeyClass::Data).unwrap();
        let salt = |n: u32| location(*blake3::hash(&n.to_le_bytes()).as_bytes());
        for n in 0..u32::from(u16::MAX) {
            rewriter.push(ChunkId(salt(n).salt.0), &salt(n), vec![0; 17]).unwrap();
        }
        let one_more = salt(u32::from(u16::MAX));
        assert!(!rewriter.has_room_for(&one_more) && rewriter.has_room_for(&salt(5)));
        assert_eq!(rewriter.push(ChunkId([1; 32]), &one_more, vec![0; 17]).unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(rewriter.finish().unwrap().unwrap().description.table.salts.len(), usize::from(u16::MAX));
    }
}

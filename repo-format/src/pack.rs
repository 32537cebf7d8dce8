//! Packs: sealed chunks, and the table that says where they are (FORMAT.md, section 8).

use crate::error::{FormatError, Result, check_limit, fit};
use crate::head::KeyClass;
use crate::id::{Bytes32, ChunkId};
use crate::limits;
use crate::reader::Reader;
use crate::sealed::{ENVELOPE_LEN, GCM_TAG_LEN};

const WHAT: &str = "pack table";
const TABLE_VERSION: u8 = 1;
const TRAILER_MAGIC: &[u8; 4] = b"ENPT";
/// Length of the trailer: u32 length of the sealed table, magic.
pub const TRAILER_LEN: usize = 8;
/// Length of a salt of the table.
pub const SALT_LEN: usize = 36;
/// Length of an entry of the table.
pub const TABLE_ENTRY_LEN: usize = 47;
/// Bytes that sealing adds to the coded bytes of a chunk: the codec and the GCM tag.
pub const CHUNK_OVERHEAD: usize = 1 + GCM_TAG_LEN;
/// Bytes that sealing adds to a table.
pub const TABLE_OVERHEAD: usize = ENVELOPE_LEN + GCM_TAG_LEN;
/// Plain bytes of a table.
const PLAIN_MAX: u64 = limits::PACK_TABLE - TABLE_OVERHEAD as u64;
const _: () = assert!(limits::CHUNK_SEALED == limits::CHUNK_PLAIN + CHUNK_OVERHEAD as u64);
/// Codec of plain bytes.
pub const CODEC_RAW: u8 = 0;
/// Codec of one zstd frame.
pub const CODEC_ZSTD: u8 = 1;

/// The kinds of chunks in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChunkKind {
    /// Bytes of a file, stream or table.
    Data = 0,
    /// A list of ids, a directory, or a list of problems.
    Node = 1,
    /// Zeros that hide the true size.
    Padding = 2,
}

/// One sealed chunk of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableEntry {
    /// Its id; zero for padding.
    pub id: ChunkId,
    /// Its kind.
    pub kind: ChunkKind,
    /// 0: the pack's own salt; i: the table's i-th.
    pub salt: u16,
    /// The position it was sealed with.
    pub position: u32,
    /// Length of the sealed chunk.
    pub sealed_len: u32,
    /// Length of its plain bytes.
    pub plain_len: u32,
}

/// A salt of another pack, whose chunks were copied into this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignSalt {
    /// Epoch of the secret.
    pub epoch: u32,
    /// Salt of the object key.
    pub salt: Bytes32,
}

/// The table of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackTable {
    /// Salts of other packs.
    pub salts: Vec<ForeignSalt>,
    /// All sealed chunks, in the order in which they stand.
    pub entries: Vec<TableEntry>,
}

impl PackTable {
    /// Checks and encodes the table.
    ///
    /// # Errors
    /// [`FormatError::Limit`] beyond 65,535 salts or 16 MiB; otherwise see [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        let salts: u16 = fit(WHAT, "salts", self.salts.len(), u16::MAX.into())?;
        let entries: u32 = fit(WHAT, "chunks", self.entries.len(), u32::MAX.into())?;
        let len = 7 + self.salts.len() * SALT_LEN + self.entries.len() * TABLE_ENTRY_LEN;
        check_limit(WHAT, "size", len as u64, PLAIN_MAX)?;
        self.entries.iter().try_for_each(|entry| entry.check(self.salts.len()))?;
        let mut out = Vec::with_capacity(len);
        out.push(TABLE_VERSION);
        out.extend(salts.to_le_bytes());
        for salt in &self.salts {
            out.extend(salt.epoch.to_le_bytes());
            out.extend(salt.salt.0);
        }
        out.extend(entries.to_le_bytes());
        for entry in &self.entries {
            out.extend(entry.id.0);
            out.push(entry.kind as u8);
            out.extend(entry.salt.to_le_bytes());
            out.extend(entry.position.to_le_bytes());
            out.extend(entry.sealed_len.to_le_bytes());
            out.extend(entry.plain_len.to_le_bytes());
        }
        Ok(out)
    }

    /// Decodes and checks a table.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        check_limit(WHAT, "size", bytes.len() as u64, PLAIN_MAX)?;
        let mut r = Reader::new(WHAT, bytes);
        check_version(WHAT, r.u8()?)?;
        let salts = r.u16()?;
        let salts = r.items(salts.into(), SALT_LEN)?;
        let salts = salts.chunks_exact(SALT_LEN).map(decode_salt).collect::<Result<Vec<_>>>()?;
        let count = r.u32()?;
        let entries = r.items(count, TABLE_ENTRY_LEN)?;
        r.finish()?;
        let entries = entries
            .chunks_exact(TABLE_ENTRY_LEN)
            .map(|bytes| decode_entry(bytes, salts.len()))
            .collect::<Result<Vec<_>>>()?;
        Ok(PackTable { salts, entries })
    }

    /// Checks that a pack of this class may hold what this table lists.
    ///
    /// # Errors
    /// [`FormatError::Invalid`].
    pub fn check_class(&self, class: KeyClass) -> Result<()> {
        let fits = |kind| match kind {
            ChunkKind::Data => class == KeyClass::Data,
            ChunkKind::Node => class == KeyClass::Meta,
            ChunkKind::Padding => true,
        };
        match self.entries.iter().find(|entry| !fits(entry.kind)) {
            Some(entry) => Err(FormatError::invalid(WHAT, format!("{:?} in a pack of class {class:?}", entry.kind))),
            None => Ok(()),
        }
    }

    /// Bytes of all sealed chunks together.
    pub fn chunks_len(&self) -> u64 {
        self.entries.iter().map(|entry| u64::from(entry.sealed_len)).sum()
    }

    /// Checks that the chunks in this table exactly fill a pack of `pack_size` bytes with a sealed table of `table_len` bytes.
    ///
    /// # Errors
    /// [`FormatError::Invalid`].
    pub fn check_size(&self, pack_size: u64, table_len: u64) -> Result<()> {
        // No overflow: a table in memory cannot list 2^32 chunks of 2^32 bytes; `table_len` is the caller's.
        let around = ENVELOPE_LEN as u64 + self.chunks_len() + TRAILER_LEN as u64;
        let expected = around.saturating_add(table_len);
        if expected == pack_size {
            Ok(())
        } else {
            Err(FormatError::invalid(WHAT, format!("the pack has {pack_size} bytes, its table says {expected}")))
        }
    }
}

fn decode_salt(bytes: &[u8]) -> Result<ForeignSalt> {
    let mut r = Reader::new(WHAT, bytes);
    Ok(ForeignSalt { epoch: r.u32()?, salt: Bytes32(r.array()?) })
}

fn decode_entry(bytes: &[u8], salts: usize) -> Result<TableEntry> {
    let mut r = Reader::new(WHAT, bytes);
    let id = ChunkId(r.array()?);
    let kind = match r.u8()? {
        0 => ChunkKind::Data,
        1 => ChunkKind::Node,
        2 => ChunkKind::Padding,
        other => return Err(FormatError::Unknown { what: WHAT, field: "chunk kind", value: other.into() }),
    };
    let entry = TableEntry { id, kind, salt: r.u16()?, position: r.u32()?, sealed_len: r.u32()?, plain_len: r.u32()? };
    entry.check(salts)?;
    Ok(entry)
}

impl TableEntry {
    /// Checks an entry of a table with this many salts.
    fn check(&self, salts: usize) -> Result<()> {
        check_limit(WHAT, "plain length", self.plain_len.into(), limits::CHUNK_PLAIN)?;
        check_limit(WHAT, "sealed length", self.sealed_len.into(), limits::CHUNK_SEALED)?;
        if usize::from(self.salt) > salts {
            return Err(FormatError::invalid(WHAT, "a chunk names a salt that is not there"));
        }
        if (self.sealed_len as usize) < CHUNK_OVERHEAD {
            return Err(FormatError::invalid(WHAT, "a chunk is shorter than its seal"));
        }
        if self.kind == ChunkKind::Padding && self.id != ChunkId([0; 32]) {
            return Err(FormatError::invalid(WHAT, "padding has an id"));
        }
        Ok(())
    }
}

/// Refuses a structure version other than 1.
pub(crate) fn check_version(what: &'static str, version: u8) -> Result<()> {
    match version {
        TABLE_VERSION => Ok(()),
        other => Err(FormatError::Unknown { what, field: "version", value: other.into() }),
    }
}

/// The trailer of a pack whose sealed table has `table_len` bytes.
pub fn encode_trailer(table_len: u32) -> [u8; TRAILER_LEN] {
    let mut out = [0; TRAILER_LEN];
    out[..4].copy_from_slice(&table_len.to_le_bytes());
    out[4..].copy_from_slice(TRAILER_MAGIC);
    out
}

/// The range of the sealed table in a pack of `pack_size` bytes, by its trailer.
///
/// # Errors
/// See [`FormatError`].
pub fn decode_trailer(trailer: &[u8], pack_size: u64) -> Result<std::ops::Range<u64>> {
    let mut r = Reader::new("pack trailer", trailer);
    let length = u64::from(r.u32()?);
    if r.take(4)? != TRAILER_MAGIC {
        return Err(FormatError::Magic { what: "pack trailer" });
    }
    r.finish()?;
    check_limit(WHAT, "size", length, limits::PACK_TABLE)?;
    check_limit("pack", "size", pack_size, limits::PACK)?;
    let end = pack_size.checked_sub(TRAILER_LEN as u64);
    match end.and_then(|end| Some(end.checked_sub(length)?..end)) {
        Some(range) if range.start >= ENVELOPE_LEN as u64 && length >= TABLE_OVERHEAD as u64 => Ok(range),
        _ => Err(FormatError::invalid("pack trailer", format!("a table of {length} bytes in a pack of {pack_size}"))),
    }
}

/// `size` rounded up as PADMÉ does it: at most 12 % more, and the result shows only log log of the size. Sizes near 2^64 become
/// `u64::MAX`; no object is that large.
pub fn padme(size: u64) -> u64 {
    if size < 2 {
        return size;
    }
    let exponent = size.ilog2();
    let significant = exponent.ilog2() + 1;
    let mask = (1u64 << exponent.saturating_sub(significant)) - 1;
    size.checked_add(mask).map_or(u64::MAX, |sum| sum & !mask)
}

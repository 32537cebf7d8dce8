//! Index segments: tables of several packs (FORMAT.md, section 9).

use crate::FormatError;
use crate::error::{Result, check_limit, fit};
use crate::head::{KeyClass, Sealing};
use crate::id::{Bytes32, PackId};
use crate::limits;
use crate::pack::{PackTable, TABLE_OVERHEAD, check_version};
use crate::reader::Reader;

const WHAT: &str = "index segment";
/// Bytes before the table of a pack in a segment.
pub const SEGMENT_PACK_LEN: usize = 32 + 8 + 1 + 4 + 32 + 4;
/// The least bytes a pack takes in a segment.
const PACK_LEN_MIN: usize = SEGMENT_PACK_LEN + 7;

/// One pack in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentPack {
    /// Id of the pack.
    pub id: PackId,
    /// Its size in bytes.
    pub size: u64,
    /// Class and epoch of its own envelope.
    pub sealing: Sealing,
    /// Salt of its own envelope.
    pub salt: Bytes32,
    /// Its table, as in the pack itself.
    pub table: PackTable,
}

impl SegmentPack {
    /// Appends this pack to the packs of a segment.
    ///
    /// # Errors
    /// [`FormatError::Limit`].
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<()> {
        let table = self.table.encode()?;
        self.check(table.len())?;
        out.extend(self.id.0);
        out.extend(self.size.to_le_bytes());
        out.push(self.sealing.class as u8);
        out.extend(self.sealing.epoch.to_le_bytes());
        out.extend(self.salt.0);
        out.extend(fit::<u32>(WHAT, "table", table.len(), limits::PACK_TABLE)?.to_le_bytes());
        out.extend(table);
        Ok(())
    }

    /// A reader would read at the wrong places in a pack that does not fit its table.
    fn check(&self, table_len: usize) -> Result<()> {
        check_limit(WHAT, "pack size", self.size, limits::PACK)?;
        self.table.check_class(self.sealing.class)?;
        self.table.check_size(self.size, (table_len + TABLE_OVERHEAD) as u64)
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let id = PackId(r.array()?);
        let size = r.u64()?;
        let class = r.u8()?;
        let class = match KeyClass::from_byte(class) {
            Some(class @ (KeyClass::Data | KeyClass::Meta)) => class,
            _ => return Err(FormatError::Unknown { what: WHAT, field: "pack class", value: class.into() }),
        };
        let sealing = Sealing { class, epoch: r.u32()? };
        let salt = Bytes32(r.array()?);
        let table_len = r.u32()?;
        let table_bytes = r.items(table_len, 1)?;
        let pack = SegmentPack { id, size, sealing, salt, table: PackTable::decode(table_bytes)? };
        pack.check(table_bytes.len())?;
        Ok(pack)
    }
}

/// The plain bytes of a segment, from packs that [`SegmentPack::encode_into`] encoded.
///
/// # Errors
/// [`FormatError::Limit`] beyond [`limits::SEGMENT`].
pub fn encode(count: u32, packs: &[u8]) -> Result<Vec<u8>> {
    check_limit(WHAT, "size", 5 + packs.len() as u64, limits::SEGMENT)?;
    let mut out = Vec::with_capacity(5 + packs.len());
    out.push(1);
    out.extend(count.to_le_bytes());
    out.extend(packs);
    Ok(out)
}

/// Decodes the plain bytes of a segment.
///
/// # Errors
/// See [`FormatError`].
pub fn decode(plain: &[u8]) -> Result<Vec<SegmentPack>> {
    check_limit(WHAT, "size", plain.len() as u64, limits::SEGMENT)?;
    let mut r = Reader::new(WHAT, plain);
    check_version(WHAT, r.u8()?)?;
    let count = r.u32()?;
    check_limit(WHAT, "packs", count.into(), (plain.len() / PACK_LEN_MIN) as u64)?;
    let packs = (0..count).map(|_| SegmentPack::decode(&mut r)).collect::<Result<Vec<_>>>()?;
    r.finish()?;
    Ok(packs)
}

//! A bounded little-endian reader over a byte slice.

use crate::error::{FormatError, Result};

pub(crate) struct Reader<'a> {
    what: &'static str,
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Reader { what, bytes, offset: 0 }
    }

    pub fn take(&mut self, need: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.offset..];
        let Some(taken) = rest.get(..need) else {
            return Err(FormatError::Truncated { what: self.what, offset: self.offset, need, have: rest.len() });
        };
        self.offset += need;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// `count` items of `size` bytes each, as one slice.
    pub fn items(&mut self, count: u32, size: usize) -> Result<&'a [u8]> {
        let need = usize::try_from(count).ok().and_then(|n| n.checked_mul(size)).unwrap_or(usize::MAX);
        self.take(need)
    }

    pub fn rest(self) -> &'a [u8] {
        &self.bytes[self.offset..]
    }

    pub fn finish(self) -> Result<()> {
        match self.bytes.len() - self.offset {
            0 => Ok(()),
            n => Err(FormatError::invalid(self.what, format!("{n} bytes too many at its end"))),
        }
    }
}

//! Numbers and texts from the bytes of an event.

use std::fmt;

/// The reason why bytes are no event, or not the event that they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

const CUT_SHORT: Malformed = Malformed("the event is cut short");

/// Takes values from the front of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'b>(&'b [u8]);

impl<'b> Cursor<'b> {
    /// At the beginning of `bytes`.
    pub fn new(bytes: &'b [u8]) -> Self {
        Cursor(bytes)
    }

    /// The remaining bytes.
    pub fn rest(&self) -> &'b [u8] {
        self.0
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`Malformed`] if there are fewer.
    pub fn take(&mut self, n: usize) -> Result<&'b [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(CUT_SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(CUT_SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A number of one byte.
    ///
    /// # Errors
    /// As [`Cursor::take`].
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// A number of two bytes.
    ///
    /// # Errors
    /// As [`Cursor::take`].
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// A number of four bytes.
    ///
    /// # Errors
    /// As [`Cursor::take`].
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A number of eight bytes.
    ///
    /// # Errors
    /// As [`Cursor::take`].
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A number of `n` bytes, at most eight.
    ///
    /// # Errors
    /// As [`Cursor::take`].
    pub fn number(&mut self, n: usize) -> Result<u64, Malformed> {
        Ok(self.take(n)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A number whose first byte says how long it is.
    ///
    /// # Errors
    /// As [`Cursor::take`]; if the first byte says nothing of the kind.
    pub fn packed(&mut self) -> Result<u64, Malformed> {
        match self.u8()? {
            small @ 0..=250 => Ok(small.into()),
            252 => self.number(2),
            253 => self.number(3),
            254 => self.number(8),
            _ => Err(Malformed("a length is none")),
        }
    }

    /// The same as a count of bytes or items in memory.
    ///
    /// # Errors
    /// As [`Cursor::packed`].
    pub fn packed_len(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.packed()?).map_err(|_| CUT_SHORT)
    }

    /// A text behind its length of one byte, with a zero after it.
    ///
    /// # Errors
    /// As [`Cursor::take`].
    pub fn short_text(&mut self) -> Result<&'b [u8], Malformed> {
        let length = self.u8()?;
        let text = self.take(length.into())?;
        self.take(1)?;
        Ok(text)
    }
}

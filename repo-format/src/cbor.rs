//! CBOR of whole values, with errors that name what was decoded.
//!
//! The objects' own `encode` and `decode` also check what CBOR cannot say; use those where they exist.

use crate::error::{FormatError, Result, check_limit};
use crate::limits;

/// Encodes `value`.
pub fn encode<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    encode_into(Vec::new(), value)
}

/// Encodes `value` at the end of `bytes`. If `value` is secret, the caller reserves enough capacity: a vector that grows leaves
/// copies behind.
pub(crate) fn encode_into<T: minicbor::Encode<()>>(mut bytes: Vec<u8>, value: &T) -> Vec<u8> {
    match minicbor::encode(value, &mut bytes) {
        Ok(()) => bytes,
        Err(error) => unreachable!("writing CBOR to memory cannot fail: {error}"),
    }
}

/// Encodes `value` if that takes at most `limit` bytes.
pub(crate) fn encode_within<T: minicbor::Encode<()>>(what: &'static str, limit: u64, value: &T) -> Result<Vec<u8>> {
    let bytes = encode(value);
    check_limit(what, "size", bytes.len() as u64, limit)?;
    Ok(bytes)
}

/// Decodes exactly one value, in the one form that FORMAT.md (section 3) allows.
///
/// # Errors
/// [`FormatError::Invalid`] with the place and reason; also when bytes are left over.
pub fn decode<'b, T: minicbor::Decode<'b, ()>>(what: &'static str, bytes: &'b [u8]) -> Result<T> {
    check_form(what, bytes)?;
    minicbor::decode(bytes).map_err(|e| FormatError::invalid(what, e.to_string()))
}

/// Decodes exactly one value of at most `limit` bytes.
pub(crate) fn decode_within<'b, T: minicbor::Decode<'b, ()>>(
    what: &'static str,
    limit: u64,
    bytes: &'b [u8],
) -> Result<T> {
    check_limit(what, "size", bytes.len() as u64, limit)?;
    decode(what, bytes)
}

/// Checks that `bytes` are exactly one item and that every item in it is in the only form allowed.
///
/// minicbor alone takes the last of two equal keys, so two readers could see different values in the same bytes. It accepts
/// several encodings of one value, though a node's id should follow from its meaning. When it skips unknown keys, it keeps 16
/// bytes for each byte of nested indefinite arrays.
fn check_form(what: &'static str, bytes: &[u8]) -> Result<()> {
    let mut scanner = Scanner { bytes, offset: 0 };
    let faulty = |why: &str, offset| FormatError::invalid(what, format!("{why} at byte {offset}"));
    scanner.item(limits::CBOR_DEPTH).map_err(|why| faulty(why, scanner.offset))?;
    match bytes.len() - scanner.offset {
        0 => Ok(()),
        n => Err(FormatError::invalid(what, format!("{n} bytes too many at its end"))),
    }
}

/// Walks over CBOR without building anything. Recursion is bounded by [`limits::CBOR_DEPTH`].
struct Scanner<'a> {
    bytes: &'a [u8],
    offset: usize,
}

type Scan<T> = std::result::Result<T, &'static str>;
const CUT_SHORT: &str = "CBOR is cut short";

impl Scanner<'_> {
    fn skip(&mut self, n: u64) -> Scan<()> {
        let end = usize::try_from(n).ok().and_then(|n| self.offset.checked_add(n));
        self.offset = end.filter(|end| *end <= self.bytes.len()).ok_or(CUT_SHORT)?;
        Ok(())
    }

    /// The next `n` bytes (at most 8) as a big-endian number.
    fn number(&mut self, n: u8) -> Scan<u64> {
        let start = self.offset;
        self.skip(n.into())?;
        Ok(self.bytes[start..self.offset].iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Major type and argument of the next item.
    fn head(&mut self) -> Scan<(u8, u64)> {
        let first = *self.bytes.get(self.offset).ok_or(CUT_SHORT)?;
        self.offset += 1;
        let (major, info) = (first >> 5, first & 31);
        let (argument, least) = match info {
            0..24 => (info.into(), 0),
            24 => (self.number(1)?, 24),
            25 => (self.number(2)?, 1 << 8),
            26 => (self.number(4)?, 1 << 16),
            27 => (self.number(8)?, 1 << 32),
            _ => return Err("CBOR of indefinite length or of a reserved type"),
        };
        match major {
            7 => simple(info, argument).map(|()| (major, argument)),
            _ if argument < least => Err("a number in CBOR that is longer than it must be"),
            _ => Ok((major, argument)),
        }
    }

    fn item(&mut self, depth: u8) -> Scan<()> {
        let (major, argument) = self.head()?;
        let deeper = depth.checked_sub(1).ok_or("CBOR is nested too deeply");
        match major {
            2 | 3 => self.skip(argument),
            4 => self.array(argument, deeper?),
            5 => self.map(argument, deeper?),
            6 => self.item(deeper?),
            _ => Ok(()),
        }
    }

    /// `count` is only a claim, but every round takes a byte or fails.
    fn array(&mut self, count: u64, depth: u8) -> Scan<()> {
        (0..count).try_for_each(|_| self.item(depth))
    }

    fn map(&mut self, count: u64, depth: u8) -> Scan<()> {
        let mut previous = None;
        for _ in 0..count {
            let start = self.offset;
            self.item(depth)?;
            let key = &self.bytes[start..self.offset];
            if previous.is_some_and(|previous| previous >= key) {
                return Err("a key in CBOR that is there twice or out of order");
            }
            previous = Some(key);
            self.item(depth)?;
        }
        Ok(())
    }
}

/// Checks an item of major type 7: booleans, and floats of any width.
fn simple(info: u8, value: u64) -> Scan<()> {
    match (info, value) {
        (20 | 21 | 25..=27, _) => Ok(()),
        _ => Err("null, undefined or an unknown simple value in CBOR"),
    }
}

/// A byte string that may be absent or of any length, as a CBOR byte string.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteString(pub Vec<u8>);

/// As text; bytes that are no UTF-8 are replaced.
impl std::fmt::Display for ByteString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl<C> minicbor::Encode<C> for ByteString {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> std::result::Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for ByteString {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> std::result::Result<Self, minicbor::decode::Error> {
        Ok(ByteString(d.bytes()?.to_vec()))
    }
}

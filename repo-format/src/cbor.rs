//! CBOR of whole values, with errors that name what was decoded.

use crate::error::{FormatError, Result};

/// Encodes `value`.
pub fn encode<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    match minicbor::encode(value, &mut bytes) {
        Ok(()) => bytes,
        Err(error) => unreachable!("writing CBOR to memory cannot fail: {error}"),
    }
}

/// Decodes exactly one value.
///
/// # Errors
/// [`FormatError::Invalid`] with the place and reason; also when bytes are left over.
pub fn decode<'b, T: minicbor::Decode<'b, ()>>(what: &'static str, bytes: &'b [u8]) -> Result<T> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode().map_err(|e| FormatError::invalid(what, e.to_string()))?;
    match bytes.len() - decoder.position() {
        0 => Ok(value),
        n => Err(FormatError::invalid(what, format!("{n} bytes too many at its end"))),
    }
}

/// A byte string that may be absent or of any length, as a CBOR byte string.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteString(pub Vec<u8>);

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

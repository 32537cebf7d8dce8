//! Bodies that a server has compressed.

use std::borrow::Cow;
use std::io::Read;

use super::{Cursor, Event, EventBuffer, Format, Kind, Malformed};

/// The most bytes that a compressed body may become: as large as the largest event.
const PLAIN_MAX: u64 = 1 << 30;
/// So much is taken from a compressed body at once.
const PIECE: usize = 64 << 10;
const UNREADABLE: Malformed = Malformed("a compressed transaction cannot be read");
/// MariaDB: the first byte of what is compressed. Its low bits say how many bytes the length has.
const ZLIB: u8 = 0x80;
const LENGTH_BITS: u8 = 0x07;
/// MySQL: fields before a compressed transaction.
const PAYLOAD_ENDS: u64 = 0;
const PAYLOAD_COMPRESSION: u64 = 2;
/// MySQL: the transaction is compressed by zstd; or not at all.
const BY_ZSTD: u64 = 0;
const NOT_COMPRESSED: u64 = 255;

/// The kind and body that a statement, or rows, would have if MariaDB had not compressed them; those of other events stay.
///
/// # Errors
/// [`Malformed`]; also if it becomes larger than 1 GiB.
pub fn uncompressed<'b>(kind: Kind, body: &'b [u8]) -> Result<(Kind, Cow<'b, [u8]>), Malformed> {
    let plain = match kind {
        Kind::QUERY_COMPRESSED => Kind::QUERY,
        Kind::WRITE_ROWS_COMPRESSED_V1 => Kind::WRITE_ROWS_V1,
        Kind::UPDATE_ROWS_COMPRESSED_V1 => Kind::UPDATE_ROWS_V1,
        Kind::DELETE_ROWS_COMPRESSED_V1 => Kind::DELETE_ROWS_V1,
        other => return Ok((other, Cow::Borrowed(body))),
    };
    let mut cursor = Cursor::new(body);
    if plain == Kind::QUERY {
        cursor.take(8)?;
        let schema = usize::from(cursor.u8()?);
        cursor.u16()?;
        let settings = usize::from(cursor.u16()?);
        cursor.take(settings + schema + 1)?;
    } else {
        cursor.take(8)?;
        let bits = cursor.packed_len()?.div_ceil(8);
        cursor.take(bits)?;
        if plain == Kind::UPDATE_ROWS_V1 {
            cursor.take(bits)?;
        }
    }
    let head = &body[..body.len() - cursor.rest().len()];
    let mut whole = head.to_vec();
    inflate(cursor, &mut whole)?;
    Ok((plain, Cow::Owned(whole)))
}

/// Appends what `cursor` has in MariaDB's compression.
fn inflate(mut cursor: Cursor<'_>, plain: &mut Vec<u8>) -> Result<(), Malformed> {
    let first = cursor.u8()?;
    if first & ZLIB == 0 {
        return Err(Malformed("a body is compressed in an unknown way"));
    }
    let length = cursor.take(usize::from(first & LENGTH_BITS))?;
    let length = length.iter().fold(0, |length: u64, byte| length << 8 | u64::from(*byte));
    if length > PLAIN_MAX {
        return Err(Malformed("a compressed body is larger than 1 GiB"));
    }
    let before = plain.len() as u64;
    let mut decoder = flate2::read::ZlibDecoder::new(cursor.rest()).take(length + 1);
    let read = decoder.read_to_end(plain).map_err(|_| Malformed("a compressed body cannot be read"))?;
    if read as u64 == length && plain.len() as u64 == before + length {
        Ok(())
    } else {
        Err(Malformed("a compressed body is not as long as it says"))
    }
}

/// Bytes that come out of a compressed body, in pieces: a few bytes may become very many.
pub struct Pieces<'b> {
    source: Box<dyn Read + 'b>,
    piece: Vec<u8>,
    left: u64,
}

impl std::fmt::Debug for Pieces<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Pieces<'_> {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`Malformed`] if the body cannot be read, or becomes larger than 1 GiB.
    pub fn next_piece(&mut self) -> Result<Option<&[u8]>, Malformed> {
        let read = self.source.read(&mut self.piece).map_err(|_| UNREADABLE)?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or(Malformed("a compressed transaction is larger than 1 GiB"))?;
        Ok((read > 0).then(|| &self.piece[..read]))
    }
}

/// Gives `take` each event of a transaction that MySQL has compressed, and the format that they have; `format` is that of the file.
///
/// # Errors
/// [`Malformed`], also if the last event is cut short, or one is such a transaction in turn; that of `take`.
pub fn each_inner<E: From<Malformed>>(
    body: &[u8],
    format: &Format,
    mut take: impl FnMut(&Event<'_>, &Format) -> Result<(), E>,
) -> Result<(), E> {
    let plain = Format { has_checksums: false, ..format.clone() };
    let (mut pieces, mut events) = (inner_events(body)?, EventBuffer::default());
    while let Some(piece) = pieces.next_piece()? {
        events.push(piece);
        while let Some(event) = events.next_event()? {
            if event.header.kind == Kind::TRANSACTION_PAYLOAD {
                return Err(Malformed("a compressed transaction stands in another one").into());
            }
            take(&event, &plain)?;
        }
    }
    if events.is_empty() { Ok(()) } else { Err(Malformed("a compressed transaction is cut short").into()) }
}

/// The events of a transaction that MySQL has compressed, one after the other. They have no checksums.
///
/// # Errors
/// [`Malformed`].
pub fn inner_events(body: &[u8]) -> Result<Pieces<'_>, Malformed> {
    let mut cursor = Cursor::new(body);
    let mut compression = BY_ZSTD;
    loop {
        let field = cursor.packed()?;
        if field == PAYLOAD_ENDS {
            break;
        }
        let length = cursor.packed_len()?;
        let mut value = Cursor::new(cursor.take(length)?);
        if field == PAYLOAD_COMPRESSION {
            compression = value.packed()?;
        }
    }
    let source: Box<dyn Read> = match compression {
        NOT_COMPRESSED => Box::new(cursor.rest()),
        BY_ZSTD => Box::new(zstd::stream::read::Decoder::new(cursor.rest()).map_err(|_| UNREADABLE)?),
        _ => return Err(Malformed("a transaction is compressed in an unknown way")),
    };
    Ok(Pieces { source, piece: vec![0; PIECE], left: PLAIN_MAX })
}

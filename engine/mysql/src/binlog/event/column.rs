//! Columns as rows are logged: how many bytes a value takes.

use super::{Cursor, Malformed};

/// How the length of a value follows from its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The type's number.
    pub number: u8,
    length: Length,
    /// Whether it is JSON, which may be logged in part.
    pub is_json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    /// The same for all values.
    Fixed(usize),
    /// Written before the value, in so many bytes.
    Before(usize),
}

use Length::{Before, Fixed};

impl Column {
    /// The column of this type, whose details stand next.
    ///
    /// # Errors
    /// [`Malformed`]; also if the type is not known.
    pub fn read(number: u8, details: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let fraction = |digits: u8| usize::from(digits).div_ceil(2);
        let prefix = |most: u16| Before(if most < 256 { 1 } else { 2 });
        let length = match number {
            // TINY, YEAR
            1 | 13 => Fixed(1),
            // SHORT
            2 => Fixed(2),
            // INT24, DATE, TIME as before 5.6, NEWDATE
            9 | 10 | 11 | 14 => Fixed(3),
            // LONG, TIMESTAMP as before 5.6
            3 | 7 => Fixed(4),
            // LONGLONG, DATETIME as before 5.6
            8 | 12 => Fixed(8),
            // NULL
            6 => Fixed(0),
            // FLOAT, DOUBLE: their length
            4 | 5 => Fixed(details.u8()?.into()),
            // TIMESTAMP, DATETIME, TIME: digits of the fraction
            17 => Fixed(4 + fraction(details.u8()?)),
            18 => Fixed(5 + fraction(details.u8()?)),
            19 => Fixed(3 + fraction(details.u8()?)),
            // VARCHAR, VARCHAR compressed, VAR_STRING: the longest value
            15 | 141 | 253 => prefix(details.u16()?),
            // BLOB compressed, VECTOR, JSON, BLOB, GEOMETRY: bytes of the length
            140 | 242 | 245 | 249..=252 | 255 => match details.u8()? {
                bytes @ 1..=4 => Before(bytes.into()),
                _ => return Err(Malformed("a column has an impossible length")),
            },
            // BIT: bits besides whole bytes, and bytes
            16 => {
                let (bits, bytes) = (details.u8()?, details.u8()?);
                Fixed(usize::from(bytes) + usize::from(bits > 0))
            }
            // NEWDECIMAL: digits, and those behind the point
            246 => decimal(details.u8()?, details.u8()?)?,
            // ENUM, SET, STRING
            247 | 248 | 254 => string(details.u8()?, details.u8()?),
            _ => return Err(Malformed("a column has an unknown type")),
        };
        Ok(Column { number, length, is_json: number == 245 })
    }

    /// Takes a value.
    ///
    /// # Errors
    /// [`Malformed`] if it is cut short.
    pub fn take<'v>(&self, values: &mut Cursor<'v>) -> Result<&'v [u8], Malformed> {
        let length = match self.length {
            Fixed(length) => length,
            Before(bytes) => usize::try_from(values.number(bytes)?).map_err(|_| Malformed("a value is too long"))?,
        };
        values.take(length)
    }
}

/// A decimal of so many digits, some of them behind the point.
fn decimal(digits: u8, behind: u8) -> Result<Length, Malformed> {
    let before = digits.checked_sub(behind).ok_or(Malformed("a decimal has an impossible length"))?;
    Ok(Fixed(super::decimal::length(before) + super::decimal::length(behind)))
}

/// CHAR, ENUM and SET have one type; two bits of the first byte belong to the length where it needs ten.
fn string(first: u8, second: u8) -> Length {
    let (of, longer) = (first | 0x30, u16::from((first & 0x30) ^ 0x30) << 4);
    match of {
        247 | 248 => Fixed(second.into()),
        _ => Before(if (longer | u16::from(second)) < 256 { 1 } else { 2 }),
    }
}

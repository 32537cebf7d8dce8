//! Encodes rows from the binary protocol as text: exact, and the same for the same values (FORMAT.md, section 11.1).
//!
//! The type of its column decides how a value becomes text, never the driver's type, so nothing depends on the driver.

use std::io::Write;

use mysql::Value as Raw;
use repo_format::database::{Column, RowOrder, TableRecord, ValueEncoding};

use super::quote_name;
use super::value::Value;
use engine_core::error::{Error, ErrorKind, Result};

/// The text form of one column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    encoding: ValueEncoding,
    /// The number of digits of a fraction of a second.
    fraction: usize,
    is_unsigned: bool,
}

impl Format {
    /// The format of `column`.
    pub fn of(column: &Column) -> Self {
        Format {
            encoding: column.encoding,
            fraction: fraction(&column.column_type),
            is_unsigned: is_unsigned(column) || column.select.is_some(),
        }
    }

    /// Whether it is FLOAT or DOUBLE.
    pub fn is_real(self) -> bool {
        matches!(self.encoding, ValueEncoding::Float | ValueEncoding::Double)
    }
}

/// Whether numbers of `column` have no sign.
pub fn is_unsigned(column: &Column) -> bool {
    column.column_type.to_lowercase().contains("unsigned")
}

/// Writes the rows of one table.
pub struct RowEncoder {
    formats: Vec<Format>,
    /// The indexes of the key columns among the stored columns.
    key: Vec<usize>,
    order: RowOrder,
    /// The ends of the cells of the last row.
    ends: Vec<usize>,
}

/// The place of a row in the order of its table.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RowKey {
    /// Bytes that sort rows.
    pub sort: Vec<u8>,
    /// The encoded key columns, with tabs between; empty if the table has no key.
    pub text: Vec<u8>,
}

impl RowEncoder {
    /// An encoder for the rows that [`select_list`] selects.
    pub fn new(table: &TableRecord) -> Self {
        let formats = table.stored().map(Format::of);
        let stored: Vec<_> = (0..table.columns.len()).filter(|at| table.columns[*at].generated != Some(true)).collect();
        let key = table.key.iter().filter_map(|place| stored.iter().position(|at| *at == *place as usize)).collect();
        RowEncoder { formats: formats.collect(), key, order: table.order, ends: Vec::new() }
    }

    /// Appends a row to `out`, and sets `key`.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] if the types of the server's values contradict its definition.
    pub fn encode(&mut self, values: &[Option<Value>], out: &mut Vec<u8>, key: &mut RowKey) -> Result<()> {
        if values.len() != self.formats.len() {
            return Err(Error::new(
                ErrorKind::Database,
                "the server gives more or fewer columns than it was asked for",
            ));
        }
        let start = out.len();
        self.ends.clear();
        for (at, (value, format)) in values.iter().zip(&self.formats).enumerate() {
            if at > 0 {
                out.push(b'\t');
            }
            write_value(value.as_ref().map_or(&Raw::NULL, Value::raw), *format, out)?;
            self.ends.push(out.len());
        }
        out.push(b'\n');
        self.find_key(&out[start..], start, values, key);
        Ok(())
    }

    fn find_key(&self, row: &[u8], start: usize, values: &[Option<Value>], key: &mut RowKey) {
        key.sort.clear();
        key.text.clear();
        for (number, at) in self.key.iter().enumerate() {
            let from = at.checked_sub(1).map_or(0, |before| self.ends[before] - start + 1);
            if number > 0 {
                key.text.push(b'\t');
            }
            key.text.extend_from_slice(&row[from..self.ends[*at] - start]);
        }
        match (self.order, self.key.first().and_then(|at| values[*at].as_ref().map(Value::raw))) {
            (RowOrder::Integer, Some(Raw::Int(number))) if !self.formats[self.key[0]].is_unsigned => {
                // Makes signed numbers sort as unsigned bytes.
                key.sort.extend_from_slice(&(number.cast_unsigned() ^ 1 << 63).to_be_bytes());
            }
            (RowOrder::Integer, Some(Raw::Int(number))) => key.sort.extend_from_slice(&number.to_be_bytes()),
            (RowOrder::Integer, Some(Raw::UInt(number))) => key.sort.extend_from_slice(&number.to_be_bytes()),
            (RowOrder::RowBytes, _) => key.sort.extend_from_slice(row),
            _ => key.sort.extend_from_slice(&key.text),
        }
    }
}

/// The columns to select, with their expressions, in the order of stored columns.
pub fn select_list(table: &TableRecord) -> String {
    table.stored().map(selected).collect::<Vec<_>>().join(", ")
}

/// The expression that is selected for `column`.
pub(super) fn selected(column: &Column) -> String {
    match &column.select {
        Some(expression) => expression.clone(),
        None => quote_name(&column.name),
    }
}

/// Digits of a fraction in a type such as `datetime(3)`.
fn fraction(column_type: &str) -> usize {
    let inside = column_type.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inside, _)| inside);
    inside.and_then(|digits| digits.parse().ok()).unwrap_or(0).min(6)
}

/// Appends a value in `format`.
pub(super) fn write_value(value: &Raw, format: Format, out: &mut Vec<u8>) -> Result<()> {
    use ValueEncoding as V;
    match (format.encoding, value) {
        (_, Raw::NULL) => out.extend_from_slice(b"\\N"),
        (V::Bytes, Raw::Bytes(bytes)) => escape(bytes, out),
        (V::Decimal, Raw::Bytes(digits)) => out.extend_from_slice(digits),
        (V::Integer, Raw::Int(number)) => out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes()),
        (V::Integer, Raw::UInt(number)) => out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes()),
        // A whole number as a double has more digits than FLOAT, and reads as the same FLOAT.
        (V::Float, Raw::Float(number)) => write_double(f64::from(*number), out),
        (V::Double, Raw::Double(number)) => write_double(*number, out),
        (V::Date, Raw::Date(year, month, day, ..)) => out.extend_from_slice(&date(*year, *month, *day)),
        (V::DateTime, Raw::Date(year, month, day, hour, minute, second, micros)) => {
            out.extend_from_slice(&date(*year, *month, *day));
            let [tens, ones] = two(*hour);
            out.extend_from_slice(&[b' ', tens, ones]);
            write_clock(*minute, *second, *micros, format.fraction, out);
        }
        (V::Time, Raw::Time(is_negative, days, hour, minute, second, micros)) => {
            if *is_negative {
                out.push(b'-');
            }
            write_hours(days * 24 + u32::from(*hour), out);
            write_clock(*minute, *second, *micros, format.fraction, out);
        }
        (V::Year, Raw::Int(year)) => out.extend_from_slice(&four(u16::try_from(*year).unwrap_or(0))),
        (V::Year, Raw::UInt(year)) => out.extend_from_slice(&four(u16::try_from(*year).unwrap_or(0))),
        (encoding, _) => {
            let message = format!("the server gives a value of another type where {encoding:?} was expected");
            return Err(Error::new(ErrorKind::Database, message));
        }
    }
    Ok(())
}

/// Appends `bytes` in the form of `LOAD DATA`: escapes tabs, line ends, NUL and backslashes.
pub fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\t' | b'\n' | 0)) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(match rest[at] {
            b'\\' => b"\\\\",
            b'\t' => b"\\t",
            b'\n' => b"\\n",
            _ => b"\\0",
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

fn write_double(number: f64, out: &mut Vec<u8>) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format(number);
    out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
}

const DIGITS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Two digits of a number below 100; a server sends no larger one.
fn two(number: u8) -> [u8; 2] {
    let at = usize::from(number.min(99)) * 2;
    [DIGITS[at], DIGITS[at + 1]]
}

fn four(number: u16) -> [u8; 4] {
    let number = number.min(9999);
    let half = |number: u16| two(u8::try_from(number).unwrap_or(99));
    let ([a, b], [c, d]) = (half(number / 100), half(number % 100));
    [a, b, c, d]
}

fn date(year: u16, month: u8, day: u8) -> [u8; 10] {
    let ([a, b, c, d], [e, f], [g, h]) = (four(year), two(month), two(day));
    [a, b, c, d, b'-', e, f, b'-', g, h]
}

fn write_hours(hours: u32, out: &mut Vec<u8>) {
    match u8::try_from(hours) {
        Ok(hours) if hours < 100 => out.extend_from_slice(&two(hours)),
        _ => out.extend_from_slice(itoa::Buffer::new().format(hours).as_bytes()),
    }
}

/// Minutes, seconds, and a fraction of so many digits.
fn write_clock(minute: u8, second: u8, micros: u32, fraction: usize, out: &mut Vec<u8>) {
    let ([a, b], [c, d]) = (two(minute), two(second));
    out.extend_from_slice(&[b':', a, b, b':', c, d]);
    if fraction > 0 {
        let mut digits = [b'0'; 7];
        // Writing seven bytes into seven bytes cannot fail.
        let written = write!(&mut digits[..], ".{micros:06}");
        debug_assert!(written.is_ok());
        out.extend_from_slice(&digits[..=fraction]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: Raw, encoding: ValueEncoding, fraction: usize) -> String {
        let mut out = Vec::new();
        write_value(&value, Format { encoding, fraction, is_unsigned: false }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_written_by_the_type_of_their_column() {
        use ValueEncoding as V;
        assert_eq!(written(Raw::NULL, V::Bytes, 0), "\\N");
        assert_eq!(written(Raw::Bytes(b"a\tb\\c\nd\0e".to_vec()), V::Bytes, 0), "a\\tb\\\\c\\nd\\0e");
        assert_eq!(written(Raw::Int(-5), V::Integer, 0), "-5");
        assert_eq!(written(Raw::Int(0), V::Year, 0), "0000");
        assert_eq!(written(Raw::Date(2021, 2, 31, 0, 0, 0, 0), V::Date, 0), "2021-02-31");
        assert_eq!(written(Raw::Date(0, 0, 0, 0, 0, 0, 0), V::DateTime, 0), "0000-00-00 00:00:00");
        assert_eq!(written(Raw::Date(1, 1, 1, 2, 3, 4, 50), V::DateTime, 5), "0001-01-01 02:03:04.00005");
        assert_eq!(written(Raw::Time(true, 34, 22, 59, 59, 999_999), V::Time, 6), "-838:59:59.999999");
        assert_eq!(written(Raw::Double(0.1), V::Double, 0), "0.1");
        assert_eq!(written(Raw::Double(1090.0), V::Double, 0), "1090");
        assert_eq!(written(Raw::Double(5e-324), V::Double, 0), "5e-324");
        // The shortest FLOAT would be 3.4028235e38, which is more than FLOAT holds when it is read as a double.
        assert_eq!(written(Raw::Float(f32::MAX), V::Float, 0), "3.4028234663852886e+38");
    }

    #[test]
    fn fractions_have_as_many_digits_as_their_type() {
        assert_eq!(fraction("datetime(3)"), 3);
        assert_eq!(fraction("timestamp"), 0);
        assert_eq!(fraction("time(6)"), 6);
    }
}

//! Writes values as SQL literals that every server reads as the same bytes.
//!
//! The bytes of a text are written as they are if the script and the column read them alike. Otherwise they are in
//! hexadecimal, after the name of their character set. Values without a character set are hexadecimal, without a name:
//! a server takes the bytes of a UUID, an IP address, a BIT or a GEOMETRY as it stores them.

use repo_format::database::{Column, ValueEncoding};

/// Character sets whose first 128 characters are ASCII, one byte each, and stand for nothing else.
const LIKE_ASCII: [&str; 4] = ["ascii", "latin", "cp12", "utf8"];
/// Character sets of one byte a character in which every byte is a character.
const ONE_BYTE: [&str; 2] = ["latin", "cp125"];

/// How the values of a column are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// As a number.
    Number,
    /// As a text of digits and signs. A server reads a text exactly, while a number with a dot would be a DECIMAL to it.
    Digits,
    /// A text in this character set.
    Text(String),
    /// Bytes.
    Bytes,
}

impl Form {
    /// That of `column`.
    pub fn of(column: &Column) -> Self {
        use ValueEncoding as V;
        match column.encoding {
            V::Integer | V::Decimal => Form::Number,
            V::Float | V::Double | V::Date | V::DateTime | V::Time | V::Year => Form::Digits,
            V::Bytes => match &column.character_set {
                Some(name) if name != "binary" => Form::Text(name.clone()),
                // MySQL stores it as UTF-8, and says of no character set.
                None if column.column_type.eq_ignore_ascii_case("json") => Form::Text("utf8mb4".to_owned()),
                _ => Form::Bytes,
            },
        }
    }

    /// Appends the literal of `value`; `None`, and nothing appended, if it cannot be a value of such a column.
    pub fn write(&self, value: Option<&[u8]>, out: &mut Vec<u8>) -> Option<()> {
        let Some(value) = value else {
            out.extend_from_slice(b"NULL");
            return Some(());
        };
        match self {
            Form::Number | Form::Digits => {
                let allowed: &[u8] = if *self == Form::Number { b"+-." } else { b"+-.: e" };
                let is_number = value.iter().all(|byte| byte.is_ascii_digit() || allowed.contains(byte));
                // Two hyphens begin a comment.
                if !is_number || value.is_empty() || value.windows(2).any(|two| two == b"--") {
                    return None;
                }
                let quote: &[u8] = if *self == Form::Number { b"" } else { b"'" };
                out.extend_from_slice(quote);
                out.extend_from_slice(value);
                out.extend_from_slice(quote);
            }
            Form::Text(_) | Form::Bytes if value.is_empty() => out.extend_from_slice(b"''"),
            Form::Text(character_set) => write_text(character_set, value, out),
            Form::Bytes => write_hex(value, out),
        }
        Some(())
    }
}

fn write_text(character_set: &str, value: &[u8], out: &mut Vec<u8>) {
    let is = |names: &[&str]| names.iter().any(|name| character_set.starts_with(name));
    let is_utf8 = is(&["utf8"]);
    if is(&LIKE_ASCII) && value.is_ascii() || is_utf8 && std::str::from_utf8(value).is_ok() {
        return write_quoted(value, out);
    }
    // A server refuses a named text that is not well-formed, and stores unnamed bytes as far as it can.
    let is_well_formed = match character_set {
        name if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => !is_utf8 && is_whole(name, value),
        _ => false,
    };
    if is_well_formed {
        out.push(b'_');
        out.extend_from_slice(character_set.as_bytes());
        out.push(b' ');
    }
    write_hex(value, out);
}

/// Whether a text of any other character set than UTF-8 is well-formed, as far as that is easily seen.
fn is_whole(character_set: &str, value: &[u8]) -> bool {
    let pairs = value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    match character_set {
        "ascii" => value.is_ascii(),
        "utf16" => value.len().is_multiple_of(2) && char::decode_utf16(pairs).all(|c| c.is_ok()),
        "utf16le" => {
            let pairs = value.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            value.len().is_multiple_of(2) && char::decode_utf16(pairs).all(|c| c.is_ok())
        }
        "ucs2" => value.len().is_multiple_of(2),
        "utf32" => {
            let number = |four: &[u8]| four.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
            value.len().is_multiple_of(4) && value.chunks_exact(4).all(|four| char::from_u32(number(four)).is_some())
        }
        name => ONE_BYTE.iter().any(|prefix| name.starts_with(prefix)) || !value.is_empty(),
    }
}

/// With the escapes that clients and servers need, and those that keep a line a line.
fn write_quoted(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    for byte in value {
        match byte {
            b'\'' => out.extend_from_slice(b"\\'"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0 => out.extend_from_slice(b"\\0"),
            0x1a => out.extend_from_slice(b"\\Z"),
            byte => out.push(*byte),
        }
    }
    out.push(b'\'');
}

/// `0x…`; not for what is empty.
fn write_hex(value: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(b"0x");
    for byte in value {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form, value: &[u8]) -> Option<String> {
        let mut out = Vec::new();
        form.write(Some(value), &mut out)?;
        Some(String::from_utf8(out).unwrap())
    }

    fn text(character_set: &str, value: &[u8]) -> String {
        written(Form::Text(character_set.to_owned()), value).unwrap()
    }

    #[test]
    fn texts_keep_their_bytes() {
        assert_eq!(text("utf8mb4", "Grün 😀 'x'\n\\".as_bytes()), "'Grün 😀 \\'x\\'\\n\\\\'");
        assert_eq!(text("latin1", b"plain"), "'plain'");
        assert_eq!(text("latin1", b"\x80\xe9"), "_latin1 0x80E9");
        assert_eq!(text("sjis", b"\x83\x5c"), "_sjis 0x835C");
        assert_eq!(text("utf16", b"\0A"), "_utf16 0x0041");
        assert_eq!(text("latin1", b""), "''");
    }

    #[test]
    fn texts_that_are_not_well_formed_are_bytes() {
        assert_eq!(text("utf8mb3", b"a\xff"), "0x61FF");
        assert_eq!(text("utf16", b"\xd8\0"), "0xD800");
        assert_eq!(text("utf32", b"\0\x11\0\0"), "0x00110000");
        assert_eq!(text("ascii", b"\xe9"), "0xE9");
        assert_eq!(text("no name", b"\xe9"), "0xE9");
    }

    #[test]
    fn numbers_are_numbers_and_nothing_else() {
        assert_eq!(written(Form::Number, b"-12.50").unwrap(), "-12.50");
        assert_eq!(written(Form::Digits, b"3.4028234663852886e+38").unwrap(), "'3.4028234663852886e+38'");
        assert_eq!(written(Form::Digits, b"-838:59:59.000001").unwrap(), "'-838:59:59.000001'");
        for wrong in [&b"1); DROP"[..], b"", b"1--", b"1'"] {
            assert_eq!(written(Form::Number, wrong), None);
            assert_eq!(written(Form::Digits, wrong), None);
        }
        let mut out = Vec::new();
        Form::Number.write(None, &mut out).unwrap();
        assert_eq!(out, b"NULL");
    }
}

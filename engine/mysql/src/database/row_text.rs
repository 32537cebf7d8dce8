//! Decodes encoded rows: the reverse of the row encoder (FORMAT.md, section 11.1).

use std::borrow::Cow;

/// A value of a row: its bytes, or `None` for NULL.
pub type Cell<'r> = Option<Cow<'r, [u8]>>;

/// The rows in `text`, without their line feeds. The last row may lack its line feed; then it is incomplete.
pub fn rows(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').map(|row| row.strip_suffix(b"\n").unwrap_or(row))
}

/// The cells of a row without its line feed; `None` if the encoding is invalid. Decodes at most `max` cells. Copies
/// only cells with escapes.
pub fn cells<'r>(row: &'r [u8], max: usize) -> impl Iterator<Item = Option<Cell<'r>>> {
    row.split(|byte| *byte == b'\t').take(max).map(cell)
}

fn cell(text: &[u8]) -> Option<Cell<'_>> {
    if text == b"\\N" {
        return Some(None);
    }
    let Some(first) = text.iter().position(|byte| *byte == b'\\') else { return Some(Some(Cow::Borrowed(text))) };
    let mut plain = Vec::with_capacity(text.len());
    plain.extend_from_slice(&text[..first]);
    let mut bytes = text[first..].iter();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b't' => b'\t',
                b'n' => b'\n',
                b'0' => 0,
                _ => return None,
            },
            byte => byte,
        });
    }
    Some(Some(Cow::Owned(plain)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::database::escape;

    #[test]
    fn cells_are_what_was_encoded() {
        let row = b"1\t\\N\t\ta\\tb\\\\N\\n\\0\t\\\\N";
        let cells: Option<Vec<_>> = cells(row, 9).collect();
        let plain = |bytes: &'static [u8]| Some(Cow::Borrowed(bytes));
        assert_eq!(cells.unwrap(), [plain(b"1"), None, plain(b""), plain(b"a\tb\\N\n\0"), plain(b"\\N")]);
    }

    #[test]
    fn what_no_encoder_writes_is_refused() {
        for row in [&b"\\"[..], b"\\x", b"a\\N", b"\\Nx"] {
            assert!(cells(row, 9).any(|cell| cell.is_none()), "{}", row.escape_ascii());
        }
    }

    #[test]
    fn rows_end_with_line_feeds() {
        assert_eq!(rows(b"a\nb\n").collect::<Vec<_>>(), [b"a", b"b"]);
        assert_eq!(rows(b"\n").collect::<Vec<_>>(), [b""]);
        assert_eq!(rows(b"").count(), 0);
    }

    proptest! {
        #[test]
        fn any_values_come_back(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 1..5)) {
            let mut row = Vec::new();
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    row.push(b'\t');
                }
                escape(value, &mut row);
            }
            prop_assert_eq!(rows(&row).count(), usize::from(!row.is_empty()));
            let back: Option<Vec<_>> = cells(&row, usize::MAX).collect();
            let back: Vec<_> = back.unwrap().into_iter().map(|cell| cell.unwrap().into_owned()).collect();
            prop_assert_eq!(back, values);
        }

        #[test]
        fn any_bytes_are_rows_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            for row in rows(&bytes) {
                let _ = cells(row, 9).count();
            }
        }
    }
}

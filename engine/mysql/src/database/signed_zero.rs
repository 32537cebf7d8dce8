//! Negative zero, which some servers keep and others do not: in SQL both zeros are the same number.

use std::borrow::Cow;

use repo_format::database::{TableRecord, ValueEncoding};

use super::rows;

/// The columns of a table that may hold it.
#[derive(Debug, Clone, Default)]
pub struct SignedZeros {
    /// Their indexes among the values of a row.
    places: Vec<usize>,
}

impl SignedZeros {
    /// The columns of `record` that may hold it.
    pub fn of(record: &TableRecord) -> Self {
        let is_real = |encoding: ValueEncoding| matches!(encoding, ValueEncoding::Float | ValueEncoding::Double);
        let places = record.stored().enumerate().filter(|(_, column)| is_real(column.encoding)).map(|(place, _)| place);
        SignedZeros { places: places.collect() }
    }

    /// Whether there are such columns.
    pub fn are_possible(&self) -> bool {
        !self.places.is_empty()
    }

    /// Encoded rows with 0 in its place, and the number of replacements.
    pub fn removed<'r>(&self, text: &'r [u8]) -> (Cow<'r, [u8]>, u64) {
        if self.places.is_empty() || !text.windows(3).any(|three| matches!(three, b"-0\t" | b"-0\n")) {
            return (Cow::Borrowed(text), 0);
        }
        let (mut plain, mut count) = (Vec::with_capacity(text.len()), 0);
        for row in rows(text) {
            for (place, cell) in row.split(|byte| *byte == b'\t').enumerate() {
                if place > 0 {
                    plain.push(b'\t');
                }
                let is_it = cell == b"-0" && self.places.contains(&place);
                count += u64::from(is_it);
                plain.extend_from_slice(if is_it { b"0" } else { cell });
            }
            plain.push(b'\n');
        }
        (Cow::Owned(plain), count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zeros_of_columns_that_may_hold_it_are_written_otherwise() {
        let zeros = SignedZeros { places: vec![1, 2] };
        let (plain, count) = zeros.removed(b"-0\t-0\t-0\t-0\n1\t-0.5\t-0e1\t\\N\n");
        assert_eq!((&plain[..], count), (&b"-0\t0\t0\t-0\n1\t-0.5\t-0e1\t\\N\n"[..], 2));
        assert!(matches!(zeros.removed(b"-1\t-05\t0\t-0.1\n"), (Cow::Borrowed(_), 0)));
    }
}

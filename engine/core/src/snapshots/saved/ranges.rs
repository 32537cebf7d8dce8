//! Rows of a saved table by ranges of their keys, as receipts name them.

use std::borrow::Cow;
use std::ops::Range;

use repo_format::database::{KeyRange, RowOrder, TableRecord};

use super::keys::{Key, RowKeys};
use crate::error::{Error, ErrorKind, Result};
use crate::tree::SegmentItem;

/// Some of the rows of a table. Memory: the ranges.
pub struct KeyRanges {
    keys: RowKeys,
    /// First and last keys, in ascending order, without overlap.
    ranges: Vec<(Key<'static>, Key<'static>)>,
    shown: String,
}

/// Some encoded rows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RowPiece {
    /// The rows in their encoded form.
    pub text: Vec<u8>,
    /// The number of rows.
    pub rows: u64,
}

impl KeyRanges {
    /// The rows of `table` whose keys are in any of `ranges`, which may be in any order.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if a range does not belong to this table, or the table has no key.
    pub fn new<'k>(table: &TableRecord, ranges: impl IntoIterator<Item = &'k KeyRange>) -> Result<Self> {
        let mut all = KeyRanges { keys: RowKeys::of(table), ranges: Vec::new(), shown: table.name.clone() };
        if table.order == RowOrder::RowBytes {
            return Err(all.damaged("it has no key"));
        }
        let mut parsed = Vec::new();
        for range in ranges {
            let end = |key: &[u8]| all.keys.parse(Cow::Owned(key.to_vec())).map(Key::into_owned);
            let ends = end(&range.first.0).zip(end(&range.last.0)).filter(|(first, last)| first <= last);
            parsed.push(ends.ok_or_else(|| all.damaged("a range of keys does not belong to it"))?);
        }
        parsed.sort();
        for (first, last) in parsed {
            match all.ranges.last_mut() {
                Some(before) if before.1 >= first => before.1 = last.max(before.1.clone()),
                _ => all.ranges.push((first, last)),
            }
        }
        Ok(all)
    }

    /// The number of ranges, after merging those that overlap.
    pub fn count(&self) -> usize {
        self.ranges.len()
    }

    /// The ranges that may have rows in a segment; all if the segment does not state its keys.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if its keys do not belong to the table.
    pub fn within(&self, segment: &SegmentItem) -> Result<Range<usize>> {
        let (Some(low), Some(high)) = (&segment.low, &segment.high) else { return Ok(0..self.ranges.len()) };
        let key = |key: &[u8]| {
            let known = self.keys.parse(Cow::Owned(key.to_vec()));
            known.ok_or_else(|| self.damaged("a segment has keys that do not belong to it"))
        };
        let (low, high) = (key(low)?, key(high)?);
        let from = self.ranges.partition_point(|(_, last)| *last < low);
        let to = self.ranges.partition_point(|(first, _)| *first <= high);
        Ok(from..to.max(from))
    }

    /// The encoded rows of a segment that are in the ranges, in pieces of at most `rows_max` rows.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if a row has no key.
    pub fn rows_of(&self, segment: &[u8], rows_max: u64) -> Result<Vec<RowPiece>> {
        let mut pieces = Vec::<RowPiece>::new();
        for row in segment.split_inclusive(|byte| *byte == b'\n') {
            let key = self.keys.of_row(row.strip_suffix(b"\n").unwrap_or(row));
            if !self.has(&key.ok_or_else(|| self.damaged("a saved row has no key"))?) {
                continue;
            }
            if pieces.last().is_none_or(|piece| piece.rows >= rows_max) {
                pieces.push(RowPiece::default());
            }
            if let Some(piece) = pieces.last_mut() {
                piece.text.extend_from_slice(row);
                piece.rows += 1;
            }
        }
        Ok(pieces)
    }

    fn has(&self, key: &Key<'_>) -> bool {
        let at = self.ranges.partition_point(|(_, last)| last < key);
        self.ranges.get(at).is_some_and(|(first, _)| first <= key)
    }

    fn damaged(&self, why: &str) -> Error {
        Error::new(ErrorKind::Damaged, format!("the table `{}` does not fit its receipt: {why}", self.shown))
    }
}

#[cfg(test)]
mod tests {
    use repo_format::cbor::ByteString;
    use repo_format::database::{Column, ValueEncoding};
    use repo_format::id::Bytes32;

    use super::*;
    use crate::tree::ContentRef;

    fn table(order: RowOrder, key: Vec<u32>) -> TableRecord {
        let column = |generated: bool| Column {
            generated: generated.then_some(true),
            ..Column::new("", "", ValueEncoding::Integer)
        };
        TableRecord {
            name: "t".to_owned(),
            create: ByteString(Vec::new()),
            engine: String::new(),
            columns: vec![column(true), column(false), column(false)],
            key,
            order,
            encoding: 1,
            versioned: None,
            changed: None,
            segment_bits: None,
            kept_digests: None,
        }
    }

    fn range(first: &str, last: &str) -> KeyRange {
        KeyRange { first: ByteString(first.into()), last: ByteString(last.into()) }
    }

    fn segment(keys: Option<(&str, &str)>) -> SegmentItem {
        let (low, high) = keys.map(|(low, high)| (low.into(), high.into())).unzip();
        SegmentItem { len: 1, rows: 1, low, high, digest: Bytes32([0; 32]), content: ContentRef::Direct(Vec::new()) }
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_neighbours_are_left_out() {
        let ranges = [range("10", "12"), range("-5", "2"), range("11", "20")];
        let ranges = KeyRanges::new(&table(RowOrder::Integer, vec![2]), &ranges).unwrap();
        assert_eq!(ranges.count(), 2);
        let rows = b"a\t-6\nb\t-5\nc\t2\nd\t3\ne\t9\nf\t10\ng\t20\nh\t21\n";
        let piece = |text: &[u8], rows| RowPiece { text: text.to_vec(), rows };
        assert_eq!(ranges.rows_of(rows, 9).unwrap(), [piece(b"b\t-5\nc\t2\nf\t10\ng\t20\n", 4)]);
        let pieces = [piece(b"b\t-5\nc\t2\nf\t10\n", 3), piece(b"g\t20\n", 1)];
        assert_eq!(ranges.rows_of(rows, 3).unwrap(), pieces);
        assert_eq!(ranges.within(&segment(Some(("3", "9")))).unwrap(), 1..1);
        assert_eq!(ranges.within(&segment(Some(("2", "10")))).unwrap(), 0..2);
        assert_eq!(ranges.within(&segment(Some(("20", "100")))).unwrap(), 1..2);
        assert_eq!(ranges.within(&segment(None)).unwrap(), 0..2);
    }

    #[test]
    fn keys_of_several_columns_are_compared_as_bytes() {
        let ranges = KeyRanges::new(&table(RowOrder::KeyBytes, vec![2, 1]), &[range("a\t10", "a\t9")]).unwrap();
        let rows = b"1\ta\n10\ta\n9\ta\n9\tb\n";
        let piece = RowPiece { text: b"10\ta\n9\ta\n".to_vec(), rows: 2 };
        assert_eq!(ranges.rows_of(rows, 9).unwrap(), [piece]);
    }

    #[test]
    fn what_does_not_fit_the_table_is_damage() {
        let numbers = table(RowOrder::Integer, vec![1]);
        for wrong in [range("a", "b"), range("2", "1"), range("", "1")] {
            assert_eq!(KeyRanges::new(&numbers, [&wrong]).err().unwrap().kind(), ErrorKind::Damaged);
        }
        assert!(KeyRanges::new(&table(RowOrder::RowBytes, vec![]), []).is_err());
        let ranges = KeyRanges::new(&numbers, &[range("1", "2")]).unwrap();
        assert!(ranges.rows_of(b"x\ty\n", 9).is_err());
        assert!(ranges.within(&segment(Some(("x", "y")))).is_err());
    }
}

//! The rows of a saved table by their key, with which live rows are compared.

use std::collections::{HashMap, VecDeque};

use repo_format::database::TableRecord;

use crate::database::rows;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::pack::ChunkReader;
use engine_core::snapshots::saved::{SavedTable, read_segment};
use engine_core::tree::SegmentItem;

/// Bytes of segments that are kept at hand: enough that rows of a child table, which lie nearly in the order of their parents, are
/// read once.
const KEPT_BYTES: usize = 32 << 20;

/// A number by which rows are ordered: any integer column.
pub(in crate::purge) type Key = i128;

/// A digest that differs if any byte of a row differs.
pub(in crate::purge) type Digest = [u8; 32];

/// The digest of an encoded row.
pub(in crate::purge) fn digest(row: &[u8]) -> Digest {
    *blake3::hash(row).as_bytes()
}

/// A table of a snapshot whose rows are ordered by one integer column.
pub(in crate::purge) struct SavedRows<'r> {
    reader: &'r ChunkReader<'r>,
    segments: Vec<KeyedSegment>,
    key_place: usize,
    /// Segments that were used last, the newest first.
    kept: VecDeque<(usize, SegmentRows)>,
    shown: String,
}

struct KeyedSegment {
    low: Key,
    high: Key,
    item: SegmentItem,
}

/// The rows of one segment, in order of their keys.
struct SegmentRows {
    text: Vec<u8>,
    /// The key of each row, and where it begins.
    rows: Vec<(Key, usize)>,
}

impl<'r> SavedRows<'r> {
    /// Reads the list of segments, not yet their rows.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if they are not in order, or have no keys.
    pub fn open(reader: &'r ChunkReader<'r>, table: &SavedTable, shown: String) -> Result<Self> {
        let mut segments: Vec<KeyedSegment> = Vec::new();
        for item in table.segments(reader)? {
            let item = item?;
            let end = |key: &Option<Vec<u8>>| key.as_deref().and_then(parse_key);
            let keys = end(&item.low).zip(end(&item.high)).filter(|(low, high)| low <= high);
            let (low, high) = keys.ok_or_else(|| damaged(&shown, "has a segment without keys"))?;
            if segments.last().is_some_and(|last| last.high >= low) {
                return Err(damaged(&shown, "has segments that are not in order"));
            }
            segments.push(KeyedSegment { low, high, item });
        }
        let key_place = key_place(&table.record).ok_or_else(|| damaged(&shown, "has no key"))?;
        Ok(SavedRows { reader, segments, key_place, kept: VecDeque::new(), shown })
    }

    /// The highest key of each segment, in order.
    pub fn ends(&self) -> Vec<Key> {
        self.segments.iter().map(|segment| segment.high).collect()
    }

    /// The encoded row of this key, with its line feed.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if its segment cannot be read.
    pub fn row(&mut self, key: Key) -> Result<Option<&[u8]>> {
        let at = self.segments.partition_point(|segment| segment.high < key);
        match self.segments.get(at) {
            Some(segment) if segment.low <= key => {}
            _ => return Ok(None),
        }
        self.fetch(at)?;
        Ok(self.kept.front().and_then(|(_, rows)| rows.row(key)))
    }

    /// Digests of the rows that have these keys, in the order of the keys so that each segment is read once; as many as have `bytes_max`
    /// bytes together, but one at least. Gives the last key that was looked for, too.
    ///
    /// # Errors
    /// As [`SavedRows::row`].
    pub fn digests(&mut self, mut keys: Vec<Key>, bytes_max: u64) -> Result<(HashMap<Key, Digest>, Option<Key>)> {
        keys.sort_unstable();
        let (mut digests, mut bytes, mut last) = (HashMap::with_capacity(keys.len()), 0, None);
        for key in keys {
            if let Some(row) = self.row(key)? {
                bytes += row.len() as u64;
                if bytes > bytes_max && last.is_some() {
                    break;
                }
                digests.insert(key, digest(row));
            }
            last = Some(key);
        }
        Ok((digests, last))
    }

    /// Brings the segment `at` to the front of those that are kept.
    fn fetch(&mut self, at: usize) -> Result<()> {
        if let Some(place) = self.kept.iter().position(|(kept, _)| *kept == at) {
            if let Some(found) = self.kept.remove(place) {
                self.kept.push_front(found);
            }
            return Ok(());
        }
        let KeyedSegment { low, high, item } = &self.segments[at];
        let text = read_segment(self.reader, item).map_err(|e| e.context(format!("cannot read {}", self.shown)))?;
        let rows = SegmentRows::parse(text, self.key_place);
        let fits = |rows: &SegmentRows| {
            let ends = rows.rows.first().zip(rows.rows.last());
            ends.is_some_and(|(first, last)| first.0 == *low && last.0 == *high) && rows.rows.len() as u64 == item.rows
        };
        let rows =
            rows.filter(fits).ok_or_else(|| damaged(&self.shown, "has a segment with other rows than it says"))?;
        self.kept.push_front((at, rows));
        let mut bytes = 0;
        // The first one stays however large it is.
        let fit = self.kept.iter().take_while(|(_, rows)| {
            bytes += rows.text.len();
            bytes <= KEPT_BYTES
        });
        let fit = fit.count().max(1);
        self.kept.truncate(fit);
        Ok(())
    }
}

impl SegmentRows {
    /// Takes the rows of `text` apart; `None` if they are not in the order of their keys.
    fn parse(text: Vec<u8>, key_place: usize) -> Option<Self> {
        let mut found: Vec<(Key, usize)> = Vec::new();
        let mut start = 0;
        for row in rows(&text) {
            let key = parse_key(row.split(|byte| *byte == b'\t').nth(key_place)?)?;
            if found.last().is_some_and(|(last, _)| *last >= key) {
                return None;
            }
            found.push((key, start));
            start += row.len() + 1;
        }
        (start == text.len()).then_some(SegmentRows { text, rows: found })
    }

    fn row(&self, key: Key) -> Option<&[u8]> {
        let at = self.rows.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        let end = self.rows.get(at + 1).map_or(self.text.len(), |(_, start)| *start);
        Some(&self.text[self.rows[at].1..end])
    }
}

/// Reads an encoded key of one integer column: none is larger than an unsigned BIGINT.
pub(in crate::purge) fn parse_key(text: &[u8]) -> Option<Key> {
    let key = std::str::from_utf8(text).ok()?.parse().ok()?;
    (Key::from(i64::MIN)..=Key::from(u64::MAX)).contains(&key).then_some(key)
}

/// The place of the key's only column among the values of a row.
pub(super) fn key_place(table: &TableRecord) -> Option<usize> {
    let [key] = table.key[..] else { return None };
    let name = &table.columns.get(key as usize)?.name;
    table.stored().position(|column| column.name == *name)
}

fn damaged(shown: &str, why: &str) -> Error {
    Error::new(ErrorKind::Damaged, format!("{shown} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_by_its_key_wherever_the_key_stands() {
        let rows = SegmentRows::parse(b"a\t-3\nb\\tc\t5\n\t70\n".to_vec(), 1).unwrap();
        assert_eq!(rows.row(-3).unwrap(), b"a\t-3\n");
        assert_eq!(rows.row(5).unwrap(), b"b\\tc\t5\n");
        assert_eq!(rows.row(70).unwrap(), b"\t70\n");
        assert!(rows.row(4).is_none() && rows.row(71).is_none());
    }

    #[test]
    fn rows_out_of_order_or_without_an_end_are_refused() {
        for text in [&b"2\n1\n"[..], b"1\n1\n", b"1\n2", b"x\n", b"\\N\n"] {
            assert!(SegmentRows::parse(text.to_vec(), 0).is_none(), "{}", text.escape_ascii());
        }
        assert!(SegmentRows::parse(b"1\n".to_vec(), 1).is_none());
    }
}

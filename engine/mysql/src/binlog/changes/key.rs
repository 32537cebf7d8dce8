//! Integer keys of rows, as the log, the repository and SQL have them, and in their order.

use repo_format::database::{RowOrder, TableRecord};

use crate::binlog::event::TableMap;
use crate::database::is_unsigned;

/// Highest bit: signed numbers sort as unsigned ones when it is turned.
const SIGN: u64 = 1 << 63;
/// Numbers of the types of whole numbers: TINY, SHORT, LONG, LONGLONG, INT24.
const WHOLE_NUMBERS: [u8; 5] = [1, 2, 3, 8, 9];

/// The integer column that a table's rows are ordered by.
///
/// Its values are told by their ranks, which are in the order of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntegerKey {
    /// Place among all columns of the table.
    column: usize,
    /// How many columns the table has.
    columns: usize,
    is_unsigned: bool,
}

impl IntegerKey {
    /// The key of a table; `None` if its rows are ordered in another way.
    pub fn of(table: &TableRecord) -> Option<Self> {
        let column = *table.key.first().filter(|_| table.order == RowOrder::Integer)? as usize;
        let is_unsigned = is_unsigned(table.columns.get(column)?);
        Some(IntegerKey { column, columns: table.columns.len(), is_unsigned })
    }

    /// Its place among the columns of `map`; `None` if that is another table.
    pub(super) fn place_in(&self, map: &TableMap) -> Option<usize> {
        let column = map.columns.get(self.column).filter(|_| map.columns.len() == self.columns)?;
        WHOLE_NUMBERS.contains(&column.number).then_some(self.column)
    }

    /// The rank of a value in the log: a little-endian number.
    pub(super) fn rank_of_image(&self, value: &[u8]) -> Option<u64> {
        let last = *value.last().filter(|_| value.len() <= 8)?;
        let fill = if !self.is_unsigned && last & 0x80 != 0 { 0xff } else { 0 };
        let mut bytes = [fill; 8];
        bytes[..value.len()].copy_from_slice(value);
        Some(self.rank(u64::from_le_bytes(bytes)))
    }

    /// The rank of an encoded value.
    pub fn rank_of_text(&self, text: &[u8]) -> Option<u64> {
        let text = std::str::from_utf8(text).ok()?;
        let bits = if self.is_unsigned { text.parse().ok()? } else { text.parse::<i64>().ok()?.cast_unsigned() };
        Some(self.rank(bits))
    }

    /// The value of this rank, in SQL.
    pub fn sql(&self, rank: u64) -> String {
        if self.is_unsigned { rank.to_string() } else { (rank ^ SIGN).cast_signed().to_string() }
    }

    fn rank(&self, bits: u64) -> u64 {
        if self.is_unsigned { bits } else { bits ^ SIGN }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(is_unsigned: bool) -> IntegerKey {
        IntegerKey { column: 0, columns: 1, is_unsigned }
    }

    proptest! {
        #[test]
        fn signed_keys_are_the_same_everywhere_and_in_order(a: i64, b: i32) {
            let key = key(false);
            let rank = |number: i64| key.rank_of_text(number.to_string().as_bytes()).unwrap();
            prop_assert_eq!(key.rank_of_image(&a.to_le_bytes()), Some(rank(a)));
            prop_assert_eq!(key.rank_of_image(&b.to_le_bytes()), Some(rank(b.into())));
            prop_assert_eq!(key.sql(rank(a)), a.to_string());
            prop_assert_eq!(rank(a) < rank(b.into()), a < b.into());
        }

        #[test]
        fn unsigned_keys_are_the_same_everywhere(a: u64, b: u16) {
            let key = key(true);
            prop_assert_eq!(key.rank_of_text(a.to_string().as_bytes()), Some(a));
            prop_assert_eq!(key.rank_of_image(&a.to_le_bytes()), Some(a));
            prop_assert_eq!(key.rank_of_image(&b.to_le_bytes()), Some(b.into()));
            prop_assert_eq!(key.sql(a), a.to_string());
        }
    }

    #[test]
    fn a_medium_integer_keeps_its_sign() {
        assert_eq!(key(false).rank_of_image(&[0xff, 0xff, 0xff]), key(false).rank_of_text(b"-1"));
        assert_eq!(key(true).rank_of_image(&[0xff, 0xff, 0xff]), Some(0x00ff_ffff));
        assert_eq!(key(true).rank_of_image(&[]), None);
        assert_eq!(key(true).rank_of_text(b"-1"), None);
    }
}

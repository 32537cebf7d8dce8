//! The keys of encoded rows, in the order of their table.

use std::borrow::Cow;

use repo_format::database::{RowOrder, TableRecord};

/// Finds the keys of the rows of a table.
pub struct RowKeys {
    order: RowOrder,
    /// The places of the key columns among the values of a row.
    places: Vec<usize>,
}

/// A key in the order of its table. All keys of a table have the same variant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key<'k> {
    /// An integer.
    Number(i128),
    /// Encoded values, or the whole row of a table without a key.
    Bytes(Cow<'k, [u8]>),
}

impl Key<'_> {
    /// The key, apart from the row that it was found in.
    pub fn into_owned(self) -> Key<'static> {
        match self {
            Key::Number(number) => Key::Number(number),
            Key::Bytes(bytes) => Key::Bytes(Cow::Owned(bytes.into_owned())),
        }
    }
}

impl RowKeys {
    /// The keys of `table`.
    pub fn of(table: &TableRecord) -> Self {
        let stored: Vec<_> = (0..table.columns.len()).filter(|at| table.columns[*at].generated != Some(true)).collect();
        let places = table.key.iter().filter_map(|place| stored.iter().position(|at| *at == *place as usize)).collect();
        RowKeys { order: table.order, places }
    }

    /// The key that `text` encodes; `None` if it is none of this table.
    pub fn parse<'k>(&self, text: Cow<'k, [u8]>) -> Option<Key<'k>> {
        match self.order {
            RowOrder::Integer => std::str::from_utf8(&text).ok()?.parse().ok().map(Key::Number),
            _ => Some(Key::Bytes(text)),
        }
    }

    /// The key of an encoded row, which is without its line feed; `None` if it has none.
    pub fn of_row<'k>(&self, row: &'k [u8]) -> Option<Key<'k>> {
        if self.order == RowOrder::RowBytes {
            return Some(Key::Bytes(Cow::Borrowed(row)));
        }
        if let [place] = self.places[..] {
            return self.parse(Cow::Borrowed(row.split(|byte| *byte == b'\t').nth(place)?));
        }
        let fields: Vec<&[u8]> = row.split(|byte| *byte == b'\t').collect();
        let key: Option<Vec<&[u8]>> = self.places.iter().map(|place| fields.get(*place).copied()).collect();
        self.parse(Cow::Owned(key?.join(&b'\t')))
    }
}

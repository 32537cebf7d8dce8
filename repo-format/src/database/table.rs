//! The record of a table: its columns, and how its rows are encoded and ordered.

use minicbor::{Decode, Encode};

use crate::cbor::ByteString;
use crate::error::{FormatError, Result, check_limit};
use crate::id::Bytes32;
use crate::limits;

pub(super) const WHAT: &str = "table record";

/// Encoding of rows that this version writes: see [`TableRecord::encoding`].
pub const ROW_ENCODING: u32 = 1;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TableRecord {
    /// Name, as the server has it.
    #[n(0)]
    pub name: String,
    /// The output of SHOW CREATE TABLE.
    #[n(1)]
    pub create: ByteString,
    /// Storage engine, such as `InnoDB`.
    #[n(2)]
    pub engine: String,
    /// All columns in their order, generated ones included.
    #[n(3)]
    pub columns: Vec<Column>,
    /// Places in `columns` of the key by which rows are ordered; empty: there is none.
    #[n(4)]
    pub key: Vec<u32>,
    /// How rows are ordered.
    #[n(5)]
    pub order: RowOrder,
    /// How rows are encoded: [`ROW_ENCODING`].
    #[n(6)]
    pub encoding: u32,
    /// Whether it keeps history (`WITH SYSTEM VERSIONING`), which is among the rows.
    #[n(7)]
    pub versioned: Option<bool>,
    /// When the server last changed it, in seconds since 1970 by the server's clock; only for engines without transactions.
    #[n(8)]
    pub changed: Option<i64>,
    /// How many low bits of a key's hash are 0 where a segment begins. Snapshots pass it on, so that boundaries stay.
    #[n(9)]
    pub segment_bits: Option<u32>,
    /// Digests of the values that the server keeps of generated columns: one for each of [`TableRecord::kept`].
    #[n(10)]
    pub kept_digests: Option<Vec<Bytes32>>,
}

/// The order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum RowOrder {
    /// By the key, a single integer column, as numbers.
    #[n(1)]
    Integer,
    /// By the bytes of the encoded key.
    #[n(2)]
    KeyBytes,
    /// By the bytes of the encoded row; there is no key.
    #[n(3)]
    RowBytes,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Column {
    /// Name, as the server has it.
    #[n(0)]
    pub name: String,
    /// Its type as COLUMN_TYPE says it.
    #[n(1)]
    pub column_type: String,
    /// How its values are encoded.
    #[n(2)]
    pub encoding: ValueEncoding,
    /// Its character set, if it has one.
    #[n(3)]
    pub character_set: Option<String>,
    /// The expression that was selected, if it is not the column itself.
    #[n(4)]
    pub select: Option<String>,
    /// The expression that stores the value `@v`, if it is not stored as it is.
    #[n(5)]
    pub load: Option<String>,
    /// It is generated, and has no values among the rows.
    #[n(6)]
    pub generated: Option<bool>,
    /// It is AUTO_INCREMENT.
    #[n(7)]
    pub auto_increment: Option<bool>,
    /// It is generated, and the server keeps its values.
    #[n(8)]
    pub kept: Option<bool>,
}

impl Column {
    /// A column whose values are selected and stored as they are.
    pub fn new(name: &str, column_type: &str, encoding: ValueEncoding) -> Self {
        Column {
            name: name.to_owned(),
            column_type: column_type.to_owned(),
            encoding,
            character_set: None,
            select: None,
            load: None,
            generated: None,
            auto_increment: None,
            kept: None,
        }
    }
}

/// How a value becomes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum ValueEncoding {
    /// An integer in decimal; also ENUM and SET, by their numbers.
    #[n(1)]
    Integer,
    /// FLOAT: the shortest decimal that a double of the same value reads as.
    #[n(2)]
    Float,
    /// DOUBLE: the shortest decimal that reads as the same value.
    #[n(3)]
    Double,
    /// DECIMAL: as the server writes it.
    #[n(4)]
    Decimal,
    /// The bytes as the server stores them: texts in the column's own character set.
    #[n(5)]
    Bytes,
    /// `YYYY-MM-DD`.
    #[n(6)]
    Date,
    /// `YYYY-MM-DD hh:mm:ss`, with as many digits of a fraction as the column has; TIMESTAMP in UTC.
    #[n(7)]
    DateTime,
    /// `[-]hhh:mm:ss`, likewise.
    #[n(8)]
    Time,
    /// `YYYY`.
    #[n(9)]
    Year,
}

impl TableRecord {
    /// The columns that have values among the rows, in the order of those values.
    pub fn stored(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.generated != Some(true))
    }

    /// The generated columns whose values the server keeps.
    pub fn kept(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.generated == Some(true) && column.kept == Some(true))
    }

    /// A reader of rows trusts the key and the order. It would read wrong values from rows in another encoding.
    pub(super) fn check(&self) -> Result<()> {
        if self.encoding != ROW_ENCODING {
            return Err(FormatError::Unknown { what: WHAT, field: "row encoding", value: self.encoding.into() });
        }
        check_limit(WHAT, "columns", self.columns.len() as u64, limits::COLUMNS_COUNT)?;
        self.check_key()?;
        if self.kept_digests.as_ref().is_some_and(|digests| digests.len() != self.kept().count()) {
            return Err(FormatError::invalid(WHAT, "it has more or fewer digests than columns whose values are kept"));
        }
        let is_integer = |at: &u32| {
            let column = self.columns.get(*at as usize);
            column.is_some_and(|column| column.encoding == ValueEncoding::Integer && column.select.is_none())
        };
        let fits = match (self.order, &self.key[..]) {
            (RowOrder::Integer, [one]) => is_integer(one),
            (RowOrder::Integer, _) => false,
            (RowOrder::KeyBytes, key) => !key.is_empty(),
            (RowOrder::RowBytes, key) => key.is_empty(),
        };
        if fits { Ok(()) } else { Err(FormatError::invalid(WHAT, "its key does not fit the order of its rows")) }
    }

    fn check_key(&self) -> Result<()> {
        let mut places = self.key.clone();
        places.sort_unstable();
        let is_stored = |at: &u32| {
            let column = self.columns.get(*at as usize);
            column.is_some_and(|column| column.generated != Some(true))
        };
        if places.is_sorted_by(|a, b| a < b) && places.iter().all(is_stored) {
            Ok(())
        } else {
            Err(FormatError::invalid(WHAT, "its key names a column twice, or one without values"))
        }
    }
}

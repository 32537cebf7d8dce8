//! The table that the rows behind are of.

use super::column::Column;
use super::{Cursor, Malformed};

/// The most columns that a server lets a table have.
const COLUMNS_MAX: usize = 4096;

/// A table as its rows are logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableMap {
    /// Stands for it in the rows behind.
    pub table_id: u64,
    /// Name of its schema.
    pub schema: String,
    /// Its name.
    pub table: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
}

/// A table as its rows name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedName {
    /// Stands for it in the rows behind.
    pub table_id: u64,
    /// Name of its schema.
    pub schema: Vec<u8>,
    /// Its name.
    pub table: Vec<u8>,
}

impl MappedName {
    /// The name in the body of a [`TableMap`], whatever columns it has.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        let table_id = cursor.number(6)?;
        cursor.u16()?;
        Ok(MappedName { table_id, schema: cursor.short_text()?.to_vec(), table: cursor.short_text()?.to_vec() })
    }
}

impl TableMap {
    /// The table of this body.
    ///
    /// # Errors
    /// [`Malformed`]; also if it has a column of a type that is not known.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        let table_id = cursor.number(6)?;
        cursor.u16()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (schema, table) = (text(cursor.short_text()?), text(cursor.short_text()?));
        let count = cursor.packed_len()?;
        if count > COLUMNS_MAX {
            return Err(Malformed("a table has more than 4,096 columns"));
        }
        let types = cursor.take(count)?;
        let described = cursor.packed_len()?;
        let mut details = Cursor::new(cursor.take(described)?);
        let columns = types.iter().map(|of| Column::read(*of, &mut details)).collect::<Result<_, _>>()?;
        Ok(TableMap { table_id, schema, table, columns })
    }
}

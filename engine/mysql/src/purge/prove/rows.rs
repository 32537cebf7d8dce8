//! Rows as a server gives them.

use crate::database::{Connection, RowKey, Value};
use crate::purge::job::Member;
use crate::purge::tables::{Key, parse_key};
use engine_core::error::{Error, ErrorKind, Result};

/// A live row as a segment would have it.
pub(in crate::purge) struct EncodedRow {
    pub key: Key,
    pub text: Vec<u8>,
}

impl Member<'_> {
    /// Encodes a row as a backup does.
    pub fn encode(&mut self, values: &[Option<Value>]) -> Result<EncodedRow> {
        let (mut text, mut key) = (Vec::new(), RowKey::default());
        self.encoder.encode(values, &mut text, &mut key)?;
        let key = parse_key(&key.text).ok_or_else(|| no_number(&self.table.key))?;
        Ok(EncodedRow { key, text })
    }
}

/// The highest key that is in the table now.
pub(super) fn highest(connection: &mut Connection, member: &Member<'_>) -> Result<Option<Key>> {
    let value = connection.value(&format!("SELECT MAX({}) FROM {}", member.table.key, member.table.full_name))?;
    Ok(value.and_then(|text| parse_key(text.as_bytes())))
}

/// Calls `each` with the values of each row that `sql` gives.
pub(in crate::purge) fn each_row(
    connection: &mut Connection,
    sql: &str,
    each: &mut dyn FnMut(&[Option<Value>]) -> Result<()>,
) -> Result<()> {
    let mut rows = connection.stream(sql)?;
    while let Some(row) = rows.next_row(&|| "cannot read rows that are to be removed".to_owned()) {
        each(&row?)?;
    }
    Ok(())
}

/// Whether an expression holds. NULL is no truth: the row stays.
pub(super) fn is_true(value: &Option<Value>) -> bool {
    value.as_ref().is_some_and(Value::is_true)
}

pub(super) fn no_number(column: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("the column {column} holds no whole numbers"))
}

pub(super) fn too_few() -> Error {
    Error::new(ErrorKind::Database, "the server gives fewer columns than it was asked for")
}

//! Rows: which table they are of, and how many there are.

use super::{Cursor, Header, Kind, Malformed, TableMap};

/// The last rows of a statement.
const STATEMENT_ENDS: u16 = 0x1;
/// An update's new values name JSON columns of which only a part is logged.
const PARTIAL_JSON: u64 = 1;

/// The fixed part of an event with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowsHeader<'r> {
    /// The table, by the number that its [`TableMap`] has.
    pub table_id: u64,
    /// Whether the statement ends with it.
    pub ends_statement: bool,
    /// The kind of change.
    pub change: Change,
    /// Bits: the columns whose old values are logged (of an insert: whose values are logged).
    pub before: &'r [u8],
    /// Bits: the columns whose new values are logged, of an update.
    pub after: &'r [u8],
    /// The rows, as they are logged.
    pub rows: &'r [u8],
    is_partial: bool,
}

/// The kinds of changes to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// They are added.
    Insert,
    /// They are changed: each stands twice.
    Update,
    /// They are removed.
    Delete,
}

/// How many rows are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowCounts {
    /// Rows added.
    pub inserted: u64,
    /// Rows changed.
    pub updated: u64,
    /// Rows removed.
    pub deleted: u64,
}

/// One changed row, as it was and as it became: its bytes in the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Images<'r> {
    /// The old values, or those of an insert.
    pub before: &'r [u8],
    /// The new values of an update; else empty.
    pub after: &'r [u8],
}

impl<'r> RowsHeader<'r> {
    /// The fixed part of this body; `None` if the event has no rows, or has them compressed.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(header: &Header, body: &'r [u8]) -> Result<Option<Self>, Malformed> {
        let (change, has_extra) = match header.kind {
            Kind::WRITE_ROWS_V1 => (Change::Insert, false),
            Kind::UPDATE_ROWS_V1 => (Change::Update, false),
            Kind::DELETE_ROWS_V1 => (Change::Delete, false),
            Kind::WRITE_ROWS => (Change::Insert, true),
            Kind::UPDATE_ROWS | Kind::PARTIAL_UPDATE_ROWS => (Change::Update, true),
            Kind::DELETE_ROWS => (Change::Delete, true),
            _ => return Ok(None),
        };
        let mut cursor = Cursor::new(body);
        let (table_id, flags) = (cursor.number(6)?, cursor.u16()?);
        if has_extra {
            // The length counts itself.
            let extra = usize::from(cursor.u16()?).checked_sub(2);
            cursor.take(extra.ok_or(Malformed("rows have an impossible length"))?)?;
        }
        let bits = cursor.packed_len()?.div_ceil(8);
        let before = cursor.take(bits)?;
        let after = if change == Change::Update { cursor.take(bits)? } else { &[] };
        Ok(Some(RowsHeader {
            table_id,
            ends_statement: flags & STATEMENT_ENDS != 0,
            change,
            before,
            after,
            rows: cursor.rest(),
            is_partial: header.kind == Kind::PARTIAL_UPDATE_ROWS,
        }))
    }

    /// Counts the rows.
    ///
    /// # Errors
    /// [`Malformed`] if they are not rows of `table`.
    pub fn count(&self, table: &TableMap) -> Result<RowCounts, Malformed> {
        let (mut cursor, mut rows) = (Cursor::new(self.rows), 0);
        while !cursor.is_empty() {
            self.next_row(table, &mut cursor, &mut |_, _, _| {})?;
            rows += 1;
        }
        Ok(match self.change {
            Change::Insert => RowCounts { inserted: rows, ..RowCounts::default() },
            Change::Update => RowCounts { updated: rows, ..RowCounts::default() },
            Change::Delete => RowCounts { deleted: rows, ..RowCounts::default() },
        })
    }

    /// The rows, each as it was and became.
    ///
    /// # Errors
    /// [`Malformed`] if they are not rows of `table`, or only parts of values are logged.
    pub fn images(&self, table: &TableMap) -> Result<Vec<Images<'r>>, Malformed> {
        if self.is_partial {
            return Err(Malformed("only parts of values are logged"));
        }
        let (mut cursor, mut images) = (Cursor::new(self.rows), Vec::new());
        while !cursor.is_empty() {
            let whole = cursor.rest();
            image(table, self.before, &mut cursor, &mut |_, _| {})?;
            let old = whole.len() - cursor.rest().len();
            if self.change == Change::Update {
                image(table, self.after, &mut cursor, &mut |_, _| {})?;
            }
            let both = whole.len() - cursor.rest().len();
            if both == 0 {
                return Err(Malformed("a row takes no bytes"));
            }
            images.push(Images { before: &whole[..old], after: &whole[old..both] });
        }
        Ok(images)
    }

    /// Calls `each` with every value of the column at `place` that is logged, old or new; none for NULL. Gives whether all old values are logged: a
    /// new one that is not is as the old one was.
    ///
    /// # Errors
    /// [`Malformed`] if they are not rows of `table`.
    pub fn values(
        &self,
        table: &TableMap,
        place: usize,
        each: &mut dyn FnMut(Option<&'r [u8]>),
    ) -> Result<bool, Malformed> {
        let mut cursor = Cursor::new(self.rows);
        while !cursor.is_empty() {
            self.next_row(table, &mut cursor, &mut |_, at, value| {
                if at == place {
                    each(value);
                }
            })?;
        }
        Ok(has(self.before, place))
    }

    /// Whether all columns of all rows are logged, old values and new ones.
    pub fn is_full(&self, table: &TableMap) -> bool {
        let all = |bits: &[u8]| (0..table.columns.len()).all(|at| has(bits, at));
        all(self.before) && (self.change != Change::Update || all(self.after))
    }

    /// Takes one row; `seen` gets whether the value is a new one of an update, the column's place, and the value (none for NULL).
    fn next_row(
        &self,
        table: &TableMap,
        cursor: &mut Cursor<'r>,
        seen: &mut dyn FnMut(bool, usize, Option<&'r [u8]>),
    ) -> Result<(), Malformed> {
        let start = cursor.rest().len();
        image(table, self.before, cursor, &mut |at, value| seen(false, at, value))?;
        if self.change == Change::Update {
            if self.is_partial && cursor.packed()? & PARTIAL_JSON != 0 {
                let json = table.columns.iter().filter(|column| column.is_json).count();
                cursor.take(json.div_ceil(8))?;
            }
            image(table, self.after, cursor, &mut |at, value| seen(true, at, value))?;
        }
        if cursor.rest().len() == start {
            return Err(Malformed("a row takes no bytes"));
        }
        Ok(())
    }
}

/// Whether a bit is set.
fn has(bits: &[u8], at: usize) -> bool {
    bits.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
}

/// Takes the values of one row that are logged.
fn image<'r>(
    table: &TableMap,
    logged: &[u8],
    cursor: &mut Cursor<'r>,
    seen: &mut dyn FnMut(usize, Option<&'r [u8]>),
) -> Result<(), Malformed> {
    if logged.len() != table.columns.len().div_ceil(8) {
        return Err(Malformed("rows have other columns than their table"));
    }
    let columns = || table.columns.iter().enumerate().filter(|(at, _)| has(logged, *at));
    let nulls = cursor.take(columns().count().div_ceil(8))?;
    for (nth, (at, column)) in columns().enumerate() {
        let value = if has(nulls, nth) { None } else { Some(column.take(cursor)?) };
        seen(at, value);
    }
    Ok(())
}

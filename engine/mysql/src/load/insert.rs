//! Rows into a table by INSERT, where the server does not allow LOAD DATA LOCAL: the same values, as literals.

use repo_format::database::{Column, TableRecord, ValueEncoding};

use super::batch::{Batch, Stored, with_value};
use super::warnings::Warnings;
use crate::database::{Connection, is_of_value, quote_bytes, quote_name};
use engine_core::error::{Error, ErrorKind, Result};

/// Bytes of one statement: enough rows that the way to the server does not matter.
const STATEMENT_BYTES: usize = 1 << 20;
/// The largest statement as long as the server does not say otherwise.
const PACKET_DEFAULT: usize = 1 << 20;

/// Rows of one batch that the server may refuse, one by one: where there are more, it is the table that is wrong.
const REFUSED_MAX: u64 = 1000;

/// Stores the rows of `batch` in `table`, a full quoted name, as LOAD DATA LOCAL does: a row that the server refuses is left out, and
/// named among the warnings.
///
/// # Errors
/// If the server does not store them, a row is larger than `max_allowed_packet`, or the rows are not encoded as `record` says.
pub fn store(connection: &mut Connection, table: &str, record: &TableRecord, batch: &Batch) -> Result<Stored> {
    let packet = connection.value("SELECT @@max_allowed_packet")?.and_then(|n| n.parse().ok());
    let columns: Vec<&Column> = record.stored().collect();
    let names: Vec<String> = columns.iter().map(|column| quote_name(&column.name)).collect();
    let mut statement = Statement {
        connection,
        record,
        head: format!("INSERT IGNORE INTO {table} ({}) VALUES ", names.join(", ")),
        rows: String::new(),
        starts: Vec::new(),
        stored: Stored::default(),
        refused: 0,
        packet: packet.unwrap_or(PACKET_DEFAULT),
    };
    for piece in batch.pieces.iter() {
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let row = literals(line, &columns).ok_or_else(|| {
                Error::new(ErrorKind::Damaged, format!("a row of {table} in the snapshot is not encoded as it says"))
            })?;
            statement.add(&row, table)?;
        }
    }
    statement.run()?;
    Ok(statement.stored)
}

/// Rows that wait for their statement.
struct Statement<'c> {
    connection: &'c mut Connection,
    record: &'c TableRecord,
    head: String,
    /// The rows, with [`BETWEEN`] between,
    rows: String,
    /// and where each begins.
    starts: Vec<usize>,
    stored: Stored,
    refused: u64,
    packet: usize,
}

/// The separator of two rows.
const BETWEEN: &str = ", ";

impl Statement<'_> {
    fn add(&mut self, row: &str, table: &str) -> Result<()> {
        let max = STATEMENT_BYTES.min(self.packet.saturating_sub(1));
        let len = self.head.len() + self.rows.len() + BETWEEN.len() + row.len();
        if !self.starts.is_empty() && len > max {
            self.run()?;
        }
        if self.head.len() + row.len() + 1 > self.packet {
            let what = format!("a row of {table} takes a statement of {} bytes", self.head.len() + row.len());
            let why = format!(
                "the server's max_allowed_packet is {}: raise it, or set local_infile=ON, which knows no such limit",
                self.packet
            );
            return Err(Error::new(ErrorKind::Database, format!("{what}; {why}")));
        }
        if !self.starts.is_empty() {
            self.rows.push_str(BETWEEN);
        }
        self.starts.push(self.rows.len());
        self.rows.push_str(row);
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let (rows, starts) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.starts));
        self.insert(&rows, &starts, rows.len())
    }

    /// Inserts the rows that begin at `starts`, the last of which ends at `end`. When the server refuses a value of one, the others come
    /// by themselves.
    fn insert(&mut self, rows: &str, starts: &[usize], end: usize) -> Result<()> {
        let Some(first) = starts.first() else { return Ok(()) };
        let Err(error) = self.connection.run(&format!("{}{}", self.head, &rows[*first..end])) else {
            self.stored.rows += self.connection.affected_rows();
            self.stored.warnings.merge(Warnings::read(self.connection, self.record)?);
            return Ok(());
        };
        if !is_of_one_row(&error, self.record) || self.refused >= REFUSED_MAX {
            return Err(error);
        }
        match starts.split_at(starts.len() / 2) {
            ([], _) => {
                self.refused += 1;
                self.stored.warnings.refused(&error);
                Ok(())
            }
            (left, right) => {
                self.insert(rows, left, right[0] - BETWEEN.len())?;
                self.insert(rows, right, end)
            }
        }
    }
}

/// Whether a statement that stores rows of `record` was refused for a value, and has left none of them.
pub fn is_of_one_row(error: &Error, record: &TableRecord) -> bool {
    is_of_value(error) && record.engine.eq_ignore_ascii_case("InnoDB")
}

/// An encoded row as `(value, …)`; `None` if it is not one.
fn literals(line: &[u8], columns: &[&Column]) -> Option<String> {
    let mut fields = line.split(|byte| *byte == b'\t');
    let mut row = String::with_capacity(line.len() * 2);
    for column in columns {
        row.push(if row.is_empty() { '(' } else { ',' });
        let value = literal(fields.next()?, column.encoding)?;
        match &column.load {
            Some(expression) => row.push_str(&with_value(expression, &value)),
            None => row.push_str(&value),
        }
    }
    row.push(')');
    fields.next().is_none().then_some(row)
}

/// Numbers and times are written as texts: the server reads a text exactly, while it takes a number with a dot for a DECIMAL.
fn literal(field: &[u8], encoding: ValueEncoding) -> Option<String> {
    if field == b"\\N" {
        return Some("NULL".to_owned());
    }
    if encoding == ValueEncoding::Bytes {
        return unescape(field).map(|bytes| quote_bytes(&bytes));
    }
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" +-.:".contains(byte);
    let text = std::str::from_utf8(field).ok().filter(|text| text.bytes().all(|b| plain(&b)))?;
    Some(format!("'{text}'"))
}

/// The bytes that LOAD DATA would read.
fn unescape(field: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        plain.push(match bytes.next()? {
            b'0' => 0,
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'Z' => 26,
            other => *other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::rows::tests::column;

    #[test]
    fn values_become_exact_literals() {
        let id = column("id", ValueEncoding::Integer);
        let text = column("t", ValueEncoding::Bytes);
        let load = Some("CAST(@v AS UNSIGNED)".to_owned());
        let list = Column { load, ..column("e", ValueEncoding::Integer) };
        let real = column("d", ValueEncoding::Double);
        let row = |line: &[u8]| literals(line, &[&id, &text, &list, &real]);
        assert_eq!(
            row(b"-7\ta\\t\\\\'\xff\\0\t2\t5e-324").unwrap(),
            "('-7',X'61095C27FF00',CAST('2' AS UNSIGNED),'5e-324')"
        );
        assert_eq!(row(b"\\N\t\t\\N\t0").unwrap(), "(NULL,X'',CAST(NULL AS UNSIGNED),'0')");
        assert_eq!(row(b"1\ta\t1"), None);
        assert_eq!(row(b"1\ta\t1\t1\t1"), None);
        assert_eq!(row(b"1'\ta\t1\t1"), None);
    }
}

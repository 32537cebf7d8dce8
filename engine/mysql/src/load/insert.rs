//! Rows into a table by INSERT, where the server does not allow LOAD DATA LOCAL: the same values, as literals.

use repo_format::database::{Column, TableRecord, ValueEncoding};

use super::rows::{Batch, Stored, with_value};
use super::warnings::Warnings;
use crate::database::{Connection, quote_bytes, quote_name};
use engine_core::error::{Error, ErrorKind, Result};

/// Bytes of one statement: enough rows that the way to the server does not matter.
const STATEMENT_BYTES: usize = 1 << 20;
/// The largest statement as long as the server does not say otherwise.
const PACKET_DEFAULT: usize = 1 << 20;

/// Stores the rows of `batch` by statements that begin with `verb`, in `table`, a full quoted name.
///
/// # Errors
/// If the server does not store them, a row is larger than `max_allowed_packet`, or the rows are not encoded as `record` says.
pub fn store(
    connection: &mut Connection,
    (verb, table): (&str, &str),
    record: &TableRecord,
    batch: &Batch,
) -> Result<Stored> {
    let packet = connection.value("SELECT @@max_allowed_packet")?.and_then(|n| n.parse().ok());
    let packet: usize = packet.unwrap_or(PACKET_DEFAULT);
    let columns: Vec<&Column> = record.stored().collect();
    let names: Vec<String> = columns.iter().map(|column| quote_name(&column.name)).collect();
    let head = format!("{verb} INTO {table} ({}) VALUES ", names.join(", "));
    let mut statement = Statement { connection, record, head, text: String::new(), stored: Stored::default(), packet };
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

struct Statement<'c> {
    connection: &'c mut Connection,
    record: &'c TableRecord,
    head: String,
    text: String,
    stored: Stored,
    packet: usize,
}

impl Statement<'_> {
    fn add(&mut self, row: &str, table: &str) -> Result<()> {
        let max = STATEMENT_BYTES.min(self.packet.saturating_sub(1));
        if !self.text.is_empty() && self.text.len() + row.len() + 2 > max {
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
        match self.text.is_empty() {
            true => self.text.push_str(&self.head),
            false => self.text.push_str(", "),
        }
        self.text.push_str(row);
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        self.connection.run(&self.text)?;
        self.text.clear();
        self.stored.rows += self.connection.affected_rows();
        self.stored.warnings.merge(Warnings::read(self.connection, self.record)?);
        Ok(())
    }
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

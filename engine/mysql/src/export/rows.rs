//! The rows of a table as INSERT statements.

use repo_format::database::TableRecord;

use super::goal::END_OF_TIME;
use super::literal::Form;
use super::script::Script;
use crate::database::{cells, quote_name, rows};
use engine_core::error::{Error, ErrorKind, Result};

/// A statement ends when it has this many bytes: enough that their number does not matter, few enough for any server.
const STATEMENT_BYTES: usize = 1024 * 1024;

/// Writes the rows of one table.
pub(super) struct InsertWriter {
    head: String,
    /// The place of a row's end, and what it is as long as the row is current.
    end: Option<(usize, String)>,
    forms: Vec<Form>,
    statement: Vec<u8>,
}

impl InsertWriter {
    /// For the rows of `table`. Where a row has the text at the place `end` it is current.
    pub fn new(table: &TableRecord, end: Option<(usize, &str)>) -> Self {
        let columns: Vec<_> = table.stored().map(|column| quote_name(&column.name)).collect();
        let head = format!("INSERT INTO {} ({}) VALUES", quote_name(&table.name), columns.join(", "));
        let end = end.map(|(at, text)| (at, text.to_owned()));
        InsertWriter { head, end, forms: table.stored().map(Form::of).collect(), statement: Vec::new() }
    }

    /// Writes the encoded rows of `text`; returns their number.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if a row is not encoded like the table's rows; the rows before it are written. Otherwise
    /// the error of `script`.
    pub fn write(&mut self, text: &[u8], script: &mut Script<'_>) -> Result<u64> {
        let mut count = 0;
        for row in rows(text) {
            self.write_row(row)?;
            count += 1;
            if self.statement.len() >= STATEMENT_BYTES {
                self.finish(script)?;
            }
        }
        Ok(count)
    }

    /// Ends the statement that is being written.
    ///
    /// # Errors
    /// Of `script`.
    pub fn finish(&mut self, script: &mut Script<'_>) -> Result<()> {
        if self.statement.is_empty() {
            return Ok(());
        }
        self.statement.extend_from_slice(b";\n");
        script.bytes(&self.statement)?;
        self.statement.clear();
        Ok(())
    }

    fn write_row(&mut self, row: &[u8]) -> Result<()> {
        let start = self.statement.len();
        match start {
            0 => self.statement.extend_from_slice(self.head.as_bytes()),
            _ => self.statement.push(b','),
        }
        self.statement.extend_from_slice(b"\n(");
        if self.write_cells(row).is_none() {
            self.statement.truncate(start);
            return Err(Error::new(ErrorKind::Damaged, "a row is not encoded as the rows of its table are"));
        }
        self.statement.push(b')');
        Ok(())
    }

    fn write_cells(&mut self, row: &[u8]) -> Option<()> {
        let mut forms = self.forms.iter();
        for (at, cell) in cells(row, self.forms.len() + 1).enumerate() {
            if at > 0 {
                self.statement.extend_from_slice(b", ");
            }
            let (form, cell) = (forms.next()?, cell?);
            let is_end =
                self.end.as_ref().is_some_and(|(place, text)| *place == at && cell.as_deref() == Some(text.as_bytes()));
            if is_end {
                self.statement.extend_from_slice(END_OF_TIME.as_bytes())
            } else {
                form.write(cell.as_deref(), &mut self.statement)?
            }
        }
        forms.next().is_none().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use repo_format::cbor::ByteString;
    use repo_format::database::{Column, ROW_ENCODING, RowOrder, ValueEncoding};

    use super::*;

    fn table() -> TableRecord {
        let column = |name: &str, encoding, character_set: Option<&str>, generated| Column {
            character_set: character_set.map(str::to_owned),
            generated,
            ..Column::new(name, "", encoding)
        };
        let columns = vec![
            column("id", ValueEncoding::Integer, None, None),
            column("twice", ValueEncoding::Integer, None, Some(true)),
            column("na`me", ValueEncoding::Bytes, Some("latin1"), None),
        ];
        let (create, engine) = (ByteString(Vec::new()), String::new());
        let (encoding, order) = (ROW_ENCODING, RowOrder::Integer);
        let name = "t".to_owned();
        TableRecord {
            name,
            create,
            engine,
            columns,
            key: vec![0],
            order,
            encoding,
            versioned: None,
            changed: None,
            segment_bits: None,
            kept_digests: None,
        }
    }

    fn written(text: &[u8]) -> Result<String> {
        let mut out = Vec::new();
        let mut writer = InsertWriter::new(&table(), None);
        let mut script = Script::new(&mut out);
        let result = writer.write(text, &mut script);
        writer.finish(&mut script)?;
        result.map(|_| String::from_utf8(out).unwrap())
    }

    #[test]
    fn rows_become_one_statement_without_generated_columns() {
        let sql = written(b"0\ta\n1\t\\N\n").unwrap();
        assert_eq!(sql, "INSERT INTO `t` (`id`, `na``me`) VALUES\n(0, 'a'),\n(1, NULL);\n");
        assert_eq!(written(b"").unwrap(), "");
    }

    #[test]
    fn a_statement_ends_after_about_a_mebibyte() {
        let row = [b"7\t", &vec![b'x'; 300_000][..], b"\n"].concat();
        let sql = written(&row.repeat(6)).unwrap();
        assert_eq!(sql.matches("INSERT INTO").count(), 2);
        assert_eq!(sql.matches(";\n").count(), 2);
    }

    #[test]
    fn rows_of_another_shape_are_refused() {
        for wrong in [&b"1\n"[..], b"1\ta\tb\n", b"1\t\\x\n", b"x\ta\n", b"\n"] {
            assert_eq!(written(wrong).unwrap_err().kind(), ErrorKind::Damaged, "{}", wrong.escape_ascii());
        }
    }
}

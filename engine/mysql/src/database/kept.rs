//! Stored values of generated columns. No server accepts them, so the snapshot has a digest of each column instead
//! (FORMAT.md, section 11.1).

use mysql::Value as Raw;
use repo_format::database::{Column, TableRecord};
use repo_format::id::Bytes32;

use super::rows::{Format, selected, write_value};
use super::value::Value;
use super::{RowKey, RowSum, SignedZeros};
use engine_core::error::Result;

/// The columns to select for [`KeptSums`], with their expressions.
pub fn kept_list(table: &TableRecord) -> Vec<String> {
    table.kept().map(selected).collect()
}

/// The sums of one table, one per column.
pub struct KeptSums {
    formats: Vec<Format>,
    sums: Vec<RowSum>,
    zeros: SignedZeros,
    bytes: Vec<u8>,
}

impl KeptSums {
    /// The sums of no rows, for the columns of `table`.
    pub fn of(table: &TableRecord) -> Self {
        let formats: Vec<Format> = table.kept().map(Format::of).collect();
        let zeros = SignedZeros::of(table);
        KeptSums { sums: vec![RowSum::default(); formats.len()], formats, zeros, bytes: Vec::new() }
    }

    /// How many columns there are.
    pub fn count(&self) -> usize {
        self.formats.len()
    }

    /// Adds the values of a row, whose key and encoded bytes are `key` and `row`.
    ///
    /// # Errors
    /// If the types of the server's values contradict its definition.
    pub fn add(&mut self, values: &[Option<Value>], key: &RowKey, row: &[u8]) -> Result<()> {
        for ((value, format), sum) in values.iter().zip(&self.formats).zip(&mut self.sums) {
            self.bytes.clear();
            if key.text.is_empty() {
                self.bytes.extend_from_slice(&self.zeros.removed(row).0);
            } else {
                self.bytes.extend_from_slice(&key.text);
                self.bytes.push(b'\n');
            }
            let start = self.bytes.len();
            write_value(value.as_ref().map_or(&Raw::NULL, Value::raw), *format, &mut self.bytes)?;
            if format.is_real() && &self.bytes[start..] == b"-0" {
                self.bytes.remove(start);
            }
            sum.add(&self.bytes);
        }
        Ok(())
    }

    /// The digests; none if there are no such columns.
    pub fn digests(&self) -> Option<Vec<Bytes32>> {
        (!self.sums.is_empty()).then(|| self.sums.iter().map(RowSum::digest).collect())
    }
}

/// The columns of `table` that the digests cover: its key (without a key, all columns with values among the rows), and
/// the stored generated columns.
pub fn with_kept_only(table: &TableRecord) -> TableRecord {
    let is_of_key = |at: usize| table.key.is_empty() || table.key.iter().any(|place| *place as usize == at);
    let is_wanted = |(at, column): &(usize, &Column)| match column.generated {
        Some(true) => column.kept == Some(true),
        _ => is_of_key(*at),
    };
    let places: Vec<usize> = table.columns.iter().enumerate().filter(is_wanted).map(|(at, _)| at).collect();
    let now = |place: &u32| places.iter().position(|at| at == &(*place as usize)).and_then(|at| u32::try_from(at).ok());
    TableRecord {
        columns: places.iter().map(|at| table.columns[*at].clone()).collect(),
        key: table.key.iter().filter_map(now).collect(),
        ..table.clone()
    }
}

#[cfg(test)]
mod tests {
    use repo_format::cbor::ByteString;
    use repo_format::database::{RowOrder, ValueEncoding};

    use super::*;
    use crate::database::{RowEncoder, select_list};

    fn column(name: &str, kept: Option<bool>) -> Column {
        Column {
            generated: kept.map(|_| true),
            kept: kept.filter(|kept| *kept),
            ..Column::new(name, "int(11)", ValueEncoding::Integer)
        }
    }

    fn table(key: Vec<u32>, order: RowOrder) -> TableRecord {
        let columns = [("a", None), ("virtual", Some(false)), ("kept", Some(true)), ("id", None)];
        TableRecord {
            name: "t".to_owned(),
            create: ByteString(Vec::new()),
            engine: "InnoDB".to_owned(),
            columns: columns.map(|(name, kept)| column(name, kept)).to_vec(),
            key,
            order,
            encoding: 1,
            versioned: None,
            changed: None,
            segment_bits: None,
            kept_digests: None,
        }
    }

    /// The digests of `rows` of `a`, `kept` and `id`, read as `record` says.
    fn digests(record: &TableRecord, rows: &[[i64; 3]]) -> Option<Vec<Bytes32>> {
        let (mut encoder, mut sums) = (RowEncoder::new(record), KeptSums::of(record));
        for [a, kept, id] in rows {
            let number = |number: &i64| Some(Value::from(Raw::Int(*number)));
            let values = record.stored().map(|column| number(if column.name == "a" { a } else { id }));
            let (mut row, mut key) = (Vec::new(), RowKey::default());
            encoder.encode(&values.collect::<Vec<_>>(), &mut row, &mut key).unwrap();
            sums.add(&[number(kept)], &key, &row).unwrap();
        }
        sums.digests()
    }

    #[test]
    fn what_is_read_of_a_loaded_table_gives_the_digests_that_were_saved() {
        let rows = [[1, 10, 5], [2, 20, 6], [2, 20, 7]];
        let moved = [[1, 20, 5], [2, 10, 6], [2, 20, 7]];
        for record in [table(vec![3], RowOrder::Integer), table(Vec::new(), RowOrder::RowBytes)] {
            let narrow = with_kept_only(&record);
            let saved = digests(&record, &rows);
            assert_eq!(digests(&narrow, &[rows[2], rows[0], rows[1]]), saved);
            assert_ne!(digests(&narrow, &moved), saved, "the same values in other rows");
        }
    }

    #[test]
    fn of_a_table_with_a_key_nothing_else_is_read() {
        let narrow = with_kept_only(&table(vec![3], RowOrder::Integer));
        assert_eq!((select_list(&narrow), kept_list(&narrow)), ("`id`".to_owned(), vec!["`kept`".to_owned()]));
        let narrow = with_kept_only(&table(Vec::new(), RowOrder::RowBytes));
        assert_eq!((select_list(&narrow), kept_list(&narrow)), ("`a`, `id`".to_owned(), vec!["`kept`".to_owned()]));
    }

    #[test]
    fn a_digest_is_of_the_key_and_the_value_as_the_format_says() {
        let hash = |bytes: &[u8]| Some(vec![Bytes32(*blake3::hash(bytes).as_bytes())]);
        assert_eq!(digests(&table(vec![3], RowOrder::Integer), &[[1, 10, 5]]), hash(b"5\n10"));
        assert_eq!(digests(&table(Vec::new(), RowOrder::RowBytes), &[[1, 10, 5]]), hash(b"1\t5\n10"));
    }
}

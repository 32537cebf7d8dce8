//! Rows of MariaDB's sequences. Statements say the same: MariaDB 10.5.23 and others of its time die of such rows in BINLOG.

use crate::binlog::event::{Change, Cursor, Malformed, RowsHeader, TableMap};
use crate::database::TableName;

/// The types of a sequence's columns: where it stands, minimum, maximum, start, increment, cache, whether it cycles, how often it has.
const TYPES: [u8; 8] = [8, 8, 8, 8, 8, 8, 1, 8];
/// Logged columns of one that has only gone on: where it stands, and how often it has cycled.
const GONE_ON: &[u8] = &[0x81];
const ALL: &[u8] = &[0xff];

/// Whether the table of this body has the columns of a sequence. MariaDB from 11.5 on has sequences of other types, and lives.
///
/// # Errors
/// [`Malformed`].
pub(super) fn may_be(body: &[u8]) -> Result<bool, Malformed> {
    let mut cursor = Cursor::new(body);
    cursor.number(6)?;
    cursor.u16()?;
    cursor.short_text()?;
    cursor.short_text()?;
    Ok(cursor.packed_len()? == TYPES.len() && cursor.take(TYPES.len())? == TYPES)
}

/// Statements that leave the sequence as the rows do.
///
/// # Errors
/// [`Malformed`] if they are no rows of a sequence.
pub(super) fn statements(name: &TableName, table: &TableMap, rows: &RowsHeader<'_>) -> Result<Vec<String>, Malformed> {
    const OTHER: Malformed = Malformed("rows of a sequence are not as a server writes them");
    if rows.change != Change::Insert || !table.columns.iter().map(|column| column.number).eq(TYPES) {
        return Err(OTHER);
    }
    let mut statements = Vec::new();
    for images in rows.images(table)? {
        let mut cursor = Cursor::new(images.before);
        // No column of a sequence may be NULL.
        cursor.u8()?;
        statements.push(match rows.before {
            ALL => {
                let first: [i64; 6] = numbers(&mut cursor)?;
                let (cycles, [rounds]) = (cursor.u8()?, numbers(&mut cursor)?);
                let first = first.map(|number| number.to_string()).join(", ");
                format!("INSERT INTO {name} VALUES ({first}, {cycles}, {rounds})")
            }
            GONE_ON => {
                let [next, rounds] = numbers(&mut cursor)?;
                format!("DO SETVAL({name}, {next}, 0, {rounds})")
            }
            _ => return Err(OTHER),
        });
    }
    Ok(statements)
}

fn numbers<const N: usize>(cursor: &mut Cursor<'_>) -> Result<[i64; N], Malformed> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        *number = i64::from_le_bytes(cursor.u64()?.to_le_bytes());
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binlog::event::{Header, Kind};

    fn map() -> Vec<u8> {
        [&[21, 0, 0, 0, 0, 0, 1, 0, 1, b'd', 0, 1, b's', 0, 8][..], &TYPES, &[0, 0]].concat()
    }

    fn said(bits: u8, image: &[u8]) -> Result<Vec<String>, Malformed> {
        let body = [&[21, 0, 0, 0, 0, 0, 1, 0, 8, bits, 0][..], image].concat();
        let header = Header { timestamp: 0, kind: Kind::WRITE_ROWS_V1, server_id: 7, size: 0, end: 0, flags: 0 };
        let rows = RowsHeader::read(&header, &body)?.unwrap();
        statements(&TableName::new("d", "s"), &TableMap::read(&map())?, &rows)
    }

    #[test]
    fn rows_of_a_sequence_become_statements() {
        assert!(may_be(&map()).unwrap());
        let eight = |number: i64| number.to_le_bytes().to_vec();
        let six: Vec<u8> = [-999, -1000, 0, -5, -2, 0].into_iter().flat_map(eight).collect();
        let full = said(0xff, &[six, vec![1], eight(3)].concat()).unwrap();
        assert_eq!(full, ["INSERT INTO `d`.`s` VALUES (-999, -1000, 0, -5, -2, 0, 1, 3)"]);
        assert_eq!(said(0x81, &[eight(77), eight(0)].concat()).unwrap(), ["DO SETVAL(`d`.`s`, 77, 0, 0)"]);
        assert!(said(0x01, &eight(77)).is_err() && said(0xff, &eight(1)).is_err());
    }
}

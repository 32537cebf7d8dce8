//! Some columns of the saved rows of a table, row by row. Memory: one chunk, and the wanted cells of one row.

use repo_format::database::{ROWS_FILE, TABLE_FILE, TableRecord, escape_name};
use repo_format::id::ChunkId;
use repo_format::limits;

use engine_core::error::{Error, ErrorKind, Result};
use engine_core::pack::ChunkReader;
use engine_core::tree::{ContentPieces, ContentRef, DirectoryIter, TreeEntry, read_file};

/// Keys, names and texts of logs are shorter, also with every character escaped.
const CELL_LEN_MAX: usize = 256 * 1024;

/// Calls `row` with the `columns` of each saved row of `table`, in their order there; `None` is NULL.
///
/// # Errors
/// [`ErrorKind::NotFound`] if the snapshot does not have the table, or the table not a column. [`ErrorKind::Damaged`]; of `row`.
pub(super) fn each_row<const N: usize>(
    reader: &ChunkReader<'_>,
    schema: Option<ChunkId>,
    table: &str,
    columns: [&str; N],
    row: &mut dyn FnMut([Option<Vec<u8>>; N]) -> Result<()>,
) -> Result<()> {
    let failed = |why: &str| Error::new(ErrorKind::NotFound, format!("the snapshot has no table `{table}` {why}"));
    let folder = DirectoryIter::seek(reader, schema, &escape_name(table))?.ok_or_else(|| failed("here"))?;
    let part = |name: &[u8]| DirectoryIter::seek(reader, folder.tree, name);
    let record = part(TABLE_FILE)?.ok_or_else(|| failed("with a definition"))?;
    let record = TableRecord::decode(&read_file(reader, &record, limits::DATABASE_RECORD)?)
        .map_err(|e| Error::damaged(format!("the definition of the table `{table}`"), e))?;
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        let found = record.stored().position(|stored| stored.name.eq_ignore_ascii_case(column));
        *place = found.ok_or_else(|| failed(&format!("with a column `{column}`")))?;
    }
    match part(ROWS_FILE)? {
        None => Ok(()),
        Some(rows) => read_rows(reader, &rows, &mut RowCells::new(places), row)
            .map_err(|e| e.context(format!("cannot read the saved rows of the table `{table}`"))),
    }
}

fn read_rows<const N: usize>(
    reader: &ChunkReader<'_>,
    rows: &TreeEntry,
    cells: &mut RowCells<N>,
    row: &mut dyn FnMut([Option<Vec<u8>>; N]) -> Result<()>,
) -> Result<()> {
    match &rows.content {
        None => {}
        Some(ContentRef::Inline(bytes)) => cells.read(bytes, row)?,
        Some(content) => {
            for piece in ContentPieces::new(reader, content, rows.data_len()) {
                cells.read(&piece?, row)?;
            }
        }
    }
    Ok(())
}

/// Takes the wanted cells out of encoded rows that arrive in pieces.
struct RowCells<const N: usize> {
    /// Places of the wanted cells in a row.
    places: [usize; N],
    /// The encoded cells that have been read so far.
    wanted: [Vec<u8>; N],
    /// Place of the cell that is being read.
    at: usize,
}

impl<const N: usize> RowCells<N> {
    fn new(places: [usize; N]) -> Self {
        RowCells { places, wanted: std::array::from_fn(|_| Vec::new()), at: 0 }
    }

    /// Reads a piece. A tab or line end in it always ends a cell: those of values are escaped.
    fn read(&mut self, piece: &[u8], row: &mut dyn FnMut([Option<Vec<u8>>; N]) -> Result<()>) -> Result<()> {
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\t' | b'\n')) {
            self.add(&rest[..end])?;
            self.at += 1;
            if rest[end] == b'\n' {
                self.at = 0;
                row(std::array::from_fn(|number| unescape(&std::mem::take(&mut self.wanted[number]))))?;
            }
            rest = &rest[end + 1..];
        }
        self.add(rest)
    }

    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        let wanted = self.places.iter().zip(&mut self.wanted).filter(|(place, _)| **place == self.at);
        for (_, cell) in wanted {
            if cell.len() + bytes.len() > CELL_LEN_MAX {
                let message = format!("a key, name or text has more than {CELL_LEN_MAX} bytes");
                return Err(Error::new(ErrorKind::Damaged, message));
            }
            cell.extend_from_slice(bytes);
        }
        Ok(())
    }
}

/// The value of an encoded cell.
fn unescape(cell: &[u8]) -> Option<Vec<u8>> {
    if cell == b"\\N" {
        return None;
    }
    let mut bytes = cell.iter();
    let mut value = Vec::with_capacity(cell.len());
    while let Some(byte) = bytes.next() {
        let escaped = if *byte == b'\\' { bytes.next() } else { None };
        value.push(match escaped {
            None => *byte,
            Some(b't') => b'\t',
            Some(b'n') => b'\n',
            Some(b'0') => 0,
            Some(other) => *other,
        });
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_wherever_a_chunk_ends() {
        let rows = b"1\ta\\tb\\\\\tx\n2\t\\N\ty\n3\t\t\n";
        for cut in 0..rows.len() {
            let (mut cells, mut found) = (RowCells::new([1, 0]), Vec::new());
            let mut row = |cells: [Option<Vec<u8>>; 2]| {
                found.push(cells);
                Ok(())
            };
            cells.read(&rows[..cut], &mut row).unwrap();
            cells.read(&rows[cut..], &mut row).unwrap();
            let text = |text: &str| Some(text.as_bytes().to_vec());
            assert_eq!(found, [[text("a\tb\\"), text("1")], [None, text("2")], [text(""), text("3")]], "cut at {cut}");
        }
    }

    #[test]
    fn a_cell_without_end_is_refused() {
        let mut cells = RowCells::new([1]);
        let mut row = |_: [Option<Vec<u8>>; 1]| Ok(());
        cells.read(b"1\t", &mut row).unwrap();
        let long = vec![b'x'; CELL_LEN_MAX / 2 + 1];
        cells.read(&long, &mut row).unwrap();
        assert_eq!(cells.read(&long, &mut row).unwrap_err().kind(), ErrorKind::Damaged);
        assert!(RowCells::new([1]).read(&[&long[..], &long, b"\t1\n"].concat(), &mut row).is_ok(), "nobody wants it");
    }
}

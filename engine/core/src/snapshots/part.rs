//! The meaning of a path in a snapshot: below a database a folder is a schema or a table, and the files are how this
//! program stores them.

use repo_format::database::{ROWS_FILE, TABLE_FILE};
use repo_format::id::ChunkId;
use repo_format::manifest::{Manifest, RootKind};
use repo_format::pack::ChunkKind;
use repo_format::segments::SegmentNode;

use super::Snapshot;
use crate::error::{Error, ErrorKind, Result};
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::tree::{ContentRef, DirectoryIter, lookup};

/// The meaning of a path in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Nothing of a database: a file, a folder, a stream, or the top.
    Plain,
    /// A database server.
    Server,
    /// A schema.
    Schema,
    /// A table.
    Table,
    /// A record or the encoded rows of a table, which only this program reads.
    Stored,
}

/// How much a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableSize {
    /// Rows.
    pub rows: u64,
    /// Plain bytes of the encoded rows.
    pub bytes: u64,
}

impl Part {
    /// The meaning of `path` in the snapshot `manifest`. The path begins with the name of a root.
    pub fn of(manifest: &Manifest, path: &[u8]) -> Self {
        let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        let Some(root) = names.next() else { return Part::Plain };
        if !manifest.roots.iter().any(|known| known.kind == RootKind::Database && known.name.0 == root) {
            return Part::Plain;
        }
        // Names of schemas and tables are escaped, so that none begins with a dot.
        let is_record = |name: &[u8]| name.starts_with(b".");
        match (names.next(), names.next(), names.next()) {
            (None, ..) => Part::Server,
            (Some(schema), None, _) if !is_record(schema) => Part::Schema,
            (Some(_), Some(table), None) if !is_record(table) => Part::Table,
            _ => Part::Stored,
        }
    }
}

/// The path from the top directory of what the user calls `path`, and its meaning.
///
/// # Errors
/// [`crate::ErrorKind::NotFound`]; if a directory cannot be read.
pub fn part_at(repository: &Repository, snapshot: &Snapshot, path: &[u8]) -> Result<(Vec<u8>, Part)> {
    let (path, _) = lookup(&ChunkReader::new(repository), &snapshot.manifest, path)?;
    let part = Part::of(&snapshot.manifest, &path);
    Ok((path, part))
}

/// The size of the table with the directory `tree`. Reads two nodes, however large the table is.
///
/// # Errors
/// [`crate::ErrorKind::Damaged`].
pub fn table_size(reader: &ChunkReader<'_>, tree: Option<ChunkId>) -> Result<TableSize> {
    let Some(rows) = DirectoryIter::seek(reader, tree, ROWS_FILE)? else { return Ok(TableSize::default()) };
    let Some(ContentRef::Segments(list)) = rows.content else { return Ok(TableSize::default()) };
    let bytes = reader.read(ChunkKind::Node, &list)?;
    let node = SegmentNode::decode(&bytes).map_err(|e| Error::damaged(format!("segment list {list}"), e))?;
    Ok(TableSize { rows: node.rows(), bytes: rows.meta.size })
}

/// The difference between versions of a table: its rows and its definition, and not when they were saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableContents {
    rows: Option<ContentRef>,
    record: Option<ContentRef>,
}

/// The contents of the table with the directory `tree`.
///
/// # Errors
/// [`crate::ErrorKind::Damaged`].
pub(super) fn table_contents(reader: &ChunkReader<'_>, tree: Option<ChunkId>) -> Result<TableContents> {
    let content = |name: &[u8]| -> Result<Option<ContentRef>> {
        Ok(DirectoryIter::seek(reader, tree, name)?.and_then(|entry| entry.content))
    };
    Ok(TableContents { rows: content(ROWS_FILE)?, record: content(TABLE_FILE)? })
}

/// The size of all tables of the database `root` of a snapshot together. Damaged tables count as empty.
///
/// # Errors
/// If the list of tables cannot be read.
pub fn database_size(reader: &ChunkReader<'_>, manifest: &Manifest, root: &[u8]) -> Result<TableSize> {
    let mut sum = TableSize::default();
    let Some(server) = DirectoryIter::seek(reader, manifest.tree_id(), root)? else { return Ok(sum) };
    for schema in DirectoryIter::new(reader, server.tree) {
        for table in DirectoryIter::new(reader, schema?.tree) {
            let size = readable(table_size(reader, table?.tree))?.unwrap_or_default();
            (sum.rows, sum.bytes) = (sum.rows.saturating_add(size.rows), sum.bytes.saturating_add(size.bytes));
        }
    }
    Ok(sum)
}

/// Passes on facts about a table, unless that is damaged: then it does not hide the others.
pub(crate) fn readable<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use repo_format::cbor::ByteString;
    use repo_format::id::LeaseId;
    use repo_format::manifest::{ManifestKind, Root};

    use super::*;

    #[test]
    fn only_below_a_database_a_folder_is_a_schema_or_a_table() {
        let root = |name: &str, kind| Root { name: ByteString(name.into()), kind, path: ByteString(name.into()) };
        let mut manifest = Manifest::new(ManifestKind::Snapshot, LeaseId([0; 16]));
        manifest.roots = vec![root("images", RootKind::Folder), root("db", RootKind::Database)];
        let cases = [
            ("", Part::Plain),
            ("images/db/s", Part::Plain),
            ("db", Part::Server),
            ("db/.server", Part::Stored),
            ("db/shop", Part::Schema),
            ("db/%2Eshop", Part::Schema),
            ("db/shop/.schema", Part::Stored),
            ("db/shop/orders", Part::Table),
            ("db/shop/orders/.table", Part::Stored),
            ("db/shop/orders/rows", Part::Stored),
        ];
        for (path, part) in cases {
            assert_eq!(Part::of(&manifest, path.as_bytes()), part, "{path}");
        }
    }
}

//! Finds rows of a saved database that name files which were not saved with it.
//!
//! Folders are saved after the database's moment. So a file whose row is in the snapshot may have been deleted before
//! the walk reached it. If the parent snapshot has the file, its entry is returned, and the caller adds it to the tree.
//! So a row that nobody deletes keeps its file from snapshot to snapshot, even long after the file has gone from the
//! disk.

use std::collections::HashMap;

use repo_format::id::ChunkId;

use super::Profile;
use super::cells::each_row;
use super::image_tree::ImageTree;
use engine_core::error::Result;
use engine_core::pack::ChunkReader;
use engine_core::tree::{TreeEntry, join};

/// So many rows are looked up at a time, in the order of their folders: about 30 MB.
const ROWS_PER_BATCH: usize = 200_000;

/// The snapshots that are compared.
#[derive(Debug, Clone, Copy)]
pub struct SavedPractice<'s> {
    /// Node of the directory of the saved schema.
    pub schema: Option<ChunkId>,
    /// Node of the saved folder of images.
    pub images: Option<ChunkId>,
    /// Path of this folder in the snapshot: the name of its root.
    pub images_path: &'s [u8],
    /// Node of the same folder in the parent snapshot, if there is one.
    pub parent_images: Option<ChunkId>,
}

/// A row whose file is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingFile {
    /// Key of the row.
    pub key: String,
    /// The path of the file in the snapshot; just the file name if the row's owner has no folder.
    pub path: Vec<u8>,
    /// The file in the parent snapshot, if it is there.
    pub parent: Option<TreeEntry>,
}

/// How many rows were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileCheck {
    /// Rows that name a file.
    pub rows: u64,
    /// The number of rows whose file is missing.
    pub missing: u64,
    /// The number of these whose file is in the parent.
    pub in_parent: u64,
}

/// Calls `found` once for each saved row that names a file which is not among the saved images.
///
/// # Errors
/// [`engine_core::ErrorKind::NotFound`] if a table or column that is needed was not saved; [`engine_core::ErrorKind::Damaged`]; of `found`.
pub fn missing_files(
    reader: &ChunkReader<'_>,
    profile: &Profile,
    saved: &SavedPractice<'_>,
    found: &mut dyn FnMut(MissingFile) -> Result<()>,
) -> Result<FileCheck> {
    let documents = &profile.documents;
    let owners = owners(reader, profile, saved.schema)?;
    let mut search = Search {
        images: ImageTree::open(reader, saved.images)?,
        parent: ImageTree::open(reader, saved.parent_images)?,
        images_path: saved.images_path,
        check: FileCheck::default(),
    };
    let mut batch = Vec::new();
    let columns = [documents.key, documents.owner, documents.file_name];
    each_row(reader, saved.schema, documents.table, columns, &mut |[key, owner, name]| {
        // Without a name there is no file: the image is in the row itself.
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(()) };
        let folder = owner.and_then(|owner| owners.get(&owner)).map_or(&[][..], Vec::as_slice);
        batch.push(Document { folder, name, key: key.unwrap_or_default() });
        if batch.len() < ROWS_PER_BATCH { Ok(()) } else { search.look_up(&mut batch, found) }
    })?;
    search.look_up(&mut batch, found)?;
    Ok(search.check)
}

/// Keys of owners and their folders.
type OwnerFolders = HashMap<Vec<u8>, Vec<u8>>;

fn owners(reader: &ChunkReader<'_>, profile: &Profile, schema: Option<ChunkId>) -> Result<OwnerFolders> {
    let place = &profile.documents.owners;
    let mut owners = OwnerFolders::new();
    each_row(reader, schema, place.table, [place.key, place.folder], &mut |[key, folder]| {
        if let (Some(key), Some(folder)) = (key, folder.filter(|folder| !folder.is_empty())) {
            owners.insert(key, folder);
        }
        Ok(())
    })?;
    Ok(owners)
}

/// A row that names a file.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Document<'o> {
    /// The folder of its owner; empty if there is none.
    folder: &'o [u8],
    name: Vec<u8>,
    key: Vec<u8>,
}

struct Search<'r, 'o> {
    images: ImageTree<'r>,
    parent: ImageTree<'r>,
    images_path: &'o [u8],
    check: FileCheck,
}

impl Search<'_, '_> {
    fn look_up(
        &mut self,
        batch: &mut Vec<Document<'_>>,
        found: &mut dyn FnMut(MissingFile) -> Result<()>,
    ) -> Result<()> {
        batch.sort_unstable();
        for document in batch.drain(..) {
            self.check.rows += 1;
            if let Some(missing) = self.missing(&document)? {
                self.check.missing += 1;
                self.check.in_parent += u64::from(missing.parent.is_some());
                found(missing)?;
            }
        }
        Ok(())
    }

    fn missing(&mut self, document: &Document<'_>) -> Result<Option<MissingFile>> {
        let Document { folder, name, key } = document;
        let key = String::from_utf8_lossy(key).into_owned();
        if folder.is_empty() {
            return Ok(Some(MissingFile { key, path: name.clone(), parent: None }));
        }
        let letter = first_letter(folder);
        if self.images.find(&letter, folder, name)?.is_some() {
            return Ok(None);
        }
        let path = join(&join(&join(self.images_path, &letter), folder), name);
        Ok(Some(MissingFile { key, path, parent: self.parent.find(&letter, folder, name)? }))
    }
}

/// The first letter of a folder's name, upper case: the name of the folder it is in.
fn first_letter(folder: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(folder);
    let Some(first) = text.chars().next() else { return Vec::new() };
    let mut upper = first.to_uppercase();
    // A letter that would become two stays as it is.
    let letter = match (upper.next(), upper.next()) {
        (Some(letter), None) => letter,
        _ => first,
    };
    letter.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_stand_under_their_first_letter() {
        assert_eq!(first_letter(b"SmithJohn1"), b"S");
        assert_eq!(first_letter("ölmezAli5".as_bytes()), "Ö".as_bytes());
        assert_eq!(first_letter("ßa1".as_bytes()), "ß".as_bytes());
    }
}

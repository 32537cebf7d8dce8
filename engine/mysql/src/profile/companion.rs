//! Finds the files that a saved application lacks, in a snapshot that is about to be committed.

use repo_format::database::escape_name;
use repo_format::manifest::RootKind;

use super::{FileCheck, ImagePlace, Inspection, MissingFile, Profile, SavedPractice, missing_files};
use engine_core::error::Result;
use engine_core::filesystem::path_to_bytes;
use engine_core::pack::ChunkReader;
use engine_core::tree::{DirectoryIter, Top};

/// An application that was found on a server.
pub struct FoundApplication<'a> {
    /// Its profile.
    pub profile: &'a Profile,
    /// The findings about it there.
    pub inspection: &'a Inspection,
    /// The server, as its root in the snapshot is called.
    pub server: &'a str,
}

/// Calls `found` for each row of the application whose file is not in `top`; with what `parent` has
/// in its place. Returns `None` if its images are not files, or not in `top`.
///
/// # Errors
/// As [`missing_files`].
pub fn missing_in(
    reader: &ChunkReader<'_>,
    application: &FoundApplication<'_>,
    top: &Top<'_>,
    parent: Option<&Top<'_>>,
    found: &mut dyn FnMut(MissingFile) -> Result<()>,
) -> Result<Option<FileCheck>> {
    let FoundApplication { profile, inspection, server } = application;
    let ImagePlace::Folder(folder) = &inspection.images.place else { return Ok(None) };
    let folder = path_to_bytes(folder);
    let Some(images) = top.root(reader, RootKind::Folder, folder)? else { return Ok(None) };
    let database = top.root(reader, RootKind::Database, server.as_bytes())?;
    let schema = match database {
        Some(database) => DirectoryIter::seek(reader, database.tree, &escape_name(&inspection.schema))?,
        None => None,
    };
    let parent_images = match parent {
        Some(parent) => parent.root(reader, RootKind::Folder, folder)?.and_then(|entry| entry.tree),
        None => None,
    };
    let saved = SavedPractice {
        schema: schema.and_then(|entry| entry.tree),
        images: images.tree,
        images_path: images.name(),
        parent_images,
    };
    missing_files(reader, profile, &saved, found).map(Some)
}

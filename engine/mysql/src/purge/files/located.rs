//! Where the files of a category are in a snapshot.

use std::path::Path;

use repo_format::manifest::{Manifest, RootKind};

use crate::purge::terms::Category;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::filesystem::{path_from_bytes, path_to_bytes};
use engine_core::pack::ChunkReader;
use engine_core::tree::lookup;

/// `category` with the place of its files in the snapshot of `manifest`.
///
/// # Errors
/// [`ErrorKind::Refused`] if the snapshot does not hold their folder. If the repository cannot be read.
pub(in crate::purge) fn located(
    reader: &ChunkReader<'_>,
    manifest: &Manifest,
    category: &Category,
) -> Result<Category> {
    let mut category = category.clone();
    let Some(attachments) = &mut category.attachments else { return Ok(category) };
    let folder = Path::new(&attachments.folder);
    let refused =
        |why: &str| Error::new(ErrorKind::Refused, format!("snapshot {} {why} {}", manifest.id, attachments.folder));
    let mut folders = manifest.roots.iter().filter(|root| root.kind == RootKind::Folder);
    if !folders.any(|root| folder.starts_with(path_from_bytes(&root.path.0))) {
        return Err(refused("does not hold the folder"));
    }
    let (path, _) =
        lookup(reader, manifest, path_to_bytes(&folder.join(&attachments.sub_folder))).map_err(absent_is_refused)?;
    let saved = path.strip_suffix(attachments.sub_folder.as_bytes()).and_then(|path| path.strip_suffix(b"/"));
    let saved = saved.and_then(|path| String::from_utf8(path.to_vec()).ok());
    attachments.saved_folder = saved.ok_or_else(|| refused("has a name that is not UTF-8 on the way to"))?;
    Ok(category)
}

/// An error with the kind `Refused`, if something is not there. A repository that cannot be read says nothing of what is there.
pub(in crate::purge) fn absent_is_refused(error: Error) -> Error {
    if error.kind() == ErrorKind::NotFound { error.with_kind(ErrorKind::Refused) } else { error }
}

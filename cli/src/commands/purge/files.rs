//! Files that go with rows, in messages.

use std::path::Path;

use engine::purge::files::FileCounts;
use engine::{Error, ErrorKind, Result};
use serde::Serialize;

use crate::ui::format;

/// Files that go and files that stay, for JSON.
#[derive(Serialize)]
pub(super) struct FilesMessage {
    files: u64,
    bytes: u64,
    left: Vec<LeftFilesMessage>,
}

#[derive(Serialize)]
struct LeftFilesMessage {
    files: u64,
    why: String,
}

/// For JSON.
pub(super) fn files_message(counts: &FileCounts) -> FilesMessage {
    let left = counts.left.iter().map(|(why, files)| LeftFilesMessage { files: *files, why: why.clone() });
    FilesMessage { files: counts.files, bytes: counts.bytes, left: left.collect() }
}

/// In words: first those that go.
pub(super) fn files_sentences(counts: &FileCounts, goes: &str) -> Vec<String> {
    let count = |files| format::counted(files, "file");
    let first = format!("{} of {} {goes}", count(counts.files), format::bytes(counts.bytes));
    let left = counts.left.iter().map(|(why, files)| format!("{} left: {why}", count(*files)));
    [first].into_iter().chain(left).collect()
}

/// The path of a folder as a plan has it, and as a backup does: so it is found in the snapshot.
///
/// # Errors
/// [`ErrorKind::Usage`] if it is not there, or not UTF-8.
pub(super) fn folder(path: &Path) -> Result<String> {
    let what = || format!("cannot use the folder of attachments {}", path.display());
    let failed = |e| Error::io(what(), e).with_kind(ErrorKind::Usage);
    let has_parent = path.components().any(|part| part == std::path::Component::ParentDir);
    let whole = if has_parent { path.canonicalize() } else { std::path::absolute(path) }.map_err(failed)?;
    if !whole.metadata().map_err(failed)?.is_dir() {
        return Err(Error::new(ErrorKind::Usage, format!("{}: it is not a folder", what()))
            .with_hint("Name with --attachments the folder that has the files of the rows."));
    }
    let text = whole.components().as_path().to_str().map(str::to_owned);
    text.ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("{}: its path is not UTF-8", what()))
            .with_hint("Give the folder by another path, as by a symbolic link.")
    })
}

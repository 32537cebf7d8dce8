//! Files and folders of a database in a snapshot.

use repo_format::entry::{Entry, EntryKind, Time};

use super::segments::Sealer;
use engine_core::error::Result;
use engine_core::files::backup::{CountedFile, FileState, Run};
use engine_core::tree::{ContentRef, DirectoryBuilder, TreeEntry};

/// Nobody but who restores it needs to read it.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// A file.
pub(super) fn file(name: &[u8], size: u64, content: Option<ContentRef>, time: Time) -> TreeEntry {
    let mut meta = Entry::new(name.to_vec(), EntryKind::File);
    meta.mode = FILE_MODE;
    meta.size = size;
    set_time(&mut meta, time);
    TreeEntry { content, ..TreeEntry::new(meta) }
}

fn set_time(meta: &mut Entry, time: Time) {
    (meta.mtime_seconds, meta.mtime_nanoseconds) = (time.seconds, time.nanoseconds);
    (meta.ctime_seconds, meta.ctime_nanoseconds) = (time.seconds, time.nanoseconds);
}

/// A folder of `entries`, in any order. Counts them, and itself.
pub(super) fn folder(
    run: &Run<'_>,
    sealer: &mut Sealer<'_>,
    name: &[u8],
    mut entries: Vec<TreeEntry>,
    time: Time,
) -> Result<TreeEntry> {
    entries.sort_by(|a, b| a.name().cmp(b.name()));
    let mut builder = DirectoryBuilder::default();
    for entry in entries {
        builder.push(entry, &mut sealer.sink())?;
    }
    let mut meta = Entry::new(name.to_vec(), EntryKind::Directory);
    meta.mode = FOLDER_MODE;
    set_time(&mut meta, time);
    run.count_folder();
    Ok(TreeEntry { tree: builder.finish(&mut sealer.sink())?, ..TreeEntry::new(meta) })
}

/// Counts a file beside the parent's of the same name, which it becomes if it is the same: so what did not change has one time.
pub(super) fn settled(run: &Run<'_>, entry: TreeEntry, parent: Option<&TreeEntry>) -> TreeEntry {
    let same = parent.filter(|parent| parent.content == entry.content && parent.meta.size == entry.meta.size);
    let state = match (same, parent) {
        (Some(_), _) => FileState::Unchanged,
        (None, Some(_)) => FileState::Changed,
        (None, None) => FileState::New,
    };
    run.count_file(CountedFile { size: entry.meta.size, state });
    same.cloned().unwrap_or(entry)
}

//! Files that an earlier run of the plan left: it was killed, or its time was up, when their rows were gone.

use crate::database::Connection;
use crate::purge::files::{FileSet, Look};
use crate::purge::job::Attached;
use crate::purge::tables::{folded, used_names};
use engine_core::error::Result;
use engine_core::upkeep::receipt::ReceiptRecord;

/// Whether there are rows that an earlier run left without what they belonged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::purge) enum Orphans {
    None,
    Some,
}

/// Files that are asked for in one statement.
const FILES_PER_STATEMENT: usize = 500;

/// Files that `records`, all of the same plan, name, that are there as the snapshot has them, and that no row names. If there are
/// `orphans`, rows that go and may be the only ones that name files, rows are not asked yet.
///
/// # Errors
/// If the server fails, or the repository cannot be read.
pub(in crate::purge) fn find_left_files(
    attached: &mut Attached<'_>,
    connection: &mut Connection,
    records: &[ReceiptRecord],
    orphans: Orphans,
) -> Result<FileSet> {
    let mut found = FileSet::new();
    let named = records.iter().filter_map(|record| record.files.as_ref()).flat_map(|files| &files.files);
    for file in named.filter(|file| attached.holds(&file.path.0)) {
        if let Look::Proven(file) = attached.folder.look_at(&file.path.0)? {
            found.insert(file.path, file.size);
        }
    }
    if orphans == Orphans::Some {
        return Ok(found);
    }
    let paths: Vec<Vec<u8>> = found.keys().cloned().collect();
    for paths in paths.chunks(FILES_PER_STATEMENT) {
        for path in still_named(attached, connection, paths)? {
            found.remove(&path);
        }
    }
    Ok(found)
}

/// The paths among `paths` that a row names.
///
/// # Errors
/// If the server fails.
pub(super) fn still_named(
    attached: &Attached<'_>,
    connection: &mut Connection,
    paths: &[Vec<u8>],
) -> Result<Vec<Vec<u8>>> {
    let last = |path: &[u8]| {
        String::from_utf8_lossy(path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()).into_owned()
    };
    let names: Vec<String> = paths.iter().map(|path| last(path)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let used = used_names(connection, &attached.named_by, &names)?;
    Ok(paths.iter().zip(names).filter(|(_, name)| used.contains(&folded(name))).map(|(path, _)| path.clone()).collect())
}

//! Asks an application which of its files are missing, after everything is stored and before the commit.

use repo_format::manifest::{Root, RootKind};
use repo_format::node::{Problem, ProblemKind};

use super::choice::Choice;
use super::parent::Parents;
use super::problems::ProblemLog;
use super::{Companion, Missing, Saved};
use crate::chunk::Coder;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::pack::{ChunkReader, ChunkStore, Mode, NodeSink};
use crate::session::WriterSession;
use crate::tree::{Top, TreeEntry, add_entries};

/// Asks the companion of a database, and adds the files that it found in the parent snapshot to the tree of this one.
pub(super) fn complete(
    session: &WriterSession<'_>,
    saved: &mut Saved,
    roots: &[Root],
    choice: &Choice,
    companion: &Companion,
    monitor: &dyn Monitor,
) -> Result<()> {
    let problems = ProblemLog::new(monitor);
    let written = session.write(Mode::Write, |store| {
        let reader = ChunkReader::new(store.repository());
        // The folder that belongs to the database is in the snapshot that has the same database.
        let database = roots.iter().position(|root| root.kind == RootKind::Database).unwrap_or(roots.len());
        let parents = Parents::new(store, &reader, choice, monitor)?;
        let before = parents.of(database);
        let top = Top { roots, tree: saved.tree };
        let parent_top = before.origin().map(|(manifest, _)| Top::of(manifest));
        let mut returned: Vec<(Vec<u8>, TreeEntry)> = Vec::new();
        let mut missing_files: u64 = 0;
        let named_files = companion(&reader, &top, parent_top.as_ref(), &mut |missing: Missing| {
            match missing.parent {
                Some(entry) if before.content_is_stored(&entry)? => {
                    let path = String::from_utf8_lossy(&missing.path).into_owned();
                    monitor
                        .note(&format!("{path}: it no longer exists, and is kept as it was in the previous snapshot"));
                    returned.push((missing.path, entry));
                }
                _ => {
                    missing_files += 1;
                    problems.add(&missing.path, ProblemKind::Vanished, missing.message);
                }
            }
            Ok(())
        })?;
        saved.statistics.named_files = named_files;
        saved.statistics.named_files_missing = (missing_files > 0).then_some(missing_files);
        let files = returned.len() as u64;
        saved.statistics.files += files;
        saved.statistics.unchanged_files += files;
        saved.statistics.total_bytes += returned.iter().map(|(_, entry)| entry.meta.size).sum::<u64>();
        store_changes(&reader, store, saved, returned, &problems)
    })?;
    // The nodes are rebuilt and contain nothing new: only their bytes count.
    saved.statistics.stored_bytes += written.totals.stored_bytes;
    let (count, named) = problems.into_parts();
    saved.problem_count += count;
    saved.problems.extend::<Vec<Problem>>(named);
    Ok(())
}

fn store_changes(
    reader: &ChunkReader<'_>,
    store: &ChunkStore<'_>,
    saved: &mut Saved,
    returned: Vec<(Vec<u8>, TreeEntry)>,
    problems: &ProblemLog<'_>,
) -> Result<()> {
    let mut coder = Coder::new(store.repository().config().zstd_level)?;
    if !returned.is_empty() {
        let mut sink = NodeSink { store, coder: &mut coder };
        saved.tree = add_entries(reader, &mut sink, saved.tree, returned)?;
    }
    saved.problem_lists.extend(problems.store(store, &mut coder)?);
    Ok(())
}

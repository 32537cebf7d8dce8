//! What an application says is missing of its files, once everything is stored and before it is committed.

use repo_format::manifest::{ROOT_DATABASE, Root};
use repo_format::node::{Problem, ProblemKind};

use super::choice::Choice;
use super::parent::Parents;
use super::problems::ProblemLog;
use super::{Missing, Saved, database};
use crate::chunk::Coder;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::pack::{ChunkReader, ChunkStore, Mode, NodeSink, UPLOADERS};
use crate::repository::WriterSession;
use crate::tree::{Top, TreeEntry, add_entries};

/// Asks the companion of a database, and puts what it found in the parent snapshot into the tree of this one.
///
/// Gives the packs that are counted on.
pub(super) fn complete(
    session: &WriterSession<'_>,
    saved: &mut Saved,
    roots: &[Root],
    choice: &Choice,
    companion: &database::Companion,
    monitor: &dyn Monitor,
) -> Result<Vec<repo_format::id::PackId>> {
    let repository = session.repository();
    let reader = ChunkReader::new(repository);
    let store = ChunkStore::new(session, Mode::Write)?;
    // The snapshot that has the same database has the folder that goes with it.
    let database = roots.iter().position(|root| root.kind == ROOT_DATABASE).unwrap_or(roots.len());
    let parents = Parents::new(&store, &reader, choice)?;
    let before = parents.of(database);
    let problems = ProblemLog::new(monitor);
    let top = Top { roots, tree: saved.tree };
    let parent_top = before.origin().map(|(manifest, _)| Top::of(manifest));
    let mut returned: Vec<(Vec<u8>, TreeEntry)> = Vec::new();
    companion(&reader, &top, parent_top.as_ref(), &mut |missing: Missing| {
        match missing.parent {
            Some(entry) if before.content_is_stored(&entry)? => {
                let path = String::from_utf8_lossy(&missing.path).into_owned();
                monitor
                    .note(&format!("{path}: it is not there any more, and is kept as it was in the snapshot before"));
                returned.push((missing.path, entry));
            }
            _ => problems.add(&missing.path, ProblemKind::Vanished, missing.message),
        }
        Ok(())
    })?;
    let files = returned.len() as u64;
    let bytes: u64 = returned.iter().map(|(_, entry)| entry.meta.size).sum();
    let stored = std::thread::scope(|scope| {
        for _ in 0..UPLOADERS {
            scope.spawn(|| store.run_uploads());
        }
        let stored = store_changes(&reader, &store, saved, returned, &problems);
        stored.inspect_err(|_| store.abandon())
    })?;
    saved.statistics.files += files;
    saved.statistics.unchanged_files += files;
    saved.statistics.total_bytes += bytes;
    saved.statistics.stored_bytes += stored;
    let (count, named) = problems.into_parts();
    saved.problem_count += count;
    saved.problems.extend::<Vec<Problem>>(named);
    Ok(store.counted())
}

fn store_changes(
    reader: &ChunkReader<'_>,
    store: &ChunkStore<'_>,
    saved: &mut Saved,
    returned: Vec<(Vec<u8>, TreeEntry)>,
    problems: &ProblemLog<'_>,
) -> Result<u64> {
    let mut coder = Coder::new(store.repository().config().zstd_level)?;
    if !returned.is_empty() {
        let mut sink = NodeSink { store, coder: &mut coder };
        saved.tree = add_entries(reader, &mut sink, saved.tree, returned)?;
    }
    saved.problem_lists.extend(problems.store(store, &mut coder)?);
    Ok(store.finish()?.stored_bytes)
}

//! Adds entries to a stored tree.

use std::collections::BTreeMap;

use repo_format::id::ChunkId;

use super::{DirectoryBuilder, DirectoryIter, TreeEntry};
use crate::error::{Error, ErrorKind, Result};
use crate::pack::{ChunkReader, NodeSink};

/// Adds `entries`, each under its path from `tree`, to existing folders. Replaces entries of the same names. Returns
/// the new top.
///
/// # Errors
/// [`ErrorKind::NotFound`] if a folder does not exist. If a node cannot be read or stored.
pub(crate) fn add_entries(
    reader: &ChunkReader<'_>,
    sink: &mut NodeSink<'_, '_>,
    tree: Option<ChunkId>,
    entries: Vec<(Vec<u8>, TreeEntry)>,
) -> Result<Option<ChunkId>> {
    let mut here: BTreeMap<Vec<u8>, TreeEntry> = BTreeMap::new();
    let mut below: BTreeMap<Vec<u8>, Vec<(Vec<u8>, TreeEntry)>> = BTreeMap::new();
    for (path, entry) in entries {
        match path.iter().position(|byte| *byte == b'/') {
            None => drop(here.insert(path, entry)),
            Some(at) => below.entry(path[..at].to_vec()).or_default().push((path[at + 1..].to_vec(), entry)),
        }
    }
    let mut builder = DirectoryBuilder::default();
    for entry in DirectoryIter::new(reader, tree) {
        let mut entry = entry?;
        while let Some(first) = here.first_entry().filter(|first| first.key()[..] < *entry.name()) {
            builder.push(first.remove(), sink)?;
        }
        if let Some(replaced) = here.remove(entry.name()) {
            entry = replaced;
        }
        if let Some(inner) = below.remove(entry.name()) {
            entry.tree = add_entries(reader, sink, entry.tree, inner)?;
        }
        builder.push(entry, sink)?;
    }
    here.into_values().try_for_each(|entry| builder.push(entry, sink))?;
    match below.into_keys().next() {
        Some(folder) => {
            let message = format!("there is no folder `{}` to put a file into", String::from_utf8_lossy(&folder));
            Err(Error::new(ErrorKind::NotFound, message))
        }
        None => builder.finish(sink),
    }
}

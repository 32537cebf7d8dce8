//! Whether what is stored already may be counted on: a prune may be about to delete it.

use repo_format::id::ChunkId;
use repo_format::pack::ChunkKind;

use crate::error::{Error, ErrorKind, Result};
use crate::pack::{ChunkReader, ChunkStore};
use crate::tree::{Child, ContentRef, children};

/// Looks up every chunk of `content`.
///
/// # Errors
/// [`ErrorKind::Fenced`] if the repository is about to lose one: nothing may count on it.
pub(super) fn rely_on(store: &ChunkStore<'_>, reader: &ChunkReader<'_>, content: Option<&ContentRef>) -> Result<()> {
    let mut left = match content {
        None | Some(ContentRef::Inline(_)) => return Ok(()),
        Some(ContentRef::Direct(items)) => {
            items.iter().map(|item| Child { id: item.id, kind: ChunkKind::Data }).collect()
        }
        Some(ContentRef::List(id) | ContentRef::Segments(id)) => vec![Child { id: *id, kind: ChunkKind::Node }],
    };
    while let Some(Child { id, kind }) = left.pop() {
        if !store.has(&id)? {
            return Err(going(id));
        }
        if kind == ChunkKind::Node {
            left.extend(children(id, &reader.read(ChunkKind::Node, &id)?)?);
        }
    }
    Ok(())
}

fn going(id: ChunkId) -> Error {
    let message =
        format!("chunk {id} of the snapshot is lost, or a prune is about to delete it: make a new backup first");
    Error::new(ErrorKind::Fenced, message)
}

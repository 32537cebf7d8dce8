//! Whether chunks that are stored already may be counted on: a prune may be about to delete them.

use repo_format::id::ChunkId;

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::pack::{ChunkReader, ChunkStore};
use crate::tree::{ContentRef, reach_content};

/// Looks up every chunk of `content`.
///
/// # Errors
/// [`ErrorKind::Fenced`] if the repository is about to lose one: nothing may count on it.
pub(super) fn rely_on(
    store: &ChunkStore<'_>,
    reader: &ChunkReader<'_>,
    content: Option<&ContentRef>,
    monitor: &dyn Monitor,
) -> Result<()> {
    let Some(content) = content else { return Ok(()) };
    reach_content(reader, content, monitor, &mut |child| {
        if store.has(&child.id)? { Ok(true) } else { Err(going(child.id)) }
    })
}

fn going(id: ChunkId) -> Error {
    let message =
        format!("chunk {id} of the snapshot is lost, or a prune is about to delete it: make a new backup first");
    Error::new(ErrorKind::Fenced, message)
}

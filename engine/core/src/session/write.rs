//! Storing chunks on behalf of a writer. The thread that uploads, and what must happen when any thread fails or panics, stand here and nowhere
//! else.

use std::thread;

use super::WriterSession;
use crate::error::Result;
use crate::pack::{ChunkStore, Mode, StoreTotals};

/// What `work` gave, and what it has added to the repository.
#[derive(Debug, Clone, Copy)]
pub struct Written<T> {
    /// What it gave.
    pub value: T,
    /// What the run has added.
    pub totals: StoreTotals,
}

impl WriterSession<'_> {
    /// Lets `work` store chunks; it may do so from threads of its own, which have ended when it returns. When this returns, all of them are
    /// durable and named by a segment, and the manifest counts on the packs that they are in.
    ///
    /// If `work` fails or panics, what is durable by then stays for a later run. If the upload fails or panics, storing fails, so that `work` ends;
    /// the upload's own error is the one that is given.
    ///
    /// # Errors
    /// The first failure of `work` or of the upload.
    pub fn write<T>(&self, mode: Mode, work: impl FnOnce(&ChunkStore<'_>) -> Result<T>) -> Result<Written<T>> {
        let (store, arrivals) = ChunkStore::new(self.repository(), self.usable(), mode)?;
        let (worked, uploaded) = thread::scope(|scope| {
            let uploader = scope.spawn(|| store.put_packs(arrivals));
            let closing = Closing(&store);
            let worked = work(&store).and_then(|value| store.flush().map(|()| value));
            drop(closing);
            (worked, uploader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        // Its failure is why the others stopped.
        let mut unnamed = uploaded?;
        let value = worked?;
        store.name(&unnamed.take())?;
        self.count_on(store.counted());
        Ok(Written { value, totals: store.totals() })
    }
}

/// Ends the upload, also when `work` panics: the scope waits for its thread.
struct Closing<'s, 'r>(&'s ChunkStore<'r>);

impl Drop for Closing<'_, '_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

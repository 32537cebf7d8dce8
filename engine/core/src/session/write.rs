//! Stores chunks for a writer. Only this file has the upload threads, and the rules for a thread that fails or panics.

use std::sync::{Mutex, PoisonError};
use std::thread;

use super::WriterSession;
use crate::error::Result;
use crate::pack::{ChunkStore, Mode, StoreTotals};
use crate::repository::Unnamed;

/// The result of `work`, and the data that it has added to the repository.
#[derive(Debug, Clone, Copy)]
pub struct Written<T> {
    /// The result of `work`.
    pub value: T,
    /// The data that the run has added.
    pub totals: StoreTotals,
}

impl WriterSession<'_> {
    /// Lets `work` store chunks. It may start threads, which must end before it returns. When this returns, all chunks
    /// are durable, segments name them, and the manifest counts on their packs.
    ///
    /// If `work` fails or panics, the chunks that are durable by then stay for a later run. If the upload fails or
    /// panics, storing fails, so that `work` ends; this then returns the upload's own error.
    ///
    /// # Errors
    /// The first failure of `work` or of the upload.
    pub fn write<T>(&self, mode: Mode, work: impl FnOnce(&ChunkStore<'_>) -> Result<T>) -> Result<Written<T>> {
        let (store, arrivals) = ChunkStore::new(self.repository(), self.usable(), mode)?;
        let unnamed = Mutex::new(Unnamed::default());
        let uploaders = self.repository().store().medium().puts_at_once;
        let (worked, uploaded) = thread::scope(|scope| {
            let upload = |arrivals| {
                let (store, unnamed) = (&store, &unnamed);
                scope.spawn(move || store.put_packs(arrivals, unnamed))
            };
            let uploaders: Vec<_> = std::iter::repeat_n(arrivals, uploaders.max(1)).map(upload).collect();
            let closing = Closing(&store);
            let worked = work(&store).and_then(|value| store.flush().map(|()| value));
            drop(closing);
            let join = |end: thread::ScopedJoinHandle<'_, Result<()>>| {
                end.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            (worked, uploaders.into_iter().map(join).collect::<Vec<_>>())
        });
        // The upload's failure is why the others stopped.
        uploaded.into_iter().try_for_each(std::convert::identity)?;
        let value = worked?;
        let last = unnamed.into_inner().unwrap_or_else(PoisonError::into_inner).take();
        store.name(&last)?;
        // A segment is sealed after such a look. The manifest follows soon, and after its put the session looks once more.
        self.note_look_for_keys(!last.is_empty());
        self.count_on(store.counted());
        self.note_new(store.new_packs());
        Ok(Written { value, totals: store.totals() })
    }
}

/// Ends the upload even if `work` panics: the scope waits for its thread.
struct Closing<'s, 'r>(&'s ChunkStore<'r>);

impl Drop for Closing<'_, '_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

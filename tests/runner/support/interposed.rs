//! A store in which something happens after an object was read, before the reader does anything with it.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use engine::store::{Folder, MemoryStore, ObjectInfo, ObjectName, Result, Store, Tag};

struct Waiting {
    when: fn(&ObjectName) -> bool,
    times: u64,
    action: Box<dyn FnMut() + Send>,
    done: Arc<AtomicU64>,
}

pub struct Interposed {
    store: MemoryStore,
    waiting: Mutex<Option<Waiting>>,
}

impl Interposed {
    pub fn new(store: MemoryStore) -> Self {
        Interposed { store, waiting: Mutex::new(None) }
    }

    /// From now on, `action` follows the next reads of objects that `when` accepts, so many times. Gives how often it was done.
    pub fn after_reads_of(
        &self,
        when: fn(&ObjectName) -> bool,
        times: u64,
        action: impl FnMut() + Send + 'static,
    ) -> Arc<AtomicU64> {
        let done = Arc::new(AtomicU64::new(0));
        let waiting = Waiting { when, times, action: Box::new(action), done: Arc::clone(&done) };
        *self.waiting.lock().unwrap() = Some(waiting);
        done
    }
}

impl Store for Interposed {
    fn location(&self) -> String {
        self.store.location()
    }

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        self.store.put_new(name, parts)
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>> {
        let bytes = self.store.get(name, limit);
        // It is taken out meanwhile: what it does may read, too.
        let waiting = self.waiting.lock().unwrap().take();
        if let Some(mut waiting) = waiting {
            if (waiting.when)(name) {
                (waiting.action)();
                waiting.times -= 1;
                waiting.done.fetch_add(1, Ordering::SeqCst);
            }
            *self.waiting.lock().unwrap() = Some(waiting).filter(|waiting| waiting.times > 0);
        }
        bytes
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> Result<Vec<u8>> {
        self.store.get_range(name, range)
    }

    fn list(
        &self,
        folder: Folder,
        found: &mut dyn FnMut(ObjectInfo) -> Result<()>,
        strange: &mut dyn FnMut(String),
    ) -> Result<()> {
        self.store.list(folder, found, strange)
    }

    fn ensure_durable(&self, name: &ObjectName) -> Result<()> {
        self.store.ensure_durable(name)
    }

    fn delete(&self, name: &ObjectName) -> Result<()> {
        self.store.delete(name)
    }

    fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>> {
        self.store.stat(name)
    }

    fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> Result<()> {
        self.store.replace_if(name, expected, bytes)
    }
}

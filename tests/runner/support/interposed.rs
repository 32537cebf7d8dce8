//! A store in which something happens after an object was read, before the reader does anything with it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use engine::store::{MemoryStore, ObjectName, Result, Store, forward};

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
    forward!([store] location place medium put_new get_range list ensure_durable delete set_aside stat replace_if);

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
}

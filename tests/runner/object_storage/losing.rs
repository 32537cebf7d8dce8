//! A store whose server loses something in the middle of work.

use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};

use engine::store::s3::S3Store;
use engine::store::{ObjectName, Result, Store, forward};

/// A store that loses something at the second call about a pack.
pub struct Losing {
    store: S3Store,
    /// Calls about packs until then.
    countdown: AtomicI64,
    lose: Box<dyn Fn() + Send + Sync>,
}

impl Losing {
    pub fn new(store: S3Store, lose: impl Fn() + Send + Sync + 'static) -> Self {
        Losing { store, countdown: AtomicI64::new(2), lose: Box::new(lose) }
    }

    fn call(&self, name: &ObjectName) {
        let is_pack = matches!(name, ObjectName::Pack(_));
        if is_pack && self.countdown.fetch_sub(1, Ordering::SeqCst) == 1 {
            (self.lose)();
        }
    }
}

impl Store for Losing {
    forward!([store] location place medium get list ensure_durable set_aside stat replace_if protect);

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        self.call(name);
        self.store.put_new(name, parts)
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> Result<Vec<u8>> {
        self.call(name);
        self.store.get_range(name, range)
    }

    fn delete(&self, name: &ObjectName) -> Result<()> {
        self.call(name);
        self.store.delete(name)
    }
}

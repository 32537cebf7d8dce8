//! A few packs stay open, because many ranges are read from the same packs.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::{Arc, Mutex};

use super::lock;
use super::{ObjectName, Result};

/// An open object.
pub(super) struct Handle {
    pub(super) file: File,
    pub(super) size: u64,
}

/// The objects used last, most recent first.
pub(super) struct Handles {
    capacity: usize,
    recent: Mutex<VecDeque<(ObjectName, Arc<Handle>)>>,
}

impl Handles {
    pub(super) fn new(capacity: usize) -> Self {
        Handles { capacity, recent: Mutex::new(VecDeque::with_capacity(capacity)) }
    }

    /// The handle of `name`; `open` opens it if needed. Opens without the lock, because a disk may be slow.
    pub(super) fn get(&self, name: &ObjectName, open: impl FnOnce() -> Result<Handle>) -> Result<Arc<Handle>> {
        if let Some(handle) = self.take(name) {
            self.insert(name, handle.clone());
            return Ok(handle);
        }
        let handle = Arc::new(open()?);
        self.insert(name, handle.clone());
        Ok(handle)
    }

    /// Drops the handle of `name`. The file closes when the last reader is done.
    pub(super) fn forget(&self, name: &ObjectName) {
        self.take(name);
    }

    fn take(&self, name: &ObjectName) -> Option<Arc<Handle>> {
        let mut recent = lock(&self.recent);
        let at = recent.iter().position(|(known, _)| known == name)?;
        recent.remove(at).map(|(_, handle)| handle)
    }

    fn insert(&self, name: &ObjectName, handle: Arc<Handle>) {
        let mut recent = lock(&self.recent);
        recent.retain(|(known, _)| known != name);
        recent.truncate(self.capacity.saturating_sub(1));
        recent.push_front((*name, handle));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use repo_format::id::PackId;

    #[test]
    fn keeps_those_used_last() {
        let handles = Handles::new(2);
        let opened = std::cell::Cell::new(0);
        let get = |n: u8| {
            let open = || {
                opened.set(opened.get() + 1);
                Ok(Handle { file: tempfile::tempfile().unwrap(), size: n.into() })
            };
            assert_eq!(handles.get(&ObjectName::Pack(PackId([n; 32])), open).unwrap().size, u64::from(n));
            opened.get()
        };
        assert_eq!([get(1), get(2), get(1), get(2), get(1)], [1, 2, 2, 2, 2]);
        assert_eq!([get(3), get(1), get(2)], [3, 3, 4]);
        handles.forget(&ObjectName::Pack(PackId([2; 32])));
        assert_eq!([get(1), get(2)], [4, 5]);
    }
}

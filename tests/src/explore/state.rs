//! States: a content of the store and a history for each process, all by numbers.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use engine::store::{MemoryStore, ObjectName};

use super::request::{Answer, Request};

/// Numbers for values, each value once.
pub(super) struct Numbered<T> {
    values: Vec<Arc<T>>,
    ids: HashMap<Arc<T>, u32>,
}

impl<T: Hash + Eq> Numbered<T> {
    pub fn new() -> Self {
        Numbered { values: Vec::new(), ids: HashMap::new() }
    }

    /// The number of a value; a new one if there is none.
    pub fn id(&mut self, value: T) -> u32 {
        if let Some(id) = self.ids.get(&value) {
            return *id;
        }
        let id = u32::try_from(self.values.len()).expect("fewer than 4 billion values");
        let value = Arc::new(value);
        self.values.push(value.clone());
        self.ids.insert(value, id);
        id
    }

    pub fn get(&self, id: u32) -> &T {
        &self.values[id as usize]
    }

    pub fn count(&self) -> usize {
        self.values.len()
    }
}

/// A number of a [`Request`].
pub(super) type RequestId = u32;
/// A number of an [`Answer`].
pub(super) type AnswerId = u32;
/// A number of a content of the store.
pub(super) type StoreId = u32;

/// The request and the answer.
pub(super) struct Values {
    pub requests: Numbered<Request>,
    pub answers: Numbered<Answer>,
}

impl Values {
    pub fn new() -> Self {
        Values { requests: Numbered::new(), answers: Numbered::new() }
    }
}

/// All contents of the store that were met, and what each operation does to them.
pub(super) struct Stores {
    bytes: Numbered<Vec<u8>>,
    contents: Numbered<Vec<(ObjectName, u32)>>,
    performed: HashMap<(StoreId, RequestId), (AnswerId, StoreId)>,
}

impl Stores {
    pub fn new() -> Self {
        Stores { bytes: Numbered::new(), contents: Numbered::new(), performed: HashMap::new() }
    }

    /// The number of what is in `store`.
    pub fn id(&mut self, store: &MemoryStore) -> StoreId {
        let objects = store.names().into_iter().map(|name| {
            let bytes = store.bytes(&name).expect("what has a name has bytes");
            (name, self.bytes.id(bytes))
        });
        let objects = objects.collect();
        self.contents.id(objects)
    }

    /// A store with this content.
    pub fn load(&self, id: StoreId) -> MemoryStore {
        let store = MemoryStore::new();
        for (name, bytes) in self.contents.get(id) {
            store.put_raw(name, self.bytes.get(*bytes).as_slice());
        }
        store
    }

    /// Whether an object is there.
    pub fn has(&self, id: StoreId, name: &ObjectName) -> bool {
        self.contents.get(id).binary_search_by_key(name, |(name, _)| *name).is_ok()
    }

    /// The answer of the store, and its contents afterwards.
    pub fn perform(&mut self, store: StoreId, request: RequestId, values: &mut Values) -> (AnswerId, StoreId) {
        if let Some(known) = self.performed.get(&(store, request)) {
            return *known;
        }
        let (loaded, asked) = (self.load(store), values.requests.get(request));
        let answer = asked.perform(&loaded);
        let after = if asked.is_change() { self.id(&loaded) } else { store };
        let result = (values.answers.id(answer), after);
        self.performed.insert((store, request), result);
        result
    }

    pub fn count(&self) -> usize {
        self.contents.count()
    }
}

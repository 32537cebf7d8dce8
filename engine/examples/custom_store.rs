//! A custom store: it passes every call on to a folder, and counts the calls. `cargo run --example custom_store`.
//!
//! A store must keep the promises of [`Store`]; [`conformance::check`] tests each of them.

#![allow(clippy::print_stdout, reason = "an example tells its reader")]

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use engine::prelude::*;
use engine::store::{self, Folder, ObjectInfo, ObjectName, Tag, conformance};

fn main() -> Result<()> {
    let work = tempfile::tempdir().map_err(|e| Error::io("cannot make a folder", e))?;
    for (request, count) in run(work.path())? {
        println!("{request:12} {count}");
    }
    Ok(())
}

/// Tests the store, saves a folder into it, and returns the number of calls of each kind.
pub fn run(work: &Path) -> Result<BTreeMap<&'static str, u64>> {
    let tried = Counting::new(LocalStore::create(&work.join("tried"))?);
    conformance::check(&tried).map_err(|failure| Error::new(ErrorKind::Refused, failure.to_string()))?;

    let source = work.join("source");
    let written = std::fs::create_dir(&source).and_then(|()| std::fs::write(source.join("note.txt"), "a note"));
    written.map_err(|e| Error::io("cannot write a file", e))?;

    let store = Arc::new(Counting::new(LocalStore::create(&work.join("repository"))?));
    let password = Credential::Password("correct horse battery staple".to_owned().into());
    init(&*store, &password, &InitOptions { label: "owner".to_owned(), ..InitOptions::default() })?;
    store.forget_counts();
    let options = OpenOptions::new(work.join("cache"), Access::Write);
    let repository = Repository::open(Arc::clone(&store) as Arc<dyn Store>, &password, &options, &NullMonitor)?;
    backup(&repository, vec![Source::Path(source)], &BackupOptions::default(), &NullMonitor)?;
    Ok(store.counts())
}

struct Counting {
    inner: LocalStore,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counting {
    fn new(inner: LocalStore) -> Self {
        Counting { inner, counts: Mutex::default() }
    }

    fn count(&self, request: &'static str) -> &LocalStore {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(request).or_default() += 1;
        &self.inner
    }

    fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn forget_counts(&self) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Store for Counting {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> store::Result<()> {
        self.count("put_new").put_new(name, parts)
    }

    fn get(&self, name: &ObjectName, limit: u64) -> store::Result<Vec<u8>> {
        self.count("get").get(name, limit)
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> store::Result<Vec<u8>> {
        self.count("get_range").get_range(name, range)
    }

    fn list(
        &self,
        folder: Folder,
        found: &mut dyn FnMut(ObjectInfo) -> store::Result<()>,
        strange: &mut dyn FnMut(String),
    ) -> store::Result<()> {
        self.count("list").list(folder, found, strange)
    }

    fn ensure_durable(&self, name: &ObjectName) -> store::Result<()> {
        self.count("ensure_durable").ensure_durable(name)
    }

    fn delete(&self, name: &ObjectName) -> store::Result<()> {
        self.count("delete").delete(name)
    }

    fn stat(&self, name: &ObjectName) -> store::Result<Option<ObjectInfo>> {
        self.count("stat").stat(name)
    }

    fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> store::Result<()> {
        self.count("replace_if").replace_if(name, expected, bytes)
    }
}

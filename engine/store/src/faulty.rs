//! A store around another that fails on request, and remembers the calls it received.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Folder, Medium, ObjectInfo, ObjectName, Result, Store, StoreError, StoreErrorKind, Tag};

/// A kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "they are the methods of `Store`")]
pub enum Op {
    PutNew,
    Get,
    GetRange,
    List,
    EnsureDurable,
    Delete,
    Stat,
    ReplaceIf,
}

/// An operation that has ended, in success or failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The kind of operation.
    pub op: Op,
    /// The object's folder, or the folder that was listed.
    pub folder: Folder,
    /// The object; `None` for a listing.
    pub name: Option<ObjectName>,
    /// The number of bytes that it would have written, or has read.
    pub bytes: u64,
    /// The error that the caller saw.
    pub error: Option<StoreErrorKind>,
}

/// When an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before it has any effect.
    Before,
    /// After it has had its effect: only the answer is lost.
    After,
}

/// Which operations are to fail, and how.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Only operations of these kinds count and fail. If empty, all do.
    pub ops: Vec<Op>,
    /// The first operation that fails, counted from 1 since [`FaultyStore::fail`].
    pub at: u64,
    /// Whether all operations after it fail, too.
    pub lasting: bool,
    /// The error that the caller sees.
    pub kind: StoreErrorKind,
    /// Whether the operation still has its effect.
    pub when: When,
}

/// A [`Store`] that passes all calls on to another, until it is told to [`fail`](Self::fail).
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    /// Operations that counted since the fault was set.
    counted: u64,
    log: Vec<Call>,
}

impl FaultyStore {
    /// A store around `inner` without faults.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        FaultyStore { inner, state: Mutex::default() }
    }

    /// From now on operations fail as `fault` says. Replaces an earlier fault.
    pub fn fail(&self, fault: Fault) {
        let mut state = self.state();
        state.fault = Some(fault);
        state.counted = 0;
    }

    /// From now on no operation fails.
    pub fn heal(&self) {
        self.state().fault = None;
    }

    /// All operations so far, in the order in which they ended.
    pub fn log(&self) -> Vec<Call> {
        self.state().log.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the operation that begins now should fail.
    fn begin(&self, op: Op) -> Option<(When, StoreErrorKind)> {
        let mut state = self.state();
        let fault = state.fault.clone().filter(|fault| fault.ops.is_empty() || fault.ops.contains(&op))?;
        state.counted += 1;
        let fails = state.counted == fault.at || fault.lasting && state.counted > fault.at;
        fails.then_some((fault.when, fault.kind))
    }

    /// Runs an operation unless it should fail before; `size` says how many bytes its result has.
    fn call<T>(
        &self,
        mut call: Call,
        run: impl FnOnce(&dyn Store) -> Result<T>,
        size: impl Fn(&T) -> Option<usize>,
    ) -> Result<T> {
        let fault = self.begin(call.op);
        let object = call.name.map_or_else(|| call.folder.as_str().to_owned(), |name| name.to_string());
        let failed = |kind| Err(StoreError::new(kind, "reach", object));
        let result = match fault {
            None => run(&*self.inner),
            Some((When::Before, kind)) => failed(kind),
            Some((When::After, kind)) => run(&*self.inner).and_then(|_| failed(kind)),
        };
        match &result {
            Ok(value) => call.bytes = size(value).map_or(call.bytes, |size| size as u64),
            Err(e) => call.error = Some(e.kind),
        }
        self.state().log.push(call);
        result
    }
}

fn call(op: Op, name: &ObjectName, bytes: usize) -> Call {
    Call { op, folder: name.folder(), name: Some(*name), bytes: bytes as u64, error: None }
}

impl Store for FaultyStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn place(&self) -> String {
        self.inner.place()
    }

    fn medium(&self) -> Medium {
        self.inner.medium()
    }

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        let length = parts.iter().map(|part| part.len()).sum();
        self.call(call(Op::PutNew, name, length), |inner| inner.put_new(name, parts), |()| None)
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>> {
        self.call(call(Op::Get, name, 0), |inner| inner.get(name, limit), |bytes| Some(bytes.len()))
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> Result<Vec<u8>> {
        self.call(call(Op::GetRange, name, 0), |inner| inner.get_range(name, range), |bytes| Some(bytes.len()))
    }

    fn list(
        &self,
        folder: Folder,
        found: &mut dyn FnMut(ObjectInfo) -> Result<()>,
        strange: &mut dyn FnMut(String),
    ) -> Result<()> {
        let call = Call { op: Op::List, folder, name: None, bytes: 0, error: None };
        self.call(call, |inner| inner.list(folder, found, strange), |()| None)
    }

    fn ensure_durable(&self, name: &ObjectName) -> Result<()> {
        self.call(call(Op::EnsureDurable, name, 0), |inner| inner.ensure_durable(name), |()| None)
    }

    fn delete(&self, name: &ObjectName) -> Result<()> {
        self.call(call(Op::Delete, name, 0), |inner| inner.delete(name), |()| None)
    }

    fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>> {
        self.call(call(Op::Stat, name, 0), |inner| inner.stat(name), |_| None)
    }

    fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> Result<()> {
        let call = call(Op::ReplaceIf, name, bytes.len());
        self.call(call, |inner| inner.replace_if(name, expected, bytes), |()| None)
    }
}

//! Requests of a process to the store, and the answers, as values.

use std::ops::Range;

use engine::store::{self, Folder, ObjectInfo, ObjectName, Store, StoreError, StoreErrorKind, Tag};

/// One operation of a store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// `put_new`, with the bytes.
    PutNew(ObjectName, Vec<u8>),
    /// `overwrite`, with the bytes.
    Overwrite(ObjectName, Vec<u8>),
    /// `get`, with the limit.
    Get(ObjectName, u64),
    /// `get_range`.
    GetRange(ObjectName, Range<u64>),
    /// `list`.
    List(Folder),
    /// `ensure_durable`.
    EnsureDurable(ObjectName),
    /// `delete`.
    Delete(ObjectName),
    /// `stat`.
    Stat(ObjectName),
    /// `replace_if`, with the tag that is expected and the bytes.
    ReplaceIf(ObjectName, Option<[u8; 32]>, Vec<u8>),
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A change was made.
    Done,
    /// The bytes that were read.
    Bytes(Vec<u8>),
    /// The listing, in order of the names.
    Found(Vec<ObjectInfo>),
    /// The facts about an object.
    Info(Option<ObjectInfo>),
    /// It failed.
    Failed(StoreErrorKind),
}

impl Request {
    /// The object, if it is about one.
    pub fn name(&self) -> Option<&ObjectName> {
        match self {
            Request::PutNew(name, _)
            | Request::Overwrite(name, _)
            | Request::Get(name, _)
            | Request::GetRange(name, _)
            | Request::EnsureDurable(name)
            | Request::Delete(name)
            | Request::Stat(name)
            | Request::ReplaceIf(name, _, _) => Some(name),
            Request::List(_) => None,
        }
    }

    /// The folder that it is about.
    pub fn folder(&self) -> Folder {
        match self {
            Request::List(folder) => *folder,
            _ => self.name().map_or(Folder::Top, ObjectName::folder),
        }
    }

    /// Whether it may change the store.
    pub fn is_change(&self) -> bool {
        matches!(self, Request::PutNew(..) | Request::Overwrite(..) | Request::Delete(_) | Request::ReplaceIf(..))
    }

    /// Whether it is the commit of a writer: the put of its manifest.
    pub fn is_commit(&self) -> bool {
        matches!(self, Request::PutNew(ObjectName::Snapshot(_), _) | Request::Overwrite(ObjectName::Snapshot(_), _))
    }

    /// Whether it matters that a network carries it out late: a commit, or a put over an object without a condition.
    pub fn matters_late(&self) -> bool {
        self.is_commit() || matches!(self, Request::Overwrite(ObjectName::Condemned, _))
    }

    /// The request in one word.
    pub fn verb(&self) -> &'static str {
        match self {
            Request::PutNew(..) => "put",
            Request::Overwrite(..) => "put over",
            Request::Get(..) => "get",
            Request::GetRange(..) => "get part of",
            Request::List(_) => "list",
            Request::EnsureDurable(_) => "make durable",
            Request::Delete(_) => "delete",
            Request::Stat(_) => "stat",
            Request::ReplaceIf(..) => "replace",
        }
    }

    /// Performs it.
    pub fn perform(&self, store: &dyn Store) -> Answer {
        let done = |result: store::Result<()>| result.map(|()| Answer::Done);
        let result = match self {
            Request::PutNew(name, bytes) => done(store.put_new(name, &[bytes])),
            Request::Overwrite(name, bytes) => done(store.overwrite(name, &[bytes])),
            Request::Get(name, limit) => store.get(name, *limit).map(|bytes| Answer::Bytes(bytes.to_vec())),
            Request::GetRange(name, range) => store.get_range(name, range.clone()).map(Answer::Bytes),
            Request::List(folder) => list(store, *folder).map(Answer::Found),
            Request::EnsureDurable(name) => done(store.ensure_durable(name)),
            Request::Delete(name) => done(store.delete(name)),
            Request::Stat(name) => store.stat(name).map(Answer::Info),
            Request::ReplaceIf(name, tag, bytes) => done(store.replace_if(name, tag.map(Tag), bytes)),
        };
        result.unwrap_or_else(|error| Answer::Failed(error.kind))
    }
}

fn list(store: &dyn Store, folder: Folder) -> store::Result<Vec<ObjectInfo>> {
    let mut infos = Vec::new();
    let mut found = |info| {
        infos.push(info);
        Ok(())
    };
    store.list(folder, &mut found, &mut |_| {})?;
    infos.sort_by_key(|info| info.name);
    Ok(infos)
}

/// A store whose operations are given to `ask` as values. For stores that answer otherwise than the one below them, too.
pub fn pass(ask: impl Fn(Request) -> Answer + Send + Sync) -> impl Store {
    Passing(ask)
}

struct Passing<F>(F);

impl<F: Fn(Request) -> Answer> Passing<F> {
    fn ask(&self, request: Request) -> store::Result<Answer> {
        let (verb, object) = (request.verb(), request.name().map_or_else(String::new, ToString::to_string));
        match (self.0)(request) {
            Answer::Failed(kind) => Err(StoreError::new(kind, verb, object)),
            answer => Ok(answer),
        }
    }
}

impl<F: Fn(Request) -> Answer + Send + Sync> Store for Passing<F> {
    fn location(&self) -> String {
        "the explored store".to_owned()
    }

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> store::Result<()> {
        self.ask(Request::PutNew(*name, parts.concat())).map(drop)
    }

    fn overwrite(&self, name: &ObjectName, parts: &[&[u8]]) -> store::Result<()> {
        self.ask(Request::Overwrite(*name, parts.concat())).map(drop)
    }

    fn get(&self, name: &ObjectName, limit: u64) -> store::Result<Vec<u8>> {
        match self.ask(Request::Get(*name, limit))? {
            Answer::Bytes(bytes) => Ok(bytes),
            other => unreachable!("bytes are what a get gives, not {other:?}"),
        }
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> store::Result<Vec<u8>> {
        match self.ask(Request::GetRange(*name, range))? {
            Answer::Bytes(bytes) => Ok(bytes),
            other => unreachable!("bytes are what a get gives, not {other:?}"),
        }
    }

    fn list(
        &self,
        folder: Folder,
        found: &mut dyn FnMut(ObjectInfo) -> store::Result<()>,
        _: &mut dyn FnMut(String),
    ) -> store::Result<()> {
        match self.ask(Request::List(folder))? {
            Answer::Found(infos) => infos.into_iter().try_for_each(found),
            other => unreachable!("objects are what a list gives, not {other:?}"),
        }
    }

    fn ensure_durable(&self, name: &ObjectName) -> store::Result<()> {
        self.ask(Request::EnsureDurable(*name)).map(drop)
    }

    fn delete(&self, name: &ObjectName) -> store::Result<()> {
        self.ask(Request::Delete(*name)).map(drop)
    }

    fn stat(&self, name: &ObjectName) -> store::Result<Option<ObjectInfo>> {
        match self.ask(Request::Stat(*name))? {
            Answer::Info(info) => Ok(info),
            other => unreachable!("an object or none is what a stat gives, not {other:?}"),
        }
    }

    fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> store::Result<()> {
        self.ask(Request::ReplaceIf(*name, expected.map(|tag| tag.0), bytes.to_vec())).map(drop)
    }
}

//! A store in S3-compatible object storage.
//!
//! Every object is one PUT, and its key is the prefix with the name of the object. The rules that a network needs are
//! here: a missing answer is never taken for an answer, and a request is sent again only where that does no harm.

mod address;
mod answer;
mod client;
mod guard;
mod listing;
#[cfg(any(test, feature = "test-support"))]
mod make;
mod options;
mod pace;
mod pauses;
mod put;
mod request;
mod versions;

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};

pub use address::{NotAnAddress, S3Address};
pub use guard::{Guards, Lock};
#[cfg(any(test, feature = "test-support"))]
pub use make::Keeps;
pub use options::{Credentials, Limits, Patience, S3Options, Stop, UrlStyle};
pub use pace::Pace;
pub use versions::{PastChanges, PastStore};

use crate::{Folder, Holdings, Medium, ObjectInfo, ObjectName, Result, Store, StoreError, StoreErrorKind, Tag};
use answer::{Failure, Reply};
use client::Client;
use listing::{LARGEST_PAGE, Listed};
use pauses::Pauses;
use request::Subject;

/// No object of any server is larger, in bytes. Servers may ignore a range that goes far beyond.
const LARGEST: u64 = 5 << 40;

/// A [`Store`] in a bucket of S3-compatible object storage.
///
/// The server must be strongly consistent, and must not ignore conditions: [`crate::conformance::check_conditions`]
/// finds out. Operations block; they cannot be called from an asynchronous task.
///
/// An operation is tried again while the storage fails, for [`Patience::outage`]; then it fails with
/// [`StoreErrorKind::Unavailable`]. A put in [`Folder::Snapshots`] is not sent again after an answer was missing: the
/// caller must know of it.
pub struct S3Store {
    client: Client,
    address: S3Address,
    endpoint: String,
    patience: Patience,
    stop: Stop,
    /// Whether the server wants the tag of an expected content without quotes, as old versions of Ceph do.
    wants_bare_tags: AtomicBool,
}

impl S3Store {
    /// A store at the place that `options` names. Asks the server nothing; a role is asked for.
    ///
    /// # Errors
    /// [`StoreErrorKind::Io`] if the options cannot be used; [`StoreErrorKind::PermissionDenied`] if there is no role.
    pub fn new(options: &S3Options) -> Result<Self> {
        Ok(S3Store {
            client: Client::new(options)?,
            address: options.address.clone(),
            endpoint: options.endpoint.clone().unwrap_or_else(|| "AWS".to_owned()),
            patience: options.patience.within(&options.limits),
            stop: options.stop.clone(),
            wants_bare_tags: AtomicBool::new(false),
        })
    }

    /// Where an object is in the bucket.
    fn path(&self, name: &ObjectName) -> Result<Path> {
        let key = match self.address.prefix() {
            "" => name.to_string(),
            prefix => format!("{prefix}/{name}"),
        };
        Path::parse(key).map_err(|e| StoreError::io("name", name, std::io::Error::other(e)))
    }

    /// The beginning of the keys of a folder; `None` if it is every key.
    fn prefix(&self, folder: Folder) -> Option<String> {
        let parts = [self.address.prefix(), folder.as_str()];
        let parts: String = parts.into_iter().filter(|part| !part.is_empty()).map(|part| format!("{part}/")).collect();
        (!parts.is_empty()).then_some(parts)
    }

    fn pauses(&self) -> Pauses {
        Pauses::new(self.patience, self.stop.clone())
    }

    /// Sends a request again until it is answered, or patience is at an end. Only for what may be done twice.
    fn repeat<T>(
        &self,
        mut request: impl FnMut() -> std::result::Result<T, Failure>,
    ) -> std::result::Result<T, Failure> {
        let mut pauses = self.pauses();
        loop {
            match request() {
                Err(failure) if failure.is_passing() && pauses.wait() => {}
                done => return done,
            }
        }
    }

    /// Reads an object, or a range of it. Before the contents, `accept` sees the size of the whole object.
    fn read(
        &self,
        path: &Path,
        options: &GetOptions,
        accept: impl Fn(u64) -> std::result::Result<(), Failure>,
    ) -> std::result::Result<Read, Failure> {
        self.repeat(|| {
            let result = self.client.wait(self.patience.answer, self.client.reads.get_opts(path, options.clone()))?;
            accept(result.meta.size)?;
            let (tag, length) = (result.meta.e_tag.clone(), result.range.end - result.range.start);
            let bytes = self.client.wait(self.patience.limit(length), result.bytes())?;
            if bytes.len() as u64 != length {
                let why = format!("{} of {length} bytes arrived", bytes.len());
                return Err(Failure::new(Reply::Silent, why));
            }
            Ok(Read { bytes: bytes.into(), tag })
        })
    }

    /// Sends a request that `object_store` has no call for, and which may be sent twice.
    fn request(&self, method: &str, subject: Subject<'_>) -> std::result::Result<String, Failure> {
        self.request_with(method, subject, Vec::new())
    }

    fn request_with(&self, method: &str, subject: Subject<'_>, body: Vec<u8>) -> std::result::Result<String, Failure> {
        let limit = self.patience.limit(LARGEST_PAGE);
        let document = self.repeat(|| {
            self.client.wait(limit, async {
                let credential = self.client.reads.credentials().get_credential().await?;
                self.client.requests.send(&credential, method, subject, body.clone()).await
            })
        })?;
        String::from_utf8(document).map_err(|_| Failure::new(Reply::Other, "the server's answer is not text"))
    }

    /// The size of an object, or `None` if the server says that there is none. Asks for its first byte: an answer to HEAD
    /// has no document, so a refusal does not say who answers, and what is wrong.
    fn size(&self, path: &Path) -> std::result::Result<Option<u64>, Failure> {
        let seen = Cell::new(0);
        let note = |size| {
            seen.set(size);
            Ok(())
        };
        let first = GetOptions { range: Some(GetRange::Bounded(0..1)), ..GetOptions::default() };
        match self.read(path, &first, note) {
            Ok(_) => Ok(Some(seen.get())),
            Err(failure) if failure.reply == Reply::Missing => Ok(None),
            // There is no first byte of an empty object.
            Err(failure) if failure.reply == Reply::OutOfRange => {
                self.read(path, &GetOptions::default(), note).map(|_| Some(seen.get()))
            }
            Err(failure) => Err(failure),
        }
    }

    /// The path of a key within the repository.
    fn within<'k>(&self, key: &'k str) -> &'k str {
        match self.address.prefix() {
            "" => key,
            prefix => key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key),
        }
    }
}

/// An object that was read, or a part of it.
struct Read {
    bytes: Vec<u8>,
    /// The server's own tag of the whole content.
    tag: Option<String>,
}

impl Store for S3Store {
    fn location(&self) -> String {
        self.address.to_string()
    }

    fn place(&self) -> String {
        format!("{} at {}", self.address, self.endpoint)
    }

    fn medium(&self) -> Medium {
        Medium::NETWORK
    }

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        self.put(name, parts.concat().into())
    }

    fn put_owned(&self, name: &ObjectName, parts: Vec<Vec<u8>>) -> Result<()> {
        self.put(name, parts.into_iter().map(Bytes::from).collect())
    }

    fn overwrite(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        self.put_over(name, &parts.concat().into())
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>> {
        let accept = |size| if size > limit { Err(Failure::new(Reply::Other, TOO_LARGE)) } else { Ok(()) };
        match self.read(&self.path(name)?, &GetOptions::default(), accept) {
            Ok(read) => Ok(read.bytes),
            Err(failure) if failure.is(TOO_LARGE) => Err(StoreError::new(StoreErrorKind::TooLarge, "read", name)),
            Err(failure) => Err(failure.error("read", name)),
        }
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> Result<Vec<u8>> {
        let path = self.path(name)?;
        let truncated = || Err(StoreError::new(StoreErrorKind::Truncated, "read", name));
        if range.is_empty() || range.end > LARGEST {
            return match self.size(&path).map_err(|failure| failure.error("read", name))? {
                None => Err(StoreError::new(StoreErrorKind::NotFound, "read", name)),
                Some(size) if range.end > size => truncated(),
                Some(_) => Ok(Vec::new()),
            };
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
        let accept = |size| if range.end > size { Err(Failure::new(Reply::OutOfRange, SHORTER)) } else { Ok(()) };
        match self.read(&path, &options, accept) {
            Ok(read) => Ok(read.bytes),
            Err(failure) if failure.reply == Reply::OutOfRange => truncated(),
            // Some servers answer so to a range that ends behind the object; only its size tells.
            Err(failure) => match self.size(&path) {
                Ok(Some(size)) if range.end > size => truncated(),
                _ => Err(failure.error("read", name)),
            },
        }
    }

    fn list(
        &self,
        folder: Folder,
        found: &mut dyn FnMut(ObjectInfo) -> Result<()>,
        strange: &mut dyn FnMut(String),
    ) -> Result<()> {
        self.list_all(folder, found, strange)
    }

    fn holdings(&self, folder: Folder) -> Result<Holdings> {
        let mut holdings = Holdings::default();
        self.each_page(folder, &mut |page| {
            for Listed { key, size, written } in page.objects {
                if self.within(&key).parse::<ObjectName>().is_ok_and(|name| name.folder() == folder) {
                    holdings.add(size, Some(written));
                }
            }
            Ok(())
        })?;
        Ok(holdings)
    }

    /// An object that a server has acknowledged is durable, so this only looks whether the object is there.
    fn ensure_durable(&self, name: &ObjectName) -> Result<()> {
        match self.stat(name)? {
            Some(_) => Ok(()),
            None => Err(StoreError::new(StoreErrorKind::NotFound, "find", name)),
        }
    }

    fn delete(&self, name: &ObjectName) -> Result<()> {
        let path = self.path(name)?;
        let deleted = self.repeat(|| self.client.wait(self.patience.answer, self.client.reads.delete(&path)));
        match deleted {
            Err(failure) if failure.reply == Reply::Missing => Ok(()),
            done => done.map_err(|failure| failure.error("delete", name)),
        }
    }

    fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>> {
        let size = self.size(&self.path(name)?).map_err(|failure| failure.error("find", name))?;
        Ok(size.map(|size| ObjectInfo { name: *name, size }))
    }

    fn protect(&self, name: &ObjectName, until: i64) -> Result<()> {
        self.lock(name, until)
    }

    fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> Result<()> {
        match expected {
            Some(expected) => self.replace(name, expected, bytes),
            None => self.put(name, bytes.to_vec().into()).map_err(|error| match error.kind {
                StoreErrorKind::AlreadyExists => StoreError::new(StoreErrorKind::Conflict, "replace", name),
                _ => error,
            }),
        }
    }
}

/// Said of an object that is larger than its reader allows.
const TOO_LARGE: &str = "it is larger than the format allows";
/// Said of an object that ends before a range.
const SHORTER: &str = "it is shorter than it should be";

//! Puts: one request an object, with a condition, and what becomes of it when an answer is missing.

use std::sync::atomic::Ordering;

use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, PutMode, PutOptions, PutPayload, UpdateVersion};

use super::answer::{Failure, Reply};
use super::{S3Store, TOO_LARGE};
use crate::{Folder, ObjectName, Result, StoreError, StoreErrorKind, Tag};

/// How often a replacement looks and asks again although nobody else changed the object: a server that refuses so often
/// does not understand the condition.
const ROUNDS: u32 = 12;

impl S3Store {
    /// Creates an object. After a missing answer the request is sent again, except for a manifest. If the name is taken
    /// then, the object itself says whether the first request took it.
    pub(super) fn put(&self, name: &ObjectName, payload: PutPayload) -> Result<()> {
        let path = self.path(name)?;
        let mut pauses = self.pauses();
        let mut is_unanswered = false;
        loop {
            let Err(failure) = self.send(name, &path, &payload, PutMode::Create) else { return Ok(()) };
            match failure.reply {
                Reply::ConditionFails if is_unanswered => return self.recognise(name, &path, &payload),
                Reply::ConditionFails => return Err(StoreError::new(StoreErrorKind::AlreadyExists, "write", name)),
                Reply::Silent if name.folder() == Folder::Snapshots => return Err(failure.error("write", name)),
                Reply::Silent => is_unanswered = true,
                Reply::Contended | Reply::Busy => {}
                _ => return Err(failure.error("write", name)),
            }
            if !pauses.wait() {
                return Err(failure.error("write", name));
            }
        }
    }

    /// Writes an object, whatever is there. After a missing answer the request is sent again only where a late one does no
    /// harm: under such a name nobody ever puts other bytes.
    pub(super) fn put_over(&self, name: &ObjectName, payload: &PutPayload) -> Result<()> {
        let path = self.path(name)?;
        let mut pauses = self.pauses();
        loop {
            let Err(failure) = self.send(name, &path, payload, PutMode::Overwrite) else { return Ok(()) };
            let may_follow = failure.is_passing() && (failure.reply != Reply::Silent || is_put_once(name));
            if !may_follow || !pauses.wait() {
                return Err(failure.error("write", name));
            }
        }
    }

    fn send(
        &self,
        name: &ObjectName,
        path: &Path,
        payload: &PutPayload,
        mode: PutMode,
    ) -> std::result::Result<(), Failure> {
        let limit = self.patience.limit(payload.content_length() as u64);
        // The caller must know the fate of these.
        let matters = match mode {
            PutMode::Create => name.folder() == Folder::Snapshots,
            PutMode::Overwrite => !is_put_once(name),
            PutMode::Update(_) => true,
        };
        let request = self.client.puts.put_opts(path, payload.clone(), PutOptions::from(mode));
        let sent = if matters { self.client.wait_for_answer(limit, request) } else { self.client.wait(limit, request) };
        sent.map(drop)
    }

    /// Whether the object that took the name is the one that this program has sent before.
    fn recognise(&self, name: &ObjectName, path: &Path, payload: &PutPayload) -> Result<()> {
        let size = payload.content_length() as u64;
        let taken = StoreError::new(StoreErrorKind::AlreadyExists, "write", name);
        let failed = |failure: Failure| failure.error("read back", name);
        let is_own = match name {
            // The name is the hash of the contents.
            ObjectName::Pack(_) | ObjectName::Segment(_) => self.size(path).map_err(failed)? == Some(size),
            _ => {
                let accept = |there| if there == size { Ok(()) } else { Err(Failure::new(Reply::Other, TOO_LARGE)) };
                match self.read(path, &GetOptions::default(), accept) {
                    Ok(read) => read.bytes.iter().eq(payload.iter().flatten()),
                    Err(failure) if failure.is(TOO_LARGE) || failure.reply == Reply::Missing => false,
                    Err(failure) => return Err(failed(failure)),
                }
            }
        };
        if is_own { Ok(()) } else { Err(taken) }
    }

    /// Replaces an object that has the content `expected`. Bytes and the server's tag come in one answer, and the server
    /// compares the tag. Nobody else writes the same bytes, since each has a salt of its own; so if they are there after
    /// a missing answer, this program has put them.
    pub(super) fn replace(&self, name: &ObjectName, expected: Tag, bytes: &[u8]) -> Result<()> {
        let (path, payload) = (self.path(name)?, PutPayload::from(bytes.to_vec()));
        let conflict = || StoreError::new(StoreErrorKind::Conflict, "replace", name);
        let mut pauses = self.pauses();
        let (mut is_unanswered, mut refused) = (false, 0);
        loop {
            let there = match self.read(&path, &GetOptions::default(), |_| Ok(())) {
                Err(failure) if failure.reply == Reply::Missing => return Err(conflict()),
                read => read.map_err(|failure| failure.error("replace", name))?,
            };
            if is_unanswered && there.bytes == bytes {
                return Ok(());
            }
            if Tag::of(&there.bytes) != expected {
                return Err(conflict());
            }
            let is_bare = self.wants_bare_tags.load(Ordering::Relaxed) != (refused % 2 == 1);
            let e_tag = there.tag.map(|tag| if is_bare { tag.trim_matches('"').to_owned() } else { tag });
            let version = UpdateVersion { e_tag, version: None };
            let failure = match self.send(name, &path, &payload, PutMode::Update(version)) {
                Ok(()) => {
                    self.wants_bare_tags.store(is_bare, Ordering::Relaxed);
                    return Ok(());
                }
                Err(failure) => failure,
            };
            match failure.reply {
                // Somebody was faster, or the server wants the tag in the other way.
                Reply::ConditionFails | Reply::Missing => refused += 1,
                Reply::Silent => is_unanswered = true,
                Reply::Contended | Reply::Busy => {}
                _ => return Err(failure.error("replace", name)),
            }
            if refused > ROUNDS {
                let why = "the server refuses to replace an object that nobody has changed";
                return Err(Failure::new(Reply::Unsupported, why).error("replace", name));
            }
            if failure.is_passing() && !pauses.wait() {
                return Err(failure.error("replace", name));
            }
        }
    }
}

/// Whether only one program ever puts an object of this name, always with the same bytes, and need not know whether a put
/// without an answer is carried out later.
fn is_put_once(name: &ObjectName) -> bool {
    matches!(
        name,
        ObjectName::Pack(_)
            | ObjectName::Segment(_)
            | ObjectName::Lease(_)
            | ObjectName::Member(_)
            | ObjectName::Note(_)
    )
}

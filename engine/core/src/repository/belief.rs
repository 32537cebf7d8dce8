//! Which objects of closed epochs are believed: those that a note names (FORMAT.md, section 6.5). A removed member
//! still knows the secrets of these epochs.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use repo_format::head::{HEAD_LEN, Head, KeyClass, ObjectKind};
use repo_format::id::{Bytes32, LeaseId, NoteId, SegmentId};
use repo_format::keyring::ClosedEpochs;
use repo_format::limits;
use repo_format::manifest::SeenManifest;
use repo_format::note::{EpochNote, NotedLease};
use repo_format::sealed::{self, SealedObject};

use super::{Repository, vital};
use crate::error::{Error, ErrorKind, Result, chain};
use engine_store::{Folder, ObjectName, Original};

/// The contents of the notes that have been read.
#[derive(Default)]
pub(super) struct Belief(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    /// The closed epochs when the notes were read.
    closed: Option<ClosedEpochs>,
    /// The reason why the note that the keyring names cannot be used, if it cannot.
    trouble: Option<String>,
    read: HashSet<NoteId>,
    manifests: HashSet<SeenManifest>,
    segments: HashSet<SegmentId>,
    leases: HashSet<NotedLease>,
    condemned: Option<Bytes32>,
}

/// A note, and the data that decides whether to believe it.
pub(super) struct OpenedNote {
    pub note: EpochNote,
    digest: Bytes32,
    sealed_in: u32,
}

impl Repository {
    /// The names of all objects in a folder, in ascending order.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub fn names_in(&self, folder: Folder) -> Result<Vec<ObjectName>> {
        let mut names = Vec::new();
        let mut found = |name| {
            names.push(name);
            Ok(())
        };
        self.store.list_names(folder, &mut found)?;
        names.sort();
        Ok(names)
    }

    /// Opens an object that ends with a checksum. If its epoch is newer than the open keyring, looks for a newer
    /// keyring.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub(crate) fn open_sealed(&self, class: KeyClass, name: &str, object: &SealedObject<'_>) -> Result<Vec<u8>> {
        self.meet(name, object.envelope.sealing.epoch)?;
        let opened = self.keys.open_parts(class, name.as_bytes(), object);
        opened.map_err(|e| e.context(format!("cannot use {name}")))
    }

    /// The closed epochs, if `epoch` is among them.
    fn closed(&self, epoch: u32) -> Option<ClosedEpochs> {
        self.keys.secrets().closed().filter(|closed| epoch <= closed.epoch)
    }

    /// Whether older epochs than the newest are open: then everything sealed in them is believed.
    pub fn has_open_epochs(&self) -> bool {
        let secrets = self.keys.secrets();
        secrets.previous_epoch() > secrets.closed().map(|closed| closed.epoch)
    }

    /// The reason why the note about closed epochs cannot be used, if it exists and cannot.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn note_trouble(&self) -> Result<Option<String>> {
        let Some(closed) = self.keys.secrets().closed() else { return Ok(None) };
        self.noted(closed, |noted| noted.trouble.clone())
    }

    /// Checks that a manifest sealed in `epoch` is believed.
    ///
    /// # Errors
    /// [`ErrorKind::NotBelieved`].
    pub(super) fn believe_manifest(&self, epoch: u32, id: LeaseId, digest: Bytes32) -> Result<()> {
        let Some(closed) = self.closed(epoch) else { return Ok(()) };
        let seen = SeenManifest { id, digest };
        let is_named = self.noted(closed, |noted| noted.manifests.contains(&seen))?
            || (self.read_new_notes(closed)? && self.noted(closed, |noted| noted.manifests.contains(&seen))?);
        if is_named { Ok(()) } else { self.not_believed(ObjectName::Snapshot(id), closed, epoch) }
    }

    /// Checks that an index segment sealed in `epoch` is believed.
    ///
    /// # Errors
    /// [`ErrorKind::NotBelieved`].
    pub(super) fn believe_segment(&self, epoch: u32, id: SegmentId) -> Result<()> {
        let Some(closed) = self.closed(epoch) else { return Ok(()) };
        if self.noted(closed, |noted| noted.segments.contains(&id))? {
            Ok(())
        } else {
            self.not_believed(ObjectName::Segment(id), closed, epoch)
        }
    }

    /// Whether an index segment is believed, by its first bytes; `None` if they cannot be read.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) fn is_segment_believed(&self, id: SegmentId) -> Result<Option<bool>> {
        let name = ObjectName::Segment(id);
        let head = match self.store.get_range(&name, 0..HEAD_LEN as u64) {
            Ok(head) => head,
            Err(_) if self.store.stat(&name)?.is_none_or(|info| info.size < HEAD_LEN as u64) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let sealing = Head::decode(&head, ObjectKind::Segment).ok().and_then(|head| head.sealing);
        let Some(sealing) = sealing else { return Ok(None) };
        match self.believe_segment(sealing.epoch, id) {
            Ok(()) => Ok(Some(true)),
            Err(error) if error.kind() == ErrorKind::NotBelieved => Ok(Some(false)),
            Err(error) => Err(error),
        }
    }

    /// Checks that a lease sealed in `epoch` is believed.
    ///
    /// # Errors
    /// [`ErrorKind::NotBelieved`].
    pub(crate) fn believe_lease(&self, epoch: u32, id: LeaseId, object: &[u8]) -> Result<()> {
        let Some(closed) = self.closed(epoch) else { return Ok(()) };
        let lease = NotedLease { id, digest: Bytes32(*blake3::hash(object).as_bytes()) };
        if self.noted(closed, |noted| noted.leases.contains(&lease))? {
            Ok(())
        } else {
            self.not_believed(ObjectName::Lease(id), closed, epoch)
        }
    }

    /// Checks that the list of condemned packs, sealed in `epoch`, is believed.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if it is not: then nobody can know which packs are about to go.
    pub(super) fn believe_condemned(&self, epoch: u32, object: &[u8]) -> Result<()> {
        let Some(closed) = self.closed(epoch) else { return Ok(()) };
        let digest = Bytes32(*blake3::hash(object).as_bytes());
        if self.noted(closed, |noted| noted.condemned == Some(digest))? {
            Ok(())
        } else {
            self.not_believed(ObjectName::Condemned, closed, epoch)
                .map_err(|error: Error| error.with_kind(ErrorKind::Damaged))
        }
    }

    fn not_believed(&self, name: ObjectName, closed: ClosedEpochs, epoch: u32) -> Result<()> {
        let trouble = self.noted(closed, |noted| noted.trouble.clone())?;
        let why = match trouble {
            Some(trouble) => format!(
                "it is of epoch {epoch}, which is closed, and the note of what was there then cannot be used: {trouble}"
            ),
            None => format!(
                "it is of epoch {epoch}, which is closed, and was not there when it was closed: somebody with a key that was removed may have put it there"
            ),
        };
        Err(Error::caused(ErrorKind::NotBelieved, format!("{name} is not believed"), why))
    }

    /// Asks the notes. Reads them first if they have not been read for `closed`.
    fn noted<T>(&self, closed: ClosedEpochs, ask: impl FnOnce(&Noted) -> T) -> Result<T> {
        let mut noted = self.belief.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.closed != Some(closed) {
            *noted = self.first_note(closed)?;
        }
        Ok(ask(&noted))
    }

    fn first_note(&self, closed: ClosedEpochs) -> Result<Noted> {
        let mut noted = Noted { closed: Some(closed), ..Noted::default() };
        let read = vital::read(self.store().into(), Original::Note(closed.note), |bytes| {
            let opened = self.open_note(closed.note, bytes)?;
            if opened.digest == closed.digest {
                Ok(opened.note)
            } else {
                Err(Error::new(ErrorKind::Damaged, "it is another than the one that the keyring names"))
            }
        });
        match read {
            Ok(read) => noted.add_all(read.value),
            Err(error) if is_trouble(&error) => noted.trouble = Some(chain(&error)),
            Err(error) => return Err(error),
        }
        Ok(noted)
    }

    /// Reads new notes, with which writers vouch for manifests that they committed while epochs were being closed.
    /// Returns whether there were any.
    fn read_new_notes(&self, closed: ClosedEpochs) -> Result<bool> {
        let mut any = false;
        for of in vital::originals(self.store(), Folder::Notes)? {
            let Original::Note(id) = of else { continue };
            if self.noted(closed, |noted| noted.read.contains(&id))? {
                continue;
            }
            let read = vital::read(self.store().into(), of, |bytes| self.open_note(id, bytes));
            let mut noted = self.belief.0.lock().unwrap_or_else(PoisonError::into_inner);
            match read {
                Ok(read) if read.value.sealed_in > closed.epoch => {
                    any = true;
                    noted.add(id, read.value.note.manifests);
                }
                Ok(_) => noted.add(id, Vec::new()),
                // `verify` reports it.
                Err(error) if is_trouble(&error) || self.is_later(&error) => noted.add(id, Vec::new()),
                Err(error) => return Err(error),
            }
        }
        Ok(any)
    }

    /// Opens a note.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub(super) fn open_note(&self, id: NoteId, bytes: &[u8]) -> Result<OpenedNote> {
        let name = ObjectName::Note(id);
        let damaged = |e| Error::damaged(name, e);
        let parts = sealed::decode_checked(ObjectKind::EpochNote, bytes, limits::EPOCH_NOTE).map_err(damaged)?;
        let plain = self.open_sealed(KeyClass::Meta, &name.to_string(), &parts)?;
        let note = EpochNote::decode(&plain).map_err(damaged)?;
        if note.id != id {
            return Err(Error::new(ErrorKind::Damaged, format!("{name} holds another note")));
        }
        Ok(OpenedNote { note, digest: EpochNote::digest(&plain), sealed_in: parts.envelope.sealing.epoch })
    }
}

/// Whether a note is as good as missing, and not merely out of reach.
fn is_trouble(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Damaged | ErrorKind::TooNew)
}

impl Noted {
    fn add_all(&mut self, note: EpochNote) {
        self.segments.extend(note.segments());
        self.leases.extend(note.leases());
        self.condemned = note.condemned;
        self.add(note.id, note.manifests);
    }

    fn add(&mut self, id: NoteId, manifests: Vec<SeenManifest>) {
        self.read.insert(id);
        self.manifests.extend(manifests);
    }
}

//! Small, vital objects with a second copy (FORMAT.md, section 2.1): reads either, and maintains both.

use std::sync::PoisonError;

use repo_format::clear;
use repo_format::id::Bytes32;
use repo_format::limits;

use super::Repository;
use super::as_of::retired_by;
use super::source::Source;
use crate::crypto::SEALED_OVERHEAD;
use crate::error::{Error, ErrorKind, Result, chain};
use engine_store::{Folder, ObjectInfo, ObjectName, Original, Store, StoreErrorKind};

/// A value that was read from an object or from its copy.
pub(super) struct Vital<T> {
    pub value: T,
    /// BLAKE3 of the object.
    pub digest: Bytes32,
    /// All bytes of the object.
    pub object: Vec<u8>,
    /// The reason for using the copy, if it was used.
    pub warning: Option<String>,
}

/// Reads an object through `check`. If that fails, tries its second copy, and finally this machine's own copy.
///
/// # Errors
/// The original's error, if the copies cannot be used either. Some errors are returned at once: the program is too old,
/// the key was removed, the storage does not answer, or the user wants to stop.
pub(super) fn read<T>(source: Source<'_>, of: Original, check: impl Fn(&[u8]) -> Result<T>) -> Result<Vital<T>> {
    let Source { store, kept } = source;
    let name = of.name();
    let error = match read_one(store, &name, &check) {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    let says_nothing = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Unavailable);
    if says_nothing || matches!(error.kind(), ErrorKind::TooNew | ErrorKind::WrongPassword) {
        return Err(error);
    }
    match read_one(store, &ObjectName::Copy(of), &check) {
        Ok(found) => {
            let warning = format!("{name} cannot be used, and its second copy is ({})", chain(&error));
            Ok(Vital { warning: Some(warning), ..found })
        }
        // Opening the repository reports once that this copy was needed.
        Err(_) => kept.get(&of).and_then(|bytes| checked(bytes, &check).ok()).ok_or(error),
    }
}

fn read_one<T>(store: &dyn Store, name: &ObjectName, check: &impl Fn(&[u8]) -> Result<T>) -> Result<Vital<T>> {
    let bytes = store.get(name, limit(name)).map_err(Error::of_object)?;
    checked(&bytes, check)
}

/// As [`read`], for bytes that were read before.
pub(super) fn checked<T>(bytes: &[u8], check: &impl Fn(&[u8]) -> Result<T>) -> Result<Vital<T>> {
    let value = check(bytes).map_err(|error| match error.kind() {
        // A flipped bit in a head makes it look like a newer program's.
        ErrorKind::TooNew if !ends_with_its_checksum(bytes) => error.with_kind(ErrorKind::Damaged),
        _ => error,
    })?;
    Ok(Vital { value, digest: Bytes32(*blake3::hash(bytes).as_bytes()), object: bytes.to_vec(), warning: None })
}

fn ends_with_its_checksum(bytes: &[u8]) -> bool {
    bytes.split_last_chunk::<32>().is_some_and(|(object, checksum)| blake3::hash(object).as_bytes() == checksum)
}

/// The largest size of such an object or its copy, in bytes.
fn limit(name: &ObjectName) -> u64 {
    let of = if let ObjectName::Copy(of) = name { of.name() } else { *name };
    match of {
        ObjectName::Keyring(_) => limits::KEYRING + clear::OVERHEAD as u64,
        ObjectName::Note(_) => limits::EPOCH_NOTE + SEALED_OVERHEAD,
        _ => limits::SMALL_OBJECT + clear::OVERHEAD as u64,
    }
}

/// Everything in the folder `of` that exists as an original or as a copy.
pub(super) fn originals(store: &dyn Store, of: Folder) -> Result<Vec<Original>> {
    originals_beside(store, of, &copies(store)?)
}

/// As [`originals`], with `copies` that were listed before.
pub(super) fn originals_beside(store: &dyn Store, of: Folder, copies: &[Original]) -> Result<Vec<Original>> {
    let mut found = Vec::new();
    let mut original = |info: ObjectInfo| {
        found.extend(Original::of(&info.name));
        Ok(())
    };
    store.list(of, &mut original, &mut |_| {})?;
    found.extend(copies.iter().filter(|copy| copy.name().folder() == of));
    found.sort();
    found.dedup();
    Ok(found)
}

/// The originals that have copies.
pub(super) fn copies(store: &dyn Store) -> Result<Vec<Original>> {
    let mut found = Vec::new();
    let mut copy = |info: ObjectInfo| {
        if let ObjectName::Copy(of) = info.name {
            found.push(of);
        }
        Ok(())
    };
    store.list(Folder::Copies, &mut copy, &mut |_| {})?;
    Ok(found)
}

/// Puts an object, and then its copy.
///
/// # Errors
/// If the object cannot be put. A missing copy does no harm: the next writer makes one.
pub(super) fn put(store: &dyn Store, of: Original, object: &[u8]) -> engine_store::Result<()> {
    store.put_new(&of.name(), &[object])?;
    let _ = store.put_new(&ObjectName::Copy(of), &[object]);
    Ok(())
}

/// Deletes an object for good. Deletes the copy first, so that no process restores the object from it; and once more at
/// the end, because a writer may have just completed it.
pub(super) fn delete(store: &dyn Store, of: Original) -> engine_store::Result<()> {
    store.delete(&ObjectName::Copy(of))?;
    store.delete(&of.name())?;
    store.delete(&ObjectName::Copy(of))
}

/// Puts the copies of `originals` that are not among those that are `there`.
pub(super) fn complete(store: &dyn Store, originals: &[Original], there: &[Original]) -> Result<()> {
    for of in originals.iter().filter(|of| !there.contains(of)) {
        let bytes = match store.get(&of.name(), limit(&of.name())) {
            Ok(bytes) => bytes,
            // `verify` reports it; a copy of a damaged object is useless.
            Err(error) if error.kind == StoreErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        if !ends_with_its_checksum(&bytes) {
            continue;
        }
        match store.put_new(&ObjectName::Copy(*of), &[&bytes]) {
            Err(error) if error.kind == StoreErrorKind::AlreadyExists => continue,
            put => put?,
        }
        // It may have been deleted for good meanwhile.
        if store.stat(&of.name())?.is_none() {
            store.delete(&ObjectName::Copy(*of))?;
        }
    }
    Ok(())
}

/// The repair of an object and its copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// The object that was damaged or missing.
    pub object: String,
    /// The fault; `None` if it was missing.
    pub why: Option<String>,
}

impl Repository {
    /// Puts the missing copies of config, keyring, members and notes. The first time it relies on the listing of the
    /// copies with which the repository was opened.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub(crate) fn complete_copies(&self) -> Result<()> {
        let versions = (1..=self.keyring_version()).map(Original::Keyring);
        let all: Vec<_> = versions.chain(self.vital_now()).collect();
        let listed = self.copies_listed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let there = listed.map_or_else(|| copies(self.store()), Ok)?;
        complete(self.store(), &all, &there)
    }

    /// Everything that has a second copy, or should.
    pub(super) fn vital(&self) -> Result<Vec<Original>> {
        let newest = self.keyring_version();
        let copies = copies(self.store())?;
        let mut all = originals_beside(self.store(), Folder::Keyring, &copies)?;
        let versions: Vec<_> =
            all.iter().filter_map(|of| if let Original::Keyring(n) = of { Some(*n) } else { None }).collect();
        all.retain(|of| matches!(of, Original::Keyring(n) if *n <= newest));
        all.extend(self.vital_now());
        // A retired member that was removed for good is not there.
        let there = originals_beside(self.store(), Folder::Keys, &copies)?;
        let retired = retired_by(self.store(), versions)?.into_keys().map(Original::Member);
        all.extend(retired.filter(|member| there.contains(member)));
        all.extend(self.kept.keys());
        all.sort();
        all.dedup();
        Ok(all)
    }

    /// The same without the versions of the keyring.
    fn vital_now(&self) -> Vec<Original> {
        let members = self.recipients().into_iter().map(|(member, _)| Original::Member(member));
        let note = self.keys().secrets().closed().map(|closed| Original::Note(closed.note));
        std::iter::once(Original::Config).chain(members).chain(note).collect()
    }

    /// Replaces damaged originals by intact copies, and damaged copies by originals. Returns the damage. With
    /// [`MendRun::Dry`] writes nothing.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub(crate) fn mend_vital(&self, run: MendRun) -> Result<Vec<Mended>> {
        let mut mended = Vec::new();
        let all = self.vital()?;
        let read =
            self.at_once(&all, |of| Ok((self.whole(*of, &of.name())?, self.whole(*of, &ObjectName::Copy(*of))?)));
        for (of, read) in all.into_iter().zip(read) {
            let (name, copy) = (of.name(), ObjectName::Copy(of));
            match read? {
                (Ok(bytes), Ok(same)) if bytes != same => {
                    self.mend(run, &copy, &bytes)?;
                    mended.push(Mended {
                        object: copy.to_string(),
                        why: Some("it was another than the original".to_owned()),
                    });
                }
                // Without its copy: `complete` makes one.
                (Ok(bytes), Err(why)) => {
                    self.mend(run, &copy, &bytes)?;
                    if why.is_some() {
                        mended.push(Mended { object: copy.to_string(), why });
                    }
                }
                (Err(why), Ok(bytes)) => {
                    self.mend(run, &name, &bytes)?;
                    mended.push(Mended { object: name.to_string(), why });
                }
                (Ok(_), Ok(_)) => {}
                (Err(_), Err(_)) => {
                    // It was proven when the repository was opened with it.
                    let Some(bytes) = self.kept.get(&of) else { continue };
                    self.mend(run, &name, bytes)?;
                    self.mend(run, &copy, bytes)?;
                    let why = "it and its second copy were lost or damaged; this computer has kept one".to_owned();
                    mended.push(Mended { object: name.to_string(), why: Some(why) });
                }
            }
        }
        Ok(mended)
    }

    /// Deletes objects above the newest keyring version that have a version's name and are not versions. Returns them.
    /// With [`MendRun::Dry`] deletes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if one may be a version after all. Then the newest secrets are unknown, and only a user
    /// who deletes the object may give them up.
    pub(crate) fn drop_stray_keyrings(&self, run: MendRun) -> Result<Vec<Mended>> {
        let stray: Vec<_> = originals(self.store(), Folder::Keyring)?;
        let newest = self.keyring_version();
        let stray: Vec<_> = stray.into_iter().filter(|of| matches!(of, Original::Keyring(n) if *n > newest)).collect();
        if stray.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(doubt) = self.doubt() {
            let known = self.memory().version("keyring")?.map_or(0, |known| known.number);
            let looked = self.look_for_newer();
            let evidence = self.evidence_of_rollback();
            if evidence.is_none() {
                looked?;
            }
            let seen = (known > newest).then(|| format!("this computer has seen version {known}"));
            if let Some(evidence) = evidence.or(seen) {
                return Err(Error::caused(ErrorKind::Damaged, doubt, evidence).with_hint(super::hint::GO_ON));
            }
        }
        let mut dropped = Vec::new();
        for of in stray {
            if run == MendRun::Real {
                delete(self.store(), of)?;
            }
            dropped.push(Mended {
                object: of.name().to_string(),
                why: Some("it is not a version of the keyring".to_owned()),
            });
        }
        Ok(dropped)
    }

    /// The bytes of an object or a copy if they are whole and authentic, as far as this can check. Otherwise the
    /// reason, or `None` if it is missing.
    fn whole(&self, of: Original, name: &ObjectName) -> Result<std::result::Result<Vec<u8>, Option<String>>> {
        let bytes = match self.store().get(name, limit(name)) {
            Ok(bytes) => bytes.to_vec(),
            Err(error) => match error.kind {
                StoreErrorKind::NotFound => return Ok(Err(None)),
                StoreErrorKind::TooLarge
                | StoreErrorKind::Truncated
                | StoreErrorKind::NotAFile
                | StoreErrorKind::Unreadable => return Ok(Err(Some(error.to_string()))),
                _ => return Err(error.into()),
            },
        };
        match self.check_vital(of, &bytes) {
            Ok(()) => Ok(Ok(bytes)),
            Err(error) => Ok(Err(Some(chain(&error)))),
        }
    }

    fn check_vital(&self, of: Original, bytes: &[u8]) -> Result<()> {
        use repo_format::config::Config;
        use repo_format::head::ObjectKind;
        use repo_format::keyring::Keyring;
        use repo_format::member::Member;
        let name = of.name();
        let damaged = |e| Error::damaged(name, e);
        let other = || Error::new(ErrorKind::Damaged, format!("{name} holds another object"));
        match of {
            Original::Config => {
                let object = clear::decode(ObjectKind::Config, bytes, limits::SMALL_OBJECT).map_err(damaged)?;
                let config = Config::decode(object.body).map_err(damaged)?;
                let fits = blake3::Hash::from(self.keys().config_tag(object.tagged)) == blake3::Hash::from(object.tag);
                let is_newer = config.repository == self.id() && config.version > self.config().version;
                if fits && (is_newer || config == *self.config()) { Ok(()) } else { Err(other()) }
            }
            Original::Keyring(n) => {
                let object = clear::decode(ObjectKind::Keyring, bytes, limits::KEYRING).map_err(damaged)?;
                let keyring = Keyring::decode(object.body).map_err(damaged)?;
                if keyring.version == n { Ok(()) } else { Err(other()) }
            }
            Original::Member(id) => {
                let object = clear::decode(ObjectKind::Member, bytes, limits::SMALL_OBJECT).map_err(damaged)?;
                let member = Member::decode(object.body).map_err(damaged)?;
                let sealed_to = self.recipients().into_iter().find(|(member, _)| *member == id);
                let fits = member.id == id && sealed_to.is_none_or(|(_, public_key)| public_key == member.public_key);
                if fits { Ok(()) } else { Err(other()) }
            }
            Original::Note(id) => self.open_note(id, bytes).map(|_| ()),
        }
    }

    /// Puts `bytes` in the place of a damaged or missing object.
    fn mend(&self, run: MendRun, name: &ObjectName, bytes: &[u8]) -> Result<()> {
        if run == MendRun::Dry {
            return Ok(());
        }
        let store = self.store();
        let there = match store.get(name, limit(name)) {
            Ok(there) => there,
            Err(error) if error.kind == StoreErrorKind::NotFound => return Ok(store.put_new(name, &[bytes])?),
            // The other of the two is whole all the time.
            Err(error) => match error.kind {
                StoreErrorKind::TooLarge | StoreErrorKind::Truncated | StoreErrorKind::Unreadable => {
                    store.delete(name)?;
                    return Ok(store.put_new(name, &[bytes])?);
                }
                StoreErrorKind::NotAFile => {
                    store.set_aside(name)?;
                    return Ok(store.put_new(name, &[bytes])?);
                }
                _ => return Err(error.into()),
            },
        };
        Ok(store.replace_if(name, Some(engine_store::Tag::of(&there)), bytes)?)
    }
}

/// Whether to repair or only to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MendRun {
    /// Repair.
    Real,
    /// Write nothing.
    Dry,
}

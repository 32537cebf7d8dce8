//! Leases, which announce writers (FORMAT.md, section 12).

use std::fmt;

use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::LeaseId;
use repo_format::lease::Lease;
use repo_format::limits;
use repo_format::sealed::{self, Envelope};

use super::Repository;
use crate::crypto::SEALED_OVERHEAD;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::machine::{self, Process};
use engine_store::{Folder, ObjectName, StoreErrorKind};

/// No sealed object is shorter: an envelope, a tag and a checksum.
const SHORTEST: usize = 128;
/// The size in bytes of the checksum at the end of a lease.
const CHECKSUM: usize = 32;

/// The contents under the name of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// A lease.
    Lease(Lease),
    /// A lease that a power loss has damaged.
    Torn(Torn),
    /// A lease of a closed epoch that did not exist when the epoch was closed, and why it is not believed.
    NotBelieved(String),
    /// Other bytes, and why they are not a lease.
    NoLease(String),
    /// Bytes that this program cannot read, and why: the store fails, or a newer program or newer keys wrote them.
    Unreadable(String),
}

/// The remains of a lease after a power loss. A put is atomic, so no process is writing it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Torn {
    /// Nothing.
    Empty,
    /// Its beginning, or zeros.
    CutShort,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Torn::Empty => "is empty, probably after a power loss",
            Torn::CutShort => "is cut short, probably after a power loss",
        })
    }
}

impl Torn {
    /// The fault in the bytes of a lease, if only a power loss can explain it.
    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Torn::Empty);
        }
        let ends_in_zeros = bytes.iter().rev().take(CHECKSUM).all(|byte| *byte == 0);
        (bytes.len() < SHORTEST || ends_in_zeros).then_some(Torn::CutShort)
    }
}

/// Puts a lease.
///
/// # Errors
/// If the store refuses. It may be there all the same.
pub(crate) fn put_lease(repository: &Repository, lease: &Lease) -> Result<()> {
    let name = ObjectName::Lease(lease.id);
    let plain = lease.encode().map_err(|e| Error::damaged(name, e))?;
    let object = repository.keys().seal(ObjectKind::Lease, KeyClass::Index, &name.to_string(), &plain)?;
    Ok(repository.store().put_new(&name, &[&object])?)
}

/// A lease of this process, which has seen no condemned list.
pub(crate) fn lease_of_this_process(repository: &Repository, id: LeaseId, host: &str, program: &str) -> Lease {
    Lease {
        id,
        host: host.to_owned(),
        boot_id: machine::boot_id(),
        process: std::process::id().into(),
        started: machine::now().seconds,
        seen: 0,
        program: program.to_owned(),
        machine: machine::identity(repository.id()),
        process_start: own_start(),
        process_space: Some(machine::process_space()).filter(|space| !space.is_empty()),
        purpose: None,
    }
}

/// The start of this process, in the system's own units.
fn own_start() -> Option<u64> {
    match machine::process(std::process::id().into()) {
        Process::There(start) => start,
        Process::Gone => None,
    }
}

/// Ids of all leases, in ascending order.
///
/// # Errors
/// If the store cannot be listed.
pub fn lease_names(repository: &Repository) -> Result<Vec<LeaseId>> {
    let names = repository.names_in(Folder::Leases)?.into_iter();
    Ok(names.filter_map(|name| if let ObjectName::Lease(id) = name { Some(id) } else { None }).collect())
}

/// Reads the announcement under the name of a lease; `None` if its writer has ended meanwhile.
///
/// # Errors
/// If the store cannot say whether it exists.
pub fn read_lease(repository: &Repository, id: LeaseId) -> Result<Option<Announcement>> {
    let name = ObjectName::Lease(id);
    let bytes = match repository.store().get(&name, limits::SMALL_OBJECT + SEALED_OVERHEAD) {
        Ok(bytes) => bytes,
        Err(error) if error.kind == StoreErrorKind::NotFound => return Ok(None),
        Err(_) if repository.store().stat(&name)?.is_none() => return Ok(None),
        Err(error) if matches!(error.kind, StoreErrorKind::TooLarge | StoreErrorKind::NotAFile) => {
            return Ok(Some(Announcement::NoLease(error.to_string())));
        }
        Err(error) if error.kind == StoreErrorKind::Unavailable => return Err(error.into()),
        Err(error) => return Ok(Some(Announcement::Unreadable(error.to_string()))),
    };
    if let Some(torn) = Torn::of(&bytes) {
        return Ok(Some(Announcement::Torn(torn)));
    }
    Ok(Some(match open(repository, id, &bytes) {
        Ok(lease) => Announcement::Lease(lease),
        Err(error) if error.kind() == ErrorKind::NotBelieved => Announcement::NotBelieved(chain(&error)),
        Err(error) if error.kind() == ErrorKind::Damaged && !has_other_keys(repository, &bytes) => {
            Announcement::NoLease(chain(&error))
        }
        Err(error) => Announcement::Unreadable(chain(&error)),
    }))
}

/// Whether it is whole, and sealed with keys that this program does not have.
fn has_other_keys(repository: &Repository, bytes: &[u8]) -> bool {
    let sealed = sealed::decode_checked(ObjectKind::Lease, bytes, limits::SMALL_OBJECT);
    sealed.is_ok_and(|parts| {
        let Envelope { kind, sealing, salt, .. } = parts.envelope;
        repository.keys().object_key(kind, sealing, salt).is_err()
    })
}

fn open(repository: &Repository, id: LeaseId, bytes: &[u8]) -> Result<Lease> {
    let name = ObjectName::Lease(id);
    let parts = sealed::decode_checked(ObjectKind::Lease, bytes, limits::SMALL_OBJECT);
    let parts = parts.map_err(|e| Error::damaged(name, e))?;
    let plain = repository.open_sealed(KeyClass::Index, &name.to_string(), &parts)?;
    repository.believe_lease(parts.envelope.sealing.epoch, id, bytes)?;
    let lease = Lease::decode(&plain).map_err(|e| Error::damaged(name, e))?;
    if lease.id == id {
        Ok(lease)
    } else {
        Err(Error::new(ErrorKind::Damaged, format!("{name} holds the lease {}", lease.id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_put_leaves_behind_is_torn() {
        let whole: Vec<u8> = (1..=255).collect();
        assert_eq!(Torn::of(&[]), Some(Torn::Empty));
        assert_eq!(Torn::of(&whole[..127]), Some(Torn::CutShort));
        assert_eq!(Torn::of(&[0; 300]), Some(Torn::CutShort));
        assert_eq!(Torn::of(&[&whole[..], &[0; 32]].concat()), Some(Torn::CutShort));
        assert_eq!(Torn::of(&[&whole[..], &[0; 31]].concat()), None);
        assert_eq!(Torn::of(&whole), None);
    }
}

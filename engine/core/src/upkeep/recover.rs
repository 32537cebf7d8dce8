//! Recover: the state of a storage at an earlier moment becomes a repository of its own.
//!
//! It needs no key. Nothing is changed where the state comes from.

use engine_store::{Folder, ObjectInfo, ObjectName, Store, StoreErrorKind};

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::{Monitor, Phase, Work};

/// The order of the folders. Without `config` a place is no repository, so `config` comes last of all, and a run that was
/// interrupted can only be run again.
const ORDER: [Folder; 9] = {
    use Folder::*;
    [Packs, Index, Keys, Keyring, Notes, Copies, Aside, Snapshots, Top]
};

/// The outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Objects that are there now, with those of an earlier run.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that were not copied, because their bytes are damaged where they come from.
    pub damaged: Vec<String>,
    /// Paths that are no objects of a repository. They were not copied.
    pub strange: Vec<String>,
}

/// Copies everything but leases from `past` to `place`, which is empty or has a part of the same from an earlier run. A
/// writer whose lease was there does not go on in the new place.
///
/// # Errors
/// [`ErrorKind::NoRepository`] if there was none; [`ErrorKind::Refused`] if `place` has other objects;
/// [`ErrorKind::Cancelled`].
pub fn recover(past: &dyn Store, place: &dyn Store, monitor: &dyn Monitor) -> Result<Recovered> {
    require_repository(past)?;
    let mut recovered = Recovered::default();
    let objects = objects(past, &mut recovered.strange)?;
    let bytes = objects.iter().map(|object| object.size).sum();
    monitor.begin(Phase::Recover, Some(Work { items: objects.len() as u64, bytes }));
    for object in objects {
        if monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        match copy(past, place, &object)? {
            Copied::Whole => {
                recovered.objects += 1;
                recovered.bytes += object.size;
            }
            Copied::Damaged => recovered.damaged.push(object.name.to_string()),
        }
        monitor.advance(Work { items: 1, bytes: object.size });
    }
    monitor.end();
    Ok(recovered)
}

/// Refuses a moment at which there was no repository.
///
/// # Errors
/// [`ErrorKind::NoRepository`].
pub fn require_repository(past: &dyn Store) -> Result<()> {
    match past.stat(&ObjectName::Config)? {
        Some(_) => Ok(()),
        None => Err(Error::new(ErrorKind::NoRepository, format!("there was no repository in {}", past.location()))),
    }
}

/// All objects in the order in which they are copied.
fn objects(past: &dyn Store, strange: &mut Vec<String>) -> Result<Vec<ObjectInfo>> {
    let mut objects = Vec::new();
    for folder in ORDER {
        let mut found = Vec::new();
        let mut note = |object| {
            found.push(object);
            Ok(())
        };
        past.list(folder, &mut note, &mut |path| strange.push(path))?;
        found.sort_by_key(|object: &ObjectInfo| (object.name == ObjectName::Config, object.name));
        objects.append(&mut found);
    }
    Ok(objects)
}

enum Copied {
    Whole,
    Damaged,
}

fn copy(past: &dyn Store, place: &dyn Store, object: &ObjectInfo) -> Result<Copied> {
    let name = object.name;
    // The name of a pack is the hash of its bytes.
    if let ObjectName::Pack(_) = name
        && place.stat(&name)?.is_some_and(|there| there.size == object.size)
    {
        place.ensure_durable(&name)?;
        return Ok(Copied::Whole);
    }
    let bytes = past.get(&name, object.size)?;
    if !name.is_intact(&bytes) {
        return Ok(Copied::Damaged);
    }
    match place.put_new(&name, &[&bytes]) {
        Ok(()) => Ok(Copied::Whole),
        Err(error) if error.kind == StoreErrorKind::AlreadyExists => {
            if place.get(&name, object.size.max(bytes.len() as u64)).is_ok_and(|there| there == bytes) {
                place.ensure_durable(&name)?;
                return Ok(Copied::Whole);
            }
            let message = format!("{name} in {} is another one: recover into an empty place", place.location());
            Err(Error::new(ErrorKind::Refused, message))
        }
        Err(error) => Err(error.into()),
    }
}

//! Whether a storage still holds what was put: every object against its name or its checksum, without any key.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use repo_format::clear;
use repo_format::limits;

use crate::crypto::SEALED_OVERHEAD;
use crate::error::{Error, Result, chain};
use crate::monitor::{Monitor, Phase, Work};
use engine_store::{Folder, ObjectInfo, ObjectName, Original, Store, StoreErrorKind};

/// The result of a scrub.
#[derive(Debug, Default)]
pub struct ScrubOutcome {
    /// The number of objects that were read.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that are damaged or missing, and why; by name.
    pub damaged: Vec<(String, String)>,
    /// Names that are not of a repository.
    pub strange: Vec<String>,
    /// Objects that somebody deleted before they were read.
    pub gone: u64,
}

/// Reads every object, and compares packs and index segments with the BLAKE3 in their names, and every other object with
/// its checksum. Also finds versions of the keyring that are missing. It cannot notice that a whole object is missing
/// that only members know of.
///
/// # Errors
/// If the store cannot be listed or does not answer, or the monitor wishes to stop. Damage is not an error.
pub fn scrub(store: &dyn Store, monitor: &dyn Monitor) -> Result<ScrubOutcome> {
    let mut outcome = ScrubOutcome::default();
    let mut listed = Vec::new();
    for folder in Folder::ALL {
        let mut found = |info: ObjectInfo| {
            listed.push(info);
            Ok(())
        };
        store.list(folder, &mut found, &mut |name| outcome.strange.push(name))?;
    }
    // Leases need not survive a power loss, and repair moves what is damaged aside.
    listed.retain(|info| !matches!(info.name, ObjectName::Lease(_) | ObjectName::Aside(_)));
    listed.sort_by_key(|info| info.name);
    let bytes = listed.iter().map(|info| info.size).sum();
    monitor.begin(Phase::Survey, Some(Work { items: listed.len() as u64, bytes }));
    let read = read_all(store, &listed, outcome, monitor);
    monitor.end();
    let mut outcome = read?;
    outcome.damaged.extend(missing(&listed));
    outcome.damaged.sort();
    Ok(outcome)
}

/// Reads all objects, several at once where the storage is far away.
fn read_all(
    store: &dyn Store,
    listed: &[ObjectInfo],
    outcome: ScrubOutcome,
    monitor: &dyn Monitor,
) -> Result<ScrubOutcome> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let shared = Mutex::new((outcome, None));
    let work = || {
        while let Some(info) = listed.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let checked = if monitor.is_cancelled() { Err(Error::cancelled()) } else { check(store, info) };
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            match checked {
                Ok(verdict) => note(&mut shared.0, info, verdict),
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    shared.1.get_or_insert(error);
                    return;
                }
            }
            monitor.advance(Work { items: 1, bytes: info.size });
        }
    };
    thread::scope(|scope| {
        for _ in 1..store.medium().puts_at_once {
            scope.spawn(work);
        }
        work();
    });
    let (outcome, error) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    error.map_or(Ok(outcome), Err)
}

enum Verdict {
    Whole,
    Gone,
    Damaged(String),
}

fn note(outcome: &mut ScrubOutcome, info: &ObjectInfo, verdict: Verdict) {
    match verdict {
        Verdict::Gone => outcome.gone += 1,
        Verdict::Whole => (outcome.objects, outcome.bytes) = (outcome.objects + 1, outcome.bytes + info.size),
        Verdict::Damaged(why) => outcome.damaged.push((info.name.to_string(), why)),
    }
}

fn check(store: &dyn Store, info: &ObjectInfo) -> Result<Verdict> {
    let bytes = match store.get(&info.name, limit(&info.name)) {
        Ok(bytes) => bytes,
        Err(error) => match error.kind {
            StoreErrorKind::NotFound => return Ok(Verdict::Gone),
            StoreErrorKind::TooLarge | StoreErrorKind::Truncated | StoreErrorKind::Unreadable => {
                return Ok(Verdict::Damaged(chain(&Error::from(error))));
            }
            _ => return Err(error.into()),
        },
    };
    if info.name.is_intact(&bytes) {
        return Ok(Verdict::Whole);
    }
    let proof = match info.name {
        ObjectName::Pack(_) | ObjectName::Segment(_) => "name",
        _ => "checksum",
    };
    Ok(Verdict::Damaged(format!("its bytes do not fit its {proof}")))
}

/// The largest size of an object, in bytes.
fn limit(name: &ObjectName) -> u64 {
    let name = if let ObjectName::Copy(of) = name { of.name() } else { *name };
    match name {
        ObjectName::Pack(_) => limits::PACK,
        ObjectName::Segment(_) => limits::SEGMENT + SEALED_OVERHEAD,
        ObjectName::Condemned => limits::CONDEMNED + SEALED_OVERHEAD,
        ObjectName::Note(_) => limits::EPOCH_NOTE + SEALED_OVERHEAD,
        ObjectName::Keyring(_) => limits::KEYRING + clear::OVERHEAD as u64,
        _ => limits::SMALL_OBJECT + SEALED_OVERHEAD.max(clear::OVERHEAD as u64),
    }
}

/// Missing objects that every repository has, and the first missing version of the keyring: none is ever deleted.
fn missing(listed: &[ObjectInfo]) -> Vec<(String, String)> {
    let names: BTreeSet<_> = listed.iter().map(|info| info.name).collect();
    let versions: BTreeSet<u64> = names.iter().filter_map(version).collect();
    let first_gap = (1..).zip(&versions).find(|(expected, found)| expected != *found).map(|(expected, _)| expected);
    let is_there = |of: Original| names.contains(&of.name()) || names.contains(&ObjectName::Copy(of));
    let config = (!is_there(Original::Config)).then_some(ObjectName::Config);
    let keyring = first_gap.or(versions.is_empty().then_some(1)).map(ObjectName::Keyring);
    let condemned = (!names.contains(&ObjectName::Condemned)).then_some(ObjectName::Condemned);
    let missing = config.into_iter().chain(keyring).chain(condemned);
    missing.map(|name| (name.to_string(), "it is missing".to_owned())).collect()
}

/// The version of the keyring that an object or its second copy is.
fn version(name: &ObjectName) -> Option<u64> {
    match name {
        ObjectName::Keyring(n) | ObjectName::Copy(Original::Keyring(n)) => Some(*n),
        _ => None,
    }
}

//! A store in memory, whose machine can lose power between any two steps.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Folder, ObjectInfo, ObjectName, Result, Store, StoreError, StoreErrorKind, Tag};

type Objects = BTreeMap<ObjectName, Arc<[u8]>>;

/// A [`Store`] in memory. Clones are handles to the same objects.
///
/// It also models power loss. A change takes two steps: first it is visible, then it is durable. Putting a lease takes
/// only the first step; a call that changes nothing takes none. At the step chosen with [`crash_at`](Self::crash_at)
/// the machine dies instead. That call and all later ones fail with [`StoreErrorKind::Io`], and
/// [`restart`](Self::restart) returns the contents of the disk.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

/// The fate of everything that was not durable when the machine died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowerLoss {
    /// The fate of the leases that were put since the machine started.
    pub leases: Leases,
    /// Whether the disk holds the change that was visible but not yet durable. There is at most one.
    pub keeps_change: bool,
}

/// The fate of leases that were never made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leases {
    /// They are missing.
    Lost,
    /// They exist.
    Kept,
    /// Their names exist, but their bytes do not: disks do that to files that were not synced.
    Emptied,
}

impl PowerLoss {
    /// Every outcome, for tests to loop over.
    pub const ALL: [PowerLoss; 6] = [
        PowerLoss { leases: Leases::Lost, keeps_change: false },
        PowerLoss { leases: Leases::Kept, keeps_change: false },
        PowerLoss { leases: Leases::Emptied, keeps_change: false },
        PowerLoss { leases: Leases::Lost, keeps_change: true },
        PowerLoss { leases: Leases::Kept, keeps_change: true },
        PowerLoss { leases: Leases::Emptied, keeps_change: true },
    ];
}

#[derive(Clone, Default)]
struct State {
    /// The objects that readers see.
    live: Objects,
    /// The objects that survive a power loss.
    durable: Objects,
    steps: u64,
    crash_at: Option<u64>,
    off: bool,
}

impl State {
    fn set(objects: &mut Objects, name: &ObjectName, bytes: Option<&Arc<[u8]>>) {
        match bytes {
            Some(bytes) => objects.insert(*name, bytes.clone()),
            None => objects.remove(name),
        };
    }

    /// Sets or removes an object, in two steps, or in only the first unless it is `durable`.
    fn change(&mut self, action: &'static str, name: &ObjectName, bytes: Option<Vec<u8>>, durable: bool) -> Result<()> {
        let bytes = bytes.map(Arc::from);
        self.step(action, name)?;
        Self::set(&mut self.live, name, bytes.as_ref());
        if durable {
            self.step(action, name)?;
            Self::set(&mut self.durable, name, bytes.as_ref());
        }
        Ok(())
    }

    fn step(&mut self, action: &'static str, name: &ObjectName) -> Result<()> {
        if self.crash_at == Some(self.steps + 1) {
            self.off = true;
            return Err(machine_is_off(action, name));
        }
        self.steps += 1;
        Ok(())
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of steps that all calls have taken. A run that took `n` can crash at steps 1 to `n`.
    pub fn steps(&self) -> u64 {
        self.raw().steps
    }

    /// The machine will die at this step instead of taking it. Steps count from 1, from the beginning.
    pub fn crash_at(&self, step: u64) {
        self.raw().crash_at = Some(step);
    }

    /// The machine dies now.
    pub fn power_loss(&self) {
        self.raw().off = true;
    }

    /// A new machine with the disk of this one, which is dead from now on. Its steps count from 0.
    pub fn restart(&self, loss: PowerLoss) -> Self {
        let mut state = self.raw();
        state.off = true;
        let unsynced = |name: &ObjectName| name.folder() == Folder::Leases && !state.durable.contains_key(name);
        let mut disk = if loss.keeps_change { state.live.clone() } else { state.durable.clone() };
        for (name, bytes) in state.live.iter().filter(|(name, _)| unsynced(name)) {
            match loss.leases {
                Leases::Lost => disk.remove(name),
                Leases::Kept => disk.insert(*name, bytes.clone()),
                Leases::Emptied => disk.insert(*name, Arc::default()),
            };
        }
        Self::of(State { live: disk.clone(), durable: disk, ..State::default() })
    }

    /// An independent copy: objects, durability, steps, crash.
    pub fn deep_clone(&self) -> Self {
        Self::of(self.raw().clone())
    }

    /// The bytes of an object, outside the model: also when the machine is off.
    pub fn bytes(&self, name: &ObjectName) -> Option<Vec<u8>> {
        self.raw().live.get(name).map(|bytes| bytes.to_vec())
    }

    /// Sets an object durably, outside the model: takes no step, overwrites, and works when the machine is off.
    pub fn put_raw(&self, name: &ObjectName, bytes: impl Into<Vec<u8>>) {
        let bytes: Arc<[u8]> = Arc::from(bytes.into());
        let mut state = self.raw();
        state.live.insert(*name, bytes.clone());
        state.durable.insert(*name, bytes);
    }

    /// Removes an object durably, outside the model. Returns whether it existed.
    pub fn remove_raw(&self, name: &ObjectName) -> bool {
        let mut state = self.raw();
        state.durable.remove(name);
        state.live.remove(name).is_some()
    }

    /// The names of all objects, in order.
    pub fn names(&self) -> Vec<ObjectName> {
        self.raw().live.keys().copied().collect()
    }

    fn of(state: State) -> Self {
        MemoryStore { state: Arc::new(Mutex::new(state)) }
    }

    fn raw(&self) -> MutexGuard<'_, State> {
        // A thread that panicked cannot have left the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self, action: &'static str, object: impl std::fmt::Display) -> Result<MutexGuard<'_, State>> {
        let state = self.raw();
        if state.off { Err(machine_is_off(action, object)) } else { Ok(state) }
    }

    fn object(&self, name: &ObjectName) -> Result<Arc<[u8]>> {
        let state = self.running("read", name)?;
        state.live.get(name).cloned().ok_or_else(|| StoreError::new(StoreErrorKind::NotFound, "read", name))
    }
}

fn machine_is_off(action: &'static str, object: impl std::fmt::Display) -> StoreError {
    StoreError::io(action, object, std::io::Error::other("the machine is off"))
}

impl Store for MemoryStore {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn put_new(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        let mut state = self.running("write", name)?;
        if state.live.contains_key(name) {
            return Err(StoreError::new(StoreErrorKind::AlreadyExists, "write", name));
        }
        state.change("write", name, Some(parts.concat()), name.folder() != Folder::Leases)
    }

    fn overwrite(&self, name: &ObjectName, parts: &[&[u8]]) -> Result<()> {
        let mut state = self.running("write", name)?;
        state.change("write", name, Some(parts.concat()), name.folder() != Folder::Leases)
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>> {
        let bytes = self.object(name)?;
        if bytes.len() as u64 > limit {
            return Err(StoreError::new(StoreErrorKind::TooLarge, "read", name));
        }
        Ok(bytes.to_vec())
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> Result<Vec<u8>> {
        let bytes = self.object(name)?;
        let part = match (usize::try_from(range.start), usize::try_from(range.end)) {
            (Ok(start), Ok(end)) => bytes.get(start..end),
            _ => None,
        };
        part.map(<[u8]>::to_vec).ok_or_else(|| StoreError::new(StoreErrorKind::Truncated, "read", name))
    }

    fn list(
        &self,
        folder: Folder,
        found: &mut dyn FnMut(ObjectInfo) -> Result<()>,
        _strange: &mut dyn FnMut(String),
    ) -> Result<()> {
        let infos: Vec<_> = self
            .running("list", folder.as_str())?
            .live
            .iter()
            .filter(|(name, _)| name.folder() == folder)
            .map(|(name, bytes)| ObjectInfo { name: *name, size: bytes.len() as u64 })
            .collect();
        // Without the lock, because `found` may use the store.
        infos.into_iter().try_for_each(found)
    }

    fn ensure_durable(&self, name: &ObjectName) -> Result<()> {
        let mut state = self.running("make durable", name)?;
        let Some(bytes) = state.live.get(name).cloned() else {
            return Err(StoreError::new(StoreErrorKind::NotFound, "make durable", name));
        };
        if state.durable.get(name) != Some(&bytes) {
            state.step("make durable", name)?;
            State::set(&mut state.durable, name, Some(&bytes));
        }
        Ok(())
    }

    fn delete(&self, name: &ObjectName) -> Result<()> {
        let mut state = self.running("delete", name)?;
        if !state.live.contains_key(name) {
            return Ok(());
        }
        state.change("delete", name, None, true)
    }

    fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>> {
        let state = self.running("find", name)?;
        Ok(state.live.get(name).map(|bytes| ObjectInfo { name: *name, size: bytes.len() as u64 }))
    }

    fn replace_if(&self, name: &ObjectName, expected: Option<Tag>, bytes: &[u8]) -> Result<()> {
        let mut state = self.running("replace", name)?;
        if state.live.get(name).map(|current| Tag::of(current)) != expected {
            return Err(StoreError::new(StoreErrorKind::Conflict, "replace", name));
        }
        state.change("replace", name, Some(bytes.to_vec()), true)
    }
}

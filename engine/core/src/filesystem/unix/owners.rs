//! Users and groups of this machine.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

use nix::unistd;
use repo_format::entry::Entry;

type Cache<K, V> = RwLock<HashMap<K, Option<V>>>;

/// Users and groups of this machine, by id and by name, and which of them this process may give things to. Threads may
/// share it.
///
/// Each is looked up once. A failed look-up, for example because a directory service does not answer, counts as an
/// unknown name. Then backup saves only the ids, which are always known, and restore uses them.
#[derive(Debug)]
pub struct Owners {
    root: bool,
    groups: Vec<u32>,
    user_names: Cache<u32, String>,
    group_names: Cache<u32, String>,
    user_ids: Cache<String, u32>,
    group_ids: Cache<String, u32>,
}

impl Owners {
    /// The owners that the current user sees.
    pub fn new() -> Self {
        // A process that does not know its additional groups may still use its own.
        let mut groups: Vec<u32> =
            rustix::process::getgroups().unwrap_or_default().iter().map(|gid| gid.as_raw()).collect();
        groups.push(rustix::process::getegid().as_raw());
        Owners {
            root: rustix::process::geteuid().is_root(),
            groups,
            user_names: Cache::default(),
            group_names: Cache::default(),
            user_ids: Cache::default(),
            group_ids: Cache::default(),
        }
    }

    /// The name of a user.
    pub fn user(&self, uid: u32) -> Option<String> {
        let find = || unistd::User::from_uid(uid.into()).ok()?.map(|user| user.name);
        cached(&self.user_names, &uid, find)
    }

    /// The name of a group.
    pub fn group(&self, gid: u32) -> Option<String> {
        let find = || unistd::Group::from_gid(gid.into()).ok()?.map(|group| group.name);
        cached(&self.group_names, &gid, find)
    }

    /// The id of the user `name`.
    pub fn uid(&self, name: &str) -> Option<u32> {
        let find = || unistd::User::from_name(name).ok()?.map(|user| user.uid.as_raw());
        cached(&self.user_ids, name, find)
    }

    /// The id of the group `name`.
    pub fn gid(&self, name: &str) -> Option<u32> {
        let find = || unistd::Group::from_name(name).ok()?.map(|group| group.gid.as_raw());
        cached(&self.group_ids, name, find)
    }

    /// The ids to give to `entry` here.
    pub(super) fn wanted(&self, entry: &Entry, by_name: bool) -> (u32, u32) {
        if !by_name {
            return (entry.uid, entry.gid);
        }
        let uid = entry.user.as_deref().and_then(|name| self.uid(name));
        let gid = entry.group.as_deref().and_then(|name| self.gid(name));
        (uid.unwrap_or(entry.uid), gid.unwrap_or(entry.gid))
    }

    /// Whether this process is root, and so may give things to every user.
    pub(super) fn is_root(&self) -> bool {
        self.root
    }

    /// Whether this process may give its own things to the group `gid`.
    pub(super) fn may_give_to(&self, gid: u32) -> bool {
        self.root || self.groups.contains(&gid)
    }
}

impl Default for Owners {
    fn default() -> Self {
        Owners::new()
    }
}

/// The value of `key` in `cache`, or the result of `find`, which the cache then keeps.
fn cached<K, Q, V>(cache: &Cache<K, V>, key: &Q, find: impl FnOnce() -> Option<V>) -> Option<V>
where
    K: Eq + Hash + Borrow<Q>,
    Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    V: Clone,
{
    // No thread that holds the lock can leave the map incomplete.
    if let Some(known) = cache.read().unwrap_or_else(PoisonError::into_inner).get(key) {
        return known.clone();
    }
    let found = find();
    cache.write().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), found.clone());
    found
}

//! Reads the metadata that a look alone does not show, and restores all metadata.

use std::io;
use std::os::fd::AsFd;

use repo_format::cbor::ByteString;
use repo_format::entry::{Entry, EntryKind, HardLink, Xattr};
use repo_format::limits;
use rustix::fs;
use rustix::io::Errno;

use super::super::Attributes;
use super::object::Object;
use super::xattr::{self, Xattrs};
use super::{Dir, FileStat, Owners, TargetFile, checked};

impl Dir {
    /// Adds everything that [`Dir::stat`] did not look for: names of user and group, target of a symbolic link,
    /// extended attributes, and the identity of a file with several names. Returns a message for each thing that it
    /// could not read.
    ///
    /// Access control lists are extended attributes. This omits `security.evm` and `com.apple.provenance`, which belong
    /// to one machine, and attributes beyond [`limits::XATTRS`] together.
    ///
    /// # Errors
    /// An error of the operating system if the target of a symbolic link cannot be read: such an entry cannot be backed
    /// up.
    pub fn complete(&self, name: &[u8], stat: &mut FileStat, owners: &Owners) -> io::Result<Vec<String>> {
        let name = checked(name)?;
        if stat.entry.kind == EntryKind::Symlink {
            let target = fs::readlinkat(&self.fd, name, Vec::new())?;
            stat.entry.link_target = Some(ByteString(target.into_bytes()));
        }
        if stat.links > 1 && !stat.is_dir() {
            stat.entry.hard_link = Some(HardLink { device: stat.device, inode: stat.entry.inode });
        }
        Ok(complete(Object::Name(self.fd.as_fd(), name), &mut stat.entry, owners))
    }

    /// As [`Dir::complete`], for the folder itself.
    pub(crate) fn complete_self(&self, stat: &mut FileStat, owners: &Owners) -> Vec<String> {
        complete(Object::Open(self.fd.as_fd()), &mut stat.entry, owners)
    }

    /// Gives `name` the owner, extended attributes, mode and modification time of `entry`, in this order. Returns a
    /// message for each failure. `current` is the present state; with `None` this looks at it. Leaves alone what is
    /// right already.
    ///
    /// A user other than root can give things only to groups of their own, and cannot set attributes in `security.` and
    /// `trusted.`. Then things stay the current user's, without a message. This sets set-user-id, set-group-id and
    /// capabilities only on things that belong to the recorded user and group. It removes attributes that `entry` does
    /// not have if they are the user's (`user.`) or access control lists. It changes neither access times nor the mode
    /// of symbolic links.
    pub fn apply(
        &self,
        name: &[u8],
        entry: &Entry,
        current: Option<&FileStat>,
        owners: &Owners,
        how: Attributes,
    ) -> Vec<String> {
        match checked(name) {
            Ok(name) => apply(Object::Name(self.fd.as_fd(), name), entry, current, owners, how),
            Err(error) => vec![error.to_string()],
        }
    }

    /// Whether [`Dir::apply`] would change anything of `name`, whose state is `current`. Changes nothing.
    pub(crate) fn would_change(
        &self,
        name: &[u8],
        entry: &Entry,
        current: &FileStat,
        owners: &Owners,
        how: Attributes,
    ) -> bool {
        checked(name).is_ok_and(|name| would_change(Object::Name(self.fd.as_fd(), name), entry, current, owners, how))
    }

    /// As [`Dir::apply`], for the folder itself.
    pub fn apply_self(
        &self,
        entry: &Entry,
        current: Option<&FileStat>,
        owners: &Owners,
        how: Attributes,
    ) -> Vec<String> {
        apply(Object::Open(self.fd.as_fd()), entry, current, owners, how)
    }
}

impl TargetFile {
    /// As [`Dir::apply`], for an open file, and faster. Take `current`, and call this, after the last write.
    pub fn apply(&self, entry: &Entry, current: Option<&FileStat>, owners: &Owners, how: Attributes) -> Vec<String> {
        apply(Object::Open(self.file.as_fd()), entry, current, owners, how)
    }

    /// As [`Dir::would_change`], for an open file.
    pub(crate) fn would_change(&self, entry: &Entry, current: &FileStat, owners: &Owners, how: Attributes) -> bool {
        would_change(Object::Open(self.file.as_fd()), entry, current, owners, how)
    }
}

/// Set-user-id and set-group-id.
const SET_ID: u32 = 0o6000;

fn complete(object: Object<'_>, entry: &mut Entry, owners: &Owners) -> Vec<String> {
    entry.user = owners.user(entry.uid);
    entry.group = owners.group(entry.gid);
    let mut problems = Vec::new();
    let xattrs = read_xattrs(object, &mut problems);
    entry.xattrs = (!xattrs.is_empty()).then_some(xattrs);
    problems
}

fn read_xattrs(object: Object<'_>, problems: &mut Vec<String>) -> Vec<Xattr> {
    let (xattrs, mut names) = match Xattrs::of(object).and_then(|xattrs| xattrs.names().map(|names| (xattrs, names))) {
        Ok(found) => found,
        Err(Errno::NOTSUP) => return Vec::new(),
        Err(error) => {
            problems.push(format!("cannot list its extended attributes: {error}"));
            return Vec::new();
        }
    };
    names.sort_unstable();
    let mut room = limits::XATTRS;
    let mut read = Vec::with_capacity(names.len());
    for name in names.into_iter().filter(|name| !xattr::is_fixed(name)) {
        let shown = String::from_utf8_lossy(&name);
        match xattrs.get(&name) {
            Ok(value) if (name.len() + value.len()) as u64 <= room => {
                room -= (name.len() + value.len()) as u64;
                read.push(Xattr { name: ByteString(name), value: ByteString(value) });
            }
            Ok(_) | Err(Errno::RANGE) => problems.push(format!("its extended attribute {shown} is too large")),
            // It was removed after it was listed.
            Err(xattr::MISSING) => {}
            Err(error) => problems.push(format!("cannot read its extended attribute {shown}: {error}")),
        }
    }
    read
}

fn apply(
    object: Object<'_>,
    entry: &Entry,
    current: Option<&FileStat>,
    owners: &Owners,
    how: Attributes,
) -> Vec<String> {
    if how.contents_only {
        return Vec::new();
    }
    let looked;
    let current = match current {
        Some(current) => current,
        None => match object.stat() {
            Ok(stat) => {
                looked = stat;
                &looked
            }
            Err(error) => return vec![format!("cannot look at it: {error}")],
        },
    };
    let current = &current.entry;
    let mut applying =
        Applying { object, entry, current, owners, looks_only: false, changes: false, problems: Vec::new() };
    applying.run(how);
    applying.problems
}

/// Follows the steps of [`apply`], but only looks.
fn would_change(object: Object<'_>, entry: &Entry, current: &FileStat, owners: &Owners, how: Attributes) -> bool {
    if how.contents_only {
        return false;
    }
    let current = &current.entry;
    let mut applying =
        Applying { object, entry, current, owners, looks_only: true, changes: false, problems: Vec::new() };
    applying.run(how);
    applying.changes
}

/// One thing that receives the attributes of an entry. A step may invalidate `current` for a later step.
struct Applying<'a> {
    object: Object<'a>,
    entry: &'a Entry,
    current: &'a Entry,
    owners: &'a Owners,
    /// Change nothing.
    looks_only: bool,
    /// Whether something differs.
    changes: bool,
    problems: Vec<String>,
}

impl Applying<'_> {
    fn run(&mut self, how: Attributes) {
        let owner = self.give_to_owner(how);
        let xattrs_changed = self.set_xattrs(&owner);
        if self.entry.kind != EntryKind::Symlink {
            // A new owner removes these bits, and an access control list brings a mode of its own.
            let unknown = xattrs_changed || owner.changed && self.current.mode & SET_ID != 0;
            let mode = if owner.as_recorded { self.entry.mode } else { self.entry.mode & !SET_ID };
            if unknown || mode != self.current.mode {
                let object = self.object;
                self.act("set its mode", || object.set_mode(mode));
            }
        }
        if self.entry.mtime() != self.current.mtime() {
            let (object, time) = (self.object, self.entry.mtime());
            self.act("set its modification time", || object.set_mtime(time));
        }
    }

    fn give_to_owner(&mut self, how: Attributes) -> Owner {
        let (uid, gid) = self.owners.wanted(self.entry, how.by_name);
        let (has_uid, has_gid) = (self.current.uid == uid, self.current.gid == gid);
        let give_uid = how.owner && !has_uid && self.owners.is_root();
        let give_gid = how.owner && !has_gid && self.owners.may_give_to(gid);
        if !give_uid && !give_gid {
            return Owner { changed: false, as_recorded: has_uid && has_gid };
        }
        self.changes = true;
        if self.looks_only {
            return Owner { changed: true, as_recorded: (has_uid || give_uid) && (has_gid || give_gid) };
        }
        match self.object.set_owner(give_uid.then_some(uid), give_gid.then_some(gid)) {
            Ok(()) => Owner { changed: true, as_recorded: (has_uid || give_uid) && (has_gid || give_gid) },
            Err(error) => {
                // The thing belongs to another user.
                if error != Errno::PERM || self.owners.is_root() {
                    self.problems.push(format!("cannot set its owner to {uid}:{gid}: {error}"));
                }
                Owner { changed: false, as_recorded: false }
            }
        }
    }

    /// Makes the extended attributes those of the entry; returns whether any differed.
    fn set_xattrs(&mut self, owner: &Owner) -> bool {
        let wanted = self.entry.xattrs.as_deref().unwrap_or_default();
        let listed = Xattrs::of(self.object).and_then(|xattrs| xattrs.names().map(|names| (xattrs, names)));
        let (xattrs, present) = match listed {
            Ok(listed) => listed,
            Err(Errno::NOTSUP) if wanted.is_empty() => return false,
            Err(error) => {
                self.problems.push(format!("cannot set its extended attributes: {error}"));
                return false;
            }
        };
        let mut changed = false;
        for Xattr { name: ByteString(name), value: ByteString(value) } in wanted {
            let is_right = present.contains(name) && xattrs.get(name).is_ok_and(|present| present == *value);
            let is_unsafe = xattr::gives_rights(name) && !owner.as_recorded;
            if is_right || is_unsafe || xattr::is_fixed(name) {
                continue;
            }
            if xattr::needs_root(name) && !self.owners.is_root() {
                // An attribute that the system does not let this user set is no change.
                if self.looks_only || xattrs.set(name, value) == Err(Errno::PERM) {
                    continue;
                }
            } else {
                let what = format!("set its extended attribute {}", String::from_utf8_lossy(name));
                self.act(&what, || xattrs.set(name, value));
            }
            changed = true;
        }
        for name in present {
            if xattr::is_removable(&name) && !wanted.iter().any(|xattr| xattr.name.0 == name) {
                let what = format!("remove its extended attribute {}", String::from_utf8_lossy(&name));
                self.act(&what, || xattrs.remove(&name));
                changed = true;
            }
        }
        changed
    }

    /// Does something, or only notes that it would.
    fn act(&mut self, what: &str, action: impl FnOnce() -> Result<(), Errno>) {
        self.changes = true;
        if self.looks_only {
            return;
        }
        if let Err(error) = action() {
            self.problems.push(format!("cannot {what}: {error}"));
        }
    }
}

/// The result of setting an owner.
struct Owner {
    changed: bool,
    as_recorded: bool,
}

//! Removes what dead processes left in `tmp/`. It removes only files that are certainly ours and that certainly no
//! process uses, and only one level of plain files, because other people may be able to write to the storage.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use super::unix::{self as platform, Dir, Life};
use crate::misplaced::Found;

/// Stands in each scratch folder, and is locked as long as the folder's owner lives.
pub(super) const ALIVE: &str = "alive";

/// The beginning of the file [`ALIVE`]: a folder whose file begins differently is not ours.
pub(super) const MARK: &str = "enamel scratch ";

/// A folder in which nothing has changed for this long is abandoned if its owner is unknown: the owner may run on
/// another machine, or the system does not say. No object takes this long to write.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// A file that shows life holds no more bytes than this.
const ALIVE_BYTES: u64 = 1024;

/// Removes the scratch folders of dead processes, but not `own`. `now` is the time by the clock of the storage. The
/// caller must hold the lock of the store, which processes that make scratch folders hold, too.
pub(super) fn remove(tmp: &Dir, own: &str, now: SystemTime) {
    let mut names = Vec::new();
    let listed = tmp.names(|name| {
        names.extend(name.to_str().filter(|name| is_scratch_name(name) && *name != own).map(str::to_owned));
        Ok(())
    });
    // A folder that we cannot see or remove, for example another user's, must not stop us from writing.
    if listed.is_ok() {
        names.iter().for_each(|name| drop(remove_if_dead(tmp, name, now)));
    }
}

/// Removes the folder `dir`, which is `name` in `tmp`, and its files, as far as possible.
pub(super) fn clear(tmp: &Dir, name: &str, dir: &Dir) {
    let Ok(files) = own_files(dir) else { return };
    let removed = files.iter().try_for_each(|file| dir.remove(file));
    // The file that names the owner goes last.
    if removed.is_ok() && dir.remove(ALIVE).is_ok() {
        let _ = tmp.remove_folder(name);
    }
}

fn remove_if_dead(tmp: &Dir, name: &str, now: SystemTime) -> io::Result<()> {
    let is_ours =
        tmp.look(name)?.is_some_and(|info| info.found == Found::Folder && platform::may_be_ours(info.owner, tmp));
    if !is_ours {
        return Ok(());
    }
    let dir = tmp.folder(name)?;
    let is_abandoned = |dir: &Dir| Ok::<_, io::Error>(last_change(dir)? + ABANDONED <= now);
    let alive = match dir.open_to_lock(ALIVE) {
        Ok(alive) => alive,
        // The owner died before it made the file, or after it removed everything else. So the folder is either empty or
        // stays.
        Err(e) if e.kind() == io::ErrorKind::NotFound && is_abandoned(&dir)? => return tmp.remove_folder(name),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    let Some(identity) = identity(&alive)? else { return Ok(()) };
    match alive.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
        // This is no proof of death: on some shares every process gets every lock.
        Ok(()) => {}
    }
    let is_dead = match platform::state_of(&identity) {
        Life::Runs => false,
        Life::Ended => true,
        Life::Unknown => is_abandoned(&dir)?,
    };
    if is_dead {
        clear(tmp, name, &dir);
    }
    Ok(())
}

/// The process that a folder's file names as its owner; `None` if the file is not ours.
fn identity(alive: &File) -> io::Result<Option<String>> {
    let mut text = Vec::new();
    alive.take(ALIVE_BYTES).read_to_end(&mut text)?;
    let text = String::from_utf8(text).unwrap_or_default();
    // The owner may have died before it wrote anything.
    if text.is_empty() {
        return Ok(Some(String::new()));
    }
    Ok(text.strip_prefix(MARK).map(|identity| identity.trim_end().to_owned()))
}

/// The names of the files in a scratch folder, except the one that shows life. Fails if there is anything that is not
/// ours.
fn own_files(dir: &Dir) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    dir.names(|name| {
        let name = name.into_string().map_err(|_| io::ErrorKind::InvalidData)?;
        match dir.look(&name)? {
            Some(info) if info.found != Found::File => return Err(io::ErrorKind::InvalidData.into()),
            _ if name == ALIVE => {}
            _ if name.bytes().all(|digit| digit.is_ascii_digit()) => files.push(name),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(())
    })?;
    Ok(files)
}

/// The time of the last change in a folder.
fn last_change(dir: &Dir) -> io::Result<SystemTime> {
    let mut last = dir.info()?.changed;
    dir.names(|name| {
        if let Some(info) = name.to_str().map(|name| dir.look(name)).transpose()?.flatten() {
            last = last.max(info.changed);
        }
        Ok(())
    })?;
    Ok(last)
}

fn is_scratch_name(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

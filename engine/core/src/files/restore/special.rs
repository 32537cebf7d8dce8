//! Restores links, FIFOs and devices.

use repo_format::entry::EntryKind;
use repo_format::node::ProblemKind;

use super::attributes::{Folder, judge, report};
use super::outcome::count;
use super::place::Place;
use super::{Action, Run};
use crate::error::Result;
use crate::filesystem::{Dir, FileStat};
use crate::tree::TreeEntry;

/// Restores a link, FIFO or device; omits a socket.
pub(super) fn restore_special(run: &Run<'_>, folder: &Folder, place: &Place, entry: &TreeEntry) -> Result<()> {
    let (tally, path, existing) = (run.tally, &place.path, place.existing.as_ref());
    if entry.meta.kind == EntryKind::Socket {
        tally.problem(path, ProblemKind::LeftOut, "it is a socket: its program makes it again");
        return Ok(());
    }
    let Some(dir) = folder.dir.as_ref().filter(|_| run.writes()) else {
        let action = match (existing, &folder.dir) {
            (Some(stat), Some(dir)) if is_there(dir, entry, stat) => judge(run, dir, &entry.meta, stat),
            (Some(_), _) => Action::Rewrite,
            (None, _) => Action::Create,
        };
        count(&tally.others, 1);
        (run.planned)(path, action);
        return Ok(());
    };
    match make_special(dir, entry, existing) {
        Ok(action) => {
            let action = match (action, existing) {
                (Action::Keep, Some(stat)) => judge(run, dir, &entry.meta, stat),
                (action, _) => action,
            };
            report(tally, path, dir.apply(entry.name(), &entry.meta, None, run.owners, run.attributes()));
            count(&tally.others, 1);
            let action = if action == Action::Create && place.replaces { Action::Rewrite } else { action };
            (run.planned)(path, action);
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied && entry.meta.device.is_some() => {
            tally.problem(path, ProblemKind::LeftOut, "it is a device: only root can make one");
            Ok(())
        }
        Err(error) => tally.io(path, "make", error),
    }
}

/// Makes a link, FIFO or device, unless an equal one exists.
fn make_special(dir: &Dir, entry: &TreeEntry, existing: Option<&FileStat>) -> std::io::Result<Action> {
    let meta = &entry.meta;
    let name = entry.name();
    if let Some(stat) = existing {
        if is_there(dir, entry, stat) {
            return Ok(Action::Keep);
        }
        dir.remove_one(&stat.entry.name.0)?;
    }
    match meta.kind {
        EntryKind::Symlink => {
            let target = meta.link_target.as_ref().map_or(&[][..], |target| &target.0);
            dir.create_symlink(name, target)?;
        }
        EntryKind::Fifo => dir.create_fifo(name)?,
        _ => dir.create_device(name, meta)?,
    }
    Ok(if existing.is_some() { Action::Rewrite } else { Action::Create })
}

/// Whether the existing thing is this link, FIFO or device.
fn is_there(dir: &Dir, entry: &TreeEntry, stat: &FileStat) -> bool {
    stat.entry.kind == entry.meta.kind && stat.entry.device == entry.meta.device && same_target(dir, entry, stat)
}

fn same_target(dir: &Dir, entry: &TreeEntry, stat: &FileStat) -> bool {
    if entry.meta.kind != EntryKind::Symlink {
        return true;
    }
    let mut now = stat.clone();
    let read = dir.complete(&stat.entry.name.0, &mut now, &crate::filesystem::Owners::new());
    read.is_ok() && now.entry.link_target == entry.meta.link_target
}

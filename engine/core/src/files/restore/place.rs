//! The place of an entry in the target, and the things that it replaces there.

use repo_format::entry::EntryKind;
use repo_format::node::ProblemKind;

use super::attributes::Folder;
use super::delete::{Scope, Sweep};
use super::judge::{Obstacle, obstacle};
use super::{Action, Run};
use crate::error::Result;
use crate::filesystem::FileStat;

/// The place of an entry.
pub(super) struct Place {
    /// Its path in the snapshot.
    pub path: Vec<u8>,
    /// The thing that has its name in the target now.
    pub existing: Option<FileStat>,
    /// Whether something existed, which may be gone already.
    pub replaces: bool,
}

impl Place {
    /// Examines the place of an entry, and removes a folder there if that is allowed. Returns whether the entry may be
    /// made.
    pub fn make_way(
        &mut self,
        run: &Run<'_>,
        folder: &Folder,
        scope: Option<&Scope>,
        wanted: EntryKind,
    ) -> Result<bool> {
        let (Some(stat), Some(dir)) = (&self.existing, &folder.dir) else { return Ok(true) };
        let refuse = |why: &str| {
            run.tally.problem(&self.path, ProblemKind::LeftOut, why);
            Ok(false)
        };
        match obstacle(wanted, Some(stat)) {
            None => return Ok(true),
            Some(Obstacle::Link) if run.may_replace() => return Ok(true),
            Some(Obstacle::Link) => {
                return refuse(
                    "a link stands where the folder was: it is neither followed nor replaced without --overwrite",
                );
            }
            Some(Obstacle::Folder) => {}
        }
        let name = stat.entry.name.0.clone();
        let is_empty = dir.open_dir(&name).and_then(|inner| inner.names()).is_ok_and(|names| names.is_empty());
        if is_empty && !dir.is_mount(&name, stat).unwrap_or(true) {
            return Ok(true);
        }
        if !run.may_replace() {
            return refuse("a folder with contents stands in its place: it is not replaced without --overwrite");
        }
        let sweep = Sweep { run, dir, folder: folder.path(), rules: scope.and_then(|s| s.rules.as_ref()) };
        let swept = match sweep.may_go(&name) {
            Ok(Some(_)) => return refuse("a folder stands in its place, with contents that must stay"),
            Ok(None) => sweep.run(&name),
            Err(error) => Err(error),
        };
        match swept {
            Ok(swept) => {
                (run.planned)(&self.path, Action::Delete);
                if swept.kept > 0 {
                    return refuse("a folder stands in its place that is still in use");
                }
                if run.writes() {
                    self.existing = None;
                }
                Ok(true)
            }
            Err(error) => run.tally.io(&self.path, "remove the folder in its place", error).map(|()| false),
        }
    }
}

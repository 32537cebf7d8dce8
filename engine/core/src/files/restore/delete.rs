//! Deletes things that a target has and the snapshot does not: decides which may go, and plans it.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use repo_format::entry::{GAP_ELSEWHERE, GAP_RULE, GAP_UNREADABLE, Gaps};

use super::rules::Rules;
use super::spelling::fold;
use super::{Purpose, Run};
use crate::filesystem::{Dir, Fate, FileStat, Met, Swept};
use crate::tree::join;

/// The reason for keeping something that the snapshot does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeptReason {
    /// The backup omitted it by a rule, or would have.
    LeftOut,
    /// The backup could not read it, or the contents of its folder.
    Unreadable,
    /// It is in another file system, or was during the backup.
    Elsewhere,
    /// The snapshot does not contain everything that existed.
    Incomplete,
    /// This run uses it: the repository, a cache, a key.
    InUse,
    /// It appeared or changed after the plan was made.
    Changed,
}

/// A plan of deletions.
#[derive(Debug, Clone, Default)]
pub struct Deletions {
    /// The number of things: files, folders and everything else.
    pub things: u64,
    /// The size of the files among them in bytes.
    pub bytes: u64,
    /// The number of things in the folders to restore into.
    pub met: u64,
    /// Identifies them: a hash of path, device and inode.
    planned: HashSet<u64>,
    hasher: RandomState,
}

impl Deletions {
    fn key(&self, path: &[u8], stat: &FileStat) -> u64 {
        self.hasher.hash_one((path, stat.identity()))
    }

    fn has(&self, path: &[u8], stat: &FileStat) -> bool {
        self.planned.contains(&self.key(path, stat))
    }
}

/// The rules for deleting in one folder.
#[derive(Clone)]
pub(super) struct Scope {
    /// The exclusion rules of the backup there; `None` if they are unknown.
    pub rules: Option<Rules>,
    /// If set, everything in it and below stays.
    pub kept: Option<KeptReason>,
}

/// The names that a folder of the target has and the snapshot does not.
pub(super) struct Extras {
    names: Vec<Vec<u8>>,
    next: usize,
    found: Vec<Vec<u8>>,
    scope: Scope,
    gaps: Option<Gaps>,
}

impl Extras {
    /// Starts with the sorted `names` of a folder.
    pub fn new(names: Vec<Vec<u8>>, scope: Scope, gaps: Option<Gaps>) -> Self {
        Extras { names, next: 0, found: Vec::new(), scope, gaps }
    }

    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Keeps everything in this folder: the snapshot may not be whole here.
    pub fn keep_all(&mut self) {
        self.scope.kept = Some(KeptReason::Incomplete);
    }

    /// Adds the next name of the snapshot, in order. `there` is the thing with this name in the target: the target may
    /// list it in another spelling.
    pub fn pass(&mut self, dir: &Dir, name: &[u8], there: Option<&FileStat>) {
        while self.names.get(self.next).is_some_and(|listed| listed.as_slice() < name) {
            self.found.push(std::mem::take(&mut self.names[self.next]));
            self.next += 1;
        }
        if self.names.get(self.next).is_some_and(|listed| listed == name) {
            self.next += 1;
            return;
        }
        let Some(there) = there else { return };
        // Some file systems give each spelling an inode of its own.
        let is_other = |listed: &Vec<u8>| {
            fold(listed) != fold(name) && dir.stat(listed).is_ok_and(|stat| stat.identity() != there.identity())
        };
        self.found.retain(is_other);
        let rest = self.names.split_off(self.next);
        self.names.extend(rest.into_iter().filter(is_other));
    }

    /// Ends the folder: removes what may go, and counts what stays. Returns the failures, by name.
    pub fn finish(mut self, run: &Run<'_>, dir: &Dir, folder: &[u8]) -> Vec<(Vec<u8>, std::io::Result<Swept>)> {
        self.found.extend(self.names.drain(self.next.min(self.names.len())..));
        let sweep = Sweep { run, dir, folder, rules: self.scope.rules.as_ref() };
        let mut swept = Vec::new();
        for name in std::mem::take(&mut self.found) {
            match self.scope.kept.or_else(|| by_gaps(self.gaps.as_ref(), &name)) {
                Some(reason) => run.tally.kept(reason, 1),
                None => {
                    let result = sweep.run(&name);
                    swept.push((name, result));
                }
            }
        }
        swept
    }
}

/// The reason why `name` stays in a folder with these gaps; `None` if it appeared after the backup.
fn by_gaps(gaps: Option<&Gaps>, name: &[u8]) -> Option<KeptReason> {
    let gaps = gaps?;
    if let Some(names) = &gaps.names
        && !names.iter().any(|missing| missing.0 == name || missing.0.eq_ignore_ascii_case(name))
    {
        return None;
    }
    Some(match gaps.why {
        why if why & GAP_UNREADABLE != 0 => KeptReason::Unreadable,
        why if why & GAP_ELSEWHERE != 0 => KeptReason::Elsewhere,
        why if why & GAP_RULE != 0 => KeptReason::LeftOut,
        _ => KeptReason::Incomplete,
    })
}

/// Removes one thing in a folder with everything in it, or only computes the effect.
pub(super) struct Sweep<'s, 'r> {
    pub run: &'s Run<'r>,
    pub dir: &'s Dir,
    /// The folder's path in the snapshot.
    pub folder: &'s [u8],
    pub rules: Option<&'s Rules>,
}

impl Sweep<'_, '_> {
    /// Removes `name`, or only counts in a dry run.
    pub fn run(&self, name: &[u8]) -> std::io::Result<Swept> {
        let mut kept = BTreeMap::new();
        let mut planned = Vec::new();
        let mut judge = |met: Met<'_>| match self.keeps(&met) {
            Some(reason) => {
                *kept.entry(reason).or_insert(0) += 1;
                Fate::Keep
            }
            None => {
                if self.run.purpose == Purpose::Survey {
                    planned.push((join(self.folder, met.path), met.stat.clone()));
                }
                Fate::Remove
            }
        };
        let swept = match self.run.purpose {
            Purpose::Restore => self.dir.remove_judged(name, &mut judge),
            Purpose::Survey | Purpose::DryRun => self.dir.foresee_removal(name, &mut judge),
        };
        kept.into_iter().for_each(|(reason, number)| self.run.tally.kept(reason, number));
        let swept = swept?;
        self.run.tally.deleted(swept);
        if self.run.purpose == Purpose::Survey {
            let mut plan = self.run.plan();
            // It was already counted once when its folder was listed.
            plan.met += (swept.removed + swept.kept).saturating_sub(1);
            plan.things += swept.removed;
            plan.bytes += swept.bytes;
            let keys: Vec<u64> = planned.iter().map(|(path, stat)| plan.key(path, stat)).collect();
            plan.planned.extend(keys);
        }
        Ok(swept)
    }

    /// Whether all of `name` may go. Changes nothing.
    pub fn may_go(&self, name: &[u8]) -> std::io::Result<Option<KeptReason>> {
        let mut first = None;
        let mut judge = |met: Met<'_>| match self.keeps(&met) {
            Some(reason) => {
                first.get_or_insert(reason);
                Fate::Keep
            }
            None => Fate::Remove,
        };
        self.dir.foresee_removal(name, &mut judge)?;
        Ok(first)
    }

    fn keeps(&self, met: &Met<'_>) -> Option<KeptReason> {
        let run = self.run;
        match () {
            () if run.protected.has(met.stat) => Some(KeptReason::InUse),
            () if met.is_mount => Some(KeptReason::Elsewhere),
            () if self.rules.is_some_and(|rules| rules.spare(met)) => Some(KeptReason::LeftOut),
            () if run.purpose == Purpose::Restore && !run.plan().has(&join(self.folder, met.path), met.stat) => {
                Some(KeptReason::Changed)
            }
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use repo_format::cbor::ByteString;
    use repo_format::entry::GAP_OTHER;

    use super::*;

    #[test]
    fn a_folder_that_is_not_whole_keeps_what_was_missing_or_everything() {
        let names = Some(vec![ByteString(b"secret".to_vec())]);
        let named = Gaps { why: GAP_RULE, names };
        assert_eq!(by_gaps(None, b"x"), None);
        assert_eq!(by_gaps(Some(&named), b"secret"), Some(KeptReason::LeftOut));
        assert_eq!(by_gaps(Some(&named), b"SECRET"), Some(KeptReason::LeftOut), "some disks do not tell them apart");
        assert_eq!(by_gaps(Some(&named), b"x"), None);
        let reasons = [
            (GAP_UNREADABLE | GAP_RULE, KeptReason::Unreadable),
            (GAP_ELSEWHERE, KeptReason::Elsewhere),
            (GAP_RULE | GAP_OTHER, KeptReason::LeftOut),
            (GAP_OTHER, KeptReason::Incomplete),
            (64, KeptReason::Incomplete),
        ];
        for (why, reason) in reasons {
            assert_eq!(by_gaps(Some(&Gaps { why, names: None }), b"x"), Some(reason));
        }
    }

    #[test]
    fn extras_are_the_names_between_and_after_those_of_the_snapshot() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        let names = ["a", "b", "c", "d", "e"].map(|name| name.as_bytes().to_vec()).to_vec();
        let mut extras = Extras::new(names, Scope { rules: None, kept: None }, None);
        for name in ["0", "b", "bb", "d"] {
            extras.pass(&dir, name.as_bytes(), None);
        }
        let rest = extras.names.split_off(extras.next);
        assert_eq!([extras.found, rest].concat(), ["a", "c", "e"].map(|name| name.as_bytes().to_vec()));
    }

    #[test]
    fn another_spelling_of_an_entry_is_no_extra() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["README", "zz"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let dir = Dir::open(folder.path()).unwrap();
        let mut extras = Extras::new(dir.names().unwrap(), Scope { rules: None, kept: None }, None);
        // As a file system says that folds case: the name is there, though it is not listed.
        let there = dir.stat(b"README").unwrap();
        extras.pass(&dir, b"readme", Some(&there));
        let rest = extras.names.split_off(extras.next);
        assert_eq!([extras.found, rest].concat(), [b"zz".to_vec()]);
    }
}

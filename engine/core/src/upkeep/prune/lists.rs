//! The lists of condemned packs: adds packs, and removes them (FORMAT.md, section 13.1).

use std::collections::HashSet;

use repo_format::condemned::{CondemnedList, Phase};
use repo_format::id::PackId;

use crate::error::Result;
use crate::repository::Repository;
use engine_store::Tag;

/// All lists as they were read, and the tag that shows whether another process has changed them since.
pub(super) struct Lists {
    pub condemned: repo_format::condemned::Condemned,
    tag: Tag,
}

impl Lists {
    pub fn read(repository: &Repository) -> Result<Self> {
        let (condemned, tag) = repository.newest_condemned()?;
        Ok(Lists { condemned, tag })
    }

    /// All packs in any list.
    pub fn packs(&self) -> HashSet<PackId> {
        self.condemned.packs().copied().collect()
    }

    /// List `number`, if it still exists.
    pub fn get(&self, number: u64) -> Option<&CondemnedList> {
        self.condemned.lists.iter().find(|list| list.number == number)
    }

    /// Changes list `number`. Returns `false` if another process has changed any list meanwhile.
    pub fn change(
        mut self,
        repository: &Repository,
        number: u64,
        change: impl FnOnce(&mut CondemnedList),
    ) -> Result<bool> {
        if let Some(list) = self.condemned.lists.iter_mut().find(|list| list.number == number) {
            change(list);
        }
        repository.replace_condemned(&self.condemned, self.tag)
    }
}

/// Puts `packs` on a new list. Returns its number, or `None` if other lists already have all of them.
pub(super) fn condemn(repository: &Repository, packs: &[PackId]) -> Result<Option<u64>> {
    loop {
        let mut lists = Lists::read(repository)?;
        let gone = lists.packs();
        let mut packs: Vec<_> = packs.iter().filter(|pack| !gone.contains(pack)).copied().collect();
        if packs.is_empty() {
            return Ok(None);
        }
        packs.sort();
        let number = lists.condemned.next;
        lists.condemned.next += 1;
        lists.condemned.lists.push(CondemnedList { number, phase: Phase::Condemned, packs });
        if repository.replace_condemned(&lists.condemned, lists.tag)? {
            return Ok(Some(number));
        }
    }
}

/// Removes a list whose packs are gone. Its number is never used again.
pub(super) fn finish(repository: &Repository, number: u64) -> Result<()> {
    loop {
        let mut lists = Lists::read(repository)?;
        if lists.get(number).is_none() {
            return Ok(());
        }
        lists.condemned.lists.retain(|list| list.number != number);
        if repository.replace_condemned(&lists.condemned, lists.tag)? {
            return Ok(());
        }
    }
}

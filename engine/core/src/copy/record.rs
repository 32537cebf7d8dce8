//! The record in the source that another repository has copies of it.

use repo_format::manifest::SecondCopy;

use super::present::Present;
use crate::error::Result;
use crate::machine;
use crate::repository::{Author, Repository};

/// The way in which a copy was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// The copies of this run were read back.
    ReadBack,
    /// Besides, packs of all the repository were read: this share, in percent, or any other.
    Data(Option<u8>),
}

/// A second copy to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The parts that were chosen, as the user gave them; empty for everything.
    pub only: Vec<String>,
    /// How it was checked.
    pub checked: Checked,
}

/// A record is put anew after this time in seconds, though nothing else has changed.
const KEPT_FOR: i64 = 20 * 3600;

/// Records in `source` that `target` has copies of it, unless a record says so already. Returns whether there is anything
/// to record.
///
/// # Errors
/// If a repository cannot be read, or the source cannot be written.
pub fn record(source: &Repository, target: &Repository, recorded: &Recorded, author: &Author) -> Result<bool> {
    let Some((newest, _)) = Present::read(source, target)?.newest_snapshot() else { return Ok(false) };
    let (level, read_percent) = match recorded.checked {
        Checked::ReadBack => (2, None),
        Checked::Data(percent) => (3, percent),
    };
    let checked = machine::now().seconds;
    let copy = SecondCopy {
        repository: target.id(),
        place: target.location(),
        newest,
        checked,
        level,
        only: (!recorded.only.is_empty()).then(|| recorded.only.clone()),
        read_percent,
    };
    let known = source.second_copies_in(&source.manifests()?)?;
    let says_so = |known: &SecondCopy| {
        let is_recent = (known.checked..known.checked.saturating_add(KEPT_FOR)).contains(&checked);
        let SecondCopy { checked, level, read_percent, .. } = *known;
        is_recent
            && recorded.checked == Checked::ReadBack
            && *known == SecondCopy { checked, level, read_percent, ..copy.clone() }
    };
    if !known.iter().any(|known| says_so(&known.copy)) {
        source.note_second_copy(copy, author)?;
    }
    Ok(true)
}

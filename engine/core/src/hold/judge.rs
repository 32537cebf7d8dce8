//! Judges a snapshot before it is committed.

use repo_format::entry::Time;
use repo_format::manifest::{HeldFolder, Manifest, ManifestKind, Root, Statistics};

use super::Rule;
use super::answers::{Said, Verdict};
use super::purged::purged_since;
use super::rules::{self, broken};
use crate::error::Result;
use crate::memory::RememberedManifest;
use crate::repository::{Manifests, Repository, family};
use crate::tree::is_beneath;

/// The first days of a source show what is usual: nothing is held in them.
const WATCH_SECONDS: i64 = 14 * 24 * 3600;
/// So long is looked back.
const USUAL_SECONDS: i64 = 30 * 24 * 3600;
/// Snapshots that are read to learn what is usual. They are read only when something looks wrong.
const READ_MAX: usize = 200;

/// A run that is about to commit.
#[derive(Debug, Clone, Copy)]
pub struct Run<'r> {
    /// Its machine.
    pub host: &'r str,
    /// Its sources.
    pub roots: &'r [Root],
    /// Its start.
    pub time: Time,
    /// Its figures.
    pub statistics: &'r Statistics,
    /// The folders of the files that count against rules.
    pub folders: &'r [HeldFolder],
}

/// The rules by which the snapshot is to be held. Only if it looks wrong by itself, anything is read.
///
/// # Errors
/// If the repository cannot be read.
pub fn judge(repository: &Repository, manifests: &Manifests, run: &Run<'_>) -> Result<Vec<Rule>> {
    let mut suspected = rules::suspected(run.statistics, 0);
    if suspected.is_empty() {
        return Ok(suspected);
    }
    let own = family(repository, run.host, run.roots);
    let of_source =
        manifests.present.iter().filter(|known| known.kind == ManifestKind::Snapshot && known.family == own);
    let age = |time: Time| run.time.seconds.saturating_sub(time.seconds);
    if !of_source.clone().any(|known| age(known.time) >= WATCH_SECONDS) {
        return Ok(Vec::new());
    }
    let (records, _) = repository.read_records(&manifests.present)?;
    let said = Said::by(records.iter().map(|record| &record.manifest));
    if said.is_expected(run.host, run.time.seconds) {
        return Ok(Vec::new());
    }
    let recent = of_source.filter(|known| (0..USUAL_SECONDS).contains(&age(known.time)));
    let mut recent: Vec<RememberedManifest> = recent.copied().collect();
    recent.sort_by_key(|known| std::cmp::Reverse(known.time));
    if suspected.contains(&Rule::Gone)
        && let Some(newest) = recent.first()
    {
        suspected = rules::suspected(run.statistics, purged_since(repository, newest.time)?.files);
    }
    // Somebody has said that it was them. An hourly backup has more snapshots after that than are read below.
    let is_ours = |known: &RememberedManifest| said.answer_to(known.id).is_some_and(|it| it.verdict == Verdict::Ours);
    let ours: Vec<RememberedManifest> = recent.iter().filter(|known| is_ours(known)).copied().collect();
    recent.truncate(READ_MAX);
    let read = |known: &[RememberedManifest]| -> Result<Vec<Manifest>> {
        repository.each_readable(known).map(|read| read.map(|object| object.manifest)).collect()
    };
    let usual: Vec<Statistics> = read(&recent)?.iter().map(|manifest| manifest.statistics).collect();
    let mut rules = broken(suspected, run.statistics, &usual);
    let ours = read(&ours)?;
    rules.retain(|rule| !ours.iter().any(|held| is_held_by(held, *rule) && is_inside(run, held, *rule)));
    Ok(rules)
}

fn is_held_by(snapshot: &Manifest, rule: Rule) -> bool {
    snapshot.held.is_some_and(|bits| bits & rule.bit() != 0)
}

/// Whether all files that count against this rule now are in the folder of those for which the snapshot is held. Without a
/// folder, as for files that are gone, the answer stands for the whole source.
fn is_inside(run: &Run<'_>, held: &Manifest, rule: Rule) -> bool {
    let Some(then) = folder_of(held.held_folders(), rule) else { return true };
    folder_of(run.folders, rule).is_some_and(|now| is_beneath(now, then))
}

fn folder_of(folders: &[HeldFolder], rule: Rule) -> Option<&[u8]> {
    folders.iter().find(|folder| folder.rule == rule.bit()).map(|folder| folder.folder.0.as_slice())
}

//! Search: words over all backups, and everything that a page shows of one thing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use engine::repository::Repository;
use engine::snapshots::Snapshot;
use engine::snapshots::find::{FindHit, FindOptions, find};
use engine::snapshots::ls::ls;
use engine::snapshots::part::Part;
use engine::snapshots::versions::{Top, Version, versions};
use engine::{Error, ErrorKind, Result};
use repo_format::entry::{Entry, EntryKind};
use repo_format::id::LeaseId;

use super::super::door::Thing;
use super::Line;
use crate::context::Context;

/// Fewest letters of a search.
pub const LETTERS_MIN: usize = 2;
/// Things that a search shows.
pub const FOUND_MAX: usize = 240;
/// Entries of a folder on one page.
pub const ENTRIES_SHOWN: usize = 200;
/// The largest file that is read for a preview.
const PICTURE_MAX: u64 = 64 << 20;

/// A thing that was found, with all its versions together.
#[derive(Debug, Clone)]
pub struct Found {
    /// The newest version.
    pub thing: Thing,
    /// Its metadata.
    pub entry: Entry,
    /// How many versions there are.
    pub versions: usize,
    /// The moment of the last snapshot that has it, in seconds.
    pub last_seen: i64,
    /// It is not in the newest snapshot of its folder any more.
    pub is_gone: bool,
}

/// The things that were found.
#[derive(Debug, Clone, Default)]
pub struct Results {
    /// The things, sorted by path.
    pub things: Vec<Found>,
    /// There are more.
    pub is_cut: bool,
}

/// Everything whose path has all of `words`, in any case of letters.
///
/// # Errors
/// The repository cannot be read, or the person has left.
pub fn search(repository: &Repository, context: &Context<'_>, lines: &[Arc<Line>], words: &str) -> Result<Results> {
    let mut words: Vec<String> = words.to_lowercase().split_whitespace().map(plain).collect();
    words.sort_by_key(String::len);
    let Some(longest) = words.pop().filter(|word| word.chars().count() >= LETTERS_MIN) else {
        return Err(Error::new(ErrorKind::Usage, format!("write {LETTERS_MIN} letters or more")));
    };
    let snapshots = Snapshots::of(lines);
    let options = FindOptions { also: words, paths_max: FOUND_MAX + 1, only_ends: true };
    let hits = find(repository, &longest, &options, context.ui)?;
    let mut by_path: BTreeMap<Vec<u8>, Vec<FindHit>> = BTreeMap::new();
    for hit in hits {
        by_path.entry(hit.path.clone()).or_default().push(hit);
    }
    let is_cut = by_path.len() > FOUND_MAX;
    let things = by_path.into_iter().take(FOUND_MAX).filter_map(|(path, hits)| snapshots.found(path, hits)).collect();
    Ok(Results { things, is_cut })
}

/// A word without what makes a pattern of it.
fn plain(word: &str) -> String {
    word.chars().filter(|letter| !"*?[]{}!\\".contains(*letter)).collect()
}

/// All snapshots by id.
struct Snapshots {
    /// The place of each in the order of time, and its moment.
    places: HashMap<LeaseId, (usize, i64)>,
    /// The place of the newest one that has a root of this name.
    newest: HashMap<Vec<u8>, usize>,
}

impl Snapshots {
    fn of(lines: &[Arc<Line>]) -> Self {
        let (mut places, mut newest) = (HashMap::new(), HashMap::new());
        for (place, line) in lines.iter().enumerate() {
            places.insert(line.id, (place, line.seconds));
            newest.extend(line.source.names().map(|name| (name.to_vec(), place)));
        }
        Snapshots { places, newest }
    }

    fn found(&self, path: Vec<u8>, hits: Vec<FindHit>) -> Option<Found> {
        let last = |hit: &FindHit| hit.snapshots.last().and_then(|id| self.places.get(id)).copied();
        let versions = hits.len();
        let newest = hits.into_iter().max_by_key(last)?;
        let (place, last_seen) = last(&newest)?;
        let root = path.split(|byte| *byte == b'/').next().unwrap_or(&path);
        let is_gone = self.newest.get(root).is_some_and(|newest| *newest > place);
        let thing = Thing { snapshot: *newest.snapshots.last()?, path };
        Some(Found { thing, entry: newest.entry, versions, last_seen, is_gone })
    }
}

/// A page of a folder, or a file.
pub struct Opened {
    /// Its snapshot.
    pub snapshot: Snapshot,
    /// Its metadata; none stands for a folder, or the whole snapshot.
    pub entry: Option<Entry>,
    /// The things in it, from the page that was asked for.
    pub entries: Vec<(Vec<u8>, Entry)>,
    /// How many there are in it.
    pub count: usize,
}

/// Opens a thing, and shows its entries from `from` on.
///
/// # Errors
/// It is not there.
pub fn open(repository: &Repository, thing: &Thing, from: usize) -> Result<Opened> {
    let snapshot = snapshot_of(repository, thing.snapshot)?;
    let (mut entries, mut count) = (Vec::new(), 0);
    let mut entry = None;
    ls(repository, &snapshot, &thing.path, false, &mut |path, found| {
        if path == thing.path {
            entry = Some(found.clone());
        } else {
            if count >= from && entries.len() < ENTRIES_SHOWN {
                entries.push((path.to_vec(), found.clone()));
            }
            count += 1;
        }
        Ok(())
    })?;
    Ok(Opened { snapshot, entry, entries, count })
}

/// The snapshot of this id.
///
/// # Errors
/// It is not there any more.
pub fn snapshot_of(repository: &Repository, id: LeaseId) -> Result<Snapshot> {
    engine::snapshots::snapshot(repository, id)
}

/// The versions of a thing, the newest first, each with the moment of its first and last snapshot.
pub struct Dated {
    /// The version.
    pub version: Version,
    /// The moment of its first snapshot, in seconds.
    pub first: i64,
    /// The moment of its last one.
    pub last: i64,
}

/// The history of a thing.
///
/// # Errors
/// The repository cannot be read.
pub fn history(repository: &Repository, lines: &[Arc<Line>], path: &[u8]) -> Result<Vec<Dated>> {
    let root = path.split(|byte| *byte == b'/').next().unwrap_or(path);
    let lines = lines.iter().filter(|line| line.source.names().any(|name| name == root));
    let seconds: HashMap<_, _> = lines.clone().map(|line| (line.id, line.seconds)).collect();
    let tops = lines.map(|line| Top { snapshot: line.id, tree: line.tree });
    let moment = |id: Option<&LeaseId>| id.and_then(|id| seconds.get(id)).copied().unwrap_or_default();
    let dated = versions(repository, tops, path)?.into_iter().map(|version| Dated {
        first: moment(version.snapshots.first()),
        last: moment(version.snapshots.last()),
        version,
    });
    // Before it was first saved it was not there: that says nothing.
    let mut dated: Vec<_> = dated.skip_while(|dated| dated.version.entry.is_none()).collect();
    dated.reverse();
    Ok(dated)
}

/// The bytes of a file for a preview.
///
/// # Errors
/// It is too large, or no file.
pub fn read_picture(repository: &Repository, thing: &Thing) -> Result<Vec<u8>> {
    let opened = open(repository, thing, 0)?;
    match opened.entry {
        Some(entry) if entry.kind == EntryKind::File && entry.size <= PICTURE_MAX => {
            let mut bytes = Vec::new();
            engine::snapshots::cat::cat(repository, &opened.snapshot, &thing.path, &mut bytes)?;
            Ok(bytes)
        }
        _ => Err(Error::new(ErrorKind::NotFound, "this is no file that can be shown here")),
    }
}

/// Whether a path is inside a database, whose parts are no files for people.
pub fn is_in_database(snapshot: &Snapshot, path: &[u8]) -> bool {
    Part::of(&snapshot.manifest, path) != Part::Plain
}

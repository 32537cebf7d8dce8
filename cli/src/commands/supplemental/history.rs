//! Records in the practice's own repository: who switched copies, and who became administrator.

use engine::repository::{Record, Repository};
use engine::{Result, machine};
use repo_format::id::MemberId;
use repo_format::manifest::Manifest;

use crate::commands::accept::author;

/// The first tag of these records.
const MARK: &str = "supplemental";
/// The second tag of a record that names an administrator.
const ADMINISTRATOR: &str = "administrator";

/// A change that was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Copies were switched.
    Switch {
        /// On, off or local.
        mode: String,
        /// The place of the second repository.
        place: String,
    },
    /// Somebody became administrator.
    Administrator {
        /// As the user names him or her.
        name: String,
        /// The key in the second repository.
        member: Option<MemberId>,
    },
}

/// An event, with its record.
pub struct Entry {
    pub seconds: i64,
    pub host: String,
    pub user: String,
    pub event: Event,
}

/// Puts a record.
///
/// # Errors
/// If the repository cannot be written.
pub fn note(repo: &Repository, event: &Event) -> Result<()> {
    let words = match event {
        Event::Switch { mode, place } => vec![mode.clone(), place.clone()],
        Event::Administrator { name, member } => {
            let member = member.map(|id| id.to_string()).unwrap_or_default();
            vec![ADMINISTRATOR.to_owned(), name.clone(), member]
        }
    };
    let tags = std::iter::once(MARK.to_owned()).chain(words).collect();
    let seen = repo.manifests()?.newest_seen();
    let record = Record { time: machine::now(), tags, seen, ..Record::default() };
    repo.put_record(&author(), record).map(drop)
}

/// All of them, oldest first.
///
/// # Errors
/// If the repository cannot be read.
pub fn read(repo: &Repository) -> Result<Vec<Entry>> {
    let (records, _) = repo.read_records(&repo.manifests()?.present)?;
    let mut records: Vec<_> = records.into_iter().map(|record| record.manifest).collect();
    records.sort_by_key(|record| (record.seconds, record.nanoseconds, record.id));
    Ok(records.into_iter().filter_map(entry).collect())
}

fn entry(record: Manifest) -> Option<Entry> {
    let mut tags = record.tags.into_iter();
    let event = match (tags.next()?.as_str(), tags.next()?, tags.next()?) {
        (MARK, word, name) if word == ADMINISTRATOR => {
            Event::Administrator { name, member: tags.next().and_then(|id| id.parse().ok()) }
        }
        (MARK, mode, place) => Event::Switch { mode, place },
        _ => return None,
    };
    Some(Entry { seconds: record.seconds, host: record.host, user: record.user, event })
}

/// The keys of all administrators so far, with their names; the newest is the last.
///
/// # Errors
/// If the repository cannot be read.
pub fn administrators(repo: &Repository) -> Result<Vec<(String, MemberId)>> {
    let named = |entry: Entry| match entry.event {
        Event::Administrator { name, member: Some(member) } => Some((name, member)),
        _ => None,
    };
    Ok(read(repo)?.into_iter().filter_map(named).collect())
}

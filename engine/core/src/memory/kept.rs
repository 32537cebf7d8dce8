//! Copies of the objects that are needed to read a repository: for each place its config and keyring, as this machine
//! last read them. They stay sealed or signed as in the repository, so a reader of this file learns nothing that the
//! storage does not know.

use std::path::Path;
use std::str::FromStr;

use repo_format::id::RepositoryId;
use rusqlite::{Connection, params};

use super::file::{FILE, SCHEMA_VERSION};
use super::sum::sum;
use super::{Memory, turns};
use crate::error::Result;
use crate::sqlite::{self, Create, Lock, damage};

/// An object as it stood in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptObject {
    /// The name of its second copy.
    pub name: String,
    /// All its bytes.
    pub bytes: Vec<u8>,
}

/// Copies of the objects of one repository at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The repository that was at this place.
    pub repository: RepositoryId,
    /// Its objects.
    pub objects: Vec<KeptObject>,
}

const OBJECTS: &str = "SELECT place, name, object, sum FROM kept";

fn sum_of(place: &str, object: &KeptObject) -> [u8; 8] {
    sum(&[place.as_bytes(), object.name.as_bytes(), &object.bytes])
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<KeptObject> {
    let place: String = row.get(0)?;
    let object = KeptObject { name: row.get(1)?, bytes: row.get(2)? };
    if row.get::<_, [u8; 8]>(3)? == sum_of(&place, &object) { Ok(object) } else { Err(damage()) }
}

/// Reads everything; each row must be as it was written.
pub(super) fn check_all(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare(OBJECTS)?.query_map([], read)?.try_for_each(|row| row.map(drop))
}

fn objects_at(connection: &Connection, at: &str) -> rusqlite::Result<Vec<KeptObject>> {
    connection.prepare(&format!("{OBJECTS} WHERE place = ?1 ORDER BY name"))?.query_map([at], read)?.collect()
}

/// Copies of objects of repositories at the place `at`, of each disk that is used there in turn. If the config of a repository is unreadable, its id is unknown,
/// so this asks all memories in `states`. It skips a memory that it cannot read: the user then sees the repository's
/// own failure.
pub(crate) fn kept_at(states: &Path, at: &str) -> Vec<Kept> {
    let Ok(folders) = std::fs::read_dir(states) else { return Vec::new() };
    let mut found: Vec<Kept> = folders.flatten().filter_map(|folder| kept_in(&folder.path(), at)).flatten().collect();
    found.sort_by_key(|kept| kept.repository.0);
    found
}

fn kept_in(folder: &Path, at: &str) -> Option<Vec<Kept>> {
    let repository = RepositoryId::from_str(folder.file_name()?.to_str()?).ok()?;
    let path = folder.join(FILE);
    if !path.is_file() {
        return None;
    }
    // So no process puts it aside meanwhile.
    let _lock = Lock::shared(folder).ok()?;
    let connection = sqlite::open(&path, Create::Never).ok()?;
    if sqlite::version(&connection).ok()? != SCHEMA_VERSION {
        return None;
    }
    let disks = turns::disks_at(&connection, at).ok()?;
    let kept = |disk: String| Some(Kept { repository, objects: objects_at(&connection, &disk).ok()? });
    Some(disks.into_iter().filter_map(kept).filter(|kept| !kept.objects.is_empty()).collect())
}

impl Memory {
    /// Keeps objects as they stand in the repository, in place of earlier ones of the same names.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn keep(&self, objects: &[KeptObject]) -> Result<()> {
        let at = &self.at();
        let kept = self.read("recall what is kept", |c| objects_at(c, at))?;
        let new: Vec<_> = objects.iter().filter(|object| !kept.contains(object)).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.write("keep a copy", |t| {
            let sql = "INSERT OR REPLACE INTO kept (place, name, object, sum) VALUES (?1, ?2, ?3, ?4)";
            let mut insert = t.prepare_cached(sql)?;
            new.into_iter().try_for_each(|object| {
                insert.execute(params![at, object.name, object.bytes, sum_of(at, object)]).map(|_| ())
            })
        })
    }
}

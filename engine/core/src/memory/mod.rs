//! The memory: everything that this machine has seen of a repository. It has the manifests, and the newest versions of
//! config, keyring and condemned packs. So it notices when one disappears or is rolled back. It also knows the losses
//! that were found there, so that no backup counts on lost data. And it keeps copies of config and keyring, in case the
//! repository loses its own.
//!
//! Only this file knows these things, so it is not a cache: it is durable and never deleted. A damaged memory is put
//! aside, and Enamel reports its loss until the user confirms it.
//!
//! A repository may have copies, for example two disks in rotation. Each **place** (a path, and the volume there)
//! belongs to a **line**. The memory keeps what it saw for each line, and for all together. The first place starts the
//! first line. A new place is compared with everything. It joins the line if there is only one and nothing of it is
//! missing. It gets a line of its own only when the user accepts it as it is: otherwise the operator of the storage
//! could put back an older copy and call it a new place. Two disks of the same volume in the same place are told apart once
//! the user has said that there are two.

mod earlier;
mod file;
mod gone;
mod here;
mod kept;
mod line_number;
mod lines;
mod losses;
mod rows;
mod schema;
mod sum;
mod turns;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use repo_format::id::RepositoryId;
use rusqlite::Connection;

use crate::error::{Error, ErrorKind, Result};
use crate::sqlite::{self, Lock, Unusable};

pub(crate) use kept::kept_at;
pub use kept::{Kept, KeptObject};
pub use lines::Version;
pub use losses::{PackDamage, Verdict};
pub use rows::RememberedManifest;

/// The place of a machine's memory.
#[derive(Debug, Clone, Copy)]
pub struct MemoryPlace<'p> {
    /// Its folder; `None` if there cannot be one, and then nothing is remembered.
    pub folder: Option<&'p Path>,
    /// The folder in which an earlier version kept it, in its cache.
    pub earlier: Option<&'p Path>,
    /// The place of the repository, in any words that are always the same for the same place.
    pub repository_at: &'p str,
}

/// This machine's memory of one repository.
pub struct Memory {
    connection: Mutex<Connection>,
    /// The line of the repository's place; `None` if the place is new and lacks something.
    line: Mutex<Option<i64>>,
    /// The name of the repository's place.
    place: String,
    /// The name of the disk there: that of the place, unless several are used in turn.
    at: Mutex<Arc<str>>,
    is_new: bool,
    is_kept: bool,
    _lock: Option<Lock>,
}

fn failed(action: &'static str) -> impl FnOnce(rusqlite::Error) -> Error {
    move |e| Error::caused(ErrorKind::Cache, format!("cannot {action} in this computer's memory of the repository"), e)
}

fn unusable(path: &Path, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::caused(ErrorKind::Cache, format!("cannot use this computer's memory {}", path.display()), cause)
}

impl Memory {
    /// Opens the memory of `repository`, or makes it. Imports the memory of an earlier version.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`] if it cannot be used; it is unchanged then.
    pub fn open(place: MemoryPlace<'_>, repository: RepositoryId) -> Result<Self> {
        let Some(folder) = place.folder else { return Self::private(repository, place.repository_at) };
        let path = folder.join(file::FILE);
        sqlite::make_folder(folder).map_err(|error| unusable(&path, error))?;
        let lock = Lock::shared(folder).map_err(|error| unusable(&path, error))?;
        let (mut connection, aside) = open_or_put_aside(folder, repository, &lock)?;
        let is_new = lines::count_lines(&connection).map_err(failed("look"))? == 0;
        if is_new && let Some(earlier) = place.earlier {
            earlier::take_over(earlier, repository, &mut connection).map_err(failed("take over what is known"))?;
        }
        let memory = Self::with(connection, place.repository_at, is_new)?;
        if let Some(aside) = aside {
            memory.note_trouble("damaged", &damaged(&aside))?;
        }
        Ok(Memory { is_kept: true, _lock: Some(lock), ..memory })
    }

    /// A memory that ends with this process.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`] if SQLite fails.
    pub fn private(repository: RepositoryId, repository_at: &str) -> Result<Self> {
        let connection = schema::open_private(repository).map_err(failed("begin"))?;
        Self::with(connection, repository_at, true)
    }

    fn with(connection: Connection, at: &str, is_new: bool) -> Result<Self> {
        let memory = Memory {
            connection: Mutex::new(connection),
            line: Mutex::new(None),
            place: at.to_owned(),
            at: Mutex::new(at.into()),
            is_new,
            is_kept: false,
            _lock: None,
        };
        memory.find_line()?;
        Ok(memory)
    }

    /// Whether it was just made.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether it outlives this process.
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// The repository's place: the disk there, if several are used in turn.
    fn at(&self) -> Arc<str> {
        Arc::clone(&lock(&self.at))
    }

    /// Its unique serial number.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`].
    pub(crate) fn serial(&self) -> Result<[u8; 16]> {
        self.read("look", |c| c.query_row("SELECT serial FROM repository", [], |row| row.get(0)))
    }

    /// Notes that something is wrong with the memory itself. Enamel reports it until the user confirms it.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`].
    pub fn note_trouble(&self, name: &str, text: &str) -> Result<()> {
        self.write("note what is wrong", |t| {
            t.execute("INSERT OR REPLACE INTO troubles (name, text) VALUES (?1, ?2)", [name, text]).map(|_| ())
        })
    }

    /// The troubles of the memory itself, as sentences.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`].
    pub fn troubles(&self) -> Result<Vec<String>> {
        self.read("look", |c| {
            c.prepare("SELECT text FROM troubles ORDER BY name")?.query_map([], |row| row.get(0))?.collect()
        })
    }

    /// The user has confirmed the troubles.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`].
    pub(crate) fn end_troubles(&self) -> Result<()> {
        self.write("note an answer", |t| t.execute("DELETE FROM troubles", []).map(|_| ()))
    }

    fn read<T>(&self, action: &'static str, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        work(&lock(&self.connection)).map_err(failed(action))
    }

    /// Runs `work` in a transaction, which is durable when this returns.
    fn write<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let mut connection = lock(&self.connection);
        let run = || {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(failed(action))
    }
}

/// Opens the memory in `folder`. Renames a damaged one if no other process has it open, and returns its new name.
fn open_or_put_aside(folder: &Path, repository: RepositoryId, lock: &Lock) -> Result<(Connection, Option<PathBuf>)> {
    let path = folder.join(file::FILE);
    let why = match schema::open(&path, repository) {
        Ok(connection) => return Ok((connection, None)),
        Err(Unusable::Spoilt(why)) => why,
        Err(Unusable::Newer) => return Err(unusable(&path, "a newer version of Enamel has written it")),
        Err(Unusable::Failed(error)) => return Err(unusable(&path, error)),
    };
    if !lock.make_exclusive().map_err(|error| unusable(&path, error))? {
        return Err(unusable(&path, format!("it is damaged ({why}), and another process has it open")));
    }
    let aside = put_aside(&path).map_err(|error| unusable(&path, error))?;
    lock.make_shared().map_err(|error| unusable(&path, error))?;
    match schema::open(&path, repository) {
        Ok(connection) => Ok((connection, Some(aside))),
        Err(_) => Err(unusable(&path, "it is damaged, and no new one can be made")),
    }
}

/// Renames the file to a free name.
fn put_aside(path: &Path) -> std::io::Result<PathBuf> {
    let names = (1..).map(|number: u32| path.with_extension(format!("damaged-{number}")));
    let free = names.into_iter().find(|name| !name.exists()).unwrap_or_else(|| path.with_extension("damaged"));
    std::fs::rename(path, &free)?;
    Ok(free)
}

fn damaged(aside: &Path) -> String {
    format!(
        "this computer's memory of the repository was damaged and is kept as {}: nobody can tell whether snapshots have disappeared since, or an older state has been put back",
        aside.display()
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

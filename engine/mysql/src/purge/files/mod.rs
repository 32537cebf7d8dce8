//! Files that go with rows: proven as rows are, and removed after them.
//!
//! ```text
//! prove    what a row names = what the snapshot has   ->  paths; else row and parent stay
//! receipt  names them beside the rows, and holds their contents
//! remove   when the rows are gone: hold the tables that name files, ask them, compare bytes again, remove, let go
//! ```

mod back;
mod earlier;
mod folder;
mod name;
mod remove;

use std::collections::BTreeMap;
use std::path::Path;

use mysql::Value;
use repo_format::cbor::ByteString;
use repo_format::manifest::{Manifest, RootKind};
use repo_format::node::{Problem, ProblemKind};

use super::attachments::{Attachments, Column};
use super::category::Category;
use super::job::ChildMember;
use super::table::{Place, refused};
use super::uses::{Use, uses};
use crate::database::quote_name;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::filesystem::{path_from_bytes, path_to_bytes};
use engine_core::pack::ChunkReader;
use engine_core::tree::lookup;

pub use back::{FilesOptions, RestoredFiles, restore_files};
pub(super) use earlier::{Orphans, find as find_earlier};
pub(super) use folder::{Look, SavedFolder};
pub(super) use remove::{RemovedFiles, remove};

/// Problems that an outcome names.
const NAMED: usize = 1000;

/// Paths of files, and their sizes.
pub(super) type FileSet = BTreeMap<Vec<u8>, u64>;

/// Files that are old: what went, or would go, and what stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// Files that went, or would go.
    pub files: u64,
    /// Their sizes together.
    pub bytes: u64,
    /// Files of rows that went, that stay, by why. Those that keep their rows are counted as rows.
    pub left: BTreeMap<String, u64>,
}

impl FileCounts {
    /// Adds a file that went.
    pub(super) fn went(&mut self, size: u64) {
        self.files += 1;
        self.bytes += size;
    }

    /// Adds a file that stays.
    pub(super) fn stays(&mut self, why: &str) {
        *self.left.entry(why.to_owned()).or_default() += 1;
    }

    /// Adds all of `other`.
    pub(super) fn add(&mut self, other: &FileCounts) {
        self.files += other.files;
        self.bytes += other.bytes;
        for (why, files) in &other.left {
            *self.left.entry(why.clone()).or_default() += files;
        }
    }

    /// How many files stay.
    pub fn left_files(&self) -> u64 {
        self.left.values().sum()
    }
}

/// Files that stay, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileProblems {
    /// The first 1,000 of them: path below the folder, or the name that a row has, and why.
    pub problems: Vec<Problem>,
    /// How many there were.
    pub count: u64,
}

impl FileProblems {
    /// Adds those of others.
    pub(super) fn extend(&mut self, others: impl IntoIterator<Item = FileProblems>) {
        for other in others {
            self.count += other.count;
            let room = NAMED - self.problems.len();
            self.problems.extend(other.problems.into_iter().take(room));
        }
    }

    /// Adds one.
    pub(super) fn add(&mut self, path: &[u8], why: &str) {
        self.count += 1;
        if self.problems.len() < NAMED {
            let path = ByteString(path.to_vec());
            self.problems.push(Problem { path, kind: ProblemKind::Changed, message: why.to_owned() });
        }
    }
}

/// `category` with the place of its files in the snapshot of `manifest`.
///
/// # Errors
/// [`ErrorKind::Refused`] if the snapshot does not hold their folder. If the repository cannot be read.
pub(super) fn located(reader: &ChunkReader<'_>, manifest: &Manifest, category: &Category) -> Result<Category> {
    let mut category = category.clone();
    let Some(attachments) = &mut category.attachments else { return Ok(category) };
    let folder = Path::new(&attachments.folder);
    let refused =
        |why: &str| Error::new(ErrorKind::Refused, format!("snapshot {} {why} {}", manifest.id, attachments.folder));
    let mut folders = manifest.roots.iter().filter(|root| root.kind == RootKind::Folder);
    if !folders.any(|root| folder.starts_with(path_from_bytes(&root.path.0))) {
        return Err(refused("does not hold the folder"));
    }
    let (path, _) =
        lookup(reader, manifest, path_to_bytes(&folder.join(&attachments.sub_folder))).map_err(absent_is_refused)?;
    let saved = path.strip_suffix(attachments.sub_folder.as_bytes()).and_then(|path| path.strip_suffix(b"/"));
    let saved = saved.and_then(|path| String::from_utf8(path.to_vec()).ok());
    attachments.saved_folder = saved.ok_or_else(|| refused("has a name that is not UTF-8 on the way to"))?;
    Ok(category)
}

/// What is not there is refused; a repository that cannot be read says nothing of what is there.
fn absent_is_refused(error: Error) -> Error {
    if error.kind() == ErrorKind::NotFound { error.with_kind(ErrorKind::Refused) } else { error }
}

/// The files of a job.
pub(super) struct Attached<'r> {
    /// Which of the job's child tables names them.
    pub at: usize,
    /// Expressions that are true of a row that may go, as leading expressions of a SELECT.
    pub leading: String,
    /// How many these are.
    pub leading_count: usize,
    /// Place of the file's name among the values of a row.
    name_place: usize,
    /// Where the folder is in the snapshot.
    pub saved_folder: Vec<u8>,
    sub_folder: String,
    /// What else holds keys of the rows,
    pub rows_used_by: Vec<Use>,
    /// and keys of parents.
    pub parents_used_by: Vec<Use>,
    /// What names files in the folder, the rows themselves first.
    pub named_by: Vec<Use>,
    pub folder: SavedFolder<'r>,
    pub problems: FileProblems,
}

impl<'r> Attached<'r> {
    /// Looks at everything that `attachments` say; `children` are the tables of the job, the last of which names the files.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if the folder is not there or not in the snapshot, or a column is missing. Else of the server and the
    /// repository.
    pub fn new(place: &mut Place<'_, 'r>, attachments: &Attachments, children: &[ChildMember<'r>]) -> Result<Self> {
        let nobody = || Error::new(ErrorKind::Usage, "attachments have no table");
        let (at, child) = children.iter().enumerate().next_back().ok_or_else(nobody)?;
        let table = &child.member.table;
        let lacks = |column: &str| refused(&table.name, &format!("has no column `{column}`"));
        let name_place = table.place(&attachments.file_name).ok_or_else(|| lacks(&attachments.file_name))?;
        let mut leading = String::new();
        for column in &attachments.unset {
            let (column, _) = table.column(column).ok_or_else(|| lacks(column))?;
            leading += &format!("{} <=> 0, ", quote_name(column));
        }
        let own = Column { table: table.name.clone(), column: attachments.file_name.clone() };
        let naming: Vec<Column> = [own].into_iter().chain(attachments.named_by.iter().cloned()).collect();
        let saved_folder = attachments.saved_folder.clone().into_bytes();
        let saved = lookup(place.reader, place.manifest, &saved_folder).map_err(absent_is_refused)?.1;
        let tree = saved.and_then(|entry| entry.tree);
        Ok(Attached {
            at,
            leading,
            leading_count: attachments.unset.len(),
            name_place,
            saved_folder,
            sub_folder: attachments.sub_folder.clone(),
            rows_used_by: uses(place, &attachments.rows_used_by)?,
            parents_used_by: uses(place, &attachments.parents_used_by)?,
            named_by: uses(place, &naming)?,
            folder: SavedFolder::open(place.reader, &attachments.folder, tree)?,
            problems: FileProblems::default(),
        })
    }

    /// The name of the file that a row names, if it names one.
    pub fn name(&self, values: &[Option<Value>]) -> Option<String> {
        match values.get(self.name_place) {
            Some(Some(Value::Bytes(name))) if !name.is_empty() => Some(String::from_utf8_lossy(name).into_owned()),
            _ => None,
        }
    }

    /// Looks at the file of this name. If it is not proven, that is noted.
    ///
    /// # Errors
    /// If the repository cannot be read.
    pub fn look(&mut self, name: &str) -> Result<Look> {
        let look = self.folder.look(&self.sub_folder, name)?;
        if let Look::Unproven(why) = &look {
            self.problems.add(name.as_bytes(), why);
        }
        Ok(look)
    }

    /// Whether `path` is below the folder of the files.
    fn holds(&self, path: &[u8]) -> bool {
        path.strip_prefix(self.sub_folder.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
    }
}

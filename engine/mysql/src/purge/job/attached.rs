//! The files that go with the rows of a job.

use super::member::ChildMember;
use crate::database::{Value, quote_name};
use crate::purge::files::{FileProblems, Look, SavedFolder, absent_is_refused};
use crate::purge::tables::{Place, Use, refused, uses};
use crate::purge::terms::{Attachments, Column};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::tree::lookup;

/// The files of a job.
pub(in crate::purge) struct Attached<'r> {
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
    /// Columns elsewhere that hold keys of the rows.
    pub rows_used_by: Vec<Use>,
    /// Columns elsewhere that hold keys of parents.
    pub parents_used_by: Vec<Use>,
    /// Columns that name files in the folder, the column of the rows themselves first.
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
            let column = table.column(column).ok_or_else(|| lacks(column))?;
            leading += &format!("{} <=> 0, ", quote_name(&column.name));
        }
        let own = Column { table: table.name.clone(), column: attachments.file_name.clone() };
        let naming: Vec<Column> = [own].into_iter().chain(attachments.named_by.iter().cloned()).collect();
        let saved_folder = attachments.saved_folder.clone().into_bytes();
        let saved = lookup(place.saved.reader, place.saved.manifest, &saved_folder).map_err(absent_is_refused)?.1;
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
            folder: SavedFolder::open(place.saved.reader, &attachments.folder, tree)?,
            problems: FileProblems::default(),
        })
    }

    /// The name of the file that a row names, if it names one.
    pub fn name(&self, values: &[Option<Value>]) -> Option<String> {
        let name = values.get(self.name_place)?.as_ref()?.bytes()?;
        (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
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
    pub fn holds(&self, path: &[u8]) -> bool {
        path.strip_prefix(self.sub_folder.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
    }
}

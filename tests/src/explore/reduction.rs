//! Steps whose order does not matter, so that only one order is explored.
//!
//! If no other process can influence a read any more, whatever it does, the read is done at once, and nothing else is
//! tried before it. It would give the same answer later, and it changes nothing for the others. Which changes a process
//! may ever make is declared, and checked.

use engine::store::{Folder, ObjectName};

use super::request::Request;

/// A change that a process may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It puts objects into a folder, or replaces one there.
    Put(Folder),
    /// It deletes objects of a folder.
    Delete(Folder),
}

/// All changes that a process may ever make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes(Option<Vec<Change>>);

impl Changes {
    /// Any.
    pub const ANY: Changes = Changes(None);

    /// Only these.
    pub fn only(changes: &[Change]) -> Self {
        Changes(Some(changes.to_vec()))
    }

    /// Whether this one may be among them.
    fn may_be(&self, change: Change) -> bool {
        self.0.as_ref().is_none_or(|changes| changes.contains(&change))
    }

    /// Whether any may be in this folder.
    pub(super) fn touch(&self, folder: Folder) -> bool {
        self.may_be(Change::Put(folder)) || self.may_be(Change::Delete(folder))
    }

    /// Refuses a change that was not declared.
    pub(super) fn check(&self, request: &Request) -> Result<(), String> {
        let change = match request {
            Request::PutNew(..) | Request::Overwrite(..) | Request::ReplaceIf(..) => Change::Put(request.folder()),
            Request::Delete(_) => Change::Delete(request.folder()),
            _ => return Ok(()),
        };
        if self.may_be(change) {
            Ok(())
        } else {
            Err(format!("it is not said of this process that it does {change:?}"))
        }
    }

    /// Whether a process that makes these changes can influence what `request` reads. Objects are never written again
    /// under a name that was taken, but for those at the top.
    pub(super) fn influence(&self, request: &Request, has: impl Fn(&ObjectName) -> bool) -> bool {
        let folder = request.folder();
        let (put, delete) = (self.may_be(Change::Put(folder)), self.may_be(Change::Delete(folder)));
        match request.name() {
            None => put || delete,
            Some(name) if folder != Folder::Top && has(name) => delete,
            Some(_) => put || delete,
        }
    }
}

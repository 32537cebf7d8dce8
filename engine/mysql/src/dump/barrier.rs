//! The barrier keeps writers of tables without transactions away while the moment is taken, and stops commits for an
//! instant.

use super::lock_group::LockGroup;
use crate::database::{Connection, LockMethod, TableName, is_lost};
use engine_core::error::Result;

/// The steps of a locking method.
pub(super) struct Barrier<'c> {
    pub method: LockMethod,
    /// Takes stages.
    pub control: &'c mut Connection,
}

/// Whether a lock lets others add rows at the end of a table, which the session that holds it does not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Appending {
    Goes,
    Waits,
}

impl Barrier<'_> {
    /// Keeps DDL and writers of tables without transactions away, and locks the tables of `groups`.
    ///
    /// # Errors
    /// If others hold what is needed, or the server refuses.
    pub fn raise(&mut self, groups: &mut [LockGroup]) -> Result<()> {
        if self.method == LockMethod::BackupStages {
            self.control.run("BACKUP STAGE START")?;
            self.control.run("BACKUP STAGE BLOCK_DDL")?;
        }
        // The stage keeps writers off until the snapshots have begun. Else rows that are added meanwhile would lack what refers to them.
        let appending = if self.method == LockMethod::BackupStages { Appending::Goes } else { Appending::Waits };
        groups.iter_mut().try_for_each(|group| lock(group, appending))
    }

    /// Holds commits up, where that is needed.
    ///
    /// # Errors
    /// As [`Barrier::raise`].
    pub fn block_commits(&mut self) -> Result<()> {
        if self.method == LockMethod::BackupStages { self.control.run("BACKUP STAGE BLOCK_COMMIT") } else { Ok(()) }
    }

    /// Lets everybody go on. The tables of the groups stay locked.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn lower(&mut self) -> Result<()> {
        if self.method == LockMethod::BackupStages { self.control.run("BACKUP STAGE END") } else { Ok(()) }
    }

    /// Lets go of everything that a try had got.
    ///
    /// # Errors
    /// If a connection is lost.
    pub fn give_up(&mut self, groups: &mut [LockGroup]) -> Result<()> {
        for group in groups {
            group.connection.run("UNLOCK TABLES")?;
        }
        match self.lower() {
            // A stage that did not begin need not end.
            Err(error) if is_lost(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

fn lock(group: &mut LockGroup, appending: Appending) -> Result<()> {
    if group.tables.is_empty() {
        return Ok(());
    }
    let how = if appending == Appending::Goes { "READ LOCAL" } else { "READ" };
    let name = |table: &TableName| format!("{table} {how}");
    let all: Vec<_> = group.tables.iter().map(name).collect();
    group.connection.run(&format!("LOCK TABLES {}", all.join(", ")))
}

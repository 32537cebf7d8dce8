//! The locks that a backup would take, and the sessions that hold what it needs.

use crate::database::{
    Connection, LockFacts, LockMethod, Obstacle, Privileges, Server, TableInfo, connections_free,
    connections_of_backup, error_code, obstacles, tells_snapshots_apart,
};
use engine_core::error::Result;

/// The server's number for a lock that could not be had in time.
const LOCK_WAIT_TIMEOUT: u16 = 1205;

/// The locks that a backup would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockPlan {
    /// How the moment is taken.
    pub method: LockMethod,
    /// Tables without transactions: if they changed, they are read under a lock of their own.
    pub tables: u64,
    /// Bytes of their data.
    pub data_bytes: u64,
}

/// The locks that a backup of `tables` would take, and what it would have to wait for.
///
/// # Errors
/// If the server does not answer.
pub fn plan(
    connection: &mut Connection,
    server: &Server,
    privileges: &Privileges,
    tables: &[TableInfo],
) -> Result<(LockPlan, Vec<Obstacle>)> {
    let locked: Vec<_> = tables.iter().filter(|table| table.is_locked()).collect();
    let facts = LockFacts::new(server, privileges);
    let tells_apart = tells_snapshots_apart(connection, server)?;
    let method = LockFacts { tells_apart, locks_tables: !locked.is_empty(), ..facts }.method();
    let plan =
        LockPlan { method, tables: locked.len() as u64, data_bytes: locked.iter().map(|table| table.data_bytes).sum() };
    let names: Vec<_> = locked.iter().map(|table| table.table_name()).collect();
    let mut found = obstacles(connection, server, method, &names)?;
    if method == LockMethod::BackupStages {
        found.extend(backup_stage(connection)?);
    }
    let needed = connections_of_backup(tables) as u64;
    if let Some((free, limit)) = connections_free(connection)?.filter(|(free, _)| *free < needed) {
        found.push(Obstacle::Connections { needed, free, limit });
    }
    Ok((plan, found))
}

/// The server does not list the holder of the stage, so this requests the stage without waiting. Its first stage holds
/// nobody up.
fn backup_stage(connection: &mut Connection) -> Result<Option<Obstacle>> {
    connection.run("SET SESSION lock_wait_timeout=0")?;
    match connection.run("BACKUP STAGE START") {
        Ok(()) => connection.run("BACKUP STAGE END").map(|()| None),
        Err(error) if error_code(&error) == Some(LOCK_WAIT_TIMEOUT) => Ok(Some(Obstacle::BackupStage)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_tables_that_hold_rows_and_have_no_transactions_are_locked() {
        let table = |engine: &str| TableInfo {
            schema: "s".into(),
            name: "t".into(),
            engine: engine.into(),
            rows: 1,
            data_bytes: 7,
            changed: None,
            versioned: false,
            comment: String::new(),
            transactional: engine == "InnoDB",
        };
        assert!(table("MyISAM").is_locked());
        for engine in ["InnoDB", "", "MRG_MyISAM"] {
            assert!(!table(engine).is_locked(), "{engine}");
        }
    }
}

//! The number of connections that a backup opens at once: one rule for the backup and for `check`.

use super::{Connection, TableInfo, is_lost};
use engine_core::error::Result;

/// The number of tables with a lock connection of their own: the largest ones, so that each is released as soon as it
/// is read.
pub const OWN_LOCKS: usize = 16;
/// The number of connections that share the locks of all other tables.
pub const SHARED_LOCKS: usize = 2;
/// The smallest and largest number of sessions that read from snapshots.
const SNAPSHOTS: (usize, usize) = (2, 8);

/// The default number of sessions that read from snapshots: the number of cores plus one.
pub fn snapshot_sessions() -> usize {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    (cores + 1).clamp(SNAPSHOTS.0, SNAPSHOTS.1)
}

/// The number of connections that lock this many tables.
pub fn lock_sessions(tables: usize) -> usize {
    OWN_LOCKS.min(tables) + SHARED_LOCKS.min(tables.saturating_sub(OWN_LOCKS))
}

/// The smallest number of connections that a backup of `tables` has at once.
pub fn connections_of_backup(tables: &[TableInfo]) -> usize {
    let locked = tables.iter().filter(|table| table.is_locked()).count();
    let has_snapshots = tables.iter().any(|table| table.transactional);
    1 + lock_sessions(locked) + if has_snapshots { snapshot_sessions() } else { 0 }
}

/// The number of connections that the account of `connection` can still open, and the variable that limits it.
///
/// # Errors
/// If the server does not answer.
pub fn connections_free(connection: &mut Connection) -> Result<Option<(u64, &'static str)>> {
    let mut number = |sql: &str| -> Result<Option<u64>> {
        match connection.first(sql) {
            Ok(row) => Ok(row.and_then(|mut row| row.pop().flatten()).and_then(|text| text.parse().ok())),
            // The account may not ask, so the answer is unknown.
            Err(error) if !is_lost(&error) => Ok(None),
            Err(error) => Err(error),
        }
    };
    // The session's value is the account's own limit, if it has one.
    let of_account = number("SELECT @@SESSION.max_user_connections")?.filter(|most| *most > 0);
    let own = number(
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = SUBSTRING_INDEX(USER(), '@', 1) AND ID <> CONNECTION_ID()",
    )?;
    let of_all = number("SELECT @@GLOBAL.max_connections")?;
    let connected = number("SHOW GLOBAL STATUS LIKE 'Threads_connected'")?;
    let left = |most: Option<u64>, used: Option<u64>| Some(most?.saturating_sub(used.unwrap_or(0)));
    let account = left(of_account, own).map(|free| (free, "max_user_connections"));
    // This connection will be closed by then.
    let all = left(of_all, connected.map(|all| all.saturating_sub(1))).map(|free| (free, "max_connections"));
    Ok([account, all].into_iter().flatten().min_by_key(|(free, _)| *free))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_tables_are_locked_alone_and_small_ones_together() {
        assert_eq!([0, 1, 16, 17, 18, 400].map(lock_sessions), [0, 1, 16, 17, 18, 18]);
        assert!((SNAPSHOTS.0..=SNAPSHOTS.1).contains(&snapshot_sessions()));
    }
}

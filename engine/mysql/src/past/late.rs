//! Tables that the snapshot read after its moment: the log makes up for that where its rows can be applied twice.

use repo_format::database::{BinlogPlace, LateTable};

use crate::binlog::replay::{LateWindow, Position, TableKey};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::snapshots::saved::Database;

/// The late tables of a snapshot.
#[derive(Default)]
pub(super) struct LateTables {
    /// Tables that a replay makes exact.
    pub windows: Vec<LateWindow>,
    /// Names of others, and why.
    pub inexact: Vec<(String, String)>,
}

impl LateTables {
    /// Reads which tables are late.
    ///
    /// # Errors
    /// If the records of such tables cannot be read.
    pub fn of(database: &Database<'_>) -> Result<Self> {
        let mut tables = LateTables::default();
        for late in &database.server.late {
            match window(database, late)? {
                Ok(window) => tables.windows.push(window),
                Err(why) => tables.inexact.push((format!("{}.{}", late.schema, late.table), why.to_owned())),
            }
        }
        Ok(tables)
    }

    /// Refuses a snapshot with tables that no replay makes exact.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`].
    pub fn check(&self) -> Result<()> {
        let Some((table, why)) = self.inexact.first() else { return Ok(()) };
        let message = format!("the table {table} cannot be restored to another moment: {why}");
        Err(Error::new(ErrorKind::Refused, message)
            .with_hint("Name an earlier snapshot, in which the table is not late."))
    }
}

/// The window of a table, or why there is none.
fn window(database: &Database<'_>, late: &LateTable) -> Result<std::result::Result<LateWindow, &'static str>> {
    let (Some(before), Some(after)) = (&late.before, &late.after) else {
        return Ok(Err("the snapshot read it after its moment, and does not say where the log stood then"));
    };
    if database.schema(&late.schema)?.table(&late.table)?.record.key.is_empty() {
        return Ok(Err(
            "the snapshot read it after its moment, and it has no key that tells which rows of the log are there",
        ));
    }
    let table = TableKey::new(&late.schema, &late.table);
    Ok(Ok(LateWindow { table, before: position(before), after: position(after) }))
}

fn position(place: &BinlogPlace) -> Position {
    Position { file: place.file.clone(), offset: place.position }
}

//! Tables that the snapshot read after its moment: the log makes up for that where its rows can be applied twice.

use repo_format::database::BinlogPlace;

use crate::binlog::replay::{LateWindow, Position, TableKey};
use crate::binlog::window::LateReading;
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
            let table = TableKey::new(&late.schema, &late.table);
            match LateReading::of(database, late)? {
                LateReading::Between(before, after) => {
                    tables.windows.push(LateWindow { table, before: position(before), after: position(after) });
                }
                LateReading::Inexact(why) => tables.inexact.push((table.to_string(), why.to_owned())),
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

fn position(place: &BinlogPlace) -> Position {
    Position { file: place.file.clone(), offset: place.position }
}

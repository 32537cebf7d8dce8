//! Reads of a table only what has changed since the parent snapshot, as the server's binary log tells it.
//!
//! ```text
//! parent's place ----- log, before anything is locked -----> end ----- a little more -----> moment
//!                                  |
//! plan     which tables, and by which keys            doubts    what the log does not tell
//! splice   the parent's rows, and those that were read, into segments as a whole read would make them
//! proof    compares with a whole read
//! ```
//!
//! Any doubt makes a table, or all of them, be read whole. Each table is read whole at least once a week all the same, and then compared
//! with what the log says.

mod doubts;
mod plan;
mod proof;
mod splice;

use repo_format::database::Binlog;
use repo_format::log::LogPlace;

use super::evidence::{ServerFacts, is_same_run};
use super::plan::{Means, Plan};
use super::state::Dump;
use crate::binlog::changes::{Changes, Followed, LogSpan, WantedTables};
use crate::database::Connection;
use engine_core::error::{ErrorKind, Result, chain};

pub(super) use plan::{Findings, Part, find_parts, wanted_tables};
pub(super) use proof::Proof;
pub(super) use splice::{Ground, Splicer};

/// How much of a database is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// Changed rows, where the binary log tells them.
    #[default]
    Changes,
    /// Everything; what the binary log tells is compared with it.
    Prove,
    /// Everything.
    Whole,
}

/// The log since the parent snapshot, as far as it was followed; or why everything is read whole.
pub(super) struct Increment<'w>(std::result::Result<Followed<'w>, String>);

impl<'w> Increment<'w> {
    /// Follows the log from the place of the parent snapshot up to its end.
    ///
    /// # Errors
    /// If the user wishes to stop.
    pub fn begin(dump: &Dump<'_, '_>, plan: &Plan, wanted: &'w WantedTables) -> Result<Self> {
        let from = match place_of_parent(dump, plan) {
            Ok(from) => from,
            Err(why) => return Ok(Increment(Err(why.to_owned()))),
        };
        let moment = dump.parent.server().map(|server| server.moment.seconds).unwrap_or_default();
        let span = LogSpan { address: dump.address, from, moment };
        or_reason(Followed::begin(span, wanted, &|| dump.run.check_stop())).map(Increment)
    }

    /// Follows it up to the moment; gives what has changed until then.
    ///
    /// # Errors
    /// If the server does not answer, or the user wishes to stop.
    pub fn end(
        self,
        dump: &Dump<'_, '_>,
        control: &mut Connection,
        plan: &Plan,
        binlog: Option<&Binlog>,
    ) -> Result<std::result::Result<Changes, String>> {
        let followed = match self.0 {
            Ok(followed) => followed,
            Err(why) => return Ok(Err(why)),
        };
        let Some(place) = binlog.map(place) else {
            return Ok(Err("the place of the moment in the binary log is not certain".to_owned()));
        };
        let mut changes = or_reason(followed.until(dump.address, &place, &|| dump.run.check_stop()))?;
        if let Ok(changes) = &mut changes {
            doubts::add(dump, control, plan, changes)?;
        }
        Ok(changes)
    }
}

/// A log that cannot be followed costs time, never the backup.
fn or_reason<T>(result: Result<T>) -> Result<std::result::Result<T, String>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
        Err(error) => Ok(Err(chain(&error))),
    }
}

/// Where the log of the parent snapshot ends. The inner error says why that does not help.
fn place_of_parent(dump: &Dump<'_, '_>, plan: &Plan) -> std::result::Result<LogPlace, &'static str> {
    if dump.source.extent == Extent::Whole {
        return Err("everything is to be read");
    }
    let Some(server) = dump.parent.server() else { return Err("there is no earlier snapshot of this database") };
    let Some(binlog) = &server.binlog else {
        return Err("the earlier snapshot does not say where in a binary log it stands");
    };
    if !dump.locking.tells_apart || !binlog.filters.is_empty() {
        return Err("the server keeps no binary log of everything, or does not show it");
    }
    if !is_same_run(&ServerFacts::of(server), &dump.now.facts()) {
        return Err("the server was started again since the earlier snapshot, or its clock was set");
    }
    if !plan.tables.iter().any(|table| table.means != Means::Nothing && table.parent.is_some()) {
        return Err("the earlier snapshot has none of the tables");
    }
    Ok(place(binlog))
}

fn place(binlog: &Binlog) -> LogPlace {
    LogPlace { file: binlog.file.clone(), offset: binlog.position, gtid: binlog.gtid.clone() }
}

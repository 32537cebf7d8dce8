//! A restore to a moment without a scratch server: the log is done again on the target itself, between the load of the
//! rows and everything else.
//!
//! Only rows can be done again there. The log names their table, so they reach the tables that were just loaded and
//! nothing else. A statement may name other schemas inside a function or view, and never runs on a target.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::base::{SavedBase, Stage};
use super::{PastOutcome, Plan, Via};
use crate::binlog::replay::{Replay, ReplayOutcome, Target};
use crate::database::{Address, Connection, Server, quote_text};
use crate::load::{Existing, Followed, LoadOptions, Wanted, load_followed};
use crate::scratch::has_program;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::monitor::Monitor;

/// Why a plan cannot be carried out on the target itself.
pub(super) fn obstacle(plan: &Plan, load: &LoadOptions) -> Option<String> {
    let renamed = load.schemas.iter().find(|choice| choice.from != choice.to);
    let elsewhere = plan.part.only.as_ref().is_some_and(|needs| needs.tables_elsewhere().next().is_some());
    if plan.statements > 0 {
        Some(format!(
            "the log has not only rows: {} would run again, and may name live schemas inside a function or view",
            if plan.statements == 1 { "a statement".to_owned() } else { format!("{} statements", plan.statements) }
        ))
    } else if plan.xa_transactions > 0 {
        Some("the log has XA transactions, which would share their names with those of the target".to_owned())
    } else if let Some(choice) = renamed {
        Some(format!("the log names {}, which is to come back as {}", choice.from, choice.to))
    } else if !load.tables.is_empty() {
        Some("single tables may have children in the target, which would follow their rows".to_owned())
    } else if elsewhere || !load.schemas.is_empty() && plan.part.only.is_none() {
        Some("the schemas need tables of others, which are not part of this restore".to_owned())
    } else if load.existing == Existing::Swap {
        Some("a schema of the same name is to be replaced, and stays until the new one is whole".to_owned())
    } else {
        let late = plan.part.late.first().map(|window| &window.table);
        late.map(|table| {
            format!("{} was read late: making up for that needs settings of the whole server", table.shown())
        })
    }
}

impl SavedBase<'_> {
    /// Whether the log is done again on the target itself.
    pub(super) fn is_direct(&self, plan: &Plan, monitor: &dyn Monitor) -> bool {
        let is_forced = || {
            let lacks_program = !has_program(&self.server(), &self.options.scratch);
            if lacks_program {
                monitor.note(
                    "no suitable program of a server is installed here: the log is done again on the target itself",
                );
            }
            lacks_program
        };
        match self.options.via {
            Via::Direct => true,
            Via::Scratch => false,
            Via::Auto => plan.not_direct.is_none() && is_forced(),
        }
    }

    /// Loads the snapshot into the target, and does the log again there.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if that is not safe with this target; otherwise as a load and a replay.
    pub(super) fn restore_directly(
        &self,
        plan: &Plan,
        address: &Address,
        monitor: &dyn Monitor,
    ) -> Result<PastOutcome> {
        check_target(address, &self.server(), &self.loaded_schemas()?)?;
        self.try_replay(plan, address, monitor)?;
        let outcome = Mutex::new(ReplayOutcome::default());
        let replay = || {
            let found = self.replay_on(plan, self.stage(address), monitor)?;
            *outcome.lock().unwrap_or_else(PoisonError::into_inner) = found;
            Ok(())
        };
        let followed = Followed { name: plan.stop.to_string(), run: &replay };
        let wanted = Wanted {
            repository: self.reader.repository(),
            snapshot: self.snapshot,
            options: &self.options.load,
            followed: Some(&followed),
        };
        let load = load_followed(&wanted, address, monitor)?;
        let replay = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(PastOutcome { replay, load, scratch_problems: 0 })
    }

    fn loaded_schemas(&self) -> Result<Vec<String>> {
        let chosen: Vec<String> = self.options.load.schemas.iter().map(|choice| choice.to.clone()).collect();
        if chosen.is_empty() { self.database.schema_names() } else { Ok(chosen) }
    }

    /// Rows need no folder.
    fn stage(&self, address: &Address) -> Stage {
        let binlog = self.options.load.binlog;
        Stage { target: Target::Shared(Box::new(address.clone()), binlog), folder: PathBuf::new() }
    }

    /// Asks before anything is loaded whether the target takes events of this log from this account.
    fn try_replay(&self, plan: &Plan, address: &Address, monitor: &dyn Monitor) -> Result<()> {
        let Some(part) = plan.chain.parts().next() else { return Ok(()) };
        let events = part.log.events(self.reader, part.file, 0)?;
        let options = self.replay_options(&plan.base, &plan.part, self.stage(address))?;
        Replay::begin(options, monitor)?.file(&part.file.name, events.format().clone()).map_err(|error| {
            error.with_hint("The account needs the right to do a log again: on MariaDB BINLOG REPLAY, on MySQL BINLOG_ADMIN or REPLICATION_APPLIER. `--via scratch` needs none.")
        })
    }
}

/// The refusal of a restore on the target itself.
pub(super) fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("the log cannot be done again on the target itself: {why}"))
        .with_hint("`--via scratch` does it on a server of Enamel's own.")
}

/// Refuses a target that does not take the log's rows as its source did, or in which they would reach more than what is loaded.
fn check_target(address: &Address, source: &Server, schemas: &[String]) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let target = Server::detect(&mut connection)?;
    if !target.takes_data_of(source) {
        return Err(refused(&format!("it is {}, and the log is of {}", target.version_text, source.version_text)));
    }
    let names: Vec<String> = schemas.iter().map(|name| quote_text(name)).collect();
    let names = names.join(", ");
    let child = connection.value(&format!(
        "SELECT CONCAT(CONSTRAINT_SCHEMA, '.', TABLE_NAME) FROM information_schema.REFERENTIAL_CONSTRAINTS \
         WHERE UNIQUE_CONSTRAINT_SCHEMA IN ({names}) AND CONSTRAINT_SCHEMA NOT IN ({names}) LIMIT 1"
    ))?;
    match child {
        Some(child) => {
            Err(refused(&format!("its table {child} refers to what is restored, and would follow its rows")))
        }
        None => Ok(()),
    }
}

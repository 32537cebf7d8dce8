//! Accounts that objects of the log run as. A scratch server has none of them, and without them nothing runs.

use std::collections::BTreeSet;

use super::Target;
use super::wire::Wire;
use crate::database::{TableName, Use, quote_text};
use engine_core::error::Result;

/// Makes accounts on a server of our own. Nobody logs in as them.
pub struct Definers {
    wire: Wire,
    done: BTreeSet<(String, Option<String>)>,
    /// The time zone of the machine that a rehearsal is for.
    expected_zone: Option<String>,
}

impl Definers {
    /// Connects.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub fn open(target: &Target) -> Result<Self> {
        let expected_zone = match target {
            Target::Server(_) | Target::Shared(..) => None,
            Target::Nobody { system_zone } => system_zone.clone(),
        };
        Ok(Definers { wire: Wire::open(target, Use::Read)?, done: BTreeSet::new(), expected_zone })
    }

    /// Makes an account that may do everything, or a role if there is no host, unless it is there.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn make(&mut self, user: &str, host: Option<&str>) -> Result<()> {
        let key = (user.to_owned(), host.map(str::to_owned));
        if self.done.contains(&key) {
            return Ok(());
        }
        let (kind, name) = match host {
            Some(host) => ("USER", format!("{}@{}", quote_text(user), quote_text(host))),
            None => ("ROLE", quote_text(user)),
        };
        self.wire.run(&format!("CREATE {kind} IF NOT EXISTS {name}"))?;
        self.wire.run(&format!("GRANT ALL ON *.* TO {name}"))?;
        self.done.insert(key);
        Ok(())
    }

    /// The time zone of the server's machine, as the server names it; none if that is not known in a rehearsal.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn system_zone(&mut self) -> Result<Option<String>> {
        Ok(self.wire.value("SELECT @@system_time_zone")?.or_else(|| self.expected_zone.clone()))
    }

    /// Whether the server has a sequence of this name now.
    ///
    /// # Errors
    /// If the server does not answer.
    pub(super) fn has_sequence(&mut self, key: &TableName) -> Result<bool> {
        let sql = format!(
            "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA={} AND TABLE_NAME={} AND TABLE_TYPE='SEQUENCE'",
            quote_text(&key.schema),
            quote_text(&key.table)
        );
        Ok(self.wire.value(&sql)?.as_deref() == Some("1"))
    }

    /// Runs another statement beside the replay.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        self.wire.run(sql)
    }
}

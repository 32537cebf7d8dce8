//! The connection that a replay works over. A rehearsal has none: nothing is sent, and everything succeeds.

use std::fs::File;

use super::Target;
use crate::database::{Connection, Use};
use engine_core::error::Result;

/// A connection, or none.
pub(super) struct Wire {
    connection: Option<Connection>,
}

impl Wire {
    /// Connects, unless it is a rehearsal.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub fn open(target: &Target, of: Use) -> Result<Self> {
        let connection = match target {
            Target::Server(address) => Some(Connection::open_for(address, of)?),
            Target::Shared(address, binlog) => {
                let mut connection = Connection::open_for(address, of)?;
                connection.set_binlog(*binlog)?;
                Some(connection)
            }
            Target::Nobody { .. } => None,
        };
        Ok(Wire { connection })
    }

    /// The connection, if there is one.
    pub fn connection(&mut self) -> Option<&mut Connection> {
        self.connection.as_mut()
    }

    /// Whether it is a rehearsal.
    pub fn is_rehearsal(&self) -> bool {
        self.connection.is_none()
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// If the server refuses it.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        self.connection().map_or(Ok(()), |connection| connection.run(sql))
    }

    /// Runs a statement of any bytes.
    ///
    /// # Errors
    /// If the server refuses it.
    pub fn run_bytes(&mut self, sql: &[u8]) -> Result<()> {
        self.connection().map_or(Ok(()), |connection| connection.run_bytes(sql))
    }

    /// Runs a statement that loads `file`.
    ///
    /// # Errors
    /// If the server refuses it.
    pub fn load_local_file(&mut self, sql: &[u8], file: File) -> Result<()> {
        self.connection().map_or(Ok(()), |connection| connection.load_local_file(sql, file))
    }

    /// The first value of a query; nothing in a rehearsal.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn value(&mut self, sql: &str) -> Result<Option<String>> {
        self.connection().map_or(Ok(None), |connection| connection.value(sql))
    }
}

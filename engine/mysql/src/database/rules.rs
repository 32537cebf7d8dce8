//! Settings of a server that decide what a grant means, and which rights some things need.

use super::{Connection, Server};
use engine_core::error::Result;

/// The facts that decide which rights are needed, besides the program and version of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GrantRules {
    /// `_`, `%` and `\` in names of schemas are no wildcards (MySQL, `partial_revokes`).
    pub names_are_literal: bool,
    /// The server compares names of schemas and tables without regard to case.
    pub ignores_case: bool,
    /// The server writes a binary log.
    pub has_binlog: bool,
    /// The server lets everybody make functions although it writes a binary log.
    pub trusts_functions: bool,
}

impl GrantRules {
    /// Asks the server.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn read(connection: &mut Connection, server: &Server) -> Result<Self> {
        let is = |value: Option<String>| value.is_some_and(|value| value != "0");
        Ok(GrantRules {
            ignores_case: is(connection.value("SELECT @@lower_case_table_names")?),
            has_binlog: is(connection.value("SELECT @@log_bin")?),
            trusts_functions: is(connection.value("SELECT @@global.log_bin_trust_function_creators")?),
            names_are_literal: server.is_mysql_from((8, 0, 16))
                && is(connection.value("SELECT @@global.partial_revokes")?),
        })
    }

    /// Whether functions and triggers need SUPER, because the server writes a binary log.
    pub fn guards_functions(&self) -> bool {
        self.has_binlog && !self.trusts_functions
    }
}

//! Rights, and their scopes.

use std::fmt;

use super::quote_name;
use super::rules::GrantRules;

/// A right that an account can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is called as in GRANT")]
pub enum Right {
    Select,
    Insert,
    Update,
    Delete,
    Create,
    Drop,
    Alter,
    References,
    LockTables,
    CreateView,
    ShowView,
    Trigger,
    CreateRoutine,
    AlterRoutine,
    Event,
    /// MariaDB, since 11.3.
    ShowCreateRoutine,
    Reload,
    Process,
    Super,
    ReplicationClient,
    ReplicationSlave,
    /// MariaDB's name for REPLICATION CLIENT, since 10.5.
    BinlogMonitor,
    /// MariaDB, since 10.5.
    BinlogAdmin,
    /// MariaDB, since 10.5.
    SetUser,
    /// MySQL, since 8.0.20.
    ShowRoutine,
    /// MySQL 8.0 and 8.1.
    SetUserId,
    /// MySQL, since 8.2.
    SetAnyDefiner,
    /// MySQL, since 8.2.
    AllowNonexistentDefiner,
    /// MySQL, since 8.0.14.
    SessionVariablesAdmin,
    /// MySQL, since 8.0.16.
    SystemUser,
    /// MySQL, since 8.4.
    OptimizeLocalTable,
}

impl Right {
    /// Its name in GRANT and SHOW GRANTS.
    pub fn name(self) -> &'static str {
        match self {
            Right::Select => "SELECT",
            Right::Insert => "INSERT",
            Right::Update => "UPDATE",
            Right::Delete => "DELETE",
            Right::Create => "CREATE",
            Right::Drop => "DROP",
            Right::Alter => "ALTER",
            Right::References => "REFERENCES",
            Right::LockTables => "LOCK TABLES",
            Right::CreateView => "CREATE VIEW",
            Right::ShowView => "SHOW VIEW",
            Right::Trigger => "TRIGGER",
            Right::CreateRoutine => "CREATE ROUTINE",
            Right::AlterRoutine => "ALTER ROUTINE",
            Right::Event => "EVENT",
            Right::ShowCreateRoutine => "SHOW CREATE ROUTINE",
            Right::Reload => "RELOAD",
            Right::Process => "PROCESS",
            Right::Super => "SUPER",
            Right::ReplicationClient => "REPLICATION CLIENT",
            Right::ReplicationSlave => "REPLICATION SLAVE",
            Right::BinlogMonitor => "BINLOG MONITOR",
            Right::BinlogAdmin => "BINLOG ADMIN",
            Right::SetUser => "SET USER",
            Right::ShowRoutine => "SHOW_ROUTINE",
            Right::SetUserId => "SET_USER_ID",
            Right::SetAnyDefiner => "SET_ANY_DEFINER",
            Right::AllowNonexistentDefiner => "ALLOW_NONEXISTENT_DEFINER",
            Right::SessionVariablesAdmin => "SESSION_VARIABLES_ADMIN",
            Right::SystemUser => "SYSTEM_USER",
            Right::OptimizeLocalTable => "OPTIMIZE_LOCAL_TABLE",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The scope of a right. As text, its plain name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The whole server.
    Server,
    /// A schema and everything in it.
    Schema(String),
    /// All schemas whose names are this one's followed by two underscores and more.
    Beside(String),
    /// One table: schema and name.
    Table(String, String),
}

impl Scope {
    /// Its form in GRANT.
    pub fn in_grant(&self, rules: &GrantRules) -> String {
        let escaped = |name: &str| {
            if rules.names_are_literal {
                return name.to_owned();
            }
            // GRANT takes the name as a pattern.
            name.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%")
        };
        match self {
            Scope::Schema(schema) => format!("{}.*", quote_name(&escaped(schema))),
            Scope::Beside(schema) => format!("{}.*", quote_name(&format!("{}\\_\\_%", escaped(schema)))),
            Scope::Server | Scope::Table(..) => self.to_string(),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Server => f.write_str("*.*"),
            Scope::Schema(schema) => write!(f, "{}.*", quote_name(schema)),
            Scope::Beside(schema) => write!(f, "{}.*", quote_name(&format!("{schema}__%"))),
            Scope::Table(schema, table) => write!(f, "{}.{}", quote_name(schema), quote_name(table)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_pattern_in_a_grant_unless_the_server_takes_names_as_they_are() {
        let schema = Scope::Schema("open_dental\\%".to_owned());
        assert_eq!(schema.in_grant(&GrantRules::default()), "`open\\_dental\\\\\\%`.*");
        let literal = GrantRules { names_are_literal: true, ..GrantRules::default() };
        assert_eq!(schema.in_grant(&literal), "`open_dental\\%`.*");
        assert_eq!(Scope::Beside("a_b".to_owned()).in_grant(&GrantRules::default()), "`a\\_b\\_\\_%`.*");
    }
}

//! Rights, and what they are held on.

use std::fmt;

use super::quote_name;

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
    Index,
    References,
    LockTables,
    CreateView,
    ShowView,
    Trigger,
    CreateRoutine,
    AlterRoutine,
    Execute,
    Event,
    /// Of MariaDB, since 11.3.
    ShowCreateRoutine,
    Reload,
    Process,
    ShowDatabases,
    Super,
    ReplicationClient,
    /// What REPLICATION CLIENT is called on MariaDB, since 10.5.
    BinlogMonitor,
    /// Of MariaDB, since 10.5.
    BinlogAdmin,
    /// Of MariaDB, since 10.5.
    SetUser,
    /// Of MySQL, since 8.0.
    BackupAdmin,
    /// Of MySQL, since 8.0.20.
    ShowRoutine,
    /// Of MySQL 8.0 and 8.1.
    SetUserId,
    /// Of MySQL, since 8.2.
    SetAnyDefiner,
    /// Of MySQL, since 8.2.
    AllowNonexistentDefiner,
    /// Of MySQL, since 8.0.14.
    SessionVariablesAdmin,
}

impl Right {
    /// What GRANT and SHOW GRANTS call it.
    pub fn name(self) -> &'static str {
        match self {
            Right::Select => "SELECT",
            Right::Insert => "INSERT",
            Right::Update => "UPDATE",
            Right::Delete => "DELETE",
            Right::Create => "CREATE",
            Right::Drop => "DROP",
            Right::Alter => "ALTER",
            Right::Index => "INDEX",
            Right::References => "REFERENCES",
            Right::LockTables => "LOCK TABLES",
            Right::CreateView => "CREATE VIEW",
            Right::ShowView => "SHOW VIEW",
            Right::Trigger => "TRIGGER",
            Right::CreateRoutine => "CREATE ROUTINE",
            Right::AlterRoutine => "ALTER ROUTINE",
            Right::Execute => "EXECUTE",
            Right::Event => "EVENT",
            Right::ShowCreateRoutine => "SHOW CREATE ROUTINE",
            Right::Reload => "RELOAD",
            Right::Process => "PROCESS",
            Right::ShowDatabases => "SHOW DATABASES",
            Right::Super => "SUPER",
            Right::ReplicationClient => "REPLICATION CLIENT",
            Right::BinlogMonitor => "BINLOG MONITOR",
            Right::BinlogAdmin => "BINLOG ADMIN",
            Right::SetUser => "SET USER",
            Right::BackupAdmin => "BACKUP_ADMIN",
            Right::ShowRoutine => "SHOW_ROUTINE",
            Right::SetUserId => "SET_USER_ID",
            Right::SetAnyDefiner => "SET_ANY_DEFINER",
            Right::AllowNonexistentDefiner => "ALLOW_NONEXISTENT_DEFINER",
            Right::SessionVariablesAdmin => "SESSION_VARIABLES_ADMIN",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a right is held on. As text, it is what GRANT takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The whole server.
    Server,
    /// A schema and everything in it.
    Schema(String),
    /// One table: schema and name.
    Table(String, String),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Server => f.write_str("*.*"),
            // The name is a pattern there.
            Scope::Schema(schema) => {
                let escaped = schema.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
                write!(f, "{}.*", quote_name(&escaped))
            }
            Scope::Table(schema, table) => write!(f, "{}.{}", quote_name(schema), quote_name(table)),
        }
    }
}

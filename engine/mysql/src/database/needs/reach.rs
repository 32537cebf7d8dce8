//! The schemas that an account should work on.

use crate::database::right::Scope;
use crate::database::{Connection, TableInfo, quote_text};
use engine_core::error::Result;

/// A schema to work on, and the contents that matter for rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Its name.
    pub schema: String,
    /// It has tables that are read under a lock.
    pub locked_tables: bool,
    /// It has views.
    pub views: bool,
    /// It has functions, procedures or packages.
    pub routines: bool,
    /// It has triggers.
    pub triggers: bool,
    /// It has scheduled events.
    pub events: bool,
    /// It has objects that other users defined, and that are made in their names.
    pub definers: bool,
}

impl Holding {
    /// A schema with unknown contents: it may hold everything.
    pub fn unknown(schema: &str) -> Self {
        Holding {
            schema: schema.to_owned(),
            locked_tables: true,
            views: true,
            routines: true,
            triggers: true,
            events: true,
            definers: true,
        }
    }
}

/// The part of a server that an account should work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// These schemas.
    Schemas(Vec<Holding>),
    /// All schemas: these, and any that the account does not see.
    Server(Vec<Holding>),
}

impl Reach {
    /// The schemas `names`, with unknown contents; if empty, all schemas.
    pub fn unknown(names: &[String]) -> Self {
        match names {
            [] => Reach::Server(Vec::new()),
            names => Reach::Schemas(names.iter().map(|name| Holding::unknown(name)).collect()),
        }
    }

    /// The contents of `schemas`, whose tables are `tables`, as the account sees them. If no schema was named, the
    /// whole server is meant.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn seen(
        connection: &mut Connection,
        named: &[String],
        schemas: &[String],
        tables: &[TableInfo],
    ) -> Result<Self> {
        let mut seen = Vec::with_capacity(schemas.len());
        for schema in schemas {
            let mut own = tables.iter().filter(|table| table.schema == *schema);
            let sql = format!(
                "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_TYPE = 'VIEW' LIMIT 1",
                quote_text(schema)
            );
            seen.push(Holding {
                locked_tables: own.any(TableInfo::is_locked),
                views: connection.value(&sql)?.is_some(),
                ..Holding::unknown(schema)
            });
        }
        Ok(if named.is_empty() { Reach::Server(seen) } else { Reach::Schemas(seen) })
    }

    /// The scopes to check rights on. If nothing is known of a server, this is the server as a whole.
    pub(super) fn places(&self) -> Vec<(Scope, Holding)> {
        match self {
            Reach::Server(seen) if seen.is_empty() => vec![(Scope::Server, Holding::unknown(""))],
            Reach::Server(seen) | Reach::Schemas(seen) => {
                seen.iter().map(|holding| (Scope::Schema(holding.schema.clone()), holding.clone())).collect()
            }
        }
    }
}

//! Which rights an account needs for what, what follows where one is lacking, and the statements that grant them.
//!
//! This is the only opinion about it: what is said before (`check`, `grants`) and what is done ask the same table.
//!
//! A server hides what an account may not see, without an error: without TRIGGER there are no triggers. So that no empty list is
//! taken for the truth, the rights are looked at, before anything is listed.

mod backup;
mod purge;
mod restore;

use std::collections::{BTreeMap, BTreeSet};

use super::privileges::Privileges;
use super::right::{Right, Scope};
use super::rules::GrantRules;
use super::{Connection, Server, TableInfo, quote_text};
use engine_core::error::Result;

/// What an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To read everything of schemas at one moment.
    Backup,
    /// To read users, roles and their grants; besides a backup.
    Accounts,
    /// To make schemas and everything in them.
    Restore,
    /// To make schemas and everything in them beside those that are there, and to put them in their place.
    Replace,
    /// To delete old rows.
    Purge,
    /// To delete old rows, and to rebuild their tables.
    Reclaim,
}

/// How much a right matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    /// Without it the work cannot be done, or would be wrong.
    Needed,
    /// Without it the work is done, and something is left out of it: it is named.
    Whole,
    /// Without it the work is whole, and less is known or possible.
    Useful,
}

/// A schema that is worked on, and what it holds as far as that matters for rights.
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
    /// It has something that others have defined, and that is made in their names.
    pub definers: bool,
}

impl Holding {
    /// A schema of which nothing more is known: it may hold everything.
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

/// What an account is to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// These schemas.
    Schemas(Vec<Holding>),
    /// All schemas: these, and any that the account does not see.
    Server(Vec<Holding>),
}

impl Reach {
    /// The schemas `names`, of which nothing more is known; none stands for all.
    pub fn unknown(names: &[String]) -> Self {
        match names {
            [] => Reach::Server(Vec::new()),
            names => Reach::Schemas(names.iter().map(|name| Holding::unknown(name)).collect()),
        }
    }

    /// What an account sees of `schemas`, whose tables are `tables`. Where no schema was named, all of the server is meant.
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

    /// Where rights are looked at. Of a server of which nothing is known they are looked at as a whole.
    fn places(&self) -> Vec<(Scope, Holding)> {
        match self {
            Reach::Server(seen) if seen.is_empty() => vec![(Scope::Server, Holding::unknown(""))],
            Reach::Server(seen) | Reach::Schemas(seen) => {
                seen.iter().map(|holding| (Scope::Schema(holding.schema.clone()), holding.clone())).collect()
            }
        }
    }
}

/// A right that an account lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRight {
    /// The right.
    pub right: Right,
    /// What it should be held on.
    pub on: Scope,
    /// What follows from its absence: a clause, as in "triggers of `shop` are not seen".
    pub consequence: String,
    /// Whether it can be done without.
    pub weight: Weight,
}

/// The rights that the account with `privileges` lacks for `purpose`, in the order of [`grant_statements`].
pub fn missing(privileges: &Privileges, server: &Server, purpose: Purpose, reach: &Reach) -> Vec<MissingRight> {
    let missing = needs(server, privileges.rules(), purpose, reach).into_iter().filter(|need| {
        let held = need.instead.iter().any(|(right, on)| privileges.has_on(*right, on));
        !held && !privileges.has_on(need.right, &need.on)
    });
    missing
        .map(|need| MissingRight { right: need.right, on: need.on, consequence: need.consequence, weight: need.weight })
        .collect()
}

/// The statements that grant the existing user `user`@`host` what `purpose` needs.
pub fn grant_statements(
    server: &Server,
    rules: &GrantRules,
    (purpose, reach): (Purpose, &Reach),
    (user, host): (&str, &str),
) -> Vec<String> {
    let mut scopes = Vec::new();
    let mut rights = BTreeMap::<Scope, Vec<&str>>::new();
    for need in needs(server, rules, purpose, reach) {
        let names = rights.entry(need.on.clone()).or_insert_with(|| {
            scopes.push(need.on);
            Vec::new()
        });
        names.push(need.right.name());
    }
    let account = format!("{}@{}", quote_text(user), quote_text(host));
    let statement = |on: &Scope| format!("GRANT {} ON {} TO {account}", rights[on].join(", "), on.in_grant(rules));
    scopes.iter().map(statement).collect()
}

/// A right that is needed, and why.
struct Need {
    right: Right,
    on: Scope,
    consequence: String,
    weight: Weight,
    /// Each of these does as well.
    instead: Vec<(Right, Scope)>,
}

impl Need {
    /// Without it the work cannot be done.
    fn new(right: Right, on: &Scope, consequence: impl Into<String>) -> Self {
        let (on, consequence) = (on.clone(), consequence.into());
        Need { right, on, consequence, weight: Weight::Needed, instead: Vec::new() }
    }

    fn weighs(self, weight: Weight) -> Self {
        Need { weight, ..self }
    }

    fn or(mut self, right: Right, on: Scope) -> Self {
        self.instead.push((right, on));
        self
    }
}

/// Each right on each scope once.
fn needs(server: &Server, rules: &GrantRules, purpose: Purpose, reach: &Reach) -> Vec<Need> {
    let places = reach.places();
    let mut needs = match purpose {
        Purpose::Backup => backup::needs(server, rules, reach),
        Purpose::Accounts => backup::accounts_needs(),
        Purpose::Restore => restore::needs(server, rules, &places),
        Purpose::Replace => restore::replace_needs(server, rules, places),
        Purpose::Purge => purge::needs(server, &places),
        Purpose::Reclaim => purge::reclaim_needs(server, &places),
    };
    let mut seen = BTreeSet::new();
    needs.retain(|need| seen.insert((need.right, need.on.clone())));
    needs
}

/// Where something is: a clause.
fn place(on: &Scope) -> String {
    match on {
        Scope::Server => "of the server".to_owned(),
        Scope::Schema(schema) => format!("of `{schema}`"),
        Scope::Beside(schema) => format!("beside `{schema}`"),
        Scope::Table(schema, table) => format!("of `{schema}`.`{table}`"),
    }
}

//! Which rights an account needs, what is not seen without each, and the statements that grant them.
//!
//! A server hides what an account may not see, without an error: without TRIGGER there are no triggers. So that no empty list is
//! taken for the truth, the rights are looked at, before anything is listed.

use std::collections::{BTreeMap, BTreeSet};

use super::privileges::Privileges;
use super::right::{Right, Scope};
use super::{Server, quote_text};

/// What an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To read everything of schemas at one moment.
    Backup,
    /// To read users, roles and their grants; besides a backup.
    Accounts,
    /// To make schemas and everything in them.
    Restore,
    /// To delete old rows.
    Purge,
    /// To delete old rows, and to rebuild their tables.
    Reclaim,
}

/// How much a right matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    /// Without it the work would be wrong or fail.
    Needed,
    /// Without it the work is done, and less is known or possible.
    Useful,
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

/// The rights that the account with `privileges` lacks to read all of `schemas`, in the order of [`grant_statements`]. No schemas
/// means all of the server, also those that the account does not see.
pub fn missing_for_backup(privileges: &Privileges, server: &Server, schemas: &[String]) -> Vec<MissingRight> {
    missing(privileges, server, Purpose::Backup, schemas)
}

/// As [`missing_for_backup`], for any purpose.
pub fn missing(privileges: &Privileges, server: &Server, purpose: Purpose, schemas: &[String]) -> Vec<MissingRight> {
    let missing = needs(server, purpose, schemas).into_iter().filter(|need| {
        let held = need.instead.iter().any(|(right, on)| privileges.has_on(*right, on));
        let matters = match need.when {
            When::Always => true,
            When::Binlog => privileges.has_binlog(),
            When::FunctionsGuarded => privileges.guards_functions(),
        };
        matters && !held && !privileges.has_on(need.right, &need.on)
    });
    missing
        .map(|need| MissingRight { right: need.right, on: need.on, consequence: need.consequence, weight: need.weight })
        .collect()
}

/// The statements that grant the existing user `user`@`host` what `purpose` needs on `schemas`; no schemas means all.
pub fn grant_statements(purpose: Purpose, server: &Server, user: &str, host: &str, schemas: &[String]) -> Vec<String> {
    let mut scopes = Vec::new();
    let mut rights = BTreeMap::<Scope, Vec<&str>>::new();
    for need in needs(server, purpose, schemas) {
        let names = rights.entry(need.on.clone()).or_insert_with(|| {
            scopes.push(need.on);
            Vec::new()
        });
        names.push(need.right.name());
    }
    let account = format!("{}@{}", quote_text(user), quote_text(host));
    scopes.iter().map(|on| format!("GRANT {} ON {on} TO {account}", rights[on].join(", "))).collect()
}

/// A right that is needed, and why.
struct Need {
    right: Right,
    on: Scope,
    consequence: String,
    weight: Weight,
    /// Each of these does as well.
    instead: Vec<(Right, Scope)>,
    /// When it matters at all.
    when: When,
}

/// When a right matters: on which servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// The server writes a binary log.
    Binlog,
    /// And it trusts not everybody to make functions that are safe there.
    FunctionsGuarded,
}

impl Need {
    fn new(right: Right, on: &Scope, consequence: impl Into<String>) -> Self {
        let (on, consequence) = (on.clone(), consequence.into());
        Need { right, on, consequence, weight: Weight::Needed, instead: Vec::new(), when: When::Always }
    }

    fn useful(self) -> Self {
        Need { weight: Weight::Useful, ..self }
    }

    fn or(mut self, right: Right, on: Scope) -> Self {
        self.instead.push((right, on));
        self
    }

    fn when(self, when: When) -> Self {
        Need { when, ..self }
    }
}

/// Each right on each scope once.
fn needs(server: &Server, purpose: Purpose, schemas: &[String]) -> Vec<Need> {
    let mut scopes: Vec<Scope> = schemas.iter().cloned().map(Scope::Schema).collect();
    if scopes.is_empty() {
        scopes.push(Scope::Server);
    }
    let mut needs = match purpose {
        Purpose::Backup => backup_needs(server, &scopes),
        Purpose::Accounts => accounts_needs(),
        Purpose::Restore => restore_needs(server, &scopes),
        Purpose::Purge => purge_needs(&scopes),
        Purpose::Reclaim => reclaim_needs(&scopes),
    };
    let mut seen = BTreeSet::new();
    needs.retain(|need| seen.insert((need.right, need.on.clone())));
    needs
}

fn backup_needs(server: &Server, scopes: &[Scope]) -> Vec<Need> {
    let mut needs = Vec::new();
    for on in scopes {
        let of = place(on);
        needs.push(Need::new(Right::Select, on, format!("tables {of} are not seen, or cannot be read")));
        needs.push(Need::new(Right::LockTables, on, format!("tables {of} cannot be locked for the moment")));
        needs.push(Need::new(Right::ShowView, on, format!("views {of} are seen without their definitions")));
        needs.push(Need::new(Right::Trigger, on, format!("triggers {of} are not seen")));
        needs.push(Need::new(Right::Event, on, format!("events {of} are not seen")));
        needs.push(routine_need(server, on));
    }
    let whole = &Scope::Server;
    if scopes.contains(whole) {
        needs.push(Need::new(Right::ShowDatabases, whole, "schemas are not seen"));
    }
    if server.has_backup_stages() {
        let consequence = "tables without transactions are locked one by one, or one session alone reads";
        needs.push(Need::new(Right::Reload, whole, consequence).useful());
    }
    let consequence = "who waits for locks is not seen: none is held for longer than somebody may wait";
    needs.push(Need::new(Right::Process, whole, consequence).useful());
    needs.push(binlog_need(server, "the place in the binary log is not recorded").when(When::Binlog));
    needs
}

/// What shows the bodies of routines. Before it had a name, it was the right to read the table that they are in.
fn routine_need(server: &Server, on: &Scope) -> Need {
    let table = Scope::Table("mysql".to_owned(), "proc".to_owned());
    let consequence = "functions and procedures are not seen, or without their bodies";
    if server.is_mariadb_from((11, 3, 0)) {
        let consequence = format!("functions and procedures {} are not seen, or without their bodies", place(on));
        return Need::new(Right::ShowCreateRoutine, on, consequence).or(Right::Select, table);
    }
    if server.is_mysql_from((8, 0, 20)) {
        return Need::new(Right::ShowRoutine, &Scope::Server, consequence).or(Right::Select, Scope::Server);
    }
    if server.is_mysql_from((8, 0, 0)) {
        return Need::new(Right::Select, &Scope::Server, consequence);
    }
    Need::new(Right::Select, &table, consequence)
}

fn binlog_need(server: &Server, consequence: &str) -> Need {
    if server.is_mariadb_from((10, 5, 2)) {
        return Need::new(Right::BinlogMonitor, &Scope::Server, consequence);
    }
    Need::new(Right::ReplicationClient, &Scope::Server, consequence).or(Right::Super, Scope::Server)
}

fn accounts_needs() -> Vec<Need> {
    let tables = Scope::Schema("mysql".to_owned());
    vec![Need::new(Right::Select, &tables, "users, roles and their grants are not seen")]
}

fn restore_needs(server: &Server, scopes: &[Scope]) -> Vec<Need> {
    use Right as R;
    let mut needs = Vec::new();
    for on in scopes {
        let of = place(on);
        for right in [
            R::Select,
            R::Insert,
            R::Update,
            R::Delete,
            R::Create,
            R::Drop,
            R::Alter,
            R::Index,
            R::References,
            R::LockTables,
        ] {
            needs.push(Need::new(right, on, format!("tables {of} cannot be made and filled")));
        }
        for right in [R::CreateView, R::ShowView] {
            needs.push(Need::new(right, on, format!("views {of} cannot be made")));
        }
        for right in [R::CreateRoutine, R::AlterRoutine, R::Execute] {
            needs.push(Need::new(right, on, format!("functions and procedures {of} cannot be made")));
        }
        needs.push(Need::new(R::Trigger, on, format!("triggers {of} cannot be made")));
        needs.push(Need::new(R::Event, on, format!("events {of} cannot be made")));
    }
    needs.extend(definer_needs(server));
    let guarded = "functions and triggers cannot be made while the server writes a binary log";
    needs.push(Need::new(R::Super, &Scope::Server, guarded).when(When::FunctionsGuarded));
    needs
}

/// What it takes to make things in the names of others, and to keep them out of the binary log.
fn definer_needs(server: &Server) -> Vec<Need> {
    let need = |right, consequence: &str| Need::new(right, &Scope::Server, consequence);
    let or_super = |need: Need| need.or(Right::Super, Scope::Server);
    let definers = "what other users have defined cannot be made in their names";
    let unlogged = "what is restored is written to the binary log";
    if server.is_mariadb_from((11, 0, 1)) {
        let unlogged = need(Right::BinlogAdmin, unlogged).useful().when(When::Binlog);
        return vec![need(Right::SetUser, definers), unlogged];
    }
    if server.is_mariadb_from((10, 5, 2)) {
        let unlogged = need(Right::BinlogAdmin, unlogged).useful().when(When::Binlog);
        return vec![or_super(need(Right::SetUser, definers)), or_super(unlogged)];
    }
    if server.is_mariadb() || !server.is_mysql_from((8, 0, 14)) {
        return vec![need(Right::Super, definers)];
    }
    let unlogged = or_super(need(Right::SessionVariablesAdmin, unlogged).useful().when(When::Binlog));
    if server.is_mysql_from((8, 2, 0)) {
        let nobody = "what users have defined that are not there cannot be made in their names";
        let (any, nobody) = (need(Right::SetAnyDefiner, definers), need(Right::AllowNonexistentDefiner, nobody));
        return vec![any, nobody, unlogged];
    }
    vec![or_super(need(Right::SetUserId, definers)), unlogged]
}

fn purge_needs(scopes: &[Scope]) -> Vec<Need> {
    let mut needs = vec![Need::new(
        Right::Process,
        &Scope::Server,
        "foreign keys of other schemas, by which their rows go too, are not seen",
    )];
    for on in scopes {
        needs.push(Need::new(Right::Select, on, format!("rows {} cannot be compared with the snapshot", place(on))));
        needs.push(Need::new(Right::Delete, on, format!("rows {} cannot be deleted", place(on))));
        needs.push(Need::new(Right::LockTables, on, format!("tables {} cannot be locked", place(on))));
        needs.push(Need::new(Right::Trigger, on, format!("triggers {} that run on deletions are not seen", place(on))));
    }
    needs
}

fn reclaim_needs(scopes: &[Scope]) -> Vec<Need> {
    let insert = |on: &Scope| Need::new(Right::Insert, on, format!("tables {} cannot be rebuilt", place(on)));
    let mut needs = purge_needs(scopes);
    needs.extend(scopes.iter().map(insert));
    needs
}

/// Where something is: a clause.
fn place(on: &Scope) -> String {
    match on {
        Scope::Server => "of the server".to_owned(),
        Scope::Schema(schema) => format!("of `{schema}`"),
        Scope::Table(schema, table) => format!("of `{schema}`.`{table}`"),
    }
}

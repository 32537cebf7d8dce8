//! Which rights an account needs for what, what follows where one is lacking, and the statements that grant them.
//!
//! This is the only opinion about it: what is said before (`check`, `grants`) and what is done ask the same table.
//!
//! A server hides what an account may not see, without an error: without TRIGGER there are no triggers. So that no empty list is
//! taken for the truth, the rights are looked at, before anything is listed.

mod backup;
mod need;
mod purge;
mod reach;
mod restore;

use std::collections::{BTreeMap, BTreeSet};

use super::privileges::Privileges;
use super::right::{Right, Scope};
use super::rules::GrantRules;
use super::{Server, quote_text};

use need::Need;
pub use need::Weight;
pub use reach::{Holding, Reach};

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

//! The rights that an account needs for each purpose, the consequence of lacking one, and the statements that grant
//! them.
//!
//! Only this module decides about rights: `check` and `grants` ask the same table as the operations themselves.
//!
//! A server hides objects that an account may not see, without an error: without TRIGGER there are no triggers. So the
//! rights are checked before anything is listed; otherwise an empty list would pass for the truth.

mod backup;
mod need;
mod purge;
mod reach;
mod restore;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::privileges::Privileges;
use super::right::{Right, Scope};
use super::rules::GrantRules;
use super::{Server, quote_text};

use need::Need;
pub use need::Weight;
pub use reach::{Holding, Reach};

/// The purpose of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To read everything of schemas at one moment.
    Backup,
    /// To read users, roles and their grants; besides a backup.
    Accounts,
    /// To make schemas and everything in them.
    Restore,
    /// To make schemas and everything in them next to the existing ones, and to swap them.
    Replace,
    /// To delete old rows.
    Purge,
    /// To delete old rows, and to rebuild their tables.
    Reclaim,
    /// To read the binary log, which has the changes of all schemas.
    Watch,
}

/// A right that an account lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRight {
    /// The right.
    pub right: Right,
    /// The scope that it should be held on.
    pub on: Scope,
    /// The consequence of its absence: a clause, as in "triggers of `shop` are not seen".
    pub consequence: String,
    /// Whether the work can do without it.
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

/// An account, by its user and the host that it may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountName<'a> {
    /// The user.
    pub user: &'a str,
    /// The host; `%` is any.
    pub host: &'a str,
}

impl fmt::Display for AccountName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", quote_text(self.user), quote_text(self.host))
    }
}

/// The statements that grant the existing `account` the rights for `purpose`.
pub fn grant_statements(
    server: &Server,
    rules: &GrantRules,
    purpose: Purpose,
    reach: &Reach,
    account: AccountName<'_>,
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
    let statement = |on: &Scope| format!("GRANT {} ON {} TO {account}", rights[on].join(", "), on.in_grant(rules));
    scopes.iter().map(statement).collect()
}

/// Each right on each scope, once.
fn needs(server: &Server, rules: &GrantRules, purpose: Purpose, reach: &Reach) -> Vec<Need> {
    let places = reach.places();
    let mut needs = match purpose {
        Purpose::Backup => backup::needs(server, rules, reach),
        Purpose::Accounts => backup::accounts_needs(),
        Purpose::Restore => restore::needs(server, rules, &places),
        Purpose::Replace => restore::replace_needs(server, rules, places),
        Purpose::Purge => purge::needs(server, &places),
        Purpose::Reclaim => purge::reclaim_needs(server, &places),
        Purpose::Watch => watch::needs(server),
    };
    let mut seen = BTreeSet::new();
    needs.retain(|need| seen.insert((need.right, need.on.clone())));
    needs
}

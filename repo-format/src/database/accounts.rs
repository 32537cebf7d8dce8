//! The record of users and roles.

use minicbor::{Decode, Encode};

pub(super) const WHAT: &str = "accounts record";

/// Users, roles and what they may do: statements in the order in which they must be run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct AccountsRecord {
    /// Each user or role.
    #[n(0)]
    pub accounts: Vec<Account>,
}

/// A user or role.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Account {
    /// `'user'@'host'`, or the name of a role.
    #[n(0)]
    pub name: String,
    /// The statement that makes it.
    #[n(1)]
    pub create: String,
    /// The statements that say what it may do.
    #[n(2)]
    pub grants: Vec<String>,
}

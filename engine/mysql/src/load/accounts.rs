//! Makes the users, roles and grants of a snapshot.

use std::collections::BTreeSet;

use repo_format::database::{Account, Flavour};

use super::grants::{self, Granted};
use super::login::{Native, login_for};
use super::run::Run;
use crate::database::{Connection, error_code, is_lost};
use engine_core::error::{Result, chain};

/// The account is there already: as an error, and as a warning at IF NOT EXISTS.
const EXISTS: [u16; 4] = [1396, 3162, 1973, 3163];
/// MariaDB's name for everybody.
const EVERYBODY: &str = "PUBLIC";

/// Makes missing accounts, with their grants. Leaves existing accounts as they are: the statements could change their
/// passwords.
///
/// # Errors
/// If the accounts cannot be read, or the connection is lost.
pub fn make(run: &Run<'_>, connection: &mut Connection) -> Result<()> {
    let Some(record) = run.source.accounts()? else {
        run.tally.problem("accounts", "all", "the snapshot has no users and grants: they were not saved");
        return Ok(());
    };
    let carrier = Carrier::new(run, connection, &record.accounts)?;
    for account in &record.accounts {
        run.check()?;
        let Carried { account: carried, left_out } = carrier.carried(account);
        if !is_made(run, connection, &carried)? {
            continue;
        }
        // An existing account is left alone, so nothing of it is missed.
        left_out.iter().for_each(|sentence| run.tally.problem("accounts", &account.name, sentence));
        for grant in &carried.grants {
            if let Err(error) = connection.run(grant) {
                settle(run, account, error.context("cannot give the account its rights"))?;
            }
        }
    }
    Ok(())
}

/// An account as the target takes it.
struct Carried {
    account: Account,
    /// Differences from the snapshot, as sentences.
    left_out: Vec<String>,
}

impl Carried {
    fn give(&mut self, granted: Granted) {
        self.account.grants.extend(granted.sql);
        self.left_out.extend(granted.left_out);
    }
}

/// How accounts come to the target.
struct Carrier<'r> {
    run: &'r Run<'r>,
    /// The source is of the other family.
    is_foreign: bool,
    native: Native,
    /// Accounts of MySQL that others have as a role, as grants write them.
    roles: BTreeSet<String>,
}

impl<'r> Carrier<'r> {
    fn new(run: &'r Run<'_>, connection: &mut Connection, accounts: &[Account]) -> Result<Self> {
        let target = &run.target.server;
        let was_mariadb = run.source.server().flavour == Flavour::MariaDb;
        let sql = "SELECT 1 FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'mysql_native_password' AND PLUGIN_STATUS = 'ACTIVE'";
        let native = if connection.value(sql)?.is_some() { Native::Taken } else { Native::Refused };
        let grants = accounts.iter().flat_map(|account| &account.grants);
        let granted = grants.filter(|grant| !grant.contains(" ON ")).filter_map(|grant| {
            let (roles, _) = grant.strip_prefix("GRANT ")?.split_once(" TO ")?;
            Some(roles.split(',').map(str::to_owned).collect::<Vec<_>>())
        });
        let roles = if was_mariadb { BTreeSet::new() } else { granted.flatten().collect() };
        Ok(Carrier { run, is_foreign: was_mariadb != target.is_mariadb(), native, roles })
    }

    /// The account with its grants as the target takes them.
    fn carried(&self, account: &Account) -> Carried {
        let mut carried = Carried { account: account.clone(), left_out: Vec::new() };
        if self.is_foreign {
            self.translate(&mut carried);
        }
        for grant in std::mem::take(&mut carried.account.grants) {
            carried.give(grants::renamed(&grant, self.run.renaming));
        }
        carried
    }

    fn translate(&self, carried: &mut Carried) {
        let target = &self.run.target.server;
        let account = &mut carried.account;
        let written =
            account.create.strip_prefix("CREATE USER ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
        let is_role = written.as_ref().is_some_and(|written| self.roles.contains(written));
        if is_role && target.is_mariadb() {
            account.create = format!("CREATE ROLE {}", self.bare_roles(written.as_deref().unwrap_or_default()));
        } else if let Some(login) = login_for(&account.create, target, self.native) {
            account.create = login.create;
            if login.is_locked {
                let message = "its password means nothing to the server: the account is made locked, until ALTER USER gives it a new one";
                carried.left_out.push(message.to_owned());
            }
        }
        for grant in std::mem::take(&mut carried.account.grants) {
            let granted = grants::translated(&self.bare_roles(&grant), target);
            let sql = granted.sql.map(|sql| if target.is_mariadb() { sql } else { default_role(&sql) });
            carried.give(Granted { sql, ..granted });
        }
    }

    /// A statement with roles as MariaDB writes them: without a host.
    fn bare_roles(&self, statement: &str) -> String {
        let mut bare = statement.to_owned();
        if self.run.target.server.is_mariadb() {
            for role in &self.roles {
                let name = role.rsplit_once('@').map_or(role.as_str(), |(name, _)| name);
                bare = bare.replace(role.as_str(), name);
            }
        }
        bare
    }
}

/// `SET DEFAULT ROLE r FOR account` in the words of MySQL.
fn default_role(sql: &str) -> String {
    match sql.strip_prefix("SET DEFAULT ROLE ").and_then(|rest| rest.split_once(" FOR ")) {
        Some((role, account)) => format!("SET DEFAULT ROLE {role} TO {account}"),
        None => sql.to_owned(),
    }
}

fn is_made(run: &Run<'_>, connection: &mut Connection, account: &Account) -> Result<bool> {
    if account.name == EVERYBODY && !run.target.server.is_mariadb() {
        run.tally.problem("accounts", EVERYBODY, "rights of everybody are not given: MySQL has none");
        return Ok(false);
    }
    let is_there = match connection.run(&account.create) {
        Err(error) if error_code(&error).is_some_and(|code| EXISTS.contains(&code)) => true,
        Err(error) => {
            settle(run, account, error.context("cannot make the account"))?;
            return Ok(false);
        }
        Ok(()) => warns_that_it_exists(connection)?,
    };
    if is_there {
        run.monitor.note(&format!("account {} is there already, and is left as it is", account.name));
    }
    Ok(!is_there)
}

/// Other warnings are about ways to log in that are to go.
fn warns_that_it_exists(connection: &mut Connection) -> Result<bool> {
    if connection.warning_count() == 0 {
        return Ok(false);
    }
    let rows = connection.rows("SHOW WARNINGS")?;
    let codes = rows.into_iter().filter_map(|row| row.into_iter().nth(1).flatten());
    Ok(codes.filter_map(|code| String::from_utf8_lossy(&code).parse().ok()).any(|code| EXISTS.contains(&code)))
}

fn settle(run: &Run<'_>, account: &Account, error: engine_core::Error) -> Result<()> {
    if is_lost(&error) {
        return Err(error);
    }
    run.tally.problem("accounts", &account.name, &chain(&error));
    Ok(())
}

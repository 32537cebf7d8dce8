//! Users, roles and grants of a snapshot.

use repo_format::database::Account;

use super::run::Run;
use crate::database::Connection;
use crate::error::{Result, chain};

/// The account is there already.
const EXISTS: [u16; 2] = [1396, 3162];

/// Makes the accounts that are not there, and gives all of them their grants. Those that are there keep their passwords.
///
/// # Errors
/// If the accounts cannot be read, or the connection is lost.
pub fn make(run: &Run<'_>, connection: &mut Connection) -> Result<()> {
    let Some(record) = run.source.accounts()? else {
        run.tally.problem("accounts", "all", "the snapshot has no users and grants: they were not saved");
        return Ok(());
    };
    for account in &record.accounts {
        run.check()?;
        let mut statements = vec![&account.create];
        statements.extend(&account.grants);
        for statement in statements.into_iter().filter(|statement| !statement.is_empty()) {
            apply(run, connection, account, statement)?;
        }
    }
    Ok(())
}

fn apply(run: &Run<'_>, connection: &mut Connection, account: &Account, statement: &str) -> Result<()> {
    match connection.run(statement) {
        Err(error) if crate::database::is_lost(&error) => Err(error),
        Err(error) if crate::database::error_code(&error).is_some_and(|code| EXISTS.contains(&code)) => {
            run.monitor.note(&format!("account {} is there already, and keeps its password", account.name));
            Ok(())
        }
        Err(error) => {
            run.tally.problem("accounts", &account.name, &chain(&error));
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

//! Users, roles and grants of a snapshot.

use repo_format::database::Account;

use super::run::Run;
use crate::database::{Connection, error_code, is_lost};
use crate::error::{Result, chain};

/// The account is there already: as an error, and as a warning at IF NOT EXISTS.
const EXISTS: [u16; 4] = [1396, 3162, 1973, 3163];

/// Makes the accounts that are not there, with their grants. Those that are there are left as they are: their statements could
/// change their passwords.
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
        if !is_made(run, connection, account)? {
            continue;
        }
        for grant in &account.grants {
            if let Err(error) = connection.run(grant) {
                settle(run, account, error.context("cannot give the account its rights"))?;
            }
        }
    }
    Ok(())
}

fn is_made(run: &Run<'_>, connection: &mut Connection, account: &Account) -> Result<bool> {
    let is_there = match connection.run(&account.create) {
        Err(error) if error_code(&error).is_some_and(|code| EXISTS.contains(&code)) => true,
        Err(error) => {
            settle(run, account, error.context("cannot make the account"))?;
            return Ok(false);
        }
        Ok(()) => connection.warning_count() > 0,
    };
    if is_there {
        run.monitor.note(&format!("account {} is there already, and is left as it is", account.name));
    }
    Ok(!is_there)
}

fn settle(run: &Run<'_>, account: &Account, error: crate::Error) -> Result<()> {
    if is_lost(&error) {
        return Err(error);
    }
    run.tally.problem("accounts", &account.name, &chain(&error));
    Ok(())
}

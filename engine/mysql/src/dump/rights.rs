//! Checks the account's rights before anything is read: objects that it cannot see look absent, as triggers do.

use repo_format::database::LeftOut;

use super::source::DatabaseSource;
use crate::database::{MissingRight, Privileges, Purpose, Reach, Scope, Server, Weight, missing};
use engine_core::error::{Error, ErrorKind, Result};

/// The kind for everything of unknown name that is omitted.
const REST: &str = "rest";
/// Its name, and that of a schema which is not known.
const ALL: &str = "*";

/// Compares the rights of the account with what saving `source`, which is `reach`, takes. Gives what it does not see.
///
/// # Errors
/// [`ErrorKind::PermissionDenied`] if the backup could not be made, or would be wrong.
pub(super) fn check(
    server: &Server,
    privileges: &Privileges,
    source: &DatabaseSource,
    reach: &Reach,
) -> Result<Vec<LeftOut>> {
    let mut lacking = missing(privileges, server, Purpose::Backup, reach);
    if source.with_accounts {
        lacking.extend(missing(privileges, server, Purpose::Accounts, reach));
    }
    let of = |weight| lacking.iter().filter(move |missing| missing.weight == weight);
    let needed: Vec<_> = of(Weight::Needed).map(describe).collect();
    if !needed.is_empty() {
        let message = format!("the account lacks rights that a backup needs: {}", needed.join("; "));
        return Err(Error::new(ErrorKind::PermissionDenied, message));
    }
    Ok(of(Weight::Whole).map(unseen).collect())
}

fn describe(missing: &MissingRight) -> String {
    format!("{} on {}: {}", missing.right, missing.on, missing.consequence)
}

fn unseen(missing: &MissingRight) -> LeftOut {
    let schema = match &missing.on {
        Scope::Schema(schema) => schema,
        Scope::Server | Scope::Beside(_) | Scope::Table(..) => ALL,
    };
    let why = format!("{} (the account lacks {} on {})", missing.consequence, missing.right, missing.on);
    LeftOut { schema: schema.to_owned(), name: ALL.to_owned(), what: REST.to_owned(), why }
}

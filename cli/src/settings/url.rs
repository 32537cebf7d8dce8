//! The URL of a database server, in which no password may stand.

use engine::database::AddressParts;
use engine::{Error, ErrorKind, Result};

/// Reads a URL in which no password may stand.
///
/// # Errors
/// [`ErrorKind::Usage`]; the message holds no password.
pub fn parse_url(url: &str) -> Result<AddressParts> {
    let parts = AddressParts::from_url(url)?;
    match parts.password {
        None => Ok(parts),
        Some(_) => Err(Error::new(
            ErrorKind::Usage,
            "the URL of the database holds a password, which others can see, in the list of processes for one; use \
             --database-password-file, --defaults-file or ENAMEL_DB_PASSWORD",
        )
        .with_hint("Put the password into a file that only you can read, and name it with --database-password-file.")),
    }
}
